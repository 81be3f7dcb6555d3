//! XEP-0357 §7: what is published to a push service.

use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Element, Iq, IqKind, ns};

use super::registration::Registration;
use crate::config;

/// Characters of a body that are told at most, where the operator wants it told at all.
const EXCERPT: usize = 200;

/// The notification of what waits for a device, from the account itself: a push service is asked in nobody else's name.
/// It tells how many messages wait; who wrote and what only where the operator chose so.
pub fn publish(
    registration: &Registration,
    id: &str,
    count: u32,
    (sender, body): (&str, Option<&str>),
    settings: &config::Push,
) -> Iq {
    let mut summary = Form::new("submit", ns::PUSH_SUMMARY).field(field("message-count", &count.to_string()));
    if settings.sender && !sender.is_empty() {
        summary = summary.field(field("last-message-sender", sender));
    }
    if let Some(body) = body.filter(|_| settings.body) {
        let excerpt: String = body.chars().take(EXCERPT).collect();
        summary = summary.field(field("last-message-body", &excerpt));
    }
    let notification = Element::new("notification", ns::PUSH).with(summary.to_element());
    let node = Some(registration.node.as_str()).filter(|node| !node.is_empty());
    let publish = Element::new("publish", ns::PUBSUB)
        .attr_opt("node", node)
        .with(Element::new("item", ns::PUBSUB).with(notification));
    let options = registration.options.clone();
    let options = options.map(|form| Element::new("publish-options", ns::PUBSUB).with(form));
    let pubsub = Element::new("pubsub", ns::PUBSUB).with(publish).with_opt(options);
    Iq::request(IqKind::Set, id, registration.account.as_jid(), &registration.service, pubsub)
}

fn field(var: &str, value: &str) -> Field {
    Field { var: var.into(), values: vec![value.into()], ..Field::default() }
}
