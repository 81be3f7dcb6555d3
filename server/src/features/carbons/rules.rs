//! XEP-0280 §6.1: which messages are copied (`urn:xmpp:carbons:rules:0`).

use rialto_xmpp::{Element, Message, MessageKind, ns};

use crate::payloads::meaning;

/// Whether a message is copied; `received`: to the recipient's devices.
pub(super) fn is_copied(message: &Message, received: bool) -> bool {
    // §9: and XEP-0334 §4.3.
    let private = |payload: &Element| payload.is("private", ns::CARBONS) || payload.is("no-copy", ns::HINTS);
    if message.payloads.iter().any(private) {
        return false;
    }
    let room = message.payload("x", ns::MUC_USER);
    let invites = room.is_some_and(|room| room.has("invite", ns::MUC_USER));
    if invites || message.payload("x", ns::CONFERENCE).is_some() {
        return !matches!(message.kind, MessageKind::Groupchat | MessageKind::Error);
    }
    if received && room.is_some() {
        // A private message of a room: the room has copied it to all who are in it.
        return false;
    }
    match message.kind {
        MessageKind::Chat => true,
        MessageKind::Normal => message.payloads.iter().any(|payload| meaning(payload).is_copied()),
        // The error of something that was copied; what cannot be told apart is copied too.
        MessageKind::Error => room.is_none(),
        MessageKind::Groupchat | MessageKind::Headline => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::probe::stanza;
    use super::*;
    use rialto_xmpp::Stanza;

    fn copied(received: bool, kind: &str, inside: &str) -> bool {
        match stanza(&format!("<message type='{kind}' from='a@b/c' to='d@e/f'>{inside}</message>")) {
            Stanza::Message(message) => is_copied(&message, received),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn conversations_are_copied_and_what_is_of_the_moment_for_all_is_not() {
        const STATE: &str = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
        for (kind, inside, expected) in [
            ("chat", "", true),
            ("chat", STATE, true),
            ("normal", "<body>hi</body>", true),
            ("normal", STATE, true),
            ("normal", "<received xmlns='urn:xmpp:receipts' id='1'/>", true),
            ("normal", "<x xmlns='urn:example'/>", false),
            ("error", "<body>hi</body>", true),
            ("headline", "<body>hi</body>", false),
            ("groupchat", "<body>hi</body>", false),
        ] {
            assert_eq!(copied(true, kind, inside), expected, "received {kind} {inside}");
            assert_eq!(copied(false, kind, inside), expected, "sent {kind} {inside}");
        }
    }

    #[test]
    fn who_asks_for_no_copies_gets_none() {
        assert!(!copied(true, "chat", "<body>hi</body><private xmlns='urn:xmpp:carbons:2'/>"));
        assert!(!copied(false, "chat", "<body>hi</body><no-copy xmlns='urn:xmpp:hints'/>"));
    }

    #[test]
    fn a_rooms_private_messages_are_copied_when_sent_and_invitations_both_ways() {
        const ROOM: &str = "<body>hi</body><x xmlns='http://jabber.org/protocol/muc#user'/>";
        assert!(copied(false, "chat", ROOM));
        assert!(!copied(true, "chat", ROOM));
        for invitation in [
            "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>",
            "<x xmlns='jabber:x:conference' jid='room@b'/>",
        ] {
            assert!(copied(true, "normal", invitation), "{invitation}");
        }
    }
}
