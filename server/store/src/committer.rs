//! The committer: the one thread that writes.
//!
//! It drains the queue, writes the batches as one record of the journal, syncs it once, applies them, and completes
//! those who wait. What the tails of logs hold moves into the engine when a tail is full, and all of it at a checkpoint:
//! when the journal is filling, when nothing has come for a while, and on closing.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::batch::{Batch, Kind, Op, Ops};
use crate::engine::Change;
use crate::error::StoreError;
use crate::journal::Journal;
use crate::log::spill;
use crate::marker::{self, Marker, State};
use crate::queue::Errand;
use crate::settings::Durability;
use crate::shared::Shared;
use crate::sums;
use crate::tables::TableId;
use crate::ticket::Ticket;

/// Between the beginnings of two commits, unless a full drain waits.
pub(crate) const PACE: Duration = Duration::from_millis(2);

/// Without anything new for so long, everything moves into the engine and memory is given back.
const IDLE: Duration = Duration::from_secs(5);

/// With relaxed durability, what is written is on the disk after so long.
const RELAXED: Duration = Duration::from_millis(100);

/// Bytes of the disk below which batches are refused: the engine must never meet a full disk half-way.
const RESERVE: u64 = 32 * 1024 * 1024;

/// How long an engine may take to let go of its files.
const LINGER: Duration = Duration::from_secs(5);

/// The thread's own state.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    /// `None`: nothing outlives the process.
    disk: Option<Disk>,
    durability: Durability,
    pace: Duration,
    synced: Instant,
    /// Owners whose tail is full.
    full: Vec<Bytes>,
    /// The engine does not take what the tails hold; the next checkpoint tries again.
    stuck: bool,
}

/// What a store on the disk has beside its engine.
pub(crate) struct Disk {
    pub journal: Journal,
    pub folder: PathBuf,
    pub marker: Marker,
}

/// Batches that become one record.
struct Group {
    tickets: Vec<Ticket>,
    record: Vec<u8>,
}

impl Committer {
    pub fn new(shared: Arc<Shared>, disk: Option<Disk>, durability: Durability, pace: Duration) -> Committer {
        Committer { shared, disk, durability, pace, synced: Instant::now(), full: Vec::new(), stuck: false }
    }

    /// Until the queue is closed and empty; then, if all is in the engine, gives back what is needed to say so.
    pub fn run(mut self) -> Option<Disk> {
        let mut begun = Instant::now();
        loop {
            let drained = self.shared.queue.drain(begun + self.pace, self.patience());
            begun = Instant::now();
            let quiet = drained.batches.is_empty() && drained.errands.is_empty();
            self.write(drained.batches);
            self.shared.ledger.settle(drained.upto);
            self.tidy(quiet);
            for Errand::Checkpoint(answer) in drained.errands {
                // Whoever asked may have gone.
                let _ = answer.send(self.guarded(Committer::checkpoint));
            }
            if drained.closed {
                return self.finish();
            }
        }
    }

    /// How long the queue may stay empty before there is something else to do.
    fn patience(&self) -> Option<Duration> {
        let journal = &self.disk.as_ref()?.journal;
        if journal.is_unsynced() { Some(RELAXED) } else { (!journal.is_empty()).then_some(IDLE) }
    }

    /// What nobody waits for.
    fn tidy(&mut self, quiet: bool) {
        for owner in std::mem::take(&mut self.full) {
            let spilled = self.guarded(|it| spill::spill(&*it.shared.engine()?, &it.shared.tails, &owner));
            if let Err(why) = spilled {
                self.stuck = true;
                tracing::error!(
                    "the engine does not take an archive's newest entries, they stay in the journal: {why}"
                );
                break;
            }
        }
        let Some(disk) = &mut self.disk else { return };
        let unsynced = disk.journal.is_unsynced();
        if unsynced && self.synced.elapsed() >= RELAXED {
            self.synced = Instant::now();
            if let Err(why) = disk.journal.sync() {
                tracing::error!("the journal cannot be synced: {why}");
            }
        }
        if (quiet && !unsynced && !disk.journal.is_empty() || disk.journal.is_filling())
            && let Err(why) = self.guarded(Committer::checkpoint)
        {
            tracing::error!("no checkpoint: {why}");
        }
    }

    /// Batches in order, as few groups as expectations allow: an expectation is checked against what is applied, so
    /// nothing before it in its group may touch its key.
    fn write(&mut self, batches: Vec<(Ticket, Batch)>) {
        let mut group = Group::new();
        for (ticket, batch) in batches {
            if !batch.expects.is_empty() {
                if group.touches(&batch.expects) {
                    self.commit(std::mem::replace(&mut group, Group::new()));
                }
                if let Err(why) = self.guarded(|it| it.check(&batch)) {
                    self.shared.ledger.fail(ticket, why);
                    continue;
                }
            }
            group.tickets.push(ticket);
            group.record.extend_from_slice(&batch.ops);
        }
        self.commit(group);
    }

    fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        let expects = batch.expects.iter();
        let expects =
            expects.map(|(table, key, value)| Change::Expect { table: *table, key, value: value.as_deref() });
        self.shared.engine()?.commit(&expects.collect::<Vec<_>>())
    }

    fn commit(&mut self, group: Group) {
        let Group { tickets, record } = group;
        if tickets.is_empty() {
            return;
        }
        if let Err(why) = self.guarded(|it| it.commit_record(record)) {
            tracing::error!("{} batches were not written: {why}", tickets.len());
            for ticket in tickets {
                self.shared.ledger.fail(ticket, why.clone());
            }
        }
    }

    fn commit_record(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        if let Some(disk) = &self.disk {
            disk.has_room(RESERVE)?;
            if disk.journal.overflows(record.len()) {
                self.checkpoint()?;
            }
        }
        let Some(disk) = &mut self.disk else {
            let payload = Bytes::from(record).slice(Journal::room().len()..);
            return apply(&self.shared, payload, &mut self.full);
        };
        let payload = disk.journal.write(record, self.shared.clock.latest()).map_err(StoreError::engine)?;
        if self.durability == Durability::Commit {
            disk.journal.sync().map_err(StoreError::engine)?;
        }
        apply(&self.shared, payload, &mut self.full).inspect_err(|_| {
            if let Err(why) = disk.journal.undo() {
                tracing::error!("batches that failed could not be taken out of the journal: {why}");
            }
        })
    }

    /// Everything into the engine, synced; the journal begins anew.
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        let Shared { tails, clock, .. } = &*self.shared;
        let engine = self.shared.engine()?;
        if let Some(disk) = &self.disk {
            disk.has_room(RESERVE / 4)?;
        }
        for owner in tails.owners() {
            spill::spill(&*engine, tails, &owner)?;
        }
        tails.shrink();
        if let Some(disk) = &mut self.disk {
            disk.journal.sync().map_err(StoreError::engine)?;
            marker::note(&*engine, disk.journal.sequence(), clock.latest())?;
            engine.sync()?;
            disk.journal.restart();
        }
        self.stuck = false;
        Ok(())
    }

    fn finish(mut self) -> Option<Disk> {
        let put = self.guarded(Committer::checkpoint);
        put.inspect_err(|why| tracing::error!("no last checkpoint, the next start reads the journal: {why}"))
            .ok()?;
        self.disk
    }

    /// A panic of an engine is an error like any other: the thread lives on.
    fn guarded<T>(
        &mut self,
        act: impl FnOnce(&mut Committer) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        catch_unwind(AssertUnwindSafe(|| act(self)))
            .unwrap_or_else(|_| Err(StoreError::engine("the engine panicked")))
    }
}

impl Disk {
    fn has_room(&self, reserve: u64) -> Result<(), StoreError> {
        let found = rustix::fs::statvfs(&self.folder).map_err(StoreError::engine)?;
        if found.f_bavail.saturating_mul(found.f_frsize) < reserve { Err(StoreError::Full) } else { Ok(()) }
    }

    /// Says that the store was closed in order, and what its files were then. The engine must have been let go of.
    pub fn seal(self) -> io::Result<()> {
        let data = self.folder.join(&self.marker.engine);
        let let_go = !data.join("db").exists() || sums::is_let_go(&data.join("db"), LINGER);
        let sum = if let_go && sums::size(&data) <= sums::QUICK { Some(sums::sum(&data)?) } else { None };
        let state = State::Closed { sequence: self.journal.sequence(), sum };
        Marker { state, ..self.marker }.write(&self.folder)
    }
}

impl Group {
    fn new() -> Group {
        Group { tickets: Vec::new(), record: Journal::room() }
    }

    fn touches(&self, expects: &[(TableId, Vec<u8>, Option<Vec<u8>>)]) -> bool {
        let ops = self.record.get(Journal::room().len()..).unwrap_or_default();
        let touches = |op: &Op| {
            expects.iter().any(|(table, key, _)| match op.kind {
                Kind::DeletePrefix => op.table == *table && key.starts_with(&op.key),
                _ => op.table == *table && op.key == *key,
            })
        };
        Ops::new(Bytes::copy_from_slice(ops)).any(|op| op.is_ok_and(|op| touches(&op)))
    }
}

/// Carries out operations: on tables in the engine, on logs in the tails. Owners whose tail got full are added to `full`.
pub(crate) fn apply(shared: &Shared, ops: Bytes, full: &mut Vec<Bytes>) -> Result<(), StoreError> {
    let (engine, tails) = (shared.engine()?, &shared.tails);
    let ops: Vec<Op> = Ops::new(ops).collect::<Result<_, _>>().map_err(StoreError::engine)?;
    let mut changes = Vec::new();
    for op in &ops {
        match op.kind {
            Kind::Put => changes.push(Change::Put { table: op.table, key: &op.key, value: &op.value }),
            Kind::Delete => changes.push(Change::Delete { table: op.table, key: &op.key }),
            Kind::DeletePrefix => {
                engine.commit(&std::mem::take(&mut changes))?;
                spill::remove_prefix(&*engine, op.table, &op.key)?;
            }
            Kind::Append | Kind::Erase | Kind::Purge => {}
        }
    }
    if !changes.is_empty() {
        engine.commit(&changes)?;
    }
    for op in &ops {
        let Some((id, entry)) = op.entry() else { continue };
        match op.kind {
            Kind::Append | Kind::Erase => {
                let entry = (op.kind == Kind::Append).then_some(entry);
                if spill::is_full(tails.set(&op.key, id, entry)) && full.last() != Some(&op.key) {
                    full.push(op.key.clone());
                }
            }
            Kind::Purge => spill::purge(&*engine, tails, &op.key, id)?,
            Kind::Put | Kind::Delete | Kind::DeletePrefix => {}
        }
    }
    Ok(())
}
