//! Who is in the room, by nick and by session, and who of them hears what.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use rialto_xmpp::{Jid, prep};

use super::affiliation::Role;
use super::listener::{Listener, Listeners};
use super::occupant::{Occupant, Seat};

/// Everybody in the room. A clone shares all occupants.
#[derive(Debug, Default)]
pub struct Occupants {
    /// By what people take for the same nick: there are no two alike.
    by_nick: BTreeMap<Arc<str>, Arc<Occupant>>,
    by_session: HashMap<Jid, Arc<str>>,
    lists: OnceLock<Lists>,
}

/// Sessions by what they see.
#[derive(Clone, Debug)]
struct Lists {
    all: Listeners,
    moderators: Listeners,
    others: Listeners,
}

impl Clone for Occupants {
    fn clone(&self) -> Occupants {
        Occupants {
            by_nick: self.by_nick.clone(),
            by_session: self.by_session.clone(),
            lists: OnceLock::new(),
        }
    }
}

impl Occupants {
    /// The occupant of this nick.
    pub fn of_nick(&self, nick: &str) -> Option<&Arc<Occupant>> {
        self.like(nick).filter(|there| *there.nick == *nick)
    }

    /// RFC 8266: the occupant whose nick people would take for this one.
    pub fn like(&self, nick: &str) -> Option<&Arc<Occupant>> {
        self.by_nick.get(&*prep::likeness(nick))
    }

    /// The occupant one of whose sessions this is.
    pub fn of_session(&self, jid: &Jid) -> Option<&Arc<Occupant>> {
        self.by_nick.get(self.by_session.get(jid)?)
    }

    /// All occupants, in the order of their nicks.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Occupant>> {
        self.by_nick.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_nick.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.by_nick.is_empty()
    }

    /// Whether anybody sits on XMPP.
    pub fn has_sessions(&self) -> bool {
        !self.by_session.is_empty()
    }

    /// Seats an occupant, in place of whoever has the nick.
    pub fn put(&mut self, occupant: Occupant) {
        let likeness: Arc<str> = prep::likeness(&occupant.nick).into();
        if let Some(before) = self.by_nick.get_mut(&likeness)
            && before.role == occupant.role
            && same_chairs(before, &occupant)
        {
            *before = Arc::new(occupant);
            return;
        }
        self.remove(&likeness);
        for chair in occupant.chairs() {
            self.by_session.insert(chair.listener.jid.clone(), likeness.clone());
        }
        self.by_nick.insert(likeness, Arc::new(occupant));
    }

    /// Takes an occupant out.
    pub fn remove(&mut self, nick: &str) -> Option<Arc<Occupant>> {
        self.lists = OnceLock::new();
        let gone = self.by_nick.remove(&*prep::likeness(nick))?;
        for chair in gone.chairs() {
            self.by_session.remove(&chair.listener.jid);
        }
        Some(gone)
    }

    /// Everybody's sessions.
    pub fn all(&self) -> Listeners {
        self.lists().all.clone()
    }

    /// The sessions of moderators.
    pub fn moderators(&self) -> Listeners {
        self.lists().moderators.clone()
    }

    /// The sessions of those who are no moderators.
    pub fn others(&self) -> Listeners {
        self.lists().others.clone()
    }

    fn lists(&self) -> &Lists {
        self.lists.get_or_init(|| {
            let (mut all, mut moderators, mut others) = (Vec::new(), Vec::new(), Vec::new());
            for occupant in self.by_nick.values() {
                let Seat::Xmpp(chairs) = &occupant.seat else { continue };
                let part = if occupant.role == Role::Moderator { &mut moderators } else { &mut others };
                for chair in chairs {
                    all.push(chair.listener.clone());
                    part.push(chair.listener.clone());
                }
            }
            let many = |list: Vec<Arc<Listener>>| Listeners::Many(list.into());
            Lists { all: many(all), moderators: many(moderators), others: many(others) }
        })
    }
}

/// Whether nothing changes about who hears.
fn same_chairs(one: &Occupant, other: &Occupant) -> bool {
    let (one, other) = (one.chairs(), other.chairs());
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| Arc::ptr_eq(&one.listener, &other.listener))
}
