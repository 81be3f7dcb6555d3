//! XEP-0363 §7: a file on its way from its uploader to the disk. Whatever ends it early leaves nothing behind.

use std::io;
use std::sync::Arc;

use rialto_store::uploads::{self as kept, Upload};
use rialto_store::{Batch, StoreError};

use super::books::{Pending, Shut};
use super::folder::Draft;
use super::{Uploads, media, micros};

/// Why an upload did not become a file.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// There is no such slot, or it is used, or too old.
    #[error("there is no such upload, or its time is over")]
    Unknown,
    /// Somebody uploads there at this moment.
    #[error("this upload goes on already")]
    Busy,
    /// More than was announced.
    #[error("more bytes than were asked for")]
    TooLong,
    /// Fewer than were announced.
    #[error("fewer bytes than were asked for")]
    TooShort,
    /// Another type than was announced.
    #[error("another type than was asked for")]
    Type,
    /// It will be gone before it is there.
    #[error("it was to be gone by now")]
    Over,
    /// As many uploads at the same time as there may be.
    #[error("too many uploads at the same time")]
    Crowded,
    /// The disk has no room.
    #[error("the disk is full")]
    DiskFull,
    /// The disk, otherwise.
    #[error("the disk failed: {0}")]
    Disk(io::Error),
    /// The store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Its bytes could not be had.
    #[error("the upload broke off: {0}")]
    Source(io::Error),
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> UploadError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                UploadError::DiskFull
            }
            _ => UploadError::Disk(error),
        }
    }
}

impl From<Shut> for UploadError {
    fn from(shut: Shut) -> UploadError {
        match shut {
            Shut::Unknown => UploadError::Unknown,
            Shut::Busy => UploadError::Busy,
        }
    }
}

/// A file on its way.
pub struct Arriving {
    uploads: Arc<Uploads>,
    /// `None` once it is taken out to be removed.
    draft: Option<Draft>,
    /// The slot that is given back if this comes to nothing; `None` for files that need none.
    slot: Option<String>,
    id: String,
    upload: Upload,
    /// When it has to be over at the latest.
    before: Option<u64>,
    /// So many bytes, if that is known.
    whole: Option<u64>,
    came: u64,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Uploads {
    /// Begins to upload into a slot. `length` is what the uploader will send now, `kind` its type if it says one.
    ///
    /// # Errors
    /// [`UploadError`]; the slot stays as it is.
    pub async fn begin(
        self: &Arc<Self>,
        slot: &str,
        length: u64,
        kind: Option<&str>,
    ) -> Result<Arriving, UploadError> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| UploadError::Crowded)?;
        let mut pending = self.books.lock().take(slot)?;
        let taken = Taken(self, Some(slot));
        settle_type(&mut pending, kind)?;
        match length.cmp(&pending.upload.size) {
            std::cmp::Ordering::Greater => return Err(UploadError::TooLong),
            std::cmp::Ordering::Less => return Err(UploadError::TooShort),
            std::cmp::Ordering::Equal => {}
        }
        if pending.before.is_some_and(|before| before <= micros()) {
            return Err(UploadError::Over);
        }
        let draft = self.folder.begin(&pending.id).await?;
        taken.keep();
        Ok(Arriving {
            uploads: self.clone(),
            draft: Some(draft),
            slot: Some(slot.to_owned()),
            whole: Some(pending.upload.size),
            id: pending.id,
            upload: pending.upload,
            before: pending.before,
            came: 0,
            _place: place,
        })
    }

    /// Begins a file without a slot, to be gone at `before`: for other parts of the server.
    ///
    /// # Errors
    /// [`UploadError`]
    pub(super) async fn begin_unasked(
        self: &Arc<Self>,
        id: String,
        upload: Upload,
        before: Option<u64>,
    ) -> Result<Arriving, UploadError> {
        let place = self.places.clone().acquire_owned().await.map_err(|_| UploadError::Crowded)?;
        let draft = self.folder.begin(&id).await?;
        Ok(Arriving {
            uploads: self.clone(),
            draft: Some(draft),
            slot: None,
            id,
            upload,
            before,
            whole: None,
            came: 0,
            _place: place,
        })
    }
}

