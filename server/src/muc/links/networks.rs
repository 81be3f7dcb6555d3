//! Connections to other networks: opened from the configuration, their news brought to the links they are for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use rialto_bridges::{Fed, Incoming, Kind, Network, Opening, RemoteId, SettingsError};
use rialto_store::{Store, StoreError, marks};
use tokio::sync::mpsc;

use super::mark::{Brought, NAMES, Token};

use crate::config::{Bridge, Bridges};

/// News of one network that wait; more wait with the network.
const FEED: usize = 256;

/// News of one far room that wait; more hold up their network, never another one.
pub(super) const INWARD: usize = 256;

/// All networks that are configured, by name. Some may come and go at a reload.
#[derive(Default)]
pub struct Networks {
    by_name: RwLock<BTreeMap<String, Arc<Connected>>>,
    /// As they were configured.
    sections: RwLock<Bridges>,
    /// Where relative paths begin.
    folder: PathBuf,
    /// Where marks are kept.
    store: OnceLock<Store>,
}

/// Why networks cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// A section is wrong.
    #[error(transparent)]
    Bad(#[from] BadBridge),
    /// What they have kept cannot be read.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

/// A network and the links over it.
pub struct Connected {
    /// `libera` in `[bridge.libera]`.
    pub name: Arc<str>,
    /// What kind it is, as `Kind::name` spells it.
    pub kind: &'static str,
    /// Where its people and rooms have their addresses.
    pub domain: Arc<str>,
    /// The door.
    pub network: Arc<dyn Network>,
    /// Where its marks are kept.
    store: OnceLock<Store>,
    /// Their names.
    marks: Mutex<BTreeSet<String>>,
    links: Mutex<HashMap<RemoteId, mpsc::Sender<Brought>>>,
    health: Mutex<Health>,
    /// What its server is called, too.
    server: OnceLock<Arc<str>>,
    /// Where private words of its people go.
    post: OnceLock<mpsc::Sender<Incoming>>,
}

/// How a network is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Health {
    /// It has said nothing of itself.
    #[default]
    Opened,
    Up,
    Lost(String),
    Refused(String),
}

/// A section `[bridge.<name>]` that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("[bridge.{name}] {error}")]
pub struct BadBridge {
    /// The section.
    pub name: String,
    /// The mistake.
    pub error: SettingsError,
}

impl Networks {
    /// Starts all of them; one whose far side is down comes up when that does. Relative paths begin at `folder`.
    ///
    /// # Errors
    /// [`NotOpened`] for the first mistake in a section, or when the store cannot be read.
    pub fn open(bridges: &Bridges, folder: &Path, store: &Store) -> Result<Networks, NotOpened> {
        let networks = Networks { folder: folder.to_owned(), ..Networks::default() };
        networks.keep_in(store);
        for (name, bridge) in bridges {
            networks.open_one(name, bridge)?;
        }
        Ok(networks)
    }

    /// Marks are kept here from now on.
    pub(super) fn keep_in(&self, store: &Store) {
        // Said twice, it is the same store.
        let _ = self.store.set(store.clone());
        self.iter().for_each(|network| network.keep_in(store));
    }

    /// Looks whether a section can be used, and touches nothing.
    ///
    /// # Errors
    /// [`NotOpened`].
    pub(super) fn check(&self, name: &str, bridge: &Bridge) -> Result<(), NotOpened> {
        let (kind, opening) = self.opening(name, bridge)?;
        Ok((kind.check)(&opening).map_err(|error| BadBridge { name: name.to_owned(), error })?)
    }

    /// Starts one.
    ///
    /// # Errors
    /// [`NotOpened`].
    pub(super) fn open_one(&self, name: &str, bridge: &Bridge) -> Result<(), NotOpened> {
        let (kind, opening) = self.opening(name, bridge)?;
        let names = opening.kept.keys().cloned().collect();
        let (feed, fed) = mpsc::channel(FEED);
        let network =
            (kind.open)(opening, feed).map_err(|error| BadBridge { name: name.to_owned(), error })?;
        let connected = self.connect(name, (kind.name, &bridge.domain), network, fed);
        *connected.marks.lock() = names;
        if let Some(store) = self.store.get() {
            connected.keep_in(store);
        }
        let server = bridge.settings.get("server").and_then(toml::Value::as_str);
        // It has none yet.
        server.into_iter().for_each(|server| drop(connected.server.set(server.into())));
        self.configured(name, bridge.clone());
        Ok(())
    }

    fn opening(&self, name: &str, bridge: &Bridge) -> Result<(&'static Kind, Opening), NotOpened> {
        let bad = || BadBridge { name: name.to_owned(), error: unknown_kind(&bridge.kind) };
        let kind = rialto_bridges::kind(&bridge.kind).ok_or_else(bad)?;
        let kept = self.store.get().map(|store| marks::of_bridge(store, name)).transpose()?;
        let opening = Opening {
            name: name.to_owned(),
            settings: bridge.settings.clone(),
            folder: self.folder.clone(),
            kept: kept.unwrap_or_default(),
        };
        Ok((kind, opening))
    }

    /// What the configuration says of a network from now on.
    pub(super) fn configured(&self, name: &str, bridge: Bridge) {
        self.sections.write().insert(name.to_owned(), bridge);
    }

    /// What the configuration says of all networks.
    pub fn sections(&self) -> Bridges {
        self.sections.read().clone()
    }

    /// Says goodbye to one, which is none of ours any more.
    pub(super) async fn close_one(&self, name: &str) {
        self.sections.write().remove(name);
        let connected = self.by_name.write().remove(name);
        if let Some(connected) = connected
            && let Err(error) = connected.network.close().await
        {
            tracing::debug!(network = name, %error, "the network was gone already");
        }
    }

