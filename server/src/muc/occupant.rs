//! §7: somebody in the room, here or on another network.

use std::sync::Arc;

use rialto_xmpp::{BareJid, Element, Jid, ns};

use super::affiliation::{Affiliation, Role};
use super::listener::{Listener, Printed};
use super::room::LinkId;

/// Somebody in the room.
#[derive(Clone, Debug)]
pub struct Occupant {
    /// Occupant JID: the room's with the nick as resourcepart.
    pub jid: Jid,
    /// Nick.
    pub nick: Arc<str>,
    /// §5.2.
    pub affiliation: Affiliation,
    /// §5.1.
    pub role: Role,
    /// Where he sits.
    pub seat: Seat,
    /// XEP-0421: the same person has the same one, whatever the nick.
    pub id: Arc<str>,
    /// The real JID that those see who may: of the session that spoke last, or the address of a far person.
    pub real: Jid,
    /// What he says of himself: `show`, `status`, capabilities …
    pub payloads: Arc<[Element]>,
    /// His presence as others get it: without his real JID, and with it.
    pub cards: Option<[Printed; 2]>,
}

/// Where an occupant sits.
#[derive(Clone, Debug)]
pub enum Seat {
    /// On XMPP, with one or more sessions under one nick (§7.2.8).
    Xmpp(Vec<Chair>),
    /// On another network.
    Remote(LinkId),
}

/// One session of an occupant.
#[derive(Clone, Debug)]
pub struct Chair {
    /// Where it hears.
    pub listener: Arc<Listener>,
    /// What it said last of itself.
    pub payloads: Arc<[Element]>,
}

impl Occupant {
    /// His sessions; none where he is on another network.
    pub fn chairs(&self) -> &[Chair] {
        match &self.seat {
            Seat::Xmpp(chairs) => chairs,
            Seat::Remote(_) => &[],
        }
    }

    /// The link behind which he is.
    pub fn link(&self) -> Option<LinkId> {
        match &self.seat {
            Seat::Xmpp(_) => None,
            Seat::Remote(link) => Some(*link),
        }
    }

    /// Whether this session is his.
    pub fn sits(&self, jid: &Jid) -> bool {
        self.chairs().iter().any(|chair| chair.listener.jid == *jid)
    }

    /// The bare JID that affiliations are about.
    pub fn bare(&self) -> BareJid {
        self.real.bare()
    }

    /// XEP-0421 §3: `<occupant-id/>`.
    pub fn id_element(&self) -> Element {
        Element::new("occupant-id", ns::OCCUPANT_ID).attr("id", &self.id)
    }
}
