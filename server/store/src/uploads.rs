//! XEP-0363: what is known of uploaded files, by id and by owner. Their bytes lie in files of their own.

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const UPLOADS: Table<Upload> = Table::new(tables::UPLOADS);
const OWNED: Table<()> = Table::new(tables::UPLOADS_OWNED);

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Whose it is: the bare JID of an account, of a room, of a bridge.
    pub owner: String,
    /// What it is called; harmless, and of no meaning to the server.
    pub name: String,
    /// Its media type, as the uploader said.
    pub kind: String,
    /// In bytes.
    pub size: u64,
    /// What it was uploaded for.
    #[serde(default)]
    pub purpose: Purpose,
    /// Microseconds since 1970.
    pub created: u64,
    /// Microseconds since 1970; nobody gets it after that. `None`: until somebody removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

/// XEP-0363 §5: why something is uploaded, which decides how long it is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// To be sent in a message.
    #[default]
    Message,
    /// An avatar and the like.
    Profile,
    /// To be gone at a certain time.
    Ephemeral,
    /// For long.
    Permanent,
}

impl Upload {
    /// Whether it is over at this moment, in microseconds since 1970.
    pub fn is_over(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// The file of this id.
pub fn get(store: &Store, id: &str) -> Result<Option<Upload>, StoreError> {
    UPLOADS.get(store, &[id])
}

/// Notes a file.
pub fn put(batch: &mut Batch, id: &str, upload: &Upload) -> Result<(), StoreError> {
    UPLOADS.put(batch, &[id], upload)?;
    OWNED.put(batch, &[&upload.owner, id], &())
}

/// Forgets a file.
pub fn remove(batch: &mut Batch, id: &str, owner: &str) {
    UPLOADS.delete(batch, &[id]);
    OWNED.delete(batch, &[owner, id]);
}

/// The ids of somebody's files.
pub fn owned(store: &Store, owner: &str) -> Result<Vec<String>, StoreError> {
    let rows = OWNED.list(store, &[owner])?;
    Ok(rows.into_iter().filter_map(|(parts, ())| parts.into_iter().nth(1)).collect())
}

/// At most `limit` files, in the order of their ids, after the id `after`; an empty page is the end.
pub fn page(store: &Store, after: Option<&str>, limit: usize) -> Result<Vec<(String, Upload)>, StoreError> {
    let after = after.map(|after| [after]);
    let rows = UPLOADS.page(store, &[], after.as_ref().map(|after| &after[..]), limit)?;
    Ok(rows.into_iter().filter_map(|(parts, upload)| Some((parts.into_iter().next()?, upload))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(owner: &str) -> Upload {
        Upload {
            owner: owner.into(),
            name: "rose.jpg".into(),
            kind: "image/jpeg".into(),
            size: 7,
            purpose: Purpose::Message,
            created: 1,
            expires: Some(5),
        }
    }

    #[tokio::test]
    async fn a_file_is_found_by_id_and_by_owner_until_it_is_removed() {
        let store = Store::memory();
        let mut batch = Batch::new();
        for (id, owner) in [("a", "romeo@localhost"), ("b", "juliet@localhost"), ("c", "romeo@localhost")] {
            put(&mut batch, id, &upload(owner)).unwrap();
        }
        store.commit(batch).await.unwrap();
        assert_eq!(get(&store, "b").unwrap().unwrap().owner, "juliet@localhost");
        assert_eq!(owned(&store, "romeo@localhost").unwrap(), ["a", "c"]);
        let ids = |after| page(&store, after, 2).unwrap().into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        assert_eq!((ids(None), ids(Some("b"))), (vec!["a".into(), "b".into()], vec!["c".to_owned()]));
        let mut batch = Batch::new();
        remove(&mut batch, "a", "romeo@localhost");
        store.commit(batch).await.unwrap();
        assert_eq!((get(&store, "a").unwrap(), owned(&store, "romeo@localhost").unwrap().len()), (None, 1));
    }

    #[test]
    fn a_file_is_over_when_its_time_has_come() {
        assert!(upload("a@b").is_over(5) && !upload("a@b").is_over(4));
        assert!(!Upload { expires: None, ..upload("a@b") }.is_over(u64::MAX));
    }
}