impl Arriving {
    /// More of it.
    ///
    /// # Errors
    /// [`UploadError`]; it cannot go on then.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        let came = self.came + bytes.len() as u64;
        if came > self.whole.unwrap_or(self.uploads.settings.max_size as u64) {
            return Err(UploadError::TooLong);
        }
        let draft = self.draft.as_mut().ok_or(UploadError::Unknown)?;
        draft.write(bytes).await?;
        self.came = came;
        Ok(())
    }

    /// It is whole: from now on it can be had under the URL that comes back, also after a power cut.
    ///
    /// # Errors
    /// [`UploadError`]; there is nothing then.
    pub async fn finish(self) -> Result<String, UploadError> {
        // Whoever waits for this may go away meanwhile: what was begun is ended all the same.
        let ended = tokio::spawn(self.end()).await;
        ended.unwrap_or_else(|broken| Err(UploadError::Disk(io::Error::other(broken))))
    }

    /// What would be noted.
    #[cfg(test)]
    pub(super) fn upload_for_tests(&self) -> Upload {
        self.upload.clone()
    }

    async fn end(mut self) -> Result<String, UploadError> {
        if self.whole.is_some_and(|whole| self.came != whole) {
            return Err(UploadError::TooShort);
        }
        self.draft.as_mut().ok_or(UploadError::Unknown)?.sync().await?;
        // The account can have been removed meanwhile, and its slots with it.
        let awaited = self.slot.as_ref().is_none_or(|slot| self.uploads.awaits(slot));
        if !awaited {
            return Err(UploadError::Unknown);
        }
        let now = micros();
        self.upload.size = self.came;
        self.upload.created = now;
        self.upload.expires = self.uploads.expiry(self.upload.purpose, self.before, now);
        // First the note, then the file at its place: what a power cut leaves on its way is known, and removed.
        let mut batch = Batch::new();
        kept::put(&mut batch, &self.id, &self.upload)?;
        let store = self.uploads.store.clone();
        store.commit(batch).await?;
        let put = match &mut self.draft {
            Some(draft) => draft.put().await,
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        if let Err(error) = put {
            let mut batch = Batch::new();
            kept::remove(&mut batch, &self.id, &self.upload.owner);
            store.commit(batch).await?;
            return Err(error.into());
        }
        let mut books = self.uploads.books.lock();
        books.add(&self.upload, now);
        if let Some(slot) = self.slot.take() {
            books.used(&slot);
        }
        drop(books);
        self.draft = None; // at its place
        Ok(self.uploads.url(&self.id, &self.upload.name))
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let (draft, slot, uploads) = (self.draft.take(), self.slot.take(), self.uploads.clone());
        let Some(draft) = draft else { return };
        let remove = move || {
            draft.discard();
            if let Some(slot) = slot {
                uploads.books.lock().give_back(&slot);
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// A slot that is taken and not used yet.
struct Taken<'a>(&'a Uploads, Option<&'a str>);

impl Taken<'_> {
    fn keep(mut self) {
        self.1 = None;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.1 {
            self.0.books.lock().give_back(slot);
        }
    }
}

/// §7: a promised type is kept to; without a promise it is what is said now.
fn settle_type(pending: &mut Pending, said: Option<&str>) -> Result<(), UploadError> {
    match (&pending.promised, said) {
        (Some(promised), Some(said)) if !media::are_alike(promised, said) => Err(UploadError::Type),
        (Some(_), _) | (None, None) => Ok(()),
        (None, Some(said)) if media::is_one(said) => {
            pending.upload.kind = said.to_owned();
            Ok(())
        }
        (None, Some(_)) => Err(UploadError::Type),
    }
}
