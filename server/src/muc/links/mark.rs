//! What a network wants kept, on its way behind everything that it said before.

use std::sync::Arc;

use rialto_bridges::Incoming;
use rialto_bridges::network::MARK;
use rialto_store::{Batch, Store, marks};

/// Names under which one network may keep something.
pub(super) const NAMES: usize = 256;
/// Bytes of such a name.
const NAME: usize = 256;

/// What a link brings into the room. Nearly all of it is news: a box for each would cost more than the few small ones waste.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)]
pub(super) enum Brought {
    /// Something that happened.
    News(Incoming),
    /// Nothing, but that all before it has been brought.
    Mark(Arc<Token>),
}

/// Goes through every link and its room. Whoever drops it last has committed all that came before: then it is written,
/// and the store writes in order.
#[derive(Debug)]
pub struct Token {
    store: Keeper,
    bridge: Arc<str>,
    name: String,
    value: Option<String>,
}

/// The store, which has nothing to say of itself.
struct Keeper(Store);

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("store")
    }
}

impl Token {
    /// A token for this mark; none where it is larger than a mark may be.
    pub(super) fn new(
        store: &Store,
        bridge: &Arc<str>,
        name: String,
        value: Option<String>,
    ) -> Option<Arc<Token>> {
        if name.len() > NAME || value.as_ref().is_some_and(|value| value.len() > MARK) {
            return None;
        }
        Some(Arc::new(Token { store: Keeper(store.clone()), bridge: bridge.clone(), name, value }))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let mut batch = Batch::new();
        match marks::set(&mut batch, &self.bridge, &self.name, self.value.as_deref()) {
            Ok(()) => drop(self.store.0.enqueue(batch)),
            Err(error) => tracing::warn!(network = %self.bridge, %error, "a mark was not kept"),
        }
    }
}
