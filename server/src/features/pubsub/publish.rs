//! XEP-0060 §7.1: publishing an item.

use rialto_store::pubsub::{Affiliation, Config, Full, Item};
use rialto_store::{Batch, Ticket, pubsub};
use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{Condition, Element, Jid, StanzaError, ns};

use super::access::{Relation, Standing};
use super::home::{Mark, Node, State, View};
use super::refusal::{explained, no_node, refusal};
use super::{Entry, Happening, Host, PubSub, event, failed, form, spaces};
use crate::features::Left;
use crate::random;

/// What is to be published, and where.
#[derive(Clone, Debug, Default)]
pub struct Publication<'a> {
    /// The node; made now if the publisher may make nodes and there is none.
    pub node: &'a str,
    /// The item's id; the server finds one if there is none (§7.1.3.6).
    pub id: Option<&'a str>,
    /// The payload.
    pub payload: Option<&'a Element>,
    /// §7.1.5: preconditions: how the node must be configured, and how it is made if there is none.
    /// [`super::options`] makes them.
    pub options: Option<&'a Form>,
    /// How the node is made if there is none, without it being a precondition; `options` change it.
    pub config: Option<Config>,
}

/// What the owner has, and how the publisher stands to the node.
struct Room {
    total: u64,
    affiliation: Affiliation,
}

/// What came of it.
struct Done {
    id: String,
    view: View,
    item: Item,
    /// Items that had to go.
    gone: Vec<String>,
    ticket: Ticket,
}

impl PubSub {
    /// Publishes an item; gives its id. Notifications and the ticket are left on `left`.
    ///
    /// # Errors
    /// The stanza error for the publisher (§7.1.3, §7.1.5); nothing has changed then.
    pub fn publish(
        &self,
        host: Host<'_>,
        by: &Jid,
        publication: &Publication<'_>,
        left: &mut Left,
    ) -> Result<String, StanzaError> {
        self.bounded(publication)?;
        self.permitted(host, (publication.node, publication.id), publication.payload)?;
        let relation = self.relation(host, by.bare_str());
        let home = self.home(host.owner())?;
        let done = {
            let mut state = home.state.lock();
            self.published(&mut state, host, (by, &relation), publication)?
        };
        left.wrote(done.ticket);
        let Done { id, view, item, gone, .. } = done;
        let entry = Entry { id: id.clone(), at: item.at, by: item.by, payload: publication.payload.cloned() };
        let element = entry.element(host, ns::PUBSUB_EVENT, view.config.deliver_payloads);
        self.notify(host, &view, event::published(host, &view, element), left);
        if !gone.is_empty() && view.config.notify_retract {
            self.notify(host, &view, event::retracted(host, &view, &gone), left);
        }
        let (node, payload) = (publication.node, publication.payload);
        self.tell(host, by, &Happening::Published { node, id: &id, payload }, left);
        Ok(id)
    }

    /// What is too long whatever the node says.
    fn bounded(&self, publication: &Publication<'_>) -> Result<(), StanzaError> {
        let long = |text: &str| text.len() > self.limits.name;
        if publication.node.is_empty() {
            return Err(super::refusal::node_required());
        }
        if long(publication.node) || publication.id.is_some_and(|id| id.is_empty() || long(id)) {
            let text = format!("A node and an item have names of 1 to {} bytes.", self.limits.name);
            return Err(StanzaError::new(Condition::NotAcceptable, text));
        }
        Ok(())
    }

    /// Decides under the lock, and hands the store what has changed.
    fn published(
        &self,
        state: &mut State,
        host: Host<'_>,
        (by, relation): (&Jid, &Relation),
        publication: &Publication<'_>,
    ) -> Result<Done, StanzaError> {
        let (owner, name) = (host.owner(), publication.node);
        let mut fresh = match state.nodes.contains_key(name) {
            true => None,
            // §7.1.4
            false => Some(self.made_for(state, host, by, publication)?),
        };
        let (total, is_fresh) = (state.bytes(), fresh.is_some());
        let node = match &mut fresh {
            Some(node) => node,
            None => state.nodes.get_mut(name).ok_or_else(no_node)?,
        };
        let standing = Standing::new(relation, node, by.bare_str());
        standing.may_publish(&node.record.config)?;
        if let Some(options) = publication.options.filter(|_| !is_fresh) {
            form::met(host, &node.record.config, options, &self.limits)?;
        }
        let xml = publication.payload.map(Element::to_xml).unwrap_or_default();
        self.fits(&node.record.config, publication, &xml)?;
        spaces::may_hold(host, node, (publication.id, publication.payload))?;
        let room = Room { total, affiliation: standing.affiliation() };
        let item = Item { at: self.store.stamp(), by: by.as_str().to_owned(), xml };
        let id = publication.id.map_or_else(random::token, str::to_owned);
        let (mut batch, mut gone) = (Batch::new(), Vec::new());
        if node.record.config.persist {
            gone = self.keep(&mut batch, host, node, (name, &id, &item), &room)?;
        }
        if is_fresh || node.record.config.persist {
            pubsub::put(&mut batch, owner, name, &node.record).map_err(failed)?;
        }
        for (jid, person) in node.people.iter().filter(|_| is_fresh) {
            pubsub::put_person(&mut batch, (owner, name), jid, person).map_err(failed)?;
        }
        let (view, ticket) = (node.view(name), self.store.enqueue(batch));
        state.newest = ticket.max(state.newest);
        if let Some(node) = fresh {
            state.nodes.insert(name.to_owned(), node);
        }
        Ok(Done { id, view, item, gone, ticket })
    }

