//! All links there are: made, taken away, found again after a restart. A far room is in one room of ours at most.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use rialto_bridges::{NetworkError, RemoteId};
use rialto_store::ids::Ids;
use rialto_store::outbox::Outbox;
use rialto_store::rooms::Links as Kept;
use rialto_store::{Batch, Store, StoreError};
use rialto_xmpp::BareJid;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::attached::{Attached, Origin};
use super::back;
use super::commands;
use super::files::{Carrier, Files};
use super::filter::Ignored;
use super::hosts::Hosts;
use super::inward;
use super::lane::Waits;
use super::linked::{Linked, key};
use super::mark::Brought;
use super::networks::{Connected, Networks};
use super::outward::Outward;
use crate::config::{LinkOptions, To};
use crate::muc::{Config, Input, LinkId, Mailbox};

/// How often a far room is asked for whose network is away.
pub(super) const AGAIN: Duration = Duration::from_secs(20);

/// All links. A clone is the same.
#[derive(Clone)]
pub struct Links(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) networks: Networks,
    pub(super) hosts: Arc<Hosts>,
    pub(super) store: Store,
    pub(super) ids: Arc<Ids>,
    pub(super) kept: Kept<Row>,
    pub(super) outbox: Outbox<Waits>,
    files: OnceLock<Arc<Files>>,
    rooms: Config,
    table: Mutex<Table>,
    next: AtomicU32,
    /// What the configuration says of links.
    pub(super) configured: Mutex<Vec<(BareJid, To)>>,
    /// Some network lets owners of rooms link them.
    pub(super) owners_link: Arc<AtomicBool>,
}

#[derive(Default)]
struct Table {
    by_key: BTreeMap<String, Arc<Attached>>,
    by_id: HashMap<LinkId, Arc<Attached>>,
}

/// What is kept of a link that was made at run time, beside its room and key.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Row {
    pub(super) options: LinkOptions,
    /// It was made by an owner of the room, not by an operator.
    pub(super) by_owner: bool,
}