    /// Takes a network that is open: its news are brought to its links from now on.
    pub fn connect(
        &self,
        name: &str,
        (kind, domain): (&'static str, &str),
        network: Arc<dyn Network>,
        fed: mpsc::Receiver<Fed>,
    ) -> Arc<Connected> {
        let connected = Arc::new(Connected {
            name: name.into(),
            kind,
            domain: domain.into(),
            network,
            store: OnceLock::new(),
            marks: Mutex::default(),
            links: Mutex::default(),
            health: Mutex::default(),
            server: OnceLock::new(),
            post: OnceLock::new(),
        });
        tokio::spawn(bring(connected.clone(), fed));
        self.by_name.write().insert(name.to_owned(), connected.clone());
        connected
    }

    /// The network of this name.
    pub fn network(&self, name: &str) -> Option<Arc<Connected>> {
        self.by_name.read().get(name).cloned()
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = Arc<Connected>> {
        self.by_name.read().values().cloned().collect::<Vec<_>>().into_iter()
    }

    /// The domains where their rooms and people have addresses, each with the kind of network it is for.
    pub fn domains(&self) -> BTreeSet<(Arc<str>, &'static str)> {
        self.iter().map(|network| (network.domain.clone(), network.kind)).collect()
    }

    /// Says goodbye to all of them.
    pub async fn close(&self) {
        for connected in self.iter() {
            if let Err(error) = connected.network.close().await {
                tracing::debug!(network = %connected.name, %error, "the network was gone already");
            }
        }
    }
}

impl Connected {
    /// Is this its name, or that of its server?
    pub fn is_called(&self, name: &str) -> bool {
        *self.name == *name || self.server.get().is_some_and(|server| server.eq_ignore_ascii_case(name))
    }

    /// Private words of its people, for the first who asks for them.
    pub fn post(&self) -> Option<mpsc::Receiver<Incoming>> {
        let (post, words) = mpsc::channel(FEED);
        self.post.set(post).ok().map(|()| words)
    }

    /// How it is, in words.
    pub fn state(&self) -> String {
        match &*self.health.lock() {
            Health::Opened | Health::Up => "in use".to_owned(),
            Health::Lost(why) => format!("lost, tries again: {why}"),
            Health::Refused(why) => format!("refused, needs you: {why}"),
        }
    }

    /// From now on news of a far room come to whoever reads this.
    pub(super) fn listen(&self, far: &RemoteId) -> mpsc::Receiver<Brought> {
        let (sender, receiver) = mpsc::channel(INWARD);
        self.links.lock().insert(far.clone(), sender);
        receiver
    }

    /// Nobody listens to this far room any more.
    pub(super) fn hang_up(&self, far: &RemoteId) {
        self.links.lock().remove(far);
    }

    /// Its marks are kept here from now on.
    pub(super) fn keep_in(&self, store: &Store) {
        // Said twice, it is the same store.
        let _ = self.store.set(store.clone());
    }

    fn mark(&self, name: String, value: Option<String>) -> Option<Arc<Token>> {
        let mut names = self.marks.lock();
        let known = names.contains(&name) || names.len() < NAMES;
        match &value {
            Some(_) if known => drop(names.insert(name.clone())),
            Some(_) => {}
            None => drop(names.remove(&name)),
        }
        let token = Token::new(self.store.get()?, &self.name, name, value).filter(|_| known);
        if token.is_none() {
            tracing::warn!(network = %self.name, "a mark is too large, or there are too many: it is not kept");
        }
        token
    }

    fn note(&self, what: &Incoming) {
        let network = &self.name;
        let health = match what {
            Incoming::Regained => {
                tracing::info!(%network, "the network is there");
                Health::Up
            }
            Incoming::Lost(error) => {
                tracing::warn!(%network, %error, "the network is lost; it is tried again");
                Health::Lost(error.to_string())
            }
            Incoming::Refused(text) => {
                tracing::error!(%network, "the network refuses us and needs an operator: {text}");
                Health::Refused(text.clone())
            }
            Incoming::Notice(text) => return tracing::info!(%network, "the network says: {text}"),
            _ => return,
        };
        *self.health.lock() = health;
    }
}

/// Brings the news of a network to its links, in their order.
async fn bring(connected: Arc<Connected>, mut fed: mpsc::Receiver<Fed>) {
    while let Some(Fed { room, what }) = fed.recv().await {
        if matches!(what, Incoming::Whispered { .. }) {
            match connected.post.get() {
                // Where nobody takes them any more, the server stops.
                Some(post) => drop(post.send(what).await),
                None => tracing::debug!(network = %connected.name, "private words that nobody takes"),
            }
            continue;
        }
        let (room, what) = match what {
            // Behind everything that came before, whatever room that was about.
            Incoming::Mark { key, value } => match connected.mark(key, value) {
                Some(token) => (None, Brought::Mark(token)),
                None => continue,
            },
            what => (room, Brought::News(what)),
        };
        let to: Vec<mpsc::Sender<Brought>> = match (&room, &what) {
            (Some(room), _) => connected.links.lock().get(room).cloned().into_iter().collect(),
            (None, what) => {
                if let Brought::News(what) = what {
                    connected.note(what);
                }
                connected.links.lock().values().cloned().collect()
            }
        };
        for link in to {
            // A link that is gone misses nothing.
            let _ = link.send(what.clone()).await;
        }
    }
}

fn unknown_kind(kind: &str) -> SettingsError {
    let known: Vec<&str> = rialto_bridges::KINDS.iter().map(|kind| kind.name).collect();
    SettingsError::new("kind", format!("\"{kind}\" is no network known here; there is {}", known.join(", ")))
}
