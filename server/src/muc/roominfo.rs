//! XEP-0045 §15.5.4, XEP-0128: the forms in which a room tells of itself.

use std::time::SystemTime;

use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Element, ns};

use super::affiliation::Affiliation;
use super::config;
use super::room::Room;

impl Room {
    /// All forms of disco#info.
    pub(super) fn forms(&self, at: SystemTime) -> Vec<Element> {
        let mut forms = vec![self.room_form(at)];
        forms.extend(self.reactions_form());
        forms.extend(self.space_form());
        forms.extend(self.policy_forms());
        forms.iter().map(Form::to_element).collect()
    }

    /// `muc#roominfo`.
    fn room_form(&self, at: SystemTime) -> Form {
        let config = &self.record.config;
        let form = Form::new("result", ns::MUC_ROOMINFO);
        let form = self.what_it_is(at).into_iter().fold(form, Form::field);
        let form = self.how_it_is_used().into_iter().fold(form, Form::field);
        let form = config::mention_fields(&self.record).into_iter().fold(form, Form::field);
        let node = if config.pubsub.is_empty() { &config.space } else { &config.pubsub };
        match node.is_empty() {
            true => form,
            false => form.field(Field::text("muc#roomconfig_pubsub", "Publish-subscribe node", node)),
        }
    }

    fn what_it_is(&self, at: SystemTime) -> Vec<Field> {
        let config = &self.record.config;
        let subject = self.record.subject.as_ref().map_or("", |subject| subject.text.as_str());
        let text = |var: &str, label: &str, value: &str| Field::text(var, label, value);
        let owners = self.record.of(Affiliation::Owner).filter(|_| config.whois_anyone);
        let owners = owners.map(|(jid, _)| jid.to_owned());
        let mut fields = vec![
            text("muc#roomconfig_roomname", "Name", &config.name),
            text("muc#roominfo_description", "Description", &config.description),
            text("muc#roominfo_subject", "Subject", subject),
            text("muc#roominfo_occupants", "Occupants", &self.occupants.len().to_string()),
            text("muc#roominfo_lang", "Language", &config.lang),
            Field::many("jid-multi", "muc#roominfo_contactjid", "Whom to ask", owners),
        ];
        if !self.record.avatar.is_empty() {
            let hashes = self.record.avatar.iter().cloned();
            fields.push(Field::many("text-multi", "muc#roominfo_avatarhash", "Avatar hash", hashes));
        }
        fields.extend(self.record.hats.hash().map(|hash| text("hats#hash", "Hats hash", &hash)));
        fields.extend(self.activity(at).map(|rate| {
            text("{urn:xmpp:muc-activity}message-activity", "Messages in an hour", &format!("{rate:.2}"))
        }));
        fields
    }

    fn how_it_is_used(&self) -> Vec<Field> {
        let config = &self.record.config;
        let flag = |on: bool| if on { "1" } else { "0" };
        let text = |var: &str, label: &str, value: &str| Field::text(var, label, value);
        let by_all =
            |var: &str| Field::boolean(var, "Occupants may change the subject", config.change_subject);
        let invites = |var: &str| text(var, "Members may invite", flag(config.allow_invites));
        vec![
            by_all("muc#roominfo_subjectmod"),
            by_all("muc#roomconfig_changesubject"),
            text("muc#maxhistoryfetch", "Messages of history at most", &config.history.to_string()),
            text("muc#roomconfig_allowpm", "Private messages", config.private_messages.as_str()),
            invites("muc#roomconfig_allowinvites"),
            invites("{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites"),
            text("muc#roominfo_slow_mode_duration", "Slow mode", &config.slow_mode.to_string()),
        ]
    }

    /// XEP-0444 §2.2.
    fn reactions_form(&self) -> Option<Form> {
        let config = &self.record.config;
        let most = config.max_reactions;
        if most == 0 && config.reactions.is_empty() {
            return None;
        }
        let mut form = Form::new("result", ns::REACTION_RESTRICTIONS);
        if most > 0 {
            form = form.field(Field::text("max_reactions_per_user", "Reactions at most", most.to_string()));
        }
        if !config.reactions.is_empty() {
            let list = config.reactions.iter().cloned();
            form = form.field(Field::many("text-multi", "allowlist", "Reactions", list));
        }
        Some(form)
    }

    /// XEP-0503 §5.5.
    fn space_form(&self) -> Option<Form> {
        let space = &self.record.config.space;
        let parent = Field::text("parent", "Space", space);
        (!space.is_empty()).then(|| Form::new("result", ns::SPACES).field(parent))
    }
}
