//! XEP-0060 §6.1, §6.2, §6.3: subscribing, unsubscribing, and the options of a subscription.

use std::sync::Arc;

use rialto_store::pubsub::{Access, Affiliation, Person, SendLast, State as Sub, Subscription};
use rialto_store::{Batch, pubsub};
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Condition, Element, Jid, StanzaError, ns};

use super::access::Standing;
use super::home::{Node, State};
use super::people::tell_owners;
use super::refusal::{explained, no_node, refusal};
use super::{Host, PubSub, failed};
use crate::features::Left;
use crate::random;

impl PubSub {
    /// §6.1: `jid` subscribes, or asks to.
    pub(super) fn subscribe(
        self: &Arc<PubSub>,
        host: Host<'_>,
        by: &Jid,
        (name, jid): (&str, &Jid),
        form: Option<&Form>,
        left: &mut Left,
    ) -> Result<Element, StanzaError> {
        own(by, jid)?;
        let paused = form.map(paused).transpose()?.flatten();
        let relation = self.relation(host, by.bare_str());
        let home = self.home(host.owner())?;
        let (subscription, is_new, view) = {
            let mut state = home.state.lock();
            let node = state.nodes.get_mut(name).ok_or_else(no_node)?;
            let standing = Standing::new(&relation, node, by.bare_str());
            standing.may_subscribe(&node.record.config)?;
            let trusted = !matches!(standing.affiliation(), Affiliation::None);
            let must_ask = node.record.config.access == Access::Authorize && !trusted;
            let mut person = node.person(by.bare_str()).cloned().unwrap_or_default();
            let before = person.subscriptions.iter().position(|one| one.jid == jid.as_str());
            if before.is_none() && person.subscriptions.len() >= self.limits.subscriptions {
                return Err(refusal(Condition::PolicyViolation, "too-many-subscriptions"));
            }
            let place = before.unwrap_or_else(|| {
                let state = if must_ask { Sub::Pending } else { Sub::Subscribed };
                let (jid, id) = (jid.as_str().to_owned(), random::token());
                person.subscriptions.push(Subscription { jid, id, state, paused: false });
                person.subscriptions.len() - 1
            });
            let Some(one) = person.subscriptions.get_mut(place) else { return Err(no_node()) };
            one.paused = paused.unwrap_or(one.paused);
            let subscription = one.clone();
            self.put_person(&mut state, host, name, (by.bare_str(), person), left)?;
            let node = state.nodes.get(name).ok_or_else(no_node)?;
            (subscription, before.is_none(), node.view(name))
        };
        match subscription.state {
            Sub::Pending if is_new => self.ask_owners(host, &view.people, (name, &subscription), left),
            Sub::Subscribed if view.config.send_last != SendLast::Never => {
                self.leave_newest(host, view.clone(), jid, left);
            }
            _ => {}
        }
        if is_new && subscription.state == Sub::Subscribed {
            tell_owners(host, &view, &subscription, Sub::Subscribed.as_str(), left);
        }
        Ok(shown(&subscription, name))
    }

    /// §6.1.7: the newest item for a new subscriber, behind the answer.
    fn leave_newest(self: &Arc<PubSub>, host: Host<'_>, view: super::home::View, to: &Jid, left: &mut Left) {
        let (pubsub, to) = (self.clone(), to.clone());
        let owner = super::host::Owned::of(host);
        let work: crate::features::Later = Box::new(move || {
            Box::pin(async move {
                let mut left = Left::default();
                if let Some(stanza) = pubsub.last_item(owner.host(), &view, &to).await {
                    left.route(stanza);
                }
                left
            })
        });
        left.after.push(crate::features::Also::Later(work));
    }

    /// §6.2: ends a subscription. Without an id it is the one of that JID.
    pub(super) fn unsubscribe(
        &self,
        host: Host<'_>,
        by: &Jid,
        (name, jid): (&str, &Jid),
        id: Option<&str>,
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        own(by, jid).map_err(|_| StanzaError::from(Condition::Forbidden))?;
        let home = self.home(host.owner())?;
        let mut state = home.state.lock();
        let node = state.nodes.get(name).ok_or_else(no_node)?;
        let mut person = node.person(by.bare_str()).cloned().unwrap_or_default();
        let place = place(&person, jid, id)?;
        let gone = person.subscriptions.remove(place);
        if gone.state == Sub::Subscribed {
            tell_owners(host, &node.view(name), &gone, "none", left);
        }
        self.put_person(&mut state, host, name, (by.bare_str(), person), left)
    }

