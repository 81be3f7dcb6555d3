//! XEP-0045 §9.1 – §9.5, §10.3 – §10.8: bans, membership, admins and owners.

use std::sync::Arc;

use rialto_xmpp::{BareJid, Condition, Jid, Message, MessageKind, StanzaError};

use super::affiliation::{Affiliation, Role};
use super::effect::Turn;
use super::listener::Printed;
use super::nick::Nick;
use super::occupant::Occupant;
use super::presence::{Change, item, status, user};
use super::role::Cause;
use super::room::Room;

impl Room {
    /// §5.2.1: whether somebody may make somebody this.
    pub(super) fn may_change_affiliation(
        &self,
        from: &Jid,
        jid: &BareJid,
        to: Affiliation,
    ) -> Result<(), StanzaError> {
        let (own, now) = (self.affiliation(from), self.affiliation(jid));
        if own < Affiliation::Admin {
            return Err(StanzaError::new(Condition::Forbidden, "Only admins and owners change these lists."));
        }
        if jid.as_str() == from.bare_str() && to == Affiliation::Outcast {
            return Err(StanzaError::new(Condition::Conflict, "You cannot ban yourself."));
        }
        // Those who run the service own all rooms, whatever the lists of one say.
        if self.rules.is_admin(jid) && to != Affiliation::Owner {
            return Err(StanzaError::new(Condition::NotAllowed, "This person runs the service."));
        }
        if own == Affiliation::Owner {
            return Ok(());
        }
        // §10.8: the lists of admins and owners are the owners'.
        if to >= Affiliation::Admin && to > now {
            return Err(StanzaError::new(Condition::Forbidden, "Only owners name admins and owners."));
        }
        // An admin may give up being one, and changes nothing about other admins and owners.
        if now >= Affiliation::Admin && jid.as_str() != from.bare_str() {
            return Err(StanzaError::new(
                Condition::NotAllowed,
                "Your rights do not suffice for this person.",
            ));
        }
        Ok(())
    }

    /// Makes somebody something. Occupants hear it as presence, of who is absent as a message from the room.
    pub(super) fn change_affiliation(
        &mut self,
        turn: &mut Turn<'_>,
        jid: &BareJid,
        to: Affiliation,
        (actor, reason): Cause,
    ) {
        let before = self.affiliation(jid);
        if !self.links.is_empty() {
            self.banned_here(turn, jid, (before, to), (actor.clone(), reason.clone()));
            self.know_banned(jid, to);
        }
        self.record_mut().set_affiliation(jid, to, reason.clone());
        self.forget_voice(jid);
        turn.save();
        let change = Change { actor, reason, ..Change::default() };
        let covered = |occupant: &&Arc<Occupant>| match jid.localpart() {
            Some(_) => occupant.real.bare_str() == jid.as_str(),
            None => occupant.real.domainpart() == jid.domainpart(),
        };
        let there: Vec<Arc<Occupant>> = self.occupants.iter().filter(covered).cloned().collect();
        for occupant in &there {
            let to = self.affiliation(&occupant.real);
            if to != occupant.affiliation {
                self.occupant_is_now(turn, occupant, to, &change);
            }
        }
        self.far_standings(turn, &change);
        let to = self.affiliation(jid);
        if there.is_empty() && to != before {
            self.tell_of_absent(turn, jid, to, &change);
        }
        // §9.5: who becomes a member of a members-only room is invited.
        if there.is_empty()
            && self.record.config.members_only
            && before == Affiliation::None
            && to == Affiliation::Member
        {
            self.invite_member(turn, jid, (change.actor.as_deref(), change.reason.as_deref()));
        }
    }

    /// An account is removed: what it was to the room goes with it, but for a ban.
    pub(super) fn forget(&mut self, turn: &mut Turn<'_>, jid: &BareJid) {
        if self.record.hats.has(jid.as_str()) {
            self.record_mut().hats.worn.remove(jid.as_str());
            turn.save();
        }
        let banned = self.record.affiliation(jid) == Affiliation::Outcast;
        if banned || !self.record.standings.contains_key(jid.as_str()) {
            return;
        }
        self.reserve(jid, Some(String::new()));
        turn.save();
        self.change_affiliation(turn, jid, Affiliation::None, (None, None));
    }

    /// An occupant whose affiliation has changed: he goes, or his role follows (§5.1.3).
    fn occupant_is_now(
        &mut self,
        turn: &mut Turn<'_>,
        occupant: &Arc<Occupant>,
        to: Affiliation,
        change: &Change,
    ) {
        let out = |code| Change { codes: vec![code], ..change.clone() };
        if to == Affiliation::Outcast {
            let gone = Occupant { affiliation: to, ..Occupant::clone(occupant) };
            return self.take_out(turn, &gone, &out(301));
        }
        if to == Affiliation::None && self.record.config.members_only {
            let gone = Occupant { affiliation: to, ..Occupant::clone(occupant) };
            return self.take_out(turn, &gone, &out(321));
        }
        let least = self.role_on_entry(to);
        // Who becomes something has the role that goes with it, also if he was silenced before.
        let lost = to < Affiliation::Admin && occupant.affiliation >= Affiliation::Admin;
        let role = if lost { least } else { occupant.role.max(least) };
        self.restand(turn, occupant, (to, role), change);
    }

