//! XEP-0352, XEP-0357: what a room says to a session that nobody looks at. Words that mention its occupant, and all
//! words in a room for members only, come at once and are worth waking a sleeping device; other words can wait.

use std::sync::Arc;

use rialto_xmpp::{MessageKind, Stanza, ns, write};

use super::listener::{Listener, Printed};
use super::perform::parsed;
use super::room::Room;
use crate::payloads;
use crate::router::Router;
use crate::sessions::{Attention, Session, Urgency};

/// Whom words are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// They are no words.
    None,
    /// Everybody in the room.
    All,
    /// The one who gets them (XEP-0045 §7.5).
    One,
}

impl Words {
    /// What this stanza is.
    pub fn of(stanza: &Stanza) -> Words {
        match stanza {
            Stanza::Message(message) if payloads::ring(message).is_some() => match message.kind {
                MessageKind::Groupchat => Words::All,
                _ => Words::One,
            },
            _ => Words::None,
        }
    }
}

/// Gives words to a session that nobody looks at; says whether it is still there.
pub async fn give(
    router: &Arc<Router>,
    room: &Room,
    listener: &Listener,
    printed: &Printed,
    session: &Arc<Session>,
) -> bool {
    let concerned = printed.words() == Words::One || concerns(room, listener, printed);
    let frame = match concerned {
        true => printed.frame(listener),
        false => printed.frame(listener).with(Urgency::Later),
    };
    let is_there = session.send(frame).is_ok();
    if is_there
        && concerned
        && session.attention() == Attention::Asleep
        && let Some(stanza) = parsed(&printed.text(listener))
    {
        router.missed(session, stanza).await;
    }
    is_there
}

/// Whether words to everybody are worth this occupant's attention at once. His own are not.
fn concerns(room: &Room, listener: &Listener, printed: &Printed) -> bool {
    let Some(occupant) = room.occupant(&listener.jid) else { return false };
    let text = printed.tail();
    if printed.from.as_ref() == Some(&occupant.jid) {
        return false;
    }
    room.record.config.members_only
        || mentions(text, &occupant.nick, listener.jid.bare_str())
        || is_called(text, &occupant.id)
}

/// Whether the body names a nick as a word of its own, or a reference (XEP-0372 §3.2) an address. Looks at the bytes:
/// most sessions are awake, and nothing is kept for those that are not.
fn mentions(stanza: &[u8], nick: &str, bare: &str) -> bool {
    let find = |what: &[u8]| memchr::memmem::find(stanza, what);
    if find(ns::REFERENCE.as_bytes()).is_some()
        && find(format!("xmpp:{}", write::escape_attr(bare)).as_bytes()).is_some()
    {
        return true;
    }
    let Some(begin) = find(b"<body") else { return false };
    let Some(length) = memchr::memmem::find(&stanza[begin..], b"</body>") else { return false };
    let Some(body) = stanza.get(begin..begin + length) else { return false };
    let text = String::from_utf8_lossy(body).to_lowercase();
    let mut nick_as_written = Vec::new();
    write::escape_text(nick, &mut nick_as_written);
    let nick = String::from_utf8_lossy(&nick_as_written).to_lowercase();
    !nick.is_empty() && has_word(text.split_once('>').map_or("", |(_, text)| text), &nick)
}

/// XEP-0513 §4.2: whether the occupant is mentioned by his id, or everybody, or all of some role or affiliation. The room
/// has let the mention pass.
fn is_called(stanza: &[u8], id: &str) -> bool {
    let has = |what: &str| memchr::memmem::find(stanza, what.as_bytes()).is_some();
    has(&format!("<mention xmlns='{}'", ns::MENTIONS))
        && (has(&format!(" occupantid='{}'", write::escape_attr(id)))
            || has(&format!(" mentions='{}#", ns::MENTIONS)))
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|after| after.chars().next());
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(body: &str, nick: &str) -> bool {
        mentions(
            format!("><body>{body}</body><id xmlns='x' juliet=''/></message>").as_bytes(),
            nick,
            "juliet@capulet.lit",
        )
    }

    #[test]
    fn a_nick_is_mentioned_where_it_is_a_word_of_the_body() {
        assert!(named("Juliet: come to the balcony", "juliet"));
        assert!(named("where is juliet?", "Juliet"));
        assert!(named("R&amp;J are here", "R&J"));
        assert!(!named("julietta is here", "juliet"));
        assert!(!named("nobody", "juliet"));
        assert!(!mentions(b"><subject>juliet</subject></message>", "juliet", "a@b"));
    }

    #[test]
    fn who_is_called_by_his_id_or_with_all_is_called() {
        let stanza = |attribute: &str| {
            format!("><body>hi</body><mention xmlns='urn:xmpp:mentions:0' {attribute}/></message>")
                .into_bytes()
        };
        assert!(
            is_called(&stanza("occupantid='abc'"), "abc") && !is_called(&stanza("occupantid='abc'"), "ab")
        );
        assert!(is_called(&stanza("mentions='urn:xmpp:mentions:0#channel'"), "abc"));
        assert!(!is_called(b"><body>hi</body><occupant-id occupantid='abc'/></message>", "abc"));
    }

    #[test]
    fn a_reference_mentions_an_address() {
        let reference =
            b"><body>hi</body><reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:juliet@capulet.lit'/></message>";
        assert!(mentions(reference, "J", "juliet@capulet.lit"));
        assert!(!mentions(reference, "R", "romeo@montague.lit"));
    }
}
