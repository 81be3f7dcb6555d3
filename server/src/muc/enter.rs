//! XEP-0045 §7.2: entering a room, and saying what one does there.

use std::sync::Arc;

use rialto_xmpp::{Condition, Element, ErrorKind, Jid, Presence, PresenceKind, StanzaError, ns};
use subtle::ConstantTimeEq;

use super::affiliation::Affiliation;
use super::effect::Turn;
use super::history::Wanted;
use super::listener::{Listener, Listeners, Printed};
use super::nick::Nick;
use super::occupant::{Chair, Occupant, Seat};
use super::presence::{Change, item, status, user};
use super::room::{Room, State};
use super::tombstone::is_forged;

/// Admins and owners find a place in a full room, up to so many beyond its limit (§7.2.9).
const RESERVE: usize = 50;

impl Room {
    /// Available presence to a nick: somebody enters, changes his nick, or says what he does.
    pub(super) fn available(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        nick: &str,
        presence: &Presence,
    ) -> Result<(), StanzaError> {
        // A presence without a resource is from no session: there is nobody to talk to.
        if from.resourcepart().is_none() {
            return Err(Condition::NotAcceptable.into());
        }
        let x = presence.payload("x", ns::MUC);
        let here = self.occupant(from).map(|occupant| occupant.nick.clone());
        // A client may go on using a nick that the room has tidied up.
        let same = |own: &str| {
            own == nick || Nick::clean(nick, &self.rules.limits).is_ok_and(|nick| nick.text == own)
        };
        match (here, x) {
            (Some(own), x) if same(&own) => {
                self.update(turn, from, presence)?;
                if let Some(x) = x {
                    self.synchronise(turn, from, presence, x);
                }
                Ok(())
            }
            (Some(_), _) => self.change_nick(turn, from, nick, presence),
            (None, Some(x)) => self.enter(turn, from, nick, presence, x),
            (None, None) => {
                self.not_here(turn, from, nick, presence);
                Ok(())
            }
        }
    }

    fn enter(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        nick: &str,
        presence: &Presence,
        x: &Element,
    ) -> Result<(), StanzaError> {
        let affiliation = self.may_enter(from, x)?;
        let nick = Nick::clean(nick, &self.rules.limits)?;
        let payloads = self.said(presence)?;
        let listener = Arc::new(Listener::new(from.clone()));
        let chair = Chair { listener: listener.clone(), payloads: payloads.clone() };
        self.make_way(turn, &nick.text);
        let occupant = match self.occupants.like(&nick.text) {
            Some(there) => self.another_session(there, from, chair)?,
            None => {
                self.nick_is_free(from, &nick.text)?;
                self.has_room(affiliation)?;
                self.newcomer(from, &nick.text, affiliation, chair)?
            }
        };
        let sees = self.sees(occupant.role);
        let changed = nick.changed || *occupant.nick != *nick.text;
        let mut own_codes: Vec<u16> = changed.then_some(210).into_iter().collect();
        if self.state == State::Locked {
            own_codes.push(201);
        }
        // §7.1: first those who are there, then himself, then history, then the subject.
        self.tell_of_all(turn, &listener, &occupant.nick, sees);
        let name = occupant.nick.clone();
        self.seat(occupant);
        if let Some(seated) = self.occupants.of_nick(&name) {
            self.announce_of(turn, seated, (PresenceKind::Available, Some(from)), &Change::default());
        }
        self.greet(turn, &name, &listener, (presence, &own_codes));
        self.tell_past(turn, &listener, &Wanted::read(x, turn.now.at));
        Ok(())
    }

    /// §17.3: a join of somebody who is here is a request for everything anew.
    pub(super) fn synchronise(&self, turn: &mut Turn<'_>, from: &Jid, presence: &Presence, x: &Element) {
        let Some(occupant) = self.occupant(from) else { return };
        let Some(chair) = occupant.chairs().iter().find(|chair| chair.listener.jid == *from) else { return };
        let listener = chair.listener.clone();
        self.tell_of_all(turn, &listener, &occupant.nick, self.sees(occupant.role));
        self.greet(turn, &occupant.nick, &listener, (presence, &[]));
        self.tell_past(turn, &listener, &Wanted::read(x, turn.now.at));
    }

    /// §7.2.2: his own presence to somebody who has entered; §7.2.3 status 100, §7.2.12 status 170.
    fn greet(
        &self,
        turn: &mut Turn<'_>,
        nick: &str,
        to: &Arc<Listener>,
        (presence, codes): (&Presence, &[u16]),
    ) {
        let Some(occupant) = self.occupants.of_nick(nick) else { return };
        let config = &self.record.config;
        let mut change = Change { own_codes: codes.to_vec(), ..Change::default() };
        change.own_codes.extend(config.whois_anyone.then_some(100));
        change.own_codes.extend(config.archive.then_some(170));
        self.show_face(turn, Listeners::One(to.clone()));
        let mut own = self.own_presence(occupant, PresenceKind::Available, &change);
        own.head.id = presence.head.id.clone();
        turn.tell(Printed::new(&own.into()), Listeners::One(to.clone()));
    }

