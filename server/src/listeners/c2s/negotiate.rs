//! RFC 6120 §4–§7: from the first byte to a session: STARTTLS, SASL, and a resource bound or resumed.

use std::sync::Arc;

use bytes::Bytes;
use rialto_xmpp::limits::Limits;
use rialto_xmpp::stream::Header;
use rialto_xmpp::{BareJid, Element, Jid, StreamCondition, StreamError, ns};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::sasl::offer::{Bindings, Offer};
use super::sasl::{self, AuthError, Step};
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
struct Opening {
    domain: Arc<str>,
    /// `from` of the client's header, to be answered with `to`.
    client: Option<Jid>,
}

/// Failures of SASL on one stream before it is closed. §6.4.5 wants two to five tries more after the first; slixmpp, and
/// poezio with it, needs three to find out that it cannot bind to channels of TLS 1.3.
const ATTEMPTS: usize = 6;

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
    let opening = open(c2s, talk, None, &features::starttls()).await?;
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
    let plain = channel.is_private && c2s.settings().c2s.plain;
    let offer = Arc::new(Offer::inside_tls(channel.bindings.clone(), plain));
    let mut offered = offer.features();
    offered.extend(c2s.registration.as_ref().and_then(|registration| registration.feature()));
    let opening = open(c2s, talk, opening.as_ref(), &offered).await?;
    let account = authenticate(c2s, peer, talk, &offer, &opening).await?;
    talk.authenticated(Limits { bytes: c2s.settings().c2s.stanza_bytes, ..Limits::CLIENT });
    peer.pass.authenticated();
    let opening = Opening { client: Some(account.as_jid().clone()), ..opening };
    open(c2s, talk, Some(&opening), &features::authenticated(c2s)).await?;
    session(c2s, peer, talk, &account).await
}

/// §4.7: reads the client's header, checks it against the one before, answers it and offers `features`.
async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    c2s: &C2s,
    talk: &mut Talk<S>,
    before: Option<&Opening>,
    offered: &[Element],
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
    let opening = match before {
        None => Opening { domain: to.domainpart().into(), client },
        Some(before) => same(before, &to, client)?,
    };
    talk.open(&answer(&opening.domain, opening.client.as_ref()), offered).await?;
    Ok(opening)
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

/// §6.4: until one attempt succeeds or too many have failed.
async fn authenticate(
    c2s: &C2s,
    peer: &Peer,
    talk: &mut Secured,
    offer: &Arc<Offer>,
    opening: &Opening,
) -> Result<BareJid, Leave> {
    let mut failed = 0;
    while failed < ATTEMPTS {
        let auth = talk.element().await?;
        if !auth.is("auth", ns::SASL) {
            let answer = register(c2s, peer, &auth, opening).await;
            talk.say(&answer.ok_or_else(|| premature(&auth))?).await?;
            continue;
        }
        match attempt(c2s, peer, talk, &auth, (offer, opening)).await? {
            Ok(account) => {
                tracing::info!(conn = peer.number, %account, "logged in");
                return Ok(account);
            }
            Err(error) => {
                tracing::info!(conn = peer.number, peer = %peer.address.ip(), %error, "login refused");
                talk.say(&error.to_element()).await?;
                failed += 1;
            }
        }
    }
    Err(StreamError::new(StreamCondition::PolicyViolation, "Too many failed logins.").into())
}

/// XEP-0077: the one thing that is answered before a login, if the operator allows it at all.
async fn register(c2s: &C2s, peer: &Peer, element: &Element, opening: &Opening) -> Option<Element> {
    c2s.registration.as_ref()?.answer(&opening.domain, peer.address.ip(), element).await
}

async fn attempt(
    c2s: &C2s,
    peer: &Peer,
    talk: &mut Secured,
    auth: &Element,
    (offer, opening): (&Arc<Offer>, &Opening),
) -> Result<Result<BareJid, AuthError>, Leave> {
    let mechanism = auth.get("mechanism").unwrap_or_default();
    let begun = c2s.authentication.begin(mechanism, offer, &opening.domain, peer.address.ip());
    let mut exchange = match begun {
        Ok(exchange) => exchange,
        Err(error) => return Ok(Err(error)),
    };
    let mut text = auth.text();
    if text.is_empty() {
        // §6.4.2: no initial response; our mechanisms let the client begin.
        talk.say(&Element::new("challenge", ns::SASL)).await?;
        match response(talk).await? {
            Ok(said) => text = said,
            Err(error) => return Ok(Err(error)),
        }
    }
    loop {
        let step = match sasl::decode(&text) {
            Ok(payload) => exchange.step(&zeroize::Zeroizing::new(payload)).await,
            Err(error) => Err(error),
        };
        match step {
            Ok(Step::Challenge(challenge)) => {
                talk.say(&Element::new("challenge", ns::SASL).with_text(sasl::encode(&challenge))).await?;
            }
            Ok(Step::Success(account, last)) => {
                let last = if last.is_empty() { String::new() } else { sasl::encode(&last) };
                talk.say(&Element::new("success", ns::SASL).with_text(last)).await?;
                return Ok(Ok(account));
            }
            Err(error) => return Ok(Err(error)),
        }
        match response(talk).await? {
            Ok(said) => text = said,
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// §6.4.3, §6.4.4: the client's answer to a challenge, or its change of mind.
async fn response(talk: &mut Secured) -> Result<Result<String, AuthError>, Leave> {
    let element = talk.element().await?;
    if element.is("response", ns::SASL) {
        // §6.4.3: an empty response is written as such.
        let text = element.text();
        return Ok(Ok(if text.is_empty() { "=".to_owned() } else { text }));
    }
    if element.is("abort", ns::SASL) {
        return Ok(Err(AuthError::Aborted));
    }
    Err(premature(&element))
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
fn premature(element: &Element) -> Leave {
    let stanza = *element.ns() == *ns::CLIENT && ["message", "presence", "iq"].contains(&element.name());
    let known = [ns::TLS, ns::SASL, ns::BIND, ns::SM, ns::CSI];
    let known = known.iter().any(|ns| *element.ns() == **ns);
    if stanza || known {
        StreamCondition::NotAuthorized.into()
    } else {
        StreamCondition::UnsupportedStanzaType.into()
    }
}
