//! RFC 6121 §2: rosters, with the versions of §2.6.
//!
//! An item's version is a moment of the store's clock: unique, growing, and known without reading a counter, so two
//! changes under way at once never get the same. A roster's version is its newest item's. Removed items are remembered
//! (up to a bound) so that a client that was away hears of the removal.

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const ITEMS: Table<Kept> = Table::new(tables::ROSTER);
const VERSIONS: Table<Versions> = Table::new(tables::ROSTER_VERSION);

/// Removed items remembered for each roster.
pub const REMEMBERED: usize = 128;

/// One contact (RFC 6121 §2.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The contact's bare JID.
    #[serde(skip)]
    pub jid: String,
    /// The user's name for the contact (§2.1.2.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Groups (§2.1.2.6).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Who sees whose presence (§2.1.2.5).
    #[serde(default)]
    pub subscription: Subscription,
    /// A request of ours waits for an answer (§2.1.2.2).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ask: bool,
    /// The contact's request was approved before it came (§3.4).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approved: bool,
    /// The contact's request that waits for an answer: the presence stanza's XML (§3.1.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_in: Option<String>,
    /// It is shown to the user's clients whatever its state: the user has put it there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
    /// The circles that both are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub circles: Vec<String>,
    /// It was a circle that made them see each other: without circles they no longer do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bonded: bool,
}

/// §2.1.2.5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subscription {
    /// Neither sees the other.
    #[default]
    None,
    /// The user sees the contact.
    To,
    /// The contact sees the user.
    From,
    /// Each sees the other.
    Both,
}

/// A roster as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// All items, also those that only hold a request or an approval and are not shown (§3.1.3).
    pub items: Vec<Item>,
    /// The version to give to the client.
    pub version: u64,
}

