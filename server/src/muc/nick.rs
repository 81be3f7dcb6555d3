//! XEP-0045 §7.6: changing one's nick; which nicks there can be.

use rialto_xmpp::{Condition, Jid, Presence, PresenceKind, StanzaError, ns, prep};

use super::effect::Turn;
use super::enter::nick_in_use;
use super::occupant::Occupant;
use super::presence::Change;
use super::room::Room;
use super::rules::Limits;

/// A nick that is fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nick {
    /// The nick.
    pub text: String,
    /// It is not what was asked for (status 210).
    pub changed: bool,
}

impl Nick {
    /// Takes out what nobody can see: white space around it and twice in a row, controls of direction and the like.
    ///
    /// # Errors
    /// `not-acceptable` where nothing is left or too much (§17.1).
    pub fn clean(nick: &str, limits: &Limits) -> Result<Nick, StanzaError> {
        let words: Vec<&str> = nick.split_whitespace().collect();
        let mut text = words.join(" ");
        text.retain(is_visible);
        let text = prep::resourcepart(text.trim()).map(std::borrow::Cow::into_owned);
        let Ok(text) = text else {
            return Err(StanzaError::new(Condition::NotAcceptable, "Choose a nick that can be seen."));
        };
        if text.len() > limits.nick {
            let says = format!("Choose a shorter nick, of at most {} bytes.", limits.nick);
            return Err(StanzaError::new(Condition::NotAcceptable, says));
        }
        let changed = text != nick;
        Ok(Nick { text, changed })
    }
}

impl Room {
    /// §7.6: an occupant wants another nick.
    pub(super) fn change_nick(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        nick: &str,
        presence: &Presence,
    ) -> Result<(), StanzaError> {
        let nick = Nick::clean(nick, &self.rules.limits)?;
        let Some(before) = self.occupant(from).cloned() else { return Ok(()) };
        self.make_way(turn, &nick.text);
        if self.occupants.like(&nick.text).is_some_and(|there| there.nick != before.nick) {
            return Err(nick_in_use());
        }
        self.nick_is_free(from, &nick.text)?;
        let payloads = self.said(presence)?;
        let jid = self.jid.with_resource(&nick.text).map_err(|_| Condition::JidMalformed)?;
        let mut after = super::enter::spoken(&before, from, payloads);
        (after.jid, after.nick) = (jid, nick.text.as_str().into());
        self.renamed(turn, &before, after, nick.changed);
        if let Some(x) = presence.payload("x", ns::MUC) {
            self.synchronise(turn, from, presence, x);
        }
        Ok(())
    }

    /// An occupant goes as the one and comes as the other (status 303).
    pub(super) fn renamed(&mut self, turn: &mut Turn<'_>, before: &Occupant, after: Occupant, changed: bool) {
        let gone = Change {
            codes: vec![303],
            new_nick: Some(after.nick.clone()),
            last: Some(Vec::new()),
            ..Change::default()
        };
        self.announce_of(turn, before, (PresenceKind::Unavailable, None), &gone);
        std::sync::Arc::make_mut(&mut self.occupants).remove(&before.nick);
        let nick = after.nick.clone();
        self.seat(after);
        let own_codes = changed.then_some(210).into_iter().collect();
        self.announce(turn, &nick, &Change { own_codes, ..Change::default() });
    }

    /// §7.2.8: whether nobody else has reserved a nick (§7.10).
    pub(super) fn nick_is_free(&self, from: &Jid, nick: &str) -> Result<(), StanzaError> {
        match self.record.holder(nick) {
            Some(holder) if holder != from.bare_str() => Err(nick_in_use()),
            _ => Ok(()),
        }
    }
}

/// Neither a control nor something that turns or hides the text around it; joiners stay, emoji are made of them.
fn is_visible(c: char) -> bool {
    let hides = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    !c.is_control() && !hides
}

#[cfg(test)]
mod tests {
    use crate::muc::tests::stage::Stage;

    use super::*;

    #[test]
    fn a_nick_that_nobody_can_see_is_none() {
        let clean = |nick: &str| Nick::clean(nick, &Limits::default()).map(|nick| (nick.text, nick.changed));
        assert_eq!(clean("Romeo"), Ok(("Romeo".into(), false)));
        assert_eq!(clean("  Ro\u{202e}meo  of\tVerona "), Ok(("Romeo of Verona".into(), true)));
        assert!(clean("\u{200b} ").is_err());
        assert!(clean(&"x".repeat(129)).is_err());
    }

    #[test]
    fn everybody_hears_that_the_old_nick_is_the_new_one() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says("romeo", "<presence to='lounge@rooms.lit/Montague'/>");
        for who in ["romeo", "juliet"] {
            let heard = stage.hears(who);
            assert!(
                heard[0].contains("from='lounge@rooms.lit/romeo'") && heard[0].contains("type='unavailable'")
            );
            assert!(heard[0].contains("nick='Montague'") && heard[0].contains("code='303'"), "{heard:?}");
            assert!(heard[0].contains("role='moderator'") || heard[0].contains("role='participant'"));
            assert!(heard[1].contains("from='lounge@rooms.lit/Montague'") && !heard[1].contains("type="));
            assert_eq!(heard[1].contains("code='110'"), who == "romeo");
            assert_eq!(heard.len(), 2);
        }
    }

    #[test]
    fn a_nick_in_use_is_refused_and_the_old_one_kept() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says("romeo", "<presence id='p' to='lounge@rooms.lit/juliet'/>");
        let heard = stage.hears("romeo");
        assert!(heard[0].contains("type='error'") && heard[0].contains("<conflict"), "{heard:?}");
        assert!(stage.hears("juliet").is_empty());
        assert!(stage.room.occupants.of_nick("romeo").is_some());
    }

    #[test]
    fn nicks_that_people_take_for_one_are_one() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.enters("paris", "ROMEO");
        assert!(stage.hears("paris")[0].contains("<conflict"));
        stage.says("juliet", "<presence to='lounge@rooms.lit/Romeo'/>");
        assert!(stage.hears("juliet")[0].contains("<conflict"));
        stage.enters("romeo/tomb", "Romeo");
        let own = stage.hears("romeo/tomb").into_iter().find(|heard| heard.contains("code='110'")).unwrap();
        assert!(own.contains("from='lounge@rooms.lit/romeo'") && own.contains("code='210'"), "{own}");
        stage.hush();
        stage.says("juliet", "<presence to='lounge@rooms.lit/Juliet'/>");
        let heard = stage.hears("romeo");
        assert!(
            heard[0].contains("code='303'") && heard[1].contains("lounge@rooms.lit/Juliet'"),
            "{heard:?}"
        );
        assert_eq!(stage.room.occupants.len(), 2);
    }

    #[test]
    fn a_nick_that_was_tidied_up_is_told_with_210() {
        let mut stage = Stage::with(&["romeo"]);
        stage.says("romeo", "<presence to='lounge@rooms.lit/R  om'/>");
        let heard = stage.hears("romeo");
        assert!(heard[1].contains("lounge@rooms.lit/R om'") && heard[1].contains("code='210'"), "{heard:?}");
        stage.says("romeo", "<presence to='lounge@rooms.lit/R  om'><show>away</show></presence>");
        let heard = stage.hears("romeo");
        assert!(heard.len() == 1 && heard[0].contains("<show>away</show>"), "{heard:?}");
    }
}
