//! XEP-0060 §5.2 – §5.5: nodes and their items in service discovery, for those who may know of them.

use std::time::{Duration, UNIX_EPOCH};

use rialto_store::pubsub::{Access, Affiliation};
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::parts::{datetime, rsm};
use rialto_xmpp::{Element, Jid, StanzaError, ns};

use super::access::Standing;
use super::home::{Node, subscribed};
use super::read::{Page, page};
use super::refusal::no_node;
use super::{Host, Kinds, PubSub, form};

/// Nodes in one answer, when the asker does not say how many.
const NODES: usize = 500;

impl PubSub {
    /// §5.3, §5.4: what a node is, with its metadata.
    ///
    /// # Errors
    /// `item-not-found`, and what a reader without the right to it is told.
    pub fn node_info(&self, host: Host<'_>, who: &Jid, name: &str) -> Result<Element, StanzaError> {
        let relation = self.relation(host, who.bare_str());
        let home = self.home(host.owner())?;
        let state = home.state.lock();
        let node = state.nodes.get(name).ok_or_else(no_node)?;
        shown(&Standing::new(&relation, node, who.bare_str()), node)?;
        let identity =
            Element::new("identity", ns::DISCO_INFO).attr("category", "pubsub").attr("type", "leaf");
        let feature = |var: &str| Element::new("feature", ns::DISCO_INFO).attr("var", var);
        Ok(Element::new("query", ns::DISCO_INFO)
            .with(identity)
            .with(feature(ns::PUBSUB))
            .with(feature(ns::DISCO_INFO))
            .with(feature(ns::DISCO_ITEMS))
            .with(self.metadata(host, node).to_element()))
    }

    /// §5.4
    fn metadata(&self, host: Host<'_>, node: &Node) -> Form {
        let listed = |affiliation: Affiliation| {
            let people = node.people.iter().filter(move |(_, person)| person.affiliation == affiliation);
            people.map(|(jid, _)| jid.clone())
        };
        let own = host.is_account().then(|| host.owner().to_owned());
        let record = &node.record;
        let created = datetime::format(UNIX_EPOCH + Duration::from_micros(record.created));
        let subscribers = node.people.values().filter(|person| subscribed(person)).count();
        let mut shown = Form::new("result", ns::PUBSUB_META_DATA);
        for (var, kind, label) in form::FIELDS {
            let values = form::values(&record.config, var, &self.limits);
            if !values.is_empty() && *var != "pubsub#roster_groups_allowed" {
                shown = shown.field(Field::many(kind, *var, *label, values));
            }
        }
        shown
            .field(Field::text("pubsub#creation_date", "When it was made", created))
            .field(Field {
                kind: "jid-single",
                ..Field::text("pubsub#creator", "Who made it", &record.creator)
            })
            .field(Field::many(
                "jid-multi",
                "pubsub#owner",
                "Owners",
                own.into_iter().chain(listed(Affiliation::Owner)),
            ))
            .field(Field::many("jid-multi", "pubsub#publisher", "Publishers", listed(Affiliation::Publisher)))
            .field(Field::text("pubsub#num_subscribers", "Subscribers", subscribers.to_string()))
    }

    /// §5.2: the nodes of a host that somebody may know of, each as an item of disco#items; and, where there are more, what
    /// XEP-0059 says of them.
    ///
    /// # Errors
    /// `item-not-found` for a page after a node that is not there.
    pub fn nodes(
        &self,
        host: Host<'_>,
        who: &Jid,
        (query, kinds): (Option<&rsm::Query>, &Kinds),
    ) -> Result<(Vec<Element>, Option<Element>), StanzaError> {
        let relation = self.relation(host, who.bare_str());
        let home = self.home(host.owner())?;
        let state = home.state.lock();
        let may = |node: &Node| {
            kinds.has(&node.record.config.kind)
                && shown(&Standing::new(&relation, node, who.bare_str()), node).is_ok()
        };
        let names: Vec<String> =
            state.nodes.iter().filter(|(_, node)| may(node)).map(|(name, _)| name.clone()).collect();
        let Page { ids: names, of } = match query {
            Some(query) => page(names, query)?,
            None if names.len() > NODES => {
                page(names, &rsm::Query { max: Some(NODES), ..rsm::Query::default() })?
            }
            None => Page { ids: names, of: None },
        };
        let set = of.map(|(first, count)| {
            let place = names.first().map(|name| (name.as_str(), Some(first)));
            rsm::answer(place, names.last().map(String::as_str), Some(count as u64))
        });
        let item = |name: &String| {
            let title =
                state.nodes.get(name).map(|node| node.record.config.title.as_str()).unwrap_or_default();
            Element::new("item", ns::DISCO_ITEMS)
                .attr("jid", host.owner())
                .attr("node", name)
                .attr_opt("name", (!title.is_empty()).then_some(title))
        };
        Ok((names.iter().map(item).collect(), set))
    }

    /// §5.5: the ids of a node's items, for who may read them.
    ///
    /// # Errors
    /// `item-not-found`, and what a reader without the right to it is told.
    pub fn node_items(&self, host: Host<'_>, who: &Jid, name: &str) -> Result<Vec<Element>, StanzaError> {
        let relation = self.relation(host, who.bare_str());
        let home = self.home(host.owner())?;
        let mut state = home.state.lock();
        let node = state.nodes.get_mut(name).ok_or_else(no_node)?;
        Standing::new(&relation, node, who.bare_str()).may_read(&node.record.config)?;
        let ids = self.living(host.owner(), name, node)?;
        let item =
            |id: String| Element::new("item", ns::DISCO_ITEMS).attr("jid", host.owner()).attr("name", id);
        Ok(ids.into_iter().map(item).collect())
    }
}

/// Who may read a node knows of it, and who may ask to.
fn shown(standing: &Standing<'_>, node: &Node) -> Result<(), StanzaError> {
    match node.record.config.access {
        Access::Authorize => standing.may_subscribe(&node.record.config),
        _ => standing.may_read(&node.record.config),
    }
}
