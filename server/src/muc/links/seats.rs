//! People of far rooms as occupants: they come, go and change there, and so they do here.

use std::collections::BTreeSet;
use std::sync::Arc;

use rialto_bridges::{Author, Hat, Member, Role as FarRole};
use rialto_xmpp::{Element, Jid, ns, prep};

use super::linked::Linked;
use super::people::{Person, Place};
use crate::config::Shown;
use crate::muc::affiliation::{Affiliation, Role};
use crate::muc::effect::Turn;
use crate::muc::occupant::{Occupant, Seat};
use crate::muc::presence::Change;
use crate::muc::room::Room;

/// A far room with more people than this enters with its moderators and those who speak: presence of thousands is of
/// no use to anybody.
pub const CROWD: usize = 500;

/// In rooms larger than this, coming and going from the keyboard is shown to those who enter later, and not told.
const QUIET: usize = 200;

/// Hats of one person that are shown, and bytes of a title or a URI.
const HATS: usize = 16;
const HAT: usize = 256;

/// Bytes of a nick that are left for what tells two of the same name apart.
const SUFFIX: usize = 40;

impl Room {
    /// Everybody who is in the far room. Who stayed is not told of again.
    pub(super) fn far_members(&mut self, turn: &mut Turn<'_>, link: &Linked, members: Vec<Member>) {
        let there: BTreeSet<&str> = members.iter().map(|member| &*member.author.id).collect();
        let gone = self.far.of(link.id).filter(|person| !there.contains(&*person.author.id));
        let gone: Vec<Arc<str>> = gone.map(|person| person.author.id.clone()).collect();
        for author in gone {
            self.far_left(turn, link, &author, None);
        }
        let crowd = members.len() > CROWD || link.options.occupants == Shown::Speakers;
        for member in members {
            self.far_there(turn, link, member, crowd);
        }
    }

    /// Somebody comes in. Who was put out and has left since may come back.
    pub(super) fn far_entered(&mut self, turn: &mut Turn<'_>, link: &Linked, member: Member) {
        let crowd = self.far.seats(link.id) >= CROWD || link.options.occupants == Shown::Speakers;
        self.far_there(turn, link, member, crowd);
    }

    /// Somebody is there: seated, or brought up to date.
    fn far_there(&mut self, turn: &mut Turn<'_>, link: &Linked, member: Member, crowd: bool) {
        let Some(known) = self.far.person(link.id, &member.author.id).cloned() else {
            return self.sit(turn, link, Person::new(member), crowd);
        };
        let now = Person { place: known.place.clone(), ..Person::new(member) };
        if known.place == Place::Unseated {
            return self.sit(turn, link, now, crowd);
        }
        if *known == now {
            return;
        }
        self.far_mut().put(link.id, now.clone());
        if self.goes_for_good(turn, link, &now) {
            return;
        }
        if known.role != now.role {
            self.far_role(turn, link, &now.author.id, now.role);
        }
        if known.away != now.away || known.hats != now.hats {
            self.far_shows(turn, &now);
        }
    }

    /// What is known of him now says that he is banned.
    fn goes_for_good(&mut self, turn: &mut Turn<'_>, link: &Linked, now: &Person) -> bool {
        let Some(occupant) = now.nick().and_then(|nick| self.occupants.of_nick(nick)).cloned() else {
            return false;
        };
        let banned = self.far_affiliation(link, &now.author, &occupant.real) == Affiliation::Outcast;
        if banned {
            self.take_out(turn, &occupant, &Change::code(301));
        }
        banned
    }

    /// A place for somebody of a far room, where the room's rules give him one; known he is in any case.
    pub(super) fn sit(&mut self, turn: &mut Turn<'_>, link: &Linked, person: Person, crowd: bool) {
        let of_the_crowd = crowd && person.role < FarRole::Helper;
        let full = self.occupants.len() >= self.rules.limits.occupants;
        let shut = of_the_crowd || full || self.is_withheld(link);
        let occupant = self.far_occupant(link, &person).filter(|_| !shut);
        let Some(occupant) = occupant else {
            return self.far_mut().put(link.id, Person { place: Place::Unseated, ..person });
        };
        let nick = occupant.nick.clone();
        self.far_mut().put(link.id, Person { place: Place::Seated(nick.clone()), ..person });
        self.seat(occupant);
        self.announce(turn, &nick, &Change::default());
    }

    /// Somebody goes, with his last words.
    pub(super) fn far_left(
        &mut self,
        turn: &mut Turn<'_>,
        link: &Linked,
        author: &str,
        reason: Option<String>,
    ) {
        let last = reason.map(|reason| Element::new("status", ns::CLIENT).with_text(reason));
        let change = Change { last: Some(last.into_iter().collect()), ..Change::default() };
        self.far_gone(turn, link, author, &change);
    }

