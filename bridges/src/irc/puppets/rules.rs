//! How people get connections of their own: `puppets = true`, or a table with what differs from the defaults.

use crate::keys::{refuse_unknown, seconds};
use crate::network::SettingsError;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The keys of the table.
const KEYS: &[&str] = &[
    "most",
    "idle",
    "wait",
    "pause",
    "nick",
    "realname",
    "webirc_password_file",
    "webirc_gateway",
    "webirc_host",
    "identd",
];

/// How people get connections of their own. Times are in seconds.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Connections of people at one time. Networks limit how many come from one address: ask the network's staff first.
    #[serde(default = "most")]
    pub most: usize,
    /// Who has said nothing for so long loses the connection, not the room: the next words bring it back.
    #[serde(default = "idle", deserialize_with = "seconds")]
    pub idle: Duration,
    /// How long words wait for their author's connection before they come back as an error.
    #[serde(default = "wait", deserialize_with = "seconds")]
    pub wait: Duration,
    /// The time between two connections that begin, after the first few.
    #[serde(default = "pause", deserialize_with = "seconds")]
    pub pause: Duration,
    /// What people are called there: `{nick}` is the nick in the room, as far as IRC can have it.
    #[serde(default = "nick")]
    pub nick: String,
    /// What WHOIS shows. Say here whose bridge this is and whom to ask about it.
    #[serde(default = "realname")]
    pub realname: String,
    /// A file with the password of WEBIRC, where the network has given us one.
    pub webirc_password_file: Option<PathBuf>,
    /// What we are called in WEBIRC.
    #[serde(default = "gateway")]
    pub webirc_gateway: String,
    /// The end of the host names that people get by WEBIRC; without, they have their address alone.
    pub webirc_host: Option<String>,
    /// Where an ident server (RFC 1413) answers for these connections, as in "0.0.0.0:113".
    pub identd: Option<SocketAddr>,
    /// The password in that file.
    #[serde(skip)]
    pub webirc: Option<String>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("most", &self.most).field("idle", &self.idle).finish_non_exhaustive()
    }
}

impl Rules {
    /// Refuses what cannot be, and reads the password.
    pub fn complete(&mut self, folder: &Path) -> Result<(), SettingsError> {
        let wrong = |key: &str, text: &str| Err(SettingsError::new(&format!("puppets.{key}"), text));
        if self.most == 0 {
            return wrong("most", "must be at least 1; for none at all, write puppets = false");
        }
        if self.idle.is_zero() || self.wait.is_zero() {
            return wrong("idle", "idle and wait must be more than 0");
        }
        if self.nick.matches("{nick}").count() != 1 {
            return wrong("nick", "must hold {nick} once, as in \"{nick}[m]\"");
        }
        let around = self.nick.replace("{nick}", "n");
        if !super::super::names::is_nick(&around) || around.len() > 9 {
            return wrong(
                "nick",
                "what stands beside {nick} must be up to 8 characters that a nick can have",
            );
        }
        let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && c != ':');
        if !word(&self.webirc_gateway) {
            return wrong("webirc_gateway", "must be one word of ASCII");
        }
        let host = |host: &String| word(host) && !host.starts_with('.') && host.len() < 40;
        if self.webirc_host.as_ref().is_some_and(|name| !host(name)) {
            return wrong("webirc_host", "must be a host name, as in \"people.example.org\"");
        }
        if let Some(file) = &self.webirc_password_file {
            let password =
                super::super::settings::from_file(&folder.join(file), "puppets.webirc_password_file")?;
            if password.contains(' ') || password.starts_with(':') {
                return wrong("webirc_password_file", "the password there must be one word");
            }
            self.webirc = Some(password);
        }
        Ok(())
    }
}

/// `true`, `false`, or a table.
pub fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Rules>, D::Error> {
    use serde::de::Error as _;
    match toml::Value::deserialize(from)? {
        toml::Value::Boolean(false) => Ok(None),
        toml::Value::Boolean(true) => {
            toml::Table::new().try_into().map(Some).map_err(|error| D::Error::custom(error.to_string()))
        }
        toml::Value::Table(table) => {
            refuse_unknown(&table, KEYS, "puppets").map_err(D::Error::custom)?;
            table.try_into().map(Some).map_err(|error: toml::de::Error| D::Error::custom(error.message()))
        }
        _ => Err(D::Error::custom("puppets is true, false, or a table such as { most = 30 }")),
    }
}

fn most() -> usize {
    30
}
fn idle() -> Duration {
    Duration::from_secs(2 * 86_400)
}
fn wait() -> Duration {
    Duration::from_secs(45)
}
fn pause() -> Duration {
    Duration::from_secs(2)
}
fn nick() -> String {
    "{nick}".into()
}
fn realname() -> String {
    "A person behind a bridge run by Rialto".into()
}
fn gateway() -> String {
    "rialto".into()
}

#[cfg(test)]
mod tests {
    use crate::irc::settings::tests::settings;

    #[test]
    fn puppets_are_off_or_on_or_described() {
        let rules = |toml: &str| settings(&format!("server = 'x'\n{toml}")).unwrap().puppets;
        assert!(rules("").is_none() && rules("puppets = false").is_none());
        assert_eq!(rules("puppets = true").unwrap().most, 30);
        let some = rules("puppets = { most = 2, nick = '{nick}[m]', idle = 60 }").unwrap();
        assert_eq!((some.most, some.idle.as_secs()), (2, 60));
    }

    #[test]
    fn mistakes_are_named() {
        let error = |toml: &str| settings(&format!("server = 'x'\n{toml}")).unwrap_err().to_string();
        assert!(error("puppets = 3").contains("true, false, or a table"));
        assert!(error("puppets = { mots = 3 }").contains("did you mean `most`"));
        assert!(error("puppets = { most = 0 }").contains("puppets.most"));
        assert!(error("puppets = { nick = 'x' }").contains("{nick} once"));
        assert!(error("puppets = { nick = '{nick} x' }").contains("puppets.nick"));
        assert!(error("puppets = { webirc_gateway = 'a b' }").contains("webirc_gateway"));
        assert!(error("puppets = { webirc_password_file = '/nowhere/x' }").contains("webirc_password_file"));
    }
}
