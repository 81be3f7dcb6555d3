//! Rooms, and the links between a room and a far room. The records are the room's own types.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::archive::Archive;
use crate::batch::Batch;
use crate::error::StoreError;
use crate::key::key;
use crate::store::Store;
use crate::table::{Row, Table};
use crate::{tables, vcard};

/// All rooms, whose records are `R`.
#[derive(Clone)]
pub struct Rooms<R> {
    store: Store,
    table: std::marker::PhantomData<fn() -> R>,
}

impl<R: Serialize + DeserializeOwned> Rooms<R> {
    const ROOMS: Table<R> = Table::new(tables::ROOMS);

    /// The rooms of a store.
    pub fn new(store: &Store) -> Rooms<R> {
        Rooms { store: store.clone(), table: std::marker::PhantomData }
    }

    /// A room's record.
    pub fn get(&self, room: &str) -> Result<Option<R>, StoreError> {
        Self::ROOMS.get(&self.store, &[room])
    }

    /// Sets a room's record.
    pub fn put(&self, batch: &mut Batch, room: &str, record: &R) -> Result<(), StoreError> {
        Self::ROOMS.put(batch, &[room], record)
    }

    /// Removes a room with its archive, its registered nicks, its links and its vCard.
    pub fn remove(&self, batch: &mut Batch, room: &str) {
        batch.delete(tables::ROOMS, &key(&[room]));
        batch.delete_prefix(tables::NICKS, &key(&[room]));
        batch.delete_prefix(tables::LINKS, &key(&[room]));
        vcard::remove(batch, room);
        Archive::new(&self.store).remove(batch, room);
    }

    /// Rooms in key order: at most `limit` after the room `after`.
    pub fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<(String, R)>, StoreError> {
        let after = after.map(|after| [after]);
        let rows = Self::ROOMS.page(&self.store, &[], after.as_ref().map(|after| &after[..]), limit)?;
        Ok(rows.into_iter().filter_map(|(parts, record)| Some((parts.into_iter().next()?, record))).collect())
    }
}

/// All links made at run time, whose records are `L`. Keyed by room and the link's own name.
#[derive(Clone)]
pub struct Links<L> {
    store: Store,
    table: std::marker::PhantomData<fn() -> L>,
}

impl<L: Serialize + DeserializeOwned> Links<L> {
    const LINKS: Table<L> = Table::new(tables::LINKS);

    /// The links of a store.
    pub fn new(store: &Store) -> Links<L> {
        Links { store: store.clone(), table: std::marker::PhantomData }
    }

    /// Every link: room and name, record.
    pub fn list(&self) -> Result<Vec<Row<L>>, StoreError> {
        Self::LINKS.list(&self.store, &[])
    }

    /// The links of one room.
    pub fn of_room(&self, room: &str) -> Result<Vec<Row<L>>, StoreError> {
        Self::LINKS.list(&self.store, &[room])
    }

    /// Sets a link.
    pub fn put(&self, batch: &mut Batch, room: &str, link: &str, record: &L) -> Result<(), StoreError> {
        Self::LINKS.put(batch, &[room, link], record)
    }

    /// Removes a link.
    pub fn remove(&self, batch: &mut Batch, room: &str, link: &str) {
        Self::LINKS.delete(batch, &[room, link]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nicks;

    #[tokio::test]
    async fn a_removed_room_takes_nicks_and_links_with_it() {
        let store = Store::memory();
        let (rooms, links) = (Rooms::<String>::new(&store), Links::<u8>::new(&store));
        let mut batch = Batch::new();
        for room in ["a@rooms.localhost", "b@rooms.localhost"] {
            rooms.put(&mut batch, room, &room.to_uppercase()).unwrap();
            links.put(&mut batch, room, "libera:#a", &1).unwrap();
            nicks::put(&mut batch, room, "romeo@localhost", "Romeo").unwrap();
            vcard::put(&mut batch, room, b"<vCard/>");
        }
        store.commit(batch).await.unwrap();
        let mut batch = Batch::new();
        rooms.remove(&mut batch, "a@rooms.localhost");
        store.commit(batch).await.unwrap();
        assert_eq!(rooms.get("a@rooms.localhost").unwrap(), None);
        assert_eq!(rooms.list(None, 10).unwrap(), [("b@rooms.localhost".into(), "B@ROOMS.LOCALHOST".into())]);
        assert!(links.of_room("a@rooms.localhost").unwrap().is_empty());
        assert_eq!(links.list().unwrap().len(), 1);
        assert!(vcard::get(&store, "a@rooms.localhost").unwrap().is_none());
        assert!(vcard::get(&store, "b@rooms.localhost").unwrap().is_some());
        assert!(nicks::of_room(&store, "a@rooms.localhost").unwrap().is_empty());
    }
}
