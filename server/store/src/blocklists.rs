//! Block lists that others keep in a node, as they were when we last heard: a restart must not let anybody in.

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const BLOCKLISTS: Table<()> = Table::new(tables::BLOCKLISTS);

/// All entries of a list: SHA-256 in hexadecimal digits.
///
/// # Errors
/// [`StoreError`] when they cannot be read.
pub fn load(store: &Store, service: &str, node: &str) -> Result<Vec<String>, StoreError> {
    let rows = BLOCKLISTS.list(store, &[service, node])?;
    Ok(rows.into_iter().filter_map(|(parts, ())| parts.into_iter().nth(2)).collect())
}

/// An entry.
///
/// # Errors
/// [`StoreError`] when it cannot be written down.
pub fn put(batch: &mut Batch, (service, node): (&str, &str), entry: &str) -> Result<(), StoreError> {
    BLOCKLISTS.put(batch, &[service, node, entry], &())
}

/// An entry is no more.
pub fn remove(batch: &mut Batch, (service, node): (&str, &str), entry: &str) {
    BLOCKLISTS.delete(batch, &[service, node, entry]);
}

/// A list is empty.
pub fn clear(batch: &mut Batch, (service, node): (&str, &str)) {
    BLOCKLISTS.delete_all(batch, &[service, node]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lists_are_kept_apart() {
        let store = Store::memory();
        let mut batch = Batch::new();
        for (service, node, entry) in
            [("a.lit", "bans", "01"), ("a.lit", "bans", "02"), ("b.lit", "bans", "03")]
        {
            put(&mut batch, (service, node), entry).unwrap();
        }
        remove(&mut batch, ("a.lit", "bans"), "01");
        store.commit(batch).await.unwrap();
        assert_eq!(load(&store, "a.lit", "bans").unwrap(), ["02"]);
        let mut batch = Batch::new();
        clear(&mut batch, ("a.lit", "bans"));
        store.commit(batch).await.unwrap();
        assert!(load(&store, "a.lit", "bans").unwrap().is_empty());
        assert_eq!(load(&store, "b.lit", "bans").unwrap(), ["03"]);
    }
}
