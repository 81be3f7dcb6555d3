//! XEP-0060 §5.6, §5.7, §8.6, §8.8, §8.9: who stands how to nodes, as they see it and as owners change it.

use rialto_store::pubsub::{Affiliation, Person, State as Sub, Subscription};
use rialto_store::{Batch, pubsub};
use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{BareJid, Condition, Element, Head, Jid, Message, MessageKind, StanzaError, ns};

use super::access::Standing;
use super::home::{Node, State, View};
use super::refusal::no_node;
use super::{Host, PubSub, subscribe};
use crate::features::Left;
use crate::random;

impl PubSub {
    /// §5.6: the asker's own subscriptions, to one node or to all.
    pub(super) fn own_subscriptions(
        &self,
        host: Host<'_>,
        who: &Jid,
        name: Option<&str>,
    ) -> Result<Element, StanzaError> {
        let shown = Element::new("subscriptions", ns::PUBSUB).attr_opt("node", name);
        let of = |(node, person): (&String, &Person)| -> Vec<Element> {
            person.subscriptions.iter().map(|one| subscribe::shown(one, node)).collect()
        };
        let lists = self.own(host, name, |name, node| {
            node.person(who.bare_str()).map(|person| of((name, person))).unwrap_or_default()
        })?;
        Ok(shown.with_all(lists.into_iter().flatten()))
    }

    /// §5.7: the asker's own affiliations, to one node or to all.
    pub(super) fn own_affiliations(
        &self,
        host: Host<'_>,
        who: &Jid,
        name: Option<&str>,
    ) -> Result<Element, StanzaError> {
        let rules = host.rules(who.bare_str());
        let found = self.own(host, name, |name, node| {
            let affiliation = if rules { Affiliation::Owner } else { node.affiliation(who.bare_str()) };
            (affiliation != Affiliation::None).then(|| {
                Element::new("affiliation", ns::PUBSUB)
                    .attr("node", name)
                    .attr("affiliation", affiliation.as_str())
            })
        })?;
        let shown = Element::new("affiliations", ns::PUBSUB).attr_opt("node", name);
        Ok(shown.with_all(found.into_iter().flatten()))
    }

    fn own<T>(
        &self,
        host: Host<'_>,
        name: Option<&str>,
        look: impl Fn(&String, &Node) -> T,
    ) -> Result<Vec<T>, StanzaError> {
        let home = self.home(host.owner())?;
        let state = home.state.lock();
        let nodes = state.nodes.iter().filter(|(node, _)| name.is_none_or(|name| name == *node));
        Ok(nodes.map(|(name, node)| look(name, node)).collect())
    }

    /// §8.9.1, §8.8.1: everybody's affiliations or subscriptions, for an owner.
    pub(super) fn listed(
        &self,
        host: Host<'_>,
        who: &Jid,
        name: &str,
        what: List,
    ) -> Result<Element, StanzaError> {
        let relation = self.relation(host, who.bare_str());
        let home = self.home(host.owner())?;
        let state = home.state.lock();
        let node = state.nodes.get(name).ok_or_else(no_node)?;
        Standing::new(&relation, node, who.bare_str()).owns()?;
        let people = node.people.iter();
        let lines: Vec<Element> = match what {
            List::Affiliations => {
                let own = host.is_account().then(|| affiliation(host.owner(), Affiliation::Owner));
                let listed = people.filter(|(_, person)| person.affiliation != Affiliation::None);
                own.into_iter()
                    .chain(listed.map(|(jid, person)| affiliation(jid, person.affiliation)))
                    .collect()
            }
            List::Subscriptions => {
                people.flat_map(|(_, person)| &person.subscriptions).map(subscription).collect()
            }
        };
        Ok(Element::new(what.name(), ns::PUBSUB_OWNER).attr("node", name).with_all(lines))
    }

