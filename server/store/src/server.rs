//! Secrets of the server: made once, from the operating system's randomness, and kept.

use crate::batch::Batch;
use crate::error::StoreError;
use crate::key::key;
use crate::store::Store;
use crate::tables;

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Makes occupant-ids (XEP-0421) that nobody can compute from a JID.
    OccupantIds,
    /// Makes salts for users who do not exist, the same each time (RFC 5802 §9).
    FakeSalts,
    /// Makes tokens that stand in for a password (XEP-0484) from what is kept of them.
    Tokens,
    /// Makes credentials for the built-in TURN server.
    Turn,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::OccupantIds => "occupant-ids",
            Purpose::FakeSalts => "fake-salts",
            Purpose::Tokens => "tokens",
            Purpose::Turn => "turn",
        }
    }
}

/// A secret; made on first use, the same ever after.
pub async fn secret(store: &Store, purpose: Purpose) -> Result<[u8; 32], StoreError> {
    let key = key(&[purpose.name()]);
    loop {
        if let Some(kept) = store.get(tables::SERVER, &key)? {
            return kept[..]
                .try_into()
                .map_err(|_| StoreError::corrupt("server", "a secret is not 32 bytes long"));
        }
        let mut made = [0; 32];
        getrandom::fill(&mut made).map_err(StoreError::engine)?;
        let mut batch = Batch::new();
        batch.require(tables::SERVER, &key, None);
        batch.put(tables::SERVER, &key, &made);
        match store.commit(batch).await {
            Err(StoreError::Conflict) => {}
            other => return other.map(|()| made),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_is_made_once_and_is_nobody_elses() {
        let store = Store::memory();
        let (one, other) =
            tokio::join!(secret(&store, Purpose::OccupantIds), secret(&store, Purpose::OccupantIds));
        assert_eq!(one, other);
        assert_ne!(one, secret(&store, Purpose::FakeSalts).await);
        assert_ne!(one, secret(&Store::memory(), Purpose::OccupantIds).await);
    }
}
