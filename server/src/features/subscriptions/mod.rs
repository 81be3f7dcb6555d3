//! RFC 6121 §3: Managing Presence Subscriptions.

mod inbound;
mod outbound;
mod state;

use std::sync::Arc;

use rialto_xmpp::{Condition, Element, PresenceKind, Stanza, ns, parse};

use super::blocked::blocks;
use super::contacts::{Contact, Contacts, Keeper, Limits};
use super::{About, Feature, Phase, Spec, Turn, Verdict};
use crate::sessions::Frame;

static ABOUT: About = About {
    spec: Spec::Rfc(6121, "3"),
    disco: &[],
    iq: &[],
    at: &[Phase::Outbound, Phase::Inbound, Phase::Available],
};

/// Keeps both sides of every subscription.
pub struct Subscriptions {
    keeper: Arc<Keeper>,
    limits: Limits,
}

/// The feature; `keeper` is shared with those that change rosters too. Stands behind `roster`, which loads.
pub fn new(keeper: &Arc<Keeper>, limits: Limits) -> Subscriptions {
    Subscriptions { keeper: keeper.clone(), limits }
}

/// §3.4.1: what the stream features say of approval in advance.
pub fn stream_feature() -> Element {
    Element::new("sub", ns::PRE_APPROVAL)
}

impl Feature for Subscriptions {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        if is_subscription(turn.stanza) { self.sent(turn) } else { Verdict::Next }
    }

    fn inbound(&self, turn: &mut Turn<'_>) -> Verdict {
        if is_subscription(turn.stanza) { self.came(turn) } else { Verdict::Next }
    }

    /// §3.1.3, rule 3: requests that wait are shown to every session that becomes available, until one answers.
    fn available(&self, turn: &mut Turn<'_>) -> Verdict {
        let (Some(contacts), Some(session)) = (Contacts::of(turn.account), turn.session) else {
            return Verdict::Next;
        };
        // XEP-0191: a request of somebody who was blocked since waits unseen.
        let heard = |contact: &&Arc<Contact>| !blocks(turn.account, contact.jid.as_jid());
        for contact in contacts.list().iter().filter(heard) {
            let request = contact.item.pending_in.as_deref().and_then(|xml| parse::standalone(xml).ok());
            if let Some(Ok(request)) = request.map(Stanza::read) {
                turn.left.frame(session, Frame::stanza(&request));
            }
        }
        Verdict::Next
    }
}

fn is_subscription(stanza: &Stanza) -> bool {
    let Stanza::Presence(presence) = stanza else { return false };
    use PresenceKind::{Subscribe, Subscribed, Unsubscribe, Unsubscribed};
    matches!(presence.kind, Subscribe | Subscribed | Unsubscribe | Unsubscribed)
}

fn refuse(condition: Condition) -> Verdict {
    Verdict::Refuse(Box::new(condition.into()))
}

#[cfg(test)]
mod tests;