    /// Somebody goes for a reason that everybody is told.
    pub(super) fn far_gone(&mut self, turn: &mut Turn<'_>, link: &Linked, author: &str, change: &Change) {
        let Some(person) = self.far_mut().remove(link.id, author) else { return };
        let seated = person.nick().and_then(|nick| self.occupants.of_nick(nick)).cloned();
        if let Some(occupant) = seated {
            self.take_out(turn, &occupant, change);
        }
    }

    /// Somebody is called otherwise from now on. A ban follows him as long as he stays there.
    pub(super) fn far_renamed(&mut self, turn: &mut Turn<'_>, link: &Linked, before: &str, now: Author) {
        if now.id.as_ref() != before {
            self.far_left(turn, link, &now.id, None);
        }
        let Some(person) = self.far_mut().remove(link.id, before) else { return };
        let banned = link.address(&person.author);
        let banned = banned
            .is_some_and(|jid| self.far_affiliation(link, &person.author, &jid) == Affiliation::Outcast);
        let place = if banned { Place::PutOut } else { person.place.clone() };
        let after = Person { author: now, place, ..Person::clone(&person) };
        let seated = person.nick().and_then(|nick| self.occupants.of_nick(nick)).cloned();
        let Some(occupant) = seated.filter(|_| !banned) else {
            return self.far_mut().put(link.id, after);
        };
        let Some(moved) = self.far_occupant(link, &after) else {
            // §9.1: his new address is banned.
            self.far_mut().put(link.id, Person { place: Place::PutOut, ..after });
            return self.take_out(turn, &occupant, &Change::code(301));
        };
        self.far_mut().put(link.id, Person { place: Place::Seated(moved.nick.clone()), ..after });
        if moved.nick == occupant.nick {
            self.seat(moved);
            self.announce(turn, &occupant.nick, &Change::default());
        } else {
            self.renamed(turn, &occupant, moved, false);
        }
    }

    /// Somebody may do more or less there.
    pub(super) fn far_role(&mut self, turn: &mut Turn<'_>, link: &Linked, author: &str, role: FarRole) {
        let Some(person) = self.far.person(link.id, author).cloned() else { return };
        let now = Person { role, ..Person::clone(&person) };
        self.far_mut().put(link.id, now.clone());
        let Some(occupant) = now.nick().and_then(|nick| self.occupants.of_nick(nick)).cloned() else {
            return;
        };
        let stands = self.far_standing(link, &now.author, (&occupant.real, role));
        if stands != (occupant.affiliation, occupant.role) {
            self.restand(turn, &occupant, stands, &Change::default());
        }
    }

    /// Somebody goes away from his keyboard, or comes back.
    pub(super) fn far_away(
        &mut self,
        turn: &mut Turn<'_>,
        link: &Linked,
        author: &str,
        away: Option<String>,
    ) {
        let Some(person) = self.far.person(link.id, author).cloned() else { return };
        let now = Person { away, ..Person::clone(&person) };
        self.far_mut().put(link.id, now.clone());
        self.far_shows(turn, &now);
    }

    /// What his presence says of him.
    fn far_shows(&mut self, turn: &mut Turn<'_>, now: &Person) {
        let Some(occupant) = now.nick().and_then(|nick| self.occupants.of_nick(nick)).cloned() else {
            return;
        };
        let payloads = said_of(now);
        if payloads == occupant.payloads {
            return;
        }
        self.seat(Occupant { payloads, ..Occupant::clone(&occupant) });
        if self.occupants.len() <= QUIET {
            self.announce(turn, &occupant.nick, &Change::default());
        }
    }

    /// A local person wants the nick of somebody of a far room: he gets it, and the other one is told apart. In a room
    /// that is there for the far one alone, its people were first.
    pub(in crate::muc) fn make_way(&mut self, turn: &mut Turn<'_>, nick: &str) {
        let Some(occupant) = self.occupants.like(nick).cloned() else { return };
        let nick = &*occupant.nick;
        let Some(link) = occupant.link().and_then(|id| self.link(id)).filter(|link| !link.on_demand) else {
            return;
        };
        let Some(person) = self.far.seated(link.id, nick).cloned() else { return };
        let other = self.free_nick(&link, &person.author, |nick| self.occupants.like(nick).is_some());
        let Ok(jid) = self.jid.with_resource(&other) else { return };
        let nick: Arc<str> = other.into();
        self.far_mut().put(link.id, Person { place: Place::Seated(nick.clone()), ..Person::clone(&person) });
        let after = Occupant { nick, jid, ..Occupant::clone(&occupant) };
        self.renamed(turn, &occupant, after, false);
    }

