//! XEP-0049: private XML, by account and namespace.

use bytes::Bytes;

use crate::batch::Batch;
use crate::error::StoreError;
use crate::key::key;
use crate::store::Store;
use crate::tables;

/// What an account keeps under a namespace: the element's XML.
pub fn get(store: &Store, account: &str, namespace: &str) -> Result<Option<Bytes>, StoreError> {
    store.get(tables::PRIVATE, &key(&[account, namespace]))
}

/// All that an account keeps: the elements' XML.
pub fn load(store: &Store, account: &str) -> Result<Vec<Bytes>, StoreError> {
    let rows = store.scan_prefix(tables::PRIVATE, &key(&[account]))?;
    Ok(rows.into_iter().map(|(_, xml)| xml).collect())
}

/// Keeps an element.
pub fn put(batch: &mut Batch, account: &str, namespace: &str, xml: &[u8]) {
    batch.put(tables::PRIVATE, &key(&[account, namespace]), xml);
}

/// Bytes and elements an account keeps, for a quota.
pub fn size(store: &Store, account: &str) -> Result<(usize, usize), StoreError> {
    let rows = store.scan_prefix(tables::PRIVATE, &key(&[account]))?;
    Ok((rows.iter().map(|(_, xml)| xml.len()).sum(), rows.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn elements_are_kept_apart_by_namespace() {
        let store = Store::memory();
        let mut batch = Batch::new();
        put(&mut batch, "romeo@localhost", "a", b"<a/>");
        put(&mut batch, "romeo@localhost", "b", b"<bb/>");
        store.commit(batch).await.unwrap();
        assert_eq!(get(&store, "romeo@localhost", "a").unwrap().as_deref(), Some(&b"<a/>"[..]));
        assert_eq!(get(&store, "juliet@localhost", "a").unwrap(), None);
        assert_eq!(size(&store, "romeo@localhost").unwrap(), (9, 2));
    }
}
