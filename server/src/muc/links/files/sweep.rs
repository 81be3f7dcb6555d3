//! What a killed server left behind, and what ended by itself: files without a message, messages without a file.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use rialto_store::{Batch, StoreError, rehosted, vcard};

use super::Files;
use crate::muc::links::networks::Networks;

/// How often that is looked for.
const EVERY: Duration = Duration::from_secs(24 * 3600);

/// A file younger than this may still be on its way into a message.
const YOUNG: Duration = Duration::from_secs(3600);

/// Rows that are read at once.
const PAGE: usize = 500;

impl Files {
    /// Looks now, and then every day as long as there are such files.
    pub(in crate::muc::links) fn begin_sweeping(self: &Arc<Self>, networks: &Networks) {
        let owners: Vec<String> = networks.iter().map(|over| Files::owner(&over)).collect();
        let files: Weak<Files> = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(files) = files.upgrade() {
                if let Err(error) = files.sweep(&owners, YOUNG).await {
                    tracing::warn!(%error, "files of other networks could not be looked through");
                }
                drop(files);
                tokio::time::sleep(EVERY).await;
            }
        });
    }

    /// Once. Files of these owners that belong to no message go, if they are older than `young`.
    pub(super) async fn sweep(&self, owners: &[String], young: Duration) -> Result<(), StoreError> {
        let bound = self.sweep_rows().await?;
        let mut gone = 0;
        for owner in owners {
            for file in self.shelf.owned(owner).unwrap_or_default() {
                let age = SystemTime::now().duration_since(file.created).unwrap_or_default();
                if !bound.contains(&file.id) && age >= young && self.remove(&file.id).await {
                    gone += 1;
                }
            }
        }
        if gone > 0 {
            tracing::info!(gone, "files that belonged to no message are removed");
        }
        self.sweep_faces().await
    }

    /// The uploads of all messages that still have one.
    async fn sweep_rows(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut bound = BTreeSet::new();
        let mut after: Option<(String, String)> = None;
        loop {
            let from = after.as_ref().map(|(room, message)| (room.as_str(), message.as_str()));
            let page = rehosted::files_after(&self.store, from, PAGE)?;
            let Some((room, message, _)) = page.last() else { return Ok(bound) };
            after = Some((room.clone(), message.clone()));
            for (room, message, row) in page {
                let Some(upload) = &row.upload else { continue };
                if row.over || self.shelf.url(upload).is_none() {
                    self.remove_row(&room, &message, &row).await;
                } else {
                    bound.insert(upload.clone());
                }
            }
        }
    }

    /// Pictures that their owners do not show any more.
    async fn sweep_faces(&self) -> Result<(), StoreError> {
        for (account, face) in rehosted::faces(&self.store)? {
            if vcard::photo(&self.store, &account)?.as_deref() == Some(&*face.hash) {
                continue;
            }
            for upload in std::iter::once(&face.upload).chain(&face.before) {
                self.remove(upload).await;
            }
            let mut batch = Batch::new();
            rehosted::remove_face(&mut batch, &account);
            self.store.commit(batch).await?;
        }
        Ok(())
    }
}
