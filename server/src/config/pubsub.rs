//! Section `[pubsub]`: nodes of accounts (XEP-0163) and of the service for many (XEP-0060).

use super::value;
use super::{Config, ConfigError, Creators};
use serde::Deserialize;

/// `[pubsub]`. Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pubsub {
    /// Whether there is a service for many.
    pub service: bool,
    /// Where it is. Without the key: `pubsub.` and the first domain.
    #[serde(deserialize_with = "value::domain")]
    pub domain: String,
    /// Who may make nodes there.
    pub create: Creators,
    /// Nodes there at most.
    pub service_nodes: usize,
    /// XEP-0485: whether the server says there, to the world, which domains it serves.
    pub server_information: bool,
    /// Nodes that one account may have, its own and again at the service.
    pub nodes: usize,
    /// Items that one node may keep: what clients call `max`.
    pub items: u32,
    /// The largest payload, in bytes.
    #[serde(deserialize_with = "value::bytes")]
    pub item_bytes: usize,
    /// All payloads of one account, in bytes.
    #[serde(deserialize_with = "value::bytes")]
    pub account_bytes: usize,
}

impl Default for Pubsub {
    fn default() -> Self {
        Pubsub {
            service: true,
            domain: String::new(), // filled in by `Config`, which knows the domains
            create: Creators::Local,
            service_nodes: 10_000,
            server_information: false,
            nodes: 500,
            items: 1_000,
            item_bytes: 192 * 1024,
            account_bytes: 16 * 1024 * 1024,
        }
    }
}

impl Pubsub {
    /// Its domain is its own, and what must be something is something.
    pub(super) fn check(&self, config: &Config) -> Result<(), ConfigError> {
        let domain = self.domain.as_str();
        let bridges = config.bridges.values().map(|bridge| &bridge.domain);
        let taken = config.domains.iter().chain([&config.rooms.domain]).chain(bridges);
        if self.service && taken.into_iter().any(|other| other == domain) {
            let text = format!("`domain` is {domain}, which is taken; the service needs a domain of its own");
            return Err(config.mistake(&["pubsub", "domain"], text));
        }
        if self.items == 0 {
            return Err(config.mistake(&["pubsub", "items"], "a node must be able to keep an item"));
        }
        Ok(())
    }
}
