//! XEP-0227 §4.10: nodes and their items. Bookmarks of private XML (XEP-0048) become those of today (XEP-0402).

use std::collections::BTreeMap;

use rialto_store::StoreError;
use rialto_store::pubsub::{self, Access, Affiliation, Config, Item, Node, Person, State, Subscription};
use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{BareJid, Element, Jid, ns};

use super::user::{Into, shortened};
use crate::features::bookmarks;
use crate::features::pubsub::config_of;
use crate::random;

/// Nodes that are for others to see, where a file says nothing of them.
const SHOWN: &[&str] = &[ns::AVATAR_DATA, ns::AVATAR_METADATA, ns::NICK, ns::TUNE];
/// Nodes that everybody must see: keys.
const OPEN: &[&str] = &[ns::OMEMO, ns::OMEMO_LEGACY];

#[derive(Default)]
struct Read {
    config: Option<Config>,
    people: BTreeMap<String, Person>,
    items: Vec<(String, Element)>,
}

/// Reads what an account publishes.
pub(super) fn read(into: &mut Into<'_>, user: &Element) -> Result<(), StoreError> {
    let mut nodes: BTreeMap<String, Read> = BTreeMap::new();
    for part in user.children().filter(|child| child.name() == "pubsub").flat_map(Element::children) {
        let Some(name) = part.get("node").filter(|node| !node.is_empty()) else { continue };
        let node = nodes.entry(name.to_owned()).or_default();
        match part.name() {
            "configure" => {
                let (config, odd) =
                    Form::inside(part).map_or_else(Default::default, |form| config_of(into.jid, &form));
                into.report
                    .approximated
                    .extend(odd.iter().map(|field| format!("{field} of the node {}", shortened(name))));
                node.config = Some(config);
            }
            "affiliations" => part.children().for_each(|one| stands(node, one)),
            "subscriptions" => part.children().for_each(|one| subscribes(node, one)),
            "items" => node.items.extend(part.children().filter(|item| item.name() == "item").map(|item| {
                let id = item.get("id").map_or_else(random::token, str::to_owned);
                (id, item.clone())
            })),
            _ => {}
        }
    }
    old_bookmarks(into, user, &mut nodes);
    into.report.counts("nodes", nodes.len());
    into.report.counts("items", nodes.values().map(|node| node.items.len()).sum());
    nodes.into_iter().try_for_each(|(name, node)| write(into, &name, node))
}

fn old_bookmarks(into: &mut Into<'_>, user: &Element, nodes: &mut BTreeMap<String, Read>) {
    if nodes.get(ns::BOOKMARKS).is_some_and(|node| !node.items.is_empty()) {
        return;
    }
    let private = user.children().filter(|child| child.is("query", ns::PRIVATE)).flat_map(Element::children);
    let published = nodes.get(ns::BOOKMARKS_OLD).and_then(|node| node.items.last());
    let published = published.and_then(|(_, item)| item.children().next());
    let Some(storage) = published
        .cloned()
        .or_else(|| private.filter(|one| one.is("storage", ns::BOOKMARKS_OLD)).last().cloned())
    else {
        return;
    };
    let rooms = bookmarks::of_storage(&storage);
    if !rooms.is_empty() {
        into.report
            .approximated
            .push(format!("{} bookmarks of the older kind are of today's now", rooms.len()));
        let items = rooms.into_iter().map(|(id, room)| (id, Element::new("item", ns::PUBSUB).with(room)));
        nodes.entry(ns::BOOKMARKS.to_owned()).or_default().items.extend(items);
    }
}

fn stands(node: &mut Read, element: &Element) {
    let jid = element.get("jid").and_then(|jid| BareJid::parse(jid).ok());
    let affiliation = element.get("affiliation").and_then(Affiliation::parse);
    if let (Some(jid), Some(affiliation)) = (jid, affiliation) {
        node.people.entry(jid.to_string()).or_default().affiliation = affiliation;
    }
}

/// Prosody calls the attribute `subscribed`.
fn subscribes(node: &mut Read, element: &Element) {
    let state = element.get("subscription").or_else(|| element.get("subscribed")).and_then(State::parse);
    let jid = element.get("jid").and_then(|jid| Jid::parse(jid).ok());
    if let (Some(jid), Some(state)) = (jid, state) {
        let id = element.get("subid").map_or_else(random::token, str::to_owned);
        let subscription = Subscription { jid: jid.to_string(), id, state, paused: false };
        node.people.entry(jid.bare().to_string()).or_default().subscriptions.push(subscription);
    }
}

fn write(into: &mut Into<'_>, name: &str, read: Read) -> Result<(), StoreError> {
    let owner = into.jid.as_str().to_owned();
    let mut record = Node { creator: owner.clone(), created: into.store.stamp(), ..Node::default() };
    let begins = |list: &[&str]| list.iter().any(|start| name.starts_with(start));
    record.config = read.config.unwrap_or_else(|| {
        let access = match (begins(OPEN), begins(SHOWN)) {
            (true, _) => Access::Open,
            (_, true) => Access::Presence,
            _ => Access::Whitelist,
        };
        Config { access, max_items: None, ..Config::default() }
    });
    // A list may hold an id twice: the later one counts.
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    for (id, element) in read.items {
        let xml = element.children().next().map(Element::to_xml).unwrap_or_default();
        let by = element
            .get("publisher")
            .and_then(|by| Jid::parse(by).ok())
            .map_or_else(|| owner.clone(), |by| by.to_string());
        record.last = Some(id.clone());
        items.insert(id, Item { at: into.store.stamp(), by, xml });
    }
    record.items = u32::try_from(items.len()).unwrap_or(u32::MAX);
    record.bytes = items.values().map(|item| item.xml.len() as u64).sum();
    pubsub::put(&mut into.batch, &owner, name, &record)?;
    for (id, item) in &items {
        pubsub::put_item(&mut into.batch, (&owner, name), id, item)?;
    }
    for (jid, person) in &read.people {
        pubsub::put_person(&mut into.batch, (&owner, name), jid, person)?;
    }
    Ok(())
}
