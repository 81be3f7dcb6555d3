//! The configuration: one TOML file, every key with a default, every mistake with its line.
//!
//! `config/rialto.toml` shows all keys at their defaults; tests keep it true. Sections are plain values that lower
//! floors read (`config.sessions.hibernation`); nothing in here names the floors above.

mod blocklist;
mod component;
mod error;
mod files;
mod filter;
mod guard;
mod http;
mod invites;
mod keep;
mod link;
mod listen;
mod network;
mod pubsub;
mod push;
mod rooms;
mod server;
mod turn;
mod upload;
mod value;

#[cfg(test)]
mod tests;

pub use blocklist::Blocklist;
pub use component::Component;
pub use error::ConfigError;
pub use files::Files;
pub use filter::{Ignore, Pattern, Rewrite, Rewritten, Shown, Template};
pub use guard::Guard;
pub use http::{Forwarded, Http};
pub use invites::{Circles, Good, Invites};
pub use keep::{Archive, ArchiveDefault, Sessions, Store};
pub use link::{FarRoom, Hidden, Link, LinkOptions, To, Way};
pub use listen::{C2s, Certs, Conflict, Listen, Port, Registration};
pub use network::Network;
pub use pubsub::Pubsub;
pub use push::Push;
pub use rooms::{Bridge, Bridges, Creators, Rooms};
pub use server::{Contact, Log, LogFormat, Version};
pub use turn::{ExternalService, Turn};
pub use upload::{Proxy, Upload};
pub use value::{read_duration, show_duration};

use rialto_xmpp::jid::BareJid;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Everything an operator can choose.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default = "Config::unfilled", deny_unknown_fields)]
pub struct Config {
    /// The domains of accounts; the first gives its name to what has none. Needs a restart.
    #[serde(deserialize_with = "value::domains")]
    pub domains: Vec<String>,
    /// Accounts that may administer the server. Needs a restart.
    #[serde(deserialize_with = "value::accounts")]
    pub admins: Vec<BareJid>,
    /// The folder of what the server keeps: its store, its admin socket. Needs a restart.
    pub data: PathBuf,
    /// Sockets.
    pub listen: Listen,
    /// HTTP.
    pub http: Http,
    /// Certificates.
    pub certs: Certs,
    /// Clients.
    pub c2s: C2s,
    /// Making accounts.
    pub registration: Registration,
    /// Invitations.
    pub invites: Invites,
    /// People who all know each other.
    pub circles: Circles,
    /// The database.
    pub store: Store,
    /// Sessions.
    pub sessions: Sessions,
    /// What is remembered.
    pub archive: Archive,
    /// Notifications for devices that are away.
    pub push: Push,
    /// The STUN/TURN server that is built in.
    pub turn: Turn,
    /// STUN and TURN servers, and others, that are elsewhere.
    #[serde(rename = "external_service")]
    pub external_services: Vec<ExternalService>,
    /// Group chats.
    pub rooms: Rooms,
    /// Files that people upload.
    pub upload: Upload,
    /// Files that people send each other.
    pub proxy: Proxy,
    /// Publish-subscribe.
    pub pubsub: Pubsub,
    /// What strangers may do.
    pub guard: Guard,
    /// Lists that others keep.
    #[serde(rename = "blocklist")]
    pub blocklists: Vec<Blocklist>,
    /// Whom to write to.
    pub contact: Contact,
    /// What the server tells about itself.
    pub version: Version,
    /// Logs.
    pub log: Log,
    /// Connections to other networks, by name.
    #[serde(rename = "bridge")]
    pub bridges: Bridges,
    /// Rooms of ours that are one with rooms there.
    #[serde(rename = "link")]
    pub links: Vec<Link>,
    /// Programs that answer for a domain.
    #[serde(rename = "component")]
    pub components: Vec<Component>,
    /// Where all this was read.
    #[serde(skip)]
    pub origin: Origin,
}

/// Where a configuration was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The file; `None` for the defaults.
    pub file: Option<PathBuf>,
    /// Where relative paths begin: the folder of the file, or the working folder.
    pub folder: PathBuf,
    /// What was read.
    pub source: String,
}

impl Default for Config {
    fn default() -> Self {
        Config::unfilled().filled_in()
    }
}

