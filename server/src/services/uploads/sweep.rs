//! XEP-0363 §5: files whose time is over are removed; and what a killed server left behind.

use std::io;
use std::path::Path;

use rialto_store::uploads::{self as kept, Upload};
use rialto_store::{Batch, Store, StoreError};

use super::books::Books;
use super::folder::Folder;
use super::{UploadError, Uploads, UploadsError, micros};

/// Notes that are read at once.
pub(super) const PAGE: usize = 500;

/// The folder and the sums of what is in it. What was on its way when the server ended is removed, with its note.
pub(super) async fn open(root: &Path, store: &Store) -> Result<(Folder, Books), UploadsError> {
    let failed = |error| UploadsError::Folder(root.to_owned(), error);
    let path = root.to_owned();
    let opened = tokio::task::spawn_blocking(move || {
        let folder = Folder::open(&path)?;
        folder.leftovers().map(|left| (folder, left))
    });
    let (folder, left) = opened.await.map_err(io::Error::other).flatten().map_err(failed)?;
    for id in &left {
        if let Some(upload) = kept::get(store, id)? {
            let mut batch = Batch::new();
            kept::remove(&mut batch, id, &upload.owner);
            store.commit(batch).await?;
        }
        folder.sweep(id).map_err(failed)?;
    }
    if !left.is_empty() {
        tracing::info!(count = left.len(), "uploads that had not ended are removed");
    }
    let (store, now) = (store.clone(), micros());
    let sums = tokio::task::spawn_blocking(move || {
        let mut books = Books::default();
        each_page(&store, |page| page.iter().for_each(|(_, upload)| books.add(upload, now)))?;
        Ok::<_, StoreError>(books)
    });
    let books = sums.await.map_err(|broken| failed(io::Error::other(broken)))??;
    Ok((folder, books))
}

impl Uploads {
    /// Removes every file whose time is over; says how many.
    ///
    /// # Errors
    /// [`UploadError`]: what is left goes the next time.
    pub async fn sweep(&self) -> Result<usize, UploadError> {
        let (store, now) = (self.store.clone(), micros());
        let look = move || {
            let mut over = Vec::new();
            each_page(&store, |page| {
                over.extend(page.into_iter().filter(|(_, upload)| upload.is_over(now)))
            })?;
            Ok::<_, StoreError>(over)
        };
        let over = tokio::task::spawn_blocking(look).await.map_err(io::Error::other)??;
        let count = over.len();
        for some in over.chunks(PAGE) {
            self.remove_those(some.to_vec()).await?;
        }
        Ok(count)
    }

    /// Removes the files of accounts that `is_here` does not know any more; other owners are left alone.
    ///
    /// # Errors
    /// [`UploadError`]
    pub async fn sweep_owners(&self, is_here: impl Fn(&str) -> bool) -> Result<(), UploadError> {
        let owners = self.books.lock().owners();
        for owner in owners.iter().filter(|owner| !is_here(owner)) {
            let count = self.remove_all(owner).await?;
            tracing::info!(owner, count, "files of an account that was removed are removed");
        }
        Ok(())
    }
}

fn each_page(store: &Store, mut with: impl FnMut(Vec<(String, Upload)>)) -> Result<(), StoreError> {
    let mut after: Option<String> = None;
    loop {
        let page = kept::page(store, after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        with(page);
    }
}
