//! Nicks of rooms as nicks of IRC: what IRC cannot have is written otherwise (é as e), and the rest goes.

use crate::irc::names::is_nick;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The nick that this one can be on IRC, within the template `{nick}[m]`, no longer than the server allows.
pub fn fitting(template: &str, nick: &str, longest: usize) -> String {
    let around = template.len().saturating_sub("{nick}".len());
    let room = longest.max(around + 1).saturating_sub(around);
    let plain: String =
        nick.nfkd().filter(|c| !is_combining_mark(*c)).filter_map(on_irc).take(room).collect();
    let plain = plain.trim_matches('_');
    let plain = if plain.is_empty() { "guest" } else { plain };
    let whole = template.replacen("{nick}", plain.get(..room.min(plain.len())).unwrap_or(plain), 1);
    if is_nick(&whole) {
        return whole;
    }
    // A digit or a hyphen may not come first.
    let whole: String = format!("_{whole}").chars().take(longest.max(2)).collect();
    if is_nick(&whole) { whole } else { "guest".into() }
}

/// One character as IRC can have it; all is ASCII afterwards.
fn on_irc(c: char) -> Option<char> {
    Some(match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '[' | ']' | '\\' | '`' | '_' | '^' | '{' | '|' | '}' | '-' => c,
        'ß' => 's',
        'ø' => 'o',
        'Ø' => 'O',
        'æ' => 'a',
        'Æ' => 'A',
        'ł' => 'l',
        'Ł' => 'L',
        'đ' | 'ð' => 'd',
        'Đ' | 'Ð' => 'D',
        'þ' => 't',
        'ı' => 'i',
        '(' => '[',
        ')' => ']',
        c if c.is_control() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}') => return None,
        _ => '_',
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    #[test]
    fn a_nick_stays_as_near_to_itself_as_irc_lets_it() {
        let plain = |nick| fitting("{nick}", nick, 30);
        assert_eq!(plain("romeo"), "romeo");
        assert_eq!(plain("Zoë Müller"), "Zoe_Muller");
        assert_eq!(plain("Łukasz"), "Lukasz");
        assert_eq!(plain("4ever"), "_4ever");
        assert_eq!(plain("ｆｕｌｌ"), "full");
        assert_eq!(plain("ромео"), "guest");
        assert_eq!(plain("a\u{200B}b\r\nQUIT"), "abQUIT");
        assert_eq!(fitting("{nick}[m]", "montague-romeo", 9), "montag[m]");
    }

    #[test]
    fn whatever_people_are_called_it_is_a_nick() {
        let mut seeded = Seeded::new(31);
        for _ in 0..3000 {
            let nick = seeded.prose(60);
            let longest = 9 + seeded.below(25);
            for template in ["{nick}", "{nick}[m]", "x-{nick}"] {
                let made = fitting(template, &nick, longest);
                assert!(is_nick(&made) && made.len() <= longest, "{nick:?} became {made:?} of {longest}");
            }
        }
    }
}
