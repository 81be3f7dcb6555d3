//! The settings of one Discord guild: `[bridge.<name>]` with `kind = "discord"`.

use super::snowflake::Id;
use crate::keys::{refuse_unknown, seconds};
use crate::network::{Opening, SettingsError};
use serde::Deserialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The settings of one Discord guild. Times are in seconds, whole or with a fraction.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A file with the bot's token. This or `token_env` must be said.
    pub token_file: Option<PathBuf>,
    /// An environment variable with the bot's token.
    pub token_env: Option<String>,
    /// The guild ("server"): its name or its id. May be left out where the bot is in only one.
    pub guild: Option<String>,
    /// Another server that speaks Discord's protocol: `https://chat.example.org`, with or without `/api/v10`.
    pub api_url: Option<String>,
    /// A PEM file with the authorities of a private network. Without, those that browsers trust.
    pub ca_file: Option<PathBuf>,
    /// Where files lie beside Discord's own hosts: `https://cdn.example.org`. With `api_url`, its host is allowed too.
    pub cdn_url: Option<String>,
    /// Where the pictures of those lie whose picture is told without a host.
    pub avatar_base: Option<String>,
    /// Files that begin with one of these addresses are uploaded to Discord; of others only the address is shown.
    #[serde(default)]
    pub upload_from: Vec<String>,
    /// The largest file that is uploaded, in bytes.
    #[serde(default = "upload_limit")]
    pub upload_limit: u64,
    /// The largest part of one message that an embed, a poll or a wall of text may become.
    #[serde(default = "parts")]
    pub parts: usize,
    /// Speak by webhooks, under everybody's own name and picture. Without, the bot says `**nick**: words`.
    #[serde(default = "yes")]
    pub webhooks: bool,
    /// Moderators here may put people out there and ban them.
    #[serde(default)]
    pub moderate: bool,
    /// Moderators here may delete what people there said.
    #[serde(default)]
    pub delete: bool,
    /// Show the topic of the room there, and theirs here.
    #[serde(default = "yes")]
    pub topic: bool,
    /// Show who is writing, both ways.
    #[serde(default = "yes")]
    pub typing: bool,
    /// Show what is said in threads and in forums' posts.
    #[serde(default = "yes")]
    pub threads: bool,
    /// Show who is away. Needs the switch "Presence Intent", and is much traffic in a large guild.
    #[serde(default)]
    pub presence: bool,
    /// Show all who may read the channel. Without, only those who speak; the switch "Server Members Intent" is not needed.
    #[serde(default = "yes")]
    pub members: bool,
    /// Sends that may wait for one channel. More are given back at once.
    #[serde(default = "queue")]
    pub queue: usize,
    /// How long Discord may ask us to wait before a send is given back as slow.
    #[serde(default = "patience", deserialize_with = "seconds")]
    pub patience: Duration,
    /// How long one request may take.
    #[serde(default = "request_timeout", deserialize_with = "seconds")]
    pub request_timeout: Duration,
    /// The shortest wait before connecting again. It doubles with each failure, and chance is mixed in.
    #[serde(default = "backoff_min", deserialize_with = "seconds")]
    pub backoff_min: Duration,
    /// The longest wait before connecting again.
    #[serde(default = "backoff_max", deserialize_with = "seconds")]
    pub backoff_max: Duration,
    /// The wait after Discord has refused us: a wrong token, a missing switch.
    #[serde(default = "refused_wait", deserialize_with = "seconds")]
    pub refused_wait: Duration,
    /// The token that the file or variable above names.
    #[serde(skip)]
    pub token: Token,
}

