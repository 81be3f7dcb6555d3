//! An owner's nodes in memory: what decides, while the store keeps it.
//!
//! Changes are made under the lock and handed to the store before it is let go, so that memory and disk agree on the
//! order. Payloads are not here: they are read when they are wanted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use rialto_store::pubsub::{Affiliation, Config, Nodes, Person, State as Sub};
use rialto_store::{StoreError, Ticket, pubsub};

/// An owner's nodes.
pub(super) struct Home {
    pub state: Mutex<State>,
    /// Somebody has asked for it since the last sweep.
    pub used: AtomicBool,
}

/// What changes.
#[derive(Default)]
pub(super) struct State {
    pub nodes: BTreeMap<String, Node>,
    /// The newest write: what is read from the store waits for it.
    pub newest: Ticket,
}

/// One node.
#[derive(Default)]
pub(super) struct Node {
    pub record: pubsub::Node,
    /// By bare JID; swapped whole, so that whoever tells them of something needs no lock.
    pub people: Arc<BTreeMap<String, Person>>,
    /// Its items; `None` until they are first needed.
    pub index: Option<HashMap<String, Mark>>,
}

/// What is remembered of an item.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// When it was published: the items' order.
    pub at: u64,
    /// Length of its payload.
    pub bytes: u64,
    /// The bare JID of who published it.
    pub by: Box<str>,
}

/// What is needed of a node to tell people of it, without a lock.
#[derive(Clone)]
pub(super) struct View {
    pub name: String,
    pub config: Config,
    pub people: Arc<BTreeMap<String, Person>>,
    pub last: Option<String>,
}

impl Home {
    /// Reads records and people of all nodes of an owner.
    pub fn load(kept: &Nodes, owner: &str) -> Result<Home, StoreError> {
        let mut state = State::default();
        let mut people: HashMap<String, BTreeMap<String, Person>> = HashMap::new();
        for (node, jid, person) in kept.people(owner)? {
            people.entry(node).or_default().insert(jid, person);
        }
        for (name, record) in kept.of(owner)? {
            let people = Arc::new(people.remove(&name).unwrap_or_default());
            state.nodes.insert(name, Node { record, people, index: None });
        }
        Ok(Home { state: Mutex::new(state), used: AtomicBool::new(true) })
    }
}

impl State {
    /// Bytes of all payloads.
    pub fn bytes(&self) -> u64 {
        self.nodes.values().map(|node| node.record.bytes).sum()
    }
}

impl Node {
    /// The items, read now if they have not been. Everything written before is in the store: whatever writes an item
    /// has read the index first, and a home stays in memory until its writes can be read.
    pub fn index(
        &mut self,
        kept: &Nodes,
        owner: &str,
        name: &str,
    ) -> Result<&mut HashMap<String, Mark>, StoreError> {
        if self.index.is_none() && self.record.items > 0 {
            let items = kept.items(owner, name)?;
            self.index = Some(items.into_iter().map(|(id, item)| (id, Mark::of(&item))).collect());
        }
        Ok(self.index.get_or_insert_default())
    }

    /// How somebody stands to it, by bare JID.
    pub fn person(&self, bare: &str) -> Option<&Person> {
        self.people.get(bare)
    }

    /// Somebody's affiliation as the node has it.
    pub fn affiliation(&self, bare: &str) -> Affiliation {
        self.person(bare).map(|person| person.affiliation).unwrap_or_default()
    }

    /// A view for those who must be told.
    pub fn view(&self, name: &str) -> View {
        View {
            name: name.to_owned(),
            config: self.record.config.clone(),
            people: self.people.clone(),
            last: self.record.last.clone(),
        }
    }
}

impl Mark {
    /// What is remembered of an item.
    pub fn of(item: &pubsub::Item) -> Mark {
        let by = item.by.split('/').next().unwrap_or_default();
        Mark { at: item.at, bytes: item.xml.len() as u64, by: by.into() }
    }
}

/// Whether one of somebody's subscriptions counts.
pub(super) fn subscribed(person: &Person) -> bool {
    person.subscriptions.iter().any(|one| one.state == Sub::Subscribed)
}
