//! XEP-0363: HTTP File Upload. Slots, files and their owners; `service.rs` answers clients, `listeners/http` moves bytes.

mod arriving;
mod books;
mod folder;
mod media;
mod name;
mod request;
mod service;
mod sweep;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use parking_lot::Mutex;
use rialto_store::uploads::{self as kept, Purpose, Upload};
use rialto_store::{Batch, Store, StoreError};
use tokio::sync::Semaphore;

pub use arriving::{Arriving, UploadError};
pub use books::Full;
pub use media::is_shown;
pub use name::{encoded, harmless};
pub use service::UploadService;

use crate::config;
use crate::public_url::PublicUrl;
use crate::random;
use books::{Books, Pending};
use folder::Folder;

/// What stands before the id in the path of a file's URL, and before the slot's name in that of an upload.
pub const PATH: &str = "/upload/";

/// Uploads at the same time.
const AT_ONCE: usize = 256;

/// Why uploads cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum UploadsError {
    /// The folder.
    #[error(
        "the folder of uploads {} cannot be used ({}): give it to the user that Rialto runs as, or name another one in \
         [upload] folder", .0.display(), .1
    )]
    Folder(PathBuf, io::Error),
    /// The store.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

/// What somebody wants to upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Whose it will be.
    pub owner: String,
    /// Its name, whatever it is.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// Its media type.
    pub kind: Option<String>,
    /// What for.
    pub purpose: Purpose,
    /// When it must be gone, in microseconds since 1970.
    pub before: Option<u64>,
}

/// Why it may not be uploaded.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Larger than this.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// A quota.
    #[error("a quota is reached: {0:?}")]
    Full(Full),
    /// The disk has no room for it.
    #[error("the disk is full")]
    DiskFull,
    /// Nobody could reach it.
    #[error("nothing is served over HTTP")]
    Closed,
}

/// Where to upload, and where it will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// For PUT, once.
    pub put: String,
    /// For GET, from then on.
    pub get: String,
}

/// A file that can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Where.
    pub url: String,
    /// What is known of it.
    pub upload: Upload,
}

/// Uploaded files, and those to come.
pub struct Uploads {
    settings: config::Upload,
    store: Store,
    folder: Folder,
    books: Mutex<Books>,
    places: Arc<Semaphore>,
    base: PublicUrl,
}

impl Uploads {
    /// The uploads of a store and the folder that the settings name. What was on its way when the server ended is removed.
    ///
    /// # Errors
    /// [`UploadsError`]
    pub async fn open(
        settings: &config::Upload,
        store: &Store,
        base: &PublicUrl,
    ) -> Result<Arc<Uploads>, UploadsError> {
        let (folder, books) = sweep::open(&settings.folder, store).await?;
        let (settings, store) = (settings.clone(), store.clone());
        let (books, places) = (Mutex::new(books), Arc::new(Semaphore::new(AT_ONCE)));
        Ok(Arc::new(Uploads { settings, store, folder, books, places, base: base.clone() }))
    }

