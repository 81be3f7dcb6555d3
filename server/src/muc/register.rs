//! XEP-0045 §7.10: reserving a nick in a room.

use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Condition, Element, Iq, Jid, StanzaError, ns};

use super::affiliation::Affiliation;
use super::effect::Turn;
use super::nick::Nick;
use super::room::Room;

impl Room {
    /// `get`: the form, or what is registered already.
    pub(super) fn registration(&self, from: &Jid) -> Result<Option<Element>, StanzaError> {
        self.may_register(from)?;
        let query = Element::new("query", ns::REGISTER);
        let nick = self.record.nick(from);
        if let Some(nick) = nick {
            let username = Element::new("username", ns::REGISTER).with_text(nick);
            return Ok(Some(query.with(Element::new("registered", ns::REGISTER)).with(username)));
        }
        let form = Form::new("form", ns::MUC_REGISTER)
            .title("Registration with the room")
            .instructions("Choose the nick that nobody else shall have here.")
            .field(Field::text("muc#register_roomnick", "Nick", "").required());
        let says = "Choose the nick that nobody else shall have here.";
        let instructions = Element::new("instructions", ns::REGISTER).with_text(says);
        Ok(Some(query.with(instructions).with(form.to_element())))
    }

    /// `set`: registers a nick or gives it up.
    pub(super) fn register(&mut self, turn: &mut Turn<'_>, from: &Jid, iq: &Iq) {
        let answer = match iq.payload() {
            Some(query) if query.has("remove", ns::REGISTER) => self.unregister(turn, from),
            Some(query) => self.register_nick(turn, from, query),
            None => Err(Condition::BadRequest.into()),
        };
        turn.answer(iq, answer.map(|()| None));
    }

    fn register_nick(&mut self, turn: &mut Turn<'_>, from: &Jid, query: &Element) -> Result<(), StanzaError> {
        self.may_register(from)?;
        let form = Form::inside(query).filter(|form| form.form_type() == Some(ns::MUC_REGISTER));
        let form = form.ok_or(Condition::BadRequest)?;
        let nick = form.value("muc#register_roomnick").ok_or(Condition::BadRequest)?;
        let nick = Nick::clean(nick, &self.rules.limits)?;
        self.nick_is_free(from, &nick.text)?;
        let another = self.occupants.like(&nick.text);
        if another.is_some_and(|there| there.real.bare_str() != from.bare_str()) {
            return Err(super::enter::nick_in_use());
        }
        self.reserve(&from.bare(), Some(nick.text));
        turn.save();
        if self.affiliation(from) < Affiliation::Member {
            self.change_affiliation(turn, &from.bare(), Affiliation::Member, (None, None));
        }
        Ok(())
    }

    /// XEP-0077 §3.2: the nick is free again. What somebody is to the room stays.
    fn unregister(&mut self, turn: &mut Turn<'_>, from: &Jid) -> Result<(), StanzaError> {
        if self.record.nick(from).is_none() {
            return Err(Condition::RegistrationRequired.into());
        }
        self.reserve(&from.bare(), Some(String::new()));
        turn.save();
        Ok(())
    }

    /// Who is nothing to the room may register where that gives no right he has not: not with a members-only room, and
    /// not where members have voice and others have none.
    fn may_register(&self, from: &Jid) -> Result<(), StanzaError> {
        let config = &self.record.config;
        let closed = config.members_only || (config.moderated && !config.voice_by_default);
        match self.affiliation(from) {
            Affiliation::Outcast => Err(Condition::NotAllowed.into()),
            Affiliation::None if closed => {
                Err(StanzaError::new(Condition::NotAllowed, "Ask an admin of the room to make you a member."))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::muc::tests::stage::{Stage, full};

    fn register(stage: &mut Stage, who: &str, nick: &str) -> String {
        stage.asks(
            who,
            "set",
            &format!(
                "<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>\
                 <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field>\
                 <field var='muc#register_roomnick'><value>{nick}</value></field></x></query>"
            ),
        )
    }

    #[test]
    fn a_registered_nick_is_nobody_elses_and_its_owner_a_member() {
        let mut stage = Stage::with(&["romeo"]);
        let form = stage.asks("juliet", "get", "<query xmlns='jabber:iq:register'/>");
        assert!(form.contains("muc#register_roomnick"), "{form}");
        assert!(register(&mut stage, "juliet", "Juliet").contains("type='result'") && stage.saved());
        assert_eq!(stage.room.affiliation(&full("juliet")), Affiliation::Member);
        stage.enters("paris", "Juliet");
        assert!(stage.hears("paris")[0].contains("<conflict"));
        assert!(register(&mut stage, "paris", "Juliet").contains("<conflict"));
        let told = stage.asks(
            "juliet",
            "get",
            "<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/>",
        );
        assert!(told.contains("name='Juliet'"), "{told}");
        let again = stage.asks("juliet", "get", "<query xmlns='jabber:iq:register'/>");
        assert!(again.contains("<registered/><username>Juliet</username>"), "{again}");
    }

    #[test]
    fn a_nick_that_is_given_up_is_free() {
        let mut stage = Stage::with(&["romeo"]);
        register(&mut stage, "juliet", "Juliet");
        let remove = "<query xmlns='jabber:iq:register'><remove/></query>";
        assert!(stage.asks("juliet", "set", remove).contains("result"));
        assert!(stage.asks("juliet", "set", remove).contains("<registration-required"));
        assert!(register(&mut stage, "paris", "Juliet").contains("result"));
    }

    #[test]
    fn registering_opens_no_closed_door_and_gives_no_voice() {
        let mut stage = Stage::with(&["romeo", "paris"]);
        stage.configure(|config| config.members_only = true);
        assert!(register(&mut stage, "juliet", "Juliet").contains("<not-allowed"));
        stage.configure(|config| (config.members_only, config.moderated) = (false, true));
        assert!(register(&mut stage, "juliet", "Juliet").contains("<not-allowed"));
        stage.configure(|config| config.moderated = false);
        assert!(register(&mut stage, "juliet", "paris").contains("<conflict"));
        stage.affiliate("juliet", Affiliation::Outcast);
        assert!(register(&mut stage, "juliet", "Juliet").contains("<not-allowed"));
        assert!(stage.asks("paris", "set", "<query xmlns='jabber:iq:register'/>").contains("<bad-request"));
    }
}
