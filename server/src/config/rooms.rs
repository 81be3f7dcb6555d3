//! Sections about rooms and what they are linked to: `[rooms]`, `[bridge.<name>]`, `[[link]]`.

use super::value;
use rialto_xmpp::jid::BareJid;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

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

/// `[[link]]`: a room of ours and the far rooms it is one with. Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The room's address.
    #[serde(deserialize_with = "room")]
    pub room: BareJid,
    /// The far rooms, `<bridge>:<room there>`.
    pub to: Vec<FarRoom>,
}

/// A room on another network as an operator writes it: `libera:#lounge`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct FarRoom {
    /// The name of a `[bridge.<name>]`.
    pub bridge: String,
    /// What the network calls the room.
    pub room: String,
}

impl FromStr for FarRoom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((bridge, room)) if !bridge.is_empty() && !room.is_empty() => {
                Ok(FarRoom { bridge: bridge.to_owned(), room: room.to_owned() })
            }
            _ => Err(format!(
                "\"{text}\" names no far room; write the bridge, a colon and the room, as in \"libera:#lounge\""
            )),
        }
    }
}

impl fmt::Display for FarRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.bridge, self.room)
    }
}

impl From<FarRoom> for String {
    fn from(far: FarRoom) -> String {
        far.to_string()
    }
}

impl<'de> Deserialize<'de> for FarRoom {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

fn room<'de, D: Deserializer<'de>>(from: D) -> Result<BareJid, D::Error> {
    let text = String::deserialize(from)?;
    match BareJid::parse(&text) {
        Ok(jid) if jid.as_jid().localpart().is_some() => Ok(jid),
        Ok(_) => Err(D::Error::custom(format!("\"{text}\" names no room; write one like \"lounge@{text}\""))),
        Err(why) => Err(D::Error::custom(format!("\"{text}\" is no address of a room: {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_room_may_hold_colons_and_must_have_both_parts() {
        let far: FarRoom = "libera:#a:b".parse().unwrap();
        assert_eq!((far.bridge.as_str(), far.room.as_str()), ("libera", "#a:b"));
        assert_eq!(far.to_string(), "libera:#a:b");
        for text in ["#lounge", ":#lounge", "libera:", ""] {
            assert!(text.parse::<FarRoom>().is_err(), "{text}");
        }
    }
}
