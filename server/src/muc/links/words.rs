//! What people of far rooms do, said in our room as if they had done it here.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rialto_bridges::model::harmless_line;
use rialto_bridges::{Act, Author, Event, Member};
use rialto_xmpp::parts::stanza_id;
use rialto_xmpp::{Element, Message, MessageKind, ns};

use super::files::Held;
use super::linked::Linked;
use super::memory::{Memory, Said};
use super::news::{Deed, News};
use super::people::{People, Person, Place};
use super::translate;
use crate::config::Way;
use crate::muc::LinkId;
use crate::muc::affiliation::Role;
use crate::muc::effect::{Bind, Effect, Turn};
use crate::muc::groupchat::lasts;
use crate::muc::listener::Printed;
use crate::muc::occupant::Occupant;
use crate::muc::presence::Change;
use crate::muc::record::Subject;
use crate::muc::room::Room;
use crate::muc::tombstone::retracted;

impl Room {
    /// Something happens in a far room.
    pub(in crate::muc) fn far_news(&mut self, turn: &mut Turn<'_>, id: LinkId, news: News) {
        let Some(link) = self.link(id) else { return };
        if link.options.way == Way::Out && !matches!(news, News::Refused(_)) {
            return;
        }
        match news {
            News::Did(deed) => self.far_did(turn, &link, deed),
            News::Entered(member) => self.far_entered(turn, &link, member),
            News::Left { author, reason } => self.far_left(turn, &link, &author, reason),
            News::Kicked { author, by, reason } => {
                let change = Change { actor: Some(by), reason, ..Change::code(307) };
                self.far_gone(turn, &link, &author, &change);
            }
            News::Renamed { author, now } => self.far_renamed(turn, &link, &author, now),
            News::Role { author, role } => self.far_role(turn, &link, &author, role),
            News::Away { author, away } => self.far_away(turn, &link, &author, away),
            News::Erased { of, by, reason } => self.far_erased(turn, &link, &of, (by, reason)),
            News::About(about) => self.far_about(turn, &link, about),
            News::Members(members) => self.far_members(turn, &link, members),
            News::Refused(text) => self.tell_moderators(turn, &link, &text),
        }
    }

    /// From now on a far room is one with this one.
    pub(in crate::muc) fn linked(&mut self, link: Arc<Linked>) {
        if self.link(link.id).is_none() {
            self.links = self.links.iter().cloned().chain([link]).collect();
        }
    }

    /// A far room is not one with this one any more: its people go.
    pub(in crate::muc) fn unlinked(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let Some(link) = self.link(id) else { return };
        self.far_members(turn, &link, Vec::new());
        self.far_mut().remove_link(id);
        self.links = self.links.iter().filter(|link| link.id != id).cloned().collect();
    }

    /// The link of this id.
    pub(super) fn link(&self, id: LinkId) -> Option<Arc<Linked>> {
        self.links.iter().find(|link| link.id == id).cloned()
    }

    /// Who is in the far rooms, to be changed.
    pub(super) fn far_mut(&mut self) -> &mut People {
        Arc::make_mut(&mut self.far)
    }

    /// An occupant has been taken out; one of a far room is still there.
    pub(in crate::muc) fn far_unseat(&mut self, occupant: &Occupant, change: &Change) {
        if let Some(link) = occupant.link() {
            self.far_mut().unseat(link, &occupant.nick, change.codes.contains(&307));
        }
    }

    fn far_did(&mut self, turn: &mut Turn<'_>, link: &Linked, deed: Deed) {
        if self.is_withheld(link) {
            return;
        }
        if let Act::Subject(subject) = deed.act {
            return self.far_subject(turn, link, deed.author, (subject, deed.at));
        }
        let Some(occupant) = self.far_speaker(turn, link, &deed.author) else { return };
        // §5.1.1: in a moderated room those without voice are not heard, wherever they are.
        if occupant.role < Role::Participant {
            return;
        }
        let memory = self.memory.clone();
        let Some(act) = deed.act.renamed(|named| memory.ours(link.id, named)) else {
            return turn.effects.push(Effect::Unknown(link.id));
        };
        if let Act::Edit { of, .. } = &act
            && memory.message(of).is_some_and(|said| said.occupant != occupant.id)
        {
            return;
        }
        if self.comes_back(turn, link, (&occupant, &deed.author), &act) {
            return;
        }
        let taken_back = match &act {
            // XEP-0424 §5: nobody takes back the words of another, wherever he is.
            Act::Retract { of } => match self.own_message(turn, &occupant, of) {
                Ok(original) => original.map(|original| (of.clone(), original)),
                Err(_) => return,
            },
            _ => None,
        };
        let Some(mut payloads) = translate::payloads(&act).into_iter().next() else { return };
        if let Some(hash) = deed.file.as_ref().and_then(|file| file.hash.as_ref()) {
            translate::prove(&mut payloads, hash);
        }
        let mut message = Message::new(MessageKind::Groupchat, &occupant.jid, &self.jid);
        message.payloads = payloads;
        if self.may_say(deed.at, &occupant, &message).is_err() {
            return;
        }
        let lasting = lasts(&message);
        if !link.options.archive {
            message.payloads.push(Element::new("no-permanent-store", ns::HINTS));
        }
        turn.effects.extend(shelving(&turn.now.id, &act, deed.file));
        let stanza = self.publish(turn, &occupant, message);
        if let Some((of, original)) = taken_back {
            self.bury(turn, &of, &original, retracted(turn.now.at, &stanza));
        }
        if let Some(theirs) = deed.theirs.filter(|_| matches!(act, Act::Say(_)) && lasting) {
            turn.effects.push(Effect::Bind(Bind {
                key: link.key().into(),
                ours: turn.now.id.clone(),
                theirs: vec![theirs.as_str().to_owned()],
            }));
            self.remember_far(turn, link, &occupant, (&act, theirs));
        }
        let author = Author { nick: occupant.nick.clone(), ..deed.author };
        let event = Event { author, at: deed.at, act };
        self.relay(turn, Some(link.id), event, None);
    }

