//! What a room wants done. It is said here and done elsewhere, so that a test can read it.

use std::sync::Arc;

use rialto_xmpp::{Element, Iq, Stanza, StanzaError};

use super::links::commands::Act;
use super::links::{Decided, Held, Relayed};
use super::listener::{Listeners, Printed};
use super::room::LinkId;
use super::tombstone::Kept;

/// One thing to be done, in the order in which they are said.
#[derive(Clone, Debug)]
pub enum Effect {
    /// To one entity, wherever it is.
    Send(Stanza),
    /// Serialised once, to these sessions of occupants.
    Tell(Printed, Listeners),
    /// Into the room's archive, before anybody sees it.
    Archive(Archived),
    /// A tombstone takes the place of a message in the archive.
    Bury(Archived),
    /// Into the map of ids, with what is archived.
    Bind(Bind),
    /// A message has a file of another network that is kept here: with the message, and as long as it.
    Shelve(String, Arc<Held>),
    /// The file of a message goes, if it has one.
    Unshelve(String),
    /// What is kept of the room has changed.
    Save,
    /// The room has another vCard, or none (XEP-0486).
    Card(Option<String>),
    /// Somebody asks for the room's vCard.
    ShowCard(Iq),
    /// To the people of a far room.
    Relay(LinkId, Arc<Relayed>),
    /// Nothing flows over a link, and why; or again it does.
    Withheld(LinkId, Option<String>),
    /// News of a far room were about a message that is not known here.
    Unknown(LinkId),
    /// What was decided here about somebody of a far room shall hold there.
    Sanction(LinkId, Decided),
    /// A command about the room's links, from somebody who may run it.
    Command(Act, Iq),
    /// A question to the room's archive from somebody who may ask it (XEP-0313 §4).
    Search(Iq),
    /// The room is gone: nothing of it is kept.
    Close,
}

/// A stanza for the archive.
#[derive(Clone, Debug)]
pub struct Archived {
    /// Its stanza-id (XEP-0359).
    pub id: String,
    /// As everybody gets it.
    pub stanza: Arc<Stanza>,
}

/// Names of one message, for the map that is kept of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// Whose names they are: a link's key, or the room's address for those that authors here gave.
    pub key: Arc<str>,
    /// The room's id.
    pub ours: String,
    /// The other names.
    pub theirs: Vec<String>,
}

/// An input's moment, and what it makes the room do.
pub struct Turn<'a> {
    /// When it happens.
    pub now: &'a Now,
    /// What shall be done.
    pub effects: &'a mut Vec<Effect>,
}

/// When an input is handled, and the id of whatever it makes the room archive.
#[derive(Clone, Debug)]
pub struct Now {
    /// By the clock.
    pub at: std::time::SystemTime,
    /// A stanza-id that was never given before.
    pub id: String,
    /// The message that the input names to take it back, as the archive has it.
    pub named: Option<Kept>,
}

impl Turn<'_> {
    /// To one entity.
    pub fn send(&mut self, stanza: impl Into<Stanza>) {
        self.effects.push(Effect::Send(stanza.into()));
    }

    /// To sessions of occupants.
    pub fn tell(&mut self, printed: Printed, to: Listeners) {
        if !to.is_empty() {
            self.effects.push(Effect::Tell(printed, to));
        }
    }

    /// What is kept of the room has changed; said once.
    pub fn save(&mut self) {
        if !self.effects.iter().any(|effect| matches!(effect, Effect::Save)) {
            self.effects.push(Effect::Save);
        }
    }

    /// The answer to a request.
    pub fn answer(&mut self, iq: &Iq, answer: Result<Option<Element>, StanzaError>) {
        match answer {
            Ok(payload) => self.send(iq.result(payload)),
            Err(error) => self.bounce(&Stanza::Iq(iq.clone()), &error),
        }
    }

    /// Back to its sender (RFC 6120 §8.3.1: never an error for an error).
    pub fn bounce(&mut self, stanza: &Stanza, error: &StanzaError) {
        if stanza.may_bounce() {
            self.send(stanza.error_reply(error));
        }
    }
}
