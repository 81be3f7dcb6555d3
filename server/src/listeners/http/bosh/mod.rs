//! XEP-0124, XEP-0206: `/http-bind`, where requests and their answers carry a client's stream.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::body::BodyError;
use super::site::{Answer, Request, Response, Site, carrying, open_to_scripts, preflight, says};
use crate::listeners::c2s::negotiate::Channel;
use crate::listeners::c2s::sasl::offer::Bindings;
use crate::listeners::c2s::{C2s, Peer};
use crate::listeners::next_number;
use crate::public_url::PublicUrl;
use session::{Session, Terms};
use sessions::Sessions;
use stream::BoshStream;
use wrapper::{Asked, terminate};

mod held;
mod session;
mod sessions;
mod stream;
mod wrapper;

/// Where it is; XEP-0156 tells everybody.
pub const PATH: &str = "/http-bind";

/// How long a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a wrapper may have beside the largest stanza.
const WRAPPER: usize = 8 * 1024;
/// Requests larger than anybody's before the login that may arrive at the same time; more wait.
const LARGE: usize = 128;

/// Sessions of clients that have nothing but requests.
pub struct Bosh {
    c2s: Arc<C2s>,
    url: PublicUrl,
    sessions: Arc<Sessions>,
    large: Semaphore,
}

impl Bosh {
    /// Whose streams are these clients'.
    pub fn new(c2s: &Arc<C2s>, url: &PublicUrl) -> Bosh {
        Bosh { c2s: c2s.clone(), url: url.clone(), sessions: Arc::default(), large: Semaphore::new(LARGE) }
    }

    async fn post(&self, mut request: Request) -> String {
        let bytes = match self.read(&mut request).await {
            Ok(bytes) => bytes,
            Err(BodyError::TooLarge) => return terminate("policy-violation", ""),
            Err(_) => return terminate("bad-request", ""),
        };
        let settings = self.c2s.settings().c2s.clone();
        let asked = match wrapper::read(&bytes, settings.stanza_bytes + WRAPPER) {
            Ok(asked) => asked,
            Err(_) => return terminate("bad-request", ""),
        };
        let (reply, answer) = oneshot::channel();
        match asked.sid.clone() {
            Some(sid) => match self.sessions.find(&sid) {
                Some(session) => session.ask(asked, reply),
                None => return terminate("item-not-found", ""),
            },
            None => {
                if let Err(refusal) = self.begin(&request, asked, reply) {
                    return refusal;
                }
            }
        }
        // A session that is gone has answered all that it held.
        answer.await.unwrap_or_else(|_| terminate("item-not-found", ""))
    }

    async fn read(&self, request: &mut Request) -> Result<bytes::Bytes, BodyError> {
        let settings = self.c2s.settings().c2s.clone();
        let small = settings.login_bytes;
        if request.body.length().is_some_and(|length| length <= small as u64) {
            return request.body.whole(small, PATIENCE).await;
        }
        let place = timeout(PATIENCE, self.large.acquire()).await;
        let _place = place.map_err(|_| BodyError::Stalled)?;
        request.body.whole(settings.stanza_bytes + WRAPPER, PATIENCE).await
    }

    /// XEP-0124 §7: a request without `sid` begins a session.
    fn begin(&self, request: &Request, asked: Asked, reply: oneshot::Sender<String>) -> Result<(), String> {
        if !request.is_private && !request.is_local {
            return Err(match self.url.at(PATH).filter(|url| url.starts_with("https:")) {
                Some(url) => {
                    let uri = rialto_xmpp::Element::new("uri", rialto_xmpp::ns::HTTP_BIND).with_text(url);
                    terminate("see-other-uri", &uri.to_xml())
                }
                None => terminate("policy-violation", ""),
            });
        }
        if asked.to.is_none() {
            return Err(terminate("improper-addressing", ""));
        }
        let Ok(pass) = self.c2s.gate.admit(request.peer.ip(), &self.c2s.settings()) else {
            return Err(terminate("policy-violation", ""));
        };
        let peer = Peer { number: next_number(), address: request.peer, pass };
        tracing::debug!(conn = peer.number, peer = %peer.address, "a BOSH session");
        let stanza_bytes = self.c2s.settings().c2s.stanza_bytes;
        let terms = Terms::agreed(&asked, request.is_private, 2 * (stanza_bytes + WRAPPER));
        let session = Arc::new(Session::new(crate::random::token(), terms, &asked));
        self.sessions.add(&session);
        let stream = BoshStream::new(&session, &self.sessions);
        session.ask(asked, reply);
        let channel = Channel { bindings: Bindings::default(), is_private: request.is_private };
        tokio::spawn(self.c2s.clone().serve_secured(peer, Box::new(stream), channel));
        Ok(())
    }
}

impl Site for Bosh {
    fn paths(&self) -> &[&'static str] {
        &[PATH]
    }

    fn answer(&self, request: Request) -> Answer<'_> {
        Box::pin(async move {
            match request.head.method {
                Method::POST => xml(self.post(request).await),
                Method::OPTIONS => preflight("POST, OPTIONS", "Content-Type"),
                _ => {
                    let text = "This is the address of BOSH (XEP-0124), for web clients.";
                    let mut response = says(StatusCode::METHOD_NOT_ALLOWED, text);
                    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
                    response
                }
            }
        })
    }
}

fn xml(text: String) -> Response {
    let mut response = carrying(StatusCode::OK, "text/xml; charset=utf-8", text);
    open_to_scripts(&mut response);
    response
}
