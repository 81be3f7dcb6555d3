//! XEP-0379 §6.1: nobody gets to try many tokens.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long what was wrong is remembered.
const WHILE: Duration = Duration::from_secs(3600);

/// Addresses and people that are remembered. Beyond, a stranger is treated like one who has guessed too often.
const REMEMBERED: usize = 10_000;

/// Who guessed, and how often.
pub struct Guesses {
    most: u32,
    all: Mutex<HashMap<String, (u32, Instant)>>,
}

impl Guesses {
    /// Everybody may be wrong so often within an hour.
    pub fn new(most: u32) -> Guesses {
        Guesses { most, all: Mutex::default() }
    }

    /// One more that was wrong.
    pub fn wrong(&self, who: &str) {
        let mut all = self.all.lock();
        if all.len() >= REMEMBERED {
            all.retain(|_, (_, since)| since.elapsed() < WHILE);
        }
        if all.len() >= REMEMBERED && !all.contains_key(who) {
            return;
        }
        let (count, since) = all.entry(who.to_owned()).or_insert((0, Instant::now()));
        if since.elapsed() >= WHILE {
            (*count, *since) = (0, Instant::now());
        }
        *count += 1;
    }

    /// Whether he must wait.
    pub fn too_many(&self, who: &str) -> bool {
        let all = self.all.lock();
        match all.get(who) {
            Some((count, since)) => *count >= self.most && since.elapsed() < WHILE,
            None => all.len() >= REMEMBERED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_guesses_waits_and_others_do_not() {
        let guesses = Guesses::new(10);
        for _ in 0..10 {
            assert!(!guesses.too_many("192.0.2.1"));
            guesses.wrong("192.0.2.1");
        }
        assert!(guesses.too_many("192.0.2.1"));
        assert!(!guesses.too_many("192.0.2.2"));
    }

    #[test]
    fn memory_is_bounded() {
        let guesses = Guesses::new(10);
        (0..REMEMBERED + 5).for_each(|n| guesses.wrong(&n.to_string()));
        assert_eq!(guesses.all.lock().len(), REMEMBERED);
        assert!(guesses.too_many("a stranger") && !guesses.too_many("1"));
    }
}
