//! RFC 5802 §9, RFC 4616 §6: whose keys an exchange runs over, real or made up, so that a name tells nothing.

use std::collections::HashMap;
use std::future::ready;
use std::hint::black_box;
use std::sync::LazyLock;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use rialto_store::StoreError;
use rialto_store::accounts::{Account, Accounts, Credential, Hash};
use rialto_xmpp::jid::BareJid;
use subtle::Choice;

use crate::credentials::{SALT_BYTES, ScramHash, ScramKeys};

/// Where the keys of accounts are.
pub trait Keyring: Send + Sync + 'static {
    /// Keys of an account; `None` when there is no such account or no such keys of it.
    ///
    /// # Errors
    /// [`Unreadable`]: the store failed; the client may try again later.
    fn keys<'a>(
        &'a self,
        account: &'a BareJid,
        wanted: Wanted,
    ) -> BoxFuture<'a, Result<Option<Keys>, Unreadable>>;

    /// How it stands with an account; `None` when there is none. Asked only when the password was right.
    ///
    /// # Errors
    /// [`Unreadable`]
    fn standing<'a>(&'a self, account: &'a BareJid) -> BoxFuture<'a, Result<Option<Standing>, Unreadable>>;

    /// Hashes that an account has keys for; `None` when there is no such account.
    ///
    /// # Errors
    /// [`Unreadable`]
    fn hashes<'a>(
        &'a self,
        account: &'a BareJid,
    ) -> BoxFuture<'a, Result<Option<Vec<ScramHash>>, Unreadable>>;

    /// Adds keys under a hash that the account has none for (XEP-0480), durable when this returns. `false`: there is no
    /// such account, or its password is another than at `changed`.
    ///
    /// # Errors
    /// [`Unreadable`]
    fn add<'a>(
        &'a self,
        account: &'a BareJid,
        hash: ScramHash,
        keys: ScramKeys,
        changed: u64,
    ) -> BoxFuture<'a, Result<bool, Unreadable>>;
}

/// Which keys of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Under this hash.
    Of(ScramHash),
    /// Under whatever hash there is, for PLAIN: SHA-256 if possible.
    Any,
}

/// Keys of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Their hash.
    pub hash: ScramHash,
    /// The keys.
    pub keys: ScramKeys,
    /// When the password was changed last (see [`Account::changed`]).
    pub changed: u64,
}

/// How it stands with an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Somebody has shut it out.
    pub disabled: bool,
    /// When its password was changed last (see [`Account::changed`]).
    pub changed: u64,
}

impl Wanted {
    /// Hashes in the order in which they will do. Strangers are treated as if they had the first.
    pub fn hashes(self) -> impl Iterator<Item = ScramHash> {
        let any = [ScramHash::Sha256, ScramHash::Sha512, ScramHash::Sha1];
        let (one, any) = match self {
            Wanted::Of(hash) => (Some(hash), None),
            Wanted::Any => (None, Some(any)),
        };
        one.into_iter().chain(any.into_iter().flatten())
    }
}

impl Keyring for Accounts {
    fn keys<'a>(
        &'a self,
        account: &'a BareJid,
        wanted: Wanted,
    ) -> BoxFuture<'a, Result<Option<Keys>, Unreadable>> {
        let kept = self.get(account.as_str()).map_err(unreadable);
        if matches!(kept, Ok(None)) {
            read_for_nothing();
        }
        let keys = kept.map(|found| {
            let mut found = found?;
            let mut keys = |hash| Some((hash, found.credentials.remove(&kept_as(hash))?));
            let (hash, kept) = wanted.hashes().find_map(&mut keys)?;
            Some(Keys { hash, keys: keys_of(kept), changed: found.changed })
        });
        Box::pin(ready(keys))
    }

    fn standing<'a>(&'a self, account: &'a BareJid) -> BoxFuture<'a, Result<Option<Standing>, Unreadable>> {
        let kept = self.get(account.as_str()).map_err(unreadable);
        let standing = |found: Account| Standing { disabled: found.disabled, changed: found.changed };
        Box::pin(ready(kept.map(|found| found.map(standing))))
    }

    fn hashes<'a>(
        &'a self,
        account: &'a BareJid,
    ) -> BoxFuture<'a, Result<Option<Vec<ScramHash>>, Unreadable>> {
        let held = Accounts::hashes(self, account.as_str()).map_err(unreadable);
        let hashes = |held: Vec<Hash>| {
            ScramHash::ALL.into_iter().filter(|hash| held.contains(&kept_as(*hash))).collect()
        };
        Box::pin(ready(held.map(|held| held.map(hashes))))
    }

    fn add<'a>(
        &'a self,
        account: &'a BareJid,
        hash: ScramHash,
        keys: ScramKeys,
        changed: u64,
    ) -> BoxFuture<'a, Result<bool, Unreadable>> {
        let ScramKeys { salt, iterations, stored_key, server_key } = keys;
        let credential = Credential { salt, iterations, stored_key, server_key };
        Box::pin(async move {
            let added = self.add_credential(account.as_str(), (kept_as(hash), &credential), changed).await;
            added.map_err(unreadable)
        })
    }
}

