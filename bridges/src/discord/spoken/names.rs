//! Names under which a webhook may speak: 1 to 80 characters, without some words (Discord's documentation, "Webhook
//! Resource" and "Usernames and Nicknames").

/// The longest name, in UTF-16 units, which is how Discord counts.
const LONGEST: usize = 80;

/// Words that no name may hold.
const WITHIN: [&str; 2] = ["clyde", "discord"];

/// Words that no name may be.
const WHOLE: [&str; 3] = ["everyone", "here", "system message"];

/// The nick as a webhook may bear it.
pub(super) fn username(nick: &str) -> String {
    let mut name: String = nick.chars().filter(|c| !is_invisible(*c)).collect();
    for word in WITHIN {
        // Case folding of ASCII keeps the length, so places in one are places in the other.
        while let Some(at) = name.to_ascii_lowercase().find(word) {
            name.insert(at + 1, '\u{200A}');
        }
    }
    let lower = name.trim().to_lowercase();
    if WHOLE.contains(&lower.as_str()) {
        name.insert(name.chars().next().map_or(0, char::len_utf8), '\u{200A}');
    }
    let mut units = 0;
    let mut short = String::new();
    for grapheme in unicode_segmentation::UnicodeSegmentation::graphemes(name.trim(), true) {
        units += grapheme.encode_utf16().count();
        if units > LONGEST {
            break;
        }
        short.push_str(grapheme);
    }
    if short.trim().is_empty() { "nobody".into() } else { short }
}

/// A name that Discord cannot dislike, for one whose other name it did.
pub(super) fn safe(nick: &str) -> String {
    let kept: String =
        nick.chars().filter(|c| c.is_ascii_alphanumeric() || " -_.".contains(*c)).take(60).collect();
    let kept = kept.trim();
    if kept.is_empty() { "somebody".into() } else { format!("~ {}", username(kept)) }
}

/// Zero-width characters, and those that turn the text around. Joiners stay: emoji need them.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2060}'..='\u{2069}' | '\u{202A}'..='\u{202E}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_discord_forbids_are_bent_a_little() {
        assert_eq!(username("Discord fan"), "D\u{200A}iscord fan");
        assert_eq!(username("clydeDISCORD"), "c\u{200A}lydeD\u{200A}ISCORD");
        assert_eq!(username("everyone"), "e\u{200A}veryone");
        assert_eq!(username("dis\u{200B}cord"), "d\u{200A}iscord");
        assert_eq!((username("\u{200B}").as_str(), username("É").as_str()), ("nobody", "É"));
    }

    #[test]
    fn long_names_are_cut_between_graphemes() {
        assert_eq!(username(&"a".repeat(300)).len(), 80);
        let family = "👩‍👩‍👧".repeat(30);
        let cut = username(&family);
        assert!(cut.encode_utf16().count() <= 80 && family.starts_with(&cut) && cut.ends_with('👧'));
    }

    #[test]
    fn a_safe_name_has_nothing_to_dislike() {
        assert_eq!((safe("@@é€"), safe("x<y>")), ("somebody".into(), "~ xy".into()));
    }
}
