//! RFC 6120 §4–§7: from the first byte to a session: STARTTLS, SASL, and a resource bound or resumed.

use std::sync::Arc;

use bytes::Bytes;
use rialto_xmpp::limits::Limits;
use rialto_xmpp::stream::{self, Header};
use rialto_xmpp::{BareJid, Element, Jid, StreamCondition, StreamError, ns};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::login::{self, Login, Stranger};
use super::registration::Visit;
use super::sasl::offer::{Bindings, Offer};
use super::talk::{self, Bounds, Leave, Talk};
use super::{C2s, Peer, bind, features, resume};
use crate::config;
use crate::listeners::tls::Generation;
use crate::random;

/// What carries a client's stream: bytes, as RFC 6120 §4 would have them on a TCP connection.
pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// A client stream inside TLS, or on what stands for it.
pub type Secured = Talk<Box<dyn Socket>>;

/// What is known of the connection below a client's stream.
pub struct Channel {
    /// Channel bindings; none where TLS ends before us, or the client cannot know them.
    pub bindings: Bindings,
    /// Whether nobody on the way can read along: what must not be said in the clear may be said here.
    pub is_private: bool,
}

/// A client that has a session, and its connection.
pub struct Entered {
    /// The connection, and what was read from it already.
    pub talk: Secured,
    /// The session.
    pub way: Way,
    /// What the client is told of it. The connection says it: whoever lost the session meanwhile hears it too.
    pub first: Vec<u8>,
}

/// How a client came to its session.
pub enum Way {
    /// It was bound now (§7).
    Bound(bind::Bound),
    /// It was waiting for this client (XEP-0198 §5).
    Resumed(resume::Claim),
}

/// What the stream header fixed: it may not change when the stream is restarted.
#[derive(Clone)]
pub struct Opening {
    /// Its `to`.
    pub domain: Arc<str>,
    /// `from` of the client's header, to be answered with `to`.
    pub client: Option<Jid>,
}

/// A connection to the STARTTLS port.
pub async fn starttls(c2s: &Arc<C2s>, peer: &mut Peer, tcp: TcpStream) -> Option<Entered> {
    let mut talk = Talk::new(tcp, bounds(c2s));
    let opening = match before_tls(c2s, &mut talk).await {
        Ok(opening) => opening,
        Err(leave) => return leave_with(c2s, peer, &mut talk, &leave).await,
    };
    let generation = c2s.tls.current();
    let (secured, bounds) = talk.secure(generation.starttls.clone()).await.ok()?;
    let channel = Channel::of(&generation, &secured);
    enter(c2s, peer, Talk::new(secured as Box<dyn Socket>, bounds), &channel, Some(opening)).await
}

/// A connection to the port where TLS comes first (XEP-0368).
pub async fn direct(c2s: &Arc<C2s>, peer: &mut Peer, tcp: TcpStream) -> Option<Entered> {
    let generation = c2s.tls.current();
    let talk = Talk::new(tcp, bounds(c2s));
    let (secured, bounds) = talk.secure(generation.direct.clone()).await.ok()?;
    let channel = Channel::of(&generation, &secured);
    enter(c2s, peer, Talk::new(secured as Box<dyn Socket>, bounds), &channel, None).await
}

/// A connection that is as it should be already: TLS stands, or another transport does.
pub async fn secured(
    c2s: &Arc<C2s>,
    peer: &mut Peer,
    socket: Box<dyn Socket>,
    channel: &Channel,
) -> Option<Entered> {
    enter(c2s, peer, Talk::new(socket, bounds(c2s)), channel, None).await
}

impl Channel {
    /// TLS that ends here.
    pub fn of(generation: &Generation, tls: &TlsStream<TcpStream>) -> Channel {
        Channel { bindings: generation.bindings(tls.get_ref().1), is_private: true }
    }
}

fn bounds(c2s: &C2s) -> Bounds {
    let settings = c2s.settings();
    let config::C2s { login_bytes, login_timeout, .. } = &settings.c2s;
    Bounds { bytes: *login_bytes, until: Instant::now() + *login_timeout, closing: c2s.closing.subscribe() }
}

