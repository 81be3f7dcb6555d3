//! XEP-0313: archives of accounts and of rooms, one implementation. An owner is a bare JID.

mod entry;
mod id;
mod offline;
mod query;
mod retrieval;

pub use entry::{Draft, Entry, Flags};
pub(crate) use entry::{bare, bare_of, flags_of};
pub use id::{Id, NoId};
pub use query::{Page, Paging, Query, QueryError};

use std::ops::Bound;

use crate::batch::Batch;
use crate::engine::Span;
use crate::error::StoreError;
use crate::key::{key, take_part};
use crate::log::count;
use crate::log::walk::{Range, Walk};
use crate::store::Store;
use crate::tables::{ARCHIVE, OFFLINE};

/// All archives.
#[derive(Clone)]
pub struct Archive {
    store: Store,
}

impl Archive {
    /// The archives of a store.
    pub fn new(store: &Store) -> Archive {
        Archive { store: store.clone() }
    }

    /// A new id, later than all before.
    pub fn next_id(&self) -> Id {
        self.store.shared().next_id()
    }

    /// Archives a stanza under a new id. Queries find it once the batch has settled.
    pub fn append(&self, batch: &mut Batch, owner: &str, draft: &Draft<'_>) -> Id {
        let id = self.next_id();
        self.set(batch, owner, id, draft);
        id
    }

    /// Archives a stanza under an id of `next_id`, or replaces the one that has it: for stanzas that carry their id
    /// inside, for tombstones, and for imports.
    pub fn set(&self, batch: &mut Batch, owner: &str, id: Id, draft: &Draft<'_>) {
        batch.append(owner.as_bytes(), id.0, &[&draft.head(), draft.stanza]);
    }

    /// Replaces the stanza of an entry; everything else about it stays. `false`: there is none with that id.
    pub async fn replace(
        &self,
        batch: &mut Batch,
        owner: &str,
        id: Id,
        stanza: &[u8],
    ) -> Result<bool, StoreError> {
        let Some(entry) = self.get(owner, id).await? else { return Ok(false) };
        self.set(batch, owner, id, &entry.draft(stanza));
        Ok(true)
    }

    /// Removes an entry.
    pub fn erase(&self, batch: &mut Batch, owner: &str, id: Id) {
        batch.erase(owner.as_bytes(), id.0);
    }

    /// Removes an owner's archive, and its mark.
    pub fn remove(&self, batch: &mut Batch, owner: &str) {
        batch.purge(owner.as_bytes(), u128::MAX);
        batch.delete(OFFLINE, &key(&[owner]));
        self.store.shared().forget_pending(owner);
    }

    /// Removes entries older than `before` (microseconds since 1970), a bounded number at once. `true`: there are more.
    pub async fn purge(&self, owner: &str, before: u64) -> Result<bool, StoreError> {
        self.store.caught_up().await;
        let before = Id::first_at(before);
        if self.oldest(owner)?.is_none_or(|id| id >= before) {
            return Ok(false);
        }
        let mut batch = Batch::new();
        batch.purge(owner.as_bytes(), before.0);
        self.store.commit(batch).await?;
        Ok(self.oldest(owner)?.is_some_and(|id| id < before))
    }

    /// One entry.
    pub async fn get(&self, owner: &str, id: Id) -> Result<Option<Entry>, StoreError> {
        self.store.caught_up().await;
        self.entry_now(owner, id)
    }

    /// One entry, as far as batches have settled.
    pub fn entry_now(&self, owner: &str, id: Id) -> Result<Option<Entry>, StoreError> {
        self.nearest(owner, id, id, false)
    }

    /// The first and the last entry that queries show (§4.2, archive metadata); `None`: there are none.
    pub async fn ends(&self, owner: &str) -> Result<Option<(Id, Id)>, StoreError> {
        self.store.caught_up().await;
        let shown = |reverse| {
            let mut walk = self.walk(owner, None, Id(0), Id(u128::MAX), reverse)?;
            while let Some((id, entry)) = walk.step()? {
                if !flags_of(&entry).contains(Flags::HIDDEN) {
                    return Ok(Some(Id(id)));
                }
            }
            Ok(None)
        };
        Ok(shown(false)?.zip(shown(true)?))
    }

    /// How many entries queries show, in all.
    pub async fn count(&self, owner: &str) -> Result<u64, StoreError> {
        self.store.caught_up().await;
        let shared = self.store.shared();
        let engine = shared.engine()?;
        count::count(&*engine, &shared.tails, owner.as_bytes())
    }

    /// Owners that have an archive, in the order of their keys: at most `limit` after the owner `after`. For retention,
    /// which goes round and need not see an owner whose first entries have not left memory.
    pub fn owners(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        let mut owners = Vec::new();
        let mut from =
            after.map_or_else(Vec::new, |after| crate::log::chunk_key(after.as_bytes(), u128::MAX));
        while owners.len() < limit {
            let span = Span::between(Bound::Excluded(&from), Bound::Unbounded).limit(1);
            let Some((found, _)) = self.store.scan(ARCHIVE, &span)?.pop() else { break };
            let owner = take_part(&mut &found[..]).and_then(|owner| std::str::from_utf8(owner).ok());
            let owner = owner.ok_or_else(|| StoreError::corrupt("archive", "no key of ours"))?;
            from = crate::log::chunk_key(owner.as_bytes(), u128::MAX);
            owners.push(owner.to_owned());
        }
        Ok(owners)
    }

    fn oldest(&self, owner: &str) -> Result<Option<Id>, StoreError> {
        Ok(self.nearest(owner, Id(0), Id(u128::MAX), false)?.map(|entry| entry.id))
    }

