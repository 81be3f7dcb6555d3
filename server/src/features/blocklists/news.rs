//! XEP-0060 §7.1, §8.4, §8.5, §8.8: what a service tells of a node.

use rialto_xmpp::{Element, ns};

/// Something that happened to a node.
pub(super) struct News<'a> {
    node: &'a str,
    /// What.
    pub change: Change<'a>,
}

/// What happened.
pub(super) enum Change<'a> {
    /// Items came (`true`) or were taken back.
    Items(Vec<(&'a str, bool)>),
    /// All were taken back.
    Purged,
    /// It is no more.
    Deleted,
    /// Our subscription is good.
    Subscribed,
    /// It is none.
    Unsubscribed,
}

impl<'a> News<'a> {
    /// Reads a child of an event.
    pub fn read(element: &'a Element) -> Option<News<'a>> {
        if *element.ns() != *ns::PUBSUB_EVENT {
            return None;
        }
        let change = match element.name() {
            "items" => Change::Items(element.children().filter_map(item).collect()),
            "purge" => Change::Purged,
            "delete" => Change::Deleted,
            "subscription" => match element.get("subscription")? {
                "subscribed" => Change::Subscribed,
                "none" => Change::Unsubscribed,
                _ => return None,
            },
            _ => return None,
        };
        Some(News { node: element.get("node")?, change })
    }

    /// Of which node.
    pub fn node(&self) -> &str {
        self.node
    }
}

fn item(element: &Element) -> Option<(&str, bool)> {
    let is_there = match element.name() {
        "item" => true,
        "retract" => false,
        _ => return None,
    };
    Some((element.get("id")?, is_there))
}
