//! Occupants on other networks: they come, speak and go as anybody does, and the rules of the room bind them.
//!
//! A link tells the room in XMPP's words what happened there; it has translated already.

use std::sync::Arc;

use rialto_xmpp::{BareJid, Condition, Element, Head, Message, MessageKind, StanzaError, ns};

use super::affiliation::{Affiliation, Role};
use super::effect::{Effect, Turn};
use super::groupchat::{is_subject, lasts};
use super::nick::Nick;
use super::occupant::{Far, Occupant, Seat};
use super::presence::Change;
use super::record::Subject;
use super::room::{LinkId, Room};

/// Something that has happened in a far room. People are named by what their network knows them by.
#[derive(Clone, Debug)]
pub enum Remote {
    /// Somebody is there. Who is known already is brought up to date.
    Entered(Person),
    /// Somebody has gone.
    Left {
        /// Who.
        id: Arc<str>,
        /// His last words.
        reason: Option<String>,
        /// 307 where a moderator there has put him out.
        code: Option<u16>,
        /// Nick of that moderator.
        actor: Option<Arc<str>>,
    },
    /// Somebody is known by another id from now on, and perhaps has another nick.
    Renamed {
        /// Until now.
        id: Arc<str>,
        /// From now on.
        now: Person,
    },
    /// All who are there: who is not in the list has gone.
    Members(Vec<Person>),
    /// Somebody says something, or sets the subject. The outcome comes back under the tag.
    Said {
        /// Who.
        id: Arc<str>,
        /// The payloads of the message.
        payloads: Vec<Element>,
        /// The link's own number for it.
        tag: u64,
    },
    /// The network itself speaks, to moderators: the link is lost, or refused.
    Notice(String),
}

/// Somebody in a far room.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// What the network knows him by.
    pub id: Arc<str>,
    /// The nick he has there.
    pub nick: String,
    /// Put behind the nick where it is taken here.
    pub suffix: String,
    /// His address, which those see who see real JIDs, and by which he is banned.
    pub address: BareJid,
    /// What survives a change of his nick, for the occupant-id: an account, or the id.
    pub lasting: Arc<str>,
    /// What he may do there.
    pub role: Role,
    /// `show`, `status` and the like.
    pub payloads: Vec<Element>,
}

impl Room {
    /// From now on the people of a far room are told.
    pub(super) fn attach(&mut self, link: LinkId) {
        if !self.links.contains(&link) {
            self.links = self.links.iter().copied().chain([link]).collect();
        }
    }

    /// The people of a far room go.
    pub(super) fn detach(&mut self, turn: &mut Turn<'_>, link: LinkId) {
        self.links = self.links.iter().copied().filter(|other| *other != link).collect();
        self.keep_only(turn, link, &[]);
    }

    /// Something has happened in a far room.
    pub(super) fn remote(&mut self, turn: &mut Turn<'_>, link: LinkId, remote: Remote) {
        if !self.links.contains(&link) {
            return;
        }
        match remote {
            Remote::Entered(person) => self.far_enters(turn, link, person),
            Remote::Left { id, reason, code, actor } => {
                let status = |text: String| Element::new("status", ns::CLIENT).with_text(text);
                let (last, reason) = match code {
                    Some(_) => (Vec::new(), reason),
                    None => (reason.map(status).into_iter().collect(), None),
                };
                let codes = code.into_iter().collect();
                let change = Change { codes, actor, reason, last: Some(last), ..Change::default() };
                if let Some(occupant) = self.occupants.of_far(&Far { link, id }).cloned() {
                    self.take_out(turn, &occupant, &change);
                }
            }
            Remote::Renamed { id, now } => self.far_renamed(turn, Far { link, id }, now),
            Remote::Members(people) => {
                let ids: Vec<Arc<str>> = people.iter().map(|person| person.id.clone()).collect();
                self.keep_only(turn, link, &ids);
                people.into_iter().for_each(|person| self.far_enters(turn, link, person));
            }
            Remote::Said { id, payloads, tag } => {
                let outcome = self.far_says(turn, Far { link, id }, payloads);
                turn.effects.push(Effect::Said(link, tag, outcome));
            }
            Remote::Notice(text) => self.tell_moderators(turn, text),
        }
    }

    fn far_enters(&mut self, turn: &mut Turn<'_>, link: LinkId, person: Person) {
        let far = Far { link, id: person.id.clone() };
        let affiliation = self.affiliation(&person.address);
        let there = self.occupants.of_far(&far).cloned();
        // §9.1: the banned are not seen, although their own network lets them in.
        if affiliation == Affiliation::Outcast || self.occupants.len() >= self.rules.limits.occupants {
            if let Some(there) = there {
                self.take_out(turn, &there, &Change::code(301));
            }
            return;
        }
        if let Some(there) = there.filter(|there| is_nick_of(&there.nick, &person)) {
            let role = self.far_role(&person, affiliation);
            let payloads: Arc<[Element]> = person.payloads.into();
            if there.role != role || there.payloads != payloads {
                self.seat(Occupant { role, payloads, ..Occupant::clone(&there) });
                self.announce(turn, &there.nick, &Change::default());
            }
            return;
        }
        if self.occupants.of_far(&far).is_some() {
            return self.far_renamed(turn, far, person);
        }
        if let Some(occupant) = self.far_occupant(far, person) {
            let nick = occupant.nick.clone();
            self.seat(occupant);
            self.announce(turn, &nick, &Change::default());
        }
    }

