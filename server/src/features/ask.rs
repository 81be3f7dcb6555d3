//! An IQ request as the feature that answers it sees it.

use std::sync::Arc;

use rialto_xmpp::{Condition, Element, Iq, Jid, StanzaError};

use super::contacts::Contacts;
use super::{Catalogue, Fut, Left, Origin};
use crate::sessions::{Account, Session};

/// The payload of the result, or the error.
pub type Answer<'a> = Fut<'a, Result<Option<Element>, StanzaError>>;

/// A question, and what else the answer sends.
pub struct Ask<'a> {
    /// Where the question came from.
    pub origin: Origin<'a>,
    /// The account that is asked; `None`: the server is.
    pub account: Option<&'a Arc<Account>>,
    /// The request. `from` is stamped; `to` may be absent (the asker's own account).
    pub iq: &'a Iq,
    /// `also` goes out before the answer, `after` after it. The answer waits for `ticket` to be durable.
    pub left: Left,
    /// What service discovery tells of the features.
    pub catalogue: &'a Arc<Catalogue>,
}

impl<'a> Ask<'a> {
    /// Who asks.
    ///
    /// # Errors
    /// `bad-request` if nobody stamped the sender.
    pub fn asker(&self) -> Result<&'a Jid, StanzaError> {
        self.iq.head.from.as_ref().ok_or_else(|| Condition::BadRequest.into())
    }

    /// The asker's session, if it is a local client.
    pub fn session(&self) -> Option<&'a Arc<Session>> {
        match self.origin {
            Origin::Session(session, _) => Some(session),
            Origin::Server => None,
        }
    }

    /// The account asked, if it is the asker's own.
    ///
    /// # Errors
    /// `forbidden` when somebody else asks.
    pub fn own(&self) -> Result<&'a Arc<Account>, StanzaError> {
        match (self.account, self.origin) {
            (Some(account), Origin::Session(_, own)) if Arc::ptr_eq(account, own) => Ok(account),
            _ => Err(Condition::Forbidden.into()),
        }
    }

    /// The asker's own account, whether it or the server is asked.
    ///
    /// # Errors
    /// `forbidden` when somebody else's account is asked, or a stranger asks.
    pub fn owner(&self) -> Result<&'a Arc<Account>, StanzaError> {
        match (self.account, self.origin) {
            (None, Origin::Session(_, own)) => Ok(own),
            _ => self.own(),
        }
    }

    /// The account asked, if the asker may know whether it is here: its owner, or who has a subscription.
    ///
    /// # Errors
    /// `service-unavailable` for a stranger, the same as for an account that does not exist (XEP-0030 §8).
    pub fn acquainted(&self) -> Result<&'a Arc<Account>, StanzaError> {
        let account = self.account.ok_or(Condition::ServiceUnavailable)?;
        let asker = self.asker()?;
        let watches = || Contacts::of(account).is_some_and(|contacts| contacts.is_seen_by(asker.bare_str()));
        if asker.bare_str() == account.jid.as_str() || watches() {
            return Ok(account);
        }
        Err(Condition::ServiceUnavailable.into())
    }

    /// The payload of the request.
    ///
    /// # Errors
    /// `bad-request` if there is none.
    pub fn payload(&self) -> Result<&'a Element, StanzaError> {
        self.iq.payload().ok_or_else(|| Condition::BadRequest.into())
    }
}
