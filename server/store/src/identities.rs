//! What people are on other networks: nick, account, and what proves it. A password stands here as it is, because the
//! network wants it as it is: no log and no export has it.

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

/// What one person is on one network.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// The nick to ask for.
    pub nick: Option<String>,
    /// The account to prove.
    pub account: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// A client certificate and its key (PEM).
    pub certificate: Option<String>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("nick", &self.nick)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

const IDENTITIES: Table<Identity> = Table::new(tables::IDENTITIES);

/// Sets what a person is on a network; `None` forgets it.
pub fn set(batch: &mut Batch, person: &str, bridge: &str, is: Option<&Identity>) -> Result<(), StoreError> {
    match is {
        Some(is) => IDENTITIES.put(batch, &[person, bridge], is),
        None => {
            IDENTITIES.delete(batch, &[person, bridge]);
            Ok(())
        }
    }
}

/// What a person is on a network.
pub fn get(store: &Store, person: &str, bridge: &str) -> Result<Option<Identity>, StoreError> {
    IDENTITIES.get(store, &[person, bridge])
}

/// Everybody: person, network, identity.
pub fn all(store: &Store) -> Result<Vec<(String, String, Identity)>, StoreError> {
    let rows = IDENTITIES.list(store, &[])?.into_iter();
    let row = |(parts, is): (Vec<String>, Identity)| {
        let mut parts = parts.into_iter();
        Some((parts.next()?, parts.next()?, is))
    };
    Ok(rows.filter_map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_person_is_somebody_else_on_each_network() {
        let store = Store::memory();
        let is = |nick: &str| Identity {
            nick: Some(nick.into()),
            password: Some("hunter2".into()),
            ..Identity::default()
        };
        let mut batch = Batch::new();
        set(&mut batch, "romeo@localhost", "libera", Some(&is("rom"))).unwrap();
        set(&mut batch, "romeo@localhost", "oftc", Some(&is("montague"))).unwrap();
        set(&mut batch, "juliet@localhost", "oftc", Some(&is("jul"))).unwrap();
        set(&mut batch, "juliet@localhost", "oftc", None).unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(get(&store, "romeo@localhost", "libera").unwrap(), Some(is("rom")));
        assert_eq!(all(&store).unwrap().len(), 2);
        assert!(!format!("{:?}", is("rom")).contains("hunter2"));
    }
}
