//! RFC 6121 §4.2, §4.3, §4.4, §4.5: what all who may see a session hear of it.
//!
//! One serialisation for everybody. Contacts of the same domain are told straight into their outboxes; the rest is
//! routed. A session that becomes available hears of its contacts in the same walk: what a probe would have brought
//! (§4.3.2), without the probe.

use std::sync::Arc;

use rialto_store::rosters::Subscription;
use rialto_xmpp::write::escape_attr;
use rialto_xmpp::{Head, Jid, Presence, PresenceKind, Stanza};

use super::Presences;
use crate::features::blocked::{apart, blocks};
use crate::features::contacts::{Contact, Contacts, Shown, directed, seen, sees, subscription};
use crate::features::{Left, Turn};
use crate::sessions::{Account, Session};

impl Presences {
    /// §4.2.2, §4.4.2: initial presence, or a later one.
    pub(super) fn becomes_available(&self, turn: &mut Turn<'_>) {
        let (Some(session), Some(contacts)) = (turn.session, Contacts::of(turn.account)) else { return };
        let Stanza::Presence(presence) = &*turn.stanza else { return };
        let initial = !session.is_available();
        let shown = Shown::new(turn.stanza);
        session.set_presence(Some(Arc::new(presence.clone())));
        session.extensions.put(shown.clone());
        let me: Arc<str> = escape_attr(session.jid.as_str()).into();
        let left = &mut *turn.left;
        for own in turn.account.sessions().iter().filter(|own| own.is_available()) {
            // §4.2.2: all of the user's available resources, the new one among them.
            left.frame(own, shown.to(&contacts.own));
            if initial && own.jid != session.jid {
                hear(own, session, &me, left);
            }
        }
        let list = contacts.list();
        for contact in list.iter() {
            let is_seen = seen(contact.item.subscription);
            let hears = initial && sees(contact.item.subscription);
            if !is_seen && !hears || blocks(turn.account, contact.jid.as_jid()) {
                continue;
            }
            if !is_neighbour(turn.account, contact) {
                if is_seen {
                    route(turn.stanza, contact, left);
                }
                if hears {
                    // §4.3.1
                    left.route(subscription(PresenceKind::Probe, &turn.account.jid, &contact.jid));
                }
                continue;
            }
            // Who is not in memory has no session: there is nobody to tell and nothing to hear.
            let Some((other, theirs)) = self.neighbour(contact) else { continue };
            let agreed = theirs.subscription(turn.account.jid.as_str()).unwrap_or(Subscription::None);
            let hidden = |peer: &Session| apart(turn.account, session, &other, peer);
            for peer in other.sessions().iter().filter(|peer| peer.is_available() && !hidden(peer)) {
                if is_seen && sees(agreed) {
                    left.frame(peer, shown.to(&contact.to));
                }
                if hears && seen(agreed) {
                    hear(peer, session, &me, left);
                }
            }
        }
    }

    /// §4.5.2, §4.5.3: to all who saw the session, and to whom it had shown itself by name (§4.6.3).
    pub(super) fn becomes_unavailable(&self, turn: &mut Turn<'_>) {
        let Some(session) = turn.session else { return };
        let was_available = session.is_available();
        session.set_presence(None);
        session.extensions.remove::<Shown>();
        let contacts = Contacts::of(turn.account).filter(|_| was_available);
        if let Some(contacts) = &contacts {
            self.tell_unavailable(turn, contacts);
        }
        for to in directed::take(session) {
            let told = contacts.as_ref().is_some_and(|contacts| contacts.is_seen_by(to.bare_str()));
            if told && to.domainpart() == turn.account.jid.domainpart() {
                continue;
            }
            if let Stanza::Presence(presence) = &*turn.stanza {
                turn.left.route(addressed(presence, to));
            }
        }
    }

    fn tell_unavailable(&self, turn: &mut Turn<'_>, contacts: &Contacts) {
        let shown = Shown::new(turn.stanza);
        let left = &mut *turn.left;
        let sessions = turn.account.sessions();
        // The session is unavailable already; where it is still connected it hears its own words too.
        for own in sessions.iter().filter(|own| own.is_available()).chain(turn.session) {
            left.frame(own, shown.to(&contacts.own));
        }
        for contact in contacts.list().iter().filter(|contact| seen(contact.item.subscription)) {
            if blocks(turn.account, contact.jid.as_jid()) {
                continue;
            }
            if !is_neighbour(turn.account, contact) {
                route(turn.stanza, contact, left);
                continue;
            }
            let Some((other, theirs)) = self.neighbour(contact) else { continue };
            if theirs.sees(turn.account.jid.as_str()) {
                let hidden =
                    |peer: &Session| turn.session.is_some_and(|own| apart(turn.account, own, &other, peer));
                for peer in other.sessions().iter().filter(|peer| peer.is_available() && !hidden(peer)) {
                    left.frame(peer, shown.to(&contact.to));
                }
            }
        }
    }

    /// The account of a contact of the same domain, if anybody is connected to it.
    fn neighbour(&self, contact: &Contact) -> Option<(Arc<Account>, Arc<Contacts>)> {
        let other = self.accounts.get(contact.jid.as_str())?;
        let contacts = Contacts::of(&other)?;
        Some((other, contacts))
    }
}

/// `session` hears of `peer`.
fn hear(peer: &Session, session: &Arc<Session>, me: &Arc<str>, left: &mut Left) {
    if let Some(shown) = peer.extensions.get::<Shown>() {
        left.frame(session, shown.to(me));
    }
}

/// Whether the contact is an account of the same domain, to be told directly.
fn is_neighbour(account: &Account, contact: &Contact) -> bool {
    contact.jid.domainpart() == account.jid.domainpart() && contact.jid.localpart().is_some()
}

fn route(stanza: &Stanza, contact: &Contact, left: &mut Left) {
    if let Stanza::Presence(presence) = stanza {
        left.route(addressed(presence, contact.jid.clone().into_jid()));
    }
}

fn addressed(presence: &Presence, to: Jid) -> Presence {
    Presence { head: Head { to: Some(to), ..presence.head.clone() }, ..presence.clone() }
}
