//! The lane of a link: what must go out, in its order, in memory and on the disk alike.
//!
//! What lasts is written into the commit that archives it, and taken out in the commit that keeps its names there. Before
//! something leaves whose loss could not be told from its arrival, its *flight* is on the disk: mostly in one of those two
//! commits, so that an ordinary message costs none of its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rialto_bridges::Act;
use rialto_store::outbox::{Flight, Outbox};
use rialto_store::{Batch, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::relay::Relayed;
use crate::config::LinkOptions;

/// The form in which rows are written; those of a later one are left alone.
const VERSION: u8 = 1;

/// Bytes of words that wait for one far room: beyond that they go back to their authors, however few they are.
const BYTES: usize = 8 * 1024 * 1024;

/// Something that is true for a moment is not said where more than this waits before it.
const MOMENT: usize = 8;

/// How long the store is given until it is asked once more.
const AGAIN: Duration = Duration::from_secs(1);

/// A row of the outbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Waits {
    v: u8,
    /// The room, which has the archive and whoever must be told.
    pub room: String,
    /// What must go out.
    pub relayed: Arc<Relayed>,
}

/// What must go out over one link.
pub(super) struct Lane {
    key: String,
    room: String,
    most: usize,
    age: Duration,
    store: Store,
    outbox: Outbox<Waits>,
    inner: Mutex<Inner>,
    more: Notify,
    closing: AtomicBool,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Arc<Relayed>>,
    bytes: usize,
    /// As it is on the disk, or will be before what it is about is in the lane.
    flight: Option<Flight>,
    /// Nobody knows whether what is under way has arrived.
    doubt: bool,
    sending: bool,
}

impl Lane {
    /// The lane of a link, with what an earlier run has left in it.
    pub(super) fn open(store: &Store, key: &str, room: &str, options: &LinkOptions) -> Lane {
        let outbox: Outbox<Waits> = Outbox::new(store);
        let mut inner = Inner::default();
        match outbox.waiting(key).and_then(|rows| Ok((rows, outbox.flight(key)?))) {
            Ok((rows, flight)) => {
                let known = rows.into_iter().filter(|row| row.v <= VERSION && row.room == room);
                inner.waiting = known.map(|row| row.relayed).collect();
                inner.bytes = inner.waiting.iter().map(|relayed| relayed.weight()).sum();
                let first = inner.waiting.front().map(|relayed| &relayed.id);
                inner.doubt = flight.as_ref().is_some_and(|flight| flight.open && first == Some(&flight.id));
                inner.flight = flight;
            }
            Err(error) => {
                tracing::error!(link = key, %error, "what waits for a link cannot be read and stays where it is")
            }
        }
        if !inner.waiting.is_empty() {
            tracing::info!(
                link = key,
                waiting = inner.waiting.len(),
                "an earlier run has left words to be delivered"
            );
        }
        Lane {
            key: key.to_owned(),
            room: room.to_owned(),
            most: options.backlog.max(1),
            age: options.backlog_age,
            store: store.clone(),
            outbox,
            inner: Mutex::new(inner),
            more: Notify::new(),
            closing: AtomicBool::new(false),
        }
    }

    /// Into the batch that keeps the message itself. Where nothing else is under way it will leave at once, and that is
    /// written, too.
    pub(super) fn keep(&self, batch: &mut Batch, relayed: &Arc<Relayed>) -> Result<(), StoreError> {
        if !relayed.lasts() {
            return Ok(());
        }
        let row = Waits { v: VERSION, room: self.room.clone(), relayed: relayed.clone() };
        self.outbox.put(batch, &self.key, &relayed.id, &row)?;
        let mut inner = self.inner.lock();
        if inner.waiting.is_empty() && inner.flight.is_none() {
            let flight =
                Flight { id: relayed.id.clone(), at: micros(SystemTime::now()), done: 0, open: true };
            self.outbox.set_flight(batch, &self.key, &flight)?;
            inner.flight = Some(flight);
        }
        Ok(())
    }

    /// Into the queue; `false` where there is no place. What is true for a moment only is not said late.
    pub(super) fn push(&self, relayed: &Arc<Relayed>, up: bool) -> bool {
        let mut inner = self.inner.lock();
        if !relayed.lasts() {
            if up && inner.waiting.len() < MOMENT {
                inner.waiting.push_back(relayed.clone());
                self.more.notify_one();
            }
            return true;
        }
        let weight = relayed.weight();
        if inner.waiting.len() >= self.most || inner.bytes + weight > BYTES {
            drop(inner);
            let mut batch = Batch::new();
            self.outbox.remove(&mut batch, &self.key, &relayed.id);
            self.store.enqueue(batch);
            return false;
        }
        inner.bytes += weight;
        inner.waiting.push_back(relayed.clone());
        self.more.notify_one();
        true
    }

