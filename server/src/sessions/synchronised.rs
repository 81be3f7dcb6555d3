//! XEP-0386 §3.2: what a client fetches from the archive by itself need not be delivered as well.

use rialto_store::archive::Id;

/// An extension of a session whose client was told where its archive ended when it was bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synchronised {
    /// The last that the archive showed then; `None`: it was empty.
    pub up_to: Option<Id>,
}

impl Synchronised {
    /// Whether a message that waits is among what the client fetches; `shown`: the archive shows it.
    pub fn covers(&self, id: Id, shown: bool) -> bool {
        shown && self.up_to.is_some_and(|last| id <= last)
    }
}
