//! A whole domain that is no domain of accounts: rooms, an external component.

use rialto_xmpp::{BareJid, Jid, Stanza, StanzaError};

use crate::features::Fut;

/// A stanza that could not be delivered, and why.
#[derive(Debug)]
pub struct Undelivered {
    /// The stanza as it was sent.
    pub stanza: Stanza,
    /// What its sender must be told.
    pub error: StanzaError,
}

/// Delivered, or what must go back.
pub type Delivery = Result<(), Box<Undelivered>>;

/// Whoever answers for a domain.
pub trait Service: Send + Sync + 'static {
    /// Takes a stanza addressed to the domain or anything in it. May wait for room in a bounded queue, never for a
    /// network or a disk.
    fn deliver(&self, stanza: Stanza) -> Fut<'_, Delivery>;

    /// An account of this server is removed: who gets its name later is another person.
    fn forget<'a>(&'a self, _jid: &'a BareJid) -> Fut<'a, ()> {
        Box::pin(async {})
    }

    /// Comes back when what was delivered for this address before is durable, or was refused: only then may a client
    /// hear that it was taken.
    fn settle<'a>(&'a self, _to: &'a Jid) -> Fut<'a, ()> {
        Box::pin(async {})
    }

    /// The server is closing: everybody inside is told, everything is saved.
    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async {})
    }
}

/// A delivery that failed.
pub fn undelivered(stanza: Stanza, error: impl Into<StanzaError>) -> Delivery {
    Err(Box::new(Undelivered { stanza, error: error.into() }))
}
