//! RFC 6121 §4: Exchanging Presence Information.

mod broadcast;
mod probes;

use std::sync::Arc;

use rialto_xmpp::{Condition, Element, PresenceKind, Stanza, StanzaError, ns};

use super::contacts::directed;
use super::{About, Feature, Phase, Spec, Turn, Verdict};
use crate::sessions::Accounts;

static ABOUT: About = About {
    spec: Spec::Rfc(6121, "4"),
    disco: &[],
    iq: &[],
    at: &[Phase::Outbound, Phase::Inbound, Phase::Unbound],
};

/// Tells contacts who is there, and answers who asks.
pub struct Presences {
    accounts: Arc<Accounts>,
}

/// The feature. Stands behind `subscriptions`, which takes its kinds of presence before.
pub fn new(accounts: &Arc<Accounts>) -> Presences {
    Presences { accounts: accounts.clone() }
}

impl Feature for Presences {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        let (Stanza::Presence(presence), Some(session)) = (&*turn.stanza, turn.session) else {
            return Verdict::Next;
        };
        let available = match presence.kind {
            PresenceKind::Available => true,
            PresenceKind::Unavailable => false,
            _ if presence.head.to.is_some() => return Verdict::Next,
            // §4.7.1: only these two may be meant for everybody.
            _ => return Verdict::Refuse(Box::new(Condition::BadRequest.into())),
        };
        match presence.head.to.clone() {
            Some(to) => return directed::sent(turn.account, session, &to, available),
            None if !available => self.becomes_unavailable(turn),
            None => {
                if let Err(error) = priority(presence.payload("priority", ns::CLIENT)) {
                    return Verdict::Refuse(Box::new(error));
                }
                self.becomes_available(turn);
            }
        }
        Verdict::Next
    }

    fn inbound(&self, turn: &mut Turn<'_>) -> Verdict {
        let Stanza::Presence(presence) = &*turn.stanza else { return Verdict::Next };
        match presence.kind {
            PresenceKind::Probe => {
                probes::answer(turn);
                return Verdict::Done;
            }
            PresenceKind::Error => directed::failed(turn),
            // §4.6.2: what was sent to this account by name is delivered, whoever sent it. What contacts tell
            // everybody goes the other way (`broadcast`), where the subscription is looked at.
            _ => {}
        }
        Verdict::Next
    }

    /// §4.5.3: a session that ends without a word is unavailable all the same.
    fn unbound(&self, turn: &mut Turn<'_>) -> Verdict {
        self.becomes_unavailable(turn);
        Verdict::Next
    }
}

/// §4.7.2.3: an integer between -128 and +127; empty is as good as none.
fn priority(priority: Option<&Element>) -> Result<(), StanzaError> {
    let text = priority.map(Element::text).unwrap_or_default();
    let text = text.trim();
    if text.is_empty() || text.parse::<i8>().is_ok() {
        return Ok(());
    }
    Err(StanzaError::new(Condition::BadRequest, "A priority is a whole number from -128 to 127."))
}

#[cfg(test)]
mod tests;
