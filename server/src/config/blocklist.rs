//! `[[blocklist]]`: lists of addresses that others keep in a node of a pubsub service (XEP-0060).

use super::{Config, ConfigError};
use rialto_xmpp::Jid;
use serde::{Deserialize, Deserializer, de::Error};

/// `[[blocklist]]`: a node whose items say whom to keep away. Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocklist {
    /// The address of the service.
    #[serde(deserialize_with = "jid")]
    pub service: Jid,
    /// The node.
    #[serde(default = "node")]
    pub node: String,
    /// Whoever is listed enters no room.
    #[serde(default = "yes")]
    pub rooms: bool,
    /// And is put out of those in which he sits.
    #[serde(default = "yes")]
    pub kick: bool,
    /// He does not write to people who do not know him.
    #[serde(default = "yes")]
    pub accounts: bool,
    /// Ids of items are SHA-256 in hexadecimal digits and nothing else; else they may be addresses and domains too.
    #[serde(default = "yes")]
    pub hashed: bool,
    /// Entries at most.
    #[serde(default = "most")]
    pub entries: usize,
}

fn jid<'de, D: Deserializer<'de>>(from: D) -> Result<Jid, D::Error> {
    let text = String::deserialize(from)?;
    Jid::parse(&text).map_err(|why| D::Error::custom(format!("\"{text}\" is no address: {why}")))
}

/// What those who publish lists call theirs.
fn node() -> String {
    "muc_bans_sha256".to_owned()
}

fn yes() -> bool {
    true
}

fn most() -> usize {
    100_000
}

/// What no section can see alone: each list once, and none that could not hold anything.
///
/// # Errors
/// [`ConfigError`]
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    for (place, list) in config.blocklists.iter().enumerate() {
        let name = format!("the list {} of {}", list.node, list.service);
        let is_same = |other: &&Blocklist| other.service == list.service && other.node == list.node;
        if config.blocklists.iter().take(place).any(|other| is_same(&other)) {
            return Err(config.mistake(&["blocklist", "service"], format!("{name} stands there twice")));
        }
        if list.node.is_empty() {
            return Err(config.mistake(&["blocklist", "node"], "`node` is empty: ask whoever keeps the list"));
        }
        if list.entries == 0 || list.entries > 1_000_000 {
            let text = format!("`entries` of {name} must be between 1 and 1000000");
            return Err(config.mistake(&["blocklist", "entries"], text));
        }
    }
    Ok(())
}