/// Why a link was not made or taken away. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// There is no such section.
    #[error("there is no [bridge.{name}] in the configuration; there is {known}")]
    NoBridge {
        /// The name.
        name: String,
        /// Those there are.
        known: String,
    },
    /// A far room is in one room at most.
    #[error("{link} is linked to {room} already; take that link away first")]
    Taken {
        /// The link's key.
        link: String,
        /// Where it is.
        room: BareJid,
    },
    /// No host has such rooms.
    #[error("{0} is no address of a room of this server")]
    NoRoom(BareJid),
    /// The network says no.
    #[error("{link}: {error}")]
    Far {
        /// The link's key.
        link: String,
        /// What it says.
        error: NetworkError,
    },
    /// It is not there.
    #[error("{room} is not linked to {link}")]
    NotThere {
        /// The room.
        room: BareJid,
        /// The link's key.
        link: String,
    },
    /// It is not ours to change or take away.
    #[error("{0}")]
    NotHere(&'static str),
    /// An option cannot be.
    #[error("{0}")]
    BadOption(String),
    /// The store.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

impl Links {
    /// Links over these networks. Rooms that a link needs and nobody has made are made with `rooms`. None works yet.
    pub fn new(networks: Networks, store: &Store, rooms: Config) -> Links {
        networks.keep_in(store);
        let owners_link = Arc::new(AtomicBool::new(commands::owners_link(&networks)));
        Links(Arc::new(Inner {
            owners_link,
            configured: Mutex::default(),
            networks,
            hosts: Arc::default(),
            store: store.clone(),
            ids: Arc::new(Ids::new(store)),
            kept: Kept::new(store),
            outbox: Outbox::new(store),
            files: OnceLock::new(),
            rooms,
            table: Mutex::default(),
            next: AtomicU32::new(1),
        }))
    }

    /// The hosts whose rooms are linked.
    pub fn hosts(&self) -> &Hosts {
        &self.0.hosts
    }

    /// The networks they go over.
    pub fn networks(&self) -> &Networks {
        &self.0.networks
    }

    /// Files are kept from now on; before the first link works. Once: later calls do nothing.
    pub fn keep_files(&self, files: Arc<Files>) {
        files.begin_sweeping(&self.0.networks);
        let _ = self.0.files.set(files);
    }

    pub(super) fn files(&self) -> Option<&Arc<Files>> {
        self.0.files.get()
    }

    /// The map of message ids.
    pub fn ids(&self) -> &Arc<Ids> {
        &self.0.ids
    }

    /// Every link, in the order of their keys.
    pub fn list(&self) -> Vec<Arc<Attached>> {
        self.0.table.lock().by_key.values().cloned().collect()
    }

    /// The link to this far room.
    pub(in crate::muc) fn of_key(&self, key: &str) -> Option<Arc<Attached>> {
        self.0.table.lock().by_key.get(key).cloned()
    }

    pub(super) fn of_id(&self, id: LinkId) -> Option<Arc<Attached>> {
        self.0.table.lock().by_id.get(&id).cloned()
    }

    /// The server closes: nothing goes in or out any more, and the networks are told goodbye.
    pub async fn close(&self) {
        let links = self.list();
        futures_util::future::join_all(links.iter().map(|link| link.lane.close())).await;
        links.iter().for_each(|link| link.end());
        self.0.networks.close().await;
    }

    /// A link with its room, working but for the far side: nothing is joined yet.
    pub(super) async fn attach(
        &self,
        room: &BareJid,
        to: &To,
        origin: Origin,
    ) -> Result<Arc<Attached>, LinkError> {
        let over = self.network(&to.far.bridge)?;
        let resolved = over.network.resolve(&to.far.room).await;
        let far = resolved.map_err(|error| LinkError::Far { link: to.far.to_string(), error })?;
        let link = self.reserve(room, (&over, &far), origin, to.options.clone())?;
        let mailbox = match self.0.hosts.room(room, self.0.rooms.clone()).await {
            Ok(Some(mailbox)) => mailbox,
            Ok(None) => {
                self.drop_link(&link);
                return Err(LinkError::NoRoom(room.clone()));
            }
            Err(error) => {
                self.drop_link(&link);
                return Err(error.into());
            }
        };
        if mailbox.send(Input::Linked(link.linked.clone())).await.is_err() {
            self.drop_link(&link);
            return Err(LinkError::NoRoom(room.clone()));
        }
        self.start(&link);
        Ok(link)
    }

    /// The network of this name.
    fn network(&self, name: &str) -> Result<Arc<Connected>, LinkError> {
        self.0.networks.network(name).ok_or_else(|| {
            let known: Vec<String> =
                self.0.networks.iter().map(|network| format!("[bridge.{}]", network.name)).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            LinkError::NoBridge { name: name.to_owned(), known }
        })
    }

    /// The far room is this room's from now on.
    pub(in crate::muc) fn reserve(
        &self,
        room: &BareJid,
        (over, far): (&Arc<Connected>, &RemoteId),
        origin: Origin,
        options: LinkOptions,
    ) -> Result<Arc<Attached>, LinkError> {
        let key = key(&over.name, far);
        let mut table = self.0.table.lock();
        if let Some(other) = table.by_key.get(&key) {
            return Err(LinkError::Taken { link: key, room: other.room.clone() });
        }
        let linked = Linked {
            id: LinkId(self.0.next.fetch_add(1, Ordering::Relaxed)),
            bridge: over.name.clone(),
            kind: over.kind,
            domain: over.domain.clone(),
            far: far.clone(),
            options,
            on_demand: origin == Origin::OnDemand,
            takes_back: over.network.capabilities(far).retract,
            ignored: Ignored::default(),
        };
        let link = Arc::new(Attached::new(linked, room, origin, over, &self.0.store));
        table.by_id.insert(link.linked.id, link.clone());
        table.by_key.insert(key, link.clone());
        Ok(link)
    }

    /// Its two tasks begin. Once: later calls do nothing.
    fn start(&self, link: &Arc<Attached>) {
        if let Some(news) = link.ends.lock().take() {
            self.run(link, news, None);
        }
    }

    /// The same for a room that has just come into memory: what is known of the far room comes before whoever enters.
    pub(in crate::muc) fn start_in(&self, link: &Arc<Attached>, mailbox: &Mailbox) {
        let Some(mut news) = link.ends.lock().take() else { return };
        let mut first = None;
        while let Ok(what) = news.try_recv() {
            // What must be fetched is waited for elsewhere, and all that follows with it.
            if Carrier::waits(link, &what) {
                first = Some(what);
                break;
            }
            for input in inward::inputs(link, what, &self.0.ids) {
                // A mailbox that is new has places enough.
                mailbox.try_send(input);
            }
        }
        self.run(link, news, first);
    }

    fn run(&self, link: &Arc<Attached>, news: mpsc::Receiver<Brought>, first: Option<Brought>) {
        let (inner, files) = (&self.0, self.files().cloned());
        let from = (first, files.clone());
        let inward = inward::run(link.clone(), news, inner.ids.clone(), inner.hosts.clone(), from);
        let outward =
            Outward { link: link.clone(), ids: inner.ids.clone(), hosts: inner.hosts.clone(), files };
        let tasks = [tokio::spawn(inward).abort_handle(), tokio::spawn(outward.run()).abort_handle()];
        link.tasks.lock().extend(tasks);
    }

    /// A room whose address is a far room's came into memory without it: it is linked again.
    pub(in crate::muc) async fn revive_in(&self, mailbox: &Mailbox, local: &str) {
        let Some((name, bridge)) = local.rsplit_once('%') else { return };
        let Ok(over) = self.network(bridge) else { return };
        let Ok(far) = over.network.resolve(name).await else { return };
        let Ok(link) = self.reserve(&mailbox.room, (&over, &far), Origin::OnDemand, LinkOptions::default())
        else {
            return;
        };
        if mailbox.send(Input::Linked(link.linked.clone())).await.is_err() {
            return self.drop_link(&link);
        }
        self.start(&link);
        // The network goes on trying, and the link's state says so.
        let _ = link.join(None).await;
    }

    /// The far room is nobody's any more.
    pub(in crate::muc) fn drop_link(&self, link: &Attached) {
        let mut table = self.0.table.lock();
        let key = link.linked.key();
        if table.by_key.get(&key).is_some_and(|other| other.linked.id == link.linked.id) {
            table.by_key.remove(&key);
        }
        table.by_id.remove(&link.linked.id);
        drop(table);
        link.end();
    }

    /// We leave the far room, and its people leave ours. What has not gone out goes back to its authors.
    pub(super) async fn detach(&self, link: &Arc<Attached>) {
        self.drop_link(link);
        link.leave().await;
        if let Some(input) = back::returned(link, &link.lane.all(), &back::unlinked(&link.linked.key())) {
            self.0.hosts.input(&link.room, input).await;
        }
        self.0.hosts.input(&link.room, Input::Unlinked(link.linked.id)).await;
    }

    /// The store keeps nothing of a link any more.
    pub(super) async fn forget(&self, link: &Attached) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        let key = link.linked.key();
        self.0.kept.remove(&mut batch, link.room.as_str(), &key);
        self.0.ids.remove(&mut batch, &key);
        self.0.outbox.clear(&mut batch, &key);
        self.0.store.commit(batch).await
    }

    /// A room is gone for good, and with it its links.
    pub(super) async fn room_closed(&self, room: &BareJid) {
        let gone: Vec<Arc<Attached>> = self.list().into_iter().filter(|link| link.room == *room).collect();
        for link in gone {
            self.drop_link(&link);
            link.leave().await;
            if let Err(error) = self.forget(&link).await {
                tracing::warn!(link = %link.linked.key(), %error, "what was kept of a link was not removed");
            }
        }
        if let Some(files) = self.files() {
            files.room_closed(room).await;
        }
        let mut batch = Batch::new();
        self.0.ids.remove(&mut batch, room.as_str());
        self.0.store.enqueue(batch);
    }
}

impl Attached {
    /// Enters the far room. Without patience, as long as it takes.
    pub(in crate::muc) async fn join(&self, patience: Option<Duration>) -> Result<(), NetworkError> {
        let joining = self.over.network.join(&self.linked.far);
        let joined = match patience {
            None => joining.await,
            Some(patience) => tokio::time::timeout(patience, joining).await.unwrap_or_else(|_| {
                Err(NetworkError::Down("the network does not answer at the moment".to_owned()))
            }),
        };
        if let Err(error) = &joined {
            self.not_joined(error);
        }
        joined
    }

    /// Leaves the far room.
    pub(in crate::muc) async fn leave(&self) {
        if let Err(error) = self.over.network.leave(&self.linked.far).await {
            tracing::debug!(link = %self.linked.key(), %error, "the far room was not left in order");
        }
    }
}
