//! XEP-0441: what an account wants archived.

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const PREFS: Table<Prefs> = Table::new(tables::ARCHIVE_PREFS);

/// An account's preferences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prefs {
    /// For everyone who is on neither list.
    pub default: Archived,
    /// JIDs with whom everything is archived.
    pub always: Vec<String>,
    /// JIDs with whom nothing is archived.
    pub never: Vec<String>,
}

/// The default of the preferences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Archived {
    /// Everyone.
    #[default]
    Always,
    /// Nobody.
    Never,
    /// Who is on the roster.
    Roster,
}

/// The preferences of an account; `None`: it has set none.
pub fn load(store: &Store, account: &str) -> Result<Option<Prefs>, StoreError> {
    PREFS.get(store, &[account])
}

/// Sets them.
pub fn put(batch: &mut Batch, account: &str, prefs: &Prefs) -> Result<(), StoreError> {
    PREFS.put(batch, &[account], prefs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn preferences_come_back() {
        let store = Store::memory();
        assert_eq!(load(&store, "romeo@localhost").unwrap(), None);
        let prefs =
            Prefs { default: Archived::Roster, never: vec!["tybalt@localhost".into()], ..Prefs::default() };
        let mut batch = Batch::new();
        put(&mut batch, "romeo@localhost", &prefs).unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(load(&store, "romeo@localhost").unwrap(), Some(prefs));
    }
}
