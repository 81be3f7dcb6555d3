//! RFC 5802 §9, RFC 4616 §6: whose keys an exchange runs over, real or made up, so that a name tells nothing.

use std::collections::HashMap;
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
    /// Keys of an account under a hash; `None` when there is no such account or no such hash for it.
    ///
    /// # Errors
    /// [`Unreadable`]: the store failed; the client may try again later.
    fn keys<'a>(
        &'a self,
        account: &'a BareJid,
        hash: ScramHash,
    ) -> BoxFuture<'a, Result<Option<ScramKeys>, Unreadable>>;

    /// Whether somebody has shut this account out. Asked only when the password was right.
    ///
    /// # Errors
    /// [`Unreadable`]
    fn is_disabled<'a>(&'a self, _account: &'a BareJid) -> BoxFuture<'a, Result<bool, Unreadable>> {
        Box::pin(std::future::ready(Ok(false)))
    }
}

impl Keyring for Accounts {
    fn keys<'a>(
        &'a self,
        account: &'a BareJid,
        hash: ScramHash,
    ) -> BoxFuture<'a, Result<Option<ScramKeys>, Unreadable>> {
        let kept = self.get(account.as_str()).map_err(unreadable);
        if matches!(kept, Ok(None)) {
            read_for_nothing();
        }
        let keys = kept.map(|found| found.and_then(|mut found| found.credentials.remove(&kept_as(hash))));
        Box::pin(std::future::ready(keys.map(|keys| keys.map(keys_of))))
    }

    fn is_disabled<'a>(&'a self, account: &'a BareJid) -> BoxFuture<'a, Result<bool, Unreadable>> {
        let kept = self.get(account.as_str()).map_err(unreadable);
        Box::pin(std::future::ready(kept.map(|found| found.is_none_or(|found| found.disabled))))
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
        let account = Account { created: 1_700_000_000, credentials, disabled: false, removed: None };
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
    /// The keys.
    pub keys: ScramKeys,
    real: bool,
}

impl Secret {
    /// Keys of an account.
    pub fn real(keys: ScramKeys) -> Secret {
        Secret { keys, real: true }
    }

    /// Keys that no proof opens.
    pub fn made_up(keys: ScramKeys) -> Secret {
        Secret { keys, real: false }
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
    Secret::made_up(ScramKeys {
        salt: cut(derive(b"salt"), SALT_BYTES),
        iterations: hash.default_iterations(),
        stored_key: cut(derive(b"stored"), hash.size()),
        server_key: cut(derive(b"server"), hash.size()),
    })
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
        hash: ScramHash,
    ) -> BoxFuture<'a, Result<Option<ScramKeys>, Unreadable>> {
        let accounts = self.0.lock();
        let keys = accounts.get(account.as_str());
        let keys =
            keys.and_then(|keys| keys.iter().find(|(of, _)| *of == hash)).map(|(_, keys)| keys.clone());
        Box::pin(std::future::ready(Ok(keys)))
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
