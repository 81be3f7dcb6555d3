//! Reading a log from one id to another, either way: chunks from the engine, a few at a time, merged with the tail.

use std::collections::VecDeque;
use std::ops::Bound;

use super::chunk::{self, Row};
use super::tail::{Set, Tails};
use super::{chunk_key, id_of, owner_key, with_key};
use crate::archive::bare_of;
use crate::engine::{Pair, Span};
use crate::error::StoreError;
use crate::shared::Access;
use crate::tables::{ARCHIVE, ARCHIVE_WITH};

/// Chunks fetched at once: a page of 100 is one fetch, or two.
const FETCH: usize = 4;

/// Which entries, and which way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range<'a> {
    pub owner: &'a [u8],
    /// Only entries exchanged with this bare JID.
    pub with: Option<&'a [u8]>,
    /// The first id, included.
    pub low: u128,
    /// The last id, included.
    pub high: u128,
    /// From `high` to `low`.
    pub reverse: bool,
}

/// A walk under way.
pub(crate) struct Walk<'a> {
    engine: Access<'a>,
    range: Range<'a>,
    tail: VecDeque<Set>,
    rows: VecDeque<Row>,
    chunks: VecDeque<Pair>,
    /// Chunks from here on (forwards: beginning at or after; backwards: at or before) are still to be fetched.
    next: Option<u128>,
    /// The last id given: a chunk that was cut in two meanwhile shows its second half twice.
    given: Option<u128>,
    /// Chunks without offline messages are not unpacked.
    offline: bool,
}

impl<'a> Walk<'a> {
    /// Begins. The tail is looked at first: what moves from it into chunks meanwhile is then seen twice, and counted
    /// once, rather than not at all.
    pub fn new(engine: Access<'a>, tails: &Tails, range: Range<'a>) -> Result<Walk<'a>, StoreError> {
        let mut tail: VecDeque<Set> = tails.between(range.owner, range.low, range.high).into();
        if range.reverse {
            tail.make_contiguous().reverse();
        }
        let mut walk = Walk {
            engine,
            range,
            tail,
            rows: VecDeque::new(),
            chunks: VecDeque::new(),
            next: None,
            given: None,
            offline: false,
        };
        if range.low <= range.high {
            walk.next = match range.reverse {
                true => Some(range.high),
                false => Some(walk.chunk_around(range.low)?.unwrap_or(range.low)),
            };
        }
        Ok(walk)
    }

    /// Steps over chunks without offline messages. Other entries are still given.
    pub fn skipping_to_offline(self) -> Walk<'a> {
        Walk { offline: true, ..self }
    }

    /// The next entry.
    pub fn step(&mut self) -> Result<Option<Row>, StoreError> {
        loop {
            if self.rows.is_empty() {
                self.unpack()?;
            }
            let Some((id, entry)) = self.merged() else { return Ok(None) };
            if self.given.is_some_and(|given| if self.range.reverse { id >= given } else { id <= given }) {
                continue;
            }
            self.given = Some(id);
            if let Some(entry) = entry
                && self.range.with.is_none_or(|with| bare_of(&entry) == with)
            {
                return Ok(Some((id, entry)));
            }
        }
    }

    /// The nearer of chunk and tail; of two with one id the tail's.
    fn merged(&mut self) -> Option<Set> {
        let (row, set) = (self.rows.front().map(|row| row.0), self.tail.front().map(|set| set.0));
        let nearer = |one: u128, other: u128| if self.range.reverse { one > other } else { one < other };
        match (row, set) {
            (Some(row), Some(set)) if row == set => {
                self.rows.pop_front();
                self.tail.pop_front()
            }
            (Some(row), Some(set)) if nearer(set, row) => self.tail.pop_front(),
            (None, _) => self.tail.pop_front(),
            _ => self.rows.pop_front().map(|(id, entry)| (id, Some(entry))),
        }
    }

    /// Fills `rows` from the next chunk that has any in the range.
    fn unpack(&mut self) -> Result<(), StoreError> {
        let Range { low, high, reverse, .. } = self.range;
        while self.rows.is_empty() {
            if self.chunks.is_empty() {
                self.fetch()?;
            }
            let Some((_, value)) = self.chunks.pop_front() else { return Ok(()) };
            if self.offline && chunk::head(&value)?.offline == 0 {
                continue;
            }
            let rows = chunk::read(&value)?.into_iter().filter(|(id, _)| (low..=high).contains(id));
            self.rows = match reverse {
                true => rows.rev().collect(),
                false => rows.collect(),
            };
        }
        Ok(())
    }

    fn fetch(&mut self) -> Result<(), StoreError> {
        let Some(next) = self.next.take() else { return Ok(()) };
        let Range { owner, with, high, reverse, .. } = self.range;
        let table = if with.is_some() { ARCHIVE_WITH } else { ARCHIVE };
        let (near, far) = match reverse {
            true => (self.prefix(), self.key(next)),
            false => (self.key(next), self.key(high)),
        };
        let span = Span::between(Bound::Included(&near), Bound::Included(&far)).limit(FETCH);
        let found = self.engine.scan(table, &Span { reverse, ..span })?;
        if found.len() == FETCH {
            let last = found.last().and_then(|(key, _)| id_of(key));
            self.next = last.and_then(|last| if reverse { last.checked_sub(1) } else { last.checked_add(1) });
        }
        // Backwards, what begins before `low` can still reach into the range, but nothing before that can.
        if reverse && found.last().and_then(|(key, _)| id_of(key)).is_some_and(|id| id < self.range.low) {
            self.next = None;
        }
        for (key, value) in found {
            match id_of(&key) {
                Some(id) if with.is_some() => {
                    let chunk = self.engine.get(ARCHIVE, &chunk_key(owner, id))?;
                    self.chunks.extend(chunk.map(|chunk| (key, chunk)));
                }
                _ => self.chunks.push_back((key, value)),
            }
        }
        Ok(())
    }

    /// The id of the chunk in which `id` lies, if it lies in one.
    fn chunk_around(&self, id: u128) -> Result<Option<u128>, StoreError> {
        let table = if self.range.with.is_some() { ARCHIVE_WITH } else { ARCHIVE };
        let (start, end) = (self.prefix(), self.key(id));
        let span = Span::between(Bound::Included(&start), Bound::Included(&end)).reverse().limit(1);
        Ok(self.engine.scan(table, &span)?.first().and_then(|(key, _)| id_of(key)))
    }

    fn key(&self, id: u128) -> Vec<u8> {
        match self.range.with {
            Some(with) => with_key(self.range.owner, with, id),
            None => chunk_key(self.range.owner, id),
        }
    }

    fn prefix(&self) -> Vec<u8> {
        match self.range.with {
            Some(with) => {
                let mut key = with_key(self.range.owner, with, 0);
                key.truncate(key.len() - 16);
                key
            }
            None => owner_key(self.range.owner),
        }
    }
}
