//! What people here do, on its way to far rooms; and what comes back when it did not arrive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use rialto_bridges::{Act, Author, Event};
use rialto_xmpp::parts::stanza_id;
use rialto_xmpp::{BareJid, Element, Message, MessageKind, Stanza, StanzaError, ns};
use serde::{Deserialize, Serialize};

use super::linked::Linked;
use super::memory::{Memory, Said};
use super::translate;
use crate::config::Way;
use crate::muc::LinkId;
use crate::muc::effect::{Bind, Effect, Turn};
use crate::muc::occupant::Occupant;
use crate::muc::room::Room;

/// What a far room must hear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Relayed {
    /// The room's id of it.
    pub id: String,
    /// When the room has said it.
    pub at: SystemTime,
    /// Who did what.
    pub event: Event<String>,
    /// It corrects a message that the room does not remember: what the author called it, as the id map keeps it.
    pub corrects: Option<String>,
    /// Whom to tell where it does not arrive.
    pub author: Option<Sender>,
}

/// An author here, and what he called his message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Occupant-id.
    pub occupant: Arc<str>,
    /// The `id` of his message.
    pub id: String,
    /// His bare JID, for when he is not in the room any more.
    pub account: String,
}

/// Something that did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// Whose it was.
    pub sender: Sender,
    /// How it begins.
    pub words: String,
}

/// The network of those who are here.
pub(super) const HERE: &str = "xmpp";

impl Room {
    /// What an occupant has said to everybody here is said to far rooms as well.
    pub(in crate::muc) fn relay_own(&mut self, turn: &mut Turn<'_>, occupant: &Occupant, stanza: &Stanza) {
        let Stanza::Message(message) = stanza else { return };
        if self.links.is_empty() {
            return;
        }
        let memory = self.memory.clone();
        let Some(act) = translate::act(message, &memory.of(&occupant.id)) else { return };
        self.remember_own(turn, occupant, message, &act);
        let replaced = message.payload("replace", ns::CORRECT).and_then(|replace| replace.get("id"));
        let corrects = replaced.filter(|_| matches!(act, Act::Say(_)));
        let corrects = corrects.map(|id| own_name(occupant, id));
        let author = Author { avatar: self.face_of(occupant), ..author(occupant) };
        let id = message.head.id.as_ref().map(ToString::to_string).unwrap_or_default();
        let sender = sender(occupant, id);
        let event = Event { author, at: turn.now.at, act };
        self.relay(turn, None, event, Some((sender, corrects)));
    }

