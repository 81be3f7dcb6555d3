//! XEP-0513 §4.6: Explicit Mentions. A room says who may mention whom, and passes nothing else on.

use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Condition, Element, Iq, Jid, Message, MessageKind, StanzaError, ns};
use serde::{Deserialize, Serialize};

use super::affiliation::{Affiliation, Role};
use super::config;
use super::effect::Turn;
use super::listener::Printed;
use super::occupant::Occupant;
use super::room::Room;

/// What is mentioned (§4.2), as the end of its URI.
const CHANNEL: &str = "#channel";
const HATS: &str = "#hats";
const ASSOCIATIONS: &[&str] =
    &["#moderators", "#participants", "#visitors", "#owner", "#admin", "#member", "#none"];

/// Features that go with the permissions (§4.6).
pub const FEATURES: &[&str] =
    &[ns::MENTIONS, ns::MENTIONS_CHANNEL, ns::MENTIONS_ASSOCIATIONS, ns::MENTIONS_HATS];

/// Who may mention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// Everybody with voice.
    #[default]
    Participants,
    /// Moderators alone.
    Moderators,
    /// Nobody.
    None,
}

/// A room's permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mentions {
    /// In one message at most.
    pub count: u64,
    /// Of one person.
    pub individual: Who,
    /// Of everybody.
    pub channel: Who,
    /// Of all of a role or affiliation.
    pub associations: Who,
    /// Of all who wear a hat.
    pub hats: Who,
}

impl Default for Mentions {
    /// To call everybody at once is for those who moderate.
    fn default() -> Mentions {
        Mentions {
            count: 10,
            individual: Who::Participants,
            channel: Who::Moderators,
            associations: Who::Participants,
            hats: Who::Participants,
        }
    }
}

impl Who {
    /// Label and value of each.
    pub const CHOICES: &[(&str, &str)] =
        &[("Participants", "participants"), ("Moderators only", "moderators"), ("Nobody", "none")];

    /// The XEP's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Who::Participants => "participants",
            Who::Moderators => "moderators",
            Who::None => "none",
        }
    }

    /// The one of this word.
    pub fn parse(word: &str) -> Option<Who> {
        [Who::Participants, Who::Moderators, Who::None].into_iter().find(|who| who.as_str() == word)
    }

    fn allows(self, role: Role) -> bool {
        match self {
            Who::Participants => role >= Role::Participant,
            Who::Moderators => role == Role::Moderator,
            Who::None => false,
        }
    }
}

impl Mentions {
    /// Whether somebody of this role may mention what this element does. What we do not know is not ours to judge.
    fn allows(&self, mention: &Element, role: Role) -> bool {
        let what = match mention.get("mentions") {
            None => return self.individual.allows(role),
            // One example of §4.2 leaves the sign out.
            Some(what) => what.strip_prefix(ns::MENTIONS).unwrap_or(what),
        };
        match what {
            CHANNEL | "channel" => self.channel.allows(role),
            HATS => self.hats.allows(role),
            what if ASSOCIATIONS.contains(&what) => self.associations.allows(role),
            _ => true,
        }
    }
}

impl Room {
    /// §4.6, §7: takes out what the author may not mention; all of it, where there is too much.
    pub(super) fn quieten(&self, occupant: &Occupant, message: &mut Message) {
        let is_mention = |payload: &Element| payload.is("mention", ns::MENTIONS);
        let count = message.payloads.iter().filter(|payload| is_mention(payload)).count() as u64;
        if count == 0 {
            return;
        }
        let rules = self.record.config.mentions;
        message.payloads.retain(|payload| {
            !is_mention(payload) || (count <= rules.count && rules.allows(payload, occupant.role))
        });
    }

    /// `get`: the form.
    pub(super) fn mention_rules(&self) -> Element {
        let form = Form::new("form", ns::MENTIONS)
            .title("Permissions for explicit mentions")
            .instructions("Who may mention whom in this room, and how many in one message.");
        let form = config::mention_fields(&self.record)
            .into_iter()
            .fold(form, |form, field| form.field(field.required()));
        Element::new("query", ns::MENTIONS).with(form.to_element())
    }

