//! RFC 9110 §14: parts of a file.

/// What is asked for of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// From this byte through that one.
    Bytes(u64, u64),
    /// Nothing that is there.
    Unsatisfiable,
}

/// Reads a `Range` for a file of this size. What makes no sense, and several ranges at once, get the whole file, as
/// RFC 9110 §14.2 allows: nobody needs them, and they have been used to make servers work.
pub fn parse(range: &str, size: u64) -> Part {
    let Some(("bytes", set)) = range.split_once('=').map(|(unit, set)| (unit.trim(), set.trim())) else {
        return Part::Whole;
    };
    let Some((first, last)) = set.split_once('-') else { return Part::Whole };
    let (first, last) = (first.trim(), last.trim());
    match (number(first), number(last)) {
        // §14.1.2: the last so many bytes.
        (None, Some(0)) if first.is_empty() => Part::Unsatisfiable,
        (None, Some(_)) if first.is_empty() && size == 0 => Part::Unsatisfiable,
        (None, Some(count)) if first.is_empty() => Part::Bytes(size.saturating_sub(count), size - 1),
        (Some(first), None) if last.is_empty() => from(first, u64::MAX, size),
        (Some(first), Some(last)) if first <= last => from(first, last, size),
        _ => Part::Whole,
    }
}

fn from(first: u64, last: u64, size: u64) -> Part {
    if first < size { Part::Bytes(first, last.min(size - 1)) } else { Part::Unsatisfiable }
}

/// Digits; more than fit are very many.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_within_the_file() {
        for (range, part) in [
            ("bytes=0-0", Part::Bytes(0, 0)),
            ("bytes=2-", Part::Bytes(2, 9)),
            ("bytes=2-4", Part::Bytes(2, 4)),
            ("bytes=2-400", Part::Bytes(2, 9)),
            ("bytes = 2 - 4", Part::Bytes(2, 4)),
            ("bytes=-3", Part::Bytes(7, 9)),
            ("bytes=-300", Part::Bytes(0, 9)),
            ("bytes=9-99999999999999999999999", Part::Bytes(9, 9)),
        ] {
            assert_eq!(parse(range, 10), part, "{range}");
        }
    }

    #[test]
    fn what_is_not_there_cannot_be_had() {
        for range in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(parse(range, 10), Part::Unsatisfiable, "{range}");
        }
        assert_eq!(parse("bytes=0-", 0), Part::Unsatisfiable);
        assert_eq!(parse("bytes=-1", 0), Part::Unsatisfiable);
    }

    #[test]
    fn what_makes_no_sense_and_many_at_once_get_the_whole() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=4-2",
            "bytes=a-b",
            "bytes=1-2,4-5",
            "lines=1-2",
            "bytes=--1",
        ] {
            assert_eq!(parse(range, 10), Part::Whole, "{range}");
        }
    }
}
