//! XEP-0425: Moderated Message Retraction. Both dialects are understood and spoken: clients know the one or the other.

use std::sync::Arc;

use rialto_xmpp::parts::stanza_id;
use rialto_xmpp::{Condition, Element, Iq, Jid, Message, MessageKind, Stanza, StanzaError, ns};

use super::affiliation::Role;
use super::effect::Turn;
use super::occupant::Occupant;
use super::room::Room;
use super::tombstone::retracted;

/// A moderator's wish that a message be taken back.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The room's id of the message.
    pub id: &'a str,
    reason: Option<&'a Element>,
}

impl<'a> Request<'a> {
    /// Reads `<moderate/>`, or `<apply-to/>` around it as version 0.2 had it.
    pub fn read(payload: &'a Element) -> Option<Request<'a>> {
        let inside = |moderate: &'a Element, (ns, retract): (&str, &str)| {
            moderate.child("retract", retract).map(|_| moderate.child("reason", ns))
        };
        let reason = if payload.is("moderate", ns::MODERATE) {
            inside(payload, (ns::MODERATE, ns::RETRACT))?
        } else if payload.is("apply-to", ns::FASTEN) {
            inside(payload.child("moderate", ns::MODERATE_OLD)?, (ns::MODERATE_OLD, ns::RETRACT_OLD))?
        } else {
            return None;
        };
        Some(Request { id: payload.get("id")?, reason })
    }
}

/// Who has taken a message back: an occupant, or the room for somebody whom it does not know.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    jid: &'a Jid,
    occupant: Option<&'a Occupant>,
}

impl<'a> By<'a> {
    /// A moderator who is here.
    pub fn occupant(moderator: &'a Occupant) -> By<'a> {
        By { jid: &moderator.jid, occupant: Some(moderator) }
    }

    /// The room.
    pub fn room(jid: &'a Jid) -> By<'a> {
        By { jid, occupant: None }
    }

    fn element(self, ns: &'static str) -> Element {
        Element::new("moderated", ns).attr("by", self.jid).with_opt(self.occupant.map(Occupant::id_element))
    }
}

impl Room {
    /// §3: a moderator takes somebody's message back.
    pub(super) fn moderate(&mut self, turn: &mut Turn<'_>, from: &Jid, iq: &Iq) {
        let done = self.moderated(turn, from, iq);
        turn.answer(iq, done.map(|()| None));
    }

    fn moderated(&mut self, turn: &mut Turn<'_>, from: &Jid, iq: &Iq) -> Result<(), StanzaError> {
        let request = iq.payload().and_then(Request::read).ok_or(Condition::BadRequest)?;
        let moderator = self.moderator(from)?;
        let reason = request.reason.map(Element::text).filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.len() > self.rules.limits.reason) {
            return Err(StanzaError::new(Condition::NotAcceptable, "This reason is too long."));
        }
        let message = self.kept(turn, request.id).ok_or_else(not_there)?;
        if message.sender().is_none_or(Jid::is_bare) {
            return Err(StanzaError::new(Condition::NotAllowed, "This is what the room itself said."));
        }
        self.erase(turn, By::occupant(&moderator), (request.id, &message), reason.as_deref());
        self.relay_moderation(turn, &moderator, request.id);
        Ok(())
    }

    /// §3.1, §4: a message goes, everybody learns it from the room, and a tombstone stands in its place.
    pub(super) fn erase(
        &mut self,
        turn: &mut Turn<'_>,
        by: By<'_>,
        (id, message): (&str, &Stanza),
        reason: Option<&str>,
    ) {
        let told = Arc::new(self.retraction(turn, by, id, reason));
        let bytes = self.keep_and_tell(turn, &told, true);
        self.remember(turn, &told, bytes);
        let tombstone = retracted(turn.now.at, &told)
            .with(by.element(ns::MODERATE))
            .with_opt(because(reason, ns::RETRACT));
        self.bury(turn, id, message, tombstone);
    }

    fn moderator(&self, from: &Jid) -> Result<Arc<Occupant>, StanzaError> {
        let Some(occupant) = self.occupant(from) else {
            return Err(StanzaError::new(
                Condition::NotAcceptable,
                "You are not in this room: enter it first.",
            ));
        };
        if occupant.role < Role::Moderator {
            let says = "Only moderators take back what others have said.";
            return Err(StanzaError::new(Condition::Forbidden, says));
        }
        Ok(occupant.clone())
    }

    /// §3.1: from the room itself, to everybody; for clients of version 0.3 and for those of version 0.2.
    fn retraction(&self, turn: &Turn<'_>, by: By<'_>, id: &str, reason: Option<&str>) -> Stanza {
        let retract = Element::new("retract", ns::RETRACT)
            .attr("id", id)
            .with(by.element(ns::MODERATE))
            .with_opt(because(reason, ns::RETRACT));
        let old = by
            .element(ns::MODERATE_OLD)
            .with(Element::new("retract", ns::RETRACT_OLD))
            .with_opt(because(reason, ns::MODERATE_OLD));
        let mut message = Message::new(MessageKind::Groupchat, &self.jid, &self.jid)
            .with(retract)
            .with(Element::new("apply-to", ns::FASTEN).attr("id", id).with(old))
            .with(Element::new("store", ns::HINTS))
            .with(stanza_id::stanza_id(&turn.now.id, self.jid.as_str()));
        message.head.to = None;
        message.head.id = Some(turn.now.id.as_str().into());
        message.into()
    }
}

/// `item-not-found`: there is no such message to be taken back.
pub fn not_there() -> StanzaError {
    StanzaError::new(Condition::ItemNotFound, "This room does not have such a message, or has it no longer.")
}

fn because(reason: Option<&str>, ns: &'static str) -> Option<Element> {
    reason.map(|reason| Element::new("reason", ns).with_text(reason))
}

#[cfg(test)]
mod tests {
    use crate::muc::effect::Effect;
    use crate::muc::tests::stage::Stage;