impl Config {
    /// Defaults, but for those that depend on what else is said.
    fn unfilled() -> Config {
        Config {
            domains: vec!["localhost".to_owned()],
            admins: Vec::new(),
            data: PathBuf::from("data"),
            listen: Listen::default(),
            http: Http::default(),
            certs: Certs::default(),
            c2s: C2s::default(),
            registration: Registration::default(),
            invites: Invites::default(),
            circles: Circles::default(),
            store: Store::default(),
            sessions: Sessions::default(),
            archive: Archive::default(),
            push: Push::default(),
            turn: Turn::default(),
            external_services: Vec::new(),
            rooms: Rooms::default(),
            upload: Upload::default(),
            proxy: Proxy::default(),
            pubsub: Pubsub::default(),
            guard: Guard::default(),
            blocklists: Vec::new(),
            contact: Contact::default(),
            version: Version::default(),
            log: Log::default(),
            bridges: Bridges::new(),
            links: Vec::new(),
            components: Vec::new(),
            origin: Origin::default(),
        }
    }

    /// Reads a file. Relative paths in it begin at its own folder.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn load(file: &Path) -> Result<Config, ConfigError> {
        let source = std::fs::read_to_string(file)
            .map_err(|why| ConfigError::whole(format!("{} cannot be read: {why}", file.display())))?;
        let mut config = Config::parse(&source)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        config.origin = Origin { file: Some(file.to_owned()), folder: folder.to_owned(), source };
        for path in
            [&mut config.data, &mut config.certs.folder, &mut config.store.path, &mut config.upload.folder]
        {
            *path = folder.join(&path);
        }
        config.guard.lists.iter_mut().for_each(|list| *list = folder.join(&list));
        Ok(config)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn parse(source: &str) -> Result<Config, ConfigError> {
        let mut config: Config =
            toml::from_str(source).map_err(|error| ConfigError::of_toml(source, &error))?;
        config.origin.source = source.to_owned();
        let config = config.filled_in();
        config.check_whole()?;
        Ok(config)
    }

    /// A mistake in the value at this path, with its line.
    pub fn mistake(&self, path: &[&str], text: impl Into<String>) -> ConfigError {
        ConfigError::at(&self.origin.source, path, text)
    }

    /// What differs in another configuration and is not taken over by a reload, as an operator calls it.
    pub fn waits_for_restart(&self, other: &Config) -> Vec<&'static str> {
        let differs = [
            ("domains", self.domains != other.domains),
            ("admins", self.admins != other.admins),
            ("data", self.data != other.data),
            ("[listen]", self.listen != other.listen),
            ("[http]", self.http != other.http),
            ("[certs]", self.certs != other.certs),
            ("[registration]", self.registration != other.registration),
            ("[invites]", self.invites != other.invites),
            ("[circles]", self.circles != other.circles),
            ("[store]", self.store != other.store),
            ("[archive]", self.archive != other.archive),
            ("[push]", self.push != other.push),
            ("[turn]", self.turn != other.turn),
            ("[[external_service]]", self.external_services != other.external_services),
            ("[rooms]", self.rooms != other.rooms),
            ("[upload]", self.upload != other.upload),
            ("[proxy]", self.proxy != other.proxy),
            ("[pubsub]", self.pubsub != other.pubsub),
            ("[[blocklist]]", self.blocklists != other.blocklists),
            ("[contact]", self.contact != other.contact),
            ("[version]", self.version != other.version),
            ("[log] format", self.log.format != other.log.format),
            ("[[component]]", self.components != other.components),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    /// The first domain: the server's own name where it needs one.
    pub fn first_domain(&self) -> &str {
        self.domains.first().map_or("localhost", String::as_str)
    }

    /// The admin socket.
    pub fn admin_socket(&self) -> PathBuf {
        self.data.join("admin.sock")
    }

    /// Every domain that this server answers for: those of accounts, of rooms and of bridges, which other servers ask for
    /// by name. Uploads and the proxy are for people of this server, who connect to its own domain.
    pub fn all_domains(&self) -> Vec<&str> {
        let rooms = std::iter::once(&self.rooms.domain);
        let bridges = self.bridges.values().map(|bridge| &bridge.domain);
        let mut all: Vec<&str> = Vec::new();
        for domain in self.domains.iter().chain(rooms).chain(bridges) {
            if !all.contains(&domain.as_str()) {
                all.push(domain);
            }
        }
        all
    }
}

impl Config {
    /// The defaults that depend on other values.
    fn filled_in(mut self) -> Config {
        let first = self.first_domain().to_owned();
        if self.listen.addresses.is_empty() {
            let local = self.domains.iter().all(|domain| is_local(domain));
            self.listen.addresses = if local { Listen::loopback() } else { Listen::everywhere() };
        }
        if self.store.path.as_os_str().is_empty() {
            self.store.path = self.data.join("store");
        }
        if self.rooms.domain.is_empty() {
            self.rooms.domain = format!("rooms.{first}");
        }
        self.fill_in_services(&first);
        if self.pubsub.domain.is_empty() {
            self.pubsub.domain = format!("pubsub.{first}");
        }
        for bridge in self.bridges.values_mut() {
            if bridge.domain.is_empty() {
                bridge.domain = format!("{}.{first}", bridge.kind);
            }
        }
        self
    }

