//! What people who do not know each other may do: how much, and who not at all (`[guard]`).
//!
//! Stands before whatever takes requests and messages. A contact pays one look into the roster.

use std::sync::Arc;

use rialto_xmpp::{Condition, Jid, Message, MessageKind, PresenceKind, Stanza, StanzaError, ns};

use super::contacts::{Contacts, is_shown};
use super::record::{Worth, worth};
use super::{About, Feature, Origin, Phase, Spec, Turn, Verdict};
use crate::guards::{Guards, TooMuch};
use crate::sessions::Account;

static ABOUT: About = About { spec: Spec::Own("strangers"), disco: &[], iq: &[], at: &[Phase::Inbound] };

/// Looks at what comes from people whom the recipient does not know.
pub struct Strangers {
    guards: Arc<Guards>,
    admins: Vec<Jid>,
}

/// The feature; `admins` are nobody's strangers.
pub fn new(guards: &Arc<Guards>, admins: Vec<Jid>) -> Strangers {
    Strangers { guards: guards.clone(), admins }
}

/// How somebody turns to an account.
enum Approach {
    Message,
    Request,
    /// By himself (XEP-0249).
    Invitation,
    /// Through a room (XEP-0045 §7.8.2); who invites, as far as the room tells.
    InvitationOfRoom(Option<Jid>),
}

impl Feature for Strangers {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn inbound(&self, turn: &mut Turn<'_>) -> Verdict {
        let (Some(from), Some(approach)) = (turn.stanza.sender(), approach(turn)) else {
            return Verdict::Next;
        };
        if self.is_known(turn.account, from) {
            return Verdict::Next;
        }
        let own = turn.account.jid.as_jid();
        if let Approach::InvitationOfRoom(inviter) = approach {
            let inviter = inviter.as_ref();
            if inviter.is_some_and(|inviter| self.is_known(turn.account, inviter)) {
                return Verdict::Next;
            }
            let away = self.guards.keeps_from_accounts(from)
                || inviter.is_some_and(|one| self.guards.keeps_from_accounts(one));
            // An error would only tell the room.
            return if away || self.guards.invited(own).is_err() { Verdict::Done } else { Verdict::Next };
        }
        if self.guards.keeps_from_accounts(from) {
            let text = "Your address is on a list of addresses that this server keeps away.";
            return Verdict::Refuse(Box::new(StanzaError::new(Condition::PolicyViolation, text)));
        }
        let allowed = match approach {
            Approach::Message => self.guards.message(from, own),
            Approach::Request => self.guards.request(from, own),
            Approach::Invitation => self.guards.invites(from).and_then(|()| self.guards.message(from, own)),
            Approach::InvitationOfRoom(_) => Ok(()),
        };
        allowed.map_or_else(refuse, |()| Verdict::Next)
    }
}

impl Strangers {
    /// A contact, oneself, or who runs the server.
    fn is_known(&self, account: &Account, from: &Jid) -> bool {
        let bare = from.bare_str();
        let contact = |contacts: Arc<Contacts>| {
            contacts.list().get(bare).is_some_and(|contact| is_shown(&contact.item))
        };
        bare == account.jid.as_str()
            || Contacts::of(account).is_some_and(contact)
            || self.admins.iter().any(|admin| admin.bare_str() == bare)
    }
}

fn refuse(why: TooMuch) -> Verdict {
    Verdict::Refuse(Box::new(why.into()))
}

/// `None`: nothing that a stranger could trouble anybody with. What services of this server send (private messages of
/// rooms, events) was checked by them; their invitations are somebody's.
fn approach(turn: &Turn<'_>) -> Option<Approach> {
    let message = match &*turn.stanza {
        Stanza::Presence(presence) => {
            return (presence.kind == PresenceKind::Subscribe).then_some(Approach::Request);
        }
        Stanza::Message(message) => message,
        Stanza::Iq(_) => return None,
    };
    if !matches!(message.kind, MessageKind::Chat | MessageKind::Normal) {
        return None;
    }
    match turn.origin {
        Origin::Server => invitation_of_room(message),
        Origin::Session(..) if message.payload("x", ns::CONFERENCE).is_some() => Some(Approach::Invitation),
        Origin::Session(..) => (worth(message) != Worth::Moment).then_some(Approach::Message),
    }
}