    /// What must go out next; it stays in the lane until `land`.
    pub(super) async fn next(&self) -> Arc<Relayed> {
        loop {
            if self.closing.load(Ordering::Relaxed) {
                return std::future::pending().await;
            }
            if let Some(first) = self.inner.lock().waiting.front() {
                return first.clone();
            }
            self.more.notified().await;
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.inner.lock().waiting.len()
    }

    /// Until when something may go out.
    pub(super) fn until(&self, relayed: &Relayed) -> SystemTime {
        relayed.at + self.age
    }

    /// Those at the front that have waited too long.
    pub(super) fn expired(&self, now: SystemTime) -> Vec<Arc<Relayed>> {
        let inner = self.inner.lock();
        inner.waiting.iter().take_while(|relayed| self.until(relayed) <= now).cloned().collect()
    }

    /// Everything that waits.
    pub(super) fn all(&self) -> Vec<Arc<Relayed>> {
        self.inner.lock().waiting.iter().cloned().collect()
    }

    /// How far this has got, and whether nobody knows what became of its next part.
    pub(super) fn flight(&self, id: &str) -> (Flight, bool) {
        let inner = self.inner.lock();
        let own = inner.flight.as_ref().filter(|flight| flight.id == id);
        match own {
            Some(flight) if inner.doubt || flight.done > 0 => (flight.clone(), inner.doubt),
            _ => (Flight { id: id.to_owned(), at: micros(SystemTime::now()), done: 0, open: false }, false),
        }
    }

    /// Nobody knows whether what has left has arrived; or somebody knows again.
    pub(super) fn doubts(&self, doubt: bool) {
        self.inner.lock().doubt = doubt;
    }

    /// It leaves now: nothing is sent before that is on the disk.
    pub(super) async fn takes_off(&self, flight: &mut Flight) {
        if self.closing.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        flight.open = true;
        let known = self
            .inner
            .lock()
            .flight
            .as_ref()
            .is_some_and(|kept| kept.open && kept.id == flight.id && kept.done == flight.done);
        if !known {
            self.put_flight(Batch::new(), Some(flight.clone())).await;
        }
        self.inner.lock().sending = true;
    }

    /// A part has arrived; what keeps its names is written with that.
    pub(super) async fn gets_on(&self, names: Batch, flight: &mut Flight) {
        flight.done += 1;
        flight.open = !self.closing.load(Ordering::Relaxed);
        self.put_flight(names, Some(flight.clone())).await;
        if !flight.open {
            self.inner.lock().sending = false;
        }
    }

    /// It has certainly not left, and will not for a moment, or for long: then that is written.
    pub(super) fn waits(&self, id: &str, long: bool) {
        let mut batch = Batch::new();
        let mut inner = self.inner.lock();
        inner.sending = false;
        if inner.doubt || !long {
            return;
        }
        let Some(flight) = inner.flight.as_mut().filter(|flight| flight.id == id && flight.open) else {
            return;
        };
        flight.open = false;
        if self.outbox.set_flight(&mut batch, &self.key, flight).is_ok() {
            self.store.enqueue(batch);
        }
    }

    /// The first `count` are done with: delivered, or given back. In one commit with `names`, and with the flight of the
    /// next one if it leaves at once.
    pub(super) async fn land(&self, names: Batch, count: usize, goes_on: bool) {
        let mut batch = names;
        let next = {
            let inner = self.inner.lock();
            for relayed in inner.waiting.iter().take(count).filter(|relayed| relayed.lasts()) {
                self.outbox.remove(&mut batch, &self.key, &relayed.id);
            }
            inner.waiting.get(count).filter(|next| goes_on && next.lasts()).map(|next| Flight {
                id: next.id.clone(),
                at: micros(SystemTime::now()),
                done: 0,
                open: true,
            })
        };
        self.put_flight(batch, next).await;
        let mut inner = self.inner.lock();
        (inner.sending, inner.doubt) = (false, false);
        let gone: usize = inner.waiting.drain(..count).map(|relayed| relayed.weight()).sum();
        inner.bytes = inner.bytes.saturating_sub(gone);
    }

    /// The first one was true for a moment only, and is gone.
    pub(super) fn forget_first(&self) {
        self.inner.lock().waiting.pop_front();
    }

    /// Nothing leaves any more; waits, not for long, until what has left is known to have arrived.
    pub(super) async fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        for _ in 0..300 {
            if !self.inner.lock().sending {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Writes, however long the store takes: without it nothing may go on.
    async fn put_flight(&self, mut batch: Batch, flight: Option<Flight>) {
        match &flight {
            Some(flight) => {
                if let Err(error) = self.outbox.set_flight(&mut batch, &self.key, flight) {
                    tracing::error!(link = self.key, %error, "how far a message has got cannot be written");
                }
            }
            None => self.outbox.end_flight(&mut batch, &self.key),
        }
        loop {
            match self.store.commit(batch.clone()).await {
                Ok(()) => break,
                Err(StoreError::Closed) => return std::future::pending().await,
                Err(error) => tracing::warn!(link = self.key, %error, "a link waits for the store"),
            }
            tokio::time::sleep(AGAIN).await;
        }
        self.inner.lock().flight = flight;
    }
}

impl Relayed {
    /// Whether it is worth keeping: what is true for a moment only is not.
    pub(super) fn lasts(&self) -> bool {
        !matches!(self.event.act, Act::Typing(_) | Act::Displayed { .. })
    }

    /// About how many bytes it takes.
    fn weight(&self) -> usize {
        match &self.event.act {
            Act::Say(said) | Act::Edit { now: said, .. } => 256 + said.text.plain().len(),
            _ => 256,
        }
    }
}

/// Microseconds since 1970.
pub(super) fn micros(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
