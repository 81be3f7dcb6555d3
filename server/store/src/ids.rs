//! Bridged messages: which of ours became which of theirs, so that edits, replies and retractions find their message.
//!
//! One message of ours can be several of theirs, in order. The newest of each link are in memory, where most questions
//! end; all are on the disk. Each link's far ids are known to that link alone.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

use crate::batch::Batch;
use crate::engine::Span;
use crate::error::StoreError;
use crate::key::{key, parts};
use crate::store::Store;
use crate::table::Table;
use crate::tables;

/// Messages of each link that are kept in memory.
pub const NEWEST: usize = 2000;

const IDS: Table<Bound> = Table::new(tables::IDS);
const REMOTE: Table<String> = Table::new(tables::IDS_REMOTE);

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Bound {
    theirs: Vec<String>,
    /// Microseconds since 1970.
    at: u64,
}

/// The map of all links. One for the whole server, shared.
pub struct Ids {
    store: Store,
    links: Mutex<HashMap<String, Link>>,
}

/// The newest of one link.
#[derive(Default)]
struct Link {
    theirs: HashMap<String, Vec<String>>,
    ours: HashMap<String, String>,
    order: VecDeque<String>,
}

impl Ids {
    /// The map of a store.
    pub fn new(store: &Store) -> Ids {
        Ids { store: store.clone(), links: Mutex::default() }
    }

    /// Notes that our message became theirs, in order. Known at once; durable when the batch settles. More parts of a
    /// message bound before are added to it.
    pub fn bind(
        &self,
        batch: &mut Batch,
        link: &str,
        ours: &str,
        theirs: &[String],
    ) -> Result<(), StoreError> {
        let mut all = self.theirs(link, ours)?;
        all.extend(theirs.iter().filter(|id| !all.contains(id)).cloned().collect::<Vec<_>>());
        IDS.put(batch, &[link, ours], &Bound { theirs: all.clone(), at: self.store.stamp() })?;
        for id in theirs {
            REMOTE.put(batch, &[link, id], &ours.to_owned())?;
        }
        self.links.lock().entry(link.to_owned()).or_default().remember(ours, all);
        Ok(())
    }

    /// What our message became on the far side, in order; empty: nothing.
    pub fn theirs(&self, link: &str, ours: &str) -> Result<Vec<String>, StoreError> {
        if let Some(theirs) = self.links.lock().get(link).and_then(|link| link.theirs.get(ours)) {
            return Ok(theirs.clone());
        }
        Ok(IDS.get(&self.store, &[link, ours])?.map_or_else(Vec::new, |bound| bound.theirs))
    }

    /// Our message that is, or became, theirs.
    pub fn ours(&self, link: &str, theirs: &str) -> Result<Option<String>, StoreError> {
        if let Some(ours) = self.links.lock().get(link).and_then(|link| link.ours.get(theirs)) {
            return Ok(Some(ours.clone()));
        }
        REMOTE.get(&self.store, &[link, theirs])
    }

    /// Forgets a message.
    pub fn unbind(&self, batch: &mut Batch, link: &str, ours: &str) -> Result<(), StoreError> {
        for theirs in self.theirs(link, ours)? {
            REMOTE.delete(batch, &[link, &theirs]);
        }
        IDS.delete(batch, &[link, ours]);
        if let Some(link) = self.links.lock().get_mut(link) {
            link.forget(ours);
        }
        Ok(())
    }

    /// Forgets a whole link.
    pub fn remove(&self, batch: &mut Batch, link: &str) {
        IDS.delete_all(batch, &[link]);
        REMOTE.delete_all(batch, &[link]);
        self.links.lock().remove(link);
    }

    /// Forgets what was bound before `before` (microseconds since 1970), looking at `limit` messages after the place
    /// where the last round ended; gives the place for the next, `None` at the end of the map.
    pub async fn prune(
        &self,
        before: u64,
        from: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = from.as_deref().map_or(Unbounded, Excluded);
        let rows = self.store.scan(tables::IDS, &Span::between(start, Unbounded).limit(limit))?;
        let next = rows.last().filter(|_| rows.len() == limit).map(|(key, _)| key.to_vec());
        let mut batch = Batch::new();
        for (key, _) in &rows {
            let parts = parts(key).unwrap_or_default();
            let [link, ours] = &parts[..] else { continue };
            if IDS.get(&self.store, &[link, ours])?.is_some_and(|bound| bound.at < before) {
                self.unbind(&mut batch, link, ours)?;
            }
        }
        self.store.commit(batch).await?;
        Ok(next)
    }