/// The bot's token, which no log ever shows.
#[derive(Clone, Default)]
pub struct Token(pub(super) String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// All keys, for who documents or completes them.
pub const KEYS: &[&str] = &[
    "token_file",
    "token_env",
    "guild",
    "api_url",
    "ca_file",
    "cdn_url",
    "avatar_base",
    "upload_from",
    "upload_limit",
    "parts",
    "webhooks",
    "moderate",
    "delete",
    "topic",
    "typing",
    "threads",
    "presence",
    "members",
    "queue",
    "patience",
    "request_timeout",
    "backoff_min",
    "backoff_max",
    "refused_wait",
];

impl Settings {
    /// Reads a section, and the secrets that it names.
    pub fn read(opening: &Opening) -> Result<Settings, SettingsError> {
        let table = &opening.settings;
        refuse_unknown(table, KEYS, "")?;
        let mut settings: Settings = (table.clone().try_into()).map_err(|error: toml::de::Error| {
            SettingsError { key: None, text: error.message().to_owned() }
        })?;
        settings.check()?;
        settings.token = settings.read_token(&opening.folder)?;
        settings.ca_file = settings.ca_file.map(|path| opening.folder.join(path));
        if let Some(file) = &settings.ca_file {
            super::gateway::authorities(file)?;
        }
        Ok(settings)
    }

    /// The guild, where it is written as an id.
    pub(super) fn guild_id(&self) -> Option<Id> {
        self.guild.as_deref().and_then(Id::read)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let wrong = |key, text: &str| Err(SettingsError::new(key, text));
        for (key, url) in
            [("api_url", &self.api_url), ("cdn_url", &self.cdn_url), ("avatar_base", &self.avatar_base)]
        {
            if url.as_deref().is_some_and(|url| !is_web(url)) {
                return wrong(
                    key,
                    "must be an address that begins with https:// or http://, without ? and #",
                );
            }
        }
        if self.upload_from.iter().any(|url| !is_web(url)) {
            return wrong("upload_from", "must be a list of addresses that begin with https:// or http://");
        }
        if self.guild.as_deref().is_some_and(|guild| guild.trim().is_empty()) {
            return wrong("guild", "must be the guild's name or its id");
        }
        if self.queue == 0 || self.parts == 0 {
            return wrong("queue", "queue and parts must be at least 1");
        }
        if self.upload_limit > 500 << 20 {
            return wrong(
                "upload_limit",
                "must not be more than 524288000 bytes: no guild takes larger files",
            );
        }
        if self.backoff_max < self.backoff_min {
            return wrong("backoff_max", "must not be less than backoff_min");
        }
        Ok(())
    }

    fn read_token(&self, folder: &Path) -> Result<Token, SettingsError> {
        let (text, key) = match (&self.token_file, &self.token_env) {
            (Some(_), Some(_)) => {
                return Err(SettingsError::new("token_file", "say either token_file or token_env, not both"));
            }
            (None, None) => {
                return Err(SettingsError::new(
                    "token_file",
                    "say where the bot's token lies, as in token_file = \"discord.token\"",
                ));
            }
            (Some(file), None) => {
                let path = folder.join(file);
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    SettingsError::new("token_file", format!("cannot read {}: {error}", path.display()))
                })?;
                (text, "token_file")
            }
            (None, Some(variable)) => {
                let text = std::env::var(variable).map_err(|_| {
                    SettingsError::new("token_env", format!("the environment has no variable {variable}"))
                })?;
                (text, "token_env")
            }
        };
        let token = text.lines().next().unwrap_or_default().trim();
        let token = token.strip_prefix("Bot ").unwrap_or(token);
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(SettingsError::new(key, "holds no token: one word, as Discord shows it once"));
        }
        Ok(Token(token.to_owned()))
    }
}

fn is_web(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && !url.contains(|c: char| c.is_whitespace() || c.is_control() || "?#@".contains(c))
}

fn yes() -> bool {
    true
}
fn upload_limit() -> u64 {
    10 << 20
}
fn parts() -> usize {
    10
}
fn queue() -> usize {
    200
}
fn patience() -> Duration {
    Duration::from_secs(5)
}
fn request_timeout() -> Duration {
    Duration::from_secs(30)
}
fn backoff_min() -> Duration {
    Duration::from_secs(2)
}
fn backoff_max() -> Duration {
    Duration::from_secs(300)
}
fn refused_wait() -> Duration {
    Duration::from_secs(3600)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn read(text: &str) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "Bot a.b.c\nsecond line\n").unwrap();
        let opening = Opening {
            name: "guild".into(),
            settings: text.parse().unwrap(),
            folder: folder.path().into(),
            ..Opening::default()
        };
        Settings::read(&opening)
    }

    #[test]
    fn a_token_is_all_that_must_be_said() {
        let settings = read("token_file = 'token'").unwrap();
        assert_eq!(settings.token.0, "a.b.c");
        assert!(settings.webhooks && !settings.moderate && !settings.delete);
        assert!(!format!("{settings:?}").contains("a.b.c"));
    }

    #[test]
    fn every_field_is_a_key() {
        let all = KEYS.iter().map(|key| format!("{key} = 0\n")).collect::<String>();
        let table: toml::Table = all.parse().unwrap();
        refuse_unknown(&table, KEYS, "").unwrap();
        assert!(!read("token_file = 'token'\nsecret = 1").unwrap_err().to_string().is_empty());
    }

    #[test]
    fn mistakes_are_named_with_what_to_do() {
        let told = |text: &str| read(text).unwrap_err().to_string();
        assert!(told("guild = 'x'").contains("token_file = \"discord.token\""));
        assert!(told("token_fil = 'x'").contains("did you mean `token_file`?"));
        assert!(told("token_file = 'none'").contains("cannot read"));
        assert!(
            told("token_file = 'token'\napi_url = 'discord.test'").starts_with("api_url: must be an address")
        );
        assert!(told("token_file = 'token'\ntoken_env = 'X'").contains("not both"));
        assert!(told("token_file = 'token'\nca_file = 'none.pem'").starts_with("ca_file"));
        assert!(told("token_file = 'token'\nqueue = 0").contains("at least 1"));
    }
}
