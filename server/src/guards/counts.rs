//! Counts over a stretch of time, in bounded memory; and who has written to whom.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Counts at the same time. Overflow: all begin anew.
const MOST: usize = 200_000;
/// Pairs in one of two generations. Overflow: the older generation is forgotten.
const PAIRS: usize = 100_000;

/// How often things happened since the stretch began. All stretches begin together, so that an end costs nothing.
#[derive(Default)]
pub(super) struct Counts {
    counts: HashMap<u64, u32>,
    since: Option<Instant>,
}

impl Counts {
    /// One more; `None`: there were `most` already. 0: no end.
    pub(super) fn add(&mut self, key: u64, most: u32, within: Duration, now: Instant) -> Option<u32> {
        let since = *self.since.get_or_insert(now);
        if now.duration_since(since) >= within || self.counts.len() >= MOST && !self.counts.contains_key(&key)
        {
            self.counts.clear();
            self.since = Some(now);
        }
        let count = self.counts.entry(key).or_insert(0);
        if most > 0 && *count >= most {
            return None;
        }
        *count = count.saturating_add(1);
        Some(*count)
    }

    /// As if it had never been counted.
    pub(super) fn forget(&mut self, key: u64) {
        self.counts.remove(&key);
    }
}

/// Pairs of who has written to whom.
#[derive(Default)]
pub(super) struct Met {
    now: HashSet<u64>,
    before: HashSet<u64>,
}

impl Met {
    /// Whether it has happened, as far as is remembered.
    pub(super) fn has(&self, pair: u64) -> bool {
        self.now.contains(&pair) || self.before.contains(&pair)
    }

    /// It has happened.
    pub(super) fn add(&mut self, pair: u64) {
        if self.now.contains(&pair) {
            return;
        }
        if self.now.len() >= PAIRS {
            self.before = std::mem::take(&mut self.now);
        }
        self.now.insert(pair);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_stretch_everything_begins_anew() {
        let (mut counts, start, minute) = (Counts::default(), Instant::now(), Duration::from_secs(60));
        assert_eq!(counts.add(1, 2, minute, start), Some(1));
        assert_eq!(counts.add(1, 2, minute, start), Some(2));
        assert_eq!(counts.add(1, 2, minute, start + minute / 2), None);
        assert_eq!(counts.add(2, 2, minute, start + minute / 2), Some(1));
        assert_eq!(counts.add(1, 2, minute, start + minute), Some(1));
    }

    #[test]
    fn memory_has_an_end() {
        let (mut counts, mut met, now) = (Counts::default(), Met::default(), Instant::now());
        for key in 0..(MOST as u64) * 2 {
            counts.add(key, 1, Duration::from_secs(60), now);
            met.add(key);
        }
        assert!(counts.counts.len() <= MOST && met.now.len() + met.before.len() <= 2 * PAIRS);
        assert!(met.has(MOST as u64 * 2 - 1) && !met.has(0));
    }
}
