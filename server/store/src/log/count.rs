//! Counting a log without unpacking it: the fronts of chunks know how much they hold.

use std::ops::Bound;

use super::chunk::{self, Row};
use super::tail::Tails;
use super::{chunk_key, owner_key};
use crate::archive::{Flags, flags_of};
use crate::engine::{Engine, Span};
use crate::error::StoreError;
use crate::tables::ARCHIVE;

/// Chunks fetched at once.
const FETCH: usize = 32;

/// Entries of an owner that are shown. Only chunks that the tail reaches into are unpacked.
pub(crate) fn count(engine: &dyn Engine, tails: &Tails, owner: &[u8]) -> Result<u64, StoreError> {
    let tail = tails.between(owner, 0, u128::MAX);
    let first = tail.first().map_or(u128::MAX, |(id, _)| *id);
    let is_replaced = |id: u128| tail.binary_search_by_key(&id, |(id, _)| *id).is_ok();
    let mut total =
        tail.iter().filter(|(_, entry)| entry.as_ref().is_some_and(|entry| is_shown(entry))).count();
    let (mut from, end) = (owner_key(owner), chunk_key(owner, u128::MAX));
    loop {
        let span = Span::between(Bound::Excluded(&from), Bound::Included(&end)).limit(FETCH);
        let chunks = engine.scan(ARCHIVE, &span)?;
        for (_, value) in &chunks {
            let head = chunk::head(value)?;
            total += if head.last < first {
                usize::from(head.count.saturating_sub(head.hidden))
            } else {
                let counts = |(id, entry): &Row| is_shown(entry) && !is_replaced(*id);
                chunk::read(value)?.iter().filter(|row| counts(row)).count()
            };
        }
        match chunks.last() {
            Some((last, _)) if chunks.len() == FETCH => from = last.to_vec(),
            _ => return Ok(total as u64),
        }
    }
}

fn is_shown(entry: &[u8]) -> bool {
    !flags_of(entry).contains(Flags::HIDDEN)
}
