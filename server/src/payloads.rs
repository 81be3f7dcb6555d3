//! What the payloads of a message mean to a server that reads none of them: the one table of what is archived and kept
//! for later (XEP-0313 §6.1, XEP-0160 §3), copied (XEP-0280 §6.1), passed on to a client that nobody looks at
//! (XEP-0352 §3.2), and worth waking a device (XEP-0357 §7).
//!
//! | payload | kept | copied¹ | prompt | rings |
//! |---|---|---|---|---|
//! | body; OMEMO 0384, OpenPGP 0373/0027; file 0447, link 0066 | yes | yes | yes | yes² |
//! | subject | yes | | yes | |
//! | correction 0308, retraction 0424, reaction 0444 | yes | yes | yes | |
//! | moderation 0425 | yes | | yes | |
//! | receipt 0184, marker 0333 | yes | yes | | |
//! | their requests, chat state 0085 | | yes | | |
//! | call proposed 0353 | yes | yes | yes | at once |
//! | what else is said of a call 0353 | yes | yes | yes | |
//! | invitation to a room 0045, 0249 | yes | always | yes | yes |
//! | its refusal | yes | | yes | |
//! | attention 0224 | | yes | yes | |
//! | `<store/>` 0334 | yes | | | |
//! | other hints 0334, ids 0359, EME 0380, reply 0461, fallback 0428, styling 0393, delay 0203, nick 0172 | | | | |
//! | PEP events 0163, but displayed markers of one's own devices 0490 | | | no, yes | |
//! | what is not known | | | yes | |
//!
//! ¹ of a message of type `normal`; `chat` is copied whatever is in it. ² an OMEMO message without content does not ring.

use rialto_xmpp::{Element, Message, MessageKind, ns};

/// What one payload means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meaning(u8);

/// Why a device is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// Somebody said something, or invites to a room.
    Words,
    /// Somebody calls: it cannot wait.
    Call,
}

const NOTHING: Meaning = Meaning(0);
const KEPT: Meaning = Meaning(1);
const COPIED: Meaning = Meaning(2);
const PROMPT: Meaning = Meaning(4);
const RINGS: Meaning = Meaning(8);
const CALLS: Meaning = Meaning(16);
/// What people say to each other.
const WORDS: Meaning = KEPT.and(COPIED).and(PROMPT).and(RINGS);
/// What changes words said before.
const ABOUT_WORDS: Meaning = KEPT.and(COPIED).and(PROMPT);

impl Meaning {
    const fn and(self, other: Meaning) -> Meaning {
        Meaning(self.0 | other.0)
    }

    const fn has(self, other: Meaning) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it is read later: archived, and kept for who is away.
    pub fn is_kept(self) -> bool {
        self.has(KEPT)
    }

    /// Whether it makes a message of type `normal` one of a conversation, which is copied to other devices.
    pub fn is_copied(self) -> bool {
        self.has(COPIED)
    }

    /// Whether a client that nobody looks at gets it at once.
    pub fn is_prompt(self) -> bool {
        self.has(PROMPT)
    }
}

/// The table.
pub fn meaning(payload: &Element) -> Meaning {
    let name = payload.name();
    match (payload.ns().as_str(), name) {
        (ns::CLIENT, "body") => WORDS,
        (ns::CLIENT, "subject") => KEPT.and(PROMPT),
        (ns::CLIENT, "thread") => NOTHING,
        (ns::CHAT_STATES, _) => COPIED,
        (ns::HINTS, "store") => KEPT,
        (ns::OMEMO | ns::OMEMO_LEGACY, "encrypted") => encrypted(payload),
        (ns::OPENPGP, "openpgp")
        | (ns::OPENPGP_LEGACY | ns::OOB, "x")
        | (ns::FILE_SHARING, "file-sharing" | "sources") => WORDS,
        (ns::RECEIPTS, "received") => KEPT.and(COPIED),
        (ns::MARKERS, "markable") | (ns::RECEIPTS, _) => COPIED,
        (ns::MARKERS, _) => KEPT.and(COPIED),
        (ns::REACTIONS | ns::RETRACT | ns::CORRECT, _) => ABOUT_WORDS,
        (ns::MODERATE, _) => KEPT.and(PROMPT),
        (ns::JINGLE_MESSAGE, "propose") => ABOUT_WORDS.and(CALLS),
        (ns::JINGLE_MESSAGE, _) => ABOUT_WORDS,
        (ns::CONFERENCE, "x") => KEPT.and(PROMPT).and(RINGS),
        (ns::MUC_USER, _) => of_a_room(payload),
        (ns::ATTENTION, _) => COPIED.and(PROMPT),
        (ns::PUBSUB_EVENT, _) => event(payload),
        (
            ns::HINTS
            | ns::SID
            | ns::OCCUPANT_ID
            | ns::EME
            | ns::REPLY
            | ns::FALLBACK
            | ns::STYLING
            | ns::DELAY
            | ns::NICK
            | ns::MARKUP
            | ns::HATS,
            _,
        ) => NOTHING,
        _ => PROMPT,
    }
}

