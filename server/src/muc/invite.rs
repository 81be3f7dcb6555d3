//! XEP-0045 §7.8: invitations through the room, and their refusal. (Direct ones, XEP-0249, never come here.)

use std::collections::VecDeque;
use std::sync::Arc;

use rialto_xmpp::{BareJid, Condition, Element, Jid, Message, MessageKind, StanzaError, ns};

use super::affiliation::{Affiliation, Role};
use super::effect::Turn;
use super::presence::{Change, user};
use super::room::Room;

/// Invitations remembered, so that only who was invited can decline, to whoever invited him.
const MOST: usize = 128;
/// People invited by one message at most.
const AT_ONCE: usize = 20;

/// The last invitations: who, by whom.
#[derive(Clone, Debug, Default)]
pub struct Invitations(VecDeque<(BareJid, BareJid)>);

impl Room {
    /// Somebody in the room invites others into it.
    pub(super) fn invite(&mut self, turn: &mut Turn<'_>, from: &Jid, x: &Element) -> Result<(), StanzaError> {
        let invites: Vec<&Element> = x.children().filter(|child| child.is("invite", ns::MUC_USER)).collect();
        if invites.len() > AT_ONCE {
            return Err(Condition::ResourceConstraint.into());
        }
        self.may_invite(from)?;
        let read = |invite: &Element| -> Result<(Jid, Option<String>, Option<Element>), StanzaError> {
            let to = invite.get("to").and_then(|to| Jid::parse(to).ok()).ok_or(Condition::JidMalformed)?;
            let reason = invite.child_text("reason", ns::MUC_USER);
            if reason.as_ref().is_some_and(|reason| reason.len() > self.rules.limits.reason) {
                return Err(StanzaError::new(Condition::NotAcceptable, "This reason is too long."));
            }
            Ok((to, reason, invite.child("continue", ns::MUC_USER).cloned()))
        };
        let invites: Vec<_> = invites.into_iter().map(read).collect::<Result<_, _>>()?;
        let trusted = self.affiliation(from) >= Affiliation::Admin;
        for (to, ..) in &invites {
            self.may_be_invited(to)?;
            if !trusted {
                self.rules.guards.invites(from)?;
            }
        }
        for (to, reason, goes_on) in invites {
            self.admit(turn, &to);
            self.send_invitation(turn, from, &to, (reason.as_deref(), goes_on));
        }
        Ok(())
    }

    /// §7.8.2: the answer goes to who invited, if he did.
    pub(super) fn decline(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        decline: &Element,
    ) -> Result<(), StanzaError> {
        let to = decline.get("to").and_then(|to| Jid::parse(to).ok()).ok_or(Condition::JidMalformed)?;
        // An occupant JID stands for who sits there.
        let inviter = match self.occupants.of_nick(to.resourcepart().unwrap_or_default()) {
            Some(there) if to.bare_str() == self.jid.as_str() => there.bare(),
            _ => to.bare(),
        };
        let invited = (from.bare(), inviter);
        let known =
            self.invitations.0.iter().position(|pair| *pair == invited).ok_or(Condition::ItemNotFound)?;
        Arc::make_mut(&mut self.invitations).0.remove(known);
        let reason = decline.child_text("reason", ns::MUC_USER);
        let reason = reason.filter(|reason| reason.len() <= self.rules.limits.reason);
        let passed = user("decline")
            .attr("from", from.bare_str())
            .with_opt(reason.map(|reason| user("reason").with_text(reason)));
        let mut message = Message::new(MessageKind::Normal, &self.jid, &invited.1);
        message.head.id = Some(turn.now.id.as_str().into());
        turn.send(message.with(user("x").with(passed)));
        Ok(())
    }

    /// §9.5: somebody was put on the list of members, by an occupant if the room knows who it was.
    pub(super) fn invite_member(
        &mut self,
        turn: &mut Turn<'_>,
        jid: &BareJid,
        (actor, reason): (Option<&str>, Option<&str>),
    ) {
        let there = actor.and_then(|nick| self.occupants.of_nick(nick));
        let from = there.map_or_else(|| self.jid.as_jid().clone(), |there| there.real.clone());
        self.send_invitation(turn, &from, jid, (reason, None));
    }

    fn may_invite(&self, from: &Jid) -> Result<(), StanzaError> {
        let role = self.occupant(from).map(|occupant| occupant.role).ok_or(Condition::NotAcceptable)?;
        let config = &self.record.config;
        let affiliation = self.affiliation(from);
        // §5.1.1: a visitor has no voice, also not towards those outside.
        let denied = role < Role::Participant
            || (config.members_only && !config.allow_invites && affiliation < Affiliation::Admin);
        match denied {
            true => Err(StanzaError::new(Condition::Forbidden, "In this room others invite: ask an admin.")),
            false => Ok(()),
        }
    }

    fn may_be_invited(&self, to: &Jid) -> Result<(), StanzaError> {
        if to.localpart().is_none() {
            return Err(Condition::ItemNotFound.into());
        }
        if self.affiliation(to) == Affiliation::Outcast {
            return Err(StanzaError::new(Condition::NotAllowed, "This person is banned from the room."));
        }
        if self.record.standings.len() >= self.rules.limits.standings {
            return Err(Condition::ResourceConstraint.into());
        }
        Ok(())
    }

