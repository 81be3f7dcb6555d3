//! The queue in front of the committer.
//!
//! Bounded: over its limit the readers of sockets wait (`has_room`, `room`); over eight times the limit, or 64 MiB,
//! batches are refused with `Overloaded`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use crate::batch::Batch;
use crate::error::StoreError;
use crate::ticket::{Ledger, Ticket};

/// Batches taken at once.
pub(crate) const DRAIN: usize = 1024;

/// Bytes that may wait, whatever the number of batches.
const SOFT_BYTES: usize = 8 * 1024 * 1024;

/// What waits for the committer.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    latest: AtomicU64,
    full: AtomicBool,
    room: Notify,
    limit: usize,
}

#[derive(Default)]
struct Waiting {
    batches: Vec<(Ticket, Batch)>,
    bytes: usize,
    /// Requests that are not batches.
    errands: Vec<Errand>,
    /// How full the queue has to be before the committer is woken.
    wake_at: usize,
    closed: bool,
}

/// Something the committer does beside writing batches.
pub(crate) enum Errand {
    /// Everything into the engine, synced; then answer.
    Checkpoint(tokio::sync::oneshot::Sender<Result<(), StoreError>>),
}

/// What the committer found.
pub(crate) struct Drained {
    pub batches: Vec<(Ticket, Batch)>,
    pub errands: Vec<Errand>,
    /// Everything up to here is in `batches`, was drained before, or was refused.
    pub upto: Ticket,
    /// Nothing more will come.
    pub closed: bool,
}

impl Queue {
    /// An empty queue.
    pub fn new(limit: usize) -> Queue {
        Queue {
            waiting: Mutex::new(Waiting { wake_at: 1, ..Waiting::default() }),
            filled: Condvar::new(),
            latest: AtomicU64::new(0),
            full: AtomicBool::new(false),
            room: Notify::new(),
            limit: limit.max(1),
        }
    }

    /// Takes a batch in and gives its number. Never waits.
    pub fn push(&self, batch: Batch, ledger: &Ledger) -> Ticket {
        let bytes = batch.ops.len();
        let mut waiting = self.waiting.lock();
        let ticket = Ticket(self.latest.load(Ordering::Relaxed) + 1);
        self.latest.store(ticket.0, Ordering::Release);
        if waiting.closed {
            return ticket;
        }
        if waiting.batches.len() >= 8 * self.limit || waiting.bytes + bytes > 8 * SOFT_BYTES {
            ledger.fail(ticket, StoreError::Overloaded);
            return ticket;
        }
        waiting.batches.push((ticket, batch));
        waiting.bytes += bytes;
        if waiting.batches.len() >= self.limit || waiting.bytes >= SOFT_BYTES {
            self.full.store(true, Ordering::Release);
        }
        if waiting.batches.len() == waiting.wake_at {
            drop(waiting);
            self.filled.notify_one();
        }
        ticket
    }

    /// Asks the committer for something else. `false`: it is gone.
    pub fn send(&self, errand: Errand) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return false;
        }
        waiting.errands.push(errand);
        drop(waiting);
        self.filled.notify_one();
        true
    }

    /// No more batches; what waits is still written.
    pub fn close(&self) {
        self.waiting.lock().closed = true;
        self.filled.notify_one();
    }

    /// The number of the latest batch.
    pub fn latest(&self) -> Ticket {
        Ticket(self.latest.load(Ordering::Acquire))
    }

    /// Whether readers may go on.
    pub fn has_room(&self) -> bool {
        !self.full.load(Ordering::Acquire)
    }

    /// Waits until readers may go on.
    pub async fn wait_for_room(&self) {
        while !self.has_room() {
            let freed = self.room.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if self.has_room() {
                return;
            }
            freed.await;
        }
    }

    /// Waits until `until` for a full drain, from then on for anything, at most `idle` long; then takes what is there.
    pub fn drain(&self, until: Instant, idle: Option<Duration>) -> Drained {
        let mut waiting = self.waiting.lock();
        waiting.wake_at = DRAIN;
        while waiting.batches.len() < DRAIN && !waiting.is_urgent() {
            if self.filled.wait_until(&mut waiting, until).timed_out() {
                break;
            }
        }
        waiting.wake_at = 1;
        let idle_until = idle.map(|idle| Instant::now() + idle);
        while waiting.batches.is_empty() && !waiting.is_urgent() {
            match idle_until {
                None => self.filled.wait(&mut waiting),
                Some(idle_until) if self.filled.wait_until(&mut waiting, idle_until).timed_out() => break,
                Some(_) => {}
            }
        }
        self.take(&mut waiting)
    }

    fn take(&self, waiting: &mut Waiting) -> Drained {
        // An errand comes after everything that was handed in before it.
        let (batches, errands) = match waiting.batches.len() <= DRAIN {
            true => (std::mem::take(&mut waiting.batches), std::mem::take(&mut waiting.errands)),
            false => (waiting.batches.drain(..DRAIN).collect(), Vec::new()),
        };
        waiting.bytes -= batches.iter().map(|(_, batch)| batch.ops.len()).sum::<usize>();
        let upto = waiting.batches.first().map_or(self.latest(), |(ticket, _)| Ticket(ticket.0 - 1));
        if waiting.batches.len() < self.limit && waiting.bytes < SOFT_BYTES && !self.has_room() {
            self.full.store(false, Ordering::Release);
            self.room.notify_waiters();
        }
        let closed = waiting.closed && waiting.batches.is_empty();
        Drained { batches, errands, upto, closed }
    }
}

impl Waiting {
    fn is_urgent(&self) -> bool {
        self.closed || !self.errands.is_empty()
    }
}