    /// §8.9.2: an owner changes affiliations; all of them or none.
    pub(super) fn set_affiliations(
        &self,
        host: Host<'_>,
        by: &Jid,
        (name, list): (&str, &Element),
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        let mut changes = Vec::new();
        for line in list.children().filter(|line| line.is("affiliation", ns::PUBSUB_OWNER)) {
            let jid =
                line.get("jid").and_then(|jid| BareJid::parse(jid).ok()).ok_or(Condition::JidMalformed)?;
            if let Some(word) = line.get("affiliation") {
                changes.push((jid, Affiliation::parse(word).ok_or(Condition::NotAcceptable)?));
            }
        }
        let relation = self.relation(host, by.bare_str());
        let home = self.home(host.owner())?;
        let mut state = home.state.lock();
        let node = state.nodes.get(name).ok_or_else(no_node)?;
        Standing::new(&relation, node, by.bare_str()).owns()?;
        keeps_an_owner(host, node, &changes)?;
        for (jid, affiliation) in changes {
            let node = state.nodes.get(name).ok_or_else(no_node)?;
            let (view, mut person) =
                (node.view(name), node.person(jid.as_str()).cloned().unwrap_or_default());
            person.affiliation = affiliation;
            if affiliation == Affiliation::Outcast {
                // §4.1: an outcast has no subscription.
                person.subscriptions.drain(..).for_each(|one| tell(host, &view, &one, "none", left));
            } else if affiliation != Affiliation::None && affiliation != Affiliation::PublishOnly {
                // §8.7: who may read anyway waits for nobody.
                for one in person.subscriptions.iter_mut().filter(|one| one.state == Sub::Pending) {
                    one.state = Sub::Subscribed;
                    tell(host, &view, one, Sub::Subscribed.as_str(), left);
                }
            }
            self.put_person(&mut state, host, name, (jid.as_str(), person), left)?;
        }
        Ok(())
    }

    /// §8.8.2: an owner changes subscriptions.
    pub(super) fn set_subscriptions(
        &self,
        host: Host<'_>,
        by: &Jid,
        (name, list): (&str, &Element),
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        let mut changes = Vec::new();
        for line in list.children().filter(|line| line.is("subscription", ns::PUBSUB_OWNER)) {
            let jid = line.get("jid").and_then(|jid| Jid::parse(jid).ok()).ok_or(Condition::JidMalformed)?;
            let wanted = match line.get("subscription") {
                Some("none") => None,
                Some(word) => Some(Sub::parse(word).ok_or(Condition::NotAcceptable)?),
                None => return Err(Condition::BadRequest.into()),
            };
            changes.push((jid, wanted));
        }
        let relation = self.relation(host, by.bare_str());
        let home = self.home(host.owner())?;
        let mut state = home.state.lock();
        let node = state.nodes.get(name).ok_or_else(no_node)?;
        Standing::new(&relation, node, by.bare_str()).owns()?;
        for (jid, wanted) in changes {
            self.set_subscription(&mut state, host, name, (&jid, wanted), left)?;
        }
        Ok(())
    }

    fn set_subscription(
        &self,
        state: &mut State,
        host: Host<'_>,
        name: &str,
        (jid, wanted): (&Jid, Option<Sub>),
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        let node = state.nodes.get(name).ok_or_else(no_node)?;
        let (view, mut person) = (node.view(name), node.person(jid.bare_str()).cloned().unwrap_or_default());
        let place = person.subscriptions.iter().position(|one| one.jid == jid.as_str());
        match (place, wanted) {
            (None, None) => return Ok(()),
            (Some(place), None) => {
                let one = person.subscriptions.remove(place);
                tell(host, &view, &one, "none", left);
            }
            (place, Some(wanted)) => {
                let place = place.unwrap_or_else(|| {
                    let (jid, id) = (jid.as_str().to_owned(), random::token());
                    person.subscriptions.push(Subscription { jid, id, ..Subscription::default() });
                    person.subscriptions.len() - 1
                });
                if let Some(one) = person.subscriptions.get_mut(place) {
                    one.state = wanted;
                    tell(host, &view, one, wanted.as_str(), left);
                }
            }
        }
        self.put_person(state, host, name, (jid.bare_str(), person), left)
    }

    /// §8.6: an owner has filled in the form that asked him. Says whether it was one.
    ///
    /// # Errors
    /// What he must be told.
    pub fn approve(
        &self,
        host: Host<'_>,
        by: &Jid,
        form: &Form,
        left: &mut Left,
    ) -> Result<bool, StanzaError> {
        if form.form_type() != Some(ns::PUBSUB_SUBSCRIBE_AUTHORIZATION) {
            return Ok(false);
        }
        if form.kind != "submit" {
            return Ok(true);
        }
        let name = form.value("pubsub#node").ok_or(Condition::BadRequest)?;
        let jid = form.value("pubsub#subscriber_jid").and_then(|jid| Jid::parse(jid).ok());
        let jid = jid.ok_or(Condition::JidMalformed)?;
        let allow = form.boolean("pubsub#allow").ok_or(Condition::BadRequest)?;
        let relation = self.relation(host, by.bare_str());
        let home = self.home(host.owner())?;
        let mut state = home.state.lock();
        let node = state.nodes.get(name).ok_or_else(no_node)?;
        Standing::new(&relation, node, by.bare_str()).owns()?;
        let waits = |one: &Subscription| one.jid == jid.as_str() && one.state == Sub::Pending;
        // Another owner may have been quicker, or he who asked may have thought better of it.
        if node.person(jid.bare_str()).is_some_and(|person| person.subscriptions.iter().any(waits)) {
            self.set_subscription(&mut state, host, name, (&jid, allow.then_some(Sub::Subscribed)), left)?;
        }
        Ok(true)
    }

