//! XEP-0357: the push services that an account has enabled, by service and node.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const PUSHES: Table<Push> = Table::new(tables::PUSHES);

/// One service and node.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// §5: the form of publish options, as XML; it holds the client's secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<String>,
    /// The resourcepart of the client that enabled it.
    pub resource: String,
    /// When, in seconds since 1970.
    pub at: u64,
}

/// Without its options, which hold secrets.
impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").field("resource", &self.resource).field("at", &self.at).finish_non_exhaustive()
    }
}

/// What an account has enabled: service, node and the rest.
///
/// # Errors
/// [`StoreError`] when it cannot be read.
pub fn list(store: &Store, account: &str) -> Result<Vec<(String, String, Push)>, StoreError> {
    let rows = PUSHES.list(store, &[account])?;
    let read = |(parts, push): (Vec<String>, Push)| {
        let [_, service, node] = <[String; 3]>::try_from(parts).ok()?;
        Some((service, node, push))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Notes one, in place of an older one of the same service and node.
///
/// # Errors
/// [`StoreError`] when it cannot be written down.
pub fn put(
    batch: &mut Batch,
    account: &str,
    service: &str,
    node: &str,
    push: &Push,
) -> Result<(), StoreError> {
    PUSHES.put(batch, &[account, service, node], push)
}

/// Forgets one.
pub fn remove(batch: &mut Batch, account: &str, service: &str, node: &str) {
    PUSHES.delete(batch, &[account, service, node]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_service_and_node_is_kept_apart_and_forgotten_alone() {
        let store = Store::memory();
        let push = Push { options: Some("<x/>".into()), resource: "phone".into(), at: 1 };
        let mut batch = Batch::new();
        for node in ["a", "b", ""] {
            put(&mut batch, "juliet@localhost", "push.example", node, &push).unwrap();
        }
        put(&mut batch, "romeo@localhost", "push.example", "a", &push).unwrap();
        store.commit(batch).await.unwrap();
        let mut batch = Batch::new();
        remove(&mut batch, "juliet@localhost", "push.example", "a");
        store.commit(batch).await.unwrap();
        let left = list(&store, "juliet@localhost").unwrap();
        let nodes: Vec<&str> = left.iter().map(|(_, node, _)| node.as_str()).collect();
        assert_eq!(nodes, ["", "b"]);
        assert_eq!(left[0].2, push);
        assert!(!format!("{push:?}").contains("<x/>"));
    }
}
