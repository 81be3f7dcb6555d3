//! Sections about rooms and the networks they are linked to: `[rooms]`, `[bridge.<name>]`.

use super::files::Files;
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

/// `[bridge.<name>]`: a connection to another network. A reload opens, closes and changes them one by one.
#[derive(Clone, Debug, PartialEq)]
pub struct Bridge {
    /// Which network; `rialto_bridges::KINDS` lists them.
    pub kind: String,
    /// The domain where its rooms and people live. Without the key: the kind, a dot, and the first domain.
    pub domain: String,
    /// Far rooms to which owners of rooms here may link theirs, by themselves; `*` is anything. Without the key: none.
    pub owners: Vec<String>,
    /// What holds for files from there, and for pictures that are shown there.
    pub files: Files,
    /// All other keys: the network's own, checked by it.
    pub settings: toml::Table,
}

impl Bridge {
    /// Whether owners of rooms here may link them to this far room.
    pub fn lets_owners_link(&self, far: &str) -> bool {
        self.owners.iter().any(|pattern| is_like(far, pattern))
    }
}

/// Whether a name is like a pattern, in which `*` is anything. Upper and lower case are one.
fn is_like(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.to_lowercase(), pattern.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
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
        let owners = match settings.remove("owners") {
            None => Vec::new(),
            Some(list) => Vec::<String>::deserialize(list).map_err(|_| {
                D::Error::custom("`owners` must be a list of rooms there, as in [\"#example-*\"]")
            })?,
        };
        let files = settings.remove("files").map(Files::deserialize).transpose();
        let files = files.map_err(|why| D::Error::custom(format!("`files`: {}", why.message())))?;
        Ok(Bridge { kind, domain, owners, files: files.unwrap_or_default(), settings })
    }
}

/// All `[bridge.<name>]`, by name.
pub type Bridges = BTreeMap<String, Bridge>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_may_link_what_is_like_a_pattern_and_nothing_by_default() {
        let bridge = |owners: &str| toml::from_str::<Bridge>(&format!("kind = 'x'\n{owners}")).unwrap();
        assert!(!bridge("").lets_owners_link("#a"));
        let some = bridge("owners = ['#Our-*', '#lounge', '#a*b*c']");
        for far in ["#our-", "#our-Garden", "#LOUNGE", "#abc", "#a-b-b-c"] {
            assert!(some.lets_owners_link(far), "{far}");
        }
        for far in ["#our", "#lounges", "#x#lounge", "#ac", "#abcd", ""] {
            assert!(!some.lets_owners_link(far), "{far}");
        }
        assert!(toml::from_str::<Bridge>("kind = 'x'\nowners = true").is_err());
    }
}
