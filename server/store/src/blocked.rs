//! XEP-0191: whom an account blocks, one record for each address.

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::clock::unix_micros;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const BLOCKED: Table<Since> = Table::new(tables::BLOCKED);

/// Since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Since {
    /// Seconds since 1970.
    at: u64,
}

/// All that an account blocks, in order.
pub fn load(store: &Store, account: &str) -> Result<Vec<String>, StoreError> {
    let rows = BLOCKED.list(store, &[account])?;
    Ok(rows.into_iter().filter_map(|(key, _)| key.into_iter().nth(1)).collect())
}

/// From now on it blocks this address.
pub fn put(batch: &mut Batch, account: &str, jid: &str) -> Result<(), StoreError> {
    BLOCKED.put(batch, &[account, jid], &Since { at: unix_micros() / 1_000_000 })
}

/// It does not any more.
pub fn remove(batch: &mut Batch, account: &str, jid: &str) {
    BLOCKED.delete(batch, &[account, jid]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_blocked_comes_back_in_order_and_goes_one_by_one() {
        let store = Store::memory();
        let mut batch = Batch::new();
        for (account, jid) in [("romeo@localhost", "tybalt@localhost"), ("romeo@localhost", "paris.lit")] {
            put(&mut batch, account, jid).unwrap();
        }
        put(&mut batch, "juliet@localhost", "paris@localhost").unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(load(&store, "romeo@localhost").unwrap(), ["paris.lit", "tybalt@localhost"]);
        let mut batch = Batch::new();
        remove(&mut batch, "romeo@localhost", "paris.lit");
        store.commit(batch).await.unwrap();
        assert_eq!(load(&store, "romeo@localhost").unwrap(), ["tybalt@localhost"]);
        assert_eq!(load(&store, "juliet@localhost").unwrap().len(), 1);
    }
}
