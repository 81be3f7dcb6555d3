//! From the tail into chunks, and out of the chunks again: what the committer does to logs in the engine.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::chunk::{self, Row};
use super::tail::{Set, Tails};
use super::{chunk_key, id_of, owner_key, with_key};
use crate::archive::bare_of;
use crate::engine::{Change, Engine, Span, after_prefix};
use crate::error::StoreError;
use crate::tables::{ARCHIVE, ARCHIVE_WITH, TableId};

/// Bytes of entries in a chunk, before compression.
pub(crate) const CHUNK: usize = 16 * 1024;

/// Entries in a chunk.
const ENTRIES: usize = 128;

/// Bytes of chunks from which a commit to the engine is large enough.
const TOGETHER: usize = 512 * 1024;

/// Chunks' worth of full tails that are moved together.
pub(crate) const FULL_TAILS: usize = 16;

/// Chunks removed by one purge.
pub(crate) const PURGED: usize = 64;

/// Keys removed from the engine by one commit.
const REMOVED: usize = 512;

/// Changes on the way to the engine, with their bytes.
#[derive(Default)]
struct Rewrite {
    puts: Vec<(TableId, Vec<u8>, Vec<u8>)>,
    deletes: Vec<(TableId, Vec<u8>)>,
    bytes: usize,
}

/// Moves the tails of owners into chunks, many by one commit: what an engine's commit costs beside its bytes (sled wakes
/// all its threads for each) is dearer than a chunk. No owner comes twice. Not synced: the journal still holds it.
pub(crate) fn spill<'a>(
    engine: &dyn Engine,
    tails: &Tails,
    owners: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(), StoreError> {
    let mut rewrite = Rewrite::default();
    let mut moved = Vec::new();
    for owner in owners {
        rewrite.put_tail(engine, tails, owner)?;
        moved.push(owner);
        if rewrite.bytes >= TOGETHER {
            std::mem::take(&mut rewrite).commit(engine)?;
            moved.drain(..).for_each(|owner| tails.forget(owner));
        }
    }
    rewrite.commit(engine)?;
    moved.into_iter().for_each(|owner| tails.forget(owner));
    Ok(())
}

/// Removes an owner's entries up to, but without, `before`; at most so many chunks. Those in the tail go as well.
pub(crate) fn purge(
    engine: &dyn Engine,
    tails: &Tails,
    owner: &[u8],
    before: u128,
) -> Result<(), StoreError> {
    if before == u128::MAX {
        tails.forget(owner);
        let prefix = owner_key(owner);
        remove_prefix(engine, ARCHIVE_WITH, &prefix)?;
        return remove_prefix(engine, ARCHIVE, &prefix);
    }
    spill(engine, tails, [owner])?;
    let (prefix, end) = (owner_key(owner), chunk_key(owner, before));
    let span = Span::between(Bound::Included(&prefix), Bound::Excluded(&end)).limit(PURGED);
    let mut rewrite = Rewrite::default();
    for (key, value) in engine.scan(ARCHIVE, &span)? {
        let rows = chunk::read(&value)?;
        rewrite.drop_chunk(owner, id_of(&key).unwrap_or_default(), &rows);
        let kept: Vec<Row> = rows.into_iter().filter(|(id, _)| *id >= before).collect();
        if !kept.is_empty() {
            rewrite.put_chunk(owner, &kept, engine.roomy_value());
        }
    }
    rewrite.commit(engine)
}

/// Removes all keys with a prefix, in bounded commits.
pub(crate) fn remove_prefix(engine: &dyn Engine, table: TableId, prefix: &[u8]) -> Result<(), StoreError> {
    let end = after_prefix(prefix);
    let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    loop {
        let doomed = engine.scan(table, &Span::between(Bound::Included(prefix), end).limit(REMOVED))?;
        if doomed.is_empty() {
            return Ok(());
        }
        let changes: Vec<_> = doomed.iter().map(|(key, _)| Change::Delete { table, key }).collect();
        engine.commit(&changes)?;
    }
}

/// The chunks that entries from `first` on have to be merged with: all that reach beyond `first`, and the last one
/// before it if there is room in it.
fn touched(engine: &dyn Engine, owner: &[u8], first: u128) -> Result<Vec<(u128, Vec<Row>)>, StoreError> {
    let (prefix, mut end) = (owner_key(owner), chunk_key(owner, u128::MAX));
    let mut touched = Vec::new();
    loop {
        let span = Span::between(Bound::Included(&prefix), Bound::Included(&end)).reverse().limit(1);
        let Some((key, value)) = engine.scan(ARCHIVE, &span)?.pop() else { break };
        let Some(id) = id_of(&key) else { break };
        let head = chunk::head(&value)?;
        let roomy = (head.length as usize) < CHUNK / 2 && usize::from(head.count) < ENTRIES / 2;
        if head.last < first && !(roomy && touched.is_empty()) {
            break;
        }
        touched.push((id, chunk::read(&value)?));
        if id < first || id == 0 {
            break;
        }
        end = chunk_key(owner, id - 1);
    }
    touched.reverse();
    Ok(touched)
}

/// Entries of chunks with what the tail sets and erases; of two with one id the tail's counts.
fn merge(kept: Vec<Row>, sets: Vec<Set>) -> Vec<Row> {
    let mut merged = Vec::with_capacity(kept.len() + sets.len());
    let mut kept = kept.into_iter().peekable();
    for (id, entry) in sets {
        while let Some(row) = kept.next_if(|(kept, _)| *kept <= id) {
            if row.0 < id {
                merged.push(row);
            }
        }
        merged.extend(entry.map(|entry| (id, entry)));
    }
    merged.extend(kept);
    merged
}

