//! XEP-0060: the nodes of accounts and services, who stands how to them, and their items.
//!
//! An owner is the bare JID of an account or the domain of a service; its nodes go with it.

mod config;

use serde::{Deserialize, Serialize};

pub use config::{Access, Affiliation, Config, Full, Notification, Publishing, SendLast, State};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const NODES: Table<Node> = Table::new(tables::PUBSUB_NODES);
const PEOPLE: Table<Person> = Table::new(tables::PUBSUB_PEOPLE);
const ITEMS: Table<Item> = Table::new(tables::PUBSUB_ITEMS);

/// What is kept of a node, but for its people and items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Node {
    /// How it is configured.
    pub config: Config,
    /// Who made it: a bare JID.
    pub creator: String,
    /// When, in microseconds since 1970.
    pub created: u64,
    /// How many items it holds.
    pub items: u32,
    /// How long their payloads are together, in bytes.
    pub bytes: u64,
    /// The id of the newest item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

/// How somebody stands to a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// What they may do.
    pub affiliation: Affiliation,
    /// What they have subscribed to: at most one for each JID.
    pub subscriptions: Vec<Subscription>,
}

/// One subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscription {
    /// To whom events go: bare or full.
    pub jid: String,
    /// Its name among those of the node.
    pub id: String,
    /// How far it has come.
    pub state: State,
    /// §6.3: `pubsub#deliver` is false: nothing is sent for now.
    pub paused: bool,
}

/// One item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// When it was published, in microseconds since 1970; unique, so that items have an order.
    pub at: u64,
    /// By whom: a full JID, or a bare one where the server did it.
    pub by: String,
    /// Its payload; empty if there is none.
    pub xml: String,
}

/// All nodes.
#[derive(Clone)]
pub struct Nodes {
    store: Store,
}

impl Nodes {
    /// The nodes of a store.
    pub fn new(store: &Store) -> Nodes {
        Nodes { store: store.clone() }
    }

    /// The names and records of an owner's nodes.
    pub fn of(&self, owner: &str) -> Result<Vec<(String, Node)>, StoreError> {
        let rows = NODES.list(&self.store, &[owner])?;
        Ok(rows.into_iter().filter_map(|(parts, node)| Some((parts.into_iter().nth(1)?, node))).collect())
    }

    /// Everybody who stands somehow to a node of an owner: node, bare JID and how.
    pub fn people(&self, owner: &str) -> Result<Vec<(String, String, Person)>, StoreError> {
        let rows = PEOPLE.list(&self.store, &[owner])?;
        let named = rows.into_iter().filter_map(|(parts, person)| {
            let mut parts = parts.into_iter().skip(1);
            Some((parts.next()?, parts.next()?, person))
        });
        Ok(named.collect())
    }

    /// The items of a node, in the order of their ids.
    pub fn items(&self, owner: &str, node: &str) -> Result<Vec<(String, Item)>, StoreError> {
        let rows = ITEMS.list(&self.store, &[owner, node])?;
        Ok(rows.into_iter().filter_map(|(parts, item)| Some((parts.into_iter().nth(2)?, item))).collect())
    }

    /// One item.
    pub fn item(&self, owner: &str, node: &str, id: &str) -> Result<Option<Item>, StoreError> {
        ITEMS.get(&self.store, &[owner, node, id])
    }
}

/// Keeps a node's record.
pub fn put(batch: &mut Batch, owner: &str, node: &str, record: &Node) -> Result<(), StoreError> {
    NODES.put(batch, &[owner, node], record)
}

/// Removes a node with its people and items.
pub fn remove(batch: &mut Batch, owner: &str, node: &str) {
    NODES.delete(batch, &[owner, node]);
    PEOPLE.delete_all(batch, &[owner, node]);
    purge(batch, owner, node);
}

/// Keeps how somebody stands to a node; who stands in no way to it is forgotten.
pub fn put_person(
    batch: &mut Batch,
    (owner, node): (&str, &str),
    jid: &str,
    person: &Person,
) -> Result<(), StoreError> {
    if *person == Person::default() {
        PEOPLE.delete(batch, &[owner, node, jid]);
        return Ok(());
    }
    PEOPLE.put(batch, &[owner, node, jid], person)
}

/// Keeps an item.
pub fn put_item(
    batch: &mut Batch,
    (owner, node): (&str, &str),
    id: &str,
    item: &Item,
) -> Result<(), StoreError> {
    ITEMS.put(batch, &[owner, node, id], item)
}

/// Removes an item.
pub fn remove_item(batch: &mut Batch, (owner, node): (&str, &str), id: &str) {
    ITEMS.delete(batch, &[owner, node, id]);
}

/// Removes all items of a node.
pub fn purge(batch: &mut Batch, owner: &str, node: &str) {
    ITEMS.delete_all(batch, &[owner, node]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROMEO: &str = "romeo@localhost";

    fn item(at: u64, xml: &str) -> Item {
        Item { at, by: ROMEO.into(), xml: xml.into() }
    }

    #[tokio::test]
    async fn nodes_people_and_items_come_back_and_go_together() {
        let store = Store::memory();
        let nodes = Nodes::new(&store);
        let mut batch = Batch::new();
        let record = Node { creator: ROMEO.into(), items: 2, ..Node::default() };
        for name in ["tune", "tunes"] {
            put(&mut batch, ROMEO, name, &record).unwrap();
            put_item(&mut batch, (ROMEO, name), "a", &item(1, "<a x='1'/>")).unwrap();
            put_item(&mut batch, (ROMEO, name), "b", &item(2, "")).unwrap();
            let person = Person { affiliation: Affiliation::Member, ..Person::default() };
            put_person(&mut batch, (ROMEO, name), "juliet@localhost", &person).unwrap();
        }
        store.commit(batch).await.unwrap();
        assert_eq!(nodes.of(ROMEO).unwrap(), [("tune".into(), record.clone()), ("tunes".into(), record)]);
        assert_eq!(nodes.item(ROMEO, "tune", "a").unwrap(), Some(item(1, "<a x='1'/>")));
        let mut batch = Batch::new();
        remove(&mut batch, ROMEO, "tune");
        put_person(&mut batch, (ROMEO, "tunes"), "juliet@localhost", &Person::default()).unwrap();
        remove_item(&mut batch, (ROMEO, "tunes"), "a");
        store.commit(batch).await.unwrap();
        assert_eq!(nodes.of(ROMEO).unwrap().len(), 1);
        assert_eq!(nodes.items(ROMEO, "tune").unwrap(), []);
        assert_eq!(nodes.items(ROMEO, "tunes").unwrap(), [("b".into(), item(2, ""))]);
        assert_eq!(nodes.people(ROMEO).unwrap(), []);
    }

    #[test]
    fn a_record_of_an_older_server_gets_the_defaults_of_what_it_does_not_say() {
        let node: Node = serde_json::from_str(r#"{"config":{"access":"open"}}"#).unwrap();
        assert_eq!((node.config.access, node.config.max_items), (Access::Open, Some(1)));
        assert!(node.config.notify_retract);
    }
}
