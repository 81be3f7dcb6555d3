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
        let own = Some(config.pubsub.as_str()).filter(|node| !node.is_empty());
        match own.or(self.space()) {
            None => form,
            Some(node) => form.field(Field::text("muc#roomconfig_pubsub", "Publish-subscribe node", node)),
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
            text(
                "muc#roominfo_slow_mode_duration",
                "Slow mode",
                &config.slow_mode.max(self.far_pause()).to_string(),
            ),
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

    /// XEP-0503 §5.5: the space that the room is part of. Of a space of this server that is said for as long as the space
    /// says the same; others are for who reads it to verify. Older clients write it into `muc#roomconfig_pubsub`.
    pub(super) fn space(&self) -> Option<&str> {
        let config = &self.record.config;
        let held = |address: &str| self.rules.spaces.holds(address, &self.jid);
        let named =
            Some(config.space.as_str()).filter(|space| !space.is_empty() && held(space) != Some(false));
        named.or_else(|| Some(config.pubsub.as_str()).filter(|node| held(node) == Some(true)))
    }

    fn space_form(&self) -> Option<Form> {
        let parent = |space| Field::text("parent", "Space", space);
        self.space().map(|space| Form::new("result", ns::SPACES).field(parent(space)))
    }
}
