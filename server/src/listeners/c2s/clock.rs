//! RFC 6120 §4.6: what is due on a connection, with one alarm that is moved as seldom as possible.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::listeners::settings::Settings;

/// When something is due.
pub struct Clock {
    /// Wakes the task.
    pub alarm: Option<Pin<Box<Sleep>>>,
    /// The last sign of life.
    pub heard: Instant,
    /// The client was asked for a sign of life then.
    pub pinged: Option<Instant>,
    /// The socket has taken nothing since then.
    pub stuck: Option<Instant>,
    /// Stanzas went out then that the client was not asked about.
    pub unasked: Option<Instant>,
    /// The connection is on its way out since then.
    pub ending: Option<Instant>,
}

/// How long stanzas may be out before the client is asked what it got.
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// How long a closing stream waits for the other side.
const LINGER: Duration = Duration::from_secs(2);

impl Clock {
    /// A clock of a connection that has just shown life.
    pub fn new() -> Clock {
        Clock { alarm: None, heard: Instant::now(), pinged: None, stuck: None, unasked: None, ending: None }
    }

    /// Bytes came: somebody is there.
    pub fn hear(&mut self) {
        self.heard = Instant::now();
        self.pinged = None;
    }

    /// When to look at it next.
    pub fn due(&self, settings: &Settings) -> Instant {
        let life = match self.pinged {
            Some(pinged) => pinged + settings.c2s.ping_timeout,
            None => self.heard + settings.c2s.ping_after,
        };
        let stuck = self.stuck.map(|since| since + settings.write_timeout);
        let unasked = self.unasked.map(|since| since + ASK_WITHIN);
        let ending = self.ending.map(|since| since + LINGER);
        [stuck, unasked, ending].into_iter().flatten().fold(life, Instant::min)
    }

    /// Whether nobody is there any more, or nobody who reads.
    pub fn is_over(&self, now: Instant, settings: &Settings) -> bool {
        since(self.ending, LINGER, now)
            || since(self.stuck, settings.write_timeout, now)
            || since(self.pinged, settings.c2s.ping_timeout, now)
    }

    /// Whether the client must be asked what it got.
    pub fn must_ask(&self, now: Instant) -> bool {
        since(self.unasked, ASK_WITHIN, now)
    }

    /// An alarm that comes too early is looked at again, so only an earlier time moves it.
    pub fn arm(&mut self, due: Instant) {
        match &mut self.alarm {
            Some(alarm) if alarm.deadline() <= due => {}
            Some(alarm) => alarm.as_mut().reset(due),
            None => self.alarm = Some(Box::pin(tokio::time::sleep_until(due))),
        }
    }
}

fn since(begun: Option<Instant>, length: Duration, now: Instant) -> bool {
    begun.is_some_and(|begun| now >= begun + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_an_earlier_time_moves_the_alarm() {
        let now = Instant::now();
        let mut clock = Clock::new();
        let at = |clock: &Clock| clock.alarm.as_ref().unwrap().deadline();
        clock.arm(now + Duration::from_secs(10));
        clock.arm(now + Duration::from_secs(20));
        assert_eq!(at(&clock), now + Duration::from_secs(10));
        clock.arm(now + Duration::from_secs(5));
        assert_eq!(at(&clock), now + Duration::from_secs(5));
    }

    #[tokio::test]
    async fn the_first_of_all_times_is_due() {
        let (mut clock, settings) = (Clock::new(), Settings::default());
        assert_eq!(clock.due(&settings), clock.heard + settings.c2s.ping_after);
        clock.unasked = Some(clock.heard);
        assert_eq!(clock.due(&settings), clock.heard + ASK_WITHIN);
        assert!(clock.must_ask(clock.heard + ASK_WITHIN) && !clock.is_over(clock.heard, &settings));
        clock.ending = Some(clock.heard);
        assert_eq!(clock.due(&settings), clock.heard + LINGER);
        assert!(clock.is_over(clock.heard + LINGER, &settings));
    }
}