fn invitation_of_room(message: &Message) -> Option<Approach> {
    let invite = message.payload("x", ns::MUC_USER)?.child("invite", ns::MUC_USER)?;
    Some(Approach::InvitationOfRoom(invite.get("from").and_then(|from| Jid::parse(from).ok())))
}

#[cfg(test)]
mod tests {
    use super::super::contacts::{Keeper, Limits};
    use super::super::probe::{Probe, heard};
    use super::super::{presence, roster, subscriptions};
    use super::*;
    use crate::config;

    fn probe(settings: config::Guard) -> Probe {
        Probe::new(move |store, accounts| {
            let (keeper, limits) = (Arc::new(Keeper::new(store)), Limits::default());
            let nurse = Jid::parse("nurse@localhost").unwrap();
            vec![
                Box::new(new(&Guards::open(&settings, Vec::new()), vec![nurse])),
                Box::new(roster::new(&keeper, limits)),
                Box::new(subscriptions::new(&keeper, limits)),
                Box::new(presence::new(accounts)),
            ]
        })
    }

    const WORDS: &str = "<message type='chat' to='juliet@localhost'><body>hi</body></message>";

    #[tokio::test]
    async fn contacts_and_admins_are_no_strangers() {
        let probe = probe(config::Guard { unanswered: 1, requests: 1, ..config::Guard::default() });
        let juliet = probe.available("juliet@localhost/balcony").await;
        let add = "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='romeo@localhost'/></query></iq>";
        probe.asks(&juliet, add).await.unwrap();
        for (who, expected) in [("romeo", 5), ("nurse", 5), ("tybalt", 1)] {
            let session = probe.available(&format!("{who}@localhost/x")).await;
            heard(&juliet);
            let mut refused = Vec::new();
            for _ in 0..5 {
                refused.extend(probe.sends(&session, WORDS).await.refused);
            }
            assert_eq!(heard(&juliet).len(), expected, "{who}");
            assert!(refused.iter().all(|error| error.condition == Condition::PolicyViolation));
        }
    }

    #[tokio::test]
    async fn typing_is_not_counted_and_requests_are() {
        let probe = probe(config::Guard { unanswered: 1, requests: 2, ..config::Guard::default() });
        let romeo = probe.available("romeo@localhost/x").await;
        for _ in 0..5 {
            let typing = "<message type='chat' to='juliet@localhost'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>";
            assert!(probe.sends(&romeo, typing).await.refused.is_none());
        }
        assert!(probe.sends(&romeo, WORDS).await.refused.is_none());
        let mut refused = 0;
        for n in 0..4 {
            let request = format!("<presence type='subscribe' to='n{n}@localhost'/>");
            refused += usize::from(probe.sends(&romeo, &request).await.refused.is_some());
        }
        assert_eq!(refused, 2);
    }

    #[tokio::test]
    async fn a_room_brings_only_so_many_invitations_of_strangers() {
        let probe = probe(config::Guard { strangers: 2, ..config::Guard::default() });
        let juliet = probe.available("juliet@localhost/balcony").await;
        for n in 0..5 {
            let invitation = format!(
                "<message from='r{n}@rooms.localhost' to='juliet@localhost'>\
                 <x xmlns='http://jabber.org/protocol/muc#user'><invite from='tybalt@localhost'/></x></message>"
            );
            assert!(probe.comes(&invitation).await.refused.is_none());
        }
        assert_eq!(heard(&juliet).len(), 2);
    }
}
