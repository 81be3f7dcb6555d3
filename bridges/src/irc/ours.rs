//! Which nicks our own connections to one network have: what they do is known by the connection, never by how a nick looks
//! (a suffix can be imitated).

use super::names::Casemapping;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a nick stays ours after its connection has gone: its last words may still be on their way to another.
const LATELY: Duration = Duration::from_secs(10);

/// The nicks of all our connections to one network, shared by them.
#[derive(Debug, Clone, Default)]
pub struct Ours(Arc<Mutex<Nicks>>);

#[derive(Debug, Default)]
struct Nicks {
    places: u64,
    now: BTreeMap<u64, String>,
    lately: Vec<(String, Instant)>,
}

impl Ours {
    /// A place for one more connection, which has no nick yet.
    pub fn place(&self) -> Place {
        let mut nicks = self.nicks();
        nicks.places += 1;
        Place { number: nicks.places, ours: self.clone() }
    }

    /// Is this the nick of one of our connections?
    pub fn have(&self, nick: &str, mapping: Casemapping) -> bool {
        let nicks = self.nicks();
        let lately = nicks.lately.iter().filter(|(_, since)| since.elapsed() < LATELY).map(|(nick, _)| nick);
        nicks.now.values().chain(lately).any(|known| mapping.same(known, nick))
    }

    /// One of our connections sees that another has a new nick, perhaps before that one does.
    pub fn renamed(&self, old: &str, now: &str, mapping: Casemapping) {
        self.nicks()
            .now
            .values_mut()
            .filter(|nick| mapping.same(nick, old))
            .for_each(|nick| *nick = now.into());
    }

    /// One of our connections sees that this nick has left the network: who has it next is somebody else.
    pub fn gone(&self, nick: &str, mapping: Casemapping) {
        self.nicks().lately.retain(|(known, _)| !mapping.same(known, nick));
    }

    fn nicks(&self) -> MutexGuard<'_, Nicks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection among ours. Its nick is forgotten soon after it is dropped.
#[derive(Debug)]
pub struct Place {
    number: u64,
    ours: Ours,
}

impl Place {
    /// The connection's nick is now this; `None` when the link is lost.
    pub fn called(&self, nick: Option<&str>) {
        let mut nicks = self.ours.nicks();
        nicks.lately.retain(|(_, since)| since.elapsed() < LATELY);
        match nick {
            Some(nick) => drop(nicks.now.insert(self.number, nick.into())),
            None => {
                let gone = nicks.now.remove(&self.number);
                nicks.lately.extend(gone.map(|nick| (nick, Instant::now())));
            }
        }
    }

    /// Which of our connections this is.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// All our connections.
    pub fn ours(&self) -> &Ours {
        &self.ours
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.called(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTERS: Casemapping = Casemapping::Rfc1459;

    #[test]
    fn ours_are_known_while_they_are_there_whatever_their_nicks_look_like() {
        let ours = Ours::default();
        let (one, other) = (ours.place(), ours.place());
        one.called(Some("Rialto"));
        other.called(Some("romeo[m]"));
        let have = |nick| ours.have(nick, LETTERS);
        assert!(have("rialto") && have("ROMEO{M}"));
        assert!(!have("juliet[m]"), "a suffix makes nobody ours");
        ours.renamed("romeo[m]", "romeo_", LETTERS);
        assert!(!have("romeo[m]") && have("romeo_"));
        drop(other);
        assert!(have("romeo_"), "the last words may still be on their way");
        ours.gone("Romeo_", LETTERS);
        assert!(!have("romeo_"));
    }
}
