//! XEP-0045 §7.13, §8.6: a visitor asks for voice, a moderator gives it.

use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Condition, Element, Jid, Message, MessageKind, StanzaError, ns};

use super::affiliation::Role;
use super::effect::Turn;
use super::listener::Printed;
use super::room::Room;

impl Room {
    /// A form sent to the room: a request for voice, or a moderator's answer to one.
    pub(super) fn voice_form(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        x: &Element,
    ) -> Result<(), StanzaError> {
        let form = Form::read(x).ok_or(Condition::BadRequest)?;
        if form.form_type() != Some(ns::MUC_REQUEST) {
            return Err(Condition::BadRequest.into());
        }
        match form.boolean("muc#request_allow") {
            Some(allow) => self.voice_answer(turn, from, &form, allow),
            None => self.voice_request(turn, from, &form),
        }
    }

    fn voice_request(&self, turn: &mut Turn<'_>, from: &Jid, form: &Form) -> Result<(), StanzaError> {
        let asker = self.occupant(from).ok_or(Condition::NotAcceptable)?;
        if form.value("muc#role") != Some(Role::Participant.as_str()) {
            return Err(Condition::BadRequest.into());
        }
        // Who has voice needs none.
        if asker.role >= Role::Participant {
            return Ok(());
        }
        let role =
            [Role::Participant, Role::None].map(|role| (role.as_str().to_owned(), role.as_str().to_owned()));
        let approval = Form::new("form", ns::MUC_REQUEST)
            .title("Voice request")
            .instructions(format!("{} asks to speak. Say yes or no.", asker.nick))
            .field(Field::list("muc#role", "Role", Role::Participant.as_str(), role))
            .field(Field::new("jid-single", "muc#jid", "Address", asker.real.as_str()))
            .field(Field::text("muc#roomnick", "Nick", &*asker.nick))
            .field(Field::boolean("muc#request_allow", "Let this person speak?", false));
        let mut message = Message::new(MessageKind::Normal, &self.jid, &self.jid);
        message.head.to = None;
        message.head.id = Some(turn.now.id.as_str().into());
        message.payloads.push(approval.to_element());
        turn.tell(Printed::new(&message.into()), self.occupants.moderators());
        Ok(())
    }

    fn voice_answer(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        form: &Form,
        allow: bool,
    ) -> Result<(), StanzaError> {
        let moderator = self.occupant(from).filter(|occupant| occupant.role == Role::Moderator);
        let actor = moderator.map(|moderator| moderator.nick.clone()).ok_or(Condition::Forbidden)?;
        if !allow {
            return Ok(());
        }
        let nick = form.value("muc#roomnick").ok_or(Condition::BadRequest)?;
        let there = self.occupants.of_nick(nick).ok_or(Condition::ItemNotFound)?;
        // The nick may be another person's by now.
        if form.value("muc#jid").is_some_and(|jid| jid != there.real.as_str()) {
            return Err(Condition::ItemNotFound.into());
        }
        if there.role < Role::Participant {
            let nick = there.nick.clone();
            self.change_role(turn, &nick, Role::Participant, (Some(actor), None));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::muc::tests::stage::Stage;

    const ASK: &str = "<message to='lounge@rooms.lit'><x xmlns='jabber:x:data' type='submit'>\
                       <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>\
                       <field var='muc#role'><value>participant</value></field></x></message>";

    fn answer(nick: &str, allow: &str) -> String {
        format!(
            "<message to='lounge@rooms.lit'><x xmlns='jabber:x:data' type='submit'>\
             <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>\
             <field var='muc#roomnick'><value>{nick}</value></field>\
             <field var='muc#jid'><value>juliet@montague.lit/r</value></field>\
             <field var='muc#request_allow'><value>{allow}</value></field></x></message>"
        )
    }

    fn moderated() -> Stage {
        let mut stage = Stage::with(&["romeo"]);
        stage.configure(|config| config.moderated = true);
        for who in ["juliet", "paris"] {
            stage.enters(who, who);
        }
        stage.hush();
        stage
    }

    #[test]
    fn moderators_are_asked_and_one_of_them_gives_voice() {
        let mut stage = moderated();
        stage.says("juliet", ASK);
        let asked = stage.hears("romeo");
        assert!(
            asked[0].contains("muc#request_allow") && asked[0].contains("<value>juliet</value>"),
            "{asked:?}"
        );
        assert!(stage.hears("paris").is_empty());
        stage.says("romeo", &answer("juliet", "true"));
        assert!(stage.hears("juliet")[0].contains("role='participant'"));
    }

    #[test]
    fn a_no_changes_nothing_and_nobody_else_says_yes() {
        let mut stage = moderated();
        stage.says("romeo", &answer("juliet", "false"));
        assert!(stage.hears("juliet").is_empty());
        stage.says("juliet", &answer("juliet", "true"));
        assert!(stage.hears("juliet")[0].contains("<forbidden"));
        stage.says("romeo", &answer("paris", "true"));
        assert!(stage.hears("romeo")[0].contains("<item-not-found"));
    }
}