    /// §6.3.2: the options of a subscription.
    pub(super) fn options_of(
        &self,
        host: Host<'_>,
        by: &Jid,
        (name, jid): (&str, &Jid),
        id: Option<&str>,
    ) -> Result<Element, StanzaError> {
        own(by, jid).map_err(|_| StanzaError::from(Condition::Forbidden))?;
        let home = self.home(host.owner())?;
        let state = home.state.lock();
        let node = state.nodes.get(name).ok_or_else(no_node)?;
        let person = node.person(by.bare_str()).cloned().unwrap_or_default();
        let one = person.subscriptions.get(place(&person, jid, id)?).ok_or_else(no_node)?;
        let deliver = Field::boolean("pubsub#deliver", "Send events now", !one.paused);
        let form = Form::new("form", ns::PUBSUB_SUBSCRIBE_OPTIONS).field(deliver).to_element();
        Ok(Element::new("options", ns::PUBSUB)
            .attr("node", name)
            .attr("jid", &one.jid)
            .attr("subid", &one.id)
            .with(form))
    }

    /// §6.3.5: sets them.
    pub(super) fn set_options(
        &self,
        host: Host<'_>,
        by: &Jid,
        (name, jid, id): (&str, &Jid, Option<&str>),
        form: &Form,
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        own(by, jid).map_err(|_| StanzaError::from(Condition::Forbidden))?;
        let paused = paused(form)?;
        let home = self.home(host.owner())?;
        let mut state = home.state.lock();
        let node = state.nodes.get(name).ok_or_else(no_node)?;
        let mut person = node.person(by.bare_str()).cloned().unwrap_or_default();
        let place = place(&person, jid, id)?;
        if let (Some(one), Some(paused)) = (person.subscriptions.get_mut(place), paused) {
            one.paused = paused;
        }
        self.put_person(&mut state, host, name, (by.bare_str(), person), left)
    }

    /// Keeps how somebody stands to a node, in memory and in the store.
    pub(super) fn put_person(
        &self,
        state: &mut State,
        host: Host<'_>,
        name: &str,
        (bare, person): (&str, Person),
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        let node = state.nodes.get_mut(name).ok_or_else(no_node)?;
        if node.person(bare).is_none() && node.people.len() >= self.limits.people {
            let text = "So many stand to this node that there is no room for another.";
            return Err(explained(Condition::ResourceConstraint, "too-many-subscriptions", text));
        }
        let mut batch = Batch::new();
        pubsub::put_person(&mut batch, (host.owner(), name), bare, &person).map_err(failed)?;
        node.set_person(bare, person);
        state.newest = self.store.enqueue(batch);
        left.wrote(state.newest);
        Ok(())
    }
}

impl Node {
    /// Puts somebody in, or forgets who stands in no way to it.
    pub(super) fn set_person(&mut self, bare: &str, person: Person) {
        let people = Arc::make_mut(&mut self.people);
        match person == Person::default() {
            true => drop(people.remove(bare)),
            false => drop(people.insert(bare.to_owned(), person)),
        }
    }
}

/// §6.1.3.1: one subscribes oneself.
fn own(by: &Jid, jid: &Jid) -> Result<(), StanzaError> {
    match by.bare_str() == jid.bare_str() {
        true => Ok(()),
        false => Err(refusal(Condition::BadRequest, "invalid-jid")),
    }
}

/// §6.2.3: which of somebody's subscriptions is meant.
fn place(person: &Person, jid: &Jid, id: Option<&str>) -> Result<usize, StanzaError> {
    let of_jid = person.subscriptions.iter().position(|one| one.jid == jid.as_str());
    let place = of_jid.ok_or_else(|| refusal(Condition::UnexpectedRequest, "not-subscribed"))?;
    let fits = |id: &str| person.subscriptions.get(place).is_some_and(|one| one.id == id);
    match id {
        Some(id) if !fits(id) => Err(refusal(Condition::NotAcceptable, "invalid-subid")),
        _ => Ok(place),
    }
}

/// §6.3.5: whether the options pause a subscription.
fn paused(form: &Form) -> Result<Option<bool>, StanzaError> {
    if form.form_type().is_some_and(|one| one != ns::PUBSUB_SUBSCRIBE_OPTIONS) {
        return Err(refusal(Condition::BadRequest, "invalid-options"));
    }
    match (form.get("pubsub#deliver"), form.boolean("pubsub#deliver")) {
        (None, _) => Ok(None),
        (Some(_), Some(deliver)) => Ok(Some(!deliver)),
        (Some(_), None) => Err(refusal(Condition::BadRequest, "invalid-options")),
    }
}

/// The `<subscription/>` of an answer.
pub(super) fn shown(one: &Subscription, node: &str) -> Element {
    Element::new("subscription", ns::PUBSUB)
        .attr("node", node)
        .attr("jid", &one.jid)
        .attr("subid", &one.id)
        .attr("subscription", one.state.as_str())
}
