//! Time that only goes forward: unique microseconds, for ids and versions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Gives each moment once, later ones later, also after a restart with a clock that went back (the store remembers how
/// far it was).
#[derive(Default)]
pub(crate) struct Clock {
    last: AtomicU64,
}

impl Clock {
    /// Microseconds since 1970, never given before.
    pub fn stamp(&self) -> u64 {
        let now = unix_micros();
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let next = now.max(last + 1);
            match self.last.compare_exchange_weak(last, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return next,
                Err(other) => last = other,
            }
        }
    }

    /// The latest moment given.
    pub fn latest(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// Nothing up to `stamp` will be given.
    pub fn at_least(&self, stamp: u64) {
        self.last.fetch_max(stamp, Ordering::AcqRel);
    }
}

/// Microseconds since 1970, as the machine has it.
pub(crate) fn unix_micros() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_moment_is_given_once_and_never_backwards() {
        let clock = Clock::default();
        let future = unix_micros() + 60_000_000;
        clock.at_least(future);
        let stamps: Vec<u64> = (0..1000).map(|_| clock.stamp()).collect();
        assert!(stamps.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(stamps[0] > future);
    }
}
