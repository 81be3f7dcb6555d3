//! What was said in a room, as far as we must know it: which messages were told already, and how they last read. Kept from
//! one run to the next, so that what happened in between can be told.

use crate::discord::snowflake::Id;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Messages remembered.
const MOST: usize = 1_000;

/// Messages kept for the next run. A line of the mark has at most 33 bytes for each.
const KEPT: usize = 100;

/// Marks a message that lies in a thread.
const IN_THREAD: u32 = 1 << 31;

/// Messages may reach us so much later than others with a higher id.
const SKEW: Duration = Duration::from_secs(5);

/// What was said in a room.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::discord) struct Past {
    /// The newest message that was told.
    last: Id,
    /// The newest messages, in the order of their ids, and which of their edits was told.
    known: VecDeque<(Id, u32)>,
}

impl Past {
    /// Where nothing is known yet, what was said until now is past.
    pub fn begin(&mut self, last: Option<Id>) {
        if self.last == Id(0) {
            self.last = last.unwrap_or(Id(1));
        }
    }

    /// What must be asked for: all after this. None where this room was never heard.
    pub fn after(&self) -> Option<Id> {
        (self.last > Id(1)).then(|| if self.known.is_empty() { self.last } else { self.last.earlier(SKEW) })
    }

    /// The newest message that is known.
    pub fn newest(&self) -> Id {
        self.last
    }

    /// A message is told; false where it was told before.
    pub fn note(&mut self, message: Id, edited: Option<&str>, in_thread: bool) -> bool {
        // What is older than all that is remembered was told, or was said before we came.
        let oldest = self.known.front().map_or(self.last, |(oldest, _)| *oldest);
        if self.has(message)
            || (message < oldest && self.known.len() >= KEPT)
            || (self.known.is_empty() && message <= self.last)
        {
            return false;
        }
        self.last = self.last.max(message);
        let place = self.known.partition_point(|(id, _)| *id < message);
        self.known.insert(place, (message, mark(edited) | if in_thread { IN_THREAD } else { 0 }));
        if self.known.len() > MOST {
            self.known.pop_front();
        }
        true
    }

    /// An edit is told; false where it was told before.
    pub fn edit(&mut self, message: Id, edited: &str) -> bool {
        let now = mark(Some(edited));
        match self
            .known
            .binary_search_by_key(&message, |(id, _)| *id)
            .ok()
            .and_then(|at| self.known.get_mut(at))
        {
            Some((_, known)) => {
                let now = now | *known & IN_THREAD;
                std::mem::replace(known, now) != now
            }
            None => true,
        }
    }

    /// A message is no more; false where it was not known.
    pub fn forget(&mut self, message: Id) -> bool {
        let at = self.known.binary_search_by_key(&message, |(id, _)| *id);
        at.is_ok_and(|at| self.known.remove(at).is_some())
    }

    /// The message was told.
    pub fn has(&self, message: Id) -> bool {
        self.known.binary_search_by_key(&message, |(id, _)| *id).is_ok()
    }

    /// Those known from this message on, but those in threads.
    pub fn since(&self, oldest: Id) -> Vec<Id> {
        let here = self.known.iter().filter(|(_, edited)| edited & IN_THREAD == 0);
        here.map(|(id, _)| *id).filter(|id| *id >= oldest).collect()
    }

    /// As it is kept.
    pub fn write(&self) -> String {
        let mut kept = format!("{:x}", self.last.0);
        for (id, edited) in self.known.iter().skip(self.known.len().saturating_sub(KEPT)) {
            kept.push_str(&format!(" {:x}", id.0));
            if *edited != 0 {
                kept.push_str(&format!(":{edited:x}"));
            }
        }
        kept
    }

    /// Reads what `write` wrote.
    pub fn read(kept: &str) -> Past {
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let mut words = kept.split(' ');
        let last = words.next().and_then(number).unwrap_or_default();
        let known = words.filter_map(|word| {
            let (id, edited) = word.split_once(':').unwrap_or((word, "0"));
            Some((Id(number(id)?), u32::from_str_radix(edited, 16).ok()?))
        });
        Past { last: Id(last), known: known.take(KEPT).collect() }
    }
}

/// A short name for a time of an edit; 0 where nothing was edited.
fn mark(edited: Option<&str>) -> u32 {
    edited.map_or(0, |edited| {
        let mut hasher = DefaultHasher::new();
        edited.hash(&mut hasher);
        // The low half is as good as the whole.
        (hasher.finish() as u32 & !IN_THREAD).max(1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_told_twice_also_after_a_restart() {
        let mut past = Past::default();
        past.begin(Some(Id(1_000)));
        assert!(
            !past.note(Id(900), None, false)
                && past.note(Id(1_001), None, false)
                && !past.note(Id(1_001), None, false)
        );
        let mut past = Past::read(&past.write());
        assert!(!past.note(Id(1_001), None, false) && past.note(Id(1_002), None, false));
        assert!(past.edit(Id(1_002), "a") && !past.edit(Id(1_002), "a") && past.edit(Id(1_002), "b"));
        let again = Past::read(&past.write());
        assert_eq!(again, past);
        assert!(past.forget(Id(1_002)) && !past.forget(Id(1_002)));
    }

    #[test]
    fn a_room_of_whose_past_nothing_is_known_asks_for_nothing() {
        let mut past = Past::default();
        past.begin(None);
        assert_eq!(past.after(), None);
        assert!(past.note(Id(7), None, false));
    }

    #[test]
    fn what_is_kept_fits_in_a_mark() {
        let mut past = Past::default();
        past.begin(None);
        for id in 0..2_000 {
            past.note(Id(1 << 62 | id), Some("2026-11-24T12:00:00Z"), false);
        }
        assert!(past.write().len() <= crate::network::MARK, "{}", past.write().len());
        assert_eq!(past.since(Id(0)).len(), MOST);
    }
}
