//! XEP-0060 §8.1, §8.2, §8.3: making a node and configuring it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rialto_store::pubsub::{Affiliation, Config, Person};
use rialto_store::{Batch, pubsub};
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Condition, Element, Jid, StanzaError, ns};

use super::access::Standing;
use super::home::{Node, State};
use super::refusal::{explained, no_node};
use super::{Happening, Host, PubSub, event, failed, form};
use crate::features::Left;
use crate::random;

/// §7.1.5: the form of preconditions, for features that publish: `options(&[("pubsub#access_model", "whitelist")])`.
pub fn options(fields: &[(&str, &str)]) -> Form {
    let field = |(var, value): &(&str, &str)| Field {
        var: (*var).into(),
        values: vec![(*value).into()],
        ..Field::default()
    };
    let mut form = Form::new("submit", ns::PUBSUB_PUBLISH_OPTIONS);
    form.fields.extend(fields.iter().map(field));
    form
}

impl PubSub {
    /// §8.1: makes a node; gives its name, which is found here if there is none (§8.1.1, an instant node).
    ///
    /// # Errors
    /// `conflict` if there is such a node, and what is said of the form and of limits.
    pub fn create(
        &self,
        host: Host<'_>,
        by: &Jid,
        name: Option<&str>,
        form: Option<&Form>,
        left: &mut Left,
    ) -> Result<String, StanzaError> {
        if !host.lets_create(by) {
            return Err(Condition::Forbidden.into());
        }
        let name = name.map_or_else(random::token, str::to_owned);
        if name.len() > self.limits.name {
            return Err(Condition::NotAcceptable.into());
        }
        let config = match form {
            Some(form) => form::submitted(host, &host.defaults(), form, &self.limits)?,
            None => host.defaults(),
        };
        let home = self.home(host.owner())?;
        let mut state = home.state.lock();
        if state.nodes.contains_key(&name) {
            return Err(Condition::Conflict.into());
        }
        let node = self.new_node(&state, host, by, config)?;
        let mut batch = Batch::new();
        pubsub::put(&mut batch, host.owner(), &name, &node.record).map_err(failed)?;
        for (jid, person) in node.people.iter() {
            pubsub::put_person(&mut batch, (host.owner(), &name), jid, person).map_err(failed)?;
        }
        state.newest = self.store.enqueue(batch);
        left.wrote(state.newest);
        state.nodes.insert(name.clone(), node);
        Ok(name)
    }

    /// A node that is nowhere yet. At a service it belongs to whoever makes it.
    pub(super) fn new_node(
        &self,
        state: &State,
        host: Host<'_>,
        by: &Jid,
        config: Config,
    ) -> Result<Node, StanzaError> {
        let own = || state.nodes.values().filter(|node| node.record.creator == by.bare_str()).count();
        let too_many = state.nodes.len() >= host.most_nodes(&self.limits)
            || (!host.rules(by.bare_str()) && own() >= self.limits.nodes);
        if too_many {
            let text = "There are too many nodes: delete one first.";
            return Err(explained(Condition::ResourceConstraint, "max-nodes-exceeded", text));
        }
        let mut people = BTreeMap::new();
        if !host.is_account() {
            let owner = Person { affiliation: Affiliation::Owner, ..Person::default() };
            people.insert(by.bare_str().to_owned(), owner);
        }
        let creator = by.bare_str().to_owned();
        let record = pubsub::Node { config, creator, created: self.store.stamp(), ..pubsub::Node::default() };
        Ok(Node { record, people: Arc::new(people), index: None })
    }

    /// §8.2.2, §8.3: the form with a node's configuration; without a node, that of a new one.
    pub(super) fn config_form(
        &self,
        host: Host<'_>,
        who: &Jid,
        name: Option<&str>,
    ) -> Result<Element, StanzaError> {
        let Some(name) = name else {
            return Ok(form::form(host, &host.defaults(), &self.limits).to_element());
        };
        let relation = self.relation(host, who.bare_str());
        let home = self.home(host.owner())?;
        let state = home.state.lock();
        let node = state.nodes.get(name).ok_or_else(no_node)?;
        Standing::new(&relation, node, who.bare_str()).owns()?;
        Ok(form::form(host, &node.record.config, &self.limits).to_element())
    }

    /// §8.2.4: an owner submits a form.
    pub(super) fn submit(
        &self,
        host: Host<'_>,
        by: &Jid,
        name: &str,
        form: &Form,
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        self.configure(host, by, name, |config| form::submitted(host, config, form, &self.limits), left)
    }

    /// Gives a node another configuration. Items that are too many for it go.
    ///
    /// # Errors
    /// `item-not-found`, `forbidden` for who does not own it, and what `change` says.
    pub fn configure(
        &self,
        host: Host<'_>,
        by: &Jid,
        name: &str,
        change: impl FnOnce(&Config) -> Result<Config, StanzaError>,
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        let relation = self.relation(host, by.bare_str());
        let (owner, home) = (host.owner(), self.home(host.owner())?);
        let view = {
            let mut state = home.state.lock();
            let node = state.nodes.get_mut(name).ok_or_else(no_node)?;
            Standing::new(&relation, node, by.bare_str()).owns()?;
            let config = change(&node.record.config)?;
            if config == node.record.config {
                return Ok(());
            }
            let mut batch = Batch::new();
            let limit =
                if config.persist { config.max_items.unwrap_or(self.limits.items) as usize } else { 0 };
            let ids = self.living(owner, name, node)?;
            let surplus = ids.len().saturating_sub(limit);
            for id in ids.iter().take(surplus) {
                node.remove(id);
                pubsub::remove_item(&mut batch, (owner, name), id);
            }
            node.record.config = config;
            pubsub::put(&mut batch, owner, name, &node.record).map_err(failed)?;
            let view = node.view(name);
            state.newest = self.store.enqueue(batch);
            left.wrote(state.newest);
            view
        };
        if view.config.notify_config {
            let shown = form::form(host, &view.config, &self.limits);
            let shown = Form { kind: "result".into(), ..shown }.to_element();
            let shown = view.config.deliver_payloads.then_some(shown);
            self.notify(host, &view, event::configured(host, &view, shown), left);
        }
        self.tell(host, by, &Happening::Configured { node: name, config: &view.config }, left);
        Ok(())
    }
}
