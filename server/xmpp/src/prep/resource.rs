//! RFC 7622 §3.4, RFC 8265 §4.2: the resourcepart (OpaqueString). Rooms use it for nicks, so emoji are welcome.

use std::borrow::Cow;

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::{MAX_RAW, bounded, unseen};
use crate::jid::{JidError, MAX_PART};

/// §3.4: the resourcepart; case is kept, any space is U+0020. Unseen characters are refused but where a script or
/// an emoji needs them: two nicks that look the same shall be the same.
///
/// # Errors
/// [`JidError`]: empty, too long, or a forbidden character.
pub fn resourcepart(part: &str) -> Result<Cow<'_, str>, JidError> {
    if part.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return bounded(Cow::Borrowed(part));
    }
    if part.len() > MAX_RAW {
        return Err(JidError::TooLong);
    }
    let spaced = if part.contains(is_wide_space) {
        Cow::Owned(part.replace(is_wide_space, " "))
    } else {
        Cow::Borrowed(part)
    };
    let composed = if is_nfc_quick(spaced.chars()) == IsNormalized::Yes {
        spaced
    } else {
        Cow::Owned(spaced.nfc().collect())
    };
    if !wanted(&composed).eq(composed.chars()) {
        return Err(JidError::Forbidden);
    }
    bounded(composed)
}

/// A resourcepart from any text, for nicks of other networks: what is forbidden is dropped, what is too long cut.
/// `None` if nothing is left.
pub fn clean_resourcepart(text: &str) -> Option<String> {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let mut clean: String = spaced.take(MAX_PART).collect();
    // What is dropped or cut makes new neighbours: a few rounds, then nothing changes any more.
    for _ in 0..8 {
        let mut next: String = wanted(clean.trim()).nfc().collect();
        while next.len() > MAX_PART {
            next.pop();
        }
        if next == clean {
            break;
        }
        clean = next;
    }
    resourcepart(&clean).ok().map(Cow::into_owned)
}

/// The characters of `text` without those that are forbidden where they stand.
fn wanted(text: &str) -> impl Iterator<Item = char> {
    let mut before = None;
    let mut rest = text.chars();
    std::iter::from_fn(move || {
        loop {
            let c = rest.next()?;
            if !unseen::is_unseen(c) || is_needed(before, c, rest.clone().next()) {
                before = Some(c);
                return Some(c);
            }
        }
    })
}

/// RFC 5892 A.1, A.2 and Unicode TR 51: unseen characters that have a meaning between their neighbours.
fn is_needed(before: Option<char>, c: char, after: Option<char>) -> bool {
    let before_is = |test: fn(char) -> bool| before.is_some_and(test);
    match c {
        '\u{200d}' => {
            let emoji = before_is(|c| is_pictograph(c) || is_selector(c)) && after.is_some_and(is_pictograph);
            emoji || before_is(is_virama)
        }
        '\u{200c}' => before_is(is_virama) || (before_is(is_cursive) && after.is_some_and(is_cursive)),
        '\u{fe0e}' | '\u{fe0f}' => {
            before_is(is_pictograph) || (before_is(is_key) && after == Some('\u{20e3}'))
        }
        // Flags of regions: a black flag, then tags.
        '\u{e0020}'..='\u{e007f}' => before_is(|c| c == '🏴' || matches!(c, '\u{e0020}'..='\u{e007e}')),
        _ => false,
    }
}

fn is_pictograph(c: char) -> bool {
    matches!(c,
        '©' | '®' | '‼' | '⁉' | '™' | 'ℹ' | '\u{2190}'..='\u{2bff}' | '〰' | '〽' | '㊗' | '㊙'
        | '\u{1f000}'..='\u{1faff}')
}

fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe0e}' | '\u{fe0f}')
}

fn is_key(c: char) -> bool {
    matches!(c, '0'..='9' | '#' | '*')
}

fn is_virama(c: char) -> bool {
    canonical_combining_class(c) == 9
}

/// Arabic, Syriac, N'Ko, Mongolian: letters that join unless told not to.
fn is_cursive(c: char) -> bool {
    matches!(c, '\u{620}'..='\u{8ff}' | '\u{1807}'..='\u{18aa}')
}

fn is_wide_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_are_nicks() {
        for nick in ["😀", "👩\u{200d}💻", "❤\u{fe0f}\u{200d}🔥", "1\u{fe0f}\u{20e3}", "🇮🇹", "👍🏽", "Ann 🦀"]
        {
            assert_eq!(resourcepart(nick).as_deref(), Ok(nick), "{nick:?}");
        }
        let wales = "🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}";
        assert_eq!(resourcepart(wales).as_deref(), Ok(wales));
        assert_eq!(resourcepart("می\u{200c}خواهم").as_deref(), Ok("می\u{200c}خواهم"));
    }

    #[test]
    fn case_is_kept_and_spaces_and_composition_are_one() {
        assert_eq!(resourcepart("Ann\u{a0}E\u{3000}x").as_deref(), Ok("Ann E x"));
        assert_eq!(resourcepart("e\u{301}").as_deref(), Ok("é"));
        assert_eq!(resourcepart("a@b/c \"'&<").as_deref(), Ok("a@b/c \"'&<"));
    }

    #[test]
    fn two_nicks_that_look_the_same_cannot_be_made_with_unseen_characters() {
        for bad in [
            "ro\u{200b}meo",
            "ro\u{200d}meo",
            "ro\u{200c}meo",
            "romeo\u{fe0f}",
            "\u{202e}oemor",
            "a\u{2066}b\u{2069}",
            "romeo\u{feff}",
            "ro\u{ad}meo",
            "a\u{7f}",
            "a\nb",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{e0061}",
            "a\u{3164}",
            "a\u{e000}",
            "a\u{fdd0}",
            "a\u{1fffe}",
            "😀\u{200d}",
            "😀\u{200d}a",
            "1\u{fe0f}",
        ] {
            assert_eq!(resourcepart(bad), Err(JidError::Forbidden), "{bad:?}");
        }
        assert_eq!(resourcepart(""), Err(JidError::Empty));
        assert_eq!(resourcepart(&"x".repeat(1024)), Err(JidError::TooLong));
    }

    #[test]
    fn any_text_is_cleaned_into_a_nick_or_into_nothing() {
        assert_eq!(clean_resourcepart(" ro\u{200b}meo\n\u{202e}x ").as_deref(), Some("romeo x"));
        assert_eq!(clean_resourcepart("\u{200b} \u{7f}"), None);
        let long = clean_resourcepart(&"👩\u{200d}💻".repeat(200)).unwrap();
        assert!(long.len() <= MAX_PART && resourcepart(&long).is_ok());
    }

    #[test]
    fn preparing_twice_changes_nothing() {
        for c in '\0'..='\u{32fff}' {
            let text = format!("a{c}\u{301}");
            if let Ok(once) = resourcepart(&text) {
                assert_eq!(resourcepart(&once).as_deref(), Ok(&*once), "{c:?}");
            }
            let clean = clean_resourcepart(&text).unwrap();
            assert_eq!(resourcepart(&clean).as_deref(), Ok(&*clean), "{c:?}");
        }
    }
}