    /// Somebody of a far room as an occupant; `None` if he is banned.
    fn far_occupant(&self, link: &Linked, person: &Person) -> Option<Occupant> {
        let real = link.address(&person.author)?;
        let (affiliation, role) = self.far_standing(link, &person.author, (&real, person.role));
        if affiliation == Affiliation::Outcast {
            return None;
        }
        let own = person.nick().cloned();
        let nick = self.free_nick(link, &person.author, |nick| {
            self.occupants.like(nick).is_some_and(|there| own.as_ref() != Some(&there.nick))
        });
        Some(Occupant {
            jid: self.jid.with_resource(&nick).ok()?,
            nick: nick.into(),
            affiliation,
            role,
            seat: Seat::Remote(link.id),
            id: self.rules.occupant_id(&self.jid, &link.person(&person.author)).into(),
            real,
            payloads: said_of(person),
            cards: None,
        })
    }

    /// What somebody of a far room is here: the far side gives him his role within the rules of the room. Where the room
    /// is there for the far one alone, his affiliation shows what he is there, too.
    fn far_standing(
        &self,
        link: &Linked,
        author: &Author,
        (real, there): (&Jid, FarRole),
    ) -> (Affiliation, Role) {
        let kept = self.far_affiliation(link, author, real);
        let affiliation = match there {
            _ if kept != Affiliation::None || !link.on_demand => kept,
            FarRole::Visitor | FarRole::Participant => Affiliation::None,
            FarRole::Voiced | FarRole::Helper => Affiliation::Member,
            FarRole::Moderator => Affiliation::Admin,
            FarRole::Owner => Affiliation::Owner,
        };
        let here = self.role_on_entry(kept);
        let role = match there {
            FarRole::Visitor if kept == Affiliation::None => Role::Visitor,
            FarRole::Visitor => here,
            FarRole::Participant => here,
            FarRole::Voiced => here.max(Role::Participant),
            FarRole::Helper | FarRole::Moderator | FarRole::Owner => Role::Moderator,
        };
        (affiliation, role)
    }

    /// His nick, or one like it that nobody has: local people and reserved nicks come first.
    fn free_nick(&self, link: &Linked, author: &Author, taken: impl Fn(&str) -> bool) -> String {
        let mut plain = prep::clean_resourcepart(&author.nick).unwrap_or_else(|| "somebody".into());
        while plain.len() + SUFFIX > self.rules.limits.nick.max(SUFFIX + 8) {
            plain.pop();
        }
        let plain = plain.trim_end();
        let bridge: String = link.bridge.chars().take(SUFFIX / 4).collect();
        let address = link.address(author);
        let reserved = |nick: &str| {
            let holder = self.record.holder(nick);
            holder.is_some_and(|holder| address.as_ref().is_none_or(|own| own.bare_str() != holder))
        };
        let other = |number: usize| match number {
            0 => plain.to_owned(),
            1 => format!("{plain} ({bridge})"),
            more => format!("{plain} ({bridge} {more})"),
        };
        let deceives = self.guarded(plain, address.as_ref());
        let free = |nick: &String| !taken(nick) && !reserved(nick);
        (usize::from(deceives)..).map(other).find(free).unwrap_or_default()
    }
}

/// What somebody's presence says of him.
fn said_of(person: &Person) -> Arc<[Element]> {
    let mut said = Vec::new();
    if let Some(reason) = &person.away {
        said.push(Element::new("show", ns::CLIENT).with_text("away"));
        if !reason.is_empty() {
            said.push(Element::new("status", ns::CLIENT).with_text(reason.as_str()));
        }
    }
    said.extend(hats(&person.hats));
    said.into()
}

/// XEP-0317 §3.1: what he is there.
fn hats(hats: &[Hat]) -> Option<Element> {
    let sound =
        hats.iter().filter(|hat| !hat.title.is_empty() && hat.uri.len() <= HAT && hat.uri.contains(':'));
    let hat = |hat: &Hat| {
        Element::new("hat", ns::HATS)
            .attr("title", rialto_bridges::degrade::shorten(&hat.title, HAT))
            .attr("uri", &hat.uri)
            .attr_opt("hue", hat.hue.map(|hue| (hue % 360).to_string()))
    };
    let all: Vec<Element> = sound.take(HATS).map(hat).collect();
    (!all.is_empty()).then(|| Element::new("hats", ns::HATS).with_all(all))
}
