//! Outboxes: what must still go to far rooms, in its order, and how far the one has got that is under way.
//!
//! Our ids of messages are given in the order of time and have one length, so the keys of a link are in its order.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::{Row, Table};
use crate::tables;

const FLIGHTS: Table<Flight> = Table::new(tables::FLIGHTS);

/// The outboxes of all links, whose records are `R`.
#[derive(Clone)]
pub struct Outbox<R> {
    store: Store,
    table: std::marker::PhantomData<fn() -> R>,
}

/// How far something has got on its way to a far room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// Our id of it.
    pub id: String,
    /// When it set out, in microseconds since 1970.
    pub at: u64,
    /// Parts of it that have arrived.
    pub done: usize,
    /// The next part may be on its way.
    pub open: bool,
}

impl<R: Serialize + DeserializeOwned> Outbox<R> {
    const ROWS: Table<R> = Table::new(tables::OUTBOX);

    /// The outboxes of a store.
    pub fn new(store: &Store) -> Outbox<R> {
        Outbox { store: store.clone(), table: std::marker::PhantomData }
    }

    /// Something must go out.
    pub fn put(&self, batch: &mut Batch, link: &str, id: &str, row: &R) -> Result<(), StoreError> {
        Self::ROWS.put(batch, &[link, id], row)
    }

    /// It need not go out any more.
    pub fn remove(&self, batch: &mut Batch, link: &str, id: &str) {
        Self::ROWS.delete(batch, &[link, id]);
    }

    /// What must go out over a link, the oldest first.
    pub fn waiting(&self, link: &str) -> Result<Vec<R>, StoreError> {
        Ok(Self::ROWS.list(&self.store, &[link])?.into_iter().map(|(_, row)| row).collect())
    }

    /// What must go out over all links.
    pub fn all(&self) -> Result<Vec<Row<R>>, StoreError> {
        Self::ROWS.list(&self.store, &[])
    }

    /// Forgets a whole link.
    pub fn clear(&self, batch: &mut Batch, link: &str) {
        Self::ROWS.delete_all(batch, &[link]);
        FLIGHTS.delete(batch, &[link]);
    }

    /// Notes how far something has got; a link has one thing under way at most.
    pub fn set_flight(&self, batch: &mut Batch, link: &str, flight: &Flight) -> Result<(), StoreError> {
        FLIGHTS.put(batch, &[link], flight)
    }

    /// Nothing is under way.
    pub fn end_flight(&self, batch: &mut Batch, link: &str) {
        FLIGHTS.delete(batch, &[link]);
    }

    /// What is under way.
    pub fn flight(&self, link: &str) -> Result<Option<Flight>, StoreError> {
        FLIGHTS.get(&self.store, &[link])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_is_read_in_its_order_and_each_link_has_its_own() {
        let store = Store::memory();
        let outbox: Outbox<String> = Outbox::new(&store);
        let ids: Vec<String> = (0..5).map(|_| store.shared().next_id().to_string()).collect();
        let mut batch = Batch::new();
        for id in ids.iter().rev() {
            outbox.put(&mut batch, "libera:#a", id, id).unwrap();
        }
        outbox.put(&mut batch, "libera:#ab", "x", &"other".to_owned()).unwrap();
        let flight = Flight { id: ids[0].clone(), at: 7, done: 1, open: true };
        outbox.set_flight(&mut batch, "libera:#a", &flight).unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(outbox.waiting("libera:#a").unwrap(), ids);
        assert_eq!(outbox.flight("libera:#a").unwrap(), Some(flight));
        let mut batch = Batch::new();
        outbox.remove(&mut batch, "libera:#a", &ids[0]);
        outbox.end_flight(&mut batch, "libera:#a");
        store.commit(batch).await.unwrap();
        assert_eq!(outbox.waiting("libera:#a").unwrap(), ids[1..]);
        assert_eq!(outbox.flight("libera:#a").unwrap(), None);
        let mut batch = Batch::new();
        outbox.clear(&mut batch, "libera:#a");
        store.commit(batch).await.unwrap();
        assert_eq!(outbox.all().unwrap().len(), 1);
    }
}
