//! How a feature follows what happens to nodes of a name.

use std::sync::Arc;

use rialto_store::pubsub::Config;
use rialto_xmpp::{Element, Jid, StanzaError};

use super::{Host, PubSub};
use crate::features::Left;

/// Whoever follows a node's publications. Both methods are called in the publisher's task and must not wait; what has
/// to is left with [`Left::later`].
pub trait Watcher: Send + Sync + 'static {
    /// Before an item is published: whether it may be. An item without a payload has none.
    ///
    /// # Errors
    /// What its publisher is told; nothing is published then.
    fn permits(
        &self,
        _host: Host<'_>,
        _id: Option<&str>,
        _payload: Option<&Element>,
    ) -> Result<(), StanzaError> {
        Ok(())
    }

    /// Something has happened to the node. The store has been handed it; `left.ticket` tells when it is durable. What
    /// the watcher leaves goes out behind the notifications of the event.
    fn happened(&self, host: Host<'_>, by: &Jid, happening: &Happening<'_>, left: &mut Left);
}

/// What can happen to a node.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// An item was published, new or instead of an older one of the same id.
    Published {
        /// The node.
        node: &'a str,
        /// The item's id.
        id: &'a str,
        /// Its payload.
        payload: Option<&'a Element>,
    },
    /// An item was retracted.
    Retracted {
        /// The node.
        node: &'a str,
        /// The item's id.
        id: &'a str,
    },
    /// All items are gone, and the node itself if `deleted`.
    Emptied {
        /// The node.
        node: &'a str,
        /// Whether the node is gone too.
        deleted: bool,
    },
    /// It has another configuration.
    Configured {
        /// The node.
        node: &'a str,
        /// The new one.
        config: &'a Config,
    },
}

impl Happening<'_> {
    fn node(&self) -> &str {
        match self {
            Happening::Published { node, .. }
            | Happening::Retracted { node, .. }
            | Happening::Emptied { node, .. }
            | Happening::Configured { node, .. } => node,
        }
    }
}

impl PubSub {
    /// From now on the watcher is told of nodes of this name, at every host; it looks at [`Host::is_account`] itself.
    /// For the time when the list of features is made.
    pub fn watch(&self, node: &str, watcher: Arc<dyn Watcher>) {
        self.watchers.rcu(|before| {
            let mut after = before.as_ref().clone();
            after.push((node.to_owned(), watcher.clone()));
            after
        });
    }

    /// Asks those who watch a node.
    pub(super) fn permitted(
        &self,
        host: Host<'_>,
        (node, id): (&str, Option<&str>),
        payload: Option<&Element>,
    ) -> Result<(), StanzaError> {
        let watchers = self.watchers.load();
        watchers
            .iter()
            .filter(|(name, _)| name == node)
            .try_for_each(|(_, one)| one.permits(host, id, payload))
    }

    /// Tells those who watch a node.
    pub(super) fn tell(&self, host: Host<'_>, by: &Jid, happening: &Happening<'_>, left: &mut Left) {
        for (name, watcher) in self.watchers.load().iter() {
            if name == happening.node() {
                watcher.happened(host, by, happening, left);
            }
        }
    }
}