    /// §10.3: clients that keep the list of members hear of those who are not there. Real JIDs go to who sees them.
    pub(super) fn tell_of_absent(
        &self,
        turn: &mut Turn<'_>,
        jid: &BareJid,
        to: Affiliation,
        change: &Change,
    ) {
        let mut message = Message::new(MessageKind::Normal, &self.jid, &self.jid);
        message.head.to = None;
        message.head.id = Some(format!("{}-a", turn.now.id).into());
        let item = item(to, Role::None)
            .attr("jid", jid)
            .with_opt(change.actor.as_ref().map(|nick| user("actor").attr("nick", nick)))
            .with_opt(change.reason.as_ref().map(|reason| user("reason").with_text(reason.as_str())));
        message.payloads.push(user("x").with(item));
        let to =
            if self.record.config.whois_anyone { self.occupants.all() } else { self.occupants.moderators() };
        turn.tell(Printed::new(&message.into()), to);
    }

    /// §9.3, §9.5: the nick that comes with an item.
    pub(super) fn reserve(&mut self, jid: &BareJid, nick: Option<String>) {
        let Some(nick) = nick else { return };
        let standing = self.record_mut().standings.entry(jid.as_str().to_owned()).or_default();
        standing.nick = (!nick.is_empty()).then_some(nick);
        if standing.nick.is_none() && standing.affiliation == Affiliation::None {
            self.record_mut().standings.remove(jid.as_str());
        }
    }

    /// Whether a nick can be reserved for somebody.
    pub(super) fn may_reserve(&self, jid: &BareJid, nick: Option<&str>) -> Result<(), StanzaError> {
        let Some(nick) = nick.filter(|nick| !nick.is_empty()) else { return Ok(()) };
        if Nick::clean(nick, &self.rules.limits)?.changed {
            return Err(Condition::NotAcceptable.into());
        }
        self.nick_is_free(jid, nick)
    }

    /// §10.2: a message from the room with status codes.
    pub(super) fn tell_codes(&self, turn: &mut Turn<'_>, codes: &[u16]) {
        let mut message = Message::new(MessageKind::Groupchat, &self.jid, &self.jid);
        message.head.to = None;
        message.head.id = Some(format!("{}-c", turn.now.id).into());
        message.payloads.push(user("x").with_all(codes.iter().map(|code| status(*code))));
        turn.tell(Printed::new(&message.into()), self.occupants.all());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::muc::Input;
    use crate::muc::tests::stage::{Stage, full};

    fn set(stage: &mut Stage, who: &str, items: &[(&str, &str)]) -> String {
        let items: String = items
            .iter()
            .map(|(who, what)| format!("<item jid='{who}@montague.lit' affiliation='{what}'/>"))
            .collect();
        let query = format!("<query xmlns='http://jabber.org/protocol/muc#admin'>{items}</query>");
        stage.asks(who, "set", &query)
    }

    fn list(stage: &mut Stage, who: &str, what: &str) -> String {
        let query = format!(
            "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='{what}'/></query>"
        );
        stage.asks(who, "get", &query)
    }

    #[test]
    fn the_banned_go_with_301_and_do_not_come_back() {
        let mut stage = Stage::with(&["romeo", "juliet", "paris"]);
        assert!(set(&mut stage, "romeo", &[("paris", "outcast")]).contains("result"));
        assert!(stage.saved());
        let heard = stage.hears("juliet");
        assert!(heard[0].contains("code='301'") && heard[0].contains("affiliation='outcast'"), "{heard:?}");
        stage.hush();
        stage.enters("paris", "count");
        assert!(stage.hears("paris")[0].contains("<forbidden"));
        assert!(list(&mut stage, "romeo", "outcast").contains("jid='paris@montague.lit'"));
    }

    #[test]
    fn who_loses_membership_of_a_members_only_room_goes_with_321() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        set(&mut stage, "romeo", &[("juliet", "member")]);
        stage.configure(|config| config.members_only = true);
        stage.hush();
        set(&mut stage, "romeo", &[("juliet", "none")]);
        let heard = stage.hears("juliet");
        assert!(heard.len() == 1 && heard[0].contains("code='321'"), "{heard:?}");
    }

