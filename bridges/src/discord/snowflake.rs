//! Discord's ids (snowflakes): numbers that hold the time at which they were made, written as text in JSON.

use crate::network::RemoteId;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::num::NonZeroU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds of the Unix epoch at which Discord's time begins: the first second of 2015.
const EPOCH: u64 = 1_420_070_400_000;

/// An id of anything on Discord. 0 is nobody's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) struct Id(pub u64);

impl Id {
    /// When it was made.
    pub fn made(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis((self.0 >> 22) + EPOCH)
    }

    /// The lowest id that can be made at this time.
    pub fn at(time: SystemTime) -> Id {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Id(u64::try_from(since).unwrap_or_default().saturating_sub(EPOCH) << 22)
    }

    /// The same moment, so much earlier.
    pub fn earlier(self, by: Duration) -> Id {
        Id(self.0.saturating_sub(u64::try_from(by.as_millis()).unwrap_or_default() << 22))
    }

    /// As another library wants it: never 0.
    pub fn number(self) -> NonZeroU64 {
        NonZeroU64::new(self.0).unwrap_or(NonZeroU64::MIN)
    }

    /// What is written there, if it is an id.
    pub fn read(text: &str) -> Option<Id> {
        let digits = !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|id| digits && *id != 0).map(Id)
    }
}

/// Where a message lies: in a room itself, or in one of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    /// The channel, or the thread, which is a channel too.
    pub channel: Id,
    /// The message in it.
    pub message: Id,
}

impl Place {
    /// What the rest of Rialto calls it: `message`, or `message@thread`.
    pub fn name(self, room: Id) -> RemoteId {
        match self.channel == room {
            true => RemoteId::from(self.message.to_string()),
            false => RemoteId::from(format!("{}@{}", self.message, self.channel)),
        }
    }

    /// Reads what `name` wrote.
    pub fn read(name: &RemoteId, room: Id) -> Option<Place> {
        let (message, channel) = match name.as_str().split_once('@') {
            Some((message, thread)) => (Id::read(message)?, Id::read(thread)?),
            None => (Id::read(name.as_str())?, room),
        };
        Some(Place { channel, message })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Id, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Id;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a snowflake")
            }
            fn visit_u64<E: Error>(self, id: u64) -> Result<Id, E> {
                Ok(Id(id))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Id, E> {
                text.parse().map(Id).map_err(|_| E::custom("not a snowflake"))
            }
        }
        from.deserialize_any(Digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_knows_when_it_was_made() {
        let made = Id(175_928_847_299_117_063).made().duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(made.as_millis(), 1_462_015_105_796);
        let at = Id::at(Id(175_928_847_299_117_063).made());
        assert_eq!((at.0 >> 22, at.0 & 0x3F_FFFF), (175_928_847_299_117_063 >> 22, 0));
    }

    #[test]
    fn ids_are_read_from_text_and_numbers() {
        assert_eq!(serde_json::from_str::<[Id; 2]>("[\"12\", 13]").unwrap(), [Id(12), Id(13)]);
        assert!(serde_json::from_str::<Id>("\"general\"").is_err());
        assert_eq!(
            (Id::read("12"), Id::read("+12"), Id::read("0"), Id::read("")),
            (Some(Id(12)), None, None, None)
        );
    }

    #[test]
    fn a_message_in_a_thread_keeps_its_thread_in_its_name() {
        let (room, thread) = (Id(1), Id(2));
        let here = Place { channel: room, message: Id(9) };
        let there = Place { channel: thread, message: Id(9) };
        assert_eq!((here.name(room).as_str(), there.name(room).as_str()), ("9", "9@2"));
        assert_eq!(Place::read(&here.name(room), room), Some(here));
        assert_eq!(Place::read(&there.name(room), room), Some(there));
        assert_eq!(Place::read(&RemoteId::from("x@2"), room), None);
    }
}
