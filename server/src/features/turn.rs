//! A feature's turn in a phase: what it may read and change, and what it leaves to be sent.

use std::sync::Arc;

use rialto_store::Ticket;
use rialto_store::archive::Id;
use rialto_xmpp::{BareJid, Stanza, StanzaError};

use super::Fut;
use crate::sessions::{Account, Frame, Session};

/// Where a stanza came from.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    /// From a session of a local account; `from` is stamped.
    Session(&'a Arc<Session>, &'a Arc<Account>),
    /// From the server itself, one of its services, or already checked elsewhere.
    Server,
}

/// One stanza passing one account.
pub struct Turn<'a> {
    /// Where the stanza came from.
    pub origin: Origin<'a>,
    /// Whose features these are: the sender's in `Outbound`, the recipient's in `Inbound`.
    pub account: &'a Arc<Account>,
    /// The session in question, in `Outbound`, `Available` and `Unbound`.
    pub session: Option<&'a Arc<Session>>,
    /// Sessions that will get it, in `Inbound`; empty means that it will be undelivered (if it is a message).
    pub takers: &'a [Arc<Session>],
    /// The stanza; a feature may change it.
    pub stanza: &'a mut Stanza,
    /// What else must go out.
    pub left: &'a mut Left,
}

/// What a feature decides.
#[derive(Debug)]
pub enum Verdict {
    /// Go on.
    Next,
    /// It is done: nobody else sees it.
    Done,
    /// The sender gets this error.
    Refuse(Box<StanzaError>),
}

/// What the features leave to be sent, and the newest write to the store among what they did.
#[derive(Default)]
pub struct Left {
    /// Sent after the phase, in order. From [`super::Ask`]: before the answer.
    pub also: Vec<Also>,
    /// From [`super::Ask`]: sent after the answer.
    pub after: Vec<Also>,
    /// What must be durable before anything is acknowledged.
    pub ticket: Ticket,
    /// Under which id the account's archive has the stanza: copies carry it.
    pub archived: Option<Id>,
}

/// A message that waited for somebody to take it ([`super::Phase::Arrived`]).
pub struct Waiting {
    /// Its id in the account's archive.
    pub id: Id,
    /// Whether the archive shows it.
    pub shown: bool,
    /// As it goes over the wire.
    pub frame: Frame,
}

/// Work that may have to wait for the store; what it leaves is sent as if it stood in its place.
pub type Later = Box<dyn FnOnce() -> Fut<'static, Left> + Send + Sync>;

/// One thing to be sent.
pub enum Also {
    /// To wherever its `to` says, from the server; the recipient's `Inbound` phase sees it.
    Route(Stanza),
    /// Straight into the outbox of this session; no phase sees it.
    Direct(Arc<Session>, Stanza),
    /// The same, serialised already.
    Frame(Arc<Session>, Frame),
    /// Whatever this leaves. For phases, which cannot wait themselves; the stream's next stanza waits for it.
    Later(Later),
    /// The account is removed with everything that belongs to it; its sessions end.
    Remove(BareJid),
}

impl Left {
    /// Leaves a stanza to be routed.
    pub fn route(&mut self, stanza: impl Into<Stanza>) {
        self.also.push(Also::Route(stanza.into()));
    }

    /// Leaves a stanza for one session.
    pub fn direct(&mut self, session: &Arc<Session>, stanza: impl Into<Stanza>) {
        self.also.push(Also::Direct(session.clone(), stanza.into()));
    }

    /// Leaves bytes for one session.
    pub fn frame(&mut self, session: &Arc<Session>, frame: Frame) {
        self.also.push(Also::Frame(session.clone(), frame));
    }

    /// Leaves work that may have to wait.
    pub fn later(&mut self, work: impl FnOnce() -> Fut<'static, Left> + Send + Sync + 'static) {
        self.also.push(Also::Later(Box::new(work)));
    }

    /// Something was written that must be durable before the acknowledgement.
    pub fn wrote(&mut self, ticket: Ticket) {
        self.ticket = self.ticket.max(ticket);
    }
}
