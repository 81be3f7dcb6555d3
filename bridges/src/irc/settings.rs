//! The settings of one IRC network: `[bridge.<name>]` with `kind = "irc"`.

use super::names;
use super::puppets::Rules;
use super::session::proof::MECHANISMS;
use crate::keys::{refuse_unknown, seconds};
use crate::network::{Opening, SettingsError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The settings of one IRC network. Times are in seconds, whole or with a fraction.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The server's name or address. The only key that has no default.
    pub server: String,
    /// Its port; by default 6697, the one for TLS.
    #[serde(default = "port")]
    pub port: u16,
    /// Speak TLS. Only `false` said here makes us speak in the clear.
    #[serde(default = "yes")]
    pub tls: bool,
    /// A PEM file with the authorities of a private network; also where TLS is spoken only because the server asks for it. Without, those that browsers trust.
    pub ca_file: Option<PathBuf>,
    /// The name that the server's certificate must bear, where it is not `server`.
    pub tls_name: Option<String>,
    /// The nick that is asked for.
    #[serde(default = "nick")]
    pub nick: String,
    /// The user name; by default the nick.
    pub username: Option<String>,
    /// What WHOIS shows. Say here whom to ask about the bridge.
    #[serde(default = "realname")]
    pub realname: String,
    /// A file with the server's password.
    pub password_file: Option<PathBuf>,
    /// An environment variable with the server's password.
    pub password_env: Option<String>,
    /// The account that we prove with SASL before anything else.
    pub sasl: Option<Sasl>,
    /// The account that NickServ is told, where it is not `nick`.
    pub nickserv_account: Option<String>,
    /// A file with NickServ's password, for networks without SASL.
    pub nickserv_password_file: Option<PathBuf>,
    /// An environment variable with NickServ's password.
    pub nickserv_password_env: Option<String>,
    /// Keys of channels that have one: `"#lounge" = "key"`.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
    /// Lines that may go at once.
    #[serde(default = "burst")]
    pub burst: u32,
    /// The time between two lines after that.
    #[serde(default = "interval", deserialize_with = "seconds")]
    pub interval: Duration,
    /// Lines that may wait to be sent. More are given back at once.
    #[serde(default = "queue")]
    pub queue: usize,
    /// Lines that one message may become. Longer ones are cut off, and say so.
    #[serde(default = "lines")]
    pub lines: usize,
    /// Messages said while the link was down that are asked for afterwards, in each room, where the server keeps them;
    /// 0 for none.
    #[serde(default = "catch_up")]
    pub catch_up: usize,
    /// How long connecting and registering may take.
    #[serde(default = "connect_timeout", deserialize_with = "seconds")]
    pub connect_timeout: Duration,
    /// The shortest wait before connecting again. It doubles with each failure, and chance is mixed in.
    #[serde(default = "backoff_min", deserialize_with = "seconds")]
    pub backoff_min: Duration,
    /// The longest wait before connecting again.
    #[serde(default = "backoff_max", deserialize_with = "seconds")]
    pub backoff_max: Duration,
    /// The wait after the network has refused us for good: a ban, a wrong password.
    #[serde(default = "refused_wait", deserialize_with = "seconds")]
    pub refused_wait: Duration,
    /// After so much silence the server is asked whether it is there.
    #[serde(default = "ping_after", deserialize_with = "seconds")]
    pub ping_after: Duration,
    /// After so much more silence the link is taken for dead.
    #[serde(default = "ping_timeout", deserialize_with = "seconds")]
    pub ping_timeout: Duration,
    /// How long those cut off by a netsplit stay in the room.
    #[serde(default = "netsplit_hold", deserialize_with = "seconds")]
    pub netsplit_hold: Duration,
    /// Moderators here may kick and ban people there, where the bridge is an operator.
    #[serde(default)]
    pub moderate: bool,
    /// Write names so that they do not alert their owners on IRC.
    #[serde(default)]
    pub ping_protection: bool,
    /// People of ours have connections of their own.
    #[serde(default, deserialize_with = "super::puppets::rules::read")]
    pub puppets: Option<Rules>,
    /// The secrets that the files and variables above name.
    #[serde(skip)]
    pub secrets: Secrets,
}