/// Whether this message is worth waking the devices of who gets it, if it is from somebody else and of type `chat`,
/// `normal` or `groupchat`.
pub fn ring(message: &Message) -> Option<Ring> {
    if matches!(message.kind, MessageKind::Error | MessageKind::Headline) {
        return None;
    }
    let all = message.payloads.iter().fold(NOTHING, |all, payload| all.and(meaning(payload)));
    match (all.has(CALLS), all.has(RINGS)) {
        (true, _) => Some(Ring::Call),
        (false, true) => Some(Ring::Words),
        (false, false) => None,
    }
}

/// Whether the words are hidden from the server: what stands in the body then is not what was said.
pub fn is_encrypted(message: &Message) -> bool {
    let hides = |payload: &Element| {
        matches!(
            payload.ns().as_str(),
            ns::OMEMO | ns::OMEMO_LEGACY | ns::OPENPGP | ns::OPENPGP_LEGACY | ns::EME
        )
    };
    message.payloads.iter().any(hides)
}

/// XEP-0384 §4.7: without `<payload/>` it only carries keys.
fn encrypted(payload: &Element) -> Meaning {
    if payload.children().any(|child| child.name() == "payload") { WORDS } else { ABOUT_WORDS }
}

/// XEP-0045 §7.8.2: a mediated invitation, its refusal, or only what the room adds.
fn of_a_room(payload: &Element) -> Meaning {
    let has = |name| payload.children().any(|child| child.name() == name);
    match (has("invite"), has("decline")) {
        (true, _) => KEPT.and(PROMPT).and(RINGS),
        (false, true) => KEPT.and(PROMPT),
        (false, false) => NOTHING,
    }
}

/// XEP-0490: what was read elsewhere need not be shown here any more.
fn event(payload: &Element) -> Meaning {
    let displayed = payload.children().any(|items| items.get("node") == Some(ns::DISPLAYED_SYNC));
    if displayed { PROMPT } else { NOTHING }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::{Stanza, parse};

    fn message(kind: &str, inside: &str) -> Message {
        let text =
            format!("<message xmlns='jabber:client' type='{kind}' from='a@b/c' to='d@e'>{inside}</message>");
        match Stanza::read(parse::standalone(&text).unwrap()).unwrap() {
            Stanza::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    /// Kept, copied, prompt, rings: as letters.
    fn letters(inside: &str) -> String {
        let message = message("chat", inside);
        let all = message.payloads.iter().fold(NOTHING, |all, payload| all.and(meaning(payload)));
        let ring = ring(&message);
        [
            (all.is_kept(), "k"),
            (all.is_copied(), "c"),
            (all.is_prompt(), "p"),
            (ring == Some(Ring::Words), "r"),
            (ring == Some(Ring::Call), "!"),
        ]
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, letter)| *letter)
        .collect()
    }

    #[test]
    fn the_table_is_what_it_says() {
        for (expected, inside) in [
            ("kcpr", "<body>hi</body>"),
            ("kcpr", "<encrypted xmlns='eu.siacs.conversations.axolotl'><payload/></encrypted>"),
            ("kcp", "<encrypted xmlns='eu.siacs.conversations.axolotl'><header/></encrypted>"),
            ("kcpr", "<openpgp xmlns='urn:xmpp:openpgp:0'/>"),
            ("kcpr", "<file-sharing xmlns='urn:xmpp:sfs:0'/>"),
            ("kp", "<subject>hi</subject>"),
            ("c", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
            ("c", "<request xmlns='urn:xmpp:receipts'/>"),
            ("kc", "<received xmlns='urn:xmpp:receipts' id='1'/>"),
            ("kc", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>"),
            ("kcp", "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>"),
            ("kcp", "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>"),
            ("kcp!", "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>"),
            ("kcp", "<ringing xmlns='urn:xmpp:jingle-message:0' id='1'/>"),
            ("kpr", "<x xmlns='jabber:x:conference' jid='a@b'/>"),
            ("kpr", "<x xmlns='http://jabber.org/protocol/muc#user'><invite/></x>"),
            ("", "<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>"),
            ("cp", "<attention xmlns='urn:xmpp:attention:0'/>"),
            ("k", "<store xmlns='urn:xmpp:hints'/>"),
            ("", "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/><no-copy xmlns='urn:xmpp:hints'/>"),
            ("", "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='x'/></event>"),
            (
                "p",
                "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:mds:displayed:0'/></event>",
            ),
            ("p", "<unknown xmlns='urn:example'/>"),
        ] {
            assert_eq!(letters(inside), expected, "{inside}");
        }
    }

    #[test]
    fn errors_and_headlines_wake_nobody() {
        assert_eq!(ring(&message("error", "<body>hi</body>")), None);
        assert_eq!(ring(&message("headline", "<body>hi</body>")), None);
        assert_eq!(ring(&message("groupchat", "<body>hi</body>")), Some(Ring::Words));
    }

    #[test]
    fn the_body_of_an_encrypted_message_is_not_what_was_said() {
        assert!(is_encrypted(&message("chat", "<body>x</body><encryption xmlns='urn:xmpp:eme:0'/>")));
        assert!(!is_encrypted(&message("chat", "<body>x</body>")));
    }
}
