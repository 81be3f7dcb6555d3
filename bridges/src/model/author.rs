//! Who speaks: a person on some network, under a nick that is safe to show anywhere.

use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;

/// The longest nick kept, in bytes: far below the 1023 that a resourcepart may have (RFC 7622 §3.4).
const NICK_BYTES: usize = 256;

/// A person on a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Author {
    /// What the network knows this person by, in its one canonical spelling: unique within one network at one time.
    pub id: Arc<str>,
    /// The name shown. Harmless: no control characters, no bidi overrides, one line, never empty.
    pub nick: Arc<str>,
    /// Where a picture lies, for everybody who may read the room.
    pub avatar: Option<Arc<str>>,
    /// The kind of network, as `Kind::name` spells it.
    pub network: &'static str,
    /// The account this person has proven to the network, which survives changes of nick. Of somebody of ours: his bare
    /// JID, which no network ever shows.
    pub account: Option<Arc<str>>,
    /// Where this person comes from (`user@host`), for moderators and bans only: never shown to the room.
    pub address: Option<Arc<str>>,
}

/// An author as he is written down; read back, his nick is made harmless again.
#[derive(Deserialize)]
struct Kept {
    id: Arc<str>,
    nick: String,
    #[serde(default)]
    avatar: Option<Arc<str>>,
    network: String,
    #[serde(default)]
    account: Option<Arc<str>>,
    #[serde(default)]
    address: Option<Arc<str>>,
}

impl<'de> Deserialize<'de> for Author {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Kept::deserialize(from).map(Author::from)
    }
}

impl From<Kept> for Author {
    fn from(kept: Kept) -> Author {
        let Kept { id, nick, avatar, network, account, address } = kept;
        Author { avatar, account, address, ..Author::new(id, &nick, known(&network)) }
    }
}

/// The kind of that name; of one that is no more, nothing but that it was another.
fn known(network: &str) -> &'static str {
    match network {
        "xmpp" => "xmpp",
        "loopback" => "loopback",
        other => crate::kind(other).map_or("elsewhere", |kind| kind.name),
    }
}

impl Author {
    /// A person with an id and a nick, which is made harmless.
    pub fn new(id: impl Into<Arc<str>>, nick: &str, network: &'static str) -> Self {
        Author {
            id: id.into(),
            nick: harmless_nick(nick).into(),
            avatar: None,
            network,
            account: None,
            address: None,
        }
    }
}

/// The nick with everything gone that could deceive or break a reader: control characters, bidi controls, invisible
/// characters and line breaks; white space collapsed; cut at 256 bytes. `nobody` where nothing is left.
pub fn harmless_nick(nick: &str) -> String {
    let mut kept = harmless_line(nick);
    kept.retain(|c| !is_bidi_control(c) && !matches!(c, '\u{200B}' | '\u{2060}' | '\u{FEFF}' | '\u{180E}'));
    while kept.len() > NICK_BYTES {
        kept.pop();
    }
    let trimmed = kept.trim();
    if trimmed.is_empty() { "nobody".into() } else { trimmed.into() }
}

/// One line without characters that XML forbids (XML 1.0 §2.2) or that terminals obey; runs of white space are one space.
pub fn harmless_line(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    for c in line.chars() {
        let c = if c.is_whitespace() { ' ' } else { c };
        if c == ' ' && (kept.is_empty() || kept.ends_with(' ')) {
            continue;
        }
        if is_harmless(c) {
            kept.push(c);
        }
    }
    kept.truncate(kept.trim_end().len());
    kept
}

/// May stand in any text: no control character, no noncharacter at the end of a plane.
pub(crate) fn is_harmless(c: char) -> bool {
    !c.is_control() && !matches!(u32::from(c) & 0xFFFF, 0xFFFE | 0xFFFF)
}

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nick_cannot_turn_the_text_around_it() {
        assert_eq!(harmless_nick("\u{202E}niamda\u{2069}"), "niamda");
        assert_eq!(harmless_nick("a\u{200B}nn"), "ann");
    }

    #[test]
    fn a_nick_is_one_line_and_never_empty() {
        assert_eq!(harmless_nick("ann\r\nQUIT\0"), "ann QUIT");
        assert_eq!(harmless_nick("\u{1}\u{3}\u{FFFF}"), "nobody");
        assert_eq!(harmless_nick("  ann   of  York "), "ann of York");
    }

    #[test]
    fn a_long_nick_is_cut_between_characters() {
        let nick = harmless_nick(&"é".repeat(200));
        assert_eq!(nick.len(), 256);
        assert!(nick.chars().all(|c| c == 'é'));
    }

    #[test]
    fn joined_emoji_keep_their_joiner() {
        assert_eq!(harmless_nick("👩‍👩‍👧"), "👩‍👩‍👧");
    }
}
