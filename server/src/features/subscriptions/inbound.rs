//! RFC 6121 §3.1.3, §3.1.6, §3.2.3, §3.3.3, §3.4.2, §A.3: a subscription stanza that comes to the user.

use rialto_xmpp::{BareJid, Condition, PresenceKind, Stanza};

use super::state::State;
use super::{Subscriptions, refuse};
use crate::features::contacts::{Contacts, Edit, Interested, hide, is_shown, show, subscription};
use crate::features::{Turn, Verdict};
use crate::sessions::{Frame, Session};

/// A request that is longer is kept without what its sender wrote into it.
const LONGEST_REQUEST: usize = 8192;

impl Subscriptions {
    /// The user's own item first, then the stanza to his clients, then the push (§3.1.6). Only this feature delivers it.
    pub(super) fn came(&self, turn: &mut Turn<'_>) -> Verdict {
        let account = turn.account;
        let Some(from) = turn.stanza.head().from.as_ref().map(|from| from.bare()) else {
            return Verdict::Done;
        };
        let Some(contacts) = Contacts::of(account).filter(|_| from != account.jid) else {
            return Verdict::Done;
        };
        let head = turn.stanza.head_mut();
        head.from = Some(from.clone().into_jid());
        head.to = Some(account.jid.clone().into_jid());
        let Stanza::Presence(presence) = &*turn.stanza else { return Verdict::Next };
        let kind = presence.kind;
        if kind == PresenceKind::Subscribe && !self.has_room(&contacts, &from) {
            return refuse(Condition::ResourceConstraint);
        }
        let mut before = State::default();
        let mut step = before.inbound(kind, false);
        let request = (kind == PresenceKind::Subscribe).then(|| stored(turn.stanza));
        let changed = contacts.edit(&self.keeper, &account.jid, &from, |item| {
            before = item.map(State::of).unwrap_or_default();
            step = before.inbound(kind, item.is_some_and(|item| item.approved));
            if step.state == before {
                return Edit::Keep;
            }
            let mut item = item.cloned().unwrap_or_default();
            if step.state.asked && !before.asked {
                item.pending_in = request;
            }
            step.state.put(&mut item);
            Edit::Put(item)
        });
        let Ok(changed) = changed else { return refuse(Condition::InternalServerError) };
        if step.deliver {
            deliver(turn, kind);
        }
        if step.answer {
            turn.left.route(subscription(PresenceKind::Subscribed, &account.jid, &from));
        }
        if let Some(changed) = changed {
            changed.leave(account, turn.left);
        }
        if step.answer {
            show(account, &from, turn.left);
        }
        if before.from && !step.state.from {
            hide(account, &from, turn.left);
        }
        Verdict::Done
    }

    /// Whether one more request may wait.
    fn has_room(&self, contacts: &Contacts, from: &BareJid) -> bool {
        let list = contacts.list();
        if list.get(from.as_str()).is_some_and(|contact| is_shown(&contact.item)) {
            return true;
        }
        let waiting = list.iter().filter(|contact| contact.item.pending_in.is_some());
        !self.is_full(contacts, from.as_str()) && waiting.count() < self.limits.requests
    }
}

/// §3.1.3: a request reaches the available sessions; the rest (§3.1.6) also those that have the roster.
fn deliver(turn: &mut Turn<'_>, kind: PresenceKind) {
    let sessions = turn.account.sessions();
    let gets = |session: &Session| {
        session.is_available() || kind != PresenceKind::Subscribe && session.extensions.has::<Interested>()
    };
    let mut getting = sessions.iter().filter(|session| gets(session)).peekable();
    if getting.peek().is_none() {
        return;
    }
    let frame = Frame::stanza(turn.stanza);
    getting.for_each(|session| turn.left.frame(session, frame.clone()));
}

/// A request as it is kept.
fn stored(request: &Stanza) -> String {
    let mut bytes = request.to_stored();
    if bytes.len() > LONGEST_REQUEST
        && let Stanza::Presence(presence) = request
    {
        let mut presence = presence.clone();
        presence.payloads.clear();
        bytes = Stanza::from(presence).to_stored();
    }
    // holds: only text was written.
    String::from_utf8_lossy(&bytes).into_owned()
}