    /// §7.2.5 – §7.2.7, §7.2.10: whether somebody may come in at all, and as what.
    fn may_enter(&self, from: &Jid, x: &Element) -> Result<Affiliation, StanzaError> {
        let affiliation = self.affiliation(from);
        if self.state != State::Open && affiliation != Affiliation::Owner {
            return Err(Condition::ItemNotFound.into());
        }
        if affiliation == Affiliation::Outcast {
            return Err(StanzaError::new(Condition::Forbidden, "You have been banned from this room."));
        }
        // Whom the room itself knows, it has judged itself.
        if affiliation == Affiliation::None && self.rules.guards.keeps_from_rooms(from) {
            let text = "Your address is on a list of addresses that this server keeps away.";
            return Err(StanzaError::new(Condition::Forbidden, text));
        }
        let config = &self.record.config;
        if config.members_only && affiliation < Affiliation::Member {
            return Err(StanzaError::new(
                Condition::RegistrationRequired,
                "This room is for its members only: ask to be invited.",
            ));
        }
        if let Some(password) = &config.password {
            let given = x.child_text("password", ns::MUC).unwrap_or_default();
            if !bool::from(password.as_bytes().ct_eq(given.as_bytes())) {
                return Err(StanzaError::new(Condition::NotAuthorized, "This room needs its password."));
            }
        }
        Ok(affiliation)
    }

    /// §7.2.9: whether there is a place.
    fn has_room(&self, affiliation: Affiliation) -> Result<(), StanzaError> {
        let most = self.record.config.max_users.unwrap_or(usize::MAX).min(self.rules.limits.occupants);
        let reserve = if affiliation >= Affiliation::Admin { RESERVE } else { 0 };
        // People of far rooms take no places from those who are here.
        let here = self.occupants.len().saturating_sub(self.far.all_seats());
        if here >= most.saturating_add(reserve) {
            let full = StanzaError::new(Condition::ServiceUnavailable, "This room is full: try again later.");
            return Err(full.kind(ErrorKind::Wait));
        }
        Ok(())
    }

    /// §7.2.8: a nick that is there is for another session of the same person only.
    fn another_session(&self, there: &Occupant, from: &Jid, chair: Chair) -> Result<Occupant, StanzaError> {
        let Seat::Xmpp(chairs) = &there.seat else { return Err(nick_in_use()) };
        if there.real.bare_str() != from.bare_str() {
            return Err(nick_in_use());
        }
        if chairs.len() >= self.rules.limits.sessions {
            return Err(Condition::ResourceConstraint.into());
        }
        let payloads = chair.payloads.clone();
        let chairs = chairs.iter().cloned().chain([chair]).collect();
        Ok(Occupant { seat: Seat::Xmpp(chairs), real: from.clone(), payloads, ..there.clone() })
    }

    fn newcomer(
        &self,
        from: &Jid,
        nick: &str,
        affiliation: Affiliation,
        chair: Chair,
    ) -> Result<Occupant, StanzaError> {
        Ok(Occupant {
            jid: self.jid.with_resource(nick).map_err(|_| Condition::JidMalformed)?,
            nick: nick.into(),
            affiliation,
            role: self.role_of_newcomer(from, affiliation),
            id: self.rules.occupant_id(&self.jid, from.bare_str()).into(),
            real: from.clone(),
            payloads: chair.payloads.clone(),
            seat: Seat::Xmpp(vec![chair]),
            cards: None,
        })
    }

    /// §7.7: an occupant says what he does.
    fn update(&mut self, turn: &mut Turn<'_>, from: &Jid, presence: &Presence) -> Result<(), StanzaError> {
        let payloads = self.said(presence)?;
        let Some(occupant) = self.occupant(from).cloned() else { return Ok(()) };
        if occupant.payloads == payloads && occupant.real == *from {
            return Ok(());
        }
        let changed = spoken(&occupant, from, payloads);
        self.seat(changed);
        self.announce(turn, &occupant.nick, &Change::default());
        Ok(())
    }

    /// §17.3: what of a presence is passed on: nothing that only the room may say.
    pub(super) fn said(&self, presence: &Presence) -> Result<Arc<[Element]>, StanzaError> {
        let kept = presence.payloads.iter().filter(|payload| passes(payload));
        let payloads: Arc<[Element]> = kept.cloned().collect();
        let mut bytes = Vec::new();
        payloads.iter().for_each(|payload| payload.write(ns::CLIENT, &mut bytes));
        if bytes.len() > self.rules.limits.presence {
            return Err(StanzaError::new(Condition::NotAcceptable, "This presence is too large for a room."));
        }
        Ok(payloads)
    }

