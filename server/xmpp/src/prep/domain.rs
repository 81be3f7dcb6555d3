//! RFC 7622 §3.2, RFC 5890–5894: the domainpart. One host has one spelling here: U-labels in lower case.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::{MAX_RAW, bounded};
use crate::jid::JidError;

/// RFC 1035 §2.3.4.
const MAX_LABEL: usize = 63;

/// §3.2: the domainpart, as U-labels in lower case without a trailing dot; an IPv6 literal in its short form.
///
/// # Errors
/// [`JidError`]: empty, too long, or no domain name.
pub fn domainpart(part: &str) -> Result<Cow<'_, str>, JidError> {
    if part.len() > MAX_RAW {
        return Err(JidError::TooLong);
    }
    // §3.2: one dot at the end says nothing.
    let part = part.strip_suffix('.').unwrap_or(part);
    let plain = |byte: u8| is_ldh(byte) || byte.is_ascii_uppercase();
    if part.bytes().all(plain) && !has_a_label(part) {
        let name = if part.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(part.to_ascii_lowercase())
        } else {
            Cow::Borrowed(part)
        };
        labels(&name)?;
        return bounded(name);
    }
    if let Some(literal) = part.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = literal.parse().map_err(|_| JidError::Forbidden)?;
        return bounded(Cow::Owned(format!("[{address}]")));
    }
    let (mut name, result) = idna::domain_to_unicode(part);
    if result.is_err() {
        return Err(JidError::Forbidden);
    }
    // An ideographic full stop at the end has become a dot.
    if name.ends_with('.') {
        name.pop();
    }
    let allowed = |c: char| if c.is_ascii() { u8::try_from(c).is_ok_and(is_ldh) } else { !c.is_whitespace() };
    if !name.chars().all(allowed) {
        return Err(JidError::Forbidden);
    }
    let ascii = idna::domain_to_ascii(&name).map_err(|_| JidError::Forbidden)?;
    labels(&ascii)?;
    bounded(Cow::Owned(name))
}

/// The A-labels of a prepared domainpart, for DNS, TLS and HTTP.
pub fn to_ascii(domain: &str) -> Cow<'_, str> {
    if domain.is_ascii() {
        return Cow::Borrowed(domain);
    }
    // Prepared domains were encoded once already.
    idna::domain_to_ascii(domain).map_or(Cow::Borrowed(domain), Cow::Owned)
}

/// Letters, digits, hyphen, dot; the underscore is no host name but names services.
fn is_ldh(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_')
}

fn has_a_label(name: &str) -> bool {
    name.as_bytes().windows(4).any(|four| four.eq_ignore_ascii_case(b"xn--"))
}

/// Every label has 1 to 63 bytes and no hyphen at its ends (RFC 5890 §2.3.1).
fn labels(name: &str) -> Result<(), JidError> {
    if name.is_empty() {
        return Err(JidError::Empty);
    }
    for label in name.split('.') {
        if label.len() > MAX_LABEL {
            return Err(JidError::TooLong);
        }
        if label.is_empty() || label.starts_with('-') || label.ends_with('-') {
            return Err(JidError::Forbidden);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_spelling() {
        for (written, meant) in [
            ("Example.ORG.", "example.org"),
            ("xn--bcher-kva.example", "bücher.example"),
            ("XN--BCHER-KVA.example", "bücher.example"),
            ("BÜCHER.example", "bücher.example"),
            ("bu\u{308}cher.example", "bücher.example"),
            ("bücher。example．", "bücher.example"),
            ("ｅｘａｍｐｌｅ.org", "example.org"),
            ("[0:0::1]", "[::1]"),
            ("127.0.0.1", "127.0.0.1"),
            ("localhost", "localhost"),
            ("_irc.a-b.example", "_irc.a-b.example"),
        ] {
            assert_eq!(domainpart(written).as_deref(), Ok(meant), "{written}");
            assert_eq!(domainpart(meant).as_deref(), Ok(meant), "{meant}");
        }
        assert_eq!(to_ascii("bücher.example"), "xn--bcher-kva.example");
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in [
            "a..b",
            ".a",
            "a..",
            "a b",
            "a\u{3000}b",
            "a@b",
            "a/b",
            "a℀b",
            "a:5222",
            "[::1",
            "[::1%eth0]",
            "[x]",
            "-a.b",
            "a-.b",
            "xn--a",
            "xn--",
            "a\u{202e}b.c",
            "<a>",
            "a%b",
            "\u{fffd}.a",
            "a\u{7f}",
            "a＠b",
            "a／b",
        ] {
            assert_eq!(domainpart(bad), Err(JidError::Forbidden), "{bad:?}");
        }
        assert_eq!(domainpart(""), Err(JidError::Empty));
        assert_eq!(domainpart("."), Err(JidError::Empty));
        for long in ["a".repeat(64), "ü".repeat(63), "a.".repeat(600) + "a"] {
            assert_eq!(domainpart(&long), Err(JidError::TooLong));
        }
    }

    #[test]
    fn preparing_twice_changes_nothing() {
        for c in '\0'..='\u{32fff}' {
            let text = format!("a{c}b");
            if let Ok(once) = domainpart(&text) {
                assert_eq!(domainpart(&once).as_deref(), Ok(&*once), "{c:?}");
            }
        }
    }
}
