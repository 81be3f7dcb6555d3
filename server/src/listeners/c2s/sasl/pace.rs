//! RFC 5802 §9: finding no keys takes as long as finding some has lately taken.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What finding keys costs, as a mean over the latest dozen.
#[derive(Debug, Default)]
pub struct Pace(AtomicU64);

/// Nobody is kept longer than this: a store that is slow for a moment must not be copied.
const LONGEST: Duration = Duration::from_micros(200);

impl Pace {
    /// Keys were found; it began then.
    pub fn learn(&self, begun: Instant) {
        let took = u64::try_from(begun.elapsed().min(LONGEST).as_nanos()).unwrap_or(0);
        let mean = self.0.load(Ordering::Relaxed);
        let mean = if mean == 0 { took } else { (mean * 11 + took) / 12 };
        self.0.store(mean, Ordering::Relaxed);
    }

    /// No keys were found: uses up what finding some would have taken, some microseconds of this thread.
    pub fn keep(&self, begun: Instant) {
        let usual = Duration::from_nanos(self.0.load(Ordering::Relaxed)).min(LONGEST);
        while begun.elapsed() < usual {
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finding_nothing_takes_what_finding_something_took() {
        let pace = Pace::default();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_micros(100) {}
        pace.learn(begun);
        let begun = Instant::now();
        pace.keep(begun);
        assert!(begun.elapsed() >= Duration::from_micros(100));
    }
}
