//! XEP-0359: the ids under which stanzas are archived.

use std::fmt;
use std::str::FromStr;

/// Microseconds since 1970 in the high half, a number nobody can guess in the low half. Ids are in the order in which
/// they were made, also across restarts. Printed as 26 characters of base32hex, in the same order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(crate) u128);

/// Not an id of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no archive id")]
pub struct NoId;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// Characters of a printed id.
const LENGTH: usize = 26;

impl Id {
    /// An id made at that moment.
    pub(crate) fn new(micros: u64, low: u64) -> Id {
        Id(u128::from(micros) << 64 | u128::from(low))
    }

    /// The first that can be made at `micros`, in microseconds since 1970.
    pub fn first_at(micros: u64) -> Id {
        Id::new(micros, 0)
    }

    /// The last that can be made at `micros`.
    pub fn last_at(micros: u64) -> Id {
        Id::new(micros, u64::MAX)
    }

    /// When it was made: microseconds since 1970.
    pub fn at(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// Its number.
    pub fn number(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; LENGTH];
        let mut rest = self.0;
        for place in text.iter_mut().rev() {
            *place = ALPHABET[(rest & 31) as usize]; // holds: 31 at most, and the alphabet has 32
            rest >>= 5;
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

impl FromStr for Id {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Id, NoId> {
        if text.len() != LENGTH || text.as_bytes().first().is_some_and(|first| *first > b'7') {
            return Err(NoId);
        }
        let mut number = 0;
        for byte in text.bytes() {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'v' => byte - b'a' + 10,
                _ => return Err(NoId),
            };
            number = number << 5 | u128::from(digit);
        }
        Ok(Id(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_as_printed_and_keeps_its_order() {
        let numbers = [0, 1, 31, 32, u128::from(u64::MAX), 1 << 64, u128::MAX - 1, u128::MAX];
        let printed: Vec<String> = numbers.iter().map(|number| Id(*number).to_string()).collect();
        assert!(printed.windows(2).all(|pair| pair[0] < pair[1]), "{printed:?}");
        for (text, number) in printed.iter().zip(numbers) {
            assert_eq!(text.parse(), Ok(Id(number)));
        }
    }

    #[test]
    fn what_is_not_printed_by_us_is_no_id() {
        let good = Id(u128::MAX).to_string();
        for bad in
            ["", "7", &good[1..], &format!("{good}0"), &good.replace('v', "V"), &good.replace('v', "w")]
        {
            assert_eq!(bad.parse::<Id>(), Err(NoId), "{bad}");
        }
        assert_eq!("80000000000000000000000000".parse::<Id>(), Err(NoId));
        assert_eq!("7vvvvvvvvvvvvvvvvvvvvvvvé".parse::<Id>(), Err(NoId));
    }

    #[test]
    fn an_id_tells_when_it_was_made() {
        let id = Id::new(1_700_000_000_000_001, 5);
        assert_eq!(id.at(), 1_700_000_000_000_001);
        assert!(Id::first_at(id.at()) < id && id < Id::last_at(id.at()));
    }
}
