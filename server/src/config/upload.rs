//! Sections about files: `[upload]`, `[proxy]`.

use super::{Config, ConfigError, value};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// `[upload]`: files that people upload to send their addresses (XEP-0363). Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upload {
    /// Whether there is such a service.
    pub enabled: bool,
    /// Its address. Without the key: `upload.` and the first domain.
    #[serde(deserialize_with = "value::domain")]
    pub domain: String,
    /// Where the files lie. Without the key: `uploads` in the data folder.
    pub folder: PathBuf,
    /// Bytes of one file.
    #[serde(deserialize_with = "value::bytes")]
    pub max_size: usize,
    /// Bytes that one person uploads in 24 hours.
    #[serde(deserialize_with = "value::bytes")]
    pub per_day: usize,
    /// Bytes of one person's files in all.
    #[serde(deserialize_with = "value::bytes")]
    pub per_person: usize,
    /// Bytes among them of files for profiles and for long.
    #[serde(deserialize_with = "value::bytes")]
    pub lasting_per_person: usize,
    /// How long files of messages are kept; `None`: until somebody removes them.
    #[serde(deserialize_with = "value::duration_or_forever")]
    pub keep: Option<Duration>,
    /// How long files for profiles and for long are kept.
    #[serde(deserialize_with = "value::duration_or_forever")]
    pub keep_lasting: Option<Duration>,
    /// How long an upload may wait to begin after it was asked for.
    #[serde(deserialize_with = "value::duration")]
    pub slot_timeout: Duration,
    /// Bytes of the disk that uploads leave to everything else.
    #[serde(deserialize_with = "value::bytes")]
    pub keep_free: usize,
}

impl Default for Upload {
    fn default() -> Self {
        Upload {
            enabled: true,
            domain: String::new(),  // filled in by `Config`, which knows the domains
            folder: PathBuf::new(), // filled in by `Config`, which knows the data folder
            max_size: 100 << 20,
            per_day: 1 << 30,
            per_person: 4 << 30,
            lasting_per_person: 256 << 20,
            keep: Some(Duration::from_secs(30 * 86_400)),
            keep_lasting: None,
            slot_timeout: Duration::from_secs(300),
            keep_free: 512 << 20,
        }
    }
}

/// `[proxy]`: passes on what two people send each other who cannot connect directly (XEP-0065). Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proxy {
    /// Its port; `None`: there is no such service; 0: any free port.
    #[serde(deserialize_with = "value::port")]
    pub port: Option<u16>,
    /// Its address. Without the key: `proxy.` and the first domain.
    #[serde(deserialize_with = "value::domain")]
    pub domain: String,
    /// Name or IP address that clients connect to. Without the key: the first domain.
    pub host: String,
    /// Connections at the same time; a transfer has two.
    pub connections: usize,
    /// Transfers of one person at the same time.
    pub per_person: usize,
    /// Silence after which a transfer ends.
    #[serde(deserialize_with = "value::duration")]
    pub idle: Duration,
}

impl Default for Proxy {
    fn default() -> Self {
        Proxy {
            port: Some(7777),
            domain: String::new(), // filled in by `Config`, which knows the domains
            host: String::new(),   // filled in by `Config`, which knows the domains
            connections: 200,
            per_person: 10,
            idle: Duration::from_secs(5 * 60),
        }
    }
}

impl Config {
    /// The domains of services that there are.
    pub(super) fn services(&self) -> impl Iterator<Item = &String> {
        let upload = self.upload.enabled.then_some(&self.upload.domain);
        upload.into_iter().chain(self.proxy.port.map(|_| &self.proxy.domain))
    }

    /// The defaults of services that depend on other values.
    pub(super) fn fill_in_services(&mut self, first: &str) {
        for (domain, name) in [(&mut self.upload.domain, "upload"), (&mut self.proxy.domain, "proxy")] {
            if domain.is_empty() {
                *domain = format!("{name}.{first}");
            }
        }
        if self.upload.folder.as_os_str().is_empty() {
            self.upload.folder = self.data.join("uploads");
        }
        if self.proxy.host.is_empty() {
            self.proxy.host = rialto_xmpp::prep::to_ascii(first).into_owned();
        }
    }

    /// A service has a domain of its own.
    pub(super) fn check_services(&self) -> Result<(), ConfigError> {
        let bridges = self.bridges.values().map(|bridge| &bridge.domain);
        let others =
            || self.domains.iter().chain([&self.rooms.domain, &self.pubsub.domain]).chain(bridges.clone());
        let upload = (self.upload.enabled, "upload", &self.upload.domain);
        let proxy = (self.proxy.port.is_some(), "proxy", &self.proxy.domain);
        for (is_there, section, domain) in [upload, proxy] {
            let twice = self.services().filter(|other| *other == domain).count() > 1;
            if is_there && (twice || others().any(|other| other == domain)) {
                let text =
                    format!("`domain` is {domain}, which is taken; a service needs a domain of its own");
                return Err(self.mistake(&[section, "domain"], text));
            }
        }
        if self.upload.enabled && self.upload.max_size == 0 {
            let text = "with `max_size` at 0 nobody can upload; to have no uploads, set `enabled` to false";
            return Err(self.mistake(&["upload", "max_size"], text));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_domains_of_their_own() {
        let config = Config::parse("domains = [\"example.org\"]\n[proxy]\nport = false\n").unwrap();
        assert_eq!(config.services().collect::<Vec<_>>(), ["upload.example.org"]);
        for source in [
            "[upload]\ndomain = \"rooms.localhost\"\n",
            "[proxy]\ndomain = \"localhost\"\n",
            "[proxy]\ndomain = \"upload.localhost\"\n",
        ] {
            let says = Config::parse(source).unwrap_err().to_string();
            assert!(says.contains("which is taken; a service needs a domain of its own"), "{says}");
        }
        assert!(Config::parse("[upload]\nmax_size = \"0B\"\n").is_err());
    }
}
