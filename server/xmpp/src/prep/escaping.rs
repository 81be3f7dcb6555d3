//! XEP-0106: JID Escaping.

use std::borrow::Cow;

/// §3: what a localpart may not hold, and how it is written there.
const ESCAPES: [(char, &str); 10] = [
    (' ', "20"),
    ('"', "22"),
    ('&', "26"),
    ('\'', "27"),
    ('/', "2f"),
    (':', "3a"),
    ('<', "3c"),
    ('>', "3e"),
    ('@', "40"),
    ('\\', "5c"),
];

/// A text of another network as a localpart (§3.2); not yet prepared. Spaces around it are dropped, because `\20`
/// may not stand at an end (§4.1).
pub fn escape(text: &str) -> Cow<'_, str> {
    let text = text.trim_matches(' ');
    let mut out = String::new();
    let mut copied = 0;
    for (at, c) in text.char_indices() {
        let Some((_, hex)) = ESCAPES.iter().find(|(plain, _)| *plain == c) else { continue };
        let after = text.get(at + 1..).unwrap_or_default();
        // §4.1 rule 7: a backslash only where it would be read as an escape.
        if c == '\\' && escaped(after).is_none() {
            continue;
        }
        out.push_str(text.get(copied..at).unwrap_or_default());
        out.push('\\');
        out.push_str(hex);
        copied = at + 1;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// What a localpart stands for (§3.3): only the sequences of the table are read.
pub fn unescape(localpart: &str) -> Cow<'_, str> {
    if !localpart.contains('\\') {
        return Cow::Borrowed(localpart);
    }
    let mut out = String::with_capacity(localpart.len());
    let mut rest = localpart;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        match escaped(after) {
            Some(c) => {
                out.push(c);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character that the two hexadecimal digits at the beginning stand for.
fn escaped(after: &str) -> Option<char> {
    ESCAPES.iter().find(|(_, hex)| after.starts_with(hex)).map(|(plain, _)| *plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prep::localpart;

    #[test]
    fn the_examples_of_the_specification_hold() {
        for (plain, escaped) in [
            ("space cadet", "space\\20cadet"),
            ("call me \"ishmael\"", "call\\20me\\20\\22ishmael\\22"),
            ("at&t guy", "at\\26t\\20guy"),
            ("d'artagnan", "d\\27artagnan"),
            ("/.fanboy", "\\2f.fanboy"),
            ("::foo::", "\\3a\\3afoo\\3a\\3a"),
            ("<foo>", "\\3cfoo\\3e"),
            ("user@host", "user\\40host"),
            ("c:\\net", "c\\3a\\net"),
            ("c:\\\\net", "c\\3a\\\\net"),
            ("c:\\cool stuff", "c\\3a\\cool\\20stuff"),
            ("c:\\5commas", "c\\3a\\5c5commas"),
        ] {
            assert_eq!(escape(plain), escaped);
            assert_eq!(unescape(escaped), plain);
            assert!(localpart(escaped).is_ok(), "{escaped}");
        }
    }

    #[test]
    fn an_escape_never_stands_for_a_space_at_an_end() {
        assert_eq!(escape("  a b "), "a\\20b");
        assert_eq!(unescape("a\\2"), "a\\2");
        assert_eq!(unescape("\\é\\"), "\\é\\");
    }
}