/// RFC 5802 §9: a name that nobody has costs the reading of a record as well, so that the time tells nothing.
fn read_for_nothing() {
    static RECORD: LazyLock<String> = LazyLock::new(|| {
        let credential = |hash: ScramHash| Credential {
            salt: vec![0xa5; SALT_BYTES],
            iterations: hash.default_iterations(),
            stored_key: vec![0xa5; hash.size()],
            server_key: vec![0xa5; hash.size()],
        };
        let credentials = ScramHash::ALL.map(|hash| (kept_as(hash), credential(hash))).into();
        let account = Account { created: 1_700_000_000, credentials, ..Account::default() };
        serde_json::to_string(&account).unwrap_or_default()
    });
    let read = serde_json::from_str::<Account>(&RECORD).ok();
    black_box(read.and_then(|mut read| read.credentials.remove(&Hash::Sha256)));
}

fn kept_as(hash: ScramHash) -> Hash {
    match hash {
        ScramHash::Sha1 => Hash::Sha1,
        ScramHash::Sha256 => Hash::Sha256,
        ScramHash::Sha512 => Hash::Sha512,
    }
}

fn keys_of(kept: Credential) -> ScramKeys {
    let Credential { salt, iterations, stored_key, server_key } = kept;
    ScramKeys { salt, iterations, stored_key, server_key }
}

fn unreadable(error: StoreError) -> Unreadable {
    tracing::error!(%error, "credentials could not be read");
    Unreadable
}

/// The keys could not be read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// Keys in memory, for tests and for a house without a store.
#[derive(Default)]
pub struct InMemory(Mutex<HashMap<String, Vec<(ScramHash, ScramKeys)>>>);

/// Keys, and whether they belong to anybody.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Their hash.
    pub hash: ScramHash,
    /// The keys.
    pub keys: ScramKeys,
    /// When the password was changed last.
    pub changed: u64,
    real: bool,
}

impl Secret {
    /// Keys of an account.
    pub fn real(found: Keys) -> Secret {
        let Keys { hash, keys, changed } = found;
        Secret { hash, keys, changed, real: true }
    }

    /// Keys that no proof opens.
    pub fn made_up(hash: ScramHash, keys: ScramKeys) -> Secret {
        Secret { hash, keys, changed: 0, real: false }
    }

    /// Whether a right proof is worth anything.
    pub fn is_real(&self) -> Choice {
        Choice::from(u8::from(self.real))
    }
}

/// The same made-up keys for the same name every time, also after a restart: `seed` is the house's own and kept.
pub fn made_up(seed: &[u8; 32], name: &str, hash: ScramHash) -> Secret {
    let derive = |what: &[u8]| {
        ScramHash::Sha512.hmac(seed, &[what, b"\0", hash.as_str().as_bytes(), b"\0", name.as_bytes()])
    };
    let cut = |bytes: Vec<u8>, length: usize| bytes.into_iter().take(length).collect::<Vec<u8>>();
    let keys = ScramKeys {
        salt: cut(derive(b"salt"), SALT_BYTES),
        iterations: hash.default_iterations(),
        stored_key: cut(derive(b"stored"), hash.size()),
        server_key: cut(derive(b"server"), hash.size()),
    };
    Secret::made_up(hash, keys)
}

impl InMemory {
    /// Adds or replaces an account's keys.
    pub fn insert(&self, account: &BareJid, keys: Vec<(ScramHash, ScramKeys)>) {
        self.0.lock().insert(account.as_str().to_owned(), keys);
    }
}

impl Keyring for InMemory {
    fn keys<'a>(
        &'a self,
        account: &'a BareJid,
        wanted: Wanted,
    ) -> BoxFuture<'a, Result<Option<Keys>, Unreadable>> {
        let accounts = self.0.lock();
        let kept = accounts.get(account.as_str()).map(Vec::as_slice).unwrap_or_default();
        let found = wanted.hashes().find_map(|hash| kept.iter().find(|(of, _)| *of == hash).cloned());
        Box::pin(ready(Ok(found.map(|(hash, keys)| Keys { hash, keys, changed: 0 }))))
    }

    fn standing<'a>(&'a self, account: &'a BareJid) -> BoxFuture<'a, Result<Option<Standing>, Unreadable>> {
        let there = self.0.lock().contains_key(account.as_str());
        Box::pin(ready(Ok(there.then(Standing::default))))
    }

    fn hashes<'a>(
        &'a self,
        account: &'a BareJid,
    ) -> BoxFuture<'a, Result<Option<Vec<ScramHash>>, Unreadable>> {
        let accounts = self.0.lock();
        let hashes = accounts.get(account.as_str()).map(|keys| keys.iter().map(|(hash, _)| *hash).collect());
        Box::pin(ready(Ok(hashes)))
    }

    fn add<'a>(
        &'a self,
        account: &'a BareJid,
        hash: ScramHash,
        keys: ScramKeys,
        _changed: u64,
    ) -> BoxFuture<'a, Result<bool, Unreadable>> {
        let mut accounts = self.0.lock();
        let there = accounts.get_mut(account.as_str()).map(|kept| kept.push((hash, keys)));
        Box::pin(ready(Ok(there.is_some())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_keys_look_like_real_ones_and_stay_the_same() {
        for hash in ScramHash::ALL {
            let real = ScramKeys::derive(hash, "x", vec![0; SALT_BYTES], hash.default_iterations());
            let (one, again) = (made_up(&[1; 32], "nobody", hash), made_up(&[1; 32], "nobody", hash));
            assert_eq!(one.keys, again.keys);
            assert_eq!(
                (one.keys.salt.len(), one.keys.stored_key.len(), one.keys.iterations),
                (real.salt.len(), real.stored_key.len(), real.iterations)
            );
            assert_ne!(one.keys.salt, made_up(&[1; 32], "nobody2", hash).keys.salt);
            assert_ne!(one.keys.salt, made_up(&[2; 32], "nobody", hash).keys.salt);
        }
    }
}