    /// A place for a file.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn slot(&self, wish: Wish) -> Result<Slot, Refused> {
        if wish.size > self.settings.max_size as u64 {
            return Err(Refused::TooLarge(self.settings.max_size as u64));
        }
        if self.base.base().is_none() {
            return Err(Refused::Closed);
        }
        if !self.has_room_for(wish.size).await {
            return Err(Refused::DiskFull);
        }
        let (id, slot, now) = (id(), id(), micros());
        let name = harmless(&wish.name);
        let upload = Upload {
            owner: wish.owner,
            name: name.clone(),
            kind: wish.kind.clone().unwrap_or_else(|| media::UNKNOWN.to_owned()),
            size: wish.size,
            purpose: wish.purpose,
            created: now,
            expires: None,
        };
        let mut pending = Pending::new(id.clone(), upload, self.settings.slot_timeout);
        (pending.promised, pending.before) = (wish.kind, wish.before);
        let opened = self.books.lock().open(slot.clone(), pending, &self.settings, now);
        opened.map_err(Refused::Full)?;
        Ok(Slot { put: self.url(&slot, &name), get: self.url(&id, &name) })
    }

    /// Whether there is such a slot: who asks which methods it takes is told the truth.
    pub fn awaits(&self, slot: &str) -> bool {
        self.books.lock().look(slot).is_some()
    }

    /// The file of this id, if it is whole and its time is not over.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn find(&self, id: &str) -> Result<Option<Upload>, StoreError> {
        if !folder::is_id(id) {
            return Ok(None);
        }
        Ok(kept::get(&self.store, id)?.filter(|upload| !upload.is_over(micros())))
    }

    /// Its bytes.
    ///
    /// # Errors
    /// The disk says no.
    pub async fn read(&self, id: &str) -> io::Result<Option<tokio::fs::File>> {
        self.folder.read(id).await
    }

    /// Keeps a file that comes from elsewhere, and says where it can be had. `owner` is a bare JID of any kind: whose
    /// file it is, for the operator, and for [`Uploads::remove_all`]. No quota of a person applies, the size limit does.
    ///
    /// # Errors
    /// [`UploadError`]; nothing is kept then.
    pub async fn keep<S>(
        self: &Arc<Self>,
        owner: &str,
        name: &str,
        kind: &str,
        bytes: S,
    ) -> Result<String, UploadError>
    where
        S: Stream<Item = io::Result<Bytes>> + Unpin + Send,
    {
        self.keep_until(owner, name, kind, (Purpose::Message, None), bytes).await
    }

    /// The same, for a purpose, and until a moment (microseconds since 1970) at the latest.
    ///
    /// # Errors
    /// [`UploadError`]; nothing is kept then.
    pub async fn keep_until<S>(
        self: &Arc<Self>,
        owner: &str,
        name: &str,
        kind: &str,
        (purpose, before): (Purpose, Option<u64>),
        mut bytes: S,
    ) -> Result<String, UploadError>
    where
        S: Stream<Item = io::Result<Bytes>> + Unpin + Send,
    {
        let kind = if media::is_one(kind) { kind } else { media::UNKNOWN };
        let (owner, name, kind) = (owner.to_owned(), harmless(name), kind.to_owned());
        let upload = Upload { owner, name, kind, size: 0, purpose, created: 0, expires: None };
        if !self.has_room_for(0).await {
            return Err(UploadError::DiskFull);
        }
        let mut arriving = self.begin_unasked(id(), upload, before).await?;
        while let Some(chunk) = bytes.next().await {
            arriving.write(&chunk.map_err(UploadError::Source)?).await?;
        }
        arriving.finish().await
    }

    /// Removes the file of this URL, or of this id. `false`: there is none.
    ///
    /// # Errors
    /// [`UploadError`]: it may still be there.
    pub async fn remove(&self, url: &str) -> Result<bool, UploadError> {
        let Some(id) = id_of(url) else { return Ok(false) };
        let Some(upload) = kept::get(&self.store, id)? else { return Ok(false) };
        self.remove_those(vec![(id.to_owned(), upload)]).await?;
        Ok(true)
    }

    /// Removes everything of an owner; says how many files that were.
    ///
    /// # Errors
    /// [`UploadError`]: some may still be there.
    pub async fn remove_all(&self, owner: &str) -> Result<usize, UploadError> {
        self.books.lock().forget(owner);
        let mut those = Vec::new();
        for id in kept::owned(&self.store, owner)? {
            those.extend(kept::get(&self.store, &id)?.map(|upload| (id, upload)));
        }
        let count = those.len();
        self.remove_those(those).await?;
        self.books.lock().forget(owner);
        Ok(count)
    }

    /// Files that can be had, of one owner or of all, newest last.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn list(&self, owner: Option<&str>) -> Result<Vec<Listed>, StoreError> {
        let mut listed = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = kept::page(&self.store, after.as_deref(), sweep::PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            let wanted =
                page.into_iter().filter(|(_, upload)| owner.is_none_or(|owner| upload.owner == owner));
            listed.extend(wanted.map(|(id, upload)| {
                let url = self.url(&id, &upload.name);
                Listed { id, url, upload }
            }));
        }
        listed.sort_by_key(|listed| listed.upload.created);
        Ok(listed)
    }

    /// Files of one owner that can be had.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn owned(&self, owner: &str) -> Result<Vec<Listed>, StoreError> {
        let mut owned = Vec::new();
        for id in kept::owned(&self.store, owner)? {
            let Some(upload) = kept::get(&self.store, &id)? else { continue };
            owned.push(Listed { url: self.url(&id, &upload.name), id, upload });
        }
        Ok(owned)
    }

    /// Whether its addresses are known, which they are as soon as something is served over HTTP.
    pub fn is_open(&self) -> bool {
        self.base.base().is_some()
    }

    /// Bytes of the largest file.
    pub fn largest(&self) -> u64 {
        self.settings.max_size as u64
    }

    /// Where the file of this id can be had, if there is one.
    pub fn address(&self, id: &str) -> Option<String> {
        let upload = self.find(id).ok().flatten()?;
        Some(self.url(id, &upload.name))
    }

    /// Files and bytes.
    pub fn totals(&self) -> (usize, u64) {
        self.books.lock().totals()
    }

    /// When a file of this purpose is over that is there now.
    fn expiry(&self, purpose: Purpose, before: Option<u64>, now: u64) -> Option<u64> {
        let keep = match purpose {
            Purpose::Message | Purpose::Ephemeral => self.settings.keep,
            Purpose::Profile | Purpose::Permanent => self.settings.keep_lasting,
        };
        let over = keep.map(|keep| now.saturating_add(in_micros(keep)));
        over.into_iter().chain(before).min()
    }

    fn url(&self, id: &str, name: &str) -> String {
        let path = format!("{PATH}{id}/{}", encoded(name));
        self.base.at(&path).unwrap_or(path)
    }

    /// Whether the disk has so many bytes that nothing else needs.
    async fn has_room_for(&self, size: u64) -> bool {
        let (folder, wanted) = (self.folder.clone(), size.saturating_add(self.settings.keep_free as u64));
        let free = tokio::task::spawn_blocking(move || folder.free()).await;
        // Where the system does not tell, the write itself will.
        !matches!(free, Ok(Ok(free)) if free < wanted)
    }

    /// First the files, then the notes: what a power cut leaves is a note without a file, which ends with its time.
    async fn remove_those(&self, those: Vec<(String, Upload)>) -> Result<(), UploadError> {
        let folder = self.folder.clone();
        let removed = tokio::task::spawn_blocking(move || {
            let remove = |(id, upload): (String, Upload)| folder.remove(&id).map(|()| (id, upload));
            those.into_iter().map(remove).collect::<io::Result<Vec<_>>>()
        });
        let removed = removed.await.map_err(io::Error::other)??;
        let mut batch = Batch::new();
        for (id, upload) in &removed {
            kept::remove(&mut batch, id, &upload.owner);
        }
        self.store.commit(batch).await?;
        let (mut books, now) = (self.books.lock(), micros());
        removed.iter().for_each(|(_, upload)| books.remove(upload, now));
        Ok(())
    }
}

/// The id in a URL of ours, or the id itself.
pub fn id_of(url: &str) -> Option<&str> {
    let rest = url.split_once(PATH).map_or(url, |(_, rest)| rest);
    rest.split('/').next().filter(|id| folder::is_id(id))
}

/// A name that nobody guesses: 128 bits from the operating system.
fn id() -> String {
    random::bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Microseconds since 1970.
fn micros() -> u64 {
    in_micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn in_micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
