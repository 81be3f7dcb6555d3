//! Sections `[[link]]`: rooms of ours that are one with rooms on other networks, and what holds for each of them.

use super::filter::{self, Ignore, Rewrite, Shown, Template};
use super::value;
use rialto_xmpp::jid::BareJid;
use serde::de::{Deserializer, Error};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// `[[link]]`: a room of ours and the far rooms it is one with. A reload takes what has changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The room's address.
    #[serde(deserialize_with = "room")]
    pub room: BareJid,
    /// The far rooms, `<bridge>:<room there>`.
    pub to: Vec<To>,
}

/// One of the far rooms, with what holds for the link to it: `"libera:#lounge"`, or a table with that under `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct To {
    /// The far room.
    pub far: FarRoom,
    /// What holds for the link.
    pub options: LinkOptions,
}

/// What holds for one link. Kept with a link that was made at run time, so every key has a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkOptions {
    /// Which way words go.
    pub way: Way,
    /// Messages that wait for a far room that cannot be reached; more go back to their authors.
    pub backlog: usize,
    /// How long one of them waits at most.
    #[serde(deserialize_with = "value::duration", serialize_with = "seconds")]
    pub backlog_age: Duration,
    /// What becomes of a far room that not everybody there may read, in a room of ours with more readers.
    pub hidden: Hidden,
    /// What moderators here decide about people there is done there, too.
    pub moderate: bool,
    /// Who of the far room is an occupant of ours.
    pub occupants: Shown,
    /// What comes from there is archived, and shown to those who enter later.
    pub archive: bool,
    /// How people from here are called there, where they have no connections of their own.
    pub nick: Template,
    /// Who and what does not pass.
    pub ignore: Ignore,
    /// What is written otherwise.
    #[serde(deserialize_with = "filter::rules")]
    pub rewrite: Vec<Rewrite>,
}

impl Default for LinkOptions {
    fn default() -> Self {
        LinkOptions {
            way: Way::Both,
            backlog: 1_000,
            backlog_age: Duration::from_secs(24 * 3600),
            hidden: Hidden::Refuse,
            moderate: false,
            occupants: Shown::All,
            archive: true,
            nick: Template::default(),
            ignore: Ignore::default(),
            rewrite: Vec::new(),
        }
    }
}

impl LinkOptions {
    /// Options as `key = value`, each as the configuration writes it; a word alone needs no quotes.
    ///
    /// # Errors
    /// A sentence that says which is wrong.
    pub fn set(&self, pairs: &[String]) -> Result<LinkOptions, String> {
        let mut table = toml::Table::try_from(self).map_err(|why| why.to_string())?;
        for pair in pairs {
            let (key, value) = pair.split_once('=').ok_or_else(|| format!("\"{pair}\" is no KEY=VALUE"))?;
            let (key, value) = (key.trim(), value.trim());
            let read = toml::from_str::<toml::Table>(&format!("value = {value}"));
            let value = read.ok().and_then(|mut read| read.remove("value"));
            let plain = || toml::Value::from(pair.split_once('=').map_or("", |(_, value)| value.trim()));
            table.insert(key.to_owned(), value.unwrap_or_else(plain));
        }
        LinkOptions::deserialize(table).map_err(|why| why.message().to_owned())
    }

    /// Those that differ from the defaults, as the configuration writes them; empty where none does.
    pub fn words(&self) -> String {
        let table = |options| toml::Table::try_from(options).unwrap_or_default();
        let (own, plain) = (table(self), table(&LinkOptions::default()));
        let differs = own.iter().filter(|(key, value)| plain.get(*key) != Some(*value));
        differs.map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
    }
}

/// Which way words go over a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// From there to us alone.
    In,
    /// From us to there alone.
    Out,
    /// Both.
    #[default]
    Both,
}

/// What becomes of a hidden far room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hidden {
    /// Nothing flows while our room has more readers.
    #[default]
    Refuse,
    /// The operator has thought about it.
    Allow,
}

