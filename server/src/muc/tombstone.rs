//! XEP-0424 §4, XEP-0425 §4: what is left of a message that was taken back, and how the message is found.

use std::sync::Arc;
use std::time::SystemTime;

use rialto_xmpp::parts::{datetime, stanza_id};
use rialto_xmpp::{Element, IqKind, MessageKind, Stanza, ns};

use super::effect::{Archived, Effect, Turn};
use super::links::Memory;
use super::moderate;
use super::room::{Input, Room};

/// A message that an input names, as the room's archive has it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its stanza-id.
    pub id: String,
    /// What is there.
    pub stanza: Arc<Stanza>,
    /// It was taken back already.
    pub is_tombstone: bool,
}

/// The id of the message that an input takes back: the archive is asked for it before the room hears the input.
pub fn named(room: &Room, input: &Input) -> Option<String> {
    let id = match input {
        Input::Stanza(Stanza::Message(message)) if message.kind == MessageKind::Groupchat => {
            message.payload("retract", ns::RETRACT)?.get("id")
        }
        Input::Stanza(Stanza::Iq(iq)) if iq.kind == IqKind::Set => {
            moderate::Request::read(iq.payload()?).map(|request| request.id)
        }
        Input::News(link, news) => return room.memory.ours(*link, news.takes_back()?),
        _ => None,
    };
    id.map(str::to_owned)
}

/// Whether this is something that only a room says of a message (XEP-0425 §5): clients may not.
pub fn is_forged(payload: &Element) -> bool {
    match payload.ns().as_str() {
        ns::MODERATE | ns::MODERATE_OLD => true,
        ns::RETRACT => payload.name() == "retracted",
        ns::FASTEN => payload.children().any(|child| child.name() == "moderated"),
        _ => false,
    }
}

impl Room {
    /// The message of this id, if it is still there to be taken back: what was said last, else what the archive has.
    pub(super) fn kept(&self, turn: &Turn<'_>, id: &str) -> Option<Arc<Stanza>> {
        self.history.find(id, &self.jid).cloned().or_else(|| {
            let kept = turn.now.named.as_ref().filter(|kept| kept.id == id && !kept.is_tombstone)?;
            Some(kept.stanza.clone())
        })
    }

    /// A message is taken back: a tombstone stands for it in the archive, and nobody is told of it any more.
    pub(super) fn bury(&mut self, turn: &mut Turn<'_>, id: &str, message: &Stanza, retracted: Element) {
        let mut left = message.clone();
        let own = self.jid.clone();
        left.payloads_mut().retain(|payload| says_who_and_where(payload, own.as_str()));
        left.payloads_mut().push(retracted);
        left.head_mut().extra.clear();
        if self.record.config.archive || turn.now.named.is_some() {
            turn.effects.push(Effect::Bury(Archived { id: id.to_owned(), stanza: Arc::new(left) }));
        }
        turn.effects.push(Effect::Unshelve(id.to_owned()));
        Arc::make_mut(&mut self.history).remove(id, &own);
        if self.memory.message(id).is_some() {
            Memory::bury(Arc::make_mut(&mut self.memory), id);
        }
    }
}

/// `<retracted/>`: when it was taken back, and by which message.
pub fn retracted(at: SystemTime, by: &Stanza) -> Element {
    let id = by.head().id.as_ref();
    Element::new("retracted", ns::RETRACT).attr_opt("id", id).attr("stamp", datetime::format(at))
}

/// What a tombstone keeps of its message: whose it was, and its own id.
fn says_who_and_where(payload: &Element, room: &str) -> bool {
    match payload.ns().as_str() {
        ns::OCCUPANT_ID | ns::MUC_USER => true,
        ns::SID => stanza_id::assigned(std::slice::from_ref(payload), room).is_some(),
        _ => false,
    }
}
