//! What binds all rooms of a host: limits, who runs the service, the secret of occupant-ids.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use rialto_xmpp::{BareJid, Jid};
use sha2::Sha256;

use crate::features::pubsub::Spaces;
use crate::guards::Guards;

/// What binds all rooms of a host.
pub struct Rules {
    /// Those who run the service: owners of every room.
    pub admins: Vec<BareJid>,
    /// How much of anything.
    pub limits: Limits,
    /// How long what is said is kept; `None` for ever.
    pub retention: Option<Duration>,
    /// Who is kept away from all rooms, and how often one may invite.
    pub guards: Arc<Guards>,
    /// XEP-0503: the spaces of this server, of which rooms may be a part.
    pub spaces: Spaces,
    /// Owners may link their rooms to those of some network.
    pub owners_link: Arc<AtomicBool>,
    /// XEP-0421 §6: nobody can compute an occupant-id from a JID without it.
    pub secret: [u8; 32],
}

/// How much of anything a room takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Occupants, whatever a room's own configuration says.
    pub occupants: usize,
    /// Sessions of one person in one room.
    pub sessions: usize,
    /// Bytes of a nick.
    pub nick: usize,
    /// Bytes of a subject.
    pub subject: usize,
    /// Bytes of a password.
    pub password: usize,
    /// Bytes of a reason.
    pub reason: usize,
    /// Bytes of a room's name.
    pub name: usize,
    /// Bytes of a description.
    pub description: usize,
    /// Bytes of what an occupant's presence says, and of how the room is shown.
    pub presence: usize,
    /// Entries of all affiliation lists together.
    pub standings: usize,
    /// Messages of history.
    pub history: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            occupants: 5_000,
            sessions: 10,
            nick: 128,
            subject: 2_048,
            password: 256,
            reason: 512,
            name: 256,
            description: 2_048,
            presence: 4_096,
            standings: 5_000,
            history: 100,
        }
    }
}

impl Rules {
    /// Whether somebody runs the service.
    pub fn is_admin(&self, jid: &Jid) -> bool {
        self.admins.iter().any(|admin| admin.as_str() == jid.bare_str())
    }

    /// XEP-0421 §4: the same for the same person in the same room, unlike in any other room.
    pub fn occupant_id(&self, room: &BareJid, who: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else { return String::new() };
        for part in [room.as_str(), who] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("admins", &self.admins).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_occupant_id_is_of_one_person_in_one_room() {
        let (limits, guards, spaces) = (Limits::default(), Arc::default(), Spaces::default());
        let owners_link = Arc::default();
        let admins = Vec::new();
        let rules = Rules { admins, limits, retention: None, guards, spaces, owners_link, secret: [7; 32] };
        let room = |name: &str| BareJid::parse(name).unwrap();
        let id = rules.occupant_id(&room("a@rooms"), "romeo@montague.lit");
        assert_eq!(id, rules.occupant_id(&room("a@rooms"), "romeo@montague.lit"));
        assert_ne!(id, rules.occupant_id(&room("b@rooms"), "romeo@montague.lit"));
        assert_ne!(id, rules.occupant_id(&room("a@rooms"), "juliet@capulet.lit"));
        assert_ne!(rules.occupant_id(&room("a@r"), "xy"), rules.occupant_id(&room("a@rx"), "y"));
        assert_eq!(id.len(), 43);
    }
}
