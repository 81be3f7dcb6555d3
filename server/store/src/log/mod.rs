//! Logs: entries of an owner in the order of their ids, which is how archives are kept.
//!
//! Writing a message into two archives must cost little, and an ordered tree pays for every key. So the newest entries
//! of an owner stay in memory (the *tail*; the journal holds them on the disk), and go into the engine many at a time,
//! as one *chunk*: one value that holds neighbouring entries, compressed. Chunks of an owner never overlap. Everything
//! that changes a log happens on the committer's thread; reading merges the chunks with the tail.

pub(crate) mod chunk;
pub(crate) mod count;
pub(crate) mod spill;
pub(crate) mod tail;
pub(crate) mod walk;

use crate::key::push_part;

/// The key of an owner's chunk that begins with `id`.
pub(crate) fn chunk_key(owner: &[u8], id: u128) -> Vec<u8> {
    let mut key = owner_key(owner);
    key.extend_from_slice(&id.to_be_bytes());
    key
}

/// The key of the note that the chunk beginning with `id` has entries exchanged with `bare`.
pub(crate) fn with_key(owner: &[u8], bare: &[u8], id: u128) -> Vec<u8> {
    let mut key = owner_key(owner);
    push_part(&mut key, bare);
    key.extend_from_slice(&id.to_be_bytes());
    key
}

/// What all keys of an owner begin with.
pub(crate) fn owner_key(owner: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(owner.len() + 20);
    push_part(&mut key, owner);
    key
}

/// The id at the end of a key.
pub(crate) fn id_of(key: &[u8]) -> Option<u128> {
    let id = key.get(key.len().checked_sub(16)?..)?;
    Some(u128::from_be_bytes(id.try_into().ok()?))
}