    /// Whether anything is bound for a link, for those who must not ask for what came before it.
    pub fn knows(&self, link: &str) -> Result<bool, StoreError> {
        Ok(!self.store.scan_prefix(tables::IDS, &key(&[link]))?.is_empty())
    }
}

impl Link {
    fn remember(&mut self, ours: &str, theirs: Vec<String>) {
        for id in &theirs {
            self.ours.insert(id.clone(), ours.to_owned());
        }
        if self.theirs.insert(ours.to_owned(), theirs).is_none() {
            self.order.push_back(ours.to_owned());
        }
        while self.order.len() > NEWEST {
            if let Some(oldest) = self.order.pop_front() {
                self.drop_maps(&oldest);
            }
        }
    }

    fn forget(&mut self, ours: &str) {
        self.drop_maps(ours);
        self.order.retain(|kept| kept != ours);
    }

    fn drop_maps(&mut self, ours: &str) {
        for theirs in self.theirs.remove(ours).unwrap_or_default() {
            self.ours.remove(&theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(theirs: &[&str]) -> Vec<String> {
        theirs.iter().map(|id| (*id).to_owned()).collect()
    }

    async fn bind(store: &Store, ids: &Ids, link: &str, ours: &str, theirs: &[&str]) {
        let mut batch = Batch::new();
        ids.bind(&mut batch, link, ours, &of(theirs)).unwrap();
        store.commit(batch).await.unwrap();
    }

    #[tokio::test]
    async fn a_message_with_parts_is_found_from_both_sides_also_after_a_restart() {
        let store = Store::memory();
        let ids = Ids::new(&store);
        bind(&store, &ids, "libera", "m1", &["a", "b"]).await;
        for ids in [&ids, &Ids::new(&store)] {
            assert_eq!(ids.theirs("libera", "m1").unwrap(), of(&["a", "b"]));
            assert_eq!(ids.ours("libera", "b").unwrap(), Some("m1".into()));
            assert_eq!(ids.ours("guild", "b").unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_binding_is_known_before_it_is_durable() {
        let ids = Ids::new(&Store::memory());
        ids.bind(&mut Batch::new(), "libera", "m1", &of(&["a"])).unwrap();
        assert_eq!(ids.ours("libera", "a").unwrap(), Some("m1".into()));
    }

    #[tokio::test]
    async fn memory_holds_the_newest_and_the_disk_the_rest() {
        let store = Store::memory();
        let ids = Ids::new(&store);
        for n in 0..NEWEST + 10 {
            bind(&store, &ids, "libera", &format!("m{n}"), &[&format!("t{n}")]).await;
        }
        assert_eq!(ids.links.lock()["libera"].theirs.len(), NEWEST);
        assert_eq!(ids.links.lock()["libera"].ours.len(), NEWEST);
        assert_eq!(ids.ours("libera", "t3").unwrap(), Some("m3".into()));
    }

    #[tokio::test]
    async fn old_bindings_are_pruned_in_rounds() {
        let store = Store::memory();
        let ids = Ids::new(&store);
        for n in 0..5 {
            bind(&store, &ids, "libera", &format!("old{n}"), &[&format!("t{n}")]).await;
        }
        let before = store.stamp();
        bind(&store, &ids, "libera", "new", &["t"]).await;
        let mut place = None;
        let mut rounds = 0;
        loop {
            place = ids.prune(before, place, 2).await.unwrap();
            rounds += 1;
            if place.is_none() {
                break;
            }
        }
        assert_eq!(rounds, 4);
        assert_eq!(ids.ours("libera", "t3").unwrap(), None);
        assert_eq!(ids.theirs("libera", "new").unwrap(), of(&["t"]));
    }
}
