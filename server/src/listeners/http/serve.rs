//! RFC 9112, RFC 9113: connections that speak HTTP/1.1 or HTTP/2, within limits, and their end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Http;
use super::body::Arriving;
use super::forwarded::{Asker, asker};
use super::patient::Patient;
use super::site::{Request, Response, says};
use crate::listeners::c2s::Peer;

/// Bytes of a head, and of what is buffered.
const HEAD_BYTES: usize = 16 * 1024;
/// Lines of a head.
const HEADERS: usize = 64;
/// Requests of one HTTP/2 connection at the same time.
const STREAMS: u32 = 32;
/// How often a connection without requests is looked at; the second time it is closed.
const IDLE: Duration = Duration::from_secs(30);
/// How long a connection that is told to end may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// What every answer says unless its site says otherwise.
const DEFAULTS: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ),
];

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1.
    One,
    /// HTTP/2.
    Two,
}

/// Serves one connection to its end. `is_private` says whether it is TLS's.
pub async fn serve<S>(http: Arc<Http>, speaks: Speaks, peer: Peer, is_private: bool, socket: S)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (patience, head) = (http.c2s.settings().write_timeout, http.c2s.settings().head_timeout);
    let io = TokioIo::new(Patient::new(socket, patience));
    let busy = Arc::new(());
    let service = {
        let (http, busy, address) = (http.clone(), busy.clone(), peer.address);
        service_fn(move |request| {
            let (http, busy) = (http.clone(), busy.clone());
            async move { Ok::<_, Infallible>(answer(&http, request, (address, is_private), busy).await) }
        })
    };
    match speaks {
        Speaks::One => {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(head)
                .max_buf_size(HEAD_BYTES)
                .max_headers(HEADERS)
                .serve_connection(io, service)
                .with_upgrades();
            let tell =
                |connection: Pin<&mut http1::UpgradeableConnection<_, _>>| connection.graceful_shutdown();
            live(&http, connection, tell, &busy).await;
        }
        Speaks::Two => {
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(STREAMS)
                .max_header_list_size(HEAD_BYTES as u32)
                .keep_alive_interval(IDLE)
                .serve_connection(io, service);
            let tell = |connection: Pin<&mut http2::Connection<_, _, _>>| connection.graceful_shutdown();
            live(&http, connection, tell, &busy).await;
        }
    }
    tracing::debug!(conn = peer.number, "HTTP connection ended");
}

/// Until the other side is done, has nothing to ask for a while, or the server stops.
async fn live<C: Future>(http: &Http, connection: C, tell: impl Fn(Pin<&mut C>), busy: &Arc<()>) {
    let mut closing = http.c2s.closing.subscribe();
    let mut connection = std::pin::pin!(connection);
    // Two are the connection's own: ours and its service's.
    let is_idle = || Arc::strong_count(busy) <= 2;
    let enough = async {
        let mut idle = 0;
        while idle < 2 {
            tokio::time::sleep(IDLE).await;
            idle = if is_idle() { idle + 1 } else { 0 };
        }
    };
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = closing.wait_for(|closing| *closing) => {}
        () = enough => {}
    }
    tell(connection.as_mut());
    // What is being answered gets its answer, if that is soon.
    let _ = tokio::time::timeout(FAREWELL, connection).await;
}

async fn answer(
    http: &Http,
    mut request: hyper::Request<Incoming>,
    (address, is_private): (SocketAddr, bool),
    busy: Arc<()>,
) -> Response {
    let connection = Asker { peer: address, is_private, is_forwarded: false };
    let asker = asker(connection, request.headers(), &http.proxies, http.forwarded);
    let upgrade = request.headers().contains_key(header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
    let (head, incoming) = request.into_parts();
    let mut response = match http.sites.find(head.uri.path()) {
        // RFC 9112 §3.2: a request without a host is no request.
        _ if head.version < Version::HTTP_2 && !head.headers.contains_key(header::HOST) => {
            says(StatusCode::BAD_REQUEST, "Which host?")
        }
        None => says(StatusCode::NOT_FOUND, "There is nothing here."),
        Some(site) => {
            let is_local = !asker.is_forwarded && address.ip().to_canonical().is_loopback();
            let (peer, is_private) = (asker.peer, asker.is_private);
            let body = Arriving::new(incoming);
            site.answer(Request { head, body, peer, is_private, is_local, upgrade }).await
        }
    };
    for (name, value) in DEFAULTS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response.body_mut().hold(busy);
    response
}
