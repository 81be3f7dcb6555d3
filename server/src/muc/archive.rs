//! XEP-0313 in rooms: who may ask for what was said. The answer is found outside of the room.

use rialto_xmpp::{Condition, Iq, Jid, StanzaError};

use super::affiliation::Affiliation;
use super::effect::{Effect, Turn};
use super::room::{Room, State};

impl Room {
    /// §4.1.5, §5.1: a search, or the question how far the archive goes.
    pub(super) fn search(&self, turn: &mut Turn<'_>, from: &Jid, iq: Iq) {
        match self.may_search(from) {
            Ok(()) => turn.effects.push(Effect::Search(iq)),
            Err(error) => turn.answer(&iq, Err(error)),
        }
    }

    /// §5.1.2: who may enter may read, and who is there. A password is asked at the door alone: it opens nothing here.
    pub(super) fn may_search(&self, from: &Jid) -> Result<(), StanzaError> {
        let config = &self.record.config;
        if self.state != State::Open {
            return Err(Condition::ItemNotFound.into());
        }
        if !config.archive {
            return Err(StanzaError::new(Condition::FeatureNotImplemented, "This room keeps nothing."));
        }
        let affiliation = self.affiliation(from);
        let least = if config.members_only { Affiliation::Member } else { Affiliation::None };
        let closed = config.password.is_some() && affiliation < Affiliation::Member;
        let here = self.occupant(from).is_some();
        match here || (affiliation >= least && !closed) {
            true => Ok(()),
            false => {
                Err(StanzaError::new(Condition::Forbidden, "Enter the room to read what was said in it."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::muc::tests::stage::Stage;

    fn found(stage: &mut Stage, who: &str) -> bool {
        stage.says(who, "<iq type='set' id='m' to='lounge@rooms.lit'><query xmlns='urn:xmpp:mam:2'/></iq>");
        stage.effects.iter().any(|effect| matches!(effect, Effect::Search(_)))
    }

    #[test]
    fn who_may_enter_may_read() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        assert!(found(&mut stage, "romeo") && found(&mut stage, "paris"));
        stage.affiliate("paris", Affiliation::Outcast);
        assert!(!found(&mut stage, "paris"));
        assert!(stage.hears("paris")[0].contains("<forbidden"));
        stage.configure(|config| config.members_only = true);
        assert!(found(&mut stage, "romeo") && !found(&mut stage, "tybalt"));
        stage.configure(|config| (config.members_only, config.password) = (false, Some("x".into())));
        assert!(found(&mut stage, "juliet") && !found(&mut stage, "tybalt"));
    }

    #[test]
    fn a_room_that_keeps_nothing_says_so() {
        let mut stage = Stage::with(&["romeo"]);
        stage.configure(|config| config.archive = false);
        assert!(!found(&mut stage, "romeo"));
        assert!(stage.hears("romeo")[0].contains("<feature-not-implemented"));
    }
}
