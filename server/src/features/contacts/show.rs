//! RFC 6121 §3.1.5, §3.2.2: an account's presence shown to one contact, and taken from it.

use rialto_xmpp::{BareJid, Head, Presence, PresenceKind};

use super::{Contacts, seen, sees};
use crate::features::Left;
use crate::sessions::Account;

/// Leaves the presence of each available session for a contact that may see it now.
pub fn show(account: &Account, contact: &BareJid, left: &mut Left) {
    for presence in account.sessions().iter().filter_map(|session| session.presence()) {
        let mut presence = (*presence).clone();
        presence.head.to = Some(contact.as_jid().clone());
        left.route(presence);
    }
}

/// Leaves an unavailable presence of each available session for a contact that may not see it any more.
pub fn hide(account: &Account, contact: &BareJid, left: &mut Left) {
    for session in account.sessions().iter().filter(|session| session.is_available()) {
        left.route(Presence::new(PresenceKind::Unavailable, &session.jid, contact.as_jid()));
    }
}

/// XEP-0077 §3.2: the account is about to be removed: every subscription and every request ends.
pub fn farewell(account: &Account, left: &mut Left) {
    let Some(contacts) = Contacts::of(account) else { return };
    for contact in contacts.list().iter() {
        let item = &contact.item;
        if sees(item.subscription) || item.ask {
            left.route(subscription(PresenceKind::Unsubscribe, &account.jid, &contact.jid));
        }
        if seen(item.subscription) || item.pending_in.is_some() {
            left.route(subscription(PresenceKind::Unsubscribed, &account.jid, &contact.jid));
        }
    }
}

/// A subscription stanza from an account to a contact, both by their bare JIDs (§3.1.2).
pub fn subscription(kind: PresenceKind, from: &BareJid, to: &BareJid) -> Presence {
    Presence { head: Head::between(from.as_jid(), to.as_jid()), kind, payloads: Vec::new() }
}
