//! A room alone in a test: people say things to it in XML and tell what they hear.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rialto_xmpp::{BareJid, Jid, Stanza, parse};

use crate::muc::affiliation::Affiliation;
use crate::muc::config::Config;
use crate::muc::effect::{Effect, Now};
use crate::muc::record::Record;
use crate::muc::room::{Input, Room, State};
use crate::muc::rules::{Limits, Rules};

/// A room on a stage. The first who enters is its owner.
pub struct Stage {
    /// The room.
    pub room: Room,
    /// What it did last.
    pub effects: Vec<Effect>,
    heard: HashMap<Jid, Vec<String>>,
    at: SystemTime,
    number: u64,
}

/// `romeo` is `romeo@montague.lit/r`, `romeo/tomb` another session of his.
pub fn full(who: &str) -> Jid {
    let (name, resource) = who.split_once('/').unwrap_or((who, "r"));
    Jid::parse(&format!("{name}@montague.lit/{resource}")).unwrap()
}

impl Stage {
    /// An open room with these people in it, each under his own name.
    pub fn with(people: &[&str]) -> Stage {
        let owner = people.first().copied().unwrap_or("romeo");
        let mut stage = Stage::empty(owner, State::Open);
        for who in people {
            stage.enters(who, who.split('/').next().unwrap());
        }
        stage.hush();
        stage
    }

    /// A room with nobody in it.
    pub fn empty(owner: &str, state: State) -> Stage {
        let rules = Rules {
            owners_link: Arc::default(),
            admins: vec![BareJid::parse("admin@montague.lit").unwrap()],
            limits: Limits::default(),
            retention: None,
            guards: Arc::default(),
            spaces: crate::features::pubsub::Spaces::default(),
            secret: [7; 32],
        };
        let mut record = Record::default();
        record.set_affiliation(&full(owner).bare(), Affiliation::Owner, None);
        let room = Room::new(BareJid::parse("lounge@rooms.lit").unwrap(), Arc::new(rules), record, state);
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Stage { room, effects: Vec::new(), heard: HashMap::new(), at, number: 0 }
    }

    /// Somebody enters under a nick.
    pub fn enters(&mut self, who: &str, nick: &str) {
        let xml = format!(
            "<presence to='lounge@rooms.lit/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        );
        self.says(who, &xml);
    }

    /// Somebody says something to everybody.
    pub fn speaks(&mut self, who: &str, words: &str) {
        let xml = format!("<message type='groupchat' to='lounge@rooms.lit'><body>{words}</body></message>");
        self.says(who, &xml);
    }

    /// Somebody asks the room itself something; what is answered.
    pub fn asks(&mut self, who: &str, kind: &str, payload: &str) -> String {
        self.says(who, &format!("<iq type='{kind}' id='q' to='lounge@rooms.lit'>{payload}</iq>"));
        let heard = self.heard.entry(full(who)).or_default();
        let at = heard.iter().position(|heard| heard.starts_with("<iq")).expect("an answer");
        heard.remove(at)
    }

    /// A stanza comes from somebody.
    pub fn says(&mut self, who: &str, xml: &str) {
        self.says_from(&full(who), xml);
    }

    /// The same from any address.
    pub fn says_from(&mut self, jid: &Jid, xml: &str) {
        let mut stanza = Stanza::read(parse::standalone(&client(xml)).unwrap()).unwrap();
        stanza.head_mut().from = Some(jid.clone());
        self.input(Input::Stanza(stanza));
    }

    /// Something happens.
    pub fn input(&mut self, input: Input) {
        self.number += 1;
        let now = Now { at: self.at, id: self.last_id(), named: None };
        self.effects.clear();
        self.room.handle(&now, input, &mut self.effects);
        for effect in &self.effects {
            match effect {
                Effect::Send(stanza) => {
                    let text = String::from_utf8(stanza.to_bytes().to_vec()).unwrap();
                    self.heard.entry(stanza.to().unwrap().clone()).or_default().push(text);
                }
                Effect::Tell(printed, to) => {
                    for listener in to.iter() {
                        let text = printed.text(listener);
                        self.heard.entry(listener.jid.clone()).or_default().push(text);
                    }
                }
                _ => {}
            }
        }
    }

    /// What somebody has heard since he was asked last.
    pub fn hears(&mut self, who: &str) -> Vec<String> {
        self.hears_at(&full(who))
    }

    /// The same at any address.
    pub fn hears_at(&mut self, jid: &Jid) -> Vec<String> {
        self.heard.remove(jid).unwrap_or_default()
    }

    /// Nobody has heard anything.
    pub fn hush(&mut self) {
        self.heard.clear();
    }

    /// The configuration is changed without anybody being told.
    pub fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut Arc::make_mut(&mut self.room.record).config);
    }

    /// An affiliation is changed without anybody being told; for those who enter later.
    pub fn affiliate(&mut self, who: &str, affiliation: Affiliation) {
        Arc::make_mut(&mut self.room.record).set_affiliation(&full(who).bare(), affiliation, None);
    }

    /// Time passes.
    pub fn passes(&mut self, seconds: u64) {
        self.at += Duration::from_secs(seconds);
    }

    /// What the last input made the room archive.
    pub fn archived(&self) -> Vec<String> {
        let archived = self.effects.iter().filter_map(|effect| match effect {
            Effect::Archive(archived) => {
                Some(String::from_utf8(archived.stanza.to_bytes().to_vec()).unwrap())
            }
            _ => None,
        });
        archived.collect()
    }

    /// What the last input made the room put in the place of messages.
    pub fn buried(&self) -> Vec<String> {
        let buried = self.effects.iter().filter_map(|effect| match effect {
            Effect::Bury(left) => Some(String::from_utf8(left.stanza.to_bytes().to_vec()).unwrap()),
            _ => None,
        });
        buried.collect()
    }

    /// The id of what the last input made the room say.
    pub fn last_id(&self) -> String {
        format!("id-{}", self.number)
    }

    /// Whether the last input changed what is kept.
    pub fn saved(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Save))
    }
}

/// The stanza with `xmlns='jabber:client'`.
fn client(xml: &str) -> String {
    let end = xml.find([' ', '>', '/']).unwrap();
    format!("{} xmlns='jabber:client'{}", &xml[..end], &xml[end..])
}