/// The account that we prove.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sasl {
    /// The account's name.
    pub user: String,
    /// A file with its password.
    pub password_file: Option<PathBuf>,
    /// An environment variable with its password.
    pub password_env: Option<String>,
    /// A PEM file with a certificate and its key, by which the network knows the account (SASL EXTERNAL).
    pub certificate_file: Option<PathBuf>,
    /// The one mechanism to use, as in `SCRAM-SHA-256`; by default the strongest that the server offers.
    pub mechanism: Option<String>,
}

/// Passwords, which no log ever shows.
#[derive(Clone, Default)]
pub struct Secrets {
    /// The server's.
    pub server: Option<String>,
    /// The account's.
    pub sasl: Option<String>,
    /// NickServ's.
    pub nickserv: Option<String>,
    /// A certificate and its key, in PEM.
    pub certificate: Option<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// All keys, for who documents or completes them.
pub const KEYS: &[&str] = &[
    "server",
    "port",
    "tls",
    "ca_file",
    "tls_name",
    "nick",
    "username",
    "realname",
    "password_file",
    "password_env",
    "sasl",
    "nickserv_account",
    "nickserv_password_file",
    "nickserv_password_env",
    "keys",
    "burst",
    "interval",
    "queue",
    "lines",
    "catch_up",
    "connect_timeout",
    "backoff_min",
    "backoff_max",
    "refused_wait",
    "ping_after",
    "ping_timeout",
    "netsplit_hold",
    "moderate",
    "ping_protection",
    "puppets",
];

impl Settings {
    /// Reads a section, and the secrets that it names.
    pub fn read(opening: &Opening) -> Result<Settings, SettingsError> {
        let table = &opening.settings;
        refuse_unknown(table, KEYS, "")?;
        if let Some(toml::Value::Table(sasl)) = table.get("sasl") {
            refuse_unknown(
                sasl,
                &["user", "password_file", "password_env", "certificate_file", "mechanism"],
                "sasl",
            )?;
        }
        if !table.contains_key("server") {
            return Err(SettingsError::new(
                "server",
                "say which server to connect to, as in server = \"irc.libera.chat\"",
            ));
        }
        let mut settings: Settings = (table.clone().try_into()).map_err(|error: toml::de::Error| {
            SettingsError { key: None, text: error.message().to_owned() }
        })?;
        settings.check()?;
        settings.secrets = settings.read_secrets(&opening.folder)?;
        settings.puppets.iter_mut().try_for_each(|rules| rules.complete(&opening.folder))?;
        settings.ca_file = settings.ca_file.map(|path| opening.folder.join(path));
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let wrong = |key, text: &str| Err(SettingsError::new(key, text));
        if self.server.is_empty()
            || self.server.contains(|c: char| c.is_whitespace() || c == '/' || c.is_control())
        {
            return wrong("server", "must be a host name or an address, without a port: that is `port`");
        }
        if !names::is_nick(&self.nick) {
            return wrong("nick", "must begin with a letter and hold only letters, digits and []\\`_^{|}-");
        }
        if self.username.as_deref().is_some_and(|user| {
            user.is_empty() || !user.chars().all(|c| c.is_ascii_graphic() && !"@!:".contains(c))
        }) {
            return wrong("username", "must be one word of ASCII without @, ! and :");
        }
        if self
            .nickserv_account
            .as_deref()
            .is_some_and(|account| account.is_empty() || account.contains(char::is_whitespace))
        {
            return wrong("nickserv_account", "must be one word");
        }
        if self.port == 0 {
            return wrong("port", "must not be 0");
        }
        if let Some(sasl) = &self.sasl {
            let known = |name: &String| MECHANISMS.iter().any(|known| known.eq_ignore_ascii_case(name));
            if sasl.mechanism.as_ref().is_some_and(|name| !known(name)) {
                return Err(SettingsError::new(
                    "sasl.mechanism",
                    format!("must be one of {}", MECHANISMS.join(", ")),
                ));
            }
            if sasl.certificate_file.is_some() && !self.tls {
                return wrong("sasl.certificate_file", "is shown by TLS alone, and tls is false");
            }
        }
        if self.burst == 0 || self.queue == 0 || self.lines == 0 {
            return wrong("burst", "burst, queue and lines must be at least 1");
        }
        if self.backoff_max < self.backoff_min {
            return wrong("backoff_max", "must not be less than backoff_min");
        }
        if let Some(channel) = self.keys.keys().find(|name| !names::is_channel(name, "#&+!", 200)) {
            return Err(SettingsError::new(
                "keys",
                format!("{channel:?} is no channel; write \"#name\" = \"key\""),
            ));
        }
        Ok(())
    }

