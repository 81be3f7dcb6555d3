//! XEP-0045 §7.5: private messages between occupants.

use rialto_xmpp::{Condition, Jid, Message, MessageKind, StanzaError, ns};
use serde::{Deserialize, Serialize};

use super::affiliation::Role;
use super::effect::Turn;
use super::enter::passes;
use super::presence::user;
use super::room::Room;

/// `muc#roomconfig_allowpm`: who may send private messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whispers {
    /// All occupants.
    #[default]
    Anyone,
    /// Those with voice.
    Participants,
    /// Moderators; and everybody to moderators.
    Moderators,
    /// Nobody.
    None,
}

impl Room {
    /// An occupant says something to another one alone.
    pub(super) fn whisper(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        nick: &str,
        message: &Message,
    ) -> Result<(), StanzaError> {
        let Some(author) = self.occupant(from) else { return Err(Condition::NotAcceptable.into()) };
        let Some(to) = self.occupants.of_nick(nick) else { return Err(Condition::ItemNotFound.into()) };
        if !self.may_whisper(author.role, to.role) {
            return Err(StanzaError::new(Condition::Forbidden, "This room does not allow private messages."));
        }
        if to.chairs().is_empty() {
            // He has an address of his own there: what is said to it goes by the author's own connection.
            let mut passed = message.clone();
            passed.kind = MessageKind::Chat;
            passed.head.from = Some(from.clone());
            passed.head.to = Some(to.real.clone());
            passed.payloads.retain(passes);
            turn.send(passed);
            return Ok(());
        }
        let mut passed = message.clone();
        passed.head.from = Some(author.jid.clone());
        passed.payloads.retain(passes);
        passed.payloads.push(author.id_element());
        passed.payloads.push(user("x"));
        for chair in to.chairs() {
            passed.head.to = Some(chair.listener.jid.clone());
            turn.send(passed.clone());
        }
        Ok(())
    }

    /// A private message came back: its author learns it from the occupant's side, without any real JID.
    pub(super) fn return_whisper(&self, turn: &mut Turn<'_>, from: &Jid, nick: &str, mut message: Message) {
        let (Some(occupant), Some(author)) = (self.occupant(from), self.occupants.of_nick(nick)) else {
            return;
        };
        message.kind = MessageKind::Error;
        message.head.from = Some(occupant.jid.clone());
        message.payloads.retain(|payload| passes(payload) && !payload.is("addresses", ns::CLIENT));
        for chair in author.chairs() {
            message.head.to = Some(chair.listener.jid.clone());
            turn.send(message.clone());
        }
    }

    fn may_whisper(&self, from: Role, to: Role) -> bool {
        match self.record.config.private_messages {
            Whispers::Anyone => true,
            Whispers::Participants => from >= Role::Participant,
            Whispers::Moderators => from == Role::Moderator || to == Role::Moderator,
            Whispers::None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::muc::tests::stage::Stage;

    const PSST: &str = "<message type='chat' to='lounge@rooms.lit/juliet' id='w'><body>psst</body></message>";

    #[test]
    fn a_private_message_reaches_every_session_of_one_occupant_and_nobody_else() {
        let mut stage = Stage::with(&["romeo", "juliet", "paris"]);
        stage.enters("juliet/balcony", "juliet");
        stage.hush();
        stage.says("romeo", PSST);
        for session in ["juliet", "juliet/balcony"] {
            let heard = stage.hears(session);
            assert!(heard.len() == 1 && heard[0].contains("from='lounge@rooms.lit/romeo'"), "{heard:?}");
            assert!(heard[0].contains("<x xmlns='http://jabber.org/protocol/muc#user'/>"));
            assert!(heard[0].contains("<occupant-id") && !heard[0].contains("romeo@montague.lit"));
        }
        assert!(stage.hears("paris").is_empty() && stage.archived().is_empty());
    }

    #[test]
    fn who_is_not_there_can_neither_send_nor_get_one() {
        let mut stage = Stage::with(&["romeo"]);
        stage.says("romeo", PSST);
        assert!(stage.hears("romeo")[0].contains("<item-not-found"));
        stage.says("paris", &PSST.replace("juliet", "romeo"));
        assert!(stage.hears("paris")[0].contains("<not-acceptable") && stage.hears("romeo").is_empty());
    }

    #[test]
    fn a_room_says_who_may_send_them() {
        let mut stage = Stage::with(&["romeo", "juliet", "paris"]);
        for (whispers, allowed) in [
            (Whispers::Anyone, true),
            (Whispers::Participants, true),
            (Whispers::Moderators, false),
            (Whispers::None, false),
        ] {
            stage.configure(|config| config.private_messages = whispers);
            stage.says("paris", PSST);
            assert_eq!(stage.hears("juliet").len() == 1, allowed, "{whispers:?}");
            assert_eq!(stage.hears("paris").is_empty(), allowed, "{whispers:?}");
        }
    }

    #[test]
    fn one_that_comes_back_comes_from_the_occupant() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says(
            "juliet",
            "<message type='error' id='w' to='lounge@rooms.lit/romeo'><error type='cancel'>\
             <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
        );
        let heard = stage.hears("romeo");
        assert!(heard[0].contains("from='lounge@rooms.lit/juliet'") && heard[0].contains("type='error'"));
        assert_eq!(stage.room.occupants.len(), 2);
    }
}