    /// §9.5: who is invited into a members-only room is a member.
    fn admit(&mut self, turn: &mut Turn<'_>, to: &Jid) {
        if self.record.config.members_only && self.affiliation(to) < Affiliation::Member {
            let jid = to.bare();
            self.record_mut().set_affiliation(&jid, Affiliation::Member, None);
            turn.save();
            self.tell_of_absent(turn, &jid, Affiliation::Member, &Change::default());
        }
    }

    fn send_invitation(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        to: &Jid,
        (reason, goes_on): (Option<&str>, Option<Element>),
    ) {
        // §7.8: an occupant JID tells no more of the inviter than the room does.
        let occupant = self.occupant(from).filter(|_| !self.record.config.whois_anyone);
        let inviter = occupant.map_or_else(|| from.bare_str().to_owned(), |one| one.jid.as_str().to_owned());
        let invite = user("invite")
            .attr("from", inviter)
            .with_opt(reason.map(|reason| user("reason").with_text(reason)))
            .with_opt(goes_on);
        let password = self.record.config.password.as_ref();
        let x = user("x")
            .with(invite)
            .with_opt(password.map(|password| user("password").with_text(password.as_str())));
        // Some clients read only XEP-0249.
        let direct = Element::new("x", ns::CONFERENCE)
            .attr("jid", &self.jid)
            .attr_opt("password", password)
            .attr_opt("reason", reason);
        let mut message = Message::new(MessageKind::Normal, &self.jid, to);
        message.head.id = Some(turn.now.id.as_str().into());
        turn.send(message.with(x).with(direct));
        let invitations = Arc::make_mut(&mut self.invitations);
        invitations.0.push_back((to.bare(), from.bare()));
        while invitations.0.len() > MOST {
            invitations.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::muc::tests::stage::{Stage, full};

    const INVITE: &str = "<message to='lounge@rooms.lit'><x xmlns='http://jabber.org/protocol/muc#user'>\
                          <invite to='paris@montague.lit'><reason>Dance</reason></invite></x></message>";

    #[test]
    fn an_invitation_comes_from_the_room_with_its_password() {
        let mut stage = Stage::with(&["romeo"]);
        stage.configure(|config| config.password = Some("cauldronburn".into()));
        stage.says("romeo", INVITE);
        let heard = stage.hears_at(full("paris").bare().as_jid());
        for part in [
            "from='lounge@rooms.lit'",
            "<invite from='lounge@rooms.lit/romeo'><reason>Dance</reason></invite>",
            "<password>cauldronburn</password>",
            "<x xmlns='jabber:x:conference' jid='lounge@rooms.lit'",
        ] {
            assert!(heard[0].contains(part), "{part} in {heard:?}");
        }
        assert!(!stage.saved());
    }

    #[test]
    fn only_who_was_invited_declines_and_only_to_who_invited_him() {
        let mut stage = Stage::with(&["romeo"]);
        let decline = "<message to='lounge@rooms.lit'><x xmlns='http://jabber.org/protocol/muc#user'>\
                       <decline to='lounge@rooms.lit/romeo'><reason>Busy</reason></decline></x></message>";
        stage.says("paris", decline);
        assert!(stage.hears("paris")[0].contains("<item-not-found"));
        stage.says("romeo", INVITE);
        stage.says("paris", decline);
        let heard = stage.hears_at(full("romeo").bare().as_jid());
        assert!(heard[0].contains("<decline from='paris@montague.lit'><reason>Busy"), "{heard:?}");
        stage.says("paris", decline);
        assert!(stage.hears_at(full("romeo").bare().as_jid()).is_empty());
    }

    #[test]
    fn who_is_invited_into_a_members_only_room_is_a_member() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.configure(|config| config.members_only = true);
        stage.says("juliet", INVITE);
        assert!(stage.hears("juliet")[0].contains("<forbidden"));
        stage.says("romeo", INVITE);
        assert!(stage.saved());
        assert_eq!(stage.room.affiliation(&full("paris")), Affiliation::Member);
        let heard = stage.hears("romeo");
        assert!(heard[0].contains("affiliation='member'") && heard[0].contains("jid='paris@montague.lit'"));
    }

    #[test]
    fn members_invite_where_the_room_lets_them_and_strangers_never() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.configure(|config| (config.members_only, config.allow_invites) = (true, true));
        stage.says("juliet", INVITE);
        assert!(stage.hears("juliet").is_empty() && stage.saved());
        stage.says("tybalt", INVITE);
        assert!(stage.hears("tybalt")[0].contains("<not-acceptable"));
    }

    #[test]
    fn the_banned_are_not_invited() {
        let mut stage = Stage::with(&["romeo"]);
        stage.affiliate("paris", Affiliation::Outcast);
        stage.says("romeo", INVITE);
        assert!(stage.hears("romeo")[0].contains("<not-allowed"));
    }
}
