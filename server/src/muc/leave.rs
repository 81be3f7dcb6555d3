//! XEP-0045 §7.14, §10.9, §11: leaving a room, of one's own will or not.

use std::sync::Arc;

use rialto_xmpp::{Condition, Element, Jid, Message, Presence, PresenceKind, StanzaError, ns};

use super::effect::Turn;
use super::enter::{passes, spoken};
use super::listener::{Listeners, Printed};
use super::occupant::{Occupant, Seat};
use super::presence::Change;
use super::room::{Room, State};

impl Room {
    /// §7.14: an occupant goes. Who is none is ignored (§17.3).
    pub(super) fn leave(&mut self, turn: &mut Turn<'_>, from: &Jid, presence: &Presence) {
        let last = presence.payloads.iter().filter(|payload| passes(payload)).cloned().collect();
        self.session_leaves(turn, from, Change { last: Some(last), ..Change::default() });
    }

    /// A session is not there any more; its server did not say goodbye for it.
    pub(super) fn session_gone(&mut self, turn: &mut Turn<'_>, jid: &Jid) {
        self.session_leaves(turn, jid, Change { last: Some(Vec::new()), ..Change::default() });
    }

    /// §11.1: presence came back from an occupant: he cannot be reached (status 333).
    pub(super) fn bounced(&mut self, turn: &mut Turn<'_>, from: &Jid, payloads: &[Element]) {
        let error = payloads.iter().find(|payload| payload.is("error", ns::CLIENT)).map(StanzaError::read);
        if error
            .is_some_and(|error| is_gone(error.condition) || error.condition == Condition::ServiceUnavailable)
        {
            self.session_leaves(turn, from, Change { last: Some(Vec::new()), ..Change::code(333) });
        }
    }

    /// §11.1, §18.3: a message came back. One of the room says that its occupant is gone; a private one is given back
    /// to its author.
    pub(super) fn bounced_message(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        nick: Option<&str>,
        message: Message,
    ) {
        let error = message.payload("error", ns::CLIENT).map(StanzaError::read);
        let gone = error.as_ref().is_some_and(|error| is_gone(error.condition));
        if let (Some(nick), false) = (nick, gone) {
            return self.return_whisper(turn, from, nick, message);
        }
        self.bounced(turn, from, &message.payloads);
    }

    /// One session goes; with the last one, the occupant.
    fn session_leaves(&mut self, turn: &mut Turn<'_>, from: &Jid, change: Change) {
        let Some(occupant) = self.occupant(from).cloned() else { return };
        let Seat::Xmpp(chairs) = &occupant.seat else { return };
        let (gone, mut left): (Vec<_>, Vec<_>) =
            chairs.iter().cloned().partition(|chair| chair.listener.jid == *from);
        let Some(last) = left.pop() else {
            self.take_out(turn, &occupant, &change);
            return;
        };
        let (real, payloads) = (last.listener.jid.clone(), last.payloads.clone());
        left.push(last);
        let rest = Occupant { seat: Seat::Xmpp(left), ..Occupant::clone(&occupant) };
        let own = self.own_presence(&occupant, PresenceKind::Unavailable, &change);
        for chair in gone {
            turn.tell(Printed::new(&own.clone().into()), Listeners::One(chair.listener));
        }
        let changed = payloads != rest.payloads || real != rest.real;
        self.seat(spoken(&rest, &real, payloads));
        if changed {
            self.announce(turn, &occupant.nick, &Change::default());
        }
    }

    /// An occupant goes with all his sessions, and everybody hears why.
    pub(super) fn take_out(&mut self, turn: &mut Turn<'_>, occupant: &Occupant, change: &Change) {
        Arc::make_mut(&mut self.occupants).remove(&occupant.nick);
        self.far_unseat(occupant, change);
        let change = Change { last: Some(change.last.clone().unwrap_or_default()), ..change.clone() };
        self.announce_of(turn, occupant, (PresenceKind::Unavailable, None), &change);
        // §10.1.3: the room was never there for anybody else.
        if self.state == State::Locked && self.occupants.is_empty() {
            self.state = State::Gone;
        }
    }

