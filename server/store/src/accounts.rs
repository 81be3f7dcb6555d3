//! Accounts: who may log in, with credentials that are no password and no equivalent of one (RFC 5802 §3).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::archive::Archive;
use crate::batch::Batch;
use crate::clock::unix_micros;
use crate::error::StoreError;
use crate::key::key;
use crate::store::Store;
use crate::table::Table;
use crate::{circles, invites, rosters, tables};

const ACCOUNTS: Table<Account> = Table::new(tables::ACCOUNTS);
const HELD: Table<Held> = Table::new(tables::ACCOUNTS);

/// The part of an [`Account`] that says which hashes it holds; the keys are skipped, not read.
#[derive(Serialize, Deserialize)]
struct Held {
    #[serde(default, skip_serializing)]
    credentials: BTreeMap<Hash, serde::de::IgnoredAny>,
    #[serde(default)]
    removed: Option<u64>,
}

/// One account, by bare JID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Seconds since 1970.
    pub created: u64,
    /// What each hash needs to check a password.
    #[serde(default)]
    pub credentials: BTreeMap<Hash, Credential>,
    /// Refused at login, everything else stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// When the password was changed, in microseconds since 1970; 0: never. What was given on an older one is void.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changed: u64,
    /// When it was removed, in seconds since 1970: the name stays taken, lest a stranger inherits its contacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde wants a reference
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The hash of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Hash {
    /// RFC 5802.
    #[serde(rename = "SCRAM-SHA-1")]
    Sha1,
    /// RFC 7677.
    #[serde(rename = "SCRAM-SHA-256")]
    Sha256,
    /// SCRAM-SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    Sha512,
}

/// What is stored for one hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The salt.
    #[serde(with = "base64_bytes")]
    pub salt: Vec<u8>,
    /// Rounds of PBKDF2.
    pub iterations: u32,
    /// H(ClientKey).
    #[serde(with = "base64_bytes")]
    pub stored_key: Vec<u8>,
    /// HMAC(SaltedPassword, "Server Key").
    #[serde(with = "base64_bytes")]
    pub server_key: Vec<u8>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential {{ iterations: {}, … }}", self.iterations)
    }
}

/// Why an account was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// There is one of that name.
    #[error("there is an account of that name")]
    Exists,
    /// There was one; its name is given again only to whoever says so.
    #[error("there was an account of that name, which was removed")]
    Removed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All accounts.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
}

impl Accounts {
    /// The accounts of a store.
    pub fn new(store: &Store) -> Accounts {
        Accounts { store: store.clone() }
    }

    /// The account, if it exists and was not removed.
    pub fn get(&self, account: &str) -> Result<Option<Account>, StoreError> {
        Ok(ACCOUNTS.get(&self.store, &[account])?.filter(|found| found.removed.is_none()))
    }

    /// Whether nobody has this name, nor had it.
    pub fn is_free(&self, account: &str) -> Result<bool, StoreError> {
        Ok(ACCOUNTS.get(&self.store, &[account])?.is_none())
    }

    /// Makes an account. A name that was removed is given again only with `reuse`.
    pub async fn create(
        &self,
        account: &str,
        credentials: BTreeMap<Hash, Credential>,
        reuse: bool,
    ) -> Result<(), CreateError> {
        self.create_with(account, credentials, reuse, Batch::new()).await
    }

    /// The same; what else stands in the batch happens with it, or not at all.
    pub async fn create_with(
        &self,
        account: &str,
        credentials: BTreeMap<Hash, Credential>,
        reuse: bool,
        mut batch: Batch,
    ) -> Result<(), CreateError> {
        let raw = self.store.get(tables::ACCOUNTS, &key(&[account]))?;
        match ACCOUNTS.get(&self.store, &[account])? {
            Some(Account { removed: None, .. }) => return Err(CreateError::Exists),
            Some(_) if !reuse => return Err(CreateError::Removed),
            _ => {}
        }
        let made = Account { created: unix_micros() / 1_000_000, credentials, ..Account::default() };
        batch.require(tables::ACCOUNTS, &key(&[account]), raw.as_deref());
        ACCOUNTS.put(&mut batch, &[account], &made)?;
        rosters::begin(&mut batch, &self.store, account)?;
        match self.store.commit(batch).await {
            Err(StoreError::Conflict) => Err(CreateError::Exists),
            other => Ok(other?),
        }
    }