    /// Who is gone for good stands in no way to any node of a host.
    pub fn dismiss(&self, host: Host<'_>, bare: &BareJid) {
        let Ok(home) = self.home(host.owner()) else { return };
        let mut state = home.state.lock();
        let mut batch = Batch::new();
        for (name, node) in &mut state.nodes {
            if node.person(bare.as_str()).is_some() {
                node.set_person(bare.as_str(), Person::default());
                // holds: removing writes no record, so nothing can fail.
                let _ =
                    pubsub::put_person(&mut batch, (host.owner(), name), bare.as_str(), &Person::default());
            }
        }
        state.newest = self.store.enqueue(batch).max(state.newest);
    }
}

/// What an owner may list.
#[derive(Clone, Copy)]
pub(super) enum List {
    Affiliations,
    Subscriptions,
}

impl List {
    fn name(self) -> &'static str {
        match self {
            List::Affiliations => "affiliations",
            List::Subscriptions => "subscriptions",
        }
    }
}

/// §8.9.2.4: a node keeps an owner.
fn keeps_an_owner(
    host: Host<'_>,
    node: &Node,
    changes: &[(BareJid, Affiliation)],
) -> Result<(), StanzaError> {
    let after = |jid: &str| {
        let change = changes.iter().rev().find(|(one, _)| one.as_str() == jid);
        change.map_or_else(|| node.affiliation(jid), |(_, affiliation)| *affiliation)
    };
    let of_account = |(jid, affiliation): &(BareJid, Affiliation)| {
        host.is_account() && jid.as_str() == host.owner() && *affiliation != Affiliation::Owner
    };
    let known = node.people.keys().map(String::as_str).chain(changes.iter().map(|(jid, _)| jid.as_str()));
    let is_owned = host.is_account() || known.into_iter().any(|jid| after(jid) == Affiliation::Owner);
    if !is_owned || changes.iter().any(of_account) {
        return Err(StanzaError::new(Condition::NotAcceptable, "A node must keep an owner."));
    }
    Ok(())
}

/// §12.13: somebody is told what has become of his subscription; and its owners, if they want to know.
fn tell(host: Host<'_>, view: &View, one: &Subscription, state: &str, left: &mut Left) {
    if let Ok(to) = Jid::parse(&one.jid) {
        left.route(changed(host, to, (&view.name, one), state));
    }
    tell_owners(host, view, one, state, left);
}

/// `pubsub#notify_sub`: the owners are told who has subscribed, and whose subscription has ended.
pub(super) fn tell_owners(host: Host<'_>, view: &View, one: &Subscription, state: &str, left: &mut Left) {
    let bare = one.jid.split('/').next().unwrap_or_default();
    let owners = view.people.iter().filter(|(jid, person)| {
        view.config.notify_sub && person.affiliation == Affiliation::Owner && jid.as_str() != bare
    });
    for to in owners.filter_map(|(jid, _)| Jid::parse(jid).ok()) {
        left.route(changed(host, to, (&view.name, one), state));
    }
}

fn changed(host: Host<'_>, to: Jid, (name, one): (&str, &Subscription), state: &str) -> Message {
    let subscription = Element::new("subscription", ns::PUBSUB_EVENT)
        .attr("node", name)
        .attr("jid", &one.jid)
        .attr("subid", &one.id)
        .attr("subscription", state);
    let id = Some(random::token().into());
    let head = Head { from: Some(host.jid().clone()), to: Some(to), id, ..Head::default() };
    let event = Element::new("event", ns::PUBSUB_EVENT).with(subscription);
    Message { head, kind: MessageKind::Headline, payloads: vec![event] }
}

fn affiliation(jid: &str, affiliation: Affiliation) -> Element {
    Element::new("affiliation", ns::PUBSUB_OWNER).attr("jid", jid).attr("affiliation", affiliation.as_str())
}

fn subscription(one: &Subscription) -> Element {
    Element::new("subscription", ns::PUBSUB_OWNER)
        .attr("jid", &one.jid)
        .attr("subid", &one.id)
        .attr("subscription", one.state.as_str())
}
