//! RFC 7395 §3.1, RFC 6455 §4.2: `/xmpp-websocket`, where a request becomes a client's stream.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Method, StatusCode};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::time::timeout;

use super::body::Body;
use super::site::{Answer, Request, Response, Site, says};
use crate::listeners::c2s::negotiate::Channel;
use crate::listeners::c2s::sasl::offer::Bindings;
use crate::listeners::c2s::{C2s, Peer};
use crate::listeners::next_number;
use stream::WebStream;

mod metered;
mod stream;

/// Where it is; XEP-0156 tells everybody.
pub const PATH: &str = "/xmpp-websocket";

/// RFC 6455 §1.3.
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// How long a connection may take to become a WebSocket after we agreed.
const UPGRADE: Duration = Duration::from_secs(10);

/// Makes WebSockets.
pub struct WebSocket {
    c2s: Arc<C2s>,
}

impl WebSocket {
    /// Whose streams are these clients'.
    pub fn new(c2s: &Arc<C2s>) -> WebSocket {
        WebSocket { c2s: c2s.clone() }
    }

    fn open(&self, request: Request) -> Response {
        let key = match handshake(&request.head) {
            Ok(key) => key,
            Err(refusal) => return *refusal,
        };
        let Some(upgrade) = request.upgrade else {
            return says(StatusCode::BAD_REQUEST, "This connection cannot become a WebSocket.");
        };
        if !request.is_private && !request.is_local {
            return says(StatusCode::FORBIDDEN, "Only over TLS: use wss, and let your proxy say so.");
        }
        let Ok(pass) = self.c2s.gate.admit(request.peer.ip(), &self.c2s.settings()) else {
            return says(StatusCode::SERVICE_UNAVAILABLE, "Too many connections.");
        };
        let peer = Peer { number: next_number(), address: request.peer, pass };
        tracing::debug!(conn = peer.number, peer = %peer.address, "a WebSocket");
        // Browsers know nothing of channel bindings, and behind a proxy ours would be another's.
        let channel = Channel { bindings: Bindings::default(), is_private: request.is_private };
        tokio::spawn(begin(self.c2s.clone(), peer, channel, upgrade));
        agreed(&key)
    }
}

impl Site for WebSocket {
    fn paths(&self) -> &[&'static str] {
        &[PATH]
    }

    fn answer(&self, request: Request) -> Answer<'_> {
        Box::pin(async move { self.open(request) })
    }
}

async fn begin(c2s: Arc<C2s>, peer: Peer, channel: Channel, upgrade: OnUpgrade) {
    let Ok(Ok(upgraded)) = timeout(UPGRADE, upgrade).await else { return };
    let settings = c2s.settings().c2s.clone();
    let stream = WebStream::new(TokioIo::new(upgraded), settings.login_bytes, settings.stanza_bytes).await;
    c2s.serve_secured(peer, Box::new(stream), channel).await;
}

/// RFC 6455 §4.2.1: the key of a sound request; else the answer that refuses it.
fn handshake(head: &Parts) -> Result<HeaderValue, Box<Response>> {
    let headers = &head.headers;
    if head.method != Method::GET || !has(headers, header::UPGRADE, "websocket") {
        let mut refusal =
            says(StatusCode::UPGRADE_REQUIRED, "This is the address of a WebSocket, for web clients.");
        refusal.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        return Err(Box::new(refusal));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let mut refusal =
            says(StatusCode::UPGRADE_REQUIRED, "Only version 13 of the protocol is spoken here.");
        refusal.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(Box::new(refusal));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let key = key.filter(|key| STANDARD.decode(key.as_bytes()).is_ok_and(|key| key.len() == 16));
    let key = key.filter(|_| has(headers, header::CONNECTION, "upgrade"));
    let Some(key) = key else {
        return Err(Box::new(says(StatusCode::BAD_REQUEST, "The handshake is not as RFC 6455 has it.")));
    };
    // §3.1: without the subprotocol the other side would not know what we speak.
    if !has(headers, header::SEC_WEBSOCKET_PROTOCOL, "xmpp") {
        return Err(Box::new(says(StatusCode::BAD_REQUEST, "The subprotocol must be xmpp.")));
    }
    Ok(key.clone())
}

/// Whether a list header has this word.
fn has(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let texts = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
}

/// RFC 6455 §4.2.2. No extensions: compression and secrets do not go together.
fn agreed(key: &HeaderValue) -> Response {
    let mut sum = Sha1::new();
    sum.update(key.as_bytes());
    sum.update(MAGIC);
    let accept = HeaderValue::from_str(&STANDARD.encode(sum.finalize()));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("xmpp"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept.unwrap_or(HeaderValue::from_static("")));
    response
}
