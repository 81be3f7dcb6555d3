//! XEP-0012: when an account was last seen.

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const LAST: Table<Last> = Table::new(tables::LAST);

/// The end of an account's last session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// Seconds since 1970.
    pub at: u64,
    /// The status of its last unavailable presence (§5).
    #[serde(default)]
    pub status: String,
    /// When that session began, in seconds since 1970; 0 where nobody knows.
    #[serde(default)]
    pub login: u64,
}

/// When an account was last seen.
pub fn get(store: &Store, account: &str) -> Result<Option<Last>, StoreError> {
    LAST.get(store, &[account])
}

/// Notes it.
pub fn put(batch: &mut Batch, account: &str, last: &Last) -> Result<(), StoreError> {
    LAST.put(batch, &[account], last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_words_come_back() {
        let store = Store::memory();
        let last = Last { at: 1_700_000_000, status: "parting is such sweet sorrow".into(), login: 1 };
        let mut batch = Batch::new();
        put(&mut batch, "juliet@localhost", &last).unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(get(&store, "juliet@localhost").unwrap(), Some(last));
        assert_eq!(get(&store, "romeo@localhost").unwrap(), None);
    }
}
