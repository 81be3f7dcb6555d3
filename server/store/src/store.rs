//! The store: one cheap handle to read with, and to hand batches to the committer.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::apply::apply;
use crate::batch::Batch;
use crate::committer::{Committer, Disk, PACE};
use crate::engine::{self, Engine, Memory, Pair, Span};
use crate::error::{OpenError, StoreError};
use crate::open::{self, Opened};
use crate::queue::Errand;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::tables::TableId;
use crate::ticket::Ticket;

/// A handle to what the server keeps. Clones are the same store; the last one to go writes what waits and stops.
#[derive(Clone)]
pub struct Store(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<Option<Disk>>>>,
}

impl Store {
    /// Opens the store, or makes one where there is none. Blocks; call it before the server starts, or off its threads.
    pub fn open(settings: &Settings) -> Result<Store, OpenError> {
        let opened = open::open(settings)?;
        Store::start(opened, settings, PACE).map_err(|why| OpenError::damaged(&settings.path, why))
    }

    /// A store in memory, for tests.
    pub fn memory() -> Store {
        Store::over(Box::new(Memory::default()))
    }

    /// A store over an engine, without a disk.
    pub(crate) fn over(engine: Box<dyn Engine>) -> Store {
        let opened = Opened { engine, disk: None, records: Vec::new(), clock: 0, lock: None };
        let store = Store::start(opened, &Settings::default(), Duration::ZERO);
        store.unwrap_or_else(|why| panic!("{why}")) // holds: only records to be applied can fail, and there are none
    }

    /// A store over an engine and a disk, for tests of what goes wrong between them.
    #[cfg(test)]
    pub(crate) fn on_disk(engine: Box<dyn Engine>, disk: Disk) -> Store {
        let opened = Opened { engine, disk: Some(disk), records: Vec::new(), clock: 0, lock: None };
        Store::start(opened, &Settings::default(), Duration::ZERO).unwrap()
    }

    fn start(opened: Opened, settings: &Settings, pace: Duration) -> Result<Store, StoreError> {
        let Opened { engine, disk, records, clock, lock } = opened;
        let shared = Arc::new(Shared::new(engine, settings.queue_limit, lock));
        shared.clock.at_least(clock);
        for record in records {
            // Tails that get full here are spilled by the next checkpoint.
            apply(&shared, record.payload, &mut Vec::new())?;
        }
        let committer = Committer::new(shared.clone(), disk, settings.durability, pace);
        let thread = std::thread::Builder::new().name("store".into()).spawn(move || committer.run());
        let thread = thread.map_err(StoreError::engine)?;
        Ok(Store(Arc::new(Handle { shared, thread: Mutex::new(Some(thread)) })))
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
        self.0.shared.engine()?.get(table, key)
    }

    /// Keys and values in order. In place.
    pub fn scan(&self, table: TableId, span: &Span<'_>) -> Result<Vec<Pair>, StoreError> {
        self.0.shared.engine()?.scan(table, span)
    }

    /// All pairs whose key begins with `prefix`.
    pub fn scan_prefix(&self, table: TableId, prefix: &[u8]) -> Result<Vec<Pair>, StoreError> {
        engine::scan_prefix(&*self.0.shared.engine()?, table, prefix)
    }

    /// Microseconds since 1970, never given before, also not before a restart.
    pub fn stamp(&self) -> u64 {
        self.0.shared.clock.stamp()
    }

    /// For the typed stores.
    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
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

impl Handle {
    fn stop(&self) {
        self.shared.queue.close();
        let Some(thread) = self.thread.lock().take() else { return };
        // A panic of the committer was already answered to those who waited.
        let disk = thread.join().ok().flatten();
        self.shared.ledger.close();
        self.shared.release();
        if let Some(disk) = disk
            && let Err(why) = disk.seal()
        {
            tracing::error!(
                "the store could not be marked as closed, the next start will look closer: {why}"
            );
        }
        self.shared.unlock();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}
