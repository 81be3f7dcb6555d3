//! Which of our people are in a linked room: networks on which each has a connection of his own must know.

use std::collections::BTreeMap;
use std::sync::Arc;

use rialto_bridges::Author;

use super::attached::Attached;
use super::linked::Linked;
use super::relay;
use crate::muc::LinkId;
use crate::muc::occupant::Seat;
use crate::muc::occupants::Occupants;
use crate::muc::room::Room;

/// Who was in a room through which far rooms.
#[derive(Clone, Debug)]
pub struct Seated {
    occupants: Arc<Occupants>,
    links: Arc<[Arc<Linked>]>,
}

impl Seated {
    /// As it is.
    pub fn of(room: &Room) -> Seated {
        Seated { occupants: room.occupants.clone(), links: room.links.clone() }
    }

    /// Who has come or gone since, for each far room; for a new one, everybody who is here.
    pub fn changes(&self, room: &Room) -> Vec<(LinkId, Author, bool)> {
        let same = Arc::ptr_eq(&self.occupants, &room.occupants) && Arc::ptr_eq(&self.links, &room.links);
        if room.links.is_empty() || same {
            return Vec::new();
        }
        let (before, now) = (ours(&self.occupants), ours(&room.occupants));
        let mut changes = Vec::new();
        for link in room.links.iter() {
            let known = self.links.iter().any(|other| other.id == link.id);
            let new = now.iter().filter(|(id, author)| !known || before.get(*id) != Some(author));
            changes.extend(new.map(|(_, author)| (link.id, author.clone(), true)));
            if known {
                let gone = before.iter().filter(|(id, _)| !now.contains_key(*id));
                changes.extend(gone.map(|(_, author)| (link.id, author.clone(), false)));
            }
        }
        changes
    }
}

/// Our own people, by their occupant-ids.
fn ours(occupants: &Occupants) -> BTreeMap<Arc<str>, Author> {
    let here = occupants.iter().filter(|occupant| matches!(occupant.seat, Seat::Xmpp(_)));
    here.map(|occupant| (occupant.id.clone(), relay::author(occupant))).collect()
}

/// Who must be announced to the network: the last word about each, so that there are never more than there are people.
#[derive(Debug, Default)]
pub(super) struct Announced {
    waiting: BTreeMap<Arc<str>, (Author, bool)>,
    busy: bool,
}

impl Attached {
    /// The network is told, one after another.
    pub(super) fn announce(self: &Arc<Self>, person: Author, here: bool) {
        let mut announced = self.announced.lock();
        announced.waiting.insert(person.id.clone(), (person, here));
        if !std::mem::replace(&mut announced.busy, true) {
            drop(announced);
            let link = self.clone();
            tokio::spawn(async move { link.announce_all().await });
        }
    }

    async fn announce_all(&self) {
        loop {
            let next = {
                let mut announced = self.announced.lock();
                let next = announced.waiting.pop_first();
                announced.busy = next.is_some();
                next
            };
            let Some((_, (person, here))) = next else { return };
            if let Err(error) = self.over.network.seat(&self.linked.far, &person, here).await {
                tracing::debug!(link = %self.linked.key(), %error, "the network was not told who is here");
            }
        }
    }
}