    /// What no section can see alone.
    fn check_whole(&self) -> Result<(), ConfigError> {
        self.check_domains()?;
        self.check_services()?;
        self.pubsub.check(self)?;
        if self.archive.page > self.archive.max_page {
            return Err(self.mistake(&["archive", "page"], "`page` must not be larger than `max_page`"));
        }
        if [self.listen.starttls, self.listen.tls, self.listen.shared].iter().all(Option::is_none) {
            let text = "with `starttls`, `tls` and `shared` all false nobody can come in; open one of them";
            return Err(self.mistake(&["listen", "tls"], text));
        }
        component::check(self)?;
        blocklist::check(self)?;
        self.check_links()
    }

    /// Accounts and rooms must not share a domain; several bridges of one kind may share theirs.
    fn check_domains(&self) -> Result<(), ConfigError> {
        let rooms = self.rooms.domain.as_str();
        if self.domains.iter().any(|domain| domain == rooms) {
            let text =
                format!("`domain` is {rooms}, which is a domain of accounts; rooms need one of their own");
            return Err(self.mistake(&["rooms", "domain"], text));
        }
        for (name, bridge) in &self.bridges {
            let path = ["bridge", name.as_str(), "domain"];
            let domain = bridge.domain.as_str();
            if domain == rooms || self.domains.iter().any(|own| own == domain) {
                let text =
                    format!("`domain` is {domain}, which is taken; a bridge needs a domain of its own");
                return Err(self.mistake(&path, text));
            }
            let other =
                self.bridges.iter().find(|(_, other)| other.domain == domain && other.kind != bridge.kind);
            if let Some((other, _)) = other {
                let text = format!("`domain` is {domain}, as in [bridge.{other}], which is of another kind");
                return Err(self.mistake(&path, text));
            }
        }
        Ok(())
    }

    /// A far room is in one room of ours at most, and its bridge exists.
    fn check_links(&self) -> Result<(), ConfigError> {
        let mut taken: Vec<(&FarRoom, &BareJid)> = Vec::new();
        for link in &self.links {
            if link.room.as_jid().domainpart() != self.rooms.domain {
                let text =
                    format!("{} is no room of this server; rooms are on {}", link.room, self.rooms.domain);
                return Err(self.mistake(&["link", "room"], text));
            }
            for To { far, .. } in &link.to {
                if !self.bridges.contains_key(&far.bridge) {
                    let known: Vec<&str> = self.bridges.keys().map(String::as_str).collect();
                    let near = error::nearest(&far.bridge, &known);
                    let near = near.map(|near| format!("; did you mean \"{near}:{}\"?", far.room));
                    let near = near.unwrap_or_else(|| format!("; add a section [bridge.{}]", far.bridge));
                    return Err(
                        self.mistake(&["link", "to"], format!("\"{far}\" names no bridge here{near}"))
                    );
                }
                if let Some((_, room)) = taken.iter().find(|(other, _)| *other == far) {
                    let text =
                        format!("\"{far}\" is linked to {room} already; a far room can be in one room only");
                    return Err(self.mistake(&["link", "to"], text));
                }
                taken.push((far, &link.room));
            }
        }
        Ok(())
    }
}

/// RFC 6761 §6.3: names that never leave this machine.
fn is_local(domain: &str) -> bool {
    domain == "localhost" || domain.ends_with(".localhost")
}
