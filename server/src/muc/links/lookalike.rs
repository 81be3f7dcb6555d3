//! Nicks that look like those of people whom others trust (UTS #39 §4).

use std::sync::Arc;

use rialto_xmpp::Jid;
use unicode_security::confusable_detection::skeleton;

use crate::muc::affiliation::{Affiliation, Role};
use crate::muc::occupant::Occupant;
use crate::muc::room::Room;

impl Room {
    /// Whether a nick of somebody of a far room would be taken for that of a moderator who is here, or for one that an
    /// admin or owner has reserved: then his network is written behind it.
    pub(super) fn guarded(&self, nick: &str, own: Option<&Jid>) -> bool {
        let seen = looks(nick);
        let is = |other: &str| other != nick && looks(other).iter().any(|look| seen.contains(look));
        let himself = |occupant: &&Arc<Occupant>| own.is_some_and(|own| *own == occupant.real);
        let mut moderators =
            self.occupants.iter().filter(|other| other.role == Role::Moderator && !himself(other));
        let mut reserved = self.record.standings.iter().filter(|(jid, who)| {
            who.affiliation >= Affiliation::Admin && own.is_none_or(|own| own.bare_str() != *jid)
        });
        moderators.any(|other| is(&other.nick))
            || reserved.any(|(_, who)| who.nick.as_deref().is_some_and(is))
    }
}

/// What a nick looks like as it stands, and in small letters (`PauI` looks like `Paul` only before).
fn looks(nick: &str) -> [String; 2] {
    [skeleton(nick).collect(), skeleton(&nick.to_lowercase()).collect()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_other_scripts_look_like_ours() {
        let alike = |one: &str, other: &str| looks(one).iter().any(|look| looks(other).contains(look));
        for (one, other) in
            [("rom\u{435}o", "romeo"), ("R\u{43E}meo", "romeo"), ("PauI", "Paul"), ("rnary", "mary")]
        {
            assert!(alike(one, other), "{one} {other}");
        }
        assert!(!alike("romeo", "juliet") && !alike("romeo", "romea"));
    }
}
