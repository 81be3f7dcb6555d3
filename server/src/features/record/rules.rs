//! XEP-0313 §6.1, XEP-0160 §3, XEP-0334 §4: which messages are worth keeping.

use rialto_xmpp::{Message, MessageKind, ns};

use crate::payloads::meaning;

/// How long a message is worth keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// Its type is not kept: rooms keep their own, headlines and errors are of the moment.
    Never,
    /// It says nothing that matters later (typing, and the like).
    Moment,
    /// It says something, and its sender asks that nobody keep it (XEP-0334 §4.2).
    Unkept,
    /// Until it is delivered (XEP-0334 §4.1).
    Delivery,
    /// For good.
    Archive,
}

/// How long this message is worth keeping.
pub fn worth(message: &Message) -> Worth {
    if !matches!(message.kind, MessageKind::Chat | MessageKind::Normal) {
        return Worth::Never;
    }
    let (mut says, mut no_store, mut no_archive) = (false, false, false);
    for payload in &message.payloads {
        match payload.name() {
            "no-store" if *payload.ns() == *ns::HINTS => no_store = true,
            "no-permanent-store" if *payload.ns() == *ns::HINTS => no_archive = true,
            _ => says = says || meaning(payload).is_kept(),
        }
    }
    match (says, no_store, no_archive) {
        (false, ..) => Worth::Moment,
        (true, true, _) => Worth::Unkept,
        (true, false, true) => Worth::Delivery,
        (true, false, false) => Worth::Archive,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::probe::stanza;
    use super::*;
    use rialto_xmpp::Stanza;

    fn of(inside: &str) -> Worth {
        of_type("chat", inside)
    }

    fn of_type(kind: &str, inside: &str) -> Worth {
        match stanza(&format!("<message type='{kind}' from='a@b/c' to='d@e'>{inside}</message>")) {
            Stanza::Message(message) => worth(&message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn words_are_archived_and_typing_is_not() {
        assert_eq!(of("<body>hi</body>"), Worth::Archive);
        assert_eq!(of("<composing xmlns='http://jabber.org/protocol/chatstates'/>"), Worth::Moment);
        assert_eq!(
            of("<body>hi</body><active xmlns='http://jabber.org/protocol/chatstates'/>"),
            Worth::Archive
        );
        assert_eq!(of("<request xmlns='urn:xmpp:receipts'/>"), Worth::Moment);
        assert_eq!(of(""), Worth::Moment);
    }

    #[test]
    fn what_refers_to_earlier_words_is_archived_without_a_body() {
        for payload in [
            "<received xmlns='urn:xmpp:receipts' id='1'/>",
            "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
            "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>",
            "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>",
            "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
            "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>",
            "<x xmlns='jabber:x:conference' jid='a@b'/>",
            "<x xmlns='http://jabber.org/protocol/muc#user'><invite/></x>",
            "<unknown xmlns='urn:example'/><store xmlns='urn:xmpp:hints'/>",
        ] {
            assert_eq!(of(payload), Worth::Archive, "{payload}");
        }
    }

    #[test]
    fn hints_are_obeyed() {
        assert_eq!(of("<body>hi</body><no-store xmlns='urn:xmpp:hints'/>"), Worth::Unkept);
        assert_eq!(of("<body>hi</body><no-permanent-store xmlns='urn:xmpp:hints'/>"), Worth::Delivery);
        assert_eq!(
            of("<store xmlns='urn:xmpp:hints'/><no-store xmlns='urn:xmpp:hints'/>"),
            Worth::Unkept,
            "who asks for both is not kept"
        );
    }

    #[test]
    fn rooms_headlines_and_errors_are_not_for_accounts_and_private_messages_of_rooms_are() {
        for kind in ["groupchat", "headline", "error"] {
            assert_eq!(of_type(kind, "<body>hi</body><store xmlns='urn:xmpp:hints'/>"), Worth::Never);
        }
        let private = "<body>hi</body><x xmlns='http://jabber.org/protocol/muc#user'/>";
        assert_eq!(of(private), Worth::Archive);
        assert_eq!(of_type("normal", "<subject>hi</subject>"), Worth::Archive);
        assert_eq!(
            of("<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>"),
            Worth::Moment
        );
    }
}