/// Cuts entries into the contents of chunks.
fn pieces(rows: &[Row]) -> Vec<&[Row]> {
    let (mut pieces, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (at, (_, entry)) in rows.iter().enumerate() {
        if at > from && (bytes + entry.len() + 20 > CHUNK || at - from >= ENTRIES) {
            pieces.extend(rows.get(from..at));
            (from, bytes) = (at, 0);
        }
        bytes += entry.len() + 20;
    }
    pieces.extend(rows.get(from..).filter(|rest| !rest.is_empty()));
    pieces
}

/// Everyone with whom entries were exchanged.
fn parties(rows: &[Row]) -> BTreeSet<&[u8]> {
    rows.iter().map(|(_, entry)| bare_of(entry)).filter(|bare| !bare.is_empty()).collect()
}

impl Rewrite {
    /// An owner's tail, with the chunks that it touches.
    fn put_tail(&mut self, engine: &dyn Engine, tails: &Tails, owner: &[u8]) -> Result<(), StoreError> {
        let sets = tails.between(owner, 0, u128::MAX);
        let Some((first, _)) = sets.first() else { return Ok(()) };
        let mut kept = Vec::new();
        for (id, rows) in touched(engine, owner, *first)? {
            self.drop_chunk(owner, id, &rows);
            kept.extend(rows);
        }
        let rows = merge(kept, sets);
        for piece in pieces(&rows) {
            self.put_chunk(owner, piece, engine.roomy_value());
        }
        Ok(())
    }

    fn drop_chunk(&mut self, owner: &[u8], id: u128, rows: &[Row]) {
        self.deletes.push((ARCHIVE, chunk_key(owner, id)));
        self.deletes.extend(parties(rows).into_iter().map(|bare| (ARCHIVE_WITH, with_key(owner, bare, id))));
    }

    /// Puts a chunk, or two halves where one would be too large for the engine.
    fn put_chunk(&mut self, owner: &[u8], rows: &[Row], roomy: usize) {
        let Some((id, _)) = rows.first() else { return };
        let value = chunk::write(rows);
        if value.len() > roomy && rows.len() > 1 {
            let (one, other) = rows.split_at(rows.len() / 2);
            self.put_chunk(owner, one, roomy);
            self.put_chunk(owner, other, roomy);
            return;
        }
        self.bytes += value.len();
        self.puts.push((ARCHIVE, chunk_key(owner, *id), value));
        let notes =
            parties(rows).into_iter().map(|bare| (ARCHIVE_WITH, with_key(owner, bare, *id), Vec::new()));
        self.puts.extend(notes);
    }

    /// Deletes come first: a chunk that is put again under its old key stays.
    fn commit(self, engine: &dyn Engine) -> Result<(), StoreError> {
        if self.puts.is_empty() && self.deletes.is_empty() {
            return Ok(());
        }
        let puts: BTreeSet<(TableId, &[u8])> =
            self.puts.iter().map(|(table, key, _)| (*table, &key[..])).collect();
        let deletes = self.deletes.iter().filter(|(table, key)| !puts.contains(&(*table, key)));
        let mut changes: Vec<Change<'_>> =
            deletes.map(|(table, key)| Change::Delete { table: *table, key }).collect();
        changes.extend(self.puts.iter().map(|(table, key, value)| Change::Put { table: *table, key, value }));
        engine.commit(&changes)
    }
}

/// Whether a tail has just got enough for one more chunk, so that it is spilled without waiting for a checkpoint.
pub(crate) fn has_filled(before: usize, bytes: usize) -> bool {
    bytes / CHUNK > before / CHUNK
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;

    use super::*;
    use crate::engine::{Memory, Pair};

    #[derive(Default)]
    struct Counting(Memory, AtomicUsize);

    impl Engine for Counting {
        fn get(&self, table: TableId, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
            self.0.get(table, key)
        }

        fn scan(&self, table: TableId, span: &Span<'_>) -> Result<Vec<Pair>, StoreError> {
            self.0.scan(table, span)
        }

        fn commit(&self, changes: &[Change<'_>]) -> Result<(), StoreError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.commit(changes)
        }

        fn sync(&self) -> Result<(), StoreError> {
            self.0.sync()
        }
    }

    #[test]
    fn the_tails_of_many_owners_move_by_one_commit() {
        let (engine, tails) = (Counting::default(), Tails::default());
        let owners: Vec<Bytes> = (0..100).map(|n| Bytes::from(format!("user{n}@localhost"))).collect();
        for owner in &owners {
            tails.set(owner, 7, Some(Bytes::from_static(b"an entry")));
        }
        spill(&engine, &tails, owners.iter().map(|owner| &owner[..])).unwrap();
        assert_eq!(engine.1.load(Ordering::Relaxed), 1);
        assert!(tails.owners().is_empty());
        for owner in &owners {
            assert!(engine.get(ARCHIVE, &chunk_key(owner, 7)).unwrap().is_some());
        }
    }

    #[test]
    fn a_tail_fills_once_for_each_chunk_that_it_will_make() {
        assert!(!has_filled(0, CHUNK - 1));
        assert!(has_filled(CHUNK - 1, CHUNK));
        assert!(!has_filled(CHUNK, CHUNK + 1));
        assert!(has_filled(CHUNK + 1, 2 * CHUNK));
    }
}
