//! IRCv3 sts: a server that has said by TLS that we must speak TLS is never spoken to without it, also by the next run.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The name of the mark that keeps the policy.
pub const MARK: &str = "sts";

/// The longest that a policy may last: who wants more says so again.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// A policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Where TLS is spoken.
    pub port: u16,
    /// For how long, from each time that it is said and from each end of a connection.
    pub lasts: Duration,
    /// Until when it holds.
    pub until: SystemTime,
}

impl Policy {
    /// As a server says it now; `None` where it ends it.
    pub fn new(port: u16, seconds: u64) -> Option<Policy> {
        let lasts = Duration::from_secs(seconds).min(LONGEST);
        (seconds > 0).then(|| Policy { port, lasts, until: SystemTime::now() + lasts })
    }

    /// Does it hold still?
    pub fn holds(&self) -> bool {
        self.until > SystemTime::now()
    }

    /// It holds as long as it was said, from now on.
    pub fn again(&mut self) {
        self.until = SystemTime::now() + self.lasts;
    }

    /// What is kept.
    pub fn mark(&self) -> String {
        let until = self.until.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        format!("{} {} {until}", self.port, self.lasts.as_secs())
    }

    /// What was kept.
    pub fn from_mark(mark: &str) -> Option<Policy> {
        let mut words = mark.split(' ');
        let port = words.next()?.parse().ok()?;
        let lasts = Duration::from_secs(words.next()?.parse().ok()?).min(LONGEST);
        let until = UNIX_EPOCH.checked_add(Duration::from_secs(words.next()?.parse().ok()?))?;
        Some(Policy { port, lasts, until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_kept_ends_and_is_bounded() {
        let policy = Policy::new(6697, 60).unwrap();
        let kept = Policy::from_mark(&policy.mark()).unwrap();
        assert!(kept.holds() && kept.port == 6697 && kept.lasts.as_secs() == 60);
        assert_eq!(Policy::new(6697, 0), None);
        assert!(Policy::new(1, u64::MAX).unwrap().lasts == LONGEST);
        assert!(!Policy::from_mark("6697 60 1700000000").unwrap().holds());
        for odd in ["", "x", "1 2", "99999 1 1", "1 1 99999999999999999999"] {
            assert_eq!(Policy::from_mark(odd), None, "{odd}");
        }
        let mut over = Policy::from_mark("6697 60 1700000000").unwrap();
        over.again();
        assert!(over.holds());
    }
}
