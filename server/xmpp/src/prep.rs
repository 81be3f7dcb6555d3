//! RFC 7622 §3: how the parts of an address are prepared, with a fast path for plain ASCII.

use std::borrow::Cow;

use crate::jid::{JidError, MAX_PART};

/// §3.3: the localpart; ASCII is folded to lower case, the rest goes through nodeprep.
///
/// # Errors
/// [`JidError`]: empty, too long, or a forbidden character.
pub fn localpart(part: &str) -> Result<Cow<'_, str>, JidError> {
    const FORBIDDEN: &[u8] = b"\"&'/:<>@";
    let ascii = part.bytes().all(|byte| byte > b' ' && byte < 0x7f && !FORBIDDEN.contains(&byte));
    let prepared = if ascii {
        if part.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(part.to_ascii_lowercase())
        } else {
            Cow::Borrowed(part)
        }
    } else {
        let prepared = stringprep::nodeprep(part).map_err(|_| JidError::Forbidden)?;
        Cow::Owned(prepared.into_owned())
    };
    bounded(prepared)
}

/// §3.2: the domainpart, as U-labels in lower case without a trailing dot; an IP literal as it is.
///
/// # Errors
/// [`JidError`]: empty, too long, or no domain name.
pub fn domainpart(part: &str) -> Result<Cow<'_, str>, JidError> {
    let part = part.strip_suffix('.').unwrap_or(part);
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    if part.bytes().all(plain) && !part.contains("xn--") && !part.contains("..") && !part.starts_with('.') {
        return bounded(Cow::Borrowed(part));
    }
    if let Some(literal) = part.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: std::net::Ipv6Addr = literal.parse().map_err(|_| JidError::Forbidden)?;
        return bounded(Cow::Owned(format!("[{address}]")));
    }
    let (name, result) = idna::domain_to_unicode(part);
    let forbidden = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '@' | '/' | '"' | '&' | '\'' | '<' | '>' | ':')
    };
    if result.is_err() || name.chars().any(forbidden) || name.split('.').any(str::is_empty) {
        return Err(if name.is_empty() { JidError::Empty } else { JidError::Forbidden });
    }
    bounded(Cow::Owned(name))
}

/// §3.4: the resourcepart; case is kept.
///
/// # Errors
/// [`JidError`]: empty, too long, or a forbidden character.
pub fn resourcepart(part: &str) -> Result<Cow<'_, str>, JidError> {
    if part.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        return bounded(Cow::Borrowed(part));
    }
    use unicode_normalization::UnicodeNormalization;
    let prepared: String = part.nfc().collect();
    if prepared.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return Err(JidError::Forbidden);
    }
    bounded(Cow::Owned(prepared))
}

fn bounded(part: Cow<'_, str>) -> Result<Cow<'_, str>, JidError> {
    match part.len() {
        0 => Err(JidError::Empty),
        1..=MAX_PART => Ok(part),
        _ => Err(JidError::TooLong),
    }
}
