//! XEP-0060 §7.2, §8.4, §8.5: retracting an item, purging a node, deleting it.

use rialto_store::{Batch, pubsub};
use rialto_xmpp::{Condition, Jid, StanzaError};

use super::access::Standing;
use super::home::Node;
use super::refusal::{no_node, unsupported};
use super::{Happening, Host, PubSub, event, failed};
use crate::features::Left;

impl PubSub {
    /// §7.2: removes an item. Subscribers hear of it if `notify`, or if the node says so.
    ///
    /// # Errors
    /// `item-not-found` for the node or the item, `forbidden` for somebody else's item.
    pub fn retract(
        &self,
        host: Host<'_>,
        by: &Jid,
        (name, id): (&str, &str),
        notify: bool,
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        let relation = self.relation(host, by.bare_str());
        let (owner, home) = (host.owner(), self.home(host.owner())?);
        let view = {
            let mut state = home.state.lock();
            let node = state.nodes.get_mut(name).ok_or_else(no_node)?;
            if !node.record.config.persist {
                return Err(unsupported("persistent-items"));
            }
            let mark = node.index(&self.kept, owner, name).map_err(failed)?.get(id).cloned();
            let standing = Standing::new(&relation, node, by.bare_str());
            let Some(mark) = mark else {
                // Who may not read learns nothing of what is there.
                standing
                    .may_read(&node.record.config)
                    .map_err(|_| StanzaError::from(Condition::Forbidden))?;
                return Err(Condition::ItemNotFound.into());
            };
            standing.may_remove(by, &mark.by)?;
            let mut batch = Batch::new();
            node.remove(id);
            pubsub::remove_item(&mut batch, (owner, name), id);
            pubsub::put(&mut batch, owner, name, &node.record).map_err(failed)?;
            let view = node.view(name);
            state.newest = self.store.enqueue(batch);
            left.wrote(state.newest);
            view
        };
        if notify || view.config.notify_retract {
            let ids = [id.to_owned()];
            self.notify(host, &view, event::retracted(host, &view, &ids), left);
        }
        self.tell(host, by, &Happening::Retracted { node: name, id }, left);
        Ok(())
    }

    /// §8.5: removes all items.
    ///
    /// # Errors
    /// `item-not-found`, `forbidden` for who does not own the node.
    pub fn purge(&self, host: Host<'_>, by: &Jid, name: &str, left: &mut Left) -> Result<(), StanzaError> {
        let relation = self.relation(host, by.bare_str());
        let (owner, home) = (host.owner(), self.home(host.owner())?);
        let view = {
            let mut state = home.state.lock();
            let node = state.nodes.get_mut(name).ok_or_else(no_node)?;
            Standing::new(&relation, node, by.bare_str()).owns()?;
            if !node.record.config.persist {
                return Err(unsupported("persistent-items"));
            }
            let mut batch = Batch::new();
            node.index = None;
            (node.record.items, node.record.bytes, node.record.last) = (0, 0, None);
            pubsub::purge(&mut batch, owner, name);
            pubsub::put(&mut batch, owner, name, &node.record).map_err(failed)?;
            let view = node.view(name);
            state.newest = self.store.enqueue(batch);
            left.wrote(state.newest);
            view
        };
        if view.config.notify_retract {
            self.notify(host, &view, event::emptied(host, &view, false), left);
        }
        self.tell(host, by, &Happening::Emptied { node: name, deleted: false }, left);
        Ok(())
    }

    /// §8.4: removes the node.
    ///
    /// # Errors
    /// `item-not-found`, `forbidden` for who does not own it.
    pub fn delete(&self, host: Host<'_>, by: &Jid, name: &str, left: &mut Left) -> Result<(), StanzaError> {
        let relation = self.relation(host, by.bare_str());
        let (owner, home) = (host.owner(), self.home(host.owner())?);
        let view = {
            let mut state = home.state.lock();
            let node = state.nodes.get(name).ok_or_else(no_node)?;
            Standing::new(&relation, node, by.bare_str()).owns()?;
            let mut batch = Batch::new();
            pubsub::remove(&mut batch, owner, name);
            let view = node.view(name);
            state.nodes.remove(name);
            state.newest = self.store.enqueue(batch);
            left.wrote(state.newest);
            view
        };
        if view.config.notify_delete {
            self.notify(host, &view, event::emptied(host, &view, true), left);
        }
        self.tell(host, by, &Happening::Emptied { node: name, deleted: true }, left);
        Ok(())
    }
}

impl Node {
    /// Takes an item out of what is in memory.
    pub(super) fn remove(&mut self, id: &str) {
        let Some(index) = &mut self.index else { return };
        let Some(mark) = index.remove(id) else { return };
        self.record.items = index.len() as u32;
        self.record.bytes = self.record.bytes.saturating_sub(mark.bytes);
        if self.record.last.as_deref() == Some(id) {
            self.record.last = index.iter().max_by_key(|(_, mark)| mark.at).map(|(id, _)| id.clone());
        }
    }
}
