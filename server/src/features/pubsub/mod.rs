//! XEP-0060, as far as accounts (XEP-0163) and the pubsub service need it. Not a feature: what all of them share.
//!
//! An *owner* is an account (by its bare JID) or a service (by its domain). Its nodes are in memory from the first time
//! that somebody asks for them (`home`); what is published goes to the store before anybody hears of it, because the
//! router sends what an [`Ask`](super::Ask) left only when its ticket has settled.
//!
//! What a feature needs:
//!
//! * [`PubSub::publish`] and [`PubSub::retract`] do what a client's request does, for a [`Host`];
//! * [`PubSub::item`] and [`PubSub::items`] read;
//! * [`PubSub::config`] and [`PubSub::configure`] see to a node's configuration;
//! * [`PubSub::watch`] tells a [`Watcher`] of all that happens to nodes of a name, and lets it refuse publications.

mod access;
mod create;
mod event;
mod filter;
mod form;
mod greet;
mod home;
mod host;
mod interest;
mod listing;
mod notify;
mod pending;
mod people;
mod publish;
mod read;
mod refusal;
mod request;
mod spaces;
mod subscribe;
#[cfg(test)]
mod tests;
mod watch;
mod withdraw;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use parking_lot::RwLock;
use rialto_store::pubsub::{Config, Nodes};
use rialto_store::rosters::Rosters;
use rialto_store::{Store, StoreError};
use rialto_xmpp::{BareJid, Condition, StanzaError};

pub use create::options;
pub use filter::Kinds;
pub use form::{config_of, kept_form};
pub use host::{Host, Hosting, Limits};
pub use interest::{Interests, NOTIFY};
pub use pending::NAME as PENDING;
pub use publish::Publication;
pub use read::Entry;
pub use request::Request;
pub use spaces::Spaces;
pub use watch::{Happening, Watcher};

use self::home::Home;
use crate::sessions::Accounts;

/// The way to all nodes. Features that need it share one.
pub struct PubSub {
    store: Store,
    kept: Nodes,
    rosters: Rosters,
    accounts: Arc<Accounts>,
    /// Domains of accounts here.
    domains: Vec<String>,
    limits: Limits,
    homes: RwLock<HashMap<String, Arc<Home>>>,
    watchers: ArcSwap<Vec<(String, Arc<dyn Watcher>)>>,
}

impl PubSub {
    /// The nodes in a store.
    pub fn new(store: &Store, accounts: &Arc<Accounts>, domains: &[String], limits: Limits) -> Arc<PubSub> {
        Arc::new(PubSub {
            store: store.clone(),
            kept: Nodes::new(store),
            rosters: Rosters::new(store),
            accounts: accounts.clone(),
            domains: domains.to_vec(),
            limits,
            homes: RwLock::default(),
            watchers: ArcSwap::default(),
        })
    }

    /// How a node is configured; `None`: there is none of that name.
    ///
    /// # Errors
    /// `internal-server-error` when the store fails.
    pub fn config(&self, owner: &str, node: &str) -> Result<Option<Config>, StanzaError> {
        let home = self.home(owner)?;
        let state = home.state.lock();
        Ok(state.nodes.get(node).map(|node| node.record.config.clone()))
    }

    /// What nobody may exceed.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Forgets an owner that was removed from the store.
    pub fn forget(&self, owner: &BareJid) {
        self.homes.write().remove(owner.as_str());
    }

    /// An owner's nodes, from memory or read now.
    fn home(&self, owner: &str) -> Result<Arc<Home>, StanzaError> {
        if let Some(home) = self.homes.read().get(owner) {
            home.used.store(true, Ordering::Relaxed);
            return Ok(home.clone());
        }
        if self.homes.read().len() >= self.limits.homes {
            self.sweep();
        }
        let home = Home::load(&self.kept, owner).map_err(failed)?;
        Ok(self.homes.write().entry(owner.to_owned()).or_insert_with(|| Arc::new(home)).clone())
    }

    /// Forgets owners that nobody has asked for since the last time. One that was written to stays until that can be
    /// read from the store, and one that somebody holds too. Overflow: more than agreed, until then.
    fn sweep(&self) {
        let all: Vec<_> =
            self.homes.read().iter().map(|(owner, home)| (owner.clone(), home.clone())).collect();
        let is_idle = |home: &Home| {
            let newest = home.state.lock().newest;
            !home.used.swap(false, Ordering::Relaxed) && self.store.outcome(newest).is_some()
        };
        let idle: Vec<_> =
            all.into_iter().filter(|(_, home)| is_idle(home)).map(|(owner, _)| owner).collect();
        let mut homes = self.homes.write();
        for owner in idle {
            // Whoever has asked for it meanwhile has said so, and may have written.
            let still = |home: &Arc<Home>| Arc::strong_count(home) == 1 && !home.used.load(Ordering::Relaxed);
            if homes.get(&owner).is_some_and(still) {
                homes.remove(&owner);
            }
        }
    }
}

/// The store failed; it was logged where it did.
fn failed(error: StoreError) -> StanzaError {
    tracing::error!(%error, "nodes could not be read or written");
    Condition::InternalServerError.into()
}
