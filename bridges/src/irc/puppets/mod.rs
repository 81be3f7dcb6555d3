//! A connection for each person: own nick, own account, private messages. The listener's connection supplies the rooms;
//! people's are used to speak, and for what concerns themselves.
//!
//! `pool` is who has a connection, `talk` what goes out by it, `desk` what comes in and who listens where the listener is
//! down.

mod desk;
mod identd;
mod nicks;
mod pool;
pub(super) mod rules;
mod talk;
#[cfg(test)]
mod tests;
mod token;

pub use identd::{Identd, Owned};
pub use rules::Rules;

use super::connection::Order;
use super::ours::Ours;
use super::settings::Settings;
use super::sts::Policy;
use super::tls::Tls;
use super::view::SharedView;
use crate::network::{Fed, Feed, Identity, Incoming, NetworkError, RemoteId};
use crate::pace::Bucket;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use token::Secret;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

/// Connections that begin at once; the others follow in their time.
const AT_ONCE: u32 = 3;

/// All of ours who have, had or will have connections to one network. A clone is the same.
#[derive(Clone)]
pub struct Puppets(Arc<Inner>);

struct Inner {
    name: String,
    settings: Arc<Settings>,
    rules: Rules,
    tls: Option<Tls>,
    policy: Option<Policy>,
    ours: Ours,
    secret: Secret,
    identd: Option<Arc<Identd>>,
    turn: Arc<tokio::sync::Mutex<Bucket>>,
    listens: SharedView,
    keys: Arc<Mutex<HashMap<RemoteId, String>>>,
    house: Feed,
    state: Mutex<State>,
    /// Something about somebody's connection is otherwise now.
    changed: Notify,
}

#[derive(Default)]
struct State {
    people: BTreeMap<Arc<str>, Person>,
    identities: BTreeMap<Arc<str>, Identity>,
    /// The nicks that people got last, where they are not those they wanted.
    nicks: BTreeMap<Arc<str>, String>,
    /// The network wants no more connections before then.
    paused: Option<Instant>,
    /// Rooms that the house wants to hear.
    wanted: BTreeSet<RemoteId>,
    /// Rooms that it wanted once: nobody sits down there.
    left: BTreeSet<RemoteId>,
    /// The listener's connection is down.
    deaf: Option<NetworkError>,
    /// Rooms that are heard by somebody's connection instead.
    sources: BTreeMap<RemoteId, Arc<str>>,
    numbers: u64,
    closed: bool,
}

/// One of ours.
struct Person {
    /// Whence he speaks: an account of the same name elsewhere is somebody else's.
    network: &'static str,
    /// His nick in the rooms here.
    nick: String,
    rooms: BTreeSet<RemoteId>,
    /// When he last said something, or came.
    last: Instant,
    /// We have said that he speaks under his own name.
    promised: bool,
    /// The network will not have him until then, and what he can do.
    blocked: Option<(NetworkError, Instant)>,
    live: Option<Live>,
}

/// Somebody's connection.
#[derive(Clone)]
struct Live {
    number: u64,
    orders: mpsc::Sender<Order>,
    view: SharedView,
    up: bool,
    /// Rooms that it is in.
    inside: BTreeSet<RemoteId>,
    listens: bool,
    /// Why it is not up.
    trouble: Option<NetworkError>,
}

/// What the network's own connection shares with those of people.
pub(super) struct Shared {
    pub name: String,
    pub settings: Arc<Settings>,
    pub tls: Option<Tls>,
    pub policy: Option<Policy>,
    pub ours: Ours,
    pub view: SharedView,
    pub keys: Arc<Mutex<HashMap<RemoteId, String>>>,
    pub house: Feed,
}

impl Puppets {
    /// Nobody has a connection yet. Gives where the listener's news go from now on. `kept`: what was kept of an earlier
    /// run. `None` where the settings want no puppets, or the machine has no randomness.
    pub(super) fn open(shared: Shared, kept: Option<&str>) -> Option<(Puppets, Feed)> {
        let rules = shared.settings.puppets.clone()?;
        let Some((secret, fresh)) = Secret::recall(kept) else {
            tracing::error!(network = %shared.name, "the machine gives no randomness: people get no connections");
            return None;
        };
        let turn = Arc::new(tokio::sync::Mutex::new(Bucket::new(AT_ONCE, rules.pause)));
        let mark = fresh.then(|| secret.written());
        let puppets = Puppets(Arc::new(Inner {
            name: shared.name,
            tls: shared.tls,
            policy: shared.policy,
            ours: shared.ours,
            identd: rules.identd.map(Identd::at),
            secret,
            turn,
            listens: shared.view,
            keys: shared.keys,
            house: shared.house,
            state: Mutex::default(),
            changed: Notify::new(),
            settings: shared.settings,
            rules,
        }));
        let (feed, fed) = mpsc::channel(super::ORDERS);
        tokio::spawn(puppets.clone().listen(fed, mark));
        tokio::spawn(pool::watch(Arc::downgrade(&puppets.0)));
        Some((puppets, feed))
    }

    /// Brings the listener's news to the house, as long as there is one.
    async fn listen(self, mut fed: mpsc::Receiver<Fed>, mark: Option<String>) {
        if let Some(value) = mark {
            let what = Incoming::Mark { key: token::MARK.into(), value: Some(value) };
            self.tell(Fed { room: None, what }).await;
        }
        while let Some(news) = fed.recv().await {
            self.listener_says(news).await;
        }
    }

    async fn tell(&self, fed: Fed) {
        // A connection that is told to leave hears a little more.
        if fed.room.as_ref().is_some_and(|room| self.has_left(room)) {
            return;
        }
        // A house that is gone needs no news.
        let _ = self.0.house.send(fed).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Under which mark the secret of the tokens is kept.
pub(super) const MARK: &str = token::MARK;
