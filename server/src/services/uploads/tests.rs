//! Uploads as whoever uses them sees them: slots, bytes, what is left after a failure and after a restart.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rialto_store::uploads::{self as kept, Purpose};
use rialto_store::{Batch, Store};
use tokio::io::AsyncReadExt;

use super::{Full, Refused, Slot, UploadError, Uploads, Wish, id_of, micros};
use crate::config;
use crate::public_url::PublicUrl;

const ROMEO: &str = "romeo@localhost";

fn settings(folder: &Path) -> config::Upload {
    let (folder, max_size) = (folder.to_owned(), 1000);
    config::Upload { folder, max_size, keep_free: 0, per_day: 2000, ..config::Upload::default() }
}

async fn open(settings: &config::Upload, store: &Store) -> Arc<Uploads> {
    Uploads::open(settings, store, &PublicUrl::chosen("https://localhost:5443")).await.unwrap()
}

fn wish(size: u64) -> Wish {
    let (owner, name, kind) = (ROMEO.into(), "../rose.jpg".into(), Some("image/jpeg".into()));
    Wish { owner, name, size, kind, purpose: Purpose::Message, before: None }
}

fn put_token(slot: &Slot) -> &str {
    id_of(&slot.put).unwrap()
}

/// Uploads some bytes into a slot.
async fn fill(uploads: &Arc<Uploads>, slot: &Slot, bytes: &[u8]) -> Result<String, UploadError> {
    let mut arriving = uploads.begin(put_token(slot), bytes.len() as u64, None).await?;
    for chunk in bytes.chunks(3) {
        arriving.write(chunk).await?;
    }
    arriving.finish().await
}

async fn bytes_at(uploads: &Uploads, url: &str) -> Option<String> {
    let id = id_of(url)?;
    uploads.find(id).unwrap()?;
    let mut text = String::new();
    uploads.read(id).await.unwrap()?.read_to_string(&mut text).await.unwrap();
    Some(text)
}

fn files(folder: &Path) -> usize {
    let folders = std::fs::read_dir(folder).unwrap().flatten();
    folders.map(|folder| std::fs::read_dir(folder.path()).unwrap().count()).sum()
}

async fn wait_for_files(folder: &Path, count: usize) {
    while files(folder) != count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_uploaded_can_be_had_also_after_a_restart() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::memory());
    let uploads = open(&settings(folder.path()), &store).await;
    let slot = uploads.slot(wish(4)).await.unwrap();
    assert!(slot.get.starts_with("https://localhost:5443/upload/") && slot.get.ends_with("/rose.jpg"));
    assert_ne!(id_of(&slot.get), id_of(&slot.put), "whoever may read may not write");
    assert_eq!(bytes_at(&uploads, &slot.get).await, None);
    assert_eq!(fill(&uploads, &slot, b"rose").await.unwrap(), slot.get);
    assert_eq!(bytes_at(&uploads, &slot.get).await.as_deref(), Some("rose"));
    let found = uploads.find(id_of(&slot.get).unwrap()).unwrap().unwrap();
    assert_eq!((found.size, found.kind.as_str(), found.name.as_str()), (4, "image/jpeg", "rose.jpg"));
    let again = open(&settings(folder.path()), &store).await;
    assert_eq!(bytes_at(&again, &slot.get).await.as_deref(), Some("rose"));
    assert_eq!(again.totals(), (1, 4));
}