impl From<FarRoom> for To {
    fn from(far: FarRoom) -> To {
        To { far, options: LinkOptions::default() }
    }
}

impl FromStr for To {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(FarRoom::into)
    }
}

impl<'de> Deserialize<'de> for To {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut table = match toml::Value::deserialize(from)? {
            toml::Value::String(text) => return text.parse().map_err(D::Error::custom),
            toml::Value::Table(table) => table,
            _ => return Err(D::Error::custom("a far room is a text like \"libera:#lounge\", or a table")),
        };
        let far = match table.remove("to") {
            Some(toml::Value::String(text)) => text.parse().map_err(D::Error::custom)?,
            _ => return Err(D::Error::custom("`to` is missing: which far room, as in \"libera:#lounge\"?")),
        };
        let options = LinkOptions::deserialize(table).map_err(|why| D::Error::custom(why.message()))?;
        Ok(To { far, options })
    }
}

/// A duration as the configuration writes it.
fn seconds<S: Serializer>(duration: &Duration, into: S) -> Result<S::Ok, S::Error> {
    into.serialize_str(&format!("{}s", duration.as_secs()))
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

    #[test]
    fn a_link_is_a_text_or_a_table_with_what_holds_for_it() {
        let link = |text: &str| toml::from_str::<Link>(&format!("room = 'lounge@rooms.lit'\nto = [{text}]"));
        let both = link(
            "'libera:#lounge', { to = 'guild:general', way = 'in', backlog = 5, backlog_age = '1h', hidden = 'allow' }",
        );
        let [plain, table] = &both.unwrap().to[..] else { panic!() };
        assert_eq!(plain.options, LinkOptions::default());
        let options = &table.options;
        assert_eq!((options.way, options.backlog, options.hidden), (Way::In, 5, Hidden::Allow));
        assert_eq!(options.backlog_age, Duration::from_secs(3600));
        for (text, says) in [
            ("{ way = 'in' }", "`to` is missing"),
            ("{ to = 'libera:#a', wya = 'in' }", "wya"),
            ("{ to = 'libera:#a', way = 'up' }", "up"),
            ("5", "a far room is a text"),
            ("{ to = 'libera:#a', ignore = { words = ['(a'] } }", "\"(a\" is no pattern: unclosed group"),
            ("{ to = 'libera:#a', rewrite = [{ find = 'a', with = 'b', in = 'topics' }] }", "topics"),
            ("{ to = 'libera:#a', nick = 'x' }", "must hold {nick}"),
        ] {
            let error = link(text).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn options_are_set_one_by_one_and_those_that_differ_are_shown() {
        let set = |pairs: &[&str]| {
            let pairs: Vec<String> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
            LinkOptions::default().set(&pairs)
        };
        let options =
            set(&["way=in", "archive = false", "ignore = { nicks = ['bot'] }", "nick={nick} [far]"]).unwrap();
        assert_eq!((options.way, options.archive), (Way::In, false));
        let words = options.words();
        for part in ["way = \"in\"", "archive = false", "bot", "nick = \"{nick} [far]\""] {
            assert!(words.contains(part), "{part} in {words}");
        }
        assert_eq!(LinkOptions::default().words(), "");
        for (pair, says) in
            [("way", "KEY=VALUE"), ("wya=in", "wya"), ("ignore={ words = ['('] }", "no pattern")]
        {
            assert!(set(&[pair]).unwrap_err().contains(says), "{pair}");
        }
    }

    #[test]
    fn what_holds_for_a_link_is_kept_and_older_rows_have_the_defaults() {
        let options = LinkOptions { way: Way::Out, backlog: 7, ..LinkOptions::default() };
        let kept = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<LinkOptions>(&kept).unwrap(), options);
        assert_eq!(serde_json::from_str::<LinkOptions>("{}").unwrap(), LinkOptions::default());
    }
}