async fn enter(
    c2s: &Arc<C2s>,
    peer: &mut Peer,
    mut talk: Secured,
    channel: &Channel,
    opening: Option<Opening>,
) -> Option<Entered> {
    match inside_tls(c2s, peer, &mut talk, channel, opening).await {
        Ok((way, first)) => Some(Entered { talk, way, first: first.into() }),
        Err(leave) => leave_with(c2s, peer, &mut talk, &leave).await,
    }
}

async fn leave_with<S: AsyncRead + AsyncWrite + Unpin>(
    c2s: &C2s,
    peer: &Peer,
    talk: &mut Talk<S>,
    leave: &Leave,
) -> Option<Entered> {
    tracing::debug!(conn = peer.number, ?leave, "no login");
    talk.close(leave, &answer(&c2s.domain, None)).await;
    None
}

/// §5.4: nothing but `<starttls/>` is heard in the clear.
async fn before_tls(c2s: &C2s, talk: &mut Talk<TcpStream>) -> Result<Opening, Leave> {
    let opening = header(c2s, talk, None).await?;
    let offered = stream::features(&features::starttls());
    talk.open(&answer(&opening.domain, opening.client.as_ref()), &offered).await?;
    loop {
        let element = talk.element().await?;
        if element.is("starttls", ns::TLS) {
            if talk.has_more() {
                let text = "Nothing may follow starttls until it is answered.";
                return Err(StreamError::new(StreamCondition::PolicyViolation, text).into());
            }
            talk.say(&Element::new("proceed", ns::TLS)).await?;
            return Ok(opening);
        }
        if element.is("auth", ns::SASL) {
            // §6.5.4: RFC 6120's condition for a mechanism that needs encryption.
            let failure =
                Element::new("failure", ns::SASL).with(Element::new("encryption-required", ns::SASL));
            talk.say(&failure).await?;
            continue;
        }
        return Err(premature(&element));
    }
}

async fn inside_tls(
    c2s: &Arc<C2s>,
    peer: &mut Peer,
    talk: &mut Secured,
    channel: &Channel,
    opening: Option<Opening>,
) -> Result<(Way, Bytes), Leave> {
    let opening = header(c2s, talk, opening.as_ref()).await?;
    let offer = offer(c2s, channel, &opening).await;
    let offered = c2s.offered(&offer, channel.is_private);
    talk.open(&answer(&opening.domain, opening.client.as_ref()), &offered.bytes).await?;
    let version = offered.version.clone();
    let visit = Visit::new(opening.domain.clone(), peer.address.ip());
    let mut stranger = Stranger { visit, c2s, peer, talk, offer: Arc::new(offer), opening, version };
    let login = Box::pin(login::login(&mut stranger)).await?;
    let opening = stranger.opening;
    peer.pass.authenticated();
    let limits = Limits { bytes: c2s.settings().c2s.stanza_bytes, ..Limits::CLIENT };
    match login {
        Login::Restarts(account) => {
            talk.restarts(limits);
            let opening = Opening { client: Some(account.as_jid().clone()), ..opening };
            let opening = header(c2s, talk, Some(&opening)).await?;
            let offered = stream::features(&features::authenticated(c2s));
            talk.open(&answer(&opening.domain, opening.client.as_ref()), &offered).await?;
            session(c2s, peer, talk, &account).await
        }
        Login::GoesOn(account) => {
            talk.goes_on(limits);
            session(c2s, peer, talk, &account).await
        }
        Login::Enters(way, first) => {
            talk.goes_on(limits);
            Ok((way, first))
        }
    }
}

/// What a stream is offered that its header says is an account's.
async fn offer(c2s: &C2s, channel: &Channel, opening: &Opening) -> Offer {
    let account = opening.client.as_ref().filter(|client| client.localpart().is_some()).map(Jid::bare);
    let hashes = c2s.authentication.hashes(account.as_ref()).await;
    Offer::of(channel.bindings.clone(), channel.is_private && c2s.settings().c2s.plain, &hashes)
}

