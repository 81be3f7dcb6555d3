//! RFC 7622 §3.3, RFC 8265 §3.3: the localpart (UsernameCaseMapped), forgiving where nodeprep was.

use std::borrow::Cow;

use stringprep::tables::{bidi_l, bidi_r_or_al};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

use super::{MAX_RAW, bounded, unseen};
use crate::jid::JidError;

/// §3.3.1: forbidden beyond what the profile forbids.
const FORBIDDEN: &[u8] = b"\"&'/:<>@";

/// §3.3: the localpart in lower case. Compatibility forms (full width, ligatures) become the plain letters, as in
/// nodeprep, so that looks and identity agree; emoji and other symbols, spaces and unseen characters are refused.
///
/// # Errors
/// [`JidError`]: empty, too long, or a forbidden character.
pub fn localpart(part: &str) -> Result<Cow<'_, str>, JidError> {
    if part.bytes().all(|byte| is_plain(byte) && !byte.is_ascii_uppercase()) {
        return bounded(Cow::Borrowed(part));
    }
    if part.len() > MAX_RAW {
        return Err(JidError::TooLong);
    }
    if part.bytes().all(is_plain) {
        return bounded(Cow::Owned(part.to_ascii_lowercase()));
    }
    // Letter by letter, so that a sigma at the end is folded like any other.
    let mapped: String = part.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    if !is_allowed(&mapped) || !is_one_direction(&mapped) {
        return Err(JidError::Forbidden);
    }
    bounded(Cow::Owned(mapped))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !FORBIDDEN.contains(&byte)
}

/// RFC 8264 §4.2: the IdentifierClass.
fn is_allowed(text: &str) -> bool {
    let mut before = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let allowed = match c {
            _ if c.is_ascii() => u8::try_from(c).is_ok_and(is_plain),
            // RFC 5892 A.1, A.2: joiners after a virama.
            '\u{200c}' | '\u{200d}' => before.is_some_and(|c| canonical_combining_class(c) == 9),
            // A.3: a dot between two l.
            '\u{b7}' => before == Some('l') && rest.clone().next() == Some('l'),
            // A.5, A.6, A.7.
            '\u{5f3}' | '\u{5f4}' | '\u{30fb}' => before.is_some(),
            _ => is_letter(c),
        };
        if !allowed {
            return false;
        }
        before = Some(c);
    }
    // §3.3: a mark needs a letter to stand on.
    !text.chars().next().is_some_and(is_combining_mark)
}

/// RFC 8264 §9.1 without what is unseen, old (§9.9) or excepted (§9.6).
fn is_letter(c: char) -> bool {
    let symbol = matches!(c, '\u{1f100}'..='\u{1f1ff}' | '\u{24b6}'..='\u{24e9}');
    let enclosing = matches!(c,
        '\u{488}' | '\u{489}' | '\u{1abe}' | '\u{20dd}'..='\u{20e0}' | '\u{20e2}'..='\u{20e4}' | '\u{a670}'..='\u{a672}');
    let old = matches!(c, '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97f}' | '\u{d7b0}'..='\u{d7ff}');
    let excepted =
        matches!(c, '\u{640}' | '\u{7fa}' | '\u{302e}' | '\u{302f}' | '\u{3031}'..='\u{3035}' | '\u{303b}');
    let kind = c.is_alphanumeric() || is_combining_mark(c);
    kind && !symbol && !enclosing && !old && !excepted && !unseen::is_unseen(c)
}

/// RFC 5893 §2, for a name without dots: what is written from right to left is so from end to end.
fn is_one_direction(text: &str) -> bool {
    if !text.chars().any(bidi_r_or_al) {
        return true;
    }
    let last = text.chars().rev().find(|c| !is_combining_mark(*c));
    text.chars().next().is_some_and(bidi_r_or_al)
        && !text.chars().any(bidi_l)
        && last.is_some_and(|c| bidi_r_or_al(c) || c.is_numeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_width_make_no_other_person() {
        for (written, meant) in [
            ("Romeo", "romeo"),
            ("ＲＯＭＥＯ", "romeo"),
            ("JÜRGEN", "jürgen"),
            ("ju\u{308}rgen", "jürgen"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
            ("ﬁsh", "fish"),
            ("straße", "straße"),
            ("col·lega", "col·lega"),
            ("דוד1", "דוד1"),
            ("नमस्ते", "नमस्ते"),
            ("𝒥ohn", "john"),
        ] {
            assert_eq!(localpart(written).as_deref(), Ok(meant), "{written}");
        }
    }

    #[test]
    fn names_of_irc_channels_are_localparts() {
        for name in
            ["#chan%libera", "##c++", "&local".trim_start_matches('&'), "+x!y", "[a]{b}|c^d\\e`~_", "#日本"]
        {
            assert_eq!(localpart(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn what_deceives_or_separates_is_refused() {
        for bad in [
            "a b",
            "a\u{a0}b",
            "a\"",
            "a&b",
            "a'",
            "a/b",
            "a:b",
            "<a",
            "a>",
            "a@b",
            "a\u{7f}",
            "a\tb",
            "ro\u{200b}meo",
            "ro\u{200d}meo",
            "a\u{202e}b",
            "a\u{feff}",
            "a\u{ad}b",
            "😀",
            "a☺",
            "\u{301}a",
            "a\u{20dd}",
            "שלוםa",
            "aש",
            "a\u{e000}",
            "\u{fffd}",
            "a\u{3164}b",
            "a\u{fe0f}",
            "🅰",
            "℀",
            "a\u{ff20}b",
            "1\u{fe0f}\u{20e3}",
        ] {
            assert_eq!(localpart(bad), Err(JidError::Forbidden), "{bad:?}");
        }
        assert_eq!(localpart(""), Err(JidError::Empty));
        assert_eq!(localpart(&"a".repeat(1024)), Err(JidError::TooLong));
        assert_eq!(localpart(&"ü".repeat(512)), Err(JidError::TooLong));
    }

    #[test]
    fn preparing_twice_changes_nothing() {
        for c in '\0'..='\u{32fff}' {
            let text = format!("a{c}a");
            if let Ok(once) = localpart(&text) {
                assert_eq!(localpart(&once).as_deref(), Ok(&*once), "{c:?}");
            }
        }
    }
}