    /// `set`: an owner changes them; everybody is told what is different now.
    pub(super) fn set_mention_rules(&mut self, turn: &mut Turn<'_>, from: &Jid, iq: &Iq) {
        match self.mention_rules_set(from, iq) {
            Ok(rules) => {
                turn.answer(iq, Ok(None));
                let before = config::mention_fields(&self.record);
                if self.record.config.mentions == rules {
                    return;
                }
                self.record_mut().config.mentions = rules;
                turn.save();
                self.tell_codes(turn, &[104]);
                let now = config::mention_fields(&self.record).into_iter();
                self.tell_mention_rules(turn, now.filter(|field| !before.contains(field)));
            }
            Err(error) => turn.answer(iq, Err(error)),
        }
    }

    fn mention_rules_set(&self, from: &Jid, iq: &Iq) -> Result<Mentions, StanzaError> {
        if self.affiliation(from) != Affiliation::Owner {
            return Err(StanzaError::new(Condition::Forbidden, "Only owners of the room do this."));
        }
        let form = iq.payload().and_then(Form::inside).filter(|form| form.kind == "submit");
        let form = form.filter(|form| form.form_type() == Some(ns::MENTIONS)).ok_or(Condition::BadRequest)?;
        Ok(config::submitted(&self.record, &form, &self.rules.limits)?.config.mentions)
    }

    fn tell_mention_rules(&self, turn: &mut Turn<'_>, changed: impl Iterator<Item = Field>) {
        let form = Form::new("result", ns::MENTIONS).title("Updated permissions for explicit mentions");
        let form = changed.fold(form, Form::field);
        let mut message = Message::new(MessageKind::Groupchat, &self.jid, &self.jid).with(form.to_element());
        message.head.to = None;
        message.head.id = Some(format!("{}-m", turn.now.id).into());
        turn.tell(Printed::new(&message.into()), self.occupants.all());
    }
}

#[cfg(test)]
mod tests {
    use crate::muc::tests::stage::Stage;

    const ALL: &str = "<mention xmlns='urn:xmpp:mentions:0' mentions='urn:xmpp:mentions:0#channel'/>";
    const ONE: &str = "<mention xmlns='urn:xmpp:mentions:0' occupantid='x'/>";

    fn passes(stage: &mut Stage, who: &str, mentions: &str) -> usize {
        stage.hush();
        stage.says(
            who,
            &format!("<message type='groupchat' to='lounge@rooms.lit'><body>hey</body>{mentions}</message>"),
        );
        stage.hears("paris")[0].matches("<mention").count()
    }

    fn set(stage: &mut Stage, who: &str, var: &str, value: &str) -> String {
        stage.hush();
        stage.asks(
            who,
            "set",
            &format!(
                "<query xmlns='urn:xmpp:mentions:0'><x xmlns='jabber:x:data' type='submit'>\
                 <field var='FORM_TYPE'><value>urn:xmpp:mentions:0</value></field>\
                 <field var='mentions#{var}'><value>{value}</value></field></x></query>"
            ),
        )
    }

    #[test]
    fn only_moderators_call_everybody_unless_the_room_says_otherwise() {
        let mut stage = Stage::with(&["romeo", "juliet", "paris"]);
        assert_eq!(passes(&mut stage, "romeo", ALL), 1);
        assert_eq!(passes(&mut stage, "juliet", &format!("{ALL}{ONE}")), 1);
        assert!(set(&mut stage, "juliet", "channel", "participants").contains("<forbidden"));
        assert!(set(&mut stage, "romeo", "channel", "everybody").contains("<not-acceptable"));
        assert!(set(&mut stage, "romeo", "channel", "participants").contains("type='result'"));
        let told = stage.hears("paris");
        assert!(told[1].contains("var='mentions#channel'") && !told[1].contains("mentions#hats"), "{told:?}");
        assert_eq!(passes(&mut stage, "juliet", ALL), 1);
        set(&mut stage, "romeo", "individual", "none");
        assert_eq!(passes(&mut stage, "romeo", ONE), 0);
    }

    #[test]
    fn too_many_are_none() {
        let mut stage = Stage::with(&["romeo", "juliet", "paris"]);
        assert_eq!(passes(&mut stage, "juliet", &ONE.repeat(10)), 10);
        assert_eq!(passes(&mut stage, "juliet", &ONE.repeat(11)), 0);
        let form = stage.asks("juliet", "get", "<query xmlns='urn:xmpp:mentions:0'/>");
        assert!(form.contains("var='mentions#count'") && form.contains("<value>10</value>"), "{form}");
    }
}
