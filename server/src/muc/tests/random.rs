//! Thousands of inputs that nobody chose: whatever happens, the room keeps its promises.

use std::collections::BTreeMap;

use rialto_bridges::loopback::person;
use rialto_bridges::{Act, Member, Message, Role as FarRole};

use super::stage::{Stage, full};
use crate::muc::links::{Deed, News, a_link};
use crate::muc::{Affiliation, Effect, Input, LinkId, Role, Room, Seat};

/// A small generator; the same seed gives the same inputs.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }
}

const PEOPLE: &[&str] =
    &["romeo", "romeo/tomb", "juliet", "juliet/balcony", "paris", "tybalt", "nurse", "admin"];
const NICKS: &[&str] = &["romeo", "juliet", "paris", "x", "y", "ann"];
const AFFILIATIONS: &[&str] = &["outcast", "none", "member", "admin", "owner"];
const ROLES: &[&str] = &["none", "visitor", "participant", "moderator"];
const FIELDS: &[&str] = &[
    "membersonly",
    "moderatedroom",
    "whois",
    "publicroom",
    "changesubject",
    "enablearchiving",
    "persistentroom",
];

fn step(stage: &mut Stage, dice: &mut Dice) {
    let (who, nick) = (dice.one(PEOPLE), dice.one(NICKS));
    let person = PEOPLE[dice.roll(PEOPLE.len())].split('/').next().unwrap();
    let admin = "http://jabber.org/protocol/muc#admin";
    let xml = match dice.roll(16) {
        0..=4 => return stage.enters(who, nick),
        5 => format!("<presence type='unavailable' to='lounge@rooms.lit/{nick}'/>"),
        6 => format!("<presence to='lounge@rooms.lit/{nick}'><show>away</show></presence>"),
        7 | 8 => return stage.speaks(who, "words"),
        9 => format!("<message type='chat' to='lounge@rooms.lit/{nick}'><body>psst</body></message>"),
        10 => "<message type='groupchat' to='lounge@rooms.lit'><subject>s</subject></message>".into(),
        11 => {
            let other = dice.one(&["romeo", "juliet", "nurse"]);
            let item =
                |who: &str, what: &str| format!("<item jid='{who}@montague.lit' affiliation='{what}'/>");
            let first = item(person, dice.one(AFFILIATIONS));
            let second = if other == person { String::new() } else { item(other, dice.one(AFFILIATIONS)) };
            format!(
                "<iq type='set' id='q' to='lounge@rooms.lit'><query xmlns='{admin}'>{first}{second}</query></iq>"
            )
        }
        12 => format!(
            "<iq type='set' id='q' to='lounge@rooms.lit'><query xmlns='{admin}'><item nick='{nick}' role='{}'/></query></iq>",
            dice.one(ROLES)
        ),
        13 => {
            let field = dice.one(FIELDS);
            let value = if field == "whois" {
                ["anyone", "moderators"][dice.roll(2)]
            } else {
                ["0", "1"][dice.roll(2)]
            };
            format!(
                "<iq type='set' id='q' to='lounge@rooms.lit'><query xmlns='http://jabber.org/protocol/muc#owner'>\
                 <x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_{field}'><value>{value}</value></field></x></query></iq>"
            )
        }
        14 => return stage.input(Input::Gone(full(who))),
        _ => return stage.input(Input::News(LinkId(1), far(dice))),
    };
    stage.says(who, &xml);
}

fn far(dice: &mut Dice) -> News {
    let nick = dice.one(&["ann", "bob", "romeo"]);
    let role = [FarRole::Visitor, FarRole::Participant, FarRole::Moderator][dice.roll(3)];
    let member = Member { role, ..Member::new(person(nick)) };
    let author = nick.into();
    let act = Act::Say(Message::text("words"));
    match dice.roll(7) {
        0 | 1 => News::Entered(member),
        2 => News::Left { author, reason: None },
        3 => News::Role { author, role },
        4 => News::Members(vec![member]),
        5 => News::Did(Deed {
            theirs: None,
            author: person(nick),
            at: std::time::SystemTime::UNIX_EPOCH,
            act,
            file: None,
        }),
        _ => News::Renamed { author: dice.one(&["ann", "bob"]).into(), now: person(nick) },
    }
}

