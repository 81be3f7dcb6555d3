//! The uploads of this server as the shelf on which links keep files of other networks.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rialto_store::Store;
use rialto_store::uploads::Purpose;

use crate::config::{Bridges, Config};
use crate::features::Fut;
use crate::listeners;
use crate::muc::links::{self, File, Files, Links, Shelf, Shelved};
use crate::services::uploads::{self, Uploads};

/// The uploads, for links.
struct UploadShelf(Arc<Uploads>);

/// The bridges of a configuration; where our addresses are known already, they know which files are ours.
pub fn bridges(config: &Config) -> Bridges {
    let ours = listeners::public_url(config).and_then(|url| url.at(uploads::PATH));
    links::told(&config.bridges, ours.filter(|_| config.upload.enabled).as_deref())
}

/// Links keep files among these uploads from now on; without uploads, words stand for them.
pub fn lend(config: &Config, store: &Store, to: &Links, uploads: Option<&Arc<Uploads>>) {
    let Some(uploads) = uploads else {
        if !config.bridges.is_empty() {
            tracing::warn!(
                "there are no uploads: files of other networks that do not last are not shown here"
            );
        }
        return;
    };
    let shelf = Arc::new(UploadShelf(uploads.clone()));
    to.keep_files(Files::open(&config.bridges, store, shelf, config.archive.retention));
}

impl Shelf for UploadShelf {
    fn is_open(&self) -> bool {
        self.0.is_open()
    }

    fn largest(&self) -> u64 {
        self.0.largest()
    }

    fn keep(&self, file: File) -> Fut<'_, Result<Shelved, String>> {
        Box::pin(async move {
            let File { owner, name, kind, bytes, is_face, before } = file;
            let size = bytes.len() as u64;
            let purpose = if is_face { Purpose::Profile } else { Purpose::Message };
            let before = before.and_then(|before| before.duration_since(UNIX_EPOCH).ok());
            let before = before.and_then(|before| u64::try_from(before.as_micros()).ok());
            let bytes = futures_util::stream::iter([Ok::<_, io::Error>(Bytes::from(bytes))]);
            let kept = self.0.keep_until(&owner, &name, &kind, (purpose, before), bytes).await;
            let url = kept.map_err(|error| error.to_string())?;
            let id = uploads::id_of(&url).unwrap_or_default().to_owned();
            Ok(Shelved { id, url, name: uploads::harmless(&name), size, created: SystemTime::now() })
        })
    }

    fn url(&self, id: &str) -> Option<String> {
        self.0.address(id)
    }

    fn remove<'a>(&'a self, id: &'a str) -> Fut<'a, Result<(), String>> {
        Box::pin(async move { self.0.remove(id).await.map(drop).map_err(|error| error.to_string()) })
    }

    fn owned(&self, owner: &str) -> Result<Vec<Shelved>, String> {
        let owned = self.0.owned(owner).map_err(|error| error.to_string())?;
        let shelved = |listed: uploads::Listed| Shelved {
            id: listed.id,
            url: listed.url,
            name: listed.upload.name,
            size: listed.upload.size,
            created: UNIX_EPOCH + Duration::from_micros(listed.upload.created),
        };
        Ok(owned.into_iter().map(shelved).collect())
    }
}
