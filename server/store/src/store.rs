//! The store: one cheap handle to read with, and to hand batches to the committer.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::archive::Id;
use crate::batch::Batch;
use crate::clock::Clock;
use crate::committer::{Committer, PACE};
use crate::engine::{self, Engine, Memory, Pair, Span};
use crate::error::{OpenError, StoreError};
use crate::log::tail::Tails;
use crate::queue::{Errand, Queue};
use crate::settings::{Durability, Settings};
use crate::tables::TableId;
use crate::ticket::{Ledger, Ticket};

/// A handle to what the server keeps. Clones are the same store; the last one to go writes what waits and stops.
#[derive(Clone)]
pub struct Store(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the handle and the committer share.
pub(crate) struct Shared {
    pub engine: Box<dyn Engine>,
    pub queue: Queue,
    pub ledger: Ledger,
    pub tails: Tails,
    pub clock: Clock,
    /// Makes the low halves of ids.
    seed: u64,
    /// Offline messages that wait, for accounts that were asked for.
    pending: Mutex<HashMap<String, usize>>,
}

/// Accounts whose count of offline messages is remembered. Beyond, all are counted anew.
const COUNTED: usize = 16 * 1024;

impl Store {
    /// Opens the store, or makes one where there is none. Blocks; call it before the server starts, or off its threads.
    pub fn open(settings: &Settings) -> Result<Store, OpenError> {
        Ok(Store::with_engine(Box::new(Memory::default()), settings, PACE))
    }

    /// A store in memory, for tests.
    pub fn memory() -> Store {
        let settings = Settings { durability: Durability::Relaxed, ..Settings::default() };
        Store::with_engine(Box::new(Memory::default()), &settings, Duration::ZERO)
    }

    pub(crate) fn with_engine(engine: Box<dyn Engine>, settings: &Settings, pace: Duration) -> Store {
        let shared = Arc::new(Shared {
            engine,
            queue: Queue::new(settings.queue_limit),
            ledger: Ledger::default(),
            tails: Tails::default(),
            clock: Clock::default(),
            seed: getrandom::u64().unwrap_or_default(),
            pending: Mutex::default(),
        });
        let committer = Committer::new(shared.clone(), pace);
        let thread = std::thread::Builder::new().name("store".into()).spawn(move || committer.run());
        Store(Arc::new(Handle { shared, thread: Mutex::new(thread.ok()) }))
    }

    /// Hands a batch to the committer. Never waits: whether and when it is durable, the ticket tells. An empty batch
    /// gets `Ticket::NONE`.
    pub fn enqueue(&self, batch: Batch) -> Ticket {
        if batch.is_empty() {
            return Ticket::NONE;
        }
        let Shared { queue, ledger, .. } = &*self.0.shared;
        queue.push(batch, ledger)
    }

    /// Ready when the batch is durable and visible to reads, or has failed. One atomic load when it already is.
    pub fn settled(&self, ticket: Ticket) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let shared = self.0.shared.clone();
        async move { shared.ledger.wait(ticket, ticket).await }
    }

    /// Ready when all batches from `first` to `last` have ended: the first failure among them, but for conflicts, which
    /// are between a batch and whoever waits for it. For a stream that acknowledges many at once.
    pub fn settled_through(
        &self,
        first: Ticket,
        last: Ticket,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let shared = self.0.shared.clone();
        async move { shared.ledger.wait(first, last).await }
    }

    /// How a batch ended, if it has.
    pub fn outcome(&self, ticket: Ticket) -> Option<Result<(), StoreError>> {
        self.0.shared.ledger.outcome(ticket)
    }

    /// Writes a batch and waits for it.
    pub async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let ticket = self.enqueue(batch);
        self.0.shared.ledger.wait(ticket, ticket).await
    }

    /// The ticket of the latest batch handed in by anybody: once it has settled, so has everything before.
    pub fn latest(&self) -> Ticket {
        self.0.shared.queue.latest()
    }

    /// Waits until everything handed in so far is visible to reads, however it ended.
    pub async fn caught_up(&self) {
        let latest = self.latest();
        // A failure belongs to whoever waits for that batch.
        let _ = self.0.shared.ledger.wait(latest, latest).await;
    }

    /// Whether the queue is below its limit. Who reads from clients asks before the next stanza.
    pub fn has_room(&self) -> bool {
        self.0.shared.queue.has_room()
    }

    /// Waits until the queue is below its limit.
    pub async fn room(&self) {
        self.0.shared.queue.wait_for_room().await;
    }

    /// A value as it is now. In place and quick: memory, or one read from the file.
    pub fn get(&self, table: TableId, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.0.shared.engine.get(table, key)
    }

    /// Keys and values in order. In place.
    pub fn scan(&self, table: TableId, span: &Span<'_>) -> Result<Vec<Pair>, StoreError> {
        self.0.shared.engine.scan(table, span)
    }

    /// All pairs whose key begins with `prefix`.
    pub fn scan_prefix(&self, table: TableId, prefix: &[u8]) -> Result<Vec<Pair>, StoreError> {
        engine::scan_prefix(&*self.0.shared.engine, table, prefix)
    }

    /// Microseconds since 1970, never given before, also not before a restart.
    pub fn stamp(&self) -> u64 {
        self.0.shared.clock.stamp()
    }

    pub(crate) fn next_id(&self) -> Id {
        let stamp = self.stamp();
        Id::new(stamp, scramble(stamp ^ self.0.shared.seed))
    }

    pub(crate) fn log(&self) -> (&dyn Engine, &Tails) {
        (&*self.0.shared.engine, &self.0.shared.tails)
    }

    pub(crate) fn pending(&self, account: &str) -> Option<usize> {
        self.0.shared.pending.lock().get(account).copied()
    }

    pub(crate) fn set_pending(&self, account: &str, count: usize) {
        let mut pending = self.0.shared.pending.lock();
        if pending.len() >= COUNTED {
            pending.clear();
        }
        pending.insert(account.to_owned(), count);
    }

    pub(crate) fn forget_pending(&self, account: &str) {
        self.0.shared.pending.lock().remove(account);
    }

    /// Everything into the engine's own files, on the disk. Not needed for durability; `close` does it.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        if !self.0.shared.queue.send(Errand::Checkpoint(answer)) {
            return Err(StoreError::Closed);
        }
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Writes what waits, puts everything in order for the next start, and stops. Later batches fail with `Closed`.
    pub async fn close(&self) {
        let handle = self.0.clone();
        // holds: joining blocks for as long as the last flush takes, so it has a thread of its own.
        let _ = tokio::task::spawn_blocking(move || handle.stop()).await;
    }
}

/// SplitMix64's finish: neighbouring numbers become unlike ones.
fn scramble(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

impl Handle {
    fn stop(&self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.lock().take() {
            // A panic of the committer was already answered to those who waited.
            let _ = thread.join();
        }
        self.shared.ledger.close();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}