/// What holds after every input.
fn promises(stage: &Stage) {
    let room = &stage.room;
    assert!(room.record.of(Affiliation::Owner).next().is_some(), "a room has an owner");
    let mut sessions = BTreeMap::new();
    for occupant in room.occupants.iter() {
        assert_eq!(occupant.jid.resourcepart(), Some(&*occupant.nick));
        assert_eq!(room.affiliation(&occupant.real), occupant.affiliation, "{}", occupant.nick);
        assert!(occupant.affiliation > Affiliation::Outcast, "the banned are not there");
        assert!(occupant.role > Role::None);
        assert!(occupant.affiliation < Affiliation::Admin || occupant.role == Role::Moderator);
        if let Seat::Xmpp(chairs) = &occupant.seat {
            assert!(!chairs.is_empty());
            assert!(!room.record.config.members_only || occupant.affiliation >= Affiliation::Member);
            for chair in chairs {
                let before = sessions.insert(chair.listener.jid.clone(), occupant.nick.clone());
                assert_eq!(before, None, "a session sits in one place");
                assert_eq!(room.occupants.of_session(&chair.listener.jid).unwrap().nick, occupant.nick);
            }
        }
    }
    let all = room.occupants.all();
    assert_eq!(all.iter().count(), sessions.len());
    assert!(all.iter().all(|listener| sessions.contains_key(&listener.jid)));
    let (moderators, others) = (room.occupants.moderators(), room.occupants.others());
    assert_eq!(moderators.iter().count() + others.iter().count(), sessions.len());
}

/// Nobody is told the same thing twice by one input, and real addresses only to those who may see them.
fn told_once(stage: &Stage, seen_before: &[rialto_xmpp::Jid]) {
    let mut heard: BTreeMap<rialto_xmpp::Jid, Vec<String>> = BTreeMap::new();
    for effect in &stage.effects {
        if let Effect::Tell(printed, to) = effect {
            for listener in to.iter() {
                heard.entry(listener.jid.clone()).or_default().push(printed.text(listener));
            }
        }
    }
    for (who, what) in heard {
        let words = what.iter().filter(|text| text.contains("<body>words") && !text.contains("<delay"));
        assert!(words.count() <= 1, "{who} hears words twice");
        let occupant = stage.room.occupants.of_session(&who);
        let sees = stage.room.record.config.whois_anyone
            || occupant.is_none()
            || occupant.is_some_and(|one| one.role == Role::Moderator)
            || seen_before.contains(&who);
        for text in what.iter().filter(|text| !sees && text.starts_with("<presence")) {
            let own = format!("jid='{}@", who.localpart().unwrap());
            let told = text.matches("jid='").count();
            assert!(told == text.matches(&own).count(), "{who} sees more than he may: {text}");
        }
    }
}

#[test]
fn whatever_happens_the_room_keeps_its_promises() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.input(Input::Linked(std::sync::Arc::new(a_link(1))));
        for _ in 0..300 {
            let moderators: Vec<_> =
                stage.room.occupants.moderators().iter().map(|listener| listener.jid.clone()).collect();
            let all_saw = stage.room.record.config.whois_anyone;
            let all: Vec<_> =
                stage.room.occupants.all().iter().map(|listener| listener.jid.clone()).collect();
            step(&mut stage, &mut dice);
            promises(&stage);
            told_once(&stage, if all_saw { &all } else { &moderators });
            stage.hush();
        }
    }
}

#[test]
fn a_room_as_it_was_before_an_input_is_not_touched_by_it() {
    let mut dice = Dice(99);
    let mut stage = Stage::with(&["romeo", "juliet"]);
    for _ in 0..300 {
        let before = stage.room.clone();
        let shown = shown(&before);
        step(&mut stage, &mut dice);
        assert_eq!(self::shown(&before), shown);
    }
}

fn shown(room: &Room) -> String {
    let occupants =
        room.occupants.iter().map(|one| (&one.jid, one.role, one.affiliation, one.chairs().len()));
    format!("{:?} {:?} {:?}", room.record, occupants.collect::<Vec<_>>(), room.history.len())
}