/// What a client with an older version has to hear (§2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// Pushes, oldest change first: the item, or the JID of one removed. Empty: the client is up to date.
    Changes(Vec<(u64, Change)>),
    /// That version is not known: the whole roster.
    Everything(Roster),
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The item is new or has changed.
    Set(Item),
    /// The contact with this bare JID is gone.
    Removed(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    version: u64,
    /// `None`: removed.
    item: Option<Item>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Versions {
    /// Removals before this are forgotten: older clients need everything.
    floor: u64,
}

/// All rosters.
#[derive(Clone)]
pub struct Rosters {
    store: Store,
}

impl Rosters {
    /// The rosters of a store.
    pub fn new(store: &Store) -> Rosters {
        Rosters { store: store.clone() }
    }

    /// An account's whole roster: one scan.
    pub fn load(&self, account: &str) -> Result<Roster, StoreError> {
        let floor = self.floor(account)?;
        let rows = self.rows(account)?;
        let version = rows.iter().map(|(_, kept)| kept.version).fold(floor, u64::max);
        let items = rows.into_iter().filter_map(|(jid, kept)| Some(Item { jid, ..kept.item? })).collect();
        Ok(Roster { items, version })
    }

    /// One item.
    pub fn get(&self, account: &str, contact: &str) -> Result<Option<Item>, StoreError> {
        let kept = ITEMS.get(&self.store, &[account, contact])?;
        Ok(kept.and_then(|kept| kept.item).map(|item| Item { jid: contact.to_owned(), ..item }))
    }

    /// Sets an item (its `jid` is the contact); gives the roster's new version.
    pub fn put(&self, batch: &mut Batch, account: &str, item: &Item) -> Result<u64, StoreError> {
        let version = self.store.stamp();
        ITEMS.put(batch, &[account, &item.jid], &Kept { version, item: Some(item.clone()) })?;
        Ok(version)
    }

    /// Removes an item; gives the roster's new version.
    pub fn remove(&self, batch: &mut Batch, account: &str, contact: &str) -> Result<u64, StoreError> {
        let version = self.store.stamp();
        ITEMS.put(batch, &[account, contact], &Kept { version, item: None })?;
        self.forget_oldest(batch, account)?;
        Ok(version)
    }

    /// What a client that has `version` must hear.
    pub fn since(&self, account: &str, version: u64) -> Result<Delta, StoreError> {
        let floor = self.floor(account)?;
        let rows = self.rows(account)?;
        let current = rows.iter().map(|(_, kept)| kept.version).fold(floor, u64::max);
        // Versions are moments: every one since the roster began can be served, also those whose item has changed again.
        let known = match floor {
            0 => version == current,
            _ => (floor..=current).contains(&version),
        };
        if !known {
            return Ok(Delta::Everything(self.load(account)?));
        }
        let mut changes: Vec<(u64, Change)> =
            rows.into_iter().filter(|(_, kept)| kept.version > version).map(Kept::change).collect();
        changes.sort_by_key(|(version, _)| *version);
        Ok(Delta::Changes(changes))
    }

    fn rows(&self, account: &str) -> Result<Vec<(String, Kept)>, StoreError> {
        let rows = ITEMS.list(&self.store, &[account])?;
        Ok(rows.into_iter().filter_map(|(parts, kept)| Some((parts.into_iter().nth(1)?, kept))).collect())
    }

    fn floor(&self, account: &str) -> Result<u64, StoreError> {
        Ok(VERSIONS.get(&self.store, &[account])?.unwrap_or_default().floor)
    }

    fn forget_oldest(&self, batch: &mut Batch, account: &str) -> Result<(), StoreError> {
        let mut removed: Vec<(String, u64)> = self
            .rows(account)?
            .into_iter()
            .filter(|(_, kept)| kept.item.is_none())
            .map(|(jid, kept)| (jid, kept.version))
            .collect();
        let Some(surplus) = removed.len().checked_sub(REMEMBERED) else { return Ok(()) };
        removed.sort_by_key(|(_, version)| *version);
        let mut floor = None;
        for (jid, version) in removed.iter().take(surplus + REMEMBERED / 2) {
            ITEMS.delete(batch, &[account, jid]);
            floor = Some(*version);
        }
        floor.map_or(Ok(()), |floor| VERSIONS.put(batch, &[account], &Versions { floor }))
    }
}

impl Kept {
    fn change((jid, kept): (String, Kept)) -> (u64, Change) {
        let change = match kept.item {
            Some(item) => Change::Set(Item { jid, ..item }),
            None => Change::Removed(jid),
        };
        (kept.version, change)
    }
}

/// A new account's roster begins at a version of its own: what clients remember of an earlier account of that name is
/// older than it.
pub(crate) fn begin(batch: &mut Batch, store: &Store, account: &str) -> Result<(), StoreError> {
    VERSIONS.put(batch, &[account], &Versions { floor: store.stamp() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROMEO: &str = "romeo@localhost";

    fn item(jid: &str) -> Item {
        Item {
            jid: jid.into(),
            name: Some("name".into()),
            subscription: Subscription::Both,
            ..Item::default()
        }
    }

    async fn set(rosters: &Rosters, store: &Store, jid: &str) -> u64 {
        let mut batch = Batch::new();
        let version = rosters.put(&mut batch, ROMEO, &item(jid)).unwrap();
        store.commit(batch).await.unwrap();
        version
    }

    async fn remove(rosters: &Rosters, store: &Store, jid: &str) -> u64 {
        let mut batch = Batch::new();
        let version = rosters.remove(&mut batch, ROMEO, jid).unwrap();
        store.commit(batch).await.unwrap();
        version
    }

    async fn begun(store: &Store) -> Rosters {
        let mut batch = Batch::new();
        begin(&mut batch, store, ROMEO).unwrap();
        store.commit(batch).await.unwrap();
        Rosters::new(store)
    }

    #[tokio::test]
    async fn a_client_that_was_away_hears_what_changed_and_what_went() {
        let store = Store::memory();
        let rosters = begun(&store).await;
        set(&rosters, &store, "juliet@localhost").await;
        let away = set(&rosters, &store, "nurse@localhost").await;
        set(&rosters, &store, "mercutio@localhost").await;
        let newest = remove(&rosters, &store, "juliet@localhost").await;
        let Delta::Changes(changes) = rosters.since(ROMEO, away).unwrap() else { panic!("everything") };
        let changes: Vec<Change> = changes.into_iter().map(|(_, change)| change).collect();
        assert_eq!(
            changes,
            [Change::Set(item("mercutio@localhost")), Change::Removed("juliet@localhost".into())]
        );
        let roster = rosters.load(ROMEO).unwrap();
        assert_eq!((roster.items.len(), roster.version), (2, newest));
        assert_eq!(rosters.since(ROMEO, newest).unwrap(), Delta::Changes(vec![]));
    }

    #[tokio::test]
    async fn an_unknown_version_gets_everything() {
        let store = Store::memory();
        let rosters = begun(&store).await;
        let version = set(&rosters, &store, "juliet@localhost").await;
        for unknown in [0, 1, version + 1, u64::MAX] {
            assert!(matches!(rosters.since(ROMEO, unknown).unwrap(), Delta::Everything(_)), "{unknown}");
        }
    }

    #[tokio::test]
    async fn after_more_removals_than_are_remembered_old_clients_get_everything() {
        let store = Store::memory();
        let rosters = begun(&store).await;
        let old = set(&rosters, &store, "juliet@localhost").await;
        for n in 0..=REMEMBERED + 1 {
            remove(&rosters, &store, &format!("user{n}@localhost")).await;
        }
        assert!(matches!(rosters.since(ROMEO, old).unwrap(), Delta::Everything(_)));
        assert!(rosters.rows(ROMEO).unwrap().len() <= REMEMBERED);
    }

    #[tokio::test]
    async fn rosters_of_two_accounts_do_not_mix() {
        let store = Store::memory();
        let rosters = begun(&store).await;
        set(&rosters, &store, "juliet@localhost").await;
        assert!(rosters.load("rome@localhost").unwrap().items.is_empty());
        assert_eq!(rosters.get(ROMEO, "juliet@localhost").unwrap(), Some(item("juliet@localhost")));
        assert_eq!(rosters.get("juliet@localhost", ROMEO).unwrap(), None);
    }
}