    /// Hashes that the account holds keys for, strongest last; `None`: there is no such account. Costs less than all of it.
    pub fn hashes(&self, account: &str) -> Result<Option<Vec<Hash>>, StoreError> {
        let found = HELD.get(&self.store, &[account])?.filter(|held| held.removed.is_none());
        Ok(found.map(|held| held.credentials.into_keys().collect()))
    }

    /// Replaces the credentials; tokens that were given on the old ones are void (see `Account::changed`). `false`: there
    /// is no such account.
    pub async fn set_credentials(
        &self,
        account: &str,
        credentials: BTreeMap<Hash, Credential>,
    ) -> Result<bool, StoreError> {
        self.change(account, |found| {
            found.credentials = credentials.clone();
            found.changed = unix_micros().max(found.changed + 1);
        })
        .await
    }

    /// Adds keys of the same password under another hash, unless there are some. `false`: there is no such account, or
    /// its password is another than at `changed`.
    pub async fn add_credential(
        &self,
        account: &str,
        (hash, credential): (Hash, &Credential),
        changed: u64,
    ) -> Result<bool, StoreError> {
        let mut same = false;
        let there = self.change(account, |found| {
            same = found.changed == changed;
            if same {
                found.credentials.entry(hash).or_insert_with(|| credential.clone());
            }
        });
        Ok(there.await? && same)
    }

    /// Lets in, or no longer. `false`: there is no such account.
    pub async fn set_disabled(&self, account: &str, disabled: bool) -> Result<bool, StoreError> {
        self.change(account, |found| found.disabled = disabled).await
    }

    /// Removes an account with everything that belongs to it, in one batch; the name stays taken. `false`: there was none.
    pub async fn remove(&self, account: &str) -> Result<bool, StoreError> {
        let Some(mut found) = self.get(account)? else { return Ok(false) };
        found.removed = Some(unix_micros() / 1_000_000);
        found.credentials.clear();
        let mut batch = Batch::new();
        ACCOUNTS.put(&mut batch, &[account], &found)?;
        let prefix = key(&[account]);
        for table in [
            tables::ROSTER,
            tables::ROSTER_VERSION,
            tables::PRIVATE,
            tables::VCARDS,
            tables::OFFLINE,
            tables::ARCHIVE_PREFS,
            tables::LAST,
            tables::BLOCKED,
            tables::TOKENS,
            tables::PUBSUB_NODES,
            tables::PUBSUB_PEOPLE,
            tables::PUBSUB_ITEMS,
            tables::PUSHES,
            tables::HEARD,
            tables::IDENTITIES,
        ] {
            batch.delete_prefix(table, &prefix);
        }
        for (room, _) in crate::nicks::of_account(&self.store, account)? {
            batch.delete(tables::NICKS, &key(&[&room, account]));
        }
        invites::remove_of(&mut batch, &self.store, account)?;
        circles::remove_of(&mut batch, &self.store, account)?;
        Archive::new(&self.store).remove(&mut batch, account);
        self.store.commit(batch).await?;
        Ok(true)
    }

