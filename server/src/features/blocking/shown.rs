//! XEP-0191 §3.3, §3.4: who is blocked sees the user leave, and come back when he is not blocked any more.

use rialto_xmpp::{Head, Jid, Presence, PresenceKind};

use crate::features::Left;
use crate::features::blocked::{Edited, List, covers};
use crate::features::contacts::{Contacts, directed, seen, sees, subscription};
use crate::sessions::Account;

/// Leaves the presence that a change of the list brings: only to those who may see the user's presence, by subscription
/// or because a session has shown itself to them (RFC 6121 §4.6: rooms, too).
pub(super) fn follow(account: &Account, edited: &Edited, left: &mut Left) {
    let covered = |list: &List, jid: &Jid| covers(list, &account.jid, jid);
    let blocked = |jid: &Jid| covered(&edited.after, jid) && !covered(&edited.before, jid);
    let unblocked = |jid: &Jid| covered(&edited.before, jid) && !covered(&edited.after, jid);
    for session in account.sessions().iter().filter(|session| session.is_available()) {
        for to in directed::take_if(session, blocked) {
            left.route(Presence::new(PresenceKind::Unavailable, &session.jid, &to));
        }
    }
    let Some(contacts) = Contacts::of(account) else { return };
    for contact in contacts.list().iter() {
        let (jid, subscribed) = (contact.jid.as_jid(), contact.item.subscription);
        if seen(subscribed) && blocked(jid) {
            hide(account, jid, left);
        } else if seen(subscribed) && unblocked(jid) {
            show(account, jid, left);
        }
        if sees(subscribed) && unblocked(jid) {
            // What was not delivered meanwhile is asked for again.
            left.route(subscription(PresenceKind::Probe, &account.jid, &contact.jid));
        }
    }
    // One resource of a contact: the list above is of bare JIDs.
    let resources = |list: &List, of: &List| -> Vec<Jid> {
        let new = list.difference(of).filter_map(|jid| Jid::parse(jid).ok());
        new.filter(|jid| !jid.is_bare() && contacts.is_seen_by(jid.bare_str())).collect()
    };
    for jid in resources(&edited.after, &edited.before).iter().filter(|jid| blocked(jid)) {
        hide(account, jid, left);
    }
    for jid in resources(&edited.before, &edited.after).iter().filter(|jid| unblocked(jid)) {
        show(account, jid, left);
    }
}

fn hide(account: &Account, to: &Jid, left: &mut Left) {
    for session in account.sessions().iter().filter(|session| session.is_available()) {
        left.route(Presence::new(PresenceKind::Unavailable, &session.jid, to));
    }
}

fn show(account: &Account, to: &Jid, left: &mut Left) {
    for presence in account.sessions().iter().filter_map(|session| session.presence()) {
        left.route(Presence {
            head: Head { to: Some(to.clone()), ..presence.head.clone() },
            ..(*presence).clone()
        });
    }
}