#[tokio::test]
async fn a_slot_is_for_one_whole_upload_of_what_was_said() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::memory());
    let uploads = open(&settings(folder.path()), &store).await;
    let slot = uploads.slot(wish(4)).await.unwrap();
    assert!(matches!(fill(&uploads, &slot, b"ros").await, Err(UploadError::TooShort)));
    assert!(matches!(fill(&uploads, &slot, b"roses").await, Err(UploadError::TooLong)));
    let other = uploads.begin(put_token(&slot), 4, Some("text/html")).await;
    assert!(matches!(other, Err(UploadError::Type)));
    let mut first = uploads.begin(put_token(&slot), 4, Some("image/jpeg")).await.unwrap();
    first.write(b"ro").await.unwrap();
    assert!(matches!(fill(&uploads, &slot, b"rose").await, Err(UploadError::Busy)));
    assert!(matches!(first.write(b"ses").await, Err(UploadError::TooLong)));
    drop(first);
    wait_for_files(folder.path(), 0).await;
    while fill(&uploads, &slot, b"rose").await.is_err() {}
    assert!(matches!(fill(&uploads, &slot, b"rose").await, Err(UploadError::Unknown)));
    let id = id_of(&slot.get).unwrap();
    assert!(matches!(uploads.begin(id, 4, None).await, Err(UploadError::Unknown)), "a file is no slot");
}

#[tokio::test]
async fn a_type_that_was_not_promised_is_the_one_that_comes() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::memory());
    let uploads = open(&settings(folder.path()), &store).await;
    let slot = uploads.slot(Wish { kind: None, ..wish(1) }).await.unwrap();
    let bad = uploads.begin(put_token(&slot), 1, Some("a/b\r\nX: y")).await;
    assert!(matches!(bad, Err(UploadError::Type)));
    let mut arriving = uploads.begin(put_token(&slot), 1, Some("image/png")).await.unwrap();
    arriving.write(b"x").await.unwrap();
    arriving.finish().await.unwrap();
    assert_eq!(uploads.find(id_of(&slot.get).unwrap()).unwrap().unwrap().kind, "image/png");
}

#[tokio::test]
async fn what_is_too_large_or_too_much_gets_no_slot() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::memory());
    let uploads = open(&settings(folder.path()), &store).await;
    assert!(matches!(uploads.slot(wish(1001)).await, Err(Refused::TooLarge(1000))));
    for _ in 0..2 {
        uploads.slot(wish(1000)).await.unwrap();
    }
    assert!(matches!(uploads.slot(wish(1)).await, Err(Refused::Full(Full::Day(_)))));
    let full = config::Upload { keep_free: usize::MAX, ..settings(folder.path()) };
    let uploads = open(&full, &store).await;
    assert!(matches!(uploads.slot(wish(1)).await, Err(Refused::DiskFull)));
}

#[tokio::test]
async fn whatever_a_killed_server_was_at_is_removed_at_the_next_start() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::memory());
    let uploads = open(&settings(folder.path()), &store).await;
    let slot = uploads.slot(wish(4)).await.unwrap();
    let mut arriving = uploads.begin(put_token(&slot), 4, None).await.unwrap();
    arriving.write(b"ro").await.unwrap();
    // As after a kill between the note and the move.
    let id = id_of(&slot.get).unwrap();
    let mut batch = Batch::new();
    kept::put(&mut batch, id, &arriving.upload_for_tests()).unwrap();
    store.commit(batch).await.unwrap();
    std::mem::forget(arriving);
    assert_eq!(files(folder.path()), 1);
    let again = open(&settings(folder.path()), &store).await;
    assert_eq!((files(folder.path()), again.totals()), (0, (0, 0)));
    assert_eq!(again.find(id).unwrap(), None);
}

#[tokio::test]
async fn files_end_with_their_time_and_never_later_than_they_were_to() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::memory());
    let uploads = open(&settings(folder.path()), &store).await;
    let before = micros() + 200_000;
    let short = Wish { purpose: Purpose::Ephemeral, before: Some(before), ..wish(4) };
    let (slot, stays) = (uploads.slot(short.clone()).await.unwrap(), uploads.slot(wish(4)).await.unwrap());
    let late = uploads.slot(short).await.unwrap();
    fill(&uploads, &slot, b"rose").await.unwrap();
    fill(&uploads, &stays, b"rose").await.unwrap();
    assert_eq!(bytes_at(&uploads, &slot.get).await.as_deref(), Some("rose"));
    assert_eq!(uploads.sweep().await.unwrap(), 0);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(bytes_at(&uploads, &slot.get).await, None, "also before it is swept");
    assert!(matches!(fill(&uploads, &late, b"rose").await, Err(UploadError::Over)));
    assert_eq!(uploads.sweep().await.unwrap(), 1);
    assert_eq!((files(folder.path()), uploads.totals()), (1, (1, 4)));
    let lasting = uploads.expiry(Purpose::Permanent, None, 7);
    let month = uploads.expiry(Purpose::Message, None, 7);
    assert_eq!((lasting, month), (None, Some(7 + 30 * 86_400 * 1_000_000)));
}

