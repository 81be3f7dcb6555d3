//! The accounts that are in memory, in shards so that few wait for one another.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::RwLock;
use rialto_xmpp::{BareJid, Jid};

use super::{Account, Session};

const SHARDS: usize = 64;

/// Every account that is in memory. Loading one is the router's affair.
pub struct Accounts {
    shards: Vec<RwLock<HashMap<BareJid, Arc<Account>>>>,
    hasher: RandomState,
}

impl Default for Accounts {
    fn default() -> Accounts {
        Accounts { shards: (0..SHARDS).map(|_| RwLock::default()).collect(), hasher: RandomState::new() }
    }
}

impl Accounts {
    /// The account of this bare JID, if it is in memory.
    pub fn get(&self, bare: &str) -> Option<Arc<Account>> {
        self.shard(bare)?.read().get(bare).cloned()
    }

    /// The session of this full JID, if it is connected (or waits to be resumed).
    pub fn session(&self, jid: &Jid) -> Option<Arc<Session>> {
        self.get(jid.bare_str())?.session(jid.resourcepart()?)
    }

    /// Puts a loaded account in. If another was quicker, that one is returned and this one dropped.
    pub fn insert(&self, account: Account) -> Arc<Account> {
        let account = Arc::new(account);
        let Some(shard) = self.shard(account.jid.as_str()) else { return account };
        shard.write().entry(account.jid.clone()).or_insert(account).clone()
    }

    /// Forgets accounts that have no session and that nobody holds; returns how many.
    pub fn evict(&self) -> usize {
        let mut gone = 0;
        for shard in &self.shards {
            let mut shard = shard.write();
            let before = shard.len();
            shard.retain(|_, account| Arc::strong_count(account) > 1 || !account.sessions().is_empty());
            if shard.len() * 4 < shard.capacity() {
                shard.shrink_to_fit();
            }
            gone += before - shard.len();
        }
        gone
    }

    /// Takes one account out, whoever holds it: it was deleted.
    pub fn remove(&self, bare: &str) -> Option<Arc<Account>> {
        self.shard(bare)?.write().remove(bare)
    }

    /// All sessions of all accounts.
    pub fn all_sessions(&self) -> Vec<Arc<Session>> {
        let accounts =
            self.shards.iter().flat_map(|shard| shard.read().values().cloned().collect::<Vec<_>>());
        accounts.flat_map(|account| account.sessions().iter().cloned().collect::<Vec<_>>()).collect()
    }

    fn shard(&self, bare: &str) -> Option<&RwLock<HashMap<BareJid, Arc<Account>>>> {
        self.shards.get(self.hasher.hash_one(bare) as usize % SHARDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_stays_while_it_has_a_session_or_a_holder() {
        let accounts = Accounts::default();
        let jid = BareJid::parse("romeo@montague.lit").unwrap();
        let romeo = accounts.insert(Account::new(jid.clone()));
        assert_eq!(accounts.evict(), 0);
        let full = jid.with_resource("orchard").unwrap();
        assert!(romeo.add(Arc::new(Session::new(full.clone(), 1))));
        assert!(!romeo.add(Arc::new(Session::new(full.clone(), 1))));
        drop(romeo);
        assert_eq!(accounts.evict(), 0);
        let romeo = accounts.get("romeo@montague.lit").unwrap();
        romeo.remove(&accounts.session(&full).unwrap());
        drop(romeo);
        assert_eq!(accounts.evict(), 1);
    }
}
