//! Who is in the far rooms of a room, seated here or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use rialto_bridges::{About, Author, Hat, Member, Role};

use crate::muc::LinkId;

/// Everybody in all far rooms. A clone shares every person.
#[derive(Clone, Debug, Default)]
pub struct People {
    there: BTreeMap<LinkId, BTreeMap<Arc<str>, Arc<Person>>>,
    about: BTreeMap<LinkId, About>,
}

/// Somebody in a far room.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Who.
    pub author: Author,
    /// With what rights there.
    pub role: Role,
    /// Away, with the reason, perhaps empty.
    pub away: Option<String>,
    /// What else he is there.
    pub hats: Vec<Hat>,
    /// Where he sits here.
    pub place: Place,
}

/// Where somebody of a far room sits in ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// He is an occupant of this nick.
    Seated(Arc<str>),
    /// He is none: he is one of a crowd and has not spoken, or is banned.
    Unseated,
    /// A moderator here has put him out: what he says stops here until he leaves there and comes back.
    PutOut,
}

impl Person {
    /// As the far side tells of him; not seated.
    pub fn new(member: Member) -> Person {
        let Member { author, role, away, hats } = member;
        Person { author, role, away, hats, place: Place::Unseated }
    }

    /// His nick here.
    pub fn nick(&self) -> Option<&Arc<str>> {
        match &self.place {
            Place::Seated(nick) => Some(nick),
            Place::Unseated | Place::PutOut => None,
        }
    }
}

impl People {
    /// Somebody of a far room.
    pub fn person(&self, link: LinkId, author: &str) -> Option<&Arc<Person>> {
        self.there.get(&link)?.get(author)
    }

    /// Everybody of one far room.
    pub fn of(&self, link: LinkId) -> impl Iterator<Item = &Arc<Person>> {
        self.there.get(&link).into_iter().flat_map(BTreeMap::values)
    }

    /// The person of a far room who sits here under this nick.
    pub fn seated(&self, link: LinkId, nick: &str) -> Option<&Arc<Person>> {
        self.of(link).find(|person| person.nick().is_some_and(|own| **own == *nick))
    }

    /// What is known of a far room itself.
    pub fn about(&self, link: LinkId) -> Option<&About> {
        self.about.get(&link)
    }

    /// Notes what is known of a far room itself.
    pub fn put_about(&mut self, link: LinkId, about: About) {
        self.about.insert(link, about);
    }

    /// How many of a far room are seated.
    pub fn seats(&self, link: LinkId) -> usize {
        self.of(link).filter(|person| person.nick().is_some()).count()
    }

    /// How many of all far rooms are seated.
    pub fn all_seats(&self) -> usize {
        self.there.keys().map(|link| self.seats(*link)).sum()
    }

    /// Notes somebody as he is now.
    pub fn put(&mut self, link: LinkId, person: Person) {
        self.there.entry(link).or_default().insert(person.author.id.clone(), Arc::new(person));
    }

    /// He is gone from the far room.
    pub fn remove(&mut self, link: LinkId, author: &str) -> Option<Arc<Person>> {
        self.there.get_mut(&link)?.remove(author)
    }

    /// The far room is none of ours any more.
    pub fn remove_link(&mut self, link: LinkId) {
        self.there.remove(&link);
        self.about.remove(&link);
    }

    /// An occupant who sits here has been taken out; by a moderator's kick, or otherwise.
    pub fn unseat(&mut self, link: LinkId, nick: &str, kicked: bool) {
        let Some(person) = self.seated(link, nick) else { return };
        let place = if kicked { Place::PutOut } else { Place::Unseated };
        let changed = Person { place, ..Person::clone(person) };
        self.put(link, changed);
    }
}