/// §4.7: reads the client's header and checks it against the one before.
async fn header<S: AsyncRead + AsyncWrite + Unpin>(
    c2s: &C2s,
    talk: &mut Talk<S>,
    before: Option<&Opening>,
) -> Result<Opening, Leave> {
    let header = talk.header().await?;
    // §4.7.5: 1.0 at least; what is newer is answered with what we know.
    let major = header.version.as_deref().and_then(|version| version.split('.').next()?.parse().ok());
    if major.is_none_or(|major: u32| major < 1) {
        return Err(StreamCondition::UnsupportedVersion.into());
    }
    if talk.scope.content != ns::CLIENT {
        return Err(StreamCondition::InvalidNamespace.into());
    }
    let to = header.to.as_deref().and_then(|to| Jid::parse(to).ok());
    let Some(to) = to.filter(Jid::is_domain) else {
        let condition = match header.to {
            Some(_) => StreamCondition::HostUnknown,
            None => StreamCondition::ImproperAddressing,
        };
        return Err(condition.into());
    };
    if !c2s.router.is_local(to.domainpart()) {
        return Err(StreamCondition::HostUnknown.into());
    }
    let client = header.from.as_deref().and_then(|from| Jid::parse(from).ok());
    if client.as_ref().is_some_and(|client| client.domainpart() != to.domainpart()) {
        // XEP-0388 §2.1: nobody of another domain can log in here.
        return Err(StreamCondition::InvalidFrom.into());
    }
    match before {
        None => Ok(Opening { domain: to.domainpart().into(), client }),
        Some(before) => same(before, &to, client),
    }
}

/// A restarted stream is for the same domain, and by the account that logged in.
fn same(before: &Opening, to: &Jid, client: Option<Jid>) -> Result<Opening, Leave> {
    if to.domainpart() != &*before.domain {
        let text = "A stream keeps its domain when it is restarted.";
        return Err(StreamError::new(StreamCondition::PolicyViolation, text).into());
    }
    match (&before.client, client) {
        (Some(known), Some(now)) if known.bare_str() != now.bare_str() => {
            Err(StreamCondition::InvalidFrom.into())
        }
        (known, now) => Ok(Opening { domain: before.domain.clone(), client: known.clone().or(now) }),
    }
}

fn answer(domain: &str, client: Option<&Jid>) -> Header {
    Header {
        from: Some(domain.to_owned()),
        to: client.map(|client| client.as_str().to_owned()),
        id: Some(random::token()),
        lang: Some("en".to_owned()),
        version: Some("1.0".to_owned()),
    }
}

/// §7, XEP-0198 §5: the client binds a resource or resumes a session; nothing else is heard before.
async fn session(
    c2s: &Arc<C2s>,
    peer: &Peer,
    talk: &mut Secured,
    account: &BareJid,
) -> Result<(Way, Bytes), Leave> {
    loop {
        let element = talk.element().await?;
        if element.is("resume", ns::SM) {
            match resume::resume(c2s, account, &element).await? {
                Ok(claim) => {
                    let first = talk::bytes_of(&claim.resumed);
                    return Ok((Way::Resumed(claim), first));
                }
                Err(failed) => talk.say(&failed).await?,
            }
        } else if let Some(request) = bind::Request::read(&element) {
            match bind::bind(c2s, account, &request).await? {
                Ok(bound) => {
                    tracing::debug!(conn = peer.number, session = bound.session.number, jid = %bound.session.jid, "bound");
                    let first = talk::bytes_of(&request.result(&bound.session.jid));
                    return Ok((Way::Bound(bound), first));
                }
                Err(error) => talk.say(&request.error(&error)).await?,
            }
        } else if element.is("enable", ns::SM) {
            // XEP-0198 §3: only after a resource is bound.
            talk.say(&resume::failed("unexpected-request", None)).await?;
        } else {
            return Err(premature(&element));
        }
    }
}

/// §4.9.3.12, §4.9.3.24: too early, or nothing we know.
pub fn premature(element: &Element) -> Leave {
    let stanza = *element.ns() == *ns::CLIENT && ["message", "presence", "iq"].contains(&element.name());
    let known = [ns::TLS, ns::SASL, ns::SASL2, ns::BIND, ns::SM, ns::CSI];
    let known = known.iter().any(|ns| *element.ns() == **ns);
    if stanza || known {
        StreamCondition::NotAuthorized.into()
    } else {
        StreamCondition::UnsupportedStanzaType.into()
    }
}