#[tokio::test]
async fn a_slot_that_nobody_uses_in_time_is_gone() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::memory());
    let soon = config::Upload { slot_timeout: Duration::from_millis(20), ..settings(folder.path()) };
    let uploads = open(&soon, &store).await;
    let slot = uploads.slot(wish(4)).await.unwrap();
    assert!(uploads.awaits(put_token(&slot)));
    tokio::time::sleep(Duration::from_millis(40)).await;
    assert!(!uploads.awaits(put_token(&slot)));
    assert!(matches!(fill(&uploads, &slot, b"rose").await, Err(UploadError::Unknown)));
}

#[tokio::test]
async fn a_removed_file_and_all_files_of_somebody_are_gone() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::memory());
    let uploads = open(&settings(folder.path()), &store).await;
    let mut urls = Vec::new();
    for owner in [ROMEO, ROMEO, "juliet@localhost"] {
        let slot = uploads.slot(Wish { owner: owner.into(), ..wish(4) }).await.unwrap();
        urls.push(fill(&uploads, &slot, b"rose").await.unwrap());
    }
    assert!(uploads.remove(&urls[0]).await.unwrap());
    assert!(!uploads.remove(&urls[0]).await.unwrap());
    for other in ["", "https://localhost:5443/upload/", "/etc/passwd", "https://localhost:5443/upload/../x"] {
        assert!(!uploads.remove(other).await.unwrap());
    }
    assert_eq!(uploads.list(Some(ROMEO)).unwrap().len(), 1);
    let waiting = uploads.slot(wish(4)).await.unwrap();
    assert_eq!(uploads.remove_all(ROMEO).await.unwrap(), 1);
    assert!(matches!(fill(&uploads, &waiting, b"rose").await, Err(UploadError::Unknown)));
    assert_eq!(uploads.list(None).unwrap()[0].url, urls[2]);
    assert_eq!((files(folder.path()), uploads.totals()), (1, (1, 4)));
    uploads.sweep_owners(|owner| owner != "juliet@localhost").await.unwrap();
    assert_eq!((files(folder.path()), uploads.totals()), (0, (0, 0)));
}

#[tokio::test]
async fn the_server_itself_can_keep_files_and_no_larger_ones() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::memory());
    let uploads = open(&settings(folder.path()), &store).await;
    let chunks = |count: usize| {
        let chunk = |_| Ok(Bytes::from_static(&[b'x'; 100]));
        futures_util::stream::iter((0..count).map(chunk))
    };
    let url = uploads.keep("lounge@rooms.localhost", "a/b.png", "image/png", chunks(3)).await.unwrap();
    assert!(url.ends_with("/b.png"));
    assert_eq!(bytes_at(&uploads, &url).await.unwrap().len(), 300);
    let large = uploads.keep("lounge@rooms.localhost", "b.png", "image/png", chunks(11)).await;
    assert!(matches!(large, Err(UploadError::TooLong)));
    let broken =
        futures_util::stream::iter([Ok(Bytes::from_static(b"x")), Err(std::io::ErrorKind::Other.into())]);
    let broken = uploads.keep("lounge@rooms.localhost", "b.png", "image/png", broken).await;
    assert!(matches!(broken, Err(UploadError::Source(_))));
    wait_for_files(folder.path(), 1).await;
    assert_eq!(uploads.list(Some("lounge@rooms.localhost")).unwrap()[0].upload.size, 300);
}
