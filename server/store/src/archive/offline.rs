//! XEP-0160: offline messages are entries of the archive; a mark says how far they were delivered.

use serde::{Deserialize, Serialize};

use super::{Archive, Entry, Flags, Id, flags_of};
use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const MARKS: Table<Mark> = Table::new(tables::OFFLINE);

/// How far an account's offline messages were delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Everything up to this id was delivered …
    #[serde(default)]
    up_to: String,
    /// … but for these, which were sent to a session that went away without acknowledging them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    but: Vec<String>,
}

/// Exceptions that a mark can have; beyond, the oldest stay in the archive, and are not delivered by themselves.
const EXCEPTIONS: usize = 1000;

impl Archive {
    /// Messages that were never delivered, oldest first, at most `limit`.
    pub async fn undelivered(&self, owner: &str, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.store.caught_up().await;
        let (up_to, but) = mark(&self.store, owner)?;
        let mut found = Vec::new();
        for id in but {
            found.extend(self.entry_now(owner, id)?);
        }
        let from = Id(up_to.0.saturating_add(1));
        let mut walk = self.walk(owner, None, from, Id(u128::MAX), false)?.skipping_to_offline();
        while found.len() < limit
            && let Some((id, bytes)) = walk.step()?
        {
            if flags_of(&bytes).contains(Flags::OFFLINE) {
                found.push(Entry::read(id, bytes).ok_or_else(|| StoreError::corrupt("archive", "no entry"))?);
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// How many messages wait for an account, for the limit on them. Counted once, then kept up by `append_offline`
    /// and `mark_delivered`.
    pub fn waiting(&self, owner: &str) -> Result<usize, StoreError> {
        if let Some(count) = self.store.shared().pending(owner) {
            return Ok(count);
        }
        let (up_to, but) = mark(&self.store, owner)?;
        let from = Id(up_to.0.saturating_add(1));
        let mut walk = self.walk(owner, None, from, Id(u128::MAX), false)?.skipping_to_offline();
        let mut count = but.len();
        while let Some((_, bytes)) = walk.step()? {
            count += usize::from(flags_of(&bytes).contains(Flags::OFFLINE));
        }
        self.store.shared().set_pending(owner, count);
        Ok(count)
    }

    /// Archives a message that nobody could take, unless `limit` of them wait already: then `None`, and the sender
    /// is told (XEP-0160 §3).
    pub fn append_offline(
        &self,
        batch: &mut Batch,
        owner: &str,
        draft: &super::Draft<'_>,
        limit: usize,
    ) -> Result<Option<Id>, StoreError> {
        let waiting = self.waiting(owner)?;
        if waiting >= limit {
            return Ok(None);
        }
        self.store.shared().set_pending(owner, waiting + 1);
        let draft = super::Draft { flags: draft.flags | Flags::OFFLINE, ..*draft };
        Ok(Some(self.append(batch, owner, &draft)))
    }

    /// Everything up to `up_to` was delivered. Entries that were kept for delivery only are removed.
    pub fn mark_delivered(&self, batch: &mut Batch, owner: &str, up_to: Id) -> Result<(), StoreError> {
        let (was, but) = mark(&self.store, owner)?;
        let from = Id(was.0.saturating_add(1));
        let mut walk = self.walk(owner, None, from, up_to, false)?.skipping_to_offline();
        while let Some((id, bytes)) = walk.step()? {
            if flags_of(&bytes).contains(Flags::OFFLINE | Flags::HIDDEN) {
                self.erase(batch, owner, Id(id));
            }
        }
        for id in &but {
            if self.entry_now(owner, *id)?.is_some_and(|entry| entry.flags().contains(Flags::HIDDEN)) {
                self.erase(batch, owner, *id);
            }
        }
        let but: Vec<Id> = but.into_iter().filter(|id| *id > up_to).collect();
        self.store.shared().forget_pending(owner);
        write(batch, owner, was.max(up_to), &but)
    }

    /// An archived message was sent to a session, which went away before it acknowledged: it waits again. `false`:
    /// there is no such entry.
    pub fn mark_undelivered(&self, batch: &mut Batch, owner: &str, ids: &[Id]) -> Result<bool, StoreError> {
        let (up_to, mut but) = mark(&self.store, owner)?;
        let mut all_there = true;
        for id in ids {
            let Some(entry) = self.entry_now(owner, *id)? else {
                all_there = false;
                continue;
            };
            if *id <= up_to {
                but.push(*id);
            } else if !entry.flags().contains(Flags::OFFLINE) {
                let stanza = entry.stanza();
                let draft = entry.draft(&stanza);
                self.set(batch, owner, *id, &super::Draft { flags: draft.flags | Flags::OFFLINE, ..draft });
            }
        }
        but.sort_unstable();
        but.dedup();
        let surplus = but.len().saturating_sub(EXCEPTIONS);
        self.store.shared().forget_pending(owner);
        write(batch, owner, up_to, but.get(surplus..).unwrap_or_default())?;
        Ok(all_there)
    }
}

/// The mark of an owner: the id, and the exceptions.
pub(super) fn mark(store: &Store, owner: &str) -> Result<(Id, Vec<Id>), StoreError> {
    let mark = MARKS.get(store, &[owner])?.unwrap_or_default();
    let read = |text: &String| text.parse().map_err(|_| StoreError::corrupt("offline", "no archive id"));
    let up_to = if mark.up_to.is_empty() { Id(0) } else { read(&mark.up_to)? };
    Ok((up_to, mark.but.iter().map(read).collect::<Result<_, _>>()?))
}

pub(super) fn write(batch: &mut Batch, owner: &str, up_to: Id, but: &[Id]) -> Result<(), StoreError> {
    let mark = Mark { up_to: up_to.to_string(), but: but.iter().map(Id::to_string).collect() };
    MARKS.put(batch, &[owner], &mark)
}

#[cfg(test)]
mod tests {
    use super::super::{Draft, Query};
    use super::*;

    const ROMEO: &str = "romeo@localhost";

    fn draft(flags: Flags) -> Draft<'static> {
        Draft { with: "juliet@localhost", flags, stanza: b"<message/>" }
    }

    async fn offline(store: &Store, archive: &Archive, flags: Flags) -> Option<Id> {
        let mut batch = Batch::new();
        let id = archive.append_offline(&mut batch, ROMEO, &draft(flags), 3).unwrap();
        store.commit(batch).await.unwrap();
        id
    }

    async fn deliver(store: &Store, archive: &Archive, up_to: Id) {
        let mut batch = Batch::new();
        archive.mark_delivered(&mut batch, ROMEO, up_to).unwrap();
        store.commit(batch).await.unwrap();
    }

    async fn waiting(archive: &Archive) -> Vec<Id> {
        archive.undelivered(ROMEO, 100).await.unwrap().into_iter().map(|entry| entry.id).collect()
    }

    #[tokio::test]
    async fn what_was_delivered_does_not_come_again() {
        let store = Store::memory();
        let archive = Archive::new(&store);
        let first = offline(&store, &archive, Flags::NONE).await.unwrap();
        let mut batch = Batch::new();
        archive.append(&mut batch, ROMEO, &draft(Flags::NONE));
        store.commit(batch).await.unwrap();
        let second = offline(&store, &archive, Flags::NONE).await.unwrap();
        assert_eq!(waiting(&archive).await, [first, second]);
        deliver(&store, &archive, first).await;
        assert_eq!(waiting(&archive).await, [second]);
        deliver(&store, &archive, second).await;
        assert!(waiting(&archive).await.is_empty());
        assert_eq!(archive.count(ROMEO).await, Ok(3));
    }

    #[tokio::test]
    async fn only_so_many_wait() {
        let store = Store::memory();
        let archive = Archive::new(&store);
        for _ in 0..3 {
            assert!(offline(&store, &archive, Flags::NONE).await.is_some());
        }
        assert_eq!(offline(&store, &archive, Flags::NONE).await, None);
        assert_eq!(archive.waiting(ROMEO), Ok(3));
        let last = waiting(&archive).await[2];
        deliver(&store, &archive, last).await;
        assert_eq!(archive.waiting(ROMEO), Ok(0));
        assert!(offline(&store, &archive, Flags::NONE).await.is_some());
    }

    #[tokio::test]
    async fn what_is_not_to_be_archived_is_hidden_and_goes_once_delivered() {
        let store = Store::memory();
        let archive = Archive::new(&store);
        let id = offline(&store, &archive, Flags::HIDDEN).await.unwrap();
        let page = archive.query(ROMEO, &Query { max: 10, ..Query::default() }).await.unwrap();
        assert!(page.entries.is_empty());
        assert_eq!(waiting(&archive).await, [id]);
        deliver(&store, &archive, id).await;
        assert_eq!(archive.get(ROMEO, id).await, Ok(None));
    }

    #[tokio::test]
    async fn what_a_lost_session_did_not_acknowledge_waits_again() {
        let store = Store::memory();
        let archive = Archive::new(&store);
        let mut batch = Batch::new();
        let early = archive.append(&mut batch, ROMEO, &draft(Flags::NONE));
        store.commit(batch).await.unwrap();
        deliver(&store, &archive, early).await;
        let mut batch = Batch::new();
        let late = archive.append(&mut batch, ROMEO, &draft(Flags::NONE));
        store.commit(batch).await.unwrap();
        let mut batch = Batch::new();
        assert!(archive.mark_undelivered(&mut batch, ROMEO, &[early, late]).unwrap());
        store.commit(batch).await.unwrap();
        assert_eq!(waiting(&archive).await, [early, late]);
        assert_eq!(archive.waiting(ROMEO), Ok(2));
        deliver(&store, &archive, late).await;
        assert!(waiting(&archive).await.is_empty());
    }
}
