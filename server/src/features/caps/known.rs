//! XEP-0115 §5.4, §6.1: what the capabilities of clients mean, remembered where it was proved.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::features::pubsub::Interests;

/// Verification strings that were proved, and what they mean. Overflow: those that were not asked for since the last
/// time are forgotten, and if that is none, all.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<Box<str>, Meaning>>);

struct Meaning {
    interests: Arc<Interests>,
    used: AtomicBool,
}

/// Strings remembered. There are some thousand versions of clients in the world.
const MOST: usize = 4_096;

impl Known {
    /// What a string means.
    pub fn find(&self, ver: &str) -> Option<Arc<Interests>> {
        let known = self.0.lock();
        let meaning = known.get(ver)?;
        meaning.used.store(true, Ordering::Relaxed);
        Some(meaning.interests.clone())
    }

    /// Remembers what a string was proved to mean.
    pub fn learn(&self, ver: &str, interests: &Arc<Interests>) {
        let mut known = self.0.lock();
        if known.len() >= MOST {
            known.retain(|_, meaning| meaning.used.swap(false, Ordering::Relaxed));
        }
        if known.len() >= MOST {
            known.clear();
        }
        let meaning = Meaning { interests: interests.clone(), used: AtomicBool::new(true) };
        known.insert(ver.into(), meaning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_strings_there_are_no_more_are_remembered() {
        let known = Known::default();
        let interests = Arc::new(Interests::default());
        for number in 0..3 * MOST {
            known.learn(&number.to_string(), &interests);
        }
        assert!(known.0.lock().len() <= MOST);
        assert!(known.find(&(3 * MOST - 1).to_string()).is_some() && known.find("no").is_none());
    }
}
