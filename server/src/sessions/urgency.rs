//! XEP-0352 §3.2: which stanzas may wait while a client is inactive.

use rialto_xmpp::{Element, Message, MessageKind, PresenceKind, Stanza, ns};

use crate::payloads::meaning;

/// How long a stanza may wait for a client that nobody looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Not at all.
    Now,
    /// Until something urgent comes, or somebody looks.
    Later,
    /// The same, and the next one of the same sender makes it needless.
    Latest,
}

impl From<bool> for Urgency {
    /// Whether it is urgent.
    fn from(urgent: bool) -> Urgency {
        if urgent { Urgency::Now } else { Urgency::Later }
    }
}

/// Whether a stanza should reach an inactive client at once. Presence of contacts and rooms, typing, receipts, and
/// news of PEP can wait; a presence that asks something, and all else, cannot.
pub fn urgent(stanza: &Stanza) -> Urgency {
    match stanza {
        Stanza::Presence(presence) => {
            let mere = matches!(presence.kind, PresenceKind::Available | PresenceKind::Unavailable);
            if mere && !own_room_presence(stanza) { Urgency::Latest } else { Urgency::Now }
        }
        Stanza::Iq(_) => Urgency::Now,
        Stanza::Message(message) => urgency_of_message(message),
    }
}

fn urgency_of_message(message: &Message) -> Urgency {
    if message.kind == MessageKind::Error || message.payloads.is_empty() {
        return Urgency::Now;
    }
    if message.payloads.iter().any(is_prompt) {
        return Urgency::Now;
    }
    let states = message.payloads.iter().filter(|payload| *payload.ns() == *ns::CHAT_STATES).count();
    let lasting = message.payloads.iter().any(|payload| meaning(payload).is_kept());
    if states > 0 && !lasting { Urgency::Latest } else { Urgency::Later }
}

/// A copy (XEP-0280) is as urgent as what is in it; and what one has read elsewhere need not be shown any more.
fn is_prompt(payload: &Element) -> bool {
    if *payload.ns() != *ns::CARBONS {
        return meaning(payload).is_prompt();
    }
    let message =
        payload.child("forwarded", ns::FORWARD).and_then(|forwarded| forwarded.child("message", ns::CLIENT));
    message.is_none_or(|message| {
        let read = payload.name() == "sent" && message.child("displayed", ns::MARKERS).is_some();
        read || message.children().any(|inner| meaning(inner).is_prompt())
    })
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
    use rialto_xmpp::{Jid, Presence, parse};

    fn jid(text: &str) -> Jid {
        Jid::parse(text).unwrap()
    }

    fn message(inside: &str) -> Urgency {
        let text =
            format!("<message xmlns='jabber:client' type='chat' from='a@b/c' to='d@e'>{inside}</message>");
        urgent(&Stanza::read(parse::standalone(&text).unwrap()).unwrap())
    }

    const TYPING: &str = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";

    #[test]
    fn typing_can_wait_and_words_cannot() {
        assert_eq!(message(TYPING), Urgency::Latest);
        assert_eq!(message(&format!("{TYPING}<body>hi</body>")), Urgency::Now);
        assert_eq!(message("<received xmlns='urn:xmpp:receipts' id='1'/>"), Urgency::Later);
        assert_eq!(
            message(&format!("{TYPING}<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>")),
            Urgency::Later,
            "the marker must not be lost with the typing"
        );
        assert_eq!(message("<unknown xmlns='urn:example'/>"), Urgency::Now);
    }

    #[test]
    fn a_copy_is_as_urgent_as_what_was_copied() {
        let copy = |kind: &str, inside: &str| {
            message(&format!(
                "<{kind} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
                 <message xmlns='jabber:client'>{inside}</message></forwarded></{kind}>"
            ))
        };
        const READ: &str = "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>";
        assert_eq!(copy("received", "<body>hi</body>"), Urgency::Now);
        assert_eq!(copy("received", READ), Urgency::Later);
        assert_eq!(copy("sent", READ), Urgency::Now);
        assert_eq!(copy("sent", TYPING), Urgency::Later);
    }

    #[test]
    fn a_contact_going_away_can_wait_and_a_subscription_request_cannot() {
        let away = Presence::new(PresenceKind::Unavailable, &jid("a@b/c"), &jid("d@e"));
        let request = Presence::new(PresenceKind::Subscribe, &jid("a@b"), &jid("d@e"));
        assert_eq!(urgent(&away.into()), Urgency::Latest);
        assert_eq!(urgent(&request.into()), Urgency::Now);
    }
}