    fn nearest(&self, owner: &str, low: Id, high: Id, reverse: bool) -> Result<Option<Entry>, StoreError> {
        let row = self.walk(owner, None, low, high, reverse)?.step()?;
        row.map(|(id, bytes)| {
            Entry::read(id, bytes).ok_or_else(|| StoreError::corrupt("archive", "no entry"))
        })
        .transpose()
    }

    fn walk<'a>(
        &'a self,
        owner: &'a str,
        with: Option<&'a str>,
        low: Id,
        high: Id,
        reverse: bool,
    ) -> Result<Walk<'a>, StoreError> {
        let with = with.map(str::as_bytes);
        let range = Range { owner: owner.as_bytes(), with, low: low.0, high: high.0, reverse };
        let shared = self.store.shared();
        Walk::new(shared.engine()?, &shared.tails, range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "lounge@rooms.localhost";

    fn draft(stanza: &str) -> Draft<'_> {
        Draft { with: "", flags: Flags::GROUPCHAT, stanza: stanza.as_bytes() }
    }

    async fn filled(store: &Store, count: usize) -> (Archive, Vec<Id>) {
        let archive = Archive::new(store);
        let mut ids = Vec::new();
        for n in 0..count {
            let mut batch = Batch::new();
            let stanza = format!("<message n='{n}'>{}</message>", "x".repeat(200));
            ids.push(archive.append(&mut batch, ROOM, &draft(&stanza)));
            store.enqueue(batch);
        }
        store.caught_up().await;
        (archive, ids)
    }

    #[tokio::test]
    async fn a_message_is_found_by_whoever_asks_after_it_was_handed_in() {
        let store = Store::memory();
        let archive = Archive::new(&store);
        let mut batch = Batch::new();
        let id = archive.append(&mut batch, ROOM, &draft("<message/>"));
        store.enqueue(batch);
        let entry = archive.get(ROOM, id).await.unwrap().unwrap();
        assert_eq!((&entry.stanza()[..], entry.flags()), (&b"<message/>"[..], Flags::GROUPCHAT));
    }

    #[tokio::test]
    async fn a_tombstone_takes_the_place_of_its_message_wherever_that_lies() {
        let store = Store::memory();
        let (archive, ids) = filled(&store, 300).await;
        for id in [ids[0], ids[299]] {
            let mut batch = Batch::new();
            assert!(archive.replace(&mut batch, ROOM, id, b"<message><retracted/></message>").await.unwrap());
            store.commit(batch).await.unwrap();
            let entry = archive.get(ROOM, id).await.unwrap().unwrap();
            assert_eq!(&entry.stanza()[..], b"<message><retracted/></message>");
        }
        assert_eq!(archive.count(ROOM).await, Ok(300));
        assert!(!archive.replace(&mut Batch::new(), ROOM, Id(1), b"").await.unwrap());
    }

    #[tokio::test]
    async fn erasing_removes_one_entry() {
        let store = Store::memory();
        let (archive, ids) = filled(&store, 100).await;
        let mut batch = Batch::new();
        archive.erase(&mut batch, ROOM, ids[3]);
        store.commit(batch).await.unwrap();
        assert_eq!(archive.get(ROOM, ids[3]).await, Ok(None));
        assert_eq!(archive.count(ROOM).await, Ok(99));
    }

    #[tokio::test]
    async fn what_is_too_old_goes_in_bounded_rounds() {
        let store = Store::memory();
        let (archive, ids) = filled(&store, 6000).await;
        let keep = ids[5900];
        let mut rounds = 1;
        while archive.purge(ROOM, keep.at()).await.unwrap() {
            rounds += 1;
        }
        assert!(rounds > 1, "one round took everything");
        assert_eq!(archive.ends(ROOM).await, Ok(Some((keep, ids[5999]))));
        assert_eq!(archive.count(ROOM).await, Ok(100));
    }

    #[tokio::test]
    async fn a_removed_archive_leaves_its_neighbours_alone() {
        let store = Store::memory();
        let (archive, _) = filled(&store, 200).await;
        let mut batch = Batch::new();
        archive.append(&mut batch, "lounge@rooms.localhost2", &draft("<message/>"));
        store.commit(batch).await.unwrap();
        let mut batch = Batch::new();
        archive.remove(&mut batch, ROOM);
        store.commit(batch).await.unwrap();
        assert_eq!(archive.ends(ROOM).await, Ok(None));
        assert_eq!(archive.count("lounge@rooms.localhost2").await, Ok(1));
        assert!(store.scan_prefix(ARCHIVE, &crate::log::owner_key(ROOM.as_bytes())).unwrap().is_empty());
    }

    #[tokio::test]
    async fn entries_that_come_out_of_order_are_found_in_order() {
        let store = Store::memory();
        let (archive, mut ids) = filled(&store, 300).await;
        let mut batch = Batch::new();
        for at in [250, 100, 10] {
            let id = Id(ids[at].0 - 1);
            archive.set(&mut batch, ROOM, id, &draft("<message late='true'/>"));
            ids.push(id);
        }
        store.commit(batch).await.unwrap();
        let (archive, _) = (archive, filled(&store, 300).await);
        ids.sort_unstable();
        let query = Query { max: ids.len(), ..Query::default() };
        let page = archive.query(ROOM, &query).await.unwrap();
        assert_eq!(page.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), ids);
    }

    #[tokio::test]
    async fn owners_are_listed_once_each() {
        let store = Store::memory();
        filled(&store, 300).await;
        let archive = Archive::new(&store);
        store.checkpoint().await.unwrap();
        assert_eq!(archive.owners(None, 10), Ok(vec![ROOM.to_owned()]));
        assert_eq!(archive.owners(Some(ROOM), 10), Ok(vec![]));
    }
}
