//! Connections to other networks: opened from the configuration, their news brought to the links they are for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rialto_bridges::{Fed, Incoming, Network, Opening, RemoteId, SettingsError};
use tokio::sync::mpsc;

use crate::config::Bridges;

/// News of one network that wait; more wait with the network.
const FEED: usize = 256;

/// News of one far room that wait; more hold up their network, never another one.
pub(super) const INWARD: usize = 256;

/// All networks that are configured, by name.
#[derive(Default)]
pub struct Networks(BTreeMap<String, Arc<Connected>>);

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
    links: Mutex<HashMap<RemoteId, mpsc::Sender<Incoming>>>,
    health: Mutex<Health>,
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
    /// [`BadBridge`] for the first mistake in a section.
    pub fn open(bridges: &Bridges, folder: &Path) -> Result<Networks, BadBridge> {
        let mut networks = Networks::default();
        for (name, bridge) in bridges {
            let bad = |error| BadBridge { name: name.clone(), error };
            let kind = rialto_bridges::kind(&bridge.kind).ok_or_else(|| bad(unknown_kind(&bridge.kind)))?;
            let opening = Opening {
                name: name.clone(),
                settings: bridge.settings.clone(),
                folder: folder.to_owned(),
                kept: Default::default(),
            };
            let (feed, fed) = mpsc::channel(FEED);
            let network = (kind.open)(opening, feed).map_err(bad)?;
            networks.connect(name, (kind.name, &bridge.domain), network, fed);
        }
        Ok(networks)
    }

    /// Takes a network that is open: its news are brought to its links from now on.
    pub fn connect(
        &mut self,
        name: &str,
        (kind, domain): (&'static str, &str),
        network: Arc<dyn Network>,
        fed: mpsc::Receiver<Fed>,
    ) {
        let connected = Arc::new(Connected {
            name: name.into(),
            kind,
            domain: domain.into(),
            network,
            links: Mutex::default(),
            health: Mutex::default(),
        });
        tokio::spawn(bring(connected.clone(), fed));
        self.0.insert(name.to_owned(), connected);
    }

    /// The network of this name.
    pub fn network(&self, name: &str) -> Option<&Arc<Connected>> {
        self.0.get(name)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Connected>> {
        self.0.values()
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
    /// How it is, in words.
    pub fn state(&self) -> String {
        match &*self.health.lock() {
            Health::Opened | Health::Up => "in use".to_owned(),
            Health::Lost(why) => format!("lost, tries again: {why}"),
            Health::Refused(why) => format!("refused, needs you: {why}"),
        }
    }

    /// From now on news of a far room come to whoever reads this.
    pub(super) fn listen(&self, far: &RemoteId) -> mpsc::Receiver<Incoming> {
        let (sender, receiver) = mpsc::channel(INWARD);
        self.links.lock().insert(far.clone(), sender);
        receiver
    }

    /// Nobody listens to this far room any more.
    pub(super) fn hang_up(&self, far: &RemoteId) {
        self.links.lock().remove(far);
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
        let to: Vec<mpsc::Sender<Incoming>> = match &room {
            Some(room) => connected.links.lock().get(room).cloned().into_iter().collect(),
            None => {
                connected.note(&what);
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
