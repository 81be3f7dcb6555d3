//! Files of other networks, kept here: their addresses there do not last, or are not for everybody. And pictures of our
//! people, kept for other networks.
//!
//! Nothing here opens a connection: a network fetches from its own hosts, and the shelf keeps.

mod carry;
mod faces;
mod fetch;
mod held;
mod ours;
mod shelf;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, RwLock};
use rialto_store::rehosted::{self, Rehosted};
use rialto_store::{Batch, Store, StoreError};
use rialto_xmpp::BareJid;
use tokio::sync::Semaphore;

use crate::config::{self, Bridges};
use faces::Faces;

pub(in crate::muc::links) use carry::{Carrier, part, whole};
pub use held::Held;
pub use ours::told;
pub use shelf::{File, Shelf, Shelved};

/// Files that are fetched at the same time, for all links: they are in memory meanwhile.
const AT_ONCE: usize = 4;

/// What is kept, and by which rules.
pub struct Files {
    shelf: Arc<dyn Shelf>,
    store: Store,
    settings: RwLock<BTreeMap<String, config::Files>>,
    /// How long messages are kept: a file need not stay longer.
    retention: Option<Duration>,
    places: Semaphore,
    /// Bytes of each bridge, or more.
    sums: Mutex<HashMap<String, u64>>,
    faces: Faces,
}

impl Files {
    /// Files of these bridges, on this shelf.
    pub fn open(
        bridges: &Bridges,
        store: &Store,
        shelf: Arc<dyn Shelf>,
        retention: Option<Duration>,
    ) -> Arc<Files> {
        let settings = RwLock::new(settings_of(bridges));
        Arc::new(Files {
            shelf,
            store: store.clone(),
            settings,
            retention,
            places: Semaphore::new(AT_ONCE),
            sums: Mutex::default(),
            faces: Faces::default(),
        })
    }

    /// What another configuration says of files: it holds for those to come.
    pub(in crate::muc::links) fn reload(&self, bridges: &Bridges) {
        *self.settings.write() = settings_of(bridges);
    }

    fn settings(&self, bridge: &str) -> config::Files {
        self.settings.read().get(bridge).cloned().unwrap_or_default()
    }

    /// The row of a message's file, into the batch that keeps the message.
    pub(in crate::muc::links) fn note(
        &self,
        batch: &mut Batch,
        (room, message): (&BareJid, &str),
        row: &Rehosted,
    ) -> Result<(), StoreError> {
        rehosted::put_file(batch, room.as_str(), message, row)
    }

    /// The message is taken back: into the batch that does so, lest a power cut leaves its file behind.
    pub(in crate::muc::links) fn mark(
        &self,
        batch: &mut Batch,
        room: &BareJid,
        message: &str,
    ) -> Result<(), StoreError> {
        let Some(row) = rehosted::file(&self.store, room.as_str(), message)? else { return Ok(()) };
        rehosted::put_file(batch, room.as_str(), message, &Rehosted { over: true, ..row })
    }

    /// The file of a message that was taken back goes, if it has one.
    pub(in crate::muc::links) fn drop_of(self: &Arc<Self>, room: &BareJid, message: &str) {
        let row = rehosted::file(&self.store, room.as_str(), message);
        let Ok(Some(row)) = row else { return };
        let (files, room, message) = (self.clone(), room.as_str().to_owned(), message.to_owned());
        tokio::spawn(async move { files.remove_row(&room, &message, &row).await });
    }

    /// A room is gone for good, with all its files.
    pub(in crate::muc::links) async fn room_closed(&self, room: &BareJid) {
        let rows = rehosted::files_of(&self.store, room.as_str()).unwrap_or_default();
        for (room, message, row) in rows {
            self.remove_row(&room, &message, &row).await;
        }
    }

    /// First the file, then its row: what fails is tried again by the next sweep.
    async fn remove_row(&self, room: &str, message: &str, row: &Rehosted) {
        if let Some(upload) = &row.upload
            && !self.remove(upload).await
        {
            let mut batch = Batch::new();
            let over = Rehosted { over: true, ..row.clone() };
            if rehosted::put_file(&mut batch, room, message, &over).is_ok() {
                drop(self.store.commit(batch).await);
            }
            return;
        }
        let mut batch = Batch::new();
        rehosted::remove_file(&mut batch, room, message);
        if let Err(error) = self.store.commit(batch).await {
            tracing::warn!(room, %error, "a file that was removed is still in the list");
        }
    }

    async fn remove(&self, upload: &str) -> bool {
        let removed = self.shelf.remove(upload).await;
        if let Err(error) = &removed {
            tracing::warn!(error, "a file of another network is still there; it is tried again");
        }
        removed.is_ok()
    }

    fn remove_later(self: Arc<Self>, upload: String) {
        // Without a runtime everything ends, and the next start sweeps.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { self.remove(&upload).await });
        }
    }

    /// When a file of now must be gone, as its message will be.
    fn before(&self) -> Option<SystemTime> {
        Some(SystemTime::now() + self.retention?)
    }

    /// Room for so many bytes more of one owner: the oldest go first. `false`: there is none.
    async fn has_room(&self, owner: &str, size: u64, total: u64) -> bool {
        if size > total {
            return false;
        }
        let known = self.sums.lock().get(owner).copied();
        if known.is_some_and(|sum| sum + size <= total) {
            self.add(owner, size);
            return true;
        }
        let mut owned = match self.shelf.owned(owner) {
            Ok(owned) => owned,
            Err(error) => {
                tracing::warn!(owner, error, "files of a bridge cannot be counted");
                return false;
            }
        };
        owned.sort_by_key(|file| file.created);
        let mut sum: u64 = owned.iter().map(|file| file.size).sum();
        // Some more than is needed now, so that not every file makes us count.
        let aim = if sum + size <= total { total } else { (total - total / 20).max(size) };
        let mut gone = 0;
        for file in owned {
            if sum + size <= aim {
                break;
            }
            if self.remove(&file.id).await {
                sum = sum.saturating_sub(file.size);
                gone += 1;
            }
        }
        if gone > 0 {
            tracing::info!(owner, gone, "the oldest files of a bridge made room for newer ones");
        }
        self.sums.lock().insert(owner.to_owned(), sum + size);
        sum + size <= total
    }

    fn add(&self, owner: &str, size: u64) {
        *self.sums.lock().entry(owner.to_owned()).or_default() += size;
    }
}

fn settings_of(bridges: &Bridges) -> BTreeMap<String, config::Files> {
    bridges.iter().map(|(name, bridge)| (name.clone(), bridge.files.clone())).collect()
}
