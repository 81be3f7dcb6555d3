//! XEP-0352 §5.1: which stanzas may wait while a client is inactive.

use rialto_xmpp::{MessageKind, PresenceKind, Stanza, ns};

/// Whether a stanza should reach an inactive client at once. Presence of contacts and rooms, and messages that say
/// no more than a chat state, can wait; a presence that asks something, and all else, cannot.
pub fn urgent(stanza: &Stanza) -> bool {
    match stanza {
        Stanza::Presence(presence) => {
            !matches!(presence.kind, PresenceKind::Available | PresenceKind::Unavailable)
                || own_room_presence(stanza)
        }
        Stanza::Iq(_) => true,
        Stanza::Message(message) => {
            message.kind == MessageKind::Error
                || message.payloads.is_empty()
                || message.payloads.iter().any(|payload| {
                    !(*payload.ns() == *ns::CHAT_STATES
                        || payload.is("thread", ns::CLIENT)
                        || *payload.ns() == *ns::HINTS
                        || *payload.ns() == *ns::SID
                        || *payload.ns() == *ns::OCCUPANT_ID)
                })
        }
    }
}

/// XEP-0045 status 110: a client must learn at once what happened to itself.
fn own_room_presence(stanza: &Stanza) -> bool {
    stanza.payload("x", ns::MUC_USER).is_some_and(|x| {
        x.children().any(|child| child.is("status", ns::MUC_USER) && child.get("code") == Some("110"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::{Element, Jid, Message, Presence};

    fn jid(text: &str) -> Jid {
        Jid::parse(text).unwrap()
    }

    #[test]
    fn typing_can_wait_and_words_cannot() {
        let message = Message::new(MessageKind::Chat, &jid("a@b/c"), &jid("d@e"));
        let typing = message.clone().with(Element::new("composing", ns::CHAT_STATES));
        let words = typing.clone().with(Element::new("body", ns::CLIENT).with_text("hi"));
        assert!(!urgent(&typing.into()));
        assert!(urgent(&words.into()));
    }

    #[test]
    fn a_contact_going_away_can_wait_and_a_subscription_request_cannot() {
        let away = Presence::new(PresenceKind::Unavailable, &jid("a@b/c"), &jid("d@e"));
        let request = Presence::new(PresenceKind::Subscribe, &jid("a@b"), &jid("d@e"));
        assert!(!urgent(&away.into()));
        assert!(urgent(&request.into()));
    }
}
