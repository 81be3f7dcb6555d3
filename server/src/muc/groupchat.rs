//! XEP-0045 §7.4: words to everybody.

use std::sync::Arc;
use std::time::SystemTime;

use rialto_xmpp::parts::stanza_id;
use rialto_xmpp::{Condition, Element, Jid, Message, Stanza, StanzaError, ns};

use super::affiliation::Role;
use super::effect::{Archived, Effect, Turn};
use super::listener::Printed;
use super::occupant::Occupant;
use super::presence::{item, user};
use super::room::Room;
use super::tombstone::is_forged;

impl Room {
    /// A message of type groupchat to the room.
    pub(super) fn groupchat(&mut self, turn: &mut Turn<'_>, from: &Jid, message: Message) {
        let subject = is_subject(&message);
        let occupant = match self.may_speak(from, subject) {
            Ok(occupant) => occupant,
            Err(error) => return turn.bounce(&message.into(), &error),
        };
        if subject {
            return self.change_subject(turn, &occupant, message);
        }
        match message.payload("retract", ns::RETRACT) {
            Some(_) => self.take_back(turn, &occupant, message),
            None => self.say(turn, &occupant, message),
        }
    }

    /// What an occupant said goes to everybody, himself included, under the id he gave it; and to far rooms.
    pub(super) fn say(&mut self, turn: &mut Turn<'_>, occupant: &Occupant, mut message: Message) {
        if let Err(error) = self.may_say(turn.now.at, occupant, &message) {
            return turn.bounce(&message.into(), &error);
        }
        self.quieten(occupant, &mut message);
        let stanza = self.publish(turn, occupant, message);
        self.relay_own(turn, occupant, &stanza);
    }

    /// What the room's own rules say about what somebody wants to say in it (XEP-0444, XEP-0500).
    pub(super) fn may_say(
        &mut self,
        at: SystemTime,
        occupant: &Occupant,
        message: &Message,
    ) -> Result<(), StanzaError> {
        self.may_react(message)?;
        self.keep_pace(at, occupant, message)
    }

    /// What an occupant said goes to everybody here.
    pub(super) fn publish(
        &mut self,
        turn: &mut Turn<'_>,
        occupant: &Occupant,
        message: Message,
    ) -> Arc<Stanza> {
        let lasting = lasts(&message);
        let stanza = self.stamped(turn, occupant, message);
        let bytes = self.keep_and_tell(turn, &stanza, lasting);
        if lasting {
            self.remember(turn, &stanza, bytes);
        }
        stanza
    }

    /// Whoever enters later is told.
    pub(super) fn remember(&mut self, turn: &Turn<'_>, stanza: &Arc<Stanza>, bytes: usize) {
        let (at, most) = (turn.now.at, self.rules.limits.history);
        let history = Arc::make_mut(&mut self.history);
        history.push((at, bytes), stanza.clone(), &self.jid, most);
        // XEP-0502 §4: words count, and corrections of them do not.
        let new = stanza.payload("replace", ns::CORRECT).is_none();
        if new && stanza.payload("body", ns::CLIENT).is_some() {
            history.activity.count(at);
        }
    }

    /// To the archive where it lasts, then to everybody. Returns its size in bytes.
    pub(super) fn keep_and_tell(&self, turn: &mut Turn<'_>, stanza: &Arc<Stanza>, lasting: bool) -> usize {
        if lasting && self.record.config.archive {
            let archived = Archived { id: turn.now.id.clone(), stanza: self.as_archived(stanza) };
            turn.effects.push(Effect::Archive(archived));
        }
        let printed = Printed::new(stanza);
        let bytes = printed.bytes();
        turn.tell(printed, self.occupants.all());
        bytes
    }

