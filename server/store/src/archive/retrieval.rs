//! XEP-0013: what waits for an account, message by message: heads, one of them, and some that wait no longer.

use super::offline::{mark, write};
use super::{Archive, Draft, Entry, Flags, Id, flags_of};
use crate::batch::Batch;
use crate::error::StoreError;

impl Archive {
    /// Id and sender of what waits, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_heads(&self, owner: &str, limit: usize) -> Result<Vec<(Id, String)>, StoreError> {
        self.store.caught_up().await;
        let (up_to, but) = mark(&self.store, owner)?;
        let head = |entry: Entry| (entry.id, entry.with().to_owned());
        let mut found = Vec::new();
        for id in but {
            found.extend(self.entry_now(owner, id)?.map(head));
        }
        let from = Id(up_to.0.saturating_add(1));
        let mut walk = self.walk(owner, None, from, Id(u128::MAX), false)?.skipping_to_offline();
        while found.len() < limit
            && let Some((id, bytes)) = walk.step()?
        {
            if flags_of(&bytes).contains(Flags::OFFLINE) {
                let entry =
                    Entry::read(id, bytes).ok_or_else(|| StoreError::corrupt("archive", "no entry"))?;
                found.push(head(entry));
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// These of what waits. `None`: one of them does not wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn waiting_entries(&self, owner: &str, ids: &[Id]) -> Result<Option<Vec<Entry>>, StoreError> {
        let (up_to, but) = mark(&self.store, owner)?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let entry = match *id > up_to || but.contains(id) {
                true => self.entry_now(owner, *id)?,
                false => None,
            };
            let waits = |entry: &Entry| *id <= up_to || entry.flags().contains(Flags::OFFLINE);
            let Some(entry) = entry.filter(waits) else { return Ok(None) };
            found.push(entry);
        }
        Ok(Some(found))
    }

    /// These do not wait any more: archived ones stay archived, those that were kept for delivery only are removed.
    /// `false`: one of them does not wait; nothing is written then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn mark_removed(&self, batch: &mut Batch, owner: &str, ids: &[Id]) -> Result<bool, StoreError> {
        let Some(entries) = self.waiting_entries(owner, ids)? else { return Ok(false) };
        for entry in &entries {
            let stanza = entry.stanza();
            let draft = entry.draft(&stanza);
            if draft.flags.contains(Flags::HIDDEN) {
                self.erase(batch, owner, entry.id);
            } else if draft.flags.contains(Flags::OFFLINE) {
                let flags = draft.flags.without(Flags::OFFLINE);
                self.set(batch, owner, entry.id, &Draft { flags, ..draft });
            }
        }
        let (up_to, mut but) = mark(&self.store, owner)?;
        let before = but.len();
        but.retain(|id| !ids.contains(id));
        if but.len() < before {
            write(batch, owner, up_to, &but)?;
        }
        // Counted anew, what is not written yet would count.
        if let Some(count) = self.store.shared().pending(owner) {
            self.store.shared().set_pending(owner, count.saturating_sub(entries.len()));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const ROMEO: &str = "romeo@localhost";

    async fn waits(store: &Store, archive: &Archive, flags: Flags) -> Id {
        let mut batch = Batch::new();
        let draft = Draft { with: "juliet@localhost/balcony", flags, stanza: b"<message/>" };
        let id = archive.append_offline(&mut batch, ROMEO, &draft, 10).unwrap().unwrap();
        store.commit(batch).await.unwrap();
        id
    }

    async fn remove(store: &Store, archive: &Archive, ids: &[Id]) -> bool {
        let mut batch = Batch::new();
        let removed = archive.mark_removed(&mut batch, ROMEO, ids).unwrap();
        store.commit(batch).await.unwrap();
        removed
    }

    async fn heads(archive: &Archive) -> Vec<Id> {
        let heads = archive.waiting_heads(ROMEO, 100).await.unwrap();
        assert!(heads.iter().all(|(_, with)| with == "juliet@localhost/balcony"));
        heads.into_iter().map(|(id, _)| id).collect()
    }

    #[tokio::test]
    async fn one_that_is_removed_stays_archived_and_the_others_wait() {
        let store = Store::memory();
        let archive = Archive::new(&store);
        let mut ids = Vec::new();
        for flags in [Flags::NONE, Flags::NONE, Flags::HIDDEN] {
            ids.push(waits(&store, &archive, flags).await);
        }
        assert_eq!(heads(&archive).await, ids);
        assert!(remove(&store, &archive, &ids[1..]).await);
        assert_eq!(heads(&archive).await, ids[..1]);
        assert_eq!(archive.waiting(ROMEO), Ok(1));
        assert!(archive.get(ROMEO, ids[1]).await.unwrap().is_some());
        assert!(archive.get(ROMEO, ids[2]).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn when_one_of_them_does_not_wait_nothing_is_removed() {
        let store = Store::memory();
        let archive = Archive::new(&store);
        let id = waits(&store, &archive, Flags::NONE).await;
        assert!(!remove(&store, &archive, &[id, Id(7)]).await);
        assert_eq!(heads(&archive).await, [id]);
        assert_eq!(archive.waiting_entries(ROMEO, &[Id(7)]), Ok(None));
    }

    #[tokio::test]
    async fn what_came_back_from_a_lost_session_can_be_removed() {
        let store = Store::memory();
        let archive = Archive::new(&store);
        let id = waits(&store, &archive, Flags::NONE).await;
        let mut batch = Batch::new();
        archive.mark_delivered(&mut batch, ROMEO, id).unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(archive.waiting_entries(ROMEO, &[id]), Ok(None));
        let mut batch = Batch::new();
        archive.mark_undelivered(&mut batch, ROMEO, &[id]).unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(heads(&archive).await, [id]);
        assert!(remove(&store, &archive, &[id]).await);
        assert!(heads(&archive).await.is_empty());
        assert_eq!(archive.waiting(ROMEO), Ok(0));
    }
}
