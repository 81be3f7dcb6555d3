//! XEP-0500: MUC Slow Mode. One person says something, and then waits, whatever his nicks and sessions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rialto_xmpp::{Condition, ErrorKind, Message, StanzaError, ns};

use super::affiliation::Affiliation;
use super::occupant::Occupant;
use super::room::Room;

/// People whose last words are remembered; beyond that those who need not wait any more are forgotten.
const MOST: usize = 1_024;

/// When people said something last, by their occupant-ids.
#[derive(Clone, Debug, Default)]
pub struct Pace(HashMap<Arc<str>, SystemTime>);

impl Room {
    /// §6: whether somebody has waited long enough; if so, he has said something now.
    ///
    /// # Errors
    /// `policy-violation`, and how long he must wait.
    pub(super) fn keep_pace(
        &mut self,
        at: SystemTime,
        occupant: &Occupant,
        message: &Message,
    ) -> Result<(), StanzaError> {
        let seconds = self.pause_of(occupant);
        let counts = seconds > 0 && is_words(message) && occupant.affiliation < Affiliation::Admin;
        if !counts {
            return Ok(());
        }
        let pause = Duration::from_secs(seconds);
        let last = self.pace.0.get(&occupant.id).copied();
        let waited = last.map_or(pause, |last| at.duration_since(last).unwrap_or(pause));
        // Words and files of one message of a far person are said at one moment.
        if waited < pause && !(waited.is_zero() && occupant.link().is_some()) {
            let left = (pause - waited).as_secs_f64().ceil();
            let says = format!(
                "This room is in slow mode: one message in {seconds} seconds. Say it again in {left} seconds."
            );
            return Err(StanzaError::new(Condition::PolicyViolation, says).kind(ErrorKind::Wait));
        }
        let pace = Arc::make_mut(&mut self.pace);
        if pace.0.len() >= MOST {
            pace.0.retain(|_, last| at.duration_since(*last).is_ok_and(|waited| waited < pause));
        }
        pace.0.insert(occupant.id.clone(), at);
        Ok(())
    }
}

impl Room {
    /// Seconds that somebody waits between two messages. Ours wait as long as the far rooms make their own people wait,
    /// who are held to it there.
    fn pause_of(&self, occupant: &Occupant) -> u64 {
        let own = self.record.config.slow_mode;
        if occupant.link().is_none() { own.max(self.far_pause()) } else { own }
    }
}

/// Words, also those that only some can read.
fn is_words(message: &Message) -> bool {
    message.payloads.iter().any(|payload| match payload.ns().as_str() {
        ns::CLIENT => payload.name() == "body",
        ns::OMEMO | ns::OMEMO_LEGACY => payload.name() == "encrypted",
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use crate::muc::affiliation::Affiliation;
    use crate::muc::tests::stage::Stage;

    #[test]
    fn one_message_then_a_pause_whatever_the_session() {
        let mut stage = Stage::with(&["romeo", "juliet", "paris"]);
        stage.enters("juliet/balcony", "juliet");
        stage.configure(|config| config.slow_mode = 20);
        stage.hush();
        for (who, pause, heard) in
            [("juliet", 0, true), ("juliet", 5, false), ("juliet/balcony", 10, false), ("juliet", 5, true)]
        {
            stage.passes(pause);
            stage.speaks(who, "me me me");
            assert_eq!(!stage.hears("paris").is_empty(), heard, "{who} {pause}");
            let said = stage.hears(who);
            let error = said.iter().find(|said| said.contains("type='error'"));
            assert_eq!(error.is_none(), heard);
            if let Some(error) = error {
                assert!(error.contains("type='wait'") && error.contains("<policy-violation"), "{error}");
                assert!(error.contains("20 seconds"), "{error}");
            }
        }
    }

    #[test]
    fn who_runs_the_room_and_what_has_no_words_wait_for_nothing() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.configure(|config| config.slow_mode = 3600);
        stage.affiliate("nurse", Affiliation::Admin);
        stage.enters("nurse", "nurse");
        stage.hush();
        for who in ["romeo", "nurse", "romeo", "nurse"] {
            stage.speaks(who, "again");
            assert_eq!(stage.hears("juliet").len(), 1);
        }
        stage.speaks("juliet", "once");
        stage.hush();
        let typing = "<message type='groupchat' to='lounge@rooms.lit'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>";
        (0..3).for_each(|_| stage.says("juliet", typing));
        assert_eq!(stage.hears("romeo").len(), 3);
    }
}
