//! How fast we may speak: a token bucket, and pauses that the far side asks for. Order is kept by who waits.

use std::time::Duration;
use tokio::time::Instant;

/// A bucket of tokens: so many at once, then one in each period.
#[derive(Debug, Clone)]
pub struct Bucket {
    burst: u32,
    period: Duration,
    /// When the bucket would be full: each token taken moves it on by one period.
    full: Option<Instant>,
    held: Option<Instant>,
}

impl Bucket {
    /// So many at once (at least one), then one in each period.
    pub fn new(burst: u32, period: Duration) -> Self {
        Bucket { burst: burst.max(1), period, full: None, held: None }
    }

    /// Takes one token, or says when there will be one.
    pub fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let ready = self.ready(now);
        if ready > now {
            return Err(ready);
        }
        self.full = Some(self.full.map_or(now, |full| full.max(now)) + self.period);
        Ok(())
    }

    /// Takes so many tokens more, also those that are not there yet: who comes next waits for them.
    pub fn spend(&mut self, now: Instant, more: u32) {
        self.full = Some(self.full.map_or(now, |full| full.max(now)) + self.period.saturating_mul(more));
    }

    /// When the next token is there; now or earlier if it is.
    pub fn ready(&self, now: Instant) -> Instant {
        let depth = self.period * (self.burst - 1);
        let filled = self.full.and_then(|full| full.checked_sub(depth)).unwrap_or(now);
        self.held.map_or(filled, |held| filled.max(held))
    }

    /// Nothing before this: the far side said so.
    pub fn hold_until(&mut self, then: Instant) {
        self.held = Some(self.held.map_or(then, |held| held.max(then)));
    }

    /// How long so many more will take from now on.
    pub fn estimate(&self, now: Instant, waiting: usize) -> Duration {
        let more = u32::try_from(waiting).unwrap_or(u32::MAX);
        self.ready(now).saturating_duration_since(now) + self.period.saturating_mul(more)
    }

    /// Waits for a token and takes it. Dropped early, it takes none.
    pub async fn wait(&mut self) {
        while let Err(ready) = self.take(Instant::now()) {
            tokio::time::sleep_until(ready).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_then_one_in_each_period() {
        let mut bucket = Bucket::new(3, 2 * SECOND);
        let start = Instant::now();
        let mut times = Vec::new();
        for _ in 0..5 {
            bucket.wait().await;
            times.push(start.elapsed().as_secs());
        }
        assert_eq!(times, [0, 0, 0, 2, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_fills_the_bucket_but_never_over() {
        let mut bucket = Bucket::new(2, SECOND);
        for _ in 0..2 {
            bucket.wait().await;
        }
        tokio::time::sleep(100 * SECOND).await;
        let now = Instant::now();
        assert_eq!((bucket.take(now), bucket.take(now)), (Ok(()), Ok(())));
        assert_eq!(bucket.take(now), Err(now + SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_asked_for_is_kept_though_there_are_tokens() {
        let mut bucket = Bucket::new(5, SECOND);
        let now = Instant::now();
        bucket.hold_until(now + 7 * SECOND);
        bucket.hold_until(now + 3 * SECOND);
        assert_eq!(bucket.take(now), Err(now + 7 * SECOND));
        bucket.wait().await;
        assert_eq!(now.elapsed(), 7 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_can_be_told_how_long() {
        let mut bucket = Bucket::new(1, 2 * SECOND);
        let now = Instant::now();
        assert_eq!(bucket.estimate(now, 0), Duration::ZERO);
        bucket.wait().await;
        assert_eq!(bucket.estimate(now, 3), 8 * SECOND);
    }
}
