//! Keys: tuples of strings, each behind its length, so that no part can reach into the next.
//!
//! A key's leading parts are a prefix of it, and of no key with other leading parts. Numbers at the end are big-endian:
//! keys of one prefix are in the numbers' order.

/// The bytes of a tuple of strings.
pub(crate) fn key(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 2).sum());
    for part in parts {
        push_part(&mut bytes, part.as_bytes());
    }
    bytes
}

/// Adds one part.
pub(crate) fn push_part(bytes: &mut Vec<u8>, part: &[u8]) {
    let mut length = part.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(part);
}

/// Takes one part off the front.
pub(crate) fn take_part<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (mut length, mut shift) = (0usize, 0);
    loop {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        length |= usize::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            break;
        }
        shift += 7;
        if shift > 28 {
            return None;
        }
    }
    let part = bytes.get(..length)?;
    *bytes = bytes.get(length..)?;
    Some(part)
}

/// The strings of a key, if it is one.
pub(crate) fn parts(mut bytes: &[u8]) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        parts.push(String::from_utf8(take_part(&mut bytes)?.to_vec()).ok()?);
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_its_parts_back() {
        let long = "x".repeat(20_000);
        for tuple in [&["romeo@example.org", "juliet"][..], &[""], &[], &[&long, "é", ""]] {
            assert_eq!(parts(&key(tuple)).unwrap(), tuple);
        }
    }

    #[test]
    fn no_part_reaches_into_the_next() {
        assert!(!key(&["ab", "c"]).starts_with(&key(&["a"])));
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
    }

    #[test]
    fn cut_keys_are_refused() {
        let whole = key(&["romeo@example.org", "juliet"]);
        for cut in 1..whole.len() {
            assert!(cut == 18 || parts(&whole[..cut]).is_none(), "cut at {cut}");
        }
    }
}
