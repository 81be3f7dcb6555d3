//! XEP-0045 §5.1: what a moderator gave or took outlives a visit, or who was silenced would only have to come again.

use std::collections::VecDeque;
use std::sync::Arc;

use rialto_xmpp::{BareJid, Jid};

use super::affiliation::{Affiliation, Role};
use super::occupant::{Occupant, Seat};
use super::room::Room;

/// People remembered; the oldest are forgotten first, and all when the room leaves memory.
const MOST: usize = 512;

/// Who has another role than he would enter with.
#[derive(Clone, Debug, Default)]
pub struct Voices(VecDeque<(BareJid, Role)>);

impl Room {
    /// The role that somebody enters with.
    pub(super) fn role_of_newcomer(&self, from: &Jid, affiliation: Affiliation) -> Role {
        let kept = self.voices.0.iter().find(|(jid, _)| jid.as_str() == from.bare_str());
        match kept {
            Some((_, role)) if affiliation < Affiliation::Admin => *role,
            _ => self.role_on_entry(affiliation),
        }
    }

    /// A moderator has given or taken voice.
    pub(super) fn remember_voice(&mut self, occupant: &Occupant, role: Role) {
        let Seat::Xmpp(_) = &occupant.seat else { return };
        let jid = occupant.bare();
        self.forget_voice(&jid);
        if role < Role::Moderator && role != self.role_on_entry(occupant.affiliation) {
            let voices = Arc::make_mut(&mut self.voices);
            voices.0.push_back((jid, role));
            if voices.0.len() > MOST {
                voices.0.pop_front();
            }
        }
    }

    /// What somebody is to the room says anew which role he has.
    pub(super) fn forget_voice(&mut self, jid: &BareJid) {
        if self.voices.0.iter().any(|(who, _)| who == jid) {
            Arc::make_mut(&mut self.voices).0.retain(|(who, _)| who != jid);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::muc::tests::stage::Stage;

    fn set(stage: &mut Stage, item: &str) {
        let query = format!("<query xmlns='http://jabber.org/protocol/muc#admin'><item {item}/></query>");
        assert!(stage.asks("romeo", "set", &query).contains("type='result'"), "{item}");
    }

    fn comes_again(stage: &mut Stage, who: &str) -> String {
        stage.says(who, &format!("<presence type='unavailable' to='lounge@rooms.lit/{who}'/>"));
        stage.hush();
        stage.enters(who, who);
        stage.hears(who).into_iter().find(|heard| heard.contains("code='110'")).unwrap()
    }

    #[test]
    fn who_was_silenced_is_so_when_he_comes_again_until_he_gets_his_voice_back() {
        let mut stage = Stage::with(&["romeo", "paris"]);
        set(&mut stage, "nick='paris' role='visitor'");
        assert!(comes_again(&mut stage, "paris").contains("role='visitor'"));
        set(&mut stage, "nick='paris' role='participant'");
        assert!(comes_again(&mut stage, "paris").contains("role='participant'"));
        set(&mut stage, "nick='paris' role='visitor'");
        set(&mut stage, "jid='paris@montague.lit' affiliation='member'");
        assert!(comes_again(&mut stage, "paris").contains("role='participant'"));
    }

    #[test]
    fn who_got_voice_in_a_moderated_room_keeps_it() {
        let mut stage = Stage::with(&["romeo"]);
        stage.configure(|config| config.moderated = true);
        stage.enters("paris", "paris");
        set(&mut stage, "nick='paris' role='participant'");
        assert!(comes_again(&mut stage, "paris").contains("role='participant'"));
    }
}
