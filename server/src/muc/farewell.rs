//! XEP-0045 §10.9: a destroyed room is gone, and for a time says so, and where it goes on. Its name is nobody's but its
//! owners' meanwhile: who had it in his bookmarks would take a stranger's room for it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rialto_xmpp::{BareJid, Condition, Jid, StanzaError};
use serde::{Deserialize, Serialize};

use super::affiliation::Affiliation;
use super::record::Record;

/// How long it is remembered.
const MEMORY: Duration = Duration::from_secs(30 * 86_400);

/// Destroyed rooms that one host remembers; the oldest are forgotten first.
const MOST: usize = 10_000;

/// What is left of a destroyed room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Farewell {
    /// When, in seconds since 1970.
    pub at: u64,
    /// Where it goes on.
    pub alternate: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Who may open it again.
    pub owners: Vec<String>,
}

/// Destroyed rooms of a host.
#[derive(Debug, Default)]
pub struct Farewells(BTreeMap<BareJid, Farewell>);

impl Farewell {
    /// Of a room that is destroyed at this moment.
    pub fn new(
        record: &Record,
        at: SystemTime,
        alternate: Option<String>,
        reason: Option<String>,
    ) -> Farewell {
        let owners = record.of(Affiliation::Owner).map(|(jid, _)| jid.to_owned()).collect();
        Farewell { at: seconds(at), alternate, reason, owners }
    }

    /// Whether it need not be remembered any more.
    pub fn is_over(&self, now: SystemTime) -> bool {
        seconds(now).saturating_sub(self.at) > MEMORY.as_secs()
    }

    /// What is kept of the room.
    pub fn record(&self) -> Record {
        Record { gone: Some(self.clone()), ..Record::default() }
    }

    fn error(&self) -> StanzaError {
        let mut says = "This room was destroyed".to_owned();
        if let Some(reason) = &self.reason {
            says.push_str(&format!(" ({reason})"));
        }
        if let Some(alternate) = &self.alternate {
            says.push_str(&format!("; it goes on at {alternate}"));
        }
        let error = StanzaError::new(Condition::Gone, format!("{says}."));
        StanzaError { to: self.alternate.as_ref().map(|alternate| format!("xmpp:{alternate}?join")), ..error }
    }
}

impl Farewells {
    /// A room is gone.
    pub fn remember(&mut self, room: BareJid, farewell: Farewell) {
        if self.0.len() >= MOST {
            let oldest = self.0.iter().min_by_key(|(_, farewell)| farewell.at).map(|(room, _)| room.clone());
            oldest.and_then(|room| self.0.remove(&room));
        }
        self.0.insert(room, farewell);
    }

    /// There is a room of this name again.
    pub fn forget(&mut self, room: &BareJid) {
        self.0.remove(room);
    }

    /// What whoever speaks to this room must be told; nothing for those who may open it again.
    pub fn error(&mut self, room: &BareJid, who: &Jid, now: SystemTime) -> Option<StanzaError> {
        let farewell = self.0.get(room)?;
        if farewell.is_over(now) {
            self.0.remove(room);
            return None;
        }
        let owned = farewell.owners.iter().any(|owner| owner == who.bare_str());
        (!owned).then(|| farewell.error())
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destroyed_room_is_gone_for_a_time_and_for_all_but_its_owners() {
        let jid = |text: &str| Jid::parse(text).unwrap();
        let room = BareJid::parse("lounge@rooms.lit").unwrap();
        let mut record = Record::default();
        record.set_affiliation(&jid("romeo@montague.lit").bare(), Affiliation::Owner, None);
        let at = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let mut gone = Farewells::default();
        gone.remember(room.clone(), Farewell::new(&record, at, Some("crypt@rooms.lit".into()), None));
        let error = gone.error(&room, &jid("juliet@capulet.lit/b"), at).unwrap();
        assert_eq!(
            (error.condition, error.to.as_deref()),
            (Condition::Gone, Some("xmpp:crypt@rooms.lit?join"))
        );
        assert!(gone.error(&room, &jid("romeo@montague.lit/o"), at).is_none());
        let later = at + MEMORY + Duration::from_secs(1);
        assert!(gone.error(&room, &jid("juliet@capulet.lit/b"), later).is_none());
    }

    #[test]
    fn no_more_are_remembered_than_there_is_place_for() {
        let mut gone = Farewells::default();
        for n in 0..MOST + 5 {
            let room = BareJid::parse(&format!("r{n}@rooms.lit")).unwrap();
            gone.remember(room, Farewell { at: n as u64, ..Farewell::default() });
        }
        assert_eq!(gone.0.len(), MOST);
        assert!(!gone.0.contains_key(&BareJid::parse("r0@rooms.lit").unwrap()));
    }
}
