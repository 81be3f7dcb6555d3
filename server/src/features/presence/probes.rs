//! RFC 6121 §4.3.2: who asks for presence hears what he may.

use rialto_xmpp::{Presence, PresenceKind};

use crate::features::Turn;
use crate::features::contacts::{Contacts, subscription};

/// Leaves the answer to a probe.
pub(super) fn answer(turn: &mut Turn<'_>) {
    let account = turn.account;
    let Some(from) = turn.stanza.head().from.clone() else { return };
    let own = from.bare_str() == account.jid.as_str();
    let contacts = Contacts::of(account);
    if !own && !contacts.is_some_and(|contacts| contacts.is_seen_by(from.bare_str())) {
        // Rule 1: no subscription. That is also what is said of an account that does not exist.
        turn.left.route(subscription(PresenceKind::Unsubscribed, &account.jid, &from.bare()));
        return;
    }
    let mut nobody = true;
    for presence in account.sessions().iter().filter_map(|session| session.presence()) {
        let mut presence = (*presence).clone();
        presence.head.to = Some(from.clone());
        turn.left.route(presence);
        nobody = false;
    }
    if nobody {
        // Rule 2.
        turn.left.route(Presence::new(PresenceKind::Unavailable, account.jid.as_jid(), &from));
    }
}