    /// Accounts in key order: at most `limit` after the account `after`. Removed ones are left out; an empty page is
    /// the end.
    pub fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<(String, Account)>, StoreError> {
        let mut found = Vec::new();
        let mut after = after.map(str::to_owned);
        while found.len() < limit {
            let last = after.as_deref().map(|last| [last]);
            let rows =
                ACCOUNTS.page(&self.store, &[], last.as_ref().map(|last| &last[..]), limit.min(256))?;
            let Some((last, _)) = rows.last() else { break };
            after = last.first().cloned();
            let living = rows.into_iter().filter(|(_, account)| account.removed.is_none());
            found.extend(living.filter_map(|(name, account)| Some((name.into_iter().next()?, account))));
        }
        found.truncate(limit);
        Ok(found)
    }

    async fn change(
        &self,
        account: &str,
        mut change: impl FnMut(&mut Account) + Send,
    ) -> Result<bool, StoreError> {
        let mut there = true;
        let changed = |found: &mut Account| {
            there = found.removed.is_none();
            if there {
                change(found);
            }
            there
        };
        Ok(ACCOUNTS.update(&self.store, &[account], changed).await? && there)
    }
}

/// Bytes as base64 in JSON.
mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map_err(|_| serde::de::Error::custom("no base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(byte: u8) -> BTreeMap<Hash, Credential> {
        let one = Credential {
            salt: vec![byte; 4],
            iterations: 4096,
            stored_key: vec![byte; 32],
            server_key: vec![byte; 32],
        };
        BTreeMap::from([(Hash::Sha256, one)])
    }

    #[tokio::test]
    async fn an_account_is_made_once() {
        let accounts = Accounts::new(&Store::memory());
        accounts.create("romeo@localhost", credentials(1), false).await.unwrap();
        assert_eq!(
            accounts.create("romeo@localhost", credentials(2), true).await.unwrap_err(),
            CreateError::Exists
        );
        assert_eq!(accounts.get("romeo@localhost").unwrap().unwrap().credentials, credentials(1));
        assert_eq!(accounts.get("juliet@localhost").unwrap(), None);
    }

    #[tokio::test]
    async fn keys_of_another_hash_are_added_while_the_password_is_the_same() {
        let accounts = Accounts::new(&Store::memory());
        accounts.create("romeo@localhost", credentials(1), false).await.unwrap();
        assert_eq!(accounts.hashes("romeo@localhost").unwrap(), Some(vec![Hash::Sha256]));
        assert_eq!(accounts.hashes("juliet@localhost").unwrap(), None);
        let other = credentials(2).remove(&Hash::Sha256).unwrap();
        let add = |hash, changed| {
            let accounts = accounts.clone();
            let other = other.clone();
            async move { accounts.add_credential("romeo@localhost", (hash, &other), changed).await.unwrap() }
        };
        assert!(add(Hash::Sha512, 0).await && add(Hash::Sha256, 0).await);
        let kept = accounts.get("romeo@localhost").unwrap().unwrap().credentials;
        assert_eq!((&kept[&Hash::Sha512], &kept[&Hash::Sha256]), (&other, &credentials(1)[&Hash::Sha256]));
        assert_eq!(accounts.hashes("romeo@localhost").unwrap(), Some(vec![Hash::Sha256, Hash::Sha512]));
        accounts.set_credentials("romeo@localhost", credentials(3)).await.unwrap();
        assert!(!add(Hash::Sha512, 0).await);
        accounts.remove("romeo@localhost").await.unwrap();
        assert_eq!(accounts.hashes("romeo@localhost").unwrap(), None);
    }

    #[tokio::test]
    async fn a_removed_name_returns_only_when_asked_for() {
        let accounts = Accounts::new(&Store::memory());
        accounts.create("romeo@localhost", credentials(1), false).await.unwrap();
        assert!(accounts.remove("romeo@localhost").await.unwrap());
        assert!(!accounts.remove("romeo@localhost").await.unwrap());
        assert_eq!(accounts.get("romeo@localhost").unwrap(), None);
        assert!(!accounts.set_credentials("romeo@localhost", credentials(3)).await.unwrap());
        assert_eq!(
            accounts.create("romeo@localhost", credentials(2), false).await.unwrap_err(),
            CreateError::Removed
        );
        accounts.create("romeo@localhost", credentials(2), true).await.unwrap();
        assert!(accounts.get("romeo@localhost").unwrap().is_some());
    }

    #[tokio::test]
    async fn accounts_are_listed_in_pages_without_the_removed() {
        let accounts = Accounts::new(&Store::memory());
        for n in 0..10 {
            accounts.create(&format!("user{n}@localhost"), credentials(1), false).await.unwrap();
        }
        accounts.remove("user3@localhost").await.unwrap();
        let names = |rows: Vec<(String, Account)>| rows.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let first = names(accounts.list(None, 4).unwrap());
        assert_eq!(first, ["user0@localhost", "user1@localhost", "user2@localhost", "user4@localhost"]);
        assert_eq!(names(accounts.list(Some("user4@localhost"), 100).unwrap()).len(), 5);
        assert!(accounts.list(Some("user9@localhost"), 100).unwrap().is_empty());
    }

    #[tokio::test]
    async fn keys_are_not_shown_when_an_account_is_printed() {
        let accounts = Accounts::new(&Store::memory());
        accounts.create("romeo@localhost", credentials(77), false).await.unwrap();
        let printed = format!("{:?}", accounts.get("romeo@localhost").unwrap());
        assert!(!printed.contains("77, 77") && printed.contains("4096"), "{printed}");
    }

    #[tokio::test]
    async fn everything_of_a_removed_account_goes_and_nothing_of_others() {
        use crate::archive::{Draft, Flags};
        use crate::{blocked, last, nicks, notices, prefs, private, pubsub, rosters, tokens, vcard};
        let store = Store::memory();
        let (accounts, archive) = (Accounts::new(&store), Archive::new(&store));
        for name in ["romeo@localhost", "juliet@localhost"] {
            accounts.create(name, credentials(1), false).await.unwrap();
            let mut batch = Batch::new();
            let item = rosters::Item { jid: "nurse@localhost".into(), ..rosters::Item::default() };
            rosters::Rosters::new(&store).put(&mut batch, name, &item).unwrap();
            private::put(&mut batch, name, "ns", b"<x/>");
            vcard::put(&mut batch, name, b"<vCard/>");
            prefs::put(&mut batch, name, &prefs::Prefs::default()).unwrap();
            last::put(&mut batch, name, &last::Last::default()).unwrap();
            blocked::put(&mut batch, name, "tybalt@localhost").unwrap();
            notices::hear(&mut batch, name, 1).unwrap();
            nicks::put(&mut batch, "lounge@rooms.localhost", name, "nick").unwrap();
            tokens::issue(&store, (name, "phone"), &tokens::Token::default(), (0, 9)).await.unwrap();
            pubsub::put(&mut batch, name, "node", &pubsub::Node::default()).unwrap();
            pubsub::put_item(&mut batch, (name, "node"), "id", &pubsub::Item::default()).unwrap();
            let draft = Draft { with: "nurse@localhost", flags: Flags::NONE, stanza: b"<message/>" };
            let id = archive.append_offline(&mut batch, name, &draft, 10).unwrap().unwrap();
            archive.mark_delivered(&mut batch, name, id).unwrap();
            store.commit(batch).await.unwrap();
        }
        store.checkpoint().await.unwrap();
        let names = |name: &str| {
            let holds = |table: &tables::Entry| {
                let rows = store.scan_prefix(table.id, b"").unwrap();
                rows.iter().any(|(key, _)| String::from_utf8_lossy(key).contains(name))
            };
            tables::CATALOGUE.iter().filter(|table| holds(table)).map(|table| table.name).collect::<Vec<_>>()
        };
        let whole = names("juliet@localhost");
        assert_eq!(whole.len(), 16, "{whole:?}");
        accounts.remove("romeo@localhost").await.unwrap();
        assert_eq!(names("romeo@localhost"), ["accounts"]);
        assert_eq!(names("juliet@localhost"), whole);
    }
}
