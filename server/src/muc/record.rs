//! What is kept of a room: its configuration, who is what to it, its subject.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rialto_xmpp::{BareJid, Jid, prep};
use serde::{Deserialize, Serialize};

use super::affiliation::Affiliation;
use super::config::Config;
use super::farewell::Farewell;
use super::hats::Hats;
use super::links::FarBan;

/// What survives a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// §10: how the room is set up.
    pub config: Config,
    /// §5.2: who is what, by bare JID or domain.
    pub standings: BTreeMap<String, Standing>,
    /// §8.1: what the room is about.
    pub subject: Option<Subject>,
    /// XEP-0317.
    #[serde(skip_serializing_if = "Hats::is_empty")]
    pub hats: Hats,
    /// §9.1: who the banned of other networks are there, by the addresses they are banned under.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub far_bans: BTreeMap<String, FarBan>,
    /// XEP-0486: the hashes of the pictures in its vCard.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub avatar: Vec<String>,
    /// §10.9: the room was destroyed; nothing else of it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<Farewell>,
}

/// What somebody is to the room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// §5.2.
    pub affiliation: Affiliation,
    /// §7.10: the nick nobody else may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nick: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The subject as it was last set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its text; may be empty.
    pub text: String,
    /// Nick of whoever set it.
    pub nick: String,
    /// When, in seconds since 1970.
    pub at: u64,
}

impl Record {
    /// §9.2: the affiliation of a bare JID, its own before that of its domain.
    pub fn affiliation(&self, jid: &Jid) -> Affiliation {
        let own = self.standings.get(jid.bare_str());
        own.or_else(|| self.standings.get(jid.domainpart())).map_or(Affiliation::None, |who| who.affiliation)
    }

    /// Changes an affiliation; who is nothing to the room and has no nick here is forgotten.
    pub fn set_affiliation(&mut self, jid: &BareJid, affiliation: Affiliation, reason: Option<String>) {
        if affiliation != Affiliation::Outcast {
            self.far_bans.remove(jid.as_str());
        }
        let standing = self.standings.entry(jid.as_str().to_owned()).or_default();
        standing.affiliation = affiliation;
        standing.reason = reason;
        // §9.1: the banned keep no nick.
        if affiliation == Affiliation::Outcast {
            standing.nick = None;
        }
        if affiliation == Affiliation::None && standing.nick.is_none() {
            self.standings.remove(jid.as_str());
        }
    }

    /// Who has reserved this nick.
    pub fn holder(&self, nick: &str) -> Option<&str> {
        let holds = |who: &Standing| who.nick.as_deref().is_some_and(|own| prep::alike(own, nick));
        self.standings.iter().find(|(_, who)| holds(who)).map(|(jid, _)| jid.as_str())
    }

    /// The nick that somebody has reserved.
    pub fn nick(&self, jid: &Jid) -> Option<&str> {
        self.standings.get(jid.bare_str()).and_then(|who| who.nick.as_deref())
    }

    /// Everybody of one affiliation.
    pub fn of(&self, affiliation: Affiliation) -> impl Iterator<Item = (&str, &Standing)> {
        let those = self.standings.iter().filter(move |(_, who)| who.affiliation == affiliation);
        those.map(|(jid, who)| (jid.as_str(), who))
    }
}

impl Subject {
    /// Set at this moment.
    pub fn now(text: String, nick: &str, at: SystemTime) -> Subject {
        let at = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Subject { text, nick: nick.to_owned(), at }
    }

    /// When it was set.
    pub fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> BareJid {
        BareJid::parse(text).unwrap()
    }

    #[test]
    fn a_ban_of_a_domain_is_for_all_its_people_but_those_who_are_named() {
        let mut record = Record::default();
        record.set_affiliation(&jid("montague.lit"), Affiliation::Outcast, None);
        record.set_affiliation(&jid("romeo@montague.lit"), Affiliation::Member, None);
        assert_eq!(record.affiliation(&jid("tybalt@montague.lit")), Affiliation::Outcast);
        assert_eq!(record.affiliation(&jid("romeo@montague.lit")), Affiliation::Member);
    }

    #[test]
    fn the_banned_keep_no_nick_and_the_unaffiliated_no_entry() {
        let mut record = Record::default();
        let romeo = jid("romeo@montague.lit");
        record.set_affiliation(&romeo, Affiliation::Member, None);
        record.standings.get_mut(romeo.as_str()).unwrap().nick = Some("Romeo".into());
        assert_eq!(record.holder("Romeo"), Some("romeo@montague.lit"));
        record.set_affiliation(&romeo, Affiliation::Outcast, None);
        assert_eq!(record.holder("Romeo"), None);
        record.set_affiliation(&romeo, Affiliation::None, None);
        assert!(record.standings.is_empty());
    }

    #[test]
    fn a_record_is_read_back() {
        let mut record = Record::default();
        record.set_affiliation(&jid("romeo@montague.lit"), Affiliation::Owner, Some("his room".into()));
        record.subject = Some(Subject { text: "Verona".into(), nick: "Romeo".into(), at: 7 });
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}
