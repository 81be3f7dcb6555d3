//! XEP-0045 §6.4 – §6.6, §7.12, §15: what a room tells of itself.

use std::time::SystemTime;

use rialto_xmpp::{Condition, Element, Jid, StanzaError, ns};

use super::affiliation::Affiliation;
use super::hats::Command;
use super::links::commands::Act;
use super::mentions;
use super::room::Room;

/// What every room can do.
const FEATURES: &[&str] = &[
    ns::DISCO_INFO,
    ns::DISCO_ITEMS,
    ns::MUC,
    ns::MUC_STABLE_ID,
    ns::MUC_SELF_PING,
    ns::MUC_REGISTER,
    ns::MUC_REQUEST,
    ns::OCCUPANT_ID,
    ns::SID,
    ns::RETRACT,
    ns::RETRACT_TOMBSTONE,
    ns::MODERATE,
    ns::MODERATE_OLD,
    ns::HATS,
    ns::COMMANDS,
    ns::VCARD,
    ns::REACTIONS,
    ns::REGISTER,
    ns::PING,
];

impl Room {
    /// disco#info; a node asks for something more particular.
    pub(super) fn disco_info(
        &self,
        at: SystemTime,
        from: &Jid,
        query: &Element,
    ) -> Result<Option<Element>, StanzaError> {
        match query.get("node") {
            None => Ok(Some(self.information(at))),
            // §7.12: the nick that the asker has reserved.
            Some("x-roomuser-item") => {
                let identity = self.record.nick(from).map(|nick| identity().attr("name", nick));
                Ok(Some(
                    Element::new("query", ns::DISCO_INFO).attr("node", "x-roomuser-item").with_opt(identity),
                ))
            }
            // XEP-0050 §2.3, §2.4.
            Some(node) if node == ns::COMMANDS => Ok(Some(commands_node())),
            Some(node) if Command::parse(node).is_some_and(|command| self.may_run(from, command)) => {
                Ok(Command::parse(node).map(|command| command_node(&command.node(), command.name())))
            }
            Some(node) if Act::parse(node).is_some_and(|act| self.may_link(from, act)) => {
                Ok(Act::parse(node).map(|act| command_node(&act.node(), act.name())))
            }
            // §18.2: nothing is kept from passing.
            Some(node) if node == ns::MUC_TRAFFIC => Err(Condition::ServiceUnavailable.into()),
            Some(_) => Err(Condition::ItemNotFound.into()),
        }
    }

    /// disco#items: who is there, told to occupants of a room whose list is public.
    pub(super) fn disco_items(&self, from: &Jid, query: &Element) -> Result<Option<Element>, StanzaError> {
        match query.get("node") {
            Some(node) if node == ns::COMMANDS => return Ok(Some(self.command_items(from))),
            Some(_) => return Err(Condition::ItemNotFound.into()),
            None => {}
        }
        let config = &self.record.config;
        let open = config.public && !config.members_only && config.password.is_none();
        let tells = self.occupant(from).is_some() || (open && self.affiliation(from) > Affiliation::Outcast);
        let shown = self.occupants.iter().filter(|occupant| tells && self.shows(occupant.role));
        let item = |jid: &Jid| Element::new("item", ns::DISCO_ITEMS).attr("jid", jid);
        let items = shown.map(|occupant| item(&occupant.jid).attr("name", &occupant.nick));
        Ok(Some(Element::new("query", ns::DISCO_ITEMS).with_all(items)))
    }

    /// XEP-0050 §2.3: the commands that somebody may run.
    fn command_items(&self, from: &Jid) -> Element {
        let hats = Command::ALL.into_iter().filter(|command| self.may_run(from, *command));
        let links = Act::ALL.into_iter().filter(|act| self.may_link(from, *act));
        let hats = hats.map(|command| (command.node(), command.name()));
        let items = hats.chain(links.map(|act| (act.node(), act.name()))).map(|(node, name)| {
            Element::new("item", ns::DISCO_ITEMS).attr("jid", &self.jid).attr("node", node).attr("name", name)
        });
        Element::new("query", ns::DISCO_ITEMS).attr("node", ns::COMMANDS).with_all(items)
    }

    /// The room as disco#info tells it.
    pub fn information(&self, at: SystemTime) -> Element {
        let feature = |var: &str| Element::new("feature", ns::DISCO_INFO).attr("var", var);
        let name = self.record.config.name.as_str();
        let name = (!name.is_empty()).then_some(name).or(self.jid.localpart());
        Element::new("query", ns::DISCO_INFO)
            .with(identity().attr_opt("name", name))
            .with_all(FEATURES.iter().chain(mentions::FEATURES).copied().chain(self.kinds()).map(feature))
            .with_all(self.forms(at))
    }