    /// XEP-0153 §3.1: the hash of the picture that his presence names, in a room that everybody may enter. The link makes
    /// an address of it.
    fn face_of(&self, occupant: &Occupant) -> Option<Arc<str>> {
        if self.record.config.members_only || self.record.config.password.is_some() {
            return None;
        }
        let update = occupant.payloads.iter().find(|payload| payload.is("x", ns::VCARD_UPDATE))?;
        let hash = update.child_text("photo", ns::VCARD_UPDATE)?;
        let is_one = hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| hash.to_ascii_lowercase().into())
    }

    /// XEP-0425: what a moderator here takes back shall go from far rooms as well, where they can do that.
    pub(in crate::muc) fn relay_moderation(&self, turn: &mut Turn<'_>, moderator: &Occupant, of: &str) {
        if self.links.is_empty() {
            return;
        }
        let author = author(moderator);
        let event = Event { author, at: turn.now.at, act: Act::Retract { of: of.to_owned() } };
        let sender = sender(moderator, turn.now.id.clone());
        self.relay(turn, None, event, Some((sender, None)));
    }

    /// To every far room but the one it came from (never back there).
    pub(super) fn relay(
        &self,
        turn: &mut Turn<'_>,
        except: Option<LinkId>,
        event: Event<String>,
        own: Option<(Sender, Option<String>)>,
    ) {
        let (author, corrects) = own.map_or((None, None), |(sender, corrects)| (Some(sender), corrects));
        let relayed = Arc::new(Relayed { id: turn.now.id.clone(), at: turn.now.at, event, corrects, author });
        let to = |link: &&Arc<Linked>| {
            Some(link.id) != except && link.options.way != Way::In && !self.is_withheld(link)
        };
        for link in self.links.iter().filter(to) {
            if !link.lets_out(&relayed.event) {
                continue;
            }
            turn.effects.push(Effect::Relay(link.id, relayed.clone()));
        }
    }

    /// Relays failed for good: each author learns it, in all his sessions, as an error for his message. Who has left the
    /// room is written to, once for all.
    pub(in crate::muc) fn undelivered(&self, turn: &mut Turn<'_>, all: &[Returned], error: &StanzaError) {
        let mut absent: BTreeMap<&str, Vec<&Returned>> = BTreeMap::new();
        for returned in all {
            let sender = &returned.sender;
            let Some(author) = self.occupants.iter().find(|occupant| occupant.id == sender.occupant) else {
                absent.entry(&sender.account).or_default().push(returned);
                continue;
            };
            for chair in author.chairs() {
                let mut message = Message::new(MessageKind::Error, &self.jid, &chair.listener.jid);
                message.head.id = Some(sender.id.as_str().into());
                turn.send(message.with(error.to_element()));
            }
        }
        for (account, returned) in absent {
            self.write_to_absent(turn, account, &returned, error);
        }
    }

    fn write_to_absent(&self, turn: &mut Turn<'_>, account: &str, all: &[&Returned], error: &StanzaError) {
        let (Ok(account), Some(first)) = (BareJid::parse(account), all.first()) else { return };
        let more = match all.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let why = error.text.as_deref().unwrap_or_default();
        let says = format!("About what you said in {}: “{}”{more}. {why}", self.jid, first.words);
        let mut message = Message::new(MessageKind::Normal, &self.jid, &account);
        message.head.id = Some(format!("{}-u", turn.now.id).into());
        turn.send(message.with(Element::new("body", ns::CLIENT).with_text(says)));
    }

    fn remember_own(
        &mut self,
        turn: &mut Turn<'_>,
        occupant: &Occupant,
        message: &Message,
        act: &Act<String>,
    ) {
        let (id, said) = match act {
            Act::Say(said) => (turn.now.id.clone(), said),
            // XEP-0308 §4: a correction of a correction names the first message, but not all clients do.
            Act::Edit { of, now } => (of.clone(), now),
            _ => return,
        };
        let mut own: Vec<String> = message.head.id.iter().map(ToString::to_string).collect();
        let origin =
            stanza_id::origin_id(&message.payloads).filter(|origin| !own.iter().any(|id| id == origin));
        own.extend(origin.map(str::to_owned));
        let file = said.attachments.first().map(|file| file.name.clone());
        turn.effects.push(Effect::Bind(Bind {
            key: self.jid.as_str().into(),
            ours: id.clone(),
            theirs: own.iter().map(|id| own_name(occupant, id)).collect(),
        }));
        let said = Said {
            id,
            occupant: occupant.id.clone(),
            nick: occupant.nick.clone(),
            own,
            theirs: None,
            words: if said.text.is_empty() { file.unwrap_or_default() } else { said.text.plain().to_owned() },
        };
        Memory::push(Arc::make_mut(&mut self.memory), said);
    }
}

/// Somebody here as other networks are told of him; what they do not show is who he is.
pub(super) fn author(occupant: &Occupant) -> Author {
    Author {
        account: Some(occupant.real.bare_str().into()),
        ..Author::new(occupant.id.clone(), &occupant.nick, HERE)
    }
}

fn sender(occupant: &Occupant, id: String) -> Sender {
    Sender { occupant: occupant.id.clone(), id, account: occupant.real.bare_str().to_owned() }
}

/// What an author calls his message, told apart from what others call theirs.
fn own_name(occupant: &Occupant, id: &str) -> String {
    format!("{}\n{id}", occupant.id)
}