    fn remember_far(
        &mut self,
        turn: &Turn<'_>,
        link: &Linked,
        occupant: &Occupant,
        (act, theirs): (&Act<String>, rialto_bridges::RemoteId),
    ) {
        let Act::Say(message) = act else { return };
        let file = message.attachments.first().map(|file| file.name.clone());
        let said = Said {
            id: turn.now.id.clone(),
            occupant: occupant.id.clone(),
            nick: occupant.nick.clone(),
            own: vec![turn.now.id.clone()],
            theirs: Some((link.id, theirs)),
            words: if message.text.is_empty() {
                file.unwrap_or_default()
            } else {
                message.text.plain().to_owned()
            },
        };
        Memory::push(Arc::make_mut(&mut self.memory), said);
    }

    /// The occupant who speaks: seated now, if he was of the crowd or is not known. `None` for those whose words stop here.
    fn far_speaker(&mut self, turn: &mut Turn<'_>, link: &Linked, author: &Author) -> Option<Arc<Occupant>> {
        let known = self.far.person(link.id, &author.id).cloned();
        match known.as_ref().map(|person| &person.place) {
            Some(Place::PutOut) => return None,
            Some(Place::Seated(_)) => {}
            Some(Place::Unseated) | None => {
                let member = Member::new(author.clone());
                let person = known.map_or_else(|| Person::new(member), |person| Person::clone(&person));
                self.sit(turn, link, person, false);
            }
        }
        let person = self.far.person(link.id, &author.id)?;
        self.occupants.of_nick(person.nick()?).cloned()
    }

    /// §8.1: the far room is about something else now. What is old news, or what we have just set there, changes nothing.
    fn far_subject(
        &mut self,
        turn: &mut Turn<'_>,
        link: &Linked,
        author: Author,
        (text, at): (String, std::time::SystemTime),
    ) {
        let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let before = self.record.subject.as_ref();
        if before.map_or(text.is_empty(), |before| same_subject(&before.text, &text) || before.at > seconds) {
            return;
        }
        let person = self.far.person(link.id, &author.id);
        if person.is_some_and(|person| person.place == Place::PutOut) {
            return;
        }
        let text: String = rialto_bridges::degrade::shorten(&text, self.rules.limits.subject);
        let seated = person.and_then(|person| person.nick()).and_then(|nick| self.occupants.of_nick(nick));
        let seated = seated.cloned();
        // Who is not here does not speak under a nick that may be somebody else's: the room itself says it.
        let nick = seated.as_ref().map_or_else(String::new, |occupant| occupant.nick.to_string());
        self.record_mut().subject = Some(Subject { text: text.clone(), nick, at: seconds });
        turn.save();
        let from = seated.as_ref().map_or(self.jid.as_jid(), |occupant| &occupant.jid);
        let message = Message::new(MessageKind::Groupchat, from, &self.jid);
        let message = message.with(Element::new("subject", ns::CLIENT).with_text(text.as_str()));
        match &seated {
            Some(occupant) => {
                let stanza = self.stamped(turn, occupant, message);
                self.keep_and_tell(turn, &stanza, true);
            }
            None => {
                let mut message = message.with(stanza_id::stanza_id(&turn.now.id, self.jid.as_str()));
                message.head.to = None;
                message.head.id = Some(turn.now.id.as_str().into());
                self.keep_and_tell(turn, &Arc::new(message.into()), true);
            }
        }
        self.relay(turn, Some(link.id), Event { author, at, act: Act::Subject(text) }, None);
    }

    /// Those who can do something about it learn that a far room will not have us.
    fn tell_moderators(&self, turn: &mut Turn<'_>, link: &Linked, text: &str) {
        let says = format!("The link to {} is refused, and people there hear nothing: {text}", link.key());
        let mut message = Message::new(MessageKind::Groupchat, &self.jid, &self.jid);
        message.head.to = None;
        message.head.id = Some(format!("{}-l", turn.now.id).into());
        let message = message.with(Element::new("body", ns::CLIENT).with_text(harmless_line(&says)));
        turn.tell(Printed::new(&message.into()), self.occupants.moderators());
    }
}

/// The file of a message is kept with it, and goes where an edit makes words of it.
fn shelving(id: &str, act: &Act<String>, file: Option<Arc<Held>>) -> Option<Effect> {
    match (act, file) {
        (Act::Say(_), Some(file)) => Some(Effect::Shelve(id.to_owned(), file)),
        (Act::Edit { of, .. }, _) => Some(Effect::Unshelve(of.clone())),
        _ => None,
    }
}

/// Subjects are one line there, and perhaps cut.
fn same_subject(ours: &str, theirs: &str) -> bool {
    let ours = harmless_line(ours);
    let cut = theirs.trim_end_matches('…');
    ours == theirs || (cut.len() >= 80 && ours.starts_with(cut))
}
