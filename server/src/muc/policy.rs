//! Who may open a room that is not there, and what it is then: where the rooms of one domain differ from those of another.

use std::sync::Arc;

use rialto_xmpp::{BareJid, Element, Jid, Stanza, StanzaError};

use super::actor::Mailbox;
use super::links::Linked;
use super::record::Record;
use super::room::State;
use crate::features::Fut;
use crate::router::Delivery;

/// What a new room is.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Its configuration and its people; who opens it is an owner only if he stands here.
    pub record: Record,
    /// Locked until it is configured, or open at once.
    pub state: State,
    /// Far rooms that it is one with.
    pub links: Vec<Arc<Linked>>,
}

/// Who may open a room that is not there.
pub trait RoomPolicy: Send + Sync + 'static {
    /// Somebody enters a room that is not there. Never waits for a network or a disk.
    ///
    /// # Errors
    /// What he must be told: `not-allowed` where he may not create it (§10.1.1), `item-not-found` where there can be no
    /// such room.
    fn open<'a>(&'a self, room: &'a BareJid, who: &'a Jid) -> Fut<'a, Result<Opening, StanzaError>>;

    /// Whether `open` can be asked at once; else `prepare` comes first.
    fn ready(&self, _room: &BareJid) -> bool {
        true
    }

    /// Does what must be done before a room can be opened, with what its password is said to be. May wait for a network:
    /// nobody but whoever wants to enter waits with it.
    ///
    /// # Errors
    /// What he must be told.
    fn prepare<'a>(
        &'a self,
        _room: &'a BareJid,
        _password: Option<&'a str>,
    ) -> Fut<'a, Result<(), StanzaError>> {
        Box::pin(async { Ok(()) })
    }

    /// What is told to whoever speaks to an address where no room is, and can be none; `None`: that none is there.
    fn refuses<'a>(&'a self, _room: &'a BareJid) -> Fut<'a, Option<StanzaError>> {
        Box::pin(async { None })
    }

    /// Takes a stanza to an address that is no room's but somebody's.
    ///
    /// # Errors
    /// The stanza, where the address is nobody's.
    fn take<'a>(&'a self, _to: &'a BareJid, stanza: Stanza) -> Fut<'a, Result<Delivery, Stanza>> {
        Box::pin(async { Err(stanza) })
    }

    /// Whether a room that is not there would be, were it entered: then disco#info tells of it as it would be.
    fn foresee<'a>(&'a self, _room: &'a BareJid, _who: &'a Jid) -> Fut<'a, Option<Opening>> {
        Box::pin(async { None })
    }

    /// A room has come into memory; links speak to it here.
    fn opened(&self, _room: &Mailbox) {}

    /// More identities of the domain itself (category, type), beside `conference`/`text`.
    fn identities(&self) -> &[(&'static str, &'static str)] {
        &[]
    }

    /// More features of the domain itself.
    fn features(&self) -> &[&'static str] {
        &[]
    }

    /// More items of the domain itself, beside its rooms.
    fn items(&self) -> Vec<Element> {
        Vec::new()
    }

    /// An IQ to the domain itself that its host has no answer to.
    fn answer<'a>(
        &'a self,
        _query: &'a Element,
        _who: &'a Jid,
    ) -> Fut<'a, Option<Result<Option<Element>, StanzaError>>> {
        Box::pin(async { None })
    }
}
