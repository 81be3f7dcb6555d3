//! Files that show somewhere else than they were shown first: those of other networks, kept here for a message of a room;
//! and the pictures of our own people, kept for other networks. Their bytes are uploads.

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const FILES: Table<Rehosted> = Table::new(tables::REHOSTED);
const FACES: Table<Face> = Table::new(tables::FACES);

/// The file of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehosted {
    /// Id of the upload; `None` where it could not be had, and words stand for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// Where it lay on the other network, without what is signed anew each time.
    pub source: String,
    /// Its message was taken back: the file goes.
    #[serde(default)]
    pub over: bool,
}

/// The picture of somebody of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Face {
    /// XEP-0153: the hash of the picture that is kept.
    pub hash: String,
    /// Id of the upload.
    pub upload: String,
    /// The one before, which somebody may be about to fetch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// A row: the room, the message, its file.
pub type Row = (String, String, Rehosted);

/// The file of a message of a room.
pub fn file(store: &Store, room: &str, message: &str) -> Result<Option<Rehosted>, StoreError> {
    FILES.get(store, &[room, message])
}

/// Notes it.
pub fn put_file(batch: &mut Batch, room: &str, message: &str, file: &Rehosted) -> Result<(), StoreError> {
    FILES.put(batch, &[room, message], file)
}

/// Forgets it.
pub fn remove_file(batch: &mut Batch, room: &str, message: &str) {
    FILES.delete(batch, &[room, message]);
}

/// All files of a room.
pub fn files_of(store: &Store, room: &str) -> Result<Vec<Row>, StoreError> {
    Ok(FILES.list(store, &[room])?.into_iter().filter_map(row).collect())
}

/// At most `limit` files of all rooms, after this one; an empty page is the end.
pub fn files_after(store: &Store, after: Option<(&str, &str)>, limit: usize) -> Result<Vec<Row>, StoreError> {
    let after = after.map(|(room, message)| [room, message]);
    let rows = FILES.page(store, &[], after.as_ref().map(|after| &after[..]), limit)?;
    Ok(rows.into_iter().filter_map(row).collect())
}

fn row((parts, file): (Vec<String>, Rehosted)) -> Option<Row> {
    let mut parts = parts.into_iter();
    Some((parts.next()?, parts.next()?, file))
}

/// The picture of an account.
pub fn face(store: &Store, account: &str) -> Result<Option<Face>, StoreError> {
    FACES.get(store, &[account])
}

/// Notes it.
pub fn put_face(batch: &mut Batch, account: &str, face: &Face) -> Result<(), StoreError> {
    FACES.put(batch, &[account], face)
}

/// Forgets it.
pub fn remove_face(batch: &mut Batch, account: &str) {
    FACES.delete(batch, &[account]);
}

/// All of them, by account.
pub fn faces(store: &Store) -> Result<Vec<(String, Face)>, StoreError> {
    let rows = FACES.list(store, &[])?;
    Ok(rows.into_iter().filter_map(|(parts, face)| Some((parts.into_iter().next()?, face))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_found_by_its_message_and_with_those_of_its_room() {
        let store = Store::memory();
        let mut batch = Batch::new();
        for (room, message) in [("a@rooms", "1"), ("a@rooms", "2"), ("b@rooms", "1")] {
            let file = Rehosted { source: format!("{room}{message}"), ..Rehosted::default() };
            put_file(&mut batch, room, message, &file).unwrap();
        }
        store.commit(batch).await.unwrap();
        assert_eq!(file(&store, "a@rooms", "2").unwrap().unwrap().source, "a@rooms2");
        assert_eq!(files_of(&store, "a@rooms").unwrap().len(), 2);
        let page = files_after(&store, Some(("a@rooms", "1")), 5).unwrap();
        assert_eq!(page.iter().map(|row| &*row.2.source).collect::<Vec<_>>(), ["a@rooms2", "b@rooms1"]);
        let mut batch = Batch::new();
        remove_file(&mut batch, "a@rooms", "2");
        store.commit(batch).await.unwrap();
        assert_eq!(file(&store, "a@rooms", "2").unwrap(), None);
    }

    #[tokio::test]
    async fn a_picture_is_kept_for_each_account() {
        let store = Store::memory();
        let mut batch = Batch::new();
        let kept = Face { hash: "abc".into(), upload: "1".into(), before: None };
        put_face(&mut batch, "romeo@localhost", &kept).unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(faces(&store).unwrap(), [("romeo@localhost".to_owned(), kept)]);
        let mut batch = Batch::new();
        remove_face(&mut batch, "romeo@localhost");
        store.commit(batch).await.unwrap();
        assert_eq!(face(&store, "romeo@localhost").unwrap(), None);
    }
}