    /// XEP-0313 §5.1.2: where everybody sees who is who, the archive tells it, too: who was not there when it was said
    /// needs it to read what was encrypted.
    fn as_archived(&self, stanza: &Arc<Stanza>) -> Arc<Stanza> {
        let nick = stanza.sender().and_then(Jid::resourcepart);
        let author = nick.and_then(|nick| self.occupants.of_nick(nick));
        match author {
            Some(author) if self.record.config.whois_anyone => {
                let mut archived = Stanza::clone(stanza);
                let item = item(author.affiliation, author.role).attr("jid", &author.real);
                archived.payloads_mut().push(user("x").with(item));
                Arc::new(archived)
            }
            _ => stanza.clone(),
        }
    }

    /// The message as everybody gets it: from the occupant, with his occupant-id and the room's stanza-id, and nothing
    /// in it that only the room may say.
    pub(super) fn stamped(&self, turn: &Turn<'_>, occupant: &Occupant, mut message: Message) -> Arc<Stanza> {
        let room = self.jid.as_str();
        message.head.from = Some(occupant.jid.clone());
        message.head.to = None;
        if message.head.id.is_none() {
            message.head.id = Some(turn.now.id.as_str().into());
        }
        stanza_id::strip(&mut message.payloads, room);
        message.payloads.retain(|payload| passes(payload, room));
        message.payloads.push(occupant.id_element());
        Arc::new(message.with(stanza_id::stanza_id(&turn.now.id, room)).into())
    }

    /// §7.4: who may speak at all. A subject has rules of its own (§8.1).
    fn may_speak(&self, from: &Jid, subject: bool) -> Result<Arc<Occupant>, StanzaError> {
        let Some(occupant) = self.occupant(from) else {
            return Err(StanzaError::new(
                Condition::NotAcceptable,
                "You are not in this room: enter it first.",
            ));
        };
        if !subject && occupant.role < Role::Participant {
            return Err(StanzaError::new(
                Condition::Forbidden,
                "This room is moderated: ask a moderator for voice.",
            ));
        }
        Ok(occupant.clone())
    }
}

/// §8.1: a subject without body and thread.
pub fn is_subject(message: &Message) -> bool {
    message.payload("subject", ns::CLIENT).is_some()
        && message.payload("body", ns::CLIENT).is_none()
        && message.payload("thread", ns::CLIENT).is_none()
}

/// Whether an occupant may say this in his own name.
fn passes(payload: &Element, room: &str) -> bool {
    let of_the_room = matches!(payload.ns().as_str(), ns::OCCUPANT_ID | ns::MUC_USER | ns::HATS);
    // XEP-0203 §4: only the room says when something was said in it.
    let forged_delay = payload.is("delay", ns::DELAY) && payload.get("from") == Some(room);
    !of_the_room && !forged_delay && !is_forged(payload)
}

/// XEP-0313 §5.1.3, XEP-0334: whether it is kept. Words and all that is about words; not what is true for a moment.
pub fn lasts(message: &Message) -> bool {
    let hint = |name| message.payload(name, ns::HINTS).is_some();
    if hint("no-store") || hint("no-permanent-store") {
        return false;
    }
    hint("store")
        || message.payloads.iter().any(|payload| {
            let ns = payload.ns().as_str();
            let momentary = matches!(ns, ns::CHAT_STATES | ns::HINTS | ns::SID | ns::OCCUPANT_ID);
            !momentary && !payload.is("thread", ns::CLIENT)
        })
}

#[cfg(test)]
mod tests {
    use crate::muc::tests::stage::Stage;

    const HI: &str =
        "<message type='groupchat' to='lounge@rooms.lit' id='m1'><body>Good night</body></message>";

