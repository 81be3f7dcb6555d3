//! Sections about rooms and the networks they are linked to: `[rooms]`, `[bridge.<name>]`.

use super::value;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::collections::BTreeMap;

/// `[rooms]`: group chats (XEP-0045). Needs a restart; most of it is for new rooms.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rooms {
    /// Where they live. Without the key: `rooms.` and the first domain.
    #[serde(deserialize_with = "value::domain")]
    pub domain: String,
    /// Who may create one.
    pub create: Creators,
    /// A new room stays when the last occupant has left.
    pub persistent: bool,
    /// A new room is found by whoever lists the rooms.
    pub public: bool,
    /// A new room keeps an archive.
    pub archive: bool,
    /// Messages shown to those who enter and ask for no number.
    pub history: usize,
    /// Occupants of one room at most.
    pub max_occupants: usize,
}

impl Default for Rooms {
    fn default() -> Self {
        Rooms {
            domain: String::new(), // filled in by `Config`, which knows the domains
            create: Creators::Local,
            persistent: true,
            public: true,
            archive: true,
            history: 20,
            max_occupants: 5_000,
        }
    }
}

/// Who may create a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Creators {
    /// Whoever reaches this server.
    Everyone,
    /// Accounts of this server.
    Local,
    /// Those listed under `admins`.
    Admins,
}

/// `[bridge.<name>]`: a connection to another network. Needs a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct Bridge {
    /// Which network; `rialto_bridges::KINDS` lists them.
    pub kind: String,
    /// The domain where its rooms and people live. Without the key: the kind, a dot, and the first domain.
    pub domain: String,
    /// All other keys: the network's own, checked by it.
    pub settings: toml::Table,
}

impl<'de> Deserialize<'de> for Bridge {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut settings = toml::Table::deserialize(from)?;
        let mut word = |key: &str| match settings.remove(key) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(D::Error::custom(format!("`{key}` must be a text in quotes"))),
        };
        let kind =
            word("kind")?.ok_or_else(|| D::Error::custom("`kind` is missing: which network is it?"))?;
        let domain = word("domain")?.map(|text| value::parse_domain(&text)).transpose();
        let domain = domain.map_err(|why| D::Error::custom(format!("`domain`: {why}")))?.unwrap_or_default();
        Ok(Bridge { kind, domain, settings })
    }
}

/// All `[bridge.<name>]`, by name.
pub type Bridges = BTreeMap<String, Bridge>;
