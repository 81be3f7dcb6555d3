//! XEP-0386: Bind 2. A resource, and what belongs to a session, in one go with the login.

use std::sync::Arc;

use rialto_store::archive::Archive;
use rialto_xmpp::{BareJid, Condition, Element, Jid, StanzaError, StreamCondition, StreamError, ns};

use super::C2s;
use super::bind::{self, Bound};
use super::management::Management;
use super::sasl::fast::ClientId;
use super::talk::Leave;
use crate::features::{archive, carbons};
use crate::random;
use crate::sessions::{Account, Attention, End, Session, Synchronised};

/// `<bind/>` inside `<authenticate/>` (§3.2).
pub struct Request {
    tag: Option<String>,
    carbons: bool,
    enable: Option<Element>,
    inactive: bool,
}

/// Of whom a session is, among the clients of its account; an extension of the session.
struct OfClient(ClientId);

/// Bytes of a tag; the rest of a resource is ours.
const MAX_TAG: usize = 256;
/// Rounds against a race for a name.
const ROUNDS: usize = 8;

impl Request {
    /// Reads it; `None`: its tag cannot be part of a resource.
    pub fn read(bind: &Element) -> Option<Request> {
        let tag = bind.child_text("tag", ns::BIND2).filter(|tag| !tag.is_empty());
        if let Some(tag) = &tag
            && (tag.len() > MAX_TAG || Jid::from_parts(Some("x"), "x", Some(tag)).is_err())
        {
            return None;
        }
        Some(Request {
            tag,
            carbons: bind.has("enable", ns::CARBONS),
            enable: bind.child("enable", ns::SM).cloned(),
            inactive: bind.has("inactive", ns::CSI),
        })
    }
}

/// `<bind/>` among the inline features (§3.1).
pub fn feature() -> Element {
    let features =
        [ns::CARBONS, ns::CSI, ns::SM].map(|var| Element::new("feature", ns::BIND2).attr("var", var));
    Element::new("bind", ns::BIND2).with(Element::new("inline", ns::BIND2).with_all(features))
}

/// Binds, for an account that has proven who it is. An older session of the same client ends; what it had not read goes
/// to the others or waits. Gives the session and `<bound/>`.
///
/// # Errors
/// Outside: the stream must end. Inside: no resource can be bound now.
pub async fn bind(
    c2s: &Arc<C2s>,
    jid: &BareJid,
    request: &Request,
    client: Option<&ClientId>,
) -> Result<Result<(Bound, Element), StanzaError>, Leave> {
    let account = bind::account(c2s, jid).await?;
    let kept = match c2s.settings().archives {
        true => ends(c2s, jid).await?,
        false => None,
    };
    for _ in 0..ROUNDS {
        let full = resource(c2s, jid, request, client)?;
        for older in account.sessions().iter().filter(|older| is_same(older, &full, client)) {
            replace(c2s, &account, older).await;
        }
        let session = match bind::room_for(c2s, &account, full) {
            Ok(session) => session,
            Err(error) => return Ok(Err(error)),
        };
        prepare(&session, request, client, kept.as_ref());
        if request.inactive && c2s.settings().sessions.hold_when_inactive {
            session.set_attention(Attention::Inactive);
        }
        if account.add(session.clone()) {
            let (management, enabled) = enable(c2s, &session, &account, request);
            let carbons = request.carbons.then(|| Element::new("enabled", ns::CARBONS));
            let bound = Element::new("bound", ns::BIND2)
                .with_opt(kept.map(|(metadata, _)| metadata))
                .with_opt(enabled)
                .with_opt(carbons);
            return Ok(Ok((Bound { session, account, management }, bound)));
        }
    }
    Ok(Err(Condition::Conflict.into()))
}

/// §3.2.1: the tag, a slash, and what we add: the same each time for the same client and tag, and nothing that tells
/// its id.
fn resource(c2s: &C2s, jid: &BareJid, request: &Request, client: Option<&ClientId>) -> Result<Jid, Leave> {
    let tag = request.tag.as_deref().unwrap_or_default();
    let own = match client {
        Some(client) => c2s.authentication.name_for(jid, client, tag),
        None => random::token(),
    };
    let resource = if tag.is_empty() { own } else { format!("{tag}/{own}") };
    jid.with_resource(&resource).map_err(|_| StreamCondition::InternalServerError.into())
}

/// Whether a session must go before another can be bound.
fn is_same(older: &Session, full: &Jid, client: Option<&ClientId>) -> bool {
    let of = older.extensions.get::<OfClient>();
    older.jid == *full || client.is_some_and(|client| of.is_some_and(|of| of.0 == *client))
}

/// §3.2: the older session of the same client.
async fn replace(c2s: &Arc<C2s>, account: &Arc<Account>, older: &Arc<Session>) {
    let text = "The same client has logged in again.";
    let end = End::Error(StreamError::new(StreamCondition::Conflict, text));
    bind::replace(c2s, account, older, end).await;
}

/// What must be so before anybody sees the session.
fn prepare(
    session: &Session,
    request: &Request,
    client: Option<&ClientId>,
    kept: Option<&(Element, Synchronised)>,
) {
    if let Some(client) = client {
        session.extensions.put(OfClient(client.clone()));
    }
    if let Some((_, synchronised)) = kept {
        session.extensions.put(*synchronised);
    }
    if request.carbons {
        session.extensions.put(carbons::Enabled);
    }
    if request.enable.is_some() {
        // XEP-0198: counted from the first stanza on, whoever is quick to send one.
        session.outbox.manage_from_start();
    }
}

fn enable(
    c2s: &C2s,
    session: &Arc<Session>,
    account: &Arc<Account>,
    request: &Request,
) -> (Option<Management>, Option<Element>) {
    let Some(enable) = &request.enable else { return (None, None) };
    let (management, enabled) = Management::enable(c2s, session, account, enable);
    (Some(management), Some(enabled))
}

/// §3.2: where the archive begins and ends now, and what the client need not be given because it will fetch it.
async fn ends(c2s: &C2s, jid: &BareJid) -> Result<Option<(Element, Synchronised)>, Leave> {
    let ends = Archive::new(&c2s.router.store).ends(jid.as_str()).await;
    let ends = ends.map_err(|_| StreamCondition::InternalServerError)?;
    let synchronised = ends.map_or(Synchronised::default(), |(_, last)| Synchronised { up_to: Some(last) });
    Ok(Some((archive::metadata(ends), synchronised)))
}