    /// §7.1.4: the node that a publication makes, as its options want it.
    fn made_for(
        &self,
        state: &State,
        host: Host<'_>,
        by: &Jid,
        publication: &Publication<'_>,
    ) -> Result<Node, StanzaError> {
        if !host.lets_create(by) {
            return Err(no_node());
        }
        let config = publication.config.clone().unwrap_or_else(|| host.defaults_of(publication.node));
        let config = match publication.options {
            Some(options) => form::preconditions(host, &config, options, &self.limits)?,
            None => config,
        };
        self.new_node(state, host, by, config)
    }

    /// §4.3, §7.1.3: whether the item is what the node is for.
    fn fits(&self, config: &Config, publication: &Publication<'_>, xml: &str) -> Result<(), StanzaError> {
        let most =
            config.max_payload.map_or(self.limits.payload, |most| most as usize).min(self.limits.payload);
        if xml.len() > most {
            let text = format!("The payload has {} bytes; {most} are allowed here.", xml.len());
            return Err(explained(Condition::NotAcceptable, "payload-too-big", text));
        }
        match publication.payload {
            None if config.deliver_payloads => Err(refusal(Condition::BadRequest, "payload-required")),
            Some(_) if !config.deliver_payloads && !config.persist => {
                Err(refusal(Condition::BadRequest, "item-forbidden"))
            }
            _ => Ok(()),
        }
    }

    /// Puts an item into a node; gives those that had to go (§7.1.2.5).
    fn keep(
        &self,
        batch: &mut Batch,
        host: Host<'_>,
        node: &mut Node,
        (name, id, item): (&str, &str, &Item),
        room: &Room,
    ) -> Result<Vec<String>, StanzaError> {
        let owner = host.owner();
        let config = node.record.config.clone();
        let index = node.index(&self.kept, owner, name).map_err(failed)?;
        let before = index.get(id).cloned();
        let mark = Mark::of(item);
        if let Some(before) = &before
            && room.affiliation != Affiliation::Owner
            && before.by != mark.by
        {
            // §4.1: another publisher's item is not this one's to change.
            return Err(Condition::Forbidden.into());
        }
        let limit = config.max_items.unwrap_or(self.limits.items).min(self.limits.items) as usize;
        let mut others: Vec<_> = index
            .iter()
            .filter(|(other, _)| *other != id)
            .map(|(other, mark)| (mark.at, other.clone()))
            .collect();
        others.sort_unstable();
        let expired =
            |at: u64| config.expire.is_some_and(|seconds| at + seconds.saturating_mul(1_000_000) < item.at);
        let surplus = (others.len() + 1).saturating_sub(limit);
        let live = others.iter().filter(|(at, _)| !expired(*at)).count();
        if config.full == Full::Reject && before.is_none() && live >= limit {
            return Err(refusal(Condition::Conflict, "node-full"));
        }
        let gone: Vec<String> = others
            .into_iter()
            .enumerate()
            .filter(|(place, (at, _))| *place < surplus || expired(*at))
            .map(|(_, (_, id))| id)
            .collect();
        let freed =
            gone.iter().filter_map(|id| index.get(id)).chain(&before).map(|mark| mark.bytes).sum::<u64>();
        if host.is_account() && room.total + mark.bytes > self.limits.bytes + freed {
            let text = "Your storage for nodes is full: delete some items first.";
            return Err(explained(Condition::ResourceConstraint, "max-items-exceeded", text));
        }
        for id in &gone {
            index.remove(id);
            pubsub::remove_item(batch, (owner, name), id);
        }
        pubsub::put_item(batch, (owner, name), id, item).map_err(failed)?;
        let bytes = mark.bytes;
        index.insert(id.to_owned(), mark);
        node.record.items = index.len() as u32;
        node.record.bytes = (node.record.bytes + bytes).saturating_sub(freed);
        node.record.last = Some(id.to_owned());
        // A node of one item has only a newest one: nobody is told that it took the place of another.
        let told = limit > 1 && config.full == Full::RetractOldest;
        Ok(if told { gone } else { Vec::new() })
    }
}
