//! A typed table: tuples of strings as keys, serde-JSON as records.

use std::marker::PhantomData;
use std::ops::Bound;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::batch::Batch;
use crate::engine::{Span, after_prefix};
use crate::error::StoreError;
use crate::key;
use crate::store::Store;
use crate::tables::TableId;

/// A table of the catalogue whose values are `V`.
pub struct Table<V> {
    id: TableId,
    record: PhantomData<fn() -> V>,
}

/// The parts of a key, with its record.
pub type Row<V> = (Vec<String>, V);

impl<V: Serialize + DeserializeOwned> Table<V> {
    /// The table with that number.
    pub const fn new(id: TableId) -> Table<V> {
        Table { id, record: PhantomData }
    }

    /// The record of a key.
    pub fn get(&self, store: &Store, parts: &[&str]) -> Result<Option<V>, StoreError> {
        store.get(self.id, &key::key(parts))?.map(|bytes| self.read(&bytes)).transpose()
    }

    /// Sets a record.
    pub fn put(&self, batch: &mut Batch, parts: &[&str], value: &V) -> Result<(), StoreError> {
        batch.put(self.id, &key::key(parts), &self.write(value)?);
        Ok(())
    }

    /// Sets a record where there is none; else the batch conflicts.
    pub fn insert(&self, batch: &mut Batch, parts: &[&str], value: &V) -> Result<(), StoreError> {
        batch.require(self.id, &key::key(parts), None);
        self.put(batch, parts, value)
    }

    /// Removes a record.
    pub fn delete(&self, batch: &mut Batch, parts: &[&str]) {
        batch.delete(self.id, &key::key(parts));
    }

    /// Removes all records whose key begins with these parts.
    pub fn delete_all(&self, batch: &mut Batch, parts: &[&str]) {
        batch.delete_prefix(self.id, &key::key(parts));
    }

    /// All records whose key begins with these parts, in key order.
    pub fn list(&self, store: &Store, parts: &[&str]) -> Result<Vec<Row<V>>, StoreError> {
        self.page(store, parts, None, usize::MAX)
    }

    /// At most `limit` records whose key begins with `parts`, after the key `after`.
    pub fn page(
        &self,
        store: &Store,
        parts: &[&str],
        after: Option<&[&str]>,
        limit: usize,
    ) -> Result<Vec<Row<V>>, StoreError> {
        let (prefix, after) = (key::key(parts), after.map(key::key));
        let start = after.as_deref().map_or(Bound::Included(&prefix[..]), Bound::Excluded);
        let end = after_prefix(&prefix);
        let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let rows = store.scan(self.id, &Span::between(start, end).limit(limit))?;
        rows.iter().map(|(key, value)| Ok((self.parts(key)?, self.read(value)?))).collect()
    }

    /// Changes a record that is there, and waits until that is durable. `false`: it is not there. The change may be
    /// asked for again when somebody else was faster; it returns whether there is anything to write.
    pub async fn update(
        &self,
        store: &Store,
        parts: &[&str],
        mut change: impl FnMut(&mut V) -> bool + Send,
    ) -> Result<bool, StoreError> {
        loop {
            let key = key::key(parts);
            let Some(old) = store.get(self.id, &key)? else { return Ok(false) };
            let mut value = self.read(&old)?;
            if !change(&mut value) {
                return Ok(true);
            }
            let mut batch = Batch::new();
            batch.require(self.id, &key, Some(&old));
            batch.put(self.id, &key, &self.write(&value)?);
            match store.commit(batch).await {
                Err(StoreError::Conflict) => {}
                Err(why) => return Err(why),
                Ok(()) => return Ok(true),
            }
        }
    }

    fn read(&self, bytes: &[u8]) -> Result<V, StoreError> {
        // serde's message may quote the record, and records hold secrets: the place is enough.
        serde_json::from_slice(bytes).map_err(|error| {
            StoreError::corrupt(self.id.name(), format_args!("no JSON record at byte {}", error.column()))
        })
    }

    fn write(&self, value: &V) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec(value).map_err(StoreError::engine)
    }

    fn parts(&self, key: &[u8]) -> Result<Vec<String>, StoreError> {
        key::parts(key).ok_or_else(|| StoreError::corrupt(self.id.name(), "no key of ours"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;

    const ROOMS: Table<Vec<u8>> = Table::new(tables::ROOMS);

    #[tokio::test]
    async fn records_come_back_by_prefix_and_in_pages() {
        let store = Store::memory();
        let mut batch = Batch::new();
        for (room, n) in [("a", 1), ("a", 2), ("b", 3), ("ab", 4)] {
            ROOMS.put(&mut batch, &[room, &n.to_string()], &vec![n]).unwrap();
        }
        store.commit(batch).await.unwrap();
        let all = ROOMS.list(&store, &["a"]).unwrap();
        assert_eq!(all, [(vec!["a".into(), "1".into()], vec![1]), (vec!["a".into(), "2".into()], vec![2])]);
        let page = ROOMS.page(&store, &["a"], Some(&["a", "1"]), 5).unwrap();
        assert_eq!(page.len(), 1);
        let mut batch = Batch::new();
        ROOMS.delete_all(&mut batch, &["a"]);
        store.commit(batch).await.unwrap();
        assert_eq!(ROOMS.list(&store, &[]).unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_second_insert_conflicts_and_changes_nothing() {
        let store = Store::memory();
        let mut batch = Batch::new();
        ROOMS.insert(&mut batch, &["a"], &vec![1]).unwrap();
        store.commit(batch).await.unwrap();
        let mut batch = Batch::new();
        ROOMS.insert(&mut batch, &["a"], &vec![2]).unwrap();
        assert_eq!(store.commit(batch).await, Err(StoreError::Conflict));
        assert_eq!(ROOMS.get(&store, &["a"]).unwrap(), Some(vec![1]));
    }

    #[tokio::test]
    async fn two_who_change_one_record_both_succeed() {
        let store = Store::memory();
        let mut batch = Batch::new();
        ROOMS.put(&mut batch, &["a"], &vec![]).unwrap();
        store.commit(batch).await.unwrap();
        let add = |n: u8| {
            let store = store.clone();
            async move {
                ROOMS
                    .update(&store, &["a"], |list| {
                        list.push(n);
                        true
                    })
                    .await
            }
        };
        let (one, two) = tokio::join!(add(1), add(2));
        assert_eq!((one, two), (Ok(true), Ok(true)));
        let mut list = ROOMS.get(&store, &["a"]).unwrap().unwrap();
        list.sort_unstable();
        assert_eq!(list, [1, 2]);
    }

    #[tokio::test]
    async fn a_record_that_is_no_json_is_an_error_naming_its_table() {
        let store = Store::memory();
        let mut batch = Batch::new();
        batch.put(tables::ROOMS, &key::key(&["a"]), b"{secret");
        store.commit(batch).await.unwrap();
        let error = ROOMS.get(&store, &["a"]).unwrap_err().to_string();
        assert!(error.contains("`rooms`") && !error.contains("secret"), "{error}");
    }
}
