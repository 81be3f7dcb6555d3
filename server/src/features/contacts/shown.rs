//! RFC 6121 §4.4: a session's presence as it is shown, and shown anew when the server itself has changed it.

use std::sync::Arc;

use rialto_xmpp::{Broadcast, Head, Presence, Stanza};

use super::{Contacts, seen, sees};
use crate::features::Left;
use crate::features::blocked::{apart, blocks};
use crate::sessions::{Account, Accounts, Frame, Session, Urgency, urgent};

/// A session's presence, serialised for whoever may see it; an extension of the session.
#[derive(Clone)]
pub struct Shown {
    broadcast: Arc<Broadcast>,
    urgency: Urgency,
}

impl Shown {
    /// Serialises a presence.
    pub fn new(stanza: &Stanza) -> Shown {
        Shown { broadcast: Arc::new(stanza.broadcast()), urgency: urgent(stanza) }
    }

    /// For one who sees it; `to` is escaped for an attribute.
    pub fn to(&self, to: &Arc<str>) -> Frame {
        Frame::addressed(&self.broadcast, to, self.urgency)
    }
}

/// Changes the presence of each available session, and leaves it for the account's own sessions and for all contacts
/// that see it.
pub fn refresh(account: &Account, accounts: &Accounts, change: impl Fn(&mut Presence), left: &mut Left) {
    let Some(contacts) = Contacts::of(account) else { return };
    let sessions = account.sessions();
    for session in sessions.iter() {
        let Some(presence) = session.presence() else { continue };
        let mut presence = (*presence).clone();
        change(&mut presence);
        let shown = Shown::new(&Stanza::Presence(presence.clone()));
        session.extensions.put(shown.clone());
        for own in sessions.iter().filter(|own| own.is_available()) {
            left.frame(own, shown.to(&contacts.own));
        }
        for contact in contacts.list().iter().filter(|contact| seen(contact.item.subscription)) {
            if contact.jid.domainpart() != account.jid.domainpart() {
                if !blocks(account, contact.jid.as_jid()) {
                    let head = Head { to: Some(contact.jid.clone().into_jid()), ..presence.head.clone() };
                    left.route(Presence { head, ..presence.clone() });
                }
                continue;
            }
            let Some(other) = accounts.get(contact.jid.as_str()) else { continue };
            let agrees = Contacts::of(&other)
                .and_then(|theirs| theirs.subscription(account.jid.as_str()))
                .is_some_and(sees);
            let hidden = |peer: &Session| !peer.is_available() || apart(account, session, &other, peer);
            for peer in other.sessions().iter().filter(|peer| agrees && !hidden(peer)) {
                left.frame(peer, shown.to(&contact.to));
            }
        }
        session.set_presence(Some(Arc::new(presence)));
    }
}