    /// §11.2: the server closes: each occupant hears of himself alone.
    pub(super) fn shut_down(&mut self, turn: &mut Turn<'_>) {
        let change = Change { last: Some(Vec::new()), ..Change::code(332) };
        for occupant in self.occupants.iter() {
            let own = Printed::new(&self.own_presence(occupant, PresenceKind::Unavailable, &change).into());
            for chair in occupant.chairs() {
                turn.tell(own.clone(), Listeners::One(chair.listener.clone()));
            }
        }
        self.occupants = Arc::default();
    }
}

/// §18.3: the errors that say that nobody is there.
fn is_gone(condition: Condition) -> bool {
    use Condition::*;
    matches!(
        condition,
        Gone | ItemNotFound | RecipientUnavailable | Redirect | RemoteServerNotFound | RemoteServerTimeout
    )
}

#[cfg(test)]
mod tests {
    use crate::muc::effect::Effect;
    use crate::muc::room::Input;
    use crate::muc::tests::stage::{Stage, full};

    #[test]
    fn who_leaves_hears_it_with_110_and_the_others_with_his_last_words() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says(
            "juliet",
            "<presence type='unavailable' to='lounge@rooms.lit/juliet'><status>Good night</status></presence>",
        );
        let (own, other) = (stage.hears("juliet"), stage.hears("romeo"));
        assert!(own[0].contains("code='110'") && own[0].contains("role='none'"), "{own:?}");
        assert!(other[0].contains("<status>Good night</status>") && !other[0].contains("110"), "{other:?}");
        assert_eq!((own.len(), other.len(), stage.room.occupants.len()), (1, 1, 1));
    }

    #[test]
    fn an_occupant_stays_while_one_of_his_sessions_does() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.enters("juliet/balcony", "juliet");
        stage.hush();
        stage.says("juliet/balcony", "<presence type='unavailable' to='lounge@rooms.lit/juliet'/>");
        assert!(stage.hears("juliet/balcony")[0].contains("code='110'"));
        let others = stage.hears("romeo");
        assert!(others.iter().all(|heard| !heard.contains("unavailable")), "{others:?}");
        assert_eq!(stage.room.occupants.len(), 2);
    }

    #[test]
    fn who_cannot_be_reached_is_taken_out_with_333() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says(
            "juliet",
            "<message type='error' to='lounge@rooms.lit'><error type='cancel'>\
             <remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
        );
        assert!(stage.hears("romeo")[0].contains("code='333'"));
        assert!(stage.hears("juliet")[0].contains("code='333'"));
    }

    #[test]
    fn an_error_that_says_nothing_about_being_there_changes_nothing() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says(
            "juliet",
            "<message type='error' to='lounge@rooms.lit'><error type='modify'>\
             <not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
        );
        assert!(stage.hears("romeo").is_empty());
    }

    #[test]
    fn a_closing_server_tells_each_occupant_of_himself_with_332() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.input(Input::Shutdown);
        for who in ["romeo", "juliet"] {
            let heard = stage.hears(who);
            assert!(heard.len() == 1 && heard[0].contains("code='332'") && heard[0].contains("code='110'"));
        }
    }

    #[test]
    fn a_dead_session_leaves_and_a_room_that_does_not_persist_goes_with_its_last_occupant() {
        let mut stage = Stage::with(&["romeo"]);
        stage.configure(|config| config.persistent = false);
        stage.input(Input::Gone(full("romeo")));
        assert!(stage.effects.iter().any(|effect| matches!(effect, Effect::Close)));
    }

    #[test]
    fn a_persistent_room_stays_when_everybody_has_left() {
        let mut stage = Stage::with(&["romeo"]);
        stage.input(Input::Gone(full("romeo")));
        assert!(!stage.effects.iter().any(|effect| matches!(effect, Effect::Close)));
    }
}
