//! XEP-0424: Message Retraction, in rooms: the room itself sees to it that nobody takes back the words of another.

use std::sync::Arc;

use rialto_xmpp::{Condition, Message, Stanza, StanzaError, ns};

use super::effect::Turn;
use super::moderate::not_there;
use super::occupant::Occupant;
use super::room::Room;
use super::tombstone::retracted;

impl Room {
    /// An occupant takes back what he has said. In a room that keeps nothing, what it does not know is passed on: clients
    /// look at the occupant-id themselves (§5).
    pub(super) fn take_back(&mut self, turn: &mut Turn<'_>, occupant: &Occupant, mut message: Message) {
        let (id, original) = match self.may_take_back(turn, occupant, &message) {
            Ok(found) => found,
            Err(error) => return turn.bounce(&message.into(), &error),
        };
        // XEP-0425 §5: that a moderator did it is said by the room alone.
        for payload in message.payloads.iter_mut().filter(|payload| payload.is("retract", ns::RETRACT)) {
            payload.retain(|child| !matches!(child.ns().as_str(), ns::MODERATE | ns::MODERATE_OLD));
        }
        let stanza = self.publish(turn, occupant, message);
        if let Some(original) = original {
            self.relay_own(turn, occupant, &stanza);
            self.bury(turn, &id, &original, retracted(turn.now.at, &stanza));
        }
    }

    fn may_take_back(
        &self,
        turn: &Turn<'_>,
        occupant: &Occupant,
        message: &Message,
    ) -> Result<(String, Option<Arc<Stanza>>), StanzaError> {
        let mut retractions = message.payloads.iter().filter(|payload| payload.is("retract", ns::RETRACT));
        let (Some(retract), None) = (retractions.next(), retractions.next()) else {
            return Err(Condition::BadRequest.into());
        };
        let id = retract.get("id").ok_or(Condition::BadRequest)?;
        let original = self.own_message(turn, occupant, id)?;
        if original.is_none() && self.record.config.archive {
            return Err(not_there());
        }
        Ok((id.to_owned(), original))
    }

    /// The message of this id, if it is his; `None` if the room does not have it.
    ///
    /// # Errors
    /// `forbidden` for that of another.
    pub(super) fn own_message(
        &self,
        turn: &Turn<'_>,
        occupant: &Occupant,
        id: &str,
    ) -> Result<Option<Arc<Stanza>>, StanzaError> {
        let Some(original) = self.kept(turn, id) else { return Ok(None) };
        let author = original.payload("occupant-id", ns::OCCUPANT_ID).and_then(|id| id.get("id"));
        if author != Some(&*occupant.id) {
            let says = "Only what you have said yourself is yours to take back.";
            return Err(StanzaError::new(Condition::Forbidden, says));
        }
        Ok(Some(original))
    }
}

#[cfg(test)]
mod tests {
    use crate::muc::tests::stage::Stage;

    fn retracts(stage: &mut Stage, who: &str, id: &str) {
        stage.says(
            who,
            &format!(
                "<message type='groupchat' to='lounge@rooms.lit' id='r1'><retract xmlns='urn:xmpp:message-retract:1' id='{id}'>\
                 <moderated xmlns='urn:xmpp:message-moderate:1' by='lounge@rooms.lit/romeo'/></retract>\
                 <store xmlns='urn:xmpp:hints'/></message>"
            ),
        );
    }

    #[test]
    fn the_author_takes_back_his_words_whatever_his_nick_is_now() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.speaks("juliet", "wrong room");
        let id = stage.last_id();
        stage.says("juliet", "<presence to='lounge@rooms.lit/Capulet'/>");
        stage.hush();
        retracts(&mut stage, "juliet", &id);
        let heard = stage.hears("romeo");
        assert!(heard[0].contains(&format!("<retract xmlns='urn:xmpp:message-retract:1' id='{id}'/>")));
        let buried = stage.buried();
        assert!(
            buried[0].contains("<retracted xmlns='urn:xmpp:message-retract:1' id='r1' stamp='"),
            "{buried:?}"
        );
        assert!(!buried[0].contains("wrong room") && buried[0].contains("from='lounge@rooms.lit/juliet'"));
        assert_eq!(stage.archived().len(), 1, "the retraction itself is kept");
        retracts(&mut stage, "juliet", &id);
        assert!(stage.hears("juliet").last().unwrap().contains("<item-not-found"));
    }

    #[test]
    fn nobody_takes_back_the_words_of_another() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.speaks("romeo", "still here");
        let id = stage.last_id();
        stage.hush();
        retracts(&mut stage, "juliet", &id);
        assert!(stage.hears("juliet")[0].contains("<forbidden"));
        retracts(&mut stage, "juliet", "nothing");
        assert!(stage.hears("juliet")[0].contains("<item-not-found"));
        assert!(stage.hears("romeo").is_empty() && stage.buried().is_empty());
        let two = "<retract xmlns='urn:xmpp:message-retract:1' id='a'/>".repeat(2);
        stage.says("juliet", &format!("<message type='groupchat' to='lounge@rooms.lit'>{two}</message>"));
        assert!(stage.hears("juliet")[0].contains("<bad-request"));
    }

    #[test]
    fn a_room_that_keeps_nothing_passes_on_what_it_does_not_know() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.configure(|config| config.archive = false);
        retracts(&mut stage, "juliet", "long-ago");
        let heard = stage.hears("romeo");
        assert!(heard[0].contains("<retract") && !heard[0].contains("<moderated"), "{heard:?}");
        stage.speaks("romeo", "now");
        let id = stage.last_id();
        stage.hush();
        retracts(&mut stage, "juliet", &id);
        assert!(stage.hears("juliet")[0].contains("<forbidden"));
    }
}