    const NEW: &str = "<moderate xmlns='urn:xmpp:message-moderate:1' id='ID'>\
                       <retract xmlns='urn:xmpp:message-retract:1'/><reason>spam</reason></moderate>";
    const OLD: &str = "<apply-to xmlns='urn:xmpp:fasten:0' id='ID'><moderate xmlns='urn:xmpp:message-moderate:0'>\
                       <retract xmlns='urn:xmpp:message-retract:0'/><reason>spam</reason></moderate></apply-to>";

    fn said(stage: &mut Stage) -> String {
        stage.speaks("juliet", "DM me for free potions");
        let id = stage.last_id();
        stage.hush();
        id
    }

    #[test]
    fn a_moderator_takes_a_message_back_in_both_dialects() {
        for dialect in [NEW, OLD] {
            let mut stage = Stage::with(&["romeo", "juliet"]);
            let id = said(&mut stage);
            assert!(stage.asks("romeo", "set", &dialect.replace("ID", &id)).contains("type='result'"));
            let heard = stage.hears("juliet");
            for part in [
                "from='lounge@rooms.lit'",
                &format!("<retract xmlns='urn:xmpp:message-retract:1' id='{id}'>"),
                "<moderated xmlns='urn:xmpp:message-moderate:1' by='lounge@rooms.lit/romeo'><occupant-id",
                &format!("<apply-to xmlns='urn:xmpp:fasten:0' id='{id}'>"),
                "<moderated xmlns='urn:xmpp:message-moderate:0' by='lounge@rooms.lit/romeo'>",
                "<reason>spam</reason>",
            ] {
                assert!(heard[0].contains(part), "{part} in {heard:?}");
            }
            let archived = stage.archived();
            assert!(archived.len() == 1 && archived[0].contains("<moderated"), "{archived:?}");
            let buried = stage.buried();
            assert!(buried[0].contains("<retracted") && !buried[0].contains("potions"), "{buried:?}");
            assert!(buried[0].contains("from='lounge@rooms.lit/juliet'") && buried[0].contains("<moderated"));
        }
    }

    #[test]
    fn who_enters_later_is_not_told_what_was_taken_back() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        let id = said(&mut stage);
        stage.asks("romeo", "set", &NEW.replace("ID", &id));
        stage.enters("paris", "paris");
        assert!(stage.hears("paris").iter().all(|heard| !heard.contains("potions")));
    }

    #[test]
    fn nobody_else_does_so_and_nothing_else_is_taken_back() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        let id = said(&mut stage);
        let ask = NEW.replace("ID", &id);
        assert!(stage.asks("juliet", "set", &ask).contains("<forbidden"));
        assert!(stage.asks("paris", "set", &ask).contains("<not-acceptable"));
        assert!(stage.asks("romeo", "set", &NEW.replace("ID", "nothing")).contains("<item-not-found"));
        let no_id = NEW.replace(" id='ID'", "");
        assert!(stage.asks("romeo", "set", &no_id).contains("<bad-request"));
        let long = ask.replace("spam", &"x".repeat(600));
        assert!(stage.asks("romeo", "set", &long).contains("<not-acceptable"));
        assert!(stage.hears("juliet").is_empty());
        assert!(stage.asks("romeo", "set", &ask).contains("type='result'"));
        let moderation = stage.last_id();
        assert!(stage.asks("romeo", "set", &ask).contains("<item-not-found"));
        assert!(stage.asks("romeo", "set", &NEW.replace("ID", &moderation)).contains("<not-allowed"));
        assert!(!stage.effects.iter().any(|effect| matches!(effect, Effect::Bury(_))));
    }

    #[test]
    fn a_client_cannot_say_that_the_room_took_something_back() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        let id = said(&mut stage);
        let forged = format!(
            "<message type='groupchat' to='lounge@rooms.lit'><body>x</body>\
             <moderated xmlns='urn:xmpp:message-moderate:1' by='lounge@rooms.lit/romeo'/>\
             <apply-to xmlns='urn:xmpp:fasten:0' id='{id}'><moderated xmlns='urn:xmpp:message-moderate:0'/></apply-to>\
             <retracted xmlns='urn:xmpp:message-retract:1'/></message>"
        );
        stage.says("juliet", &forged);
        let heard = stage.hears("romeo");
        assert!(!heard[0].contains("moderate") && !heard[0].contains("<retracted"), "{heard:?}");
    }
}
