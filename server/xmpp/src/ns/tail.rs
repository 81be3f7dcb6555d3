//! How the known namespaces are hashed: quickly, by where they differ.

use std::hash::Hasher;

/// Hashes a name by its length and its last bytes, where namespaces differ. Nothing is ever added to the index, so
/// that nobody can make it slow.
#[derive(Default)]
pub(super) struct Tail(u64);

impl Hasher for Tail {
    fn write(&mut self, bytes: &[u8]) {
        let last = |at: usize| bytes.last_chunk::<16>().map_or(0, |tail| word(&tail[at..]));
        let short = bytes.iter().take(16).fold(0u64, |sum, byte| sum.rotate_left(5) ^ u64::from(*byte));
        let mixed = if bytes.len() < 16 { short } else { last(0).rotate_left(29) ^ last(8) };
        self.0 = (self.0 ^ mixed ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<8>().map_or(0, |chunk| u64::from_le_bytes(*chunk))
}
