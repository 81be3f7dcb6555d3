//! XEP-0054: vCards of accounts and rooms.

use bytes::Bytes;

use crate::batch::Batch;
use crate::error::StoreError;
use crate::key::key;
use crate::store::Store;
use crate::tables;

/// Where the hash of the photo stands, beside the card.
const PHOTO: &str = "photo";

/// An owner's vCard: the element's XML.
pub fn get(store: &Store, owner: &str) -> Result<Option<Bytes>, StoreError> {
    store.get(tables::VCARDS, &key(&[owner]))
}

/// Sets it.
pub fn put(batch: &mut Batch, owner: &str, xml: &[u8]) {
    batch.put(tables::VCARDS, &key(&[owner]), xml);
}

/// XEP-0153: the hash of its photo as it was noted with it; empty: it has none any more.
pub fn photo(store: &Store, owner: &str) -> Result<Option<String>, StoreError> {
    let noted = store.get(tables::VCARDS, &key(&[owner, PHOTO]))?;
    Ok(noted.map(|hash| String::from_utf8_lossy(&hash).into_owned()))
}

/// Notes it.
pub fn put_photo(batch: &mut Batch, owner: &str, hash: &str) {
    batch.put(tables::VCARDS, &key(&[owner, PHOTO]), hash.as_bytes());
}

/// Removes it.
pub fn remove(batch: &mut Batch, owner: &str) {
    batch.delete(tables::VCARDS, &key(&[owner, PHOTO]));
    batch.delete(tables::VCARDS, &key(&[owner]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_vcard_is_set_read_and_removed() {
        let store = Store::memory();
        let mut batch = Batch::new();
        put(&mut batch, "romeo@localhost", b"<vCard/>");
        store.commit(batch).await.unwrap();
        assert_eq!(get(&store, "romeo@localhost").unwrap().as_deref(), Some(&b"<vCard/>"[..]));
        let mut batch = Batch::new();
        put_photo(&mut batch, "romeo@localhost", "abc");
        store.commit(batch).await.unwrap();
        assert_eq!(photo(&store, "romeo@localhost").unwrap().as_deref(), Some("abc"));
        let mut batch = Batch::new();
        remove(&mut batch, "romeo@localhost");
        store.commit(batch).await.unwrap();
        assert_eq!(get(&store, "romeo@localhost").unwrap(), None);
        assert_eq!(photo(&store, "romeo@localhost").unwrap(), None);
    }
}
