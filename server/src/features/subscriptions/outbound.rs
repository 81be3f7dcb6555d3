//! RFC 6121 §3.1.2, §3.1.5, §3.2.2, §3.3.2, §3.4.2, §A.2: a subscription stanza that the user sends.

use rialto_xmpp::{Condition, PresenceKind, Stanza};

use super::state::State;
use super::{Subscriptions, refuse};
use crate::features::contacts::{Contacts, Edit, hide, show};
use crate::features::{Turn, Verdict};

impl Subscriptions {
    /// The user's own item first, then the stanza on its way. Nobody after this feature sees it.
    pub(super) fn sent(&self, turn: &mut Turn<'_>) -> Verdict {
        let Stanza::Presence(presence) = &*turn.stanza else { return Verdict::Next };
        let Some(to) = presence.head.to.as_ref().map(|to| to.bare()) else {
            return refuse(Condition::BadRequest);
        };
        let account = turn.account;
        let Some(contacts) = Contacts::of(account).filter(|_| to != account.jid) else {
            return Verdict::Done;
        };
        let kind = presence.kind;
        if asks(kind) && self.is_full(&contacts, to.as_str()) {
            return refuse(Condition::ResourceConstraint);
        }
        let mut before = State::default();
        let mut step = before.outbound(kind);
        let changed = contacts.edit(&self.keeper, &account.jid, &to, |item| {
            before = item.map(State::of).unwrap_or_default();
            step = before.outbound(kind);
            let known = item.is_some();
            let mut item = item.cloned().unwrap_or_default();
            step.state.put(&mut item);
            // §3.4: an approval in advance lasts until it is taken back.
            item.approved = step.approves || item.approved && kind != PresenceKind::Unsubscribed;
            if known || item.approved || step.state != State::default() {
                Edit::Put(item)
            } else {
                Edit::Keep
            }
        });
        let Ok(changed) = changed else { return refuse(Condition::InternalServerError) };
        if step.route {
            // §3.1.2: both addresses are bare.
            let mut presence = presence.clone();
            presence.head.from = Some(account.jid.clone().into_jid());
            presence.head.to = Some(to.clone().into_jid());
            turn.left.route(presence);
        }
        if let Some(changed) = changed {
            changed.leave(account, turn.left);
        }
        if step.state.from && !before.from {
            show(account, &to, turn.left);
        }
        if before.from && !step.state.from {
            hide(account, &to, turn.left);
        }
        Verdict::Done
    }

    /// Whether the roster has no room for this contact.
    pub(super) fn is_full(&self, contacts: &Contacts, bare: &str) -> bool {
        let list = contacts.list();
        list.len() >= self.limits.items && list.get(bare).is_none()
    }
}

/// Kinds that make an item where there is none.
fn asks(kind: PresenceKind) -> bool {
    matches!(kind, PresenceKind::Subscribe | PresenceKind::Subscribed)
}
