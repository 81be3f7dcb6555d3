//! XEP-0045 §8.2 – §8.6, §9.6, §9.7: kicking, voice, moderators.

use std::sync::Arc;

use rialto_xmpp::{Condition, Jid, StanzaError};

use super::affiliation::{Affiliation, Role};
use super::effect::Turn;
use super::occupant::Occupant;
use super::presence::Change;
use super::room::Room;

/// Who did it, and why.
pub type Cause = (Option<Arc<str>>, Option<String>);

impl Room {
    /// §5.1.1: whether somebody may give an occupant this role.
    pub(super) fn may_change_role(&self, from: &Jid, nick: &str, role: Role) -> Result<(), StanzaError> {
        let own_role = self.occupant(from).map_or(Role::None, |occupant| occupant.role);
        let own = self.affiliation(from);
        if own_role < Role::Moderator && own < Affiliation::Admin {
            return Err(StanzaError::new(Condition::Forbidden, "Only moderators do this."));
        }
        let there = self.occupants.of_nick(nick).ok_or(Condition::ItemNotFound)?;
        let denied =
            || StanzaError::new(Condition::NotAllowed, "Your rights do not suffice for this occupant.");
        // §8.2, §8.4: nobody acts against who is more to the room than he is.
        if there.affiliation > own {
            return Err(denied());
        }
        match (role, there.role) {
            // §8.2.
            (Role::None, _) => Ok(()),
            // §9.6, §9.7: moderators are made and unmade by admins; admins and owners are always.
            (Role::Moderator, _) | (_, Role::Moderator) if own < Affiliation::Admin => {
                Err(if there.affiliation >= Affiliation::Admin {
                    denied()
                } else {
                    Condition::Forbidden.into()
                })
            }
            (Role::Visitor | Role::Participant, _) if there.affiliation >= Affiliation::Admin => {
                Err(denied())
            }
            // §8.4: at or above the moderator's own level.
            (Role::Visitor, _) if there.affiliation > Affiliation::None && there.affiliation >= own => {
                Err(denied())
            }
            _ => Ok(()),
        }
    }

    /// Gives an occupant a role; none takes him out (status 307).
    pub(super) fn change_role(
        &mut self,
        turn: &mut Turn<'_>,
        nick: &str,
        role: Role,
        (actor, reason): Cause,
    ) {
        let Some(occupant) = self.occupants.of_nick(nick).cloned() else { return };
        if role == Role::None {
            self.kicked_here(turn, &occupant, (actor.clone(), reason.clone()));
        }
        let change = Change { actor, reason, ..Change::default() };
        if role == Role::None {
            return self.take_out(turn, &occupant, &Change { codes: vec![307], ..change });
        }
        self.remember_voice(&occupant, role);
        if occupant.role != role {
            self.restand(turn, &occupant, (occupant.affiliation, role), &change);
        }
    }

    /// An occupant is something else from now on; everybody hears it. Who sees real JIDs only now is told them.
    pub(super) fn restand(
        &mut self,
        turn: &mut Turn<'_>,
        occupant: &Occupant,
        (affiliation, role): (Affiliation, Role),
        change: &Change,
    ) {
        let sees_now = self.sees(role) && !self.sees(occupant.role);
        self.seat(Occupant { affiliation, role, ..occupant.clone() });
        self.announce(turn, &occupant.nick, change);
        if sees_now {
            for chair in occupant.chairs() {
                self.tell_of_all(turn, &chair.listener, &occupant.nick, true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::muc::tests::stage::Stage;

    fn set(stage: &mut Stage, who: &str, nick: &str, role: &str) -> String {
        stage.asks(
            who,
            "set",
            &format!(
                "<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='{nick}' role='{role}'>\
                 <reason>Because</reason></item></query>"
            ),
        )
    }

    #[test]
    fn a_moderator_kicks_with_307_and_everybody_learns_who_and_why() {
        let mut stage = Stage::with(&["romeo", "juliet", "paris"]);
        assert!(set(&mut stage, "romeo", "paris", "none").contains("type='result'"));
        for who in ["juliet", "paris", "romeo"] {
            let heard = stage.hears(who);
            for part in [
                "unavailable",
                "code='307'",
                "<actor nick='romeo'/>",
                "<reason>Because</reason>",
                "role='none'",
            ] {
                assert!(heard[0].contains(part), "{part} in {heard:?}");
            }
            assert_eq!(heard[0].contains("code='110'"), who == "paris");
        }
        assert_eq!(stage.room.occupants.len(), 2);
    }

    #[test]
    fn who_does_not_moderate_kicks_nobody() {
        let mut stage = Stage::with(&["romeo", "juliet", "paris"]);
        assert!(set(&mut stage, "juliet", "paris", "none").contains("<forbidden"));
        assert!(set(&mut stage, "tybalt", "paris", "none").contains("<forbidden"));
        assert!(set(&mut stage, "romeo", "tybalt", "none").contains("<item-not-found"));
        assert!(stage.hears("paris").is_empty());
    }

    #[test]
    fn nobody_acts_against_who_is_more_to_the_room() {
        let mut stage = Stage::with(&["romeo"]);
        stage.affiliate("juliet", Affiliation::Admin);
        for who in ["juliet", "paris"] {
            stage.enters(who, who);
        }
        set(&mut stage, "romeo", "paris", "moderator");
        stage.hush();
        for role in ["none", "visitor", "participant"] {
            assert!(set(&mut stage, "paris", "juliet", role).contains("<not-allowed"), "{role}");
            assert!(set(&mut stage, "juliet", "romeo", role).contains("<not-allowed"), "{role}");
        }
        // §9.7: not even an owner takes it from an admin.
        assert!(set(&mut stage, "romeo", "juliet", "participant").contains("<not-allowed"));
    }

    #[test]
    fn voice_is_given_and_taken_and_everybody_hears_it() {
        let mut stage = Stage::with(&["romeo", "juliet", "paris"]);
        assert!(set(&mut stage, "romeo", "paris", "visitor").contains("result"));
        assert!(stage.hears("juliet")[0].contains("role='visitor'"));
        stage.speaks("paris", "hm");
        assert!(stage.hears("paris").iter().any(|heard| heard.contains("<forbidden")));
        set(&mut stage, "romeo", "paris", "participant");
        stage.hush();
        stage.speaks("paris", "ah");
        assert_eq!(stage.hears("juliet").len(), 1);
    }

    #[test]
    fn a_new_moderator_learns_the_real_addresses() {
        let mut stage = Stage::with(&["romeo", "juliet", "paris"]);
        set(&mut stage, "romeo", "paris", "moderator");
        let heard = stage.hears("paris");
        assert!(heard.iter().any(|heard| heard.contains("jid='juliet@montague.lit/r'")), "{heard:?}");
        assert!(stage.hears("juliet").iter().all(|heard| !heard.contains("jid=")));
        // §9.7: one moderator without affiliation does not unmake another one.
        set(&mut stage, "romeo", "juliet", "moderator");
        assert!(set(&mut stage, "paris", "juliet", "participant").contains("<forbidden"));
    }
}