    fn read_secrets(&self, folder: &Path) -> Result<Secrets, SettingsError> {
        let secret = |key: &str, file: &Option<PathBuf>, variable: &Option<String>| match (file, variable) {
            (Some(_), Some(_)) => {
                Err(SettingsError::new(key, format!("say either {key}_file or {key}_env, not both")))
            }
            (Some(file), None) => from_file(&folder.join(file), &format!("{key}_file")).map(Some),
            (None, Some(variable)) => from_environment(variable, &format!("{key}_env")).map(Some),
            (None, None) => Ok(None),
        };
        let sasl = match &self.sasl {
            Some(sasl) => {
                let password = secret("sasl.password", &sasl.password_file, &sasl.password_env)?;
                if password.is_none() && sasl.certificate_file.is_none() {
                    let text = "say password_file, password_env or certificate_file beside user";
                    return Err(SettingsError::new("sasl", text));
                }
                password
            }
            None => None,
        };
        let certificate = self.sasl.as_ref().and_then(|sasl| sasl.certificate_file.as_ref());
        let pem = |path: &PathBuf| {
            let path = folder.join(path);
            std::fs::read_to_string(&path).map_err(|error| {
                SettingsError::new(
                    "sasl.certificate_file",
                    format!("cannot read {}: {error}", path.display()),
                )
            })
        };
        Ok(Secrets {
            certificate: certificate.map(pem).transpose()?,
            server: secret("password", &self.password_file, &self.password_env)?,
            sasl,
            nickserv: secret("nickserv_password", &self.nickserv_password_file, &self.nickserv_password_env)?,
        })
    }

    /// The name that the certificate must bear.
    pub fn tls_name(&self) -> &str {
        self.tls_name.as_deref().unwrap_or(&self.server)
    }
}

/// The file's first line.
pub(super) fn from_file(path: &Path, key: &str) -> Result<String, SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| SettingsError::new(key, format!("cannot read {}: {error}", path.display())))?;
    sound(text.lines().next().unwrap_or_default().to_owned(), key)
}

fn from_environment(variable: &str, key: &str) -> Result<String, SettingsError> {
    let value = std::env::var(variable)
        .map_err(|_| SettingsError::new(key, format!("the environment has no variable {variable}")))?;
    sound(value, key)
}

fn sound(secret: String, key: &str) -> Result<String, SettingsError> {
    if secret.is_empty() || secret.contains(char::is_control) {
        return Err(SettingsError::new(key, "the password there is empty or holds control characters"));
    }
    Ok(secret)
}

fn port() -> u16 {
    6697
}
fn yes() -> bool {
    true
}
fn nick() -> String {
    "rialto".into()
}
fn realname() -> String {
    "A bridge run by Rialto".into()
}
fn burst() -> u32 {
    5
}
fn interval() -> Duration {
    Duration::from_secs(2)
}
fn queue() -> usize {
    200
}
fn lines() -> usize {
    12
}
fn catch_up() -> usize {
    1000
}
fn connect_timeout() -> Duration {
    Duration::from_secs(30)
}
fn backoff_min() -> Duration {
    Duration::from_secs(5)
}
fn backoff_max() -> Duration {
    Duration::from_secs(600)
}
fn refused_wait() -> Duration {
    Duration::from_secs(3600)
}
fn ping_after() -> Duration {
    Duration::from_secs(45)
}
fn ping_timeout() -> Duration {
    Duration::from_secs(30)
}
fn netsplit_hold() -> Duration {
    Duration::from_secs(600)
}

#[cfg(test)]
pub(crate) mod tests;
