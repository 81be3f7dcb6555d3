//! XEP-0060 §7.1.2, §7.2.2, §8: what subscribers are told of an event.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rialto_store::pubsub::{Config, Item, Notification};
use rialto_xmpp::parts::datetime;
use rialto_xmpp::{Element, Head, Message, MessageKind, Stanza, ns};

use super::Host;
use super::home::View;
use super::read::Entry;
use crate::random;

/// The message about an event of a node, without `to`. §12.7: it never has a body.
pub(super) fn message(host: Host<'_>, config: &Config, event: Element) -> Message {
    let kind = match config.notification {
        Notification::Normal => MessageKind::Normal,
        Notification::Headline => MessageKind::Headline,
    };
    let id = Some(random::token().into());
    // XEP-0163 §4.3.1: from the account, not from the client that published.
    let head = Head { from: Some(host.jid().clone()), id, ..Head::default() };
    let event = Element::new("event", ns::PUBSUB_EVENT).with(event);
    Message { head, kind, payloads: vec![event] }
}

/// §7.1.2: items that were published.
pub(super) fn published(host: Host<'_>, view: &View, item: Element) -> Message {
    message(host, &view.config, items(&view.name).with(item))
}

/// §6.1.7: the newest item for somebody new; stamped, so that it is not taken for news.
pub(super) fn last(host: Host<'_>, view: &View, id: &str, item: &Item) -> Stanza {
    let at = UNIX_EPOCH + Duration::from_micros(item.at);
    let entry = Entry::read(id, item);
    let element = entry.element(host, ns::PUBSUB_EVENT, view.config.deliver_payloads);
    let mut message = published(host, view, element);
    message.payloads.push(delay(at));
    message.into()
}

/// §7.2.2.1: items that were retracted.
pub(super) fn retracted(host: Host<'_>, view: &View, ids: &[String]) -> Message {
    let retract = |id: &String| Element::new("retract", ns::PUBSUB_EVENT).attr("id", id);
    message(host, &view.config, items(&view.name).with_all(ids.iter().map(retract)))
}

/// §8.4.2, §8.5.2: the node, or all that was in it, is gone.
pub(super) fn emptied(host: Host<'_>, view: &View, deleted: bool) -> Message {
    let name = if deleted { "delete" } else { "purge" };
    message(host, &view.config, Element::new(name, ns::PUBSUB_EVENT).attr("node", &view.name))
}

/// §8.2.4: another configuration; with the form if payloads are told.
pub(super) fn configured(host: Host<'_>, view: &View, form: Option<Element>) -> Message {
    let event = Element::new("configuration", ns::PUBSUB_EVENT).attr("node", &view.name).with_opt(form);
    message(host, &view.config, event)
}

fn items(node: &str) -> Element {
    Element::new("items", ns::PUBSUB_EVENT).attr("node", node)
}

fn delay(at: SystemTime) -> Element {
    Element::new("delay", ns::DELAY).attr("stamp", datetime::format(at))
}