    #[test]
    fn an_affiliation_brings_its_role() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        set(&mut stage, "romeo", &[("juliet", "admin")]);
        assert!(stage.hears("juliet")[0].contains("affiliation='admin' role='moderator'"));
        set(&mut stage, "romeo", &[("juliet", "none")]);
        assert!(stage.hears("juliet").last().unwrap().contains("affiliation='none' role='participant'"));
    }

    #[test]
    fn of_those_who_are_absent_a_message_from_the_room_tells() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.configure(|config| config.whois_anyone = true);
        set(&mut stage, "romeo", &[("tybalt", "member")]);
        let heard = stage.hears("juliet");
        assert!(heard[0].starts_with("<message from='lounge@rooms.lit'"), "{heard:?}");
        assert!(heard[0].contains("affiliation='member'") && heard[0].contains("jid='tybalt@montague.lit'"));
    }

    #[test]
    fn admins_rule_members_and_owners_rule_admins() {
        let mut stage = Stage::with(&["romeo"]);
        stage.affiliate("juliet", Affiliation::Admin);
        stage.affiliate("tybalt", Affiliation::Admin);
        stage.enters("juliet", "juliet");
        for (who, to, error) in [
            ("paris", "member", "result"),
            ("paris", "outcast", "result"),
            ("paris", "none", "result"),
            ("paris", "admin", "<forbidden"),
            ("paris", "owner", "<forbidden"),
            ("tybalt", "none", "<not-allowed"),
            ("tybalt", "outcast", "<not-allowed"),
            ("romeo", "none", "<not-allowed"),
            ("romeo", "outcast", "<not-allowed"),
            ("admin", "outcast", "<not-allowed"),
            ("juliet", "outcast", "<conflict"),
        ] {
            assert!(set(&mut stage, "juliet", &[(who, to)]).contains(error), "{who} {to}");
        }
        for (who, to) in [("paris", "admin"), ("tybalt", "member"), ("juliet", "owner")] {
            assert!(set(&mut stage, "romeo", &[(who, to)]).contains("result"), "{who} {to}");
        }
        assert!(set(&mut stage, "rosaline", &[("paris", "member")]).contains("<forbidden"));
    }

    #[test]
    fn the_last_owner_stays() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        assert!(set(&mut stage, "romeo", &[("romeo", "none")]).contains("<conflict"));
        assert!(set(&mut stage, "romeo", &[("romeo", "member"), ("juliet", "owner")]).contains("result"));
        assert_eq!(stage.room.record.of(Affiliation::Owner).count(), 1);
    }

    #[test]
    fn all_items_are_done_or_none() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        assert!(set(&mut stage, "romeo", &[("paris", "member"), ("romeo", "outcast")]).contains("<conflict"));
        assert!(stage.room.record.of(Affiliation::Member).next().is_none() && !stage.saved());
        let both = "<query xmlns='http://jabber.org/protocol/muc#admin'>\
                    <item jid='a@b' affiliation='member' role='visitor'/></query>";
        assert!(stage.asks("romeo", "set", both).contains("<bad-request"));
    }

    #[test]
    fn lists_are_told_to_those_who_may_see_them() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        for what in ["owner", "admin", "member", "outcast"] {
            assert!(list(&mut stage, "romeo", what).contains("result"), "{what}");
            for who in ["juliet", "paris"] {
                assert!(list(&mut stage, who, what).contains("<forbidden"), "{who} {what}");
            }
        }
        // §9.5: members of a group that hides nothing see each other.
        stage.configure(|config| (config.members_only, config.whois_anyone) = (true, true));
        stage.affiliate("paris", Affiliation::Member);
        for what in ["owner", "admin", "member"] {
            assert!(list(&mut stage, "paris", what).contains("result"), "{what}");
        }
        assert!(list(&mut stage, "paris", "outcast").contains("<forbidden"));
        let moderators =
            "<query xmlns='http://jabber.org/protocol/muc#admin'><item role='moderator'/></query>";
        assert!(stage.asks("juliet", "get", moderators).contains("<forbidden"));
        assert!(stage.asks("romeo", "get", moderators).contains("nick='romeo'"));
    }

    #[test]
    fn a_name_that_was_removed_is_nobody_to_the_room_unless_it_was_banned() {
        let mut stage = Stage::with(&["romeo"]);
        stage.affiliate("juliet", Affiliation::Admin);
        stage.affiliate("paris", Affiliation::Outcast);
        for who in ["juliet", "paris", "nurse"] {
            stage.input(Input::Forget(full(who).bare()));
            assert_eq!(stage.saved(), who == "juliet");
        }
        assert_eq!(stage.room.affiliation(&full("juliet")), Affiliation::None);
        assert_eq!(stage.room.affiliation(&full("paris")), Affiliation::Outcast);
    }

    #[test]
    fn a_ban_of_a_domain_puts_all_its_people_out() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.affiliate("tybalt", Affiliation::Member);
        stage.enters("tybalt", "tybalt");
        let ban = "<query xmlns='http://jabber.org/protocol/muc#admin'>\
                   <item jid='montague.lit' affiliation='outcast'/></query>";
        assert!(stage.asks("romeo", "set", ban).contains("result"));
        let there: Vec<&str> = stage.room.occupants.iter().map(|occupant| &*occupant.nick).collect();
        assert_eq!(there, ["romeo", "tybalt"]);
    }
}