    fn far_renamed(&mut self, turn: &mut Turn<'_>, before: Far, now: Person) {
        let Some(there) = self.occupants.of_far(&before).cloned() else {
            return self.far_enters(turn, before.link, now);
        };
        let far = Far { link: before.link, id: now.id.clone() };
        let keeps = is_nick_of(&there.nick, &now);
        // His own nick is no obstacle to himself.
        Arc::make_mut(&mut self.occupants).remove(&there.nick);
        let Some(after) = self.far_occupant(far, now) else {
            Arc::make_mut(&mut self.occupants).put(Occupant::clone(&there));
            return;
        };
        let after = match keeps {
            true => Occupant { nick: there.nick.clone(), jid: there.jid.clone(), ..after },
            false => after,
        };
        if after.nick == there.nick {
            let nick = after.nick.clone();
            self.seat(after);
            return self.announce(turn, &nick, &Change::default());
        }
        Arc::make_mut(&mut self.occupants).put(Occupant::clone(&there));
        self.renamed(turn, &there, after, false);
    }

    fn far_says(
        &mut self,
        turn: &mut Turn<'_>,
        far: Far,
        payloads: Vec<Element>,
    ) -> Result<String, StanzaError> {
        let author = self.occupants.of_far(&far).cloned().ok_or(Condition::NotAcceptable)?;
        let head = Head { from: Some(author.jid.clone()), ..Head::default() };
        let message = Message { head, kind: MessageKind::Groupchat, payloads };
        if is_subject(&message) {
            return self.far_subject(turn, &author, message);
        }
        if author.role < Role::Participant {
            return Err(StanzaError::new(
                Condition::Forbidden,
                "This room is moderated, and you have no voice in it.",
            ));
        }
        self.say(turn, &author, message);
        Ok(turn.now.id.clone())
    }

    /// Who may set the subject there has set it: the far room has it already.
    fn far_subject(
        &mut self,
        turn: &mut Turn<'_>,
        author: &Occupant,
        message: Message,
    ) -> Result<String, StanzaError> {
        let text = message.payload("subject", ns::CLIENT).map(Element::text).unwrap_or_default();
        if text.len() > self.rules.limits.subject {
            return Err(Condition::NotAcceptable.into());
        }
        if self.record.subject.as_ref().is_some_and(|subject| subject.text == text) {
            return Ok(turn.now.id.clone());
        }
        let lasting = lasts(&message);
        let stanza = self.stamped(turn, author, message);
        self.record_mut().subject = Some(Subject::now(text, &author.nick, turn.now.at));
        turn.save();
        self.spread(turn, author, stanza, lasting);
        Ok(turn.now.id.clone())
    }

    /// Who is not in the list has gone from the far room.
    fn keep_only(&mut self, turn: &mut Turn<'_>, link: LinkId, ids: &[Arc<str>]) {
        let is_gone = |one: &&Arc<Occupant>| match &one.seat {
            Seat::Remote(far) => far.link == link && !ids.contains(&far.id),
            Seat::Xmpp(_) => false,
        };
        for occupant in self.occupants.iter().filter(is_gone).cloned().collect::<Vec<_>>() {
            self.take_out(turn, &occupant, &Change::default());
        }
    }

    fn far_occupant(&self, far: Far, person: Person) -> Option<Occupant> {
        let affiliation = self.affiliation(&person.address);
        let role = self.far_role(&person, affiliation);
        let nick = self.free_nick(&person)?;
        Some(Occupant {
            jid: self.jid.with_resource(&nick).ok()?,
            nick: nick.into(),
            affiliation,
            role,
            id: self.rules.occupant_id(&self.jid, &format!("{}\0{}", far.link.0, person.lasting)).into(),
            real: person.address.into_jid(),
            payloads: person.payloads.into(),
            seat: Seat::Remote(far),
            cards: None,
        })
    }

    /// The role that he has there, as far as this room gives roles away; what he is to this room counts more.
    fn far_role(&self, person: &Person, affiliation: Affiliation) -> Role {
        let least = self.role_on_entry(affiliation);
        match affiliation {
            Affiliation::None => {
                person.role.min(Role::Participant).max(Role::Visitor).min(least.max(person.role))
            }
            _ => least,
        }
    }

    /// His nick; with the suffix, then with a number, where it is taken (by whomever: nobody is put out for him).
    fn free_nick(&self, person: &Person) -> Option<String> {
        let clean = Nick::clean(&person.nick, &self.rules.limits).map(|nick| nick.text);
        let nick = clean.unwrap_or_else(|_| "nobody".into());
        let numbered = (2..100).map(|number| format!("{nick}{} {number}", person.suffix));
        let mut wanted = [nick.clone(), format!("{nick}{}", person.suffix)].into_iter().chain(numbered);
        let free =
            |nick: &String| self.occupants.of_nick(nick).is_none() && self.record.holder(nick).is_none();
        wanted.find(free)
    }

    /// A sentence of the room for those who run it.
    pub(super) fn tell_moderators(&self, turn: &mut Turn<'_>, text: String) {
        let mut message = Message::new(MessageKind::Groupchat, &self.jid, &self.jid);
        message.head.to = None;
        message.head.id = Some(turn.now.id.as_str().into());
        message.payloads.push(Element::new("body", ns::CLIENT).with_text(text));
        turn.tell(super::listener::Printed::new(&message.into()), self.occupants.moderators());
    }
}

/// Whether a nick here is what this person's nick there became.
fn is_nick_of(nick: &str, person: &Person) -> bool {
    let clean = person.nick.split_whitespace().collect::<Vec<_>>().join(" ");
    nick.strip_prefix(clean.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(&person.suffix))
}
