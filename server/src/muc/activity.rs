//! XEP-0502: MUC Activity Indicator. How much is said in a room, counted by the hour while it is in memory.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::room::{Room, State};

/// Hours that are looked back on.
const HOURS: usize = 24;

/// §5: messages of this hour, and of those before it.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// Hours since 1970; that of the first counter.
    hour: u64,
    /// Full hours that have been counted.
    full: usize,
    counts: [u32; HOURS + 1],
}

impl Activity {
    /// Something was said.
    pub fn count(&mut self, at: SystemTime) {
        self.turn_to(hour_of(at));
        if let Some(now) = self.counts.first_mut() {
            *now = now.saturating_add(1);
        }
    }

    /// Messages in an hour, over the full hours that were counted; `None` before there was one.
    pub fn rate(&self, at: SystemTime) -> Option<f64> {
        let mut seen = self.clone();
        seen.turn_to(hour_of(at));
        let past = seen.counts.iter().skip(1).take(seen.full);
        (seen.full > 0).then(|| past.map(|count| f64::from(*count)).sum::<f64>() / seen.full as f64)
    }

    fn turn_to(&mut self, hour: u64) {
        if self.hour == 0 {
            self.hour = hour;
        }
        let passed = usize::try_from(hour.saturating_sub(self.hour)).unwrap_or(usize::MAX).min(HOURS + 1);
        self.counts.rotate_right(passed);
        self.counts.iter_mut().take(passed).for_each(|count| *count = 0);
        self.full = (self.full + passed).min(HOURS);
        self.hour = self.hour.max(hour);
    }
}

impl Room {
    /// §3.1, §10: told of rooms that anybody finds and enters, and of no others.
    pub(super) fn activity(&self, at: SystemTime) -> Option<f64> {
        let config = &self.record.config;
        let open = config.public && config.persistent && !config.members_only && config.password.is_none();
        let told = open && self.state == State::Open;
        told.then(|| self.history.activity.rate(at)).flatten()
    }
}

fn hour_of(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs() / 3600
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_full_hours_behind_us() {
        let at = |minutes: u64| UNIX_EPOCH + Duration::from_secs(1_700_006_400 + minutes * 60);
        let mut activity = Activity::default();
        (0..6).for_each(|_| activity.count(at(0)));
        assert_eq!(activity.rate(at(30)), None);
        assert_eq!(activity.rate(at(61)), Some(6.0));
        assert_eq!(activity.rate(at(121)), Some(3.0));
        activity.count(at(125));
        assert_eq!(activity.rate(at(181)), Some(7.0 / 3.0));
        assert_eq!(activity.rate(at(60 * 100)), Some(0.0));
    }
}
