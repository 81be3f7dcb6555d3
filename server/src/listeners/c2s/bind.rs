//! RFC 6120 §7: binding a resource.

use std::sync::Arc;

use rialto_xmpp::{BareJid, Condition, Element, Jid, StanzaError, StreamCondition, ns};

use super::C2s;
use super::lifetime;
use super::management::Management;
use super::talk::Leave;
use crate::config::Conflict;
use crate::random;
use crate::sessions::{Account, End, Session};

/// A session that was bound now.
pub struct Bound {
    /// The session; the account has it already.
    pub session: Arc<Session>,
    /// Its account.
    pub account: Arc<Account>,
    /// Stream management, where it came with the resource (XEP-0386).
    pub management: Option<Management>,
}

/// `<iq type='set'><bind/></iq>`
pub struct Request {
    id: String,
    /// What the client wants to be called; `None` leaves it to the server (§7.6).
    resource: Option<String>,
}

impl Request {
    /// Reads a bind request; `None` for anything else.
    pub fn read(element: &Element) -> Option<Request> {
        if !element.is("iq", ns::CLIENT) || element.get("type") != Some("set") {
            return None;
        }
        let bind = element.child("bind", ns::BIND)?;
        let resource = bind.child_text("resource", ns::BIND).filter(|resource| !resource.is_empty());
        Some(Request { id: element.get("id")?.to_owned(), resource })
    }

    /// §7.6.1, §7.7.1
    pub fn result(&self, jid: &Jid) -> Element {
        let jid = Element::new("jid", ns::BIND).with_text(jid.as_str());
        self.answer("result").with(Element::new("bind", ns::BIND).with(jid))
    }

    /// §7.6.2, §7.7.2
    pub fn error(&self, error: &StanzaError) -> Element {
        self.answer("error").with(Element::new("bind", ns::BIND)).with(error.to_element())
    }

    fn answer(&self, kind: &str) -> Element {
        Element::new("iq", ns::CLIENT).attr("type", kind).attr("id", &self.id)
    }
}

/// Binds a resource for an account that has logged in.
///
/// # Errors
/// Outside: the stream must end. Inside: the client may ask again.
pub async fn bind(
    c2s: &Arc<C2s>,
    jid: &BareJid,
    request: &Request,
) -> Result<Result<Bound, StanzaError>, Leave> {
    let account = account(c2s, jid).await?;
    let wanted = match &request.resource {
        None => None,
        Some(resource) => match jid.with_resource(resource) {
            Ok(full) => Some(full),
            Err(_) => return Ok(Err(Condition::BadRequest.into())),
        },
    };
    // Each round removes one session or makes another name, so few are needed even against a race.
    for _ in 0..8 {
        let taken = wanted.as_ref().and_then(|full| account.session(full.resourcepart()?));
        let full = match (&wanted, taken, c2s.settings().c2s.conflict) {
            (Some(full), None, _) => full.clone(),
            (Some(full), Some(older), Conflict::Replace) => {
                replace(c2s, &account, &older, End::Error(StreamCondition::Conflict.into())).await;
                full.clone()
            }
            (Some(_), Some(_), Conflict::Refuse) => return Ok(Err(Condition::Conflict.into())),
            (Some(_), Some(_), Conflict::Rename) | (None, ..) => made_up(jid)?,
        };
        let session = match room_for(c2s, &account, full) {
            Ok(session) => session,
            Err(error) => return Ok(Err(error)),
        };
        if account.add(session.clone()) {
            return Ok(Ok(Bound { session, account, management: None }));
        }
    }
    Ok(Err(Condition::Conflict.into()))
}

/// The account of somebody who has logged in.
///
/// # Errors
/// It was removed between login and bind, or the store failed.
pub async fn account(c2s: &Arc<C2s>, jid: &BareJid) -> Result<Arc<Account>, Leave> {
    match c2s.router.account(jid).await {
        Ok(Some(account)) => Ok(account),
        Ok(None) => Err(StreamCondition::NotAuthorized.into()),
        Err(_) => Err(StreamCondition::InternalServerError.into()),
    }
}

/// A session that can be added to an account.
///
/// # Errors
/// The account has as many as it may have.
pub fn room_for(c2s: &C2s, account: &Account, full: Jid) -> Result<Arc<Session>, StanzaError> {
    if account.sessions().len() >= c2s.settings().c2s.sessions_per_account {
        let text = "This account has as many sessions as it may have: end one first.";
        return Err(StanzaError::new(Condition::ResourceConstraint, text));
    }
    Ok(Arc::new(Session::new(full, c2s.settings().sessions.outbox_bytes)))
}

/// §7.6: a resource that nobody can guess and nobody has.
fn made_up(jid: &BareJid) -> Result<Jid, Leave> {
    jid.with_resource(&random::token()).map_err(|_| StreamCondition::InternalServerError.into())
}

/// §7.7.2.2: the older session ends; what it had not read goes to the others.
pub async fn replace(c2s: &Arc<C2s>, account: &Arc<Account>, older: &Arc<Session>, end: End) {
    older.outbox.end(end);
    lifetime::forget(c2s, account, older).await;
}
