//! XEP-0368, RFC 7301: doors, and who comes through which.

use std::sync::Arc;
use std::time::Duration;

use rialto_xmpp::stream::Header;
use rialto_xmpp::{StreamCondition, StreamError, ns};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::c2s::negotiate::Channel;
use super::c2s::{C2s, Peer};
use super::http::Http;
use super::http::serve::{Speaks, serve};
use super::tls::{ALPN_HTTP_1, ALPN_HTTP_2, ALPN_SERVER};
use crate::config::Port;
use crate::random;

/// How a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// In the clear; TLS is asked for (RFC 6120 §5).
    StartTls,
    /// With TLS (XEP-0368).
    Direct,
    /// With TLS, and ALPN says for whom.
    Shared,
    /// HTTP in the clear, for a reverse proxy.
    Http,
    /// HTTP with TLS.
    Https,
}

/// How long a handshake may take where nothing but HTTP may follow.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// How long another server has to read why it is not let in.
const LINGER: Duration = Duration::from_secs(2);

impl Door {
    /// As the configuration calls it.
    pub fn port(self) -> Port {
        match self {
            Door::StartTls => Port::StartTls,
            Door::Direct => Port::Tls,
            Door::Shared => Port::Shared,
            Door::Http => Port::Http,
            Door::Https => Port::Https,
        }
    }

    /// Whether the first thing through it is HTTP, whose headers may name another asker.
    pub fn is_http(self) -> bool {
        matches!(self, Door::Http | Door::Https)
    }

    /// Whoever came through is served until they go, or as far as another task takes over.
    pub async fn lead(self, c2s: Arc<C2s>, http: Arc<Http>, peer: Peer, tcp: TcpStream) {
        match self {
            Door::StartTls => c2s.serve_starttls(peer, tcp).await,
            Door::Direct => c2s.serve_direct(peer, tcp).await,
            Door::Http => Box::pin(serve(http, Speaks::One, peer, false, tcp)).await,
            Door::Https => Box::pin(https(c2s, http, peer, tcp)).await,
            Door::Shared => Box::pin(shared(c2s, http, peer, tcp)).await,
        }
    }
}

async fn https(c2s: Arc<C2s>, http: Arc<Http>, peer: Peer, tcp: TcpStream) {
    let config = c2s.tls.current().web.clone();
    let Some(tls) = handshake(&c2s, config, tcp).await else { return };
    let speaks = if alpn(&tls) == Some(ALPN_HTTP_2) { Speaks::Two } else { Speaks::One };
    serve(http, speaks, peer, true, tls).await;
}

/// One port for all. Without ALPN it is a client of XMPP: every browser has ALPN.
async fn shared(c2s: Arc<C2s>, http: Arc<Http>, peer: Peer, tcp: TcpStream) {
    let generation = c2s.tls.current();
    let Some(tls) = handshake(&c2s, generation.shared.clone(), tcp).await else { return };
    match alpn(&tls) {
        Some(ALPN_HTTP_2) => serve(http, Speaks::Two, peer, true, tls).await,
        Some(ALPN_HTTP_1) => serve(http, Speaks::One, peer, true, tls).await,
        Some(ALPN_SERVER) => refuse_server(&c2s, tls).await,
        _ => {
            let channel = Channel::of(&generation, &tls);
            c2s.serve_secured(peer, tls, channel).await;
        }
    }
}

async fn handshake(
    c2s: &C2s,
    config: Arc<ServerConfig>,
    tcp: TcpStream,
) -> Option<Box<TlsStream<TcpStream>>> {
    let mut closing = c2s.closing.subscribe();
    let handshake = TlsAcceptor::from(config).accept(tcp);
    tokio::select! {
        handshake = timeout(HANDSHAKE, handshake) => handshake.ok()?.ok().map(Box::new),
        _ = closing.wait_for(|closing| *closing) => None,
    }
}

fn alpn(tls: &TlsStream<TcpStream>) -> Option<&[u8]> {
    tls.get_ref().1.alpn_protocol()
}

/// RFC 6120 §4.9.3.14: this server keeps to itself, and says so.
async fn refuse_server(c2s: &C2s, mut tls: Box<TlsStream<TcpStream>>) {
    let header = Header {
        from: Some(c2s.domain.to_string()),
        id: Some(random::token()),
        version: Some("1.0".to_owned()),
        ..Header::default()
    };
    let mut out = Vec::with_capacity(512);
    header.write(ns::SERVER, &mut out);
    let text = "This server does not talk to other servers.";
    StreamError::new(StreamCondition::PolicyViolation, text).write(&mut out);
    let last_words = async {
        tls.write_all(&out).await?;
        tls.shutdown().await?;
        // What it said meanwhile must not reset the connection under our words.
        let mut rest = [0; 2048];
        while tls.read(&mut rest).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    let _ = timeout(LINGER, last_words).await;
}
