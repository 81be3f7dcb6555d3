//! The newest entries of each owner, in memory. The committer writes, everyone reads.

use std::collections::HashMap;

use bytes::Bytes;
use parking_lot::RwLock;

/// An id with its entry; `None`: an entry with that id, should the chunks have one, is erased.
pub(crate) type Set = (u128, Option<Bytes>);

/// All tails.
#[derive(Default)]
pub(crate) struct Tails {
    owners: RwLock<HashMap<Bytes, Tail>>,
}

/// One owner's, in the order of ids.
#[derive(Default)]
struct Tail {
    sets: Vec<Set>,
    bytes: usize,
}

/// What an entry costs beside its bytes.
const OVERHEAD: usize = 64;

impl Tails {
    /// Sets or erases one entry; gives the bytes that the owner's tail had before and has now.
    pub fn set(&self, owner: &Bytes, id: u128, entry: Option<Bytes>) -> (usize, usize) {
        let mut owners = self.owners.write();
        // The owner's name is a slice of the journal's buffer: kept as long as the tail, it would hold the whole buffer.
        if !owners.contains_key(owner) {
            owners.insert(Bytes::copy_from_slice(owner), Tail::default());
        }
        let Some(tail) = owners.get_mut(owner) else { return (0, 0) };
        let before = tail.bytes;
        tail.bytes += OVERHEAD + entry.as_ref().map_or(0, Bytes::len);
        match tail.sets.last() {
            Some((last, _)) if *last >= id => match tail.sets.binary_search_by_key(&id, |(id, _)| *id) {
                Ok(at) => {
                    if let Some(set) = tail.sets.get_mut(at) {
                        tail.bytes -= OVERHEAD + set.1.as_ref().map_or(0, Bytes::len);
                        set.1 = entry;
                    }
                }
                Err(at) => tail.sets.insert(at, (id, entry)),
            },
            _ => tail.sets.push((id, entry)),
        }
        (before, tail.bytes)
    }

    /// The part of an owner's tail between two ids, both included.
    pub fn between(&self, owner: &[u8], low: u128, high: u128) -> Vec<Set> {
        let owners = self.owners.read();
        let Some(tail) = owners.get(owner) else { return Vec::new() };
        let from = tail.sets.partition_point(|(id, _)| *id < low);
        let to = tail.sets.partition_point(|(id, _)| *id <= high);
        tail.sets.get(from..to).unwrap_or_default().to_vec()
    }

    /// Forgets an owner's tail.
    pub fn forget(&self, owner: &[u8]) {
        self.owners.write().remove(owner);
    }

    /// Owners that have a tail.
    pub fn owners(&self) -> Vec<Bytes> {
        self.owners.read().keys().cloned().collect()
    }

    /// Gives memory back once nothing is left.
    pub fn shrink(&self) {
        let mut owners = self.owners.write();
        if owners.is_empty() {
            owners.shrink_to(64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_kept_in_the_order_of_ids_however_they_come() {
        let tails = Tails::default();
        let owner = Bytes::from_static(b"romeo");
        for id in [5, 9, 7, 9, 1] {
            tails.set(&owner, id, Some(Bytes::copy_from_slice(&[id as u8])));
        }
        tails.set(&owner, 7, None);
        let ids: Vec<_> =
            tails.between(b"romeo", 2, 9).into_iter().map(|(id, set)| (id, set.is_some())).collect();
        assert_eq!(ids, [(5, true), (7, false), (9, true)]);
        assert!(tails.between(b"juliet", 0, u128::MAX).is_empty());
        tails.forget(b"romeo");
        assert!(tails.owners().is_empty());
    }

    #[test]
    fn replacing_does_not_grow_the_tail() {
        let tails = Tails::default();
        let owner = Bytes::from_static(b"romeo");
        let once = tails.set(&owner, 5, Some(Bytes::from_static(b"abc")));
        assert_eq!(tails.set(&owner, 5, Some(Bytes::from_static(b"xyz"))), (once.1, once.1));
    }
}