    #[test]
    fn words_reach_everybody_their_author_included_under_his_id() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says("romeo", HI);
        for who in ["romeo", "juliet"] {
            let heard = stage.hears(who);
            assert_eq!(heard.len(), 1, "{heard:?}");
            for part in [
                "from='lounge@rooms.lit/romeo'",
                "id='m1'",
                "type='groupchat'",
                "<body>Good night</body>",
                "<occupant-id xmlns='urn:xmpp:occupant-id:0'",
                "by='lounge@rooms.lit'",
            ] {
                assert!(heard[0].contains(part), "{part} in {heard:?}");
            }
        }
        assert_eq!(stage.archived().len(), 1);
    }

    #[test]
    fn the_archive_says_who_it_was_where_everybody_sees_it() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says("romeo", HI);
        assert!(!stage.archived()[0].contains("montague"));
        stage.configure(|config| config.whois_anyone = true);
        stage.hush();
        stage.says("romeo", HI);
        assert!(stage.archived()[0].contains("jid='romeo@montague.lit/r'"));
        assert!(!stage.hears("juliet")[0].contains("montague.lit/r'/>"));
    }

    #[test]
    fn who_is_not_in_the_room_is_not_heard() {
        let mut stage = Stage::with(&["romeo"]);
        stage.says("paris", HI);
        assert!(stage.hears("paris")[0].contains("<not-acceptable"));
        assert!(stage.hears("romeo").is_empty() && stage.archived().is_empty());
    }

    #[test]
    fn a_visitor_of_a_moderated_room_is_not_heard() {
        let mut stage = Stage::with(&["romeo"]);
        stage.configure(|config| config.moderated = true);
        stage.enters("juliet", "juliet");
        stage.hush();
        stage.says("juliet", HI);
        assert!(stage.hears("juliet")[0].contains("<forbidden"));
        assert!(stage.hears("romeo").is_empty());
    }

    #[test]
    fn nobody_speaks_in_the_name_of_the_room_or_of_another_occupant() {
        let mut stage = Stage::with(&["romeo"]);
        stage.says(
            "romeo",
            "<message type='groupchat' to='lounge@rooms.lit'><body>x</body>\
             <stanza-id xmlns='urn:xmpp:sid:0' id='forged' by='lounge@rooms.lit'/>\
             <origin-id xmlns='urn:xmpp:sid:0' id='mine'/>\
             <occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>\
             <occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>\
             <x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>\
             <delay xmlns='urn:xmpp:delay' from='lounge@rooms.lit' stamp='2002-01-01T00:00:00Z'/></message>",
        );
        let heard = stage.hears("romeo");
        assert!(!heard[0].contains("forged") && !heard[0].contains("104") && !heard[0].contains("2002"));
        assert!(heard[0].contains("id='mine'"));
        assert_eq!(heard[0].matches("<occupant-id").count(), 1);
    }

    #[test]
    fn what_is_true_for_a_moment_is_passed_on_and_not_kept() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        for payload in [
            "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
            "<body>secret</body><no-store xmlns='urn:xmpp:hints'/>",
        ] {
            stage.says(
                "romeo",
                &format!("<message type='groupchat' to='lounge@rooms.lit'>{payload}</message>"),
            );
            assert_eq!(stage.hears("juliet").len(), 1);
            assert!(stage.archived().is_empty(), "{payload}");
        }
    }

    #[test]
    fn corrections_reactions_and_what_is_encrypted_are_kept() {
        let mut stage = Stage::with(&["romeo"]);
        for payload in [
            "<body>x</body><replace id='m0' xmlns='urn:xmpp:message-correct:0'/>",
            "<reactions id='m0' xmlns='urn:xmpp:reactions:0'><reaction>👋</reaction></reactions>",
            "<encrypted xmlns='eu.siacs.conversations.axolotl'/><store xmlns='urn:xmpp:hints'/>",
        ] {
            stage.says(
                "romeo",
                &format!("<message type='groupchat' to='lounge@rooms.lit'>{payload}</message>"),
            );
            assert_eq!(stage.archived().len(), 1, "{payload}");
        }
    }

    #[test]
    fn words_to_everybody_are_not_for_one() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage
            .says("romeo", "<message type='groupchat' to='lounge@rooms.lit/juliet'><body>x</body></message>");
        assert!(stage.hears("romeo")[0].contains("<bad-request"));
        assert!(stage.hears("juliet").is_empty());
    }
}
