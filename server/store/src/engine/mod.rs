//! The engine door: an ordered map of bytes, written in batches that happen whole or not at all.
//!
//! Reads are plain calls: the engines answer from memory or with one `pread`, so they run in place, in the task that
//! asks, without a queue and without a boxed future. Only the committer writes.

#[cfg(test)]
mod contract;
mod memory;
mod redb;
mod sled;

pub(crate) use self::memory::Memory;
pub(crate) use self::redb::Redb;
pub(crate) use self::sled::Sled;

use std::ops::Bound;

use bytes::Bytes;

use crate::error::StoreError;
use crate::tables::TableId;

/// What is asked of a database.
pub trait Engine: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, table: TableId, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Keys and values in order, as far as the span and its limit go.
    fn scan(&self, table: TableId, span: &Span<'_>) -> Result<Vec<Pair>, StoreError>;

    /// All changes, or none and an error. Every expectation is checked first.
    fn commit(&self, changes: &[Change<'_>]) -> Result<(), StoreError>;

    /// Returns when everything committed so far would survive a power cut.
    fn sync(&self) -> Result<(), StoreError>;

    /// The largest value, in bytes, that the engine keeps without waste. Archives cut their chunks to it.
    fn roomy_value(&self) -> usize {
        24 * 1024
    }
}

/// A key with its value.
pub type Pair = (Bytes, Bytes);

/// One change, or one condition, of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Sets a value.
    Put { table: TableId, key: &'a [u8], value: &'a [u8] },
    /// Removes a key; no error when it is not there.
    Delete { table: TableId, key: &'a [u8] },
    /// The commit conflicts unless the key has this value (`None`: is absent) before it.
    Expect { table: TableId, key: &'a [u8], value: Option<&'a [u8]> },
}

/// A stretch of keys.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// Where it begins, in key order.
    pub start: Bound<&'a [u8]>,
    /// Where it ends, in key order.
    pub end: Bound<&'a [u8]>,
    /// From the end towards the start.
    pub reverse: bool,
    /// At most so many.
    pub limit: usize,
}

impl<'a> Span<'a> {
    /// The whole table.
    pub fn all() -> Span<'static> {
        Span { start: Bound::Unbounded, end: Bound::Unbounded, reverse: false, limit: usize::MAX }
    }

    /// From `start` on, up to `end`.
    pub fn between(start: Bound<&'a [u8]>, end: Bound<&'a [u8]>) -> Span<'a> {
        Span { start, end, ..Span::all() }
    }

    /// At most `limit` of them.
    pub fn limit(self, limit: usize) -> Span<'a> {
        Span { limit, ..self }
    }

    /// Backwards.
    pub fn reverse(self) -> Span<'a> {
        Span { reverse: true, ..self }
    }

    /// Whether nothing can lie between its bounds. Engines differ in what they make of such a span, so none is asked.
    pub(crate) fn is_empty(&self) -> bool {
        use Bound::{Excluded, Included};
        let between = match (self.start, self.end) {
            (Included(start), Included(end)) => start > end,
            (Included(start) | Excluded(start), Included(end) | Excluded(end)) => start >= end,
            _ => false,
        };
        between || self.limit == 0
    }
}

/// A key with the number of its table in front, for engines that keep all tables in one.
fn prefixed(table: TableId, key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.len() + 1);
    bytes.push(table.number());
    bytes.extend_from_slice(key);
    bytes
}

/// The bounds of a span, likewise.
fn prefixed_bounds(table: TableId, span: &Span<'_>) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let within = |bound: Bound<&[u8]>, open: Bound<Vec<u8>>| match bound {
        Bound::Unbounded => open,
        bound => bound.map(|key| prefixed(table, key)),
    };
    let next = table.number().checked_add(1).map_or(Bound::Unbounded, |next| Bound::Excluded(vec![next]));
    (within(span.start, Bound::Included(vec![table.number()])), within(span.end, next))
}

/// The first key after all that begin with `prefix`, if there is one.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix.get(..=kept)?.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    Some(end)
}

/// All pairs whose key begins with `prefix`.
pub(crate) fn scan_prefix(
    engine: &dyn Engine,
    table: TableId,
    prefix: &[u8],
) -> Result<Vec<Pair>, StoreError> {
    let end = after_prefix(prefix);
    let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    engine.scan(table, &Span::between(Bound::Included(prefix), end))
}
