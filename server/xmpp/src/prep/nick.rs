//! RFC 8266 §2: nicknames, as they are compared. How they are written is their owners' affair.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// §2.4: what two nicks have in common that people take for one: neither case nor how a character is encoded.
pub fn likeness(nick: &str) -> Cow<'_, str> {
    if nick.is_ascii() {
        return match nick.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(nick.to_ascii_lowercase()),
            false => Cow::Borrowed(nick),
        };
    }
    let lower = nick.nfkc().collect::<String>().to_lowercase();
    Cow::Owned(lower.nfkc().collect())
}

/// Whether people would take two nicks for one.
pub fn alike(one: &str, other: &str) -> bool {
    match one.is_ascii() && other.is_ascii() {
        true => one.eq_ignore_ascii_case(other),
        false => likeness(one) == likeness(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nicks_that_differ_in_case_or_encoding_are_alike() {
        for (one, other) in
            [("Romeo", "romeo"), ("ΣΊΣΥΦΟΣ", "σίσυφοσ"), ("Ｒomeo", "romeo"), ("é", "E\u{301}")]
        {
            let sigma = |text: &str| likeness(text).replace('ς', "σ");
            assert_eq!(sigma(one), sigma(other), "{one} {other}");
        }
        assert!(alike("ROMEO", "romeo") && alike("É", "é") && !alike("romeo", "romeo2"));
        assert!(matches!(likeness("romeo"), Cow::Borrowed(_)));
    }
}