    /// §7.2.17: who speaks as an occupant without being one lost his place and must learn it.
    fn not_here(&self, turn: &mut Turn<'_>, from: &Jid, nick: &str, presence: &Presence) {
        let Ok(jid) = self.jid.with_resource(nick) else { return };
        let x = user("x")
            .with(item(Affiliation::None, super::affiliation::Role::None))
            .with_all([110, 307, 333].map(status));
        let mut kicked = Presence::new(PresenceKind::Unavailable, &jid, from).with(x);
        kicked.head.id = presence.head.id.clone();
        turn.send(kicked);
    }
}

/// The occupant after one of his sessions has said this of itself.
pub fn spoken(occupant: &Occupant, from: &Jid, payloads: Arc<[Element]>) -> Occupant {
    let mut changed = occupant.clone();
    if let Seat::Xmpp(chairs) = &mut changed.seat {
        for chair in chairs.iter_mut().filter(|chair| chair.listener.jid == *from) {
            chair.payloads = payloads.clone();
        }
    }
    changed.payloads = payloads;
    changed.real = from.clone();
    changed
}

/// §7.2.8: `conflict`.
pub fn nick_in_use() -> StanzaError {
    StanzaError::new(Condition::Conflict, "This nick is taken: choose another one.")
}

/// Whether a client may say this to others in its own name.
pub fn passes(payload: &Element) -> bool {
    let ns = payload.ns().as_str();
    let of_the_room =
        matches!(ns, ns::MUC | ns::MUC_USER | ns::MUC_ADMIN | ns::MUC_OWNER | ns::OCCUPANT_ID | ns::HATS);
    !of_the_room && !is_forged(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::muc::tests::stage::{Stage, full};

    fn refused(stage: &mut Stage, who: &str, condition: &str) {
        let heard = stage.hears(who);
        assert!(heard.len() == 1 && heard[0].contains("type='error'"), "{heard:?}");
        assert!(heard[0].contains(&format!("<{condition}")), "{condition} in {heard:?}");
        assert!(stage.room.occupant(&full(who)).is_none());
    }

    #[test]
    fn who_enters_hears_of_the_others_then_of_himself_then_the_past_then_the_subject() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.speaks("romeo", "one");
        stage.hush();
        stage.enters("paris", "paris");
        let heard = stage.hears("paris");
        let kinds = ["/juliet'", "/romeo'", "/paris'", "<body>one", "<subject/>"];
        assert_eq!(heard.len(), kinds.len(), "{heard:?}");
        for (heard, kind) in heard.iter().zip(kinds) {
            assert!(heard.contains(kind), "{kind} in {heard}");
        }
        assert!(heard[2].contains("code='110'") && heard[2].contains("code='170'"));
        assert!(heard[2].contains("jid='paris@montague.lit/r'") && !heard[2].contains("code='100'"));
        assert!(!heard[0].contains("jid='") && !heard[4].contains("<body"));
        // §7.2.4: moderators see the real address, others do not.
        assert!(stage.hears("romeo")[0].contains("jid='paris@montague.lit/r'"));
        assert!(!stage.hears("juliet")[0].contains("jid='"));
    }

    #[test]
    fn in_a_non_anonymous_room_everybody_sees_who_is_who_and_is_warned() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.configure(|config| config.whois_anyone = true);
        stage.enters("paris", "paris");
        let heard = stage.hears("paris");
        assert!(heard[0].contains("jid='juliet@montague.lit/r'") && heard[2].contains("code='100'"));
        assert!(stage.hears("juliet")[0].contains("jid='paris@montague.lit/r'"));
    }

    #[test]
    fn every_reason_not_to_let_somebody_in_has_its_error() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.enters("paris", "juliet");
        refused(&mut stage, "paris", "conflict");
        stage.affiliate("paris", Affiliation::Outcast);
        stage.enters("paris", "paris");
        refused(&mut stage, "paris", "forbidden");
        stage.says(
            "tybalt",
            "<presence to='lounge@rooms.lit'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
        );
        refused(&mut stage, "tybalt", "jid-malformed");
        stage.configure(|config| config.members_only = true);
        stage.enters("tybalt", "tybalt");
        refused(&mut stage, "tybalt", "registration-required");
        stage.configure(|config| (config.members_only, config.max_users) = (false, Some(2)));
        stage.enters("tybalt", "tybalt");
        refused(&mut stage, "tybalt", "service-unavailable");
        // §7.2.9: those who run the room find a place.
        stage.affiliate("benvolio", Affiliation::Admin);
        stage.enters("benvolio", "benvolio");
        assert!(stage.room.occupant(&full("benvolio")).is_some());
    }

    #[test]
    fn a_password_opens_the_door() {
        let mut stage = Stage::with(&["romeo"]);
        stage.configure(|config| config.password = Some("cauldronburn".into()));
        stage.enters("paris", "paris");
        refused(&mut stage, "paris", "not-authorized");
        for (word, opens) in [("wrong", false), ("cauldronburn", true)] {
            stage.says(
                "paris",
                &format!(
                    "<presence to='lounge@rooms.lit/paris'><x xmlns='http://jabber.org/protocol/muc'>\
                     <password>{word}</password></x></presence>"
                ),
            );
            assert_eq!(stage.room.occupant(&full("paris")).is_some(), opens);
        }
        assert!(stage.hears("romeo").iter().all(|heard| !heard.contains("cauldronburn")));
    }

    #[test]
    fn a_locked_room_is_there_for_its_creator_alone() {
        let mut stage = Stage::empty("romeo", State::Locked);
        stage.enters("romeo", "romeo");
        let heard = stage.hears("romeo");
        stage.enters("paris", "paris");
        refused(&mut stage, "paris", "item-not-found");
        assert!(heard[0].contains("code='201'") && heard[0].contains("affiliation='owner'"), "{heard:?}");
    }

    #[test]
    fn sessions_of_one_person_share_a_nick_and_all_hear() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.enters("juliet/balcony", "juliet");
        let heard = stage.hears("juliet/balcony");
        assert!(heard[0].contains("/romeo'") && heard[1].contains("code='110'"), "{heard:?}");
        assert_eq!(stage.room.occupants.len(), 2);
        stage.hush();
        stage.speaks("juliet/balcony", "here");
        for who in ["juliet", "juliet/balcony", "romeo"] {
            assert_eq!(stage.hears(who).len(), 1, "{who}");
        }
    }

    #[test]
    fn who_enters_again_is_told_everything_anew_and_nobody_else_anything() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.enters("juliet", "juliet");
        let heard = stage.hears("juliet");
        assert!(heard[0].contains("/romeo'") && heard[1].contains("code='110'"), "{heard:?}");
        assert!(heard[2].contains("<subject/>") && heard.len() == 3, "{heard:?}");
        assert!(stage.hears("romeo").is_empty());
    }

    #[test]
    fn what_an_occupant_does_is_passed_on_and_what_only_the_room_says_is_not() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says(
            "juliet",
            "<presence to='lounge@rooms.lit/juliet'><show>away</show><status>Asleep</status>\
             <x xmlns='http://jabber.org/protocol/muc#user'><status code='201'/></x>\
             <occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/><x xmlns='vcard-temp:x:update'/></presence>",
        );
        let heard = stage.hears("romeo");
        assert!(heard[0].contains("<show>away</show><status>Asleep</status>"), "{heard:?}");
        assert!(heard[0].contains("vcard-temp:x:update"));
        assert!(!heard[0].contains("201") && !heard[0].contains("forged"));
        assert_eq!(heard[0].matches("muc#user").count(), 1);
        let long = "x".repeat(stage.room.rules.limits.presence);
        stage.says(
            "juliet",
            &format!("<presence to='lounge@rooms.lit/juliet'><status>{long}</status></presence>"),
        );
        assert!(stage.hears("romeo").is_empty());
    }

    #[test]
    fn who_lost_his_place_without_knowing_it_is_told() {
        let mut stage = Stage::with(&["romeo"]);
        stage.says("paris", "<presence to='lounge@rooms.lit/paris'><show>away</show></presence>");
        let heard = stage.hears("paris");
        for code in ["110", "307", "333"] {
            assert!(heard[0].contains(&format!("code='{code}'")), "{heard:?}");
        }
        assert!(heard[0].contains("unavailable") && stage.hears("romeo").is_empty());
    }

    #[test]
    fn those_who_run_the_service_own_every_room() {
        let mut stage = Stage::with(&["romeo"]);
        stage.configure(|config| config.members_only = true);
        stage.enters("admin", "admin");
        assert!(stage.hears("admin").iter().any(|heard| heard.contains("affiliation='owner'")));
    }

    #[test]
    fn roles_that_are_not_shown_are_seen_by_nobody_else() {
        let mut stage = Stage::with(&["romeo"]);
        stage.configure(|config| (config.moderated, config.shown_roles) = (true, vec!["moderator".into()]));
        stage.enters("paris", "paris");
        assert!(stage.hears("romeo").is_empty());
        stage.hush();
        stage.enters("tybalt", "tybalt");
        let heard = stage.hears("tybalt");
        assert!(heard.iter().all(|heard| !heard.contains("/paris'")), "{heard:?}");
    }
}