    /// §15.3: what kind of room this is.
    fn kinds(&self) -> impl Iterator<Item = &'static str> {
        let config = &self.record.config;
        let either = |is, yes, no| if is { yes } else { no };
        [
            either(config.members_only, "muc_membersonly", "muc_open"),
            either(config.moderated, "muc_moderated", "muc_unmoderated"),
            either(config.whois_anyone, "muc_nonanonymous", "muc_semianonymous"),
            either(config.password.is_some(), "muc_passwordprotected", "muc_unsecured"),
            either(config.persistent, "muc_persistent", "muc_temporary"),
            either(config.public, "muc_public", "muc_hidden"),
        ]
        .into_iter()
        .chain(config.archive.then_some([ns::MAM, ns::MAM_EXTENDED, ns::FULLTEXT]).into_iter().flatten())
        .chain(self.space().map(|_| ns::SPACES))
    }
}

fn commands_node() -> Element {
    let identity = Element::new("identity", ns::DISCO_INFO)
        .attr("category", "automation")
        .attr("type", "command-list")
        .attr("name", "Commands");
    Element::new("query", ns::DISCO_INFO).attr("node", ns::COMMANDS).with(identity)
}

fn command_node(node: &str, name: &str) -> Element {
    let identity = Element::new("identity", ns::DISCO_INFO)
        .attr("category", "automation")
        .attr("type", "command-node")
        .attr("name", name);
    let feature = |var: &str| Element::new("feature", ns::DISCO_INFO).attr("var", var);
    Element::new("query", ns::DISCO_INFO)
        .attr("node", node)
        .with(identity)
        .with(feature(ns::COMMANDS))
        .with(feature(ns::DATA_FORMS))
}

fn identity() -> Element {
    Element::new("identity", ns::DISCO_INFO).attr("category", "conference").attr("type", "text")
}

#[cfg(test)]
mod tests {
    use crate::muc::tests::stage::Stage;

    fn info(stage: &mut Stage, who: &str, node: &str) -> String {
        stage.says(
            who,
            &format!(
                "<iq type='get' id='d' to='lounge@rooms.lit'><query xmlns='http://jabber.org/protocol/disco#info'{node}/></iq>"
            ),
        );
        stage.hears(who).remove(0)
    }

    #[test]
    fn anybody_learns_what_kind_of_room_it_is() {
        let mut stage = Stage::with(&["romeo"]);
        stage.configure(|config| (config.members_only, config.archive) = (true, true));
        let told = info(&mut stage, "paris", "");
        for part in [
            "category='conference' type='text'",
            "var='muc_membersonly'",
            "var='muc_semianonymous'",
            "var='urn:xmpp:mam:2'",
            "var='urn:xmpp:sid:0'",
            "var='urn:xmpp:occupant-id:0'",
            "var='http://jabber.org/protocol/muc#stable_id'",
            "<value>http://jabber.org/protocol/muc#roominfo</value>",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
        stage.configure(|config| (config.whois_anyone, config.archive) = (true, false));
        let told = info(&mut stage, "paris", "");
        assert!(told.contains("muc_nonanonymous") && !told.contains("urn:xmpp:mam:2"));
    }

    #[test]
    fn nodes_are_answered_as_the_specification_says() {
        let mut stage = Stage::with(&["romeo"]);
        let nick = info(&mut stage, "romeo", " node='x-roomuser-item'");
        assert!(nick.contains("type='result'") && !nick.contains("<identity"), "{nick}");
        let traffic = info(&mut stage, "romeo", " node='http://jabber.org/protocol/muc#traffic'");
        assert!(traffic.contains("<service-unavailable"));
        assert!(info(&mut stage, "romeo", " node='x'").contains("<item-not-found"));
    }

    #[test]
    fn who_is_in_a_room_that_is_not_open_is_told_to_occupants_only() {
        let mut stage = Stage::with(&["romeo"]);
        let ask = "<iq type='get' id='d' to='lounge@rooms.lit'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>";
        for (public, told) in [(true, true), (false, false)] {
            stage.configure(|config| config.public = public);
            stage.says("paris", ask);
            assert_eq!(stage.hears("paris")[0].contains("lounge@rooms.lit/romeo"), told);
            stage.says("romeo", ask);
            assert!(stage.hears("romeo")[0].contains("lounge@rooms.lit/romeo"));
        }
    }
}
