//! XEP-0045 §8.1, §7.2.15: what the room is about.

use std::sync::Arc;

use rialto_xmpp::parts::delay;
use rialto_xmpp::{Condition, Element, Message, MessageKind, StanzaError, ns};

use super::affiliation::Role;
use super::effect::Turn;
use super::listener::{Listener, Listeners, Printed};
use super::occupant::Occupant;
use super::record::Subject;
use super::room::Room;

impl Room {
    /// An occupant sets or clears the subject.
    pub(super) fn change_subject(&mut self, turn: &mut Turn<'_>, occupant: &Arc<Occupant>, message: Message) {
        let subject = match self.may_set_subject(occupant, &message) {
            Ok(subject) => subject,
            Err(error) => return turn.bounce(&message.into(), &error),
        };
        let stanza = self.stamped(turn, occupant, message);
        self.record_mut().subject = Some(Subject::now(subject, &occupant.nick, turn.now.at));
        turn.save();
        self.keep_and_tell(turn, &stanza, true);
        self.relay_own(turn, occupant, &stanza);
    }

    fn may_set_subject(&self, occupant: &Occupant, message: &Message) -> Result<String, StanzaError> {
        let least = if self.record.config.change_subject { Role::Participant } else { Role::Moderator };
        if occupant.role < least {
            let says = if least == Role::Moderator { "moderators" } else { "those who have voice" };
            let says = format!("In this room only {says} change the subject.");
            return Err(StanzaError::new(Condition::Forbidden, says));
        }
        let subject = message.payload("subject", ns::CLIENT).map(Element::text).unwrap_or_default();
        if subject.len() > self.rules.limits.subject {
            let says = format!("A subject has at most {} bytes here.", self.rules.limits.subject);
            return Err(StanzaError::new(Condition::NotAcceptable, says));
        }
        Ok(subject)
    }

    /// §7.2.15: the subject ends what is told on entering; an empty one, too.
    pub(super) fn tell_subject(&self, turn: &mut Turn<'_>, to: &Arc<Listener>) {
        let subject = self.record.subject.as_ref();
        let from = subject.and_then(|subject| self.jid.with_resource(&subject.nick).ok());
        let from = from.unwrap_or_else(|| self.jid.as_jid().clone());
        let mut message = Message::new(MessageKind::Groupchat, &from, &to.jid);
        message.head.to = None;
        let text = subject.map_or("", |subject| subject.text.as_str());
        message.payloads.push(Element::new("subject", ns::CLIENT).with_text(text));
        message.payloads.extend(subject.map(|subject| delay::delay(self.jid.as_str(), subject.time())));
        turn.tell(Printed::new(&message.into()), Listeners::One(to.clone()));
    }
}

#[cfg(test)]
mod tests {
    use crate::muc::tests::stage::Stage;

    const SET: &str = "<message type='groupchat' to='lounge@rooms.lit'><subject>Verona</subject></message>";

    #[test]
    fn a_moderator_sets_the_subject_and_who_enters_later_hears_it_last() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says("romeo", SET);
        assert!(stage.hears("juliet")[0].contains("<subject>Verona</subject>"));
        assert!(stage.saved());
        stage.enters("paris", "paris");
        let heard = stage.hears("paris");
        let last = heard.last().unwrap();
        assert!(last.contains("<subject>Verona</subject>") && last.contains("<delay"), "{last}");
        assert!(last.contains("from='lounge@rooms.lit/romeo'") && !last.contains("<body"));
    }

    #[test]
    fn others_set_it_only_where_the_room_lets_them() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says("juliet", SET);
        assert!(stage.hears("juliet")[0].contains("<forbidden") && stage.hears("romeo").is_empty());
        stage.configure(|config| config.change_subject = true);
        stage.says("juliet", SET);
        assert!(stage.hears("romeo")[0].contains("<subject>Verona</subject>"));
    }

    #[test]
    fn a_subject_with_a_body_is_a_message() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says(
            "juliet",
            "<message type='groupchat' to='lounge@rooms.lit'><subject>x</subject><body>y</body></message>",
        );
        assert!(stage.hears("romeo")[0].contains("<body>y</body>"));
        assert!(stage.room.record.subject.is_none());
    }

    #[test]
    fn a_subject_that_is_too_long_is_refused() {
        let mut stage = Stage::with(&["romeo"]);
        stage.says("romeo", &SET.replace("Verona", &"x".repeat(3_000)));
        assert!(stage.hears("romeo")[0].contains("<not-acceptable"));
    }
}
