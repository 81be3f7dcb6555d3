//! Names on IRC: which are the same (CASEMAPPING), which can be (RFC 2812 §2.3.1), and what to try when one is taken.

/// Which letters a server takes for the same (Modern IRC, `CASEMAPPING`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Casemapping {
    /// `A`–`Z` are `a`–`z`. Mappings that we do not know are taken for this one.
    Ascii,
    /// And `[]\~` are `{}|^`.
    #[default]
    Rfc1459,
    /// And `[]\` are `{}|`.
    StrictRfc1459,
}

impl Casemapping {
    /// As the server spells it.
    pub fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "rfc1459" => Casemapping::Rfc1459,
            "strict-rfc1459" | "rfc1459-strict" => Casemapping::StrictRfc1459,
            _ => Casemapping::Ascii,
        }
    }

    /// The spelling that all spellings of this name have in common.
    pub fn fold(self, name: &str) -> String {
        let fold = |c: char| match c {
            'A'..='Z' => c.to_ascii_lowercase(),
            '[' if self != Casemapping::Ascii => '{',
            ']' if self != Casemapping::Ascii => '}',
            '\\' if self != Casemapping::Ascii => '|',
            '~' if self == Casemapping::Rfc1459 => '^',
            _ => c,
        };
        name.chars().map(fold).collect()
    }

    /// Are these the same name?
    pub fn same(self, one: &str, other: &str) -> bool {
        self.fold(one) == self.fold(other)
    }
}

/// Can this be a nick anywhere (RFC 2812 §2.3.1)?
pub fn is_nick(nick: &str) -> bool {
    let special = |c: char| matches!(c, '[' | ']' | '\\' | '`' | '_' | '^' | '{' | '|' | '}');
    let first = nick.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || special(c));
    first && nick.chars().all(|c| c.is_ascii_alphanumeric() || special(c) || c == '-')
}

/// Can this be a channel, on a server with these CHANTYPES (RFC 2812 §1.3)?
pub fn is_channel(name: &str, types: &str, longest: usize) -> bool {
    name.len() > 1
        && name.len() <= longest
        && name.starts_with(|c| types.contains(c))
        && !name.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, ',' | ':'))
}

/// What to be called when the wanted nick is taken, for the n-th time: `rialto_`, `rialto__`, `rialto1` … within NICKLEN.
pub fn alternative(wanted: &str, attempt: usize, longest: usize) -> String {
    let suffix = match attempt {
        0 => return wanted.chars().take(longest.max(1)).collect(),
        1..=2 => "_".repeat(attempt),
        more => (more - 2).to_string(),
    };
    let kept: String = wanted.chars().take(longest.saturating_sub(suffix.len()).max(1)).collect();
    kept + &suffix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_name_depends_on_the_server() {
        assert!(Casemapping::Rfc1459.same("Ann[]\\~", "ann{}|^"));
        assert!(Casemapping::StrictRfc1459.same("Ann[]\\", "ann{}|"));
        assert!(!Casemapping::StrictRfc1459.same("~", "^"));
        assert!(!Casemapping::Ascii.same("[", "{"));
        assert!(Casemapping::named("ascii").same("ANN", "ann"));
        assert!(!Casemapping::Rfc1459.same("É", "é"), "letters beyond ASCII are never folded");
    }

    #[test]
    fn nicks_are_ascii_and_begin_with_a_letter() {
        assert!(is_nick("ann") && is_nick("[x]`^-9") && is_nick("_"));
        for bad in ["", "9ann", "-ann", "an n", "an:n", "änn", "a\r\nb", "a!b", "a@b", "a.b", "a,b", "#ann"]
        {
            assert!(!is_nick(bad), "{bad:?}");
        }
    }

    #[test]
    fn channels_begin_with_one_of_the_servers_types() {
        assert!(
            is_channel("#lounge", "#&", 50) && is_channel("&local", "#&", 50) && is_channel("##", "#", 50)
        );
        for bad in ["", "#", "lounge", "#a b", "#a,b", "#a\u{7}", "#a:b", "#a\r\nQUIT", "!x"] {
            assert!(!is_channel(bad, "#&", 50), "{bad:?}");
        }
        assert!(!is_channel(&format!("#{}", "a".repeat(50)), "#", 50));
    }

    #[test]
    fn alternatives_fit_and_differ() {
        let tried: Vec<_> = (0..6).map(|n| alternative("rialto-bridge", n, 9)).collect();
        assert_eq!(tried, ["rialto-br", "rialto-b_", "rialto-__", "rialto-b1", "rialto-b2", "rialto-b3"]);
    }
}
