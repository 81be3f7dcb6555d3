//! What the handles of a store and its committer share.

use std::collections::HashMap;
use std::fs::File;

use parking_lot::{MappedRwLockReadGuard, Mutex, RwLock, RwLockReadGuard};

use crate::archive::Id;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::log::tail::Tails;
use crate::queue::Queue;
use crate::ticket::Ledger;

/// The engine, as long as it is looked at.
pub(crate) type Access<'a> = MappedRwLockReadGuard<'a, dyn Engine>;

pub(crate) struct Shared {
    /// `None` once the store is closed.
    engine: RwLock<Option<Box<dyn Engine>>>,
    pub queue: Queue,
    pub ledger: Ledger,
    pub tails: Tails,
    pub clock: Clock,
    /// Makes the low halves of ids.
    seed: u64,
    /// Offline messages that wait, for accounts that were asked for.
    pending: Mutex<HashMap<String, usize>>,
    /// Keeps other processes out; let go of after the engine.
    lock: Mutex<Option<File>>,
}

/// Accounts whose count of offline messages is remembered. Beyond, all are counted anew.
const COUNTED: usize = 16 * 1024;

impl Shared {
    pub fn new(engine: Box<dyn Engine>, queue_limit: usize, lock: Option<File>) -> Shared {
        Shared {
            engine: RwLock::new(Some(engine)),
            queue: Queue::new(queue_limit),
            ledger: Ledger::default(),
            tails: Tails::default(),
            clock: Clock::default(),
            seed: getrandom::u64().unwrap_or_default(),
            pending: Mutex::default(),
            lock: Mutex::new(lock),
        }
    }

    /// The engine. May be asked for while it is being looked at: a read never waits for a close that waits for reads.
    pub fn engine(&self) -> Result<Access<'_>, StoreError> {
        let engine = self.engine.read_recursive();
        RwLockReadGuard::try_map(engine, |engine| engine.as_deref()).map_err(|_| StoreError::Closed)
    }

    /// Lets the engine go, once nobody looks at it.
    pub fn release(&self) {
        let engine = self.engine.write().take();
        drop(engine);
    }

    /// Lets other processes in.
    pub fn unlock(&self) {
        self.lock.lock().take();
    }

    /// An id later than all before.
    pub fn next_id(&self) -> Id {
        let stamp = self.clock.stamp();
        Id::new(stamp, scramble(stamp ^ self.seed))
    }

    /// How many offline messages wait for an account, if that was counted.
    pub fn pending(&self, account: &str) -> Option<usize> {
        self.pending.lock().get(account).copied()
    }

    pub fn set_pending(&self, account: &str, count: usize) {
        let mut pending = self.pending.lock();
        if pending.len() >= COUNTED {
            pending.clear();
        }
        pending.insert(account.to_owned(), count);
    }

    pub fn forget_pending(&self, account: &str) {
        self.pending.lock().remove(account);
    }
}

/// SplitMix64's finish: neighbouring numbers become unlike ones.
fn scramble(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
