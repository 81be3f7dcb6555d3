//! XEP-0227 §4.10: what an account publishes (XEP-0163): first all nodes, then all items.

use rialto_store::Store;
use rialto_store::pubsub::{Affiliation, Nodes, Person};
use rialto_xmpp::{BareJid, Element, ns};

use super::ExportError;
use super::paper::Paper;
use super::user::kept;
use crate::features::pubsub::kept_form;

/// Writes the nodes of an account, if it has any.
pub(super) fn write(store: &Store, jid: &BareJid, paper: &mut Paper<'_>) -> Result<(), ExportError> {
    let (nodes, owner) = (Nodes::new(store), jid.as_str());
    let there = nodes.of(owner)?;
    if there.is_empty() {
        return Ok(());
    }
    let people = nodes.people(owner)?;
    paper.open("pubsub", ns::PUBSUB_OWNER, ns::PIE, &[])?;
    for (name, node) in &there {
        let configure = Element::new("configure", ns::PUBSUB_OWNER).attr("node", name);
        paper.element(&configure.with(kept_form(&node.config).to_element()), ns::PUBSUB_OWNER)?;
        let of_node = people.iter().filter(|(node, ..)| node == name).map(|(_, jid, person)| (jid, person));
        for list in [affiliations(name, of_node.clone()), subscriptions(name, of_node)] {
            if !list.nodes().is_empty() {
                paper.element(&list, ns::PUBSUB_OWNER)?;
            }
        }
    }
    paper.close("pubsub")?;
    paper.open("pubsub", ns::PUBSUB, ns::PIE, &[])?;
    for (name, _) in &there {
        paper.open("items", ns::PUBSUB, ns::PUBSUB, &[("node", name)])?;
        // §4.10.2 has no place for the time of an item; importers take the order for it.
        let mut items = nodes.items(owner, name)?;
        items.sort_by_key(|(_, item)| item.at);
        for (id, item) in items {
            let payload = match item.xml.is_empty() {
                true => None,
                false => Some(kept(jid, item.xml.as_bytes(), "an item")?),
            };
            // XEP-0060 §6.5.2: by whom it was published; the owner goes without saying.
            let by = (item.by != owner && !item.by.is_empty()).then_some(&item.by);
            let item = Element::new("item", ns::PUBSUB).attr("id", &id).attr_opt("publisher", by);
            let item = item.with_opt(payload);
            paper.element(&item, ns::PUBSUB)?;
        }
        paper.close("items")?;
    }
    paper.close("pubsub")?;
    Ok(())
}

fn affiliations<'a>(node: &str, people: impl Iterator<Item = (&'a String, &'a Person)>) -> Element {
    let standing = people.filter(|(_, person)| person.affiliation != Affiliation::None);
    let element = |(jid, person): (&String, &Person)| {
        let element = Element::new("affiliation", ns::PUBSUB_OWNER).attr("jid", jid);
        element.attr("affiliation", person.affiliation.as_str())
    };
    Element::new("affiliations", ns::PUBSUB_OWNER).attr("node", node).with_all(standing.map(element))
}

fn subscriptions<'a>(node: &str, people: impl Iterator<Item = (&'a String, &'a Person)>) -> Element {
    let all = people.flat_map(|(_, person)| &person.subscriptions).map(|subscription| {
        Element::new("subscription", ns::PUBSUB_OWNER)
            .attr("jid", &subscription.jid)
            .attr("subid", &subscription.id)
            .attr("subscription", subscription.state.as_str())
    });
    Element::new("subscriptions", ns::PUBSUB_OWNER).attr("node", node).with_all(all)
}
