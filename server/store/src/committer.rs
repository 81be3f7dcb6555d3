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

use crate::apply::apply;
use crate::batch::{Batch, Expectation, Kind, Op, Ops};
use crate::engine::Change;
use crate::error::StoreError;
use crate::journal::Journal;
use crate::log::spill;
use crate::marker::{self, Marker, State};
use crate::queue::Errand;
use crate::settings::Durability;
use crate::shared::Shared;
use crate::sums;
use crate::ticket::Ticket;

/// Between the beginnings of two commits, unless a full drain waits. Half of it while little comes.
pub(crate) const PACE: Duration = Duration::from_millis(4);

/// Batches in a commit from which many more will come: their writers gain more from sharing commits than from early ones.
const MANY: usize = 64;

/// Without anything new for so long, everything moves into the engine and memory is given back.
const IDLE: Duration = Duration::from_secs(5);

/// With relaxed durability, what is written is on the disk after so long.
const RELAXED: Duration = Duration::from_millis(100);

/// Bytes of the disk that are left to others: the engine must never meet a full disk half-way.
pub(crate) const RESERVE: u64 = 32 * 1024 * 1024;

/// After the engine did not take what it should, it is asked again after so long.
const RETRY: Duration = Duration::from_secs(1);

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
    /// Owners whose tail is full, once for each chunk that it will make. What is not moved for a failing engine waits for the checkpoint.
    full: Vec<Bytes>,
    /// The engine does not take what the tails hold; it is asked again then.
    retry: Option<Instant>,
    /// The last group was not written.
    failing: bool,
}

/// What a store on the disk has beside its engine.
pub(crate) struct Disk {
    pub journal: Journal,
    pub folder: PathBuf,
    pub marker: Marker,
    /// Bytes of the disk below which batches are refused.
    pub reserve: u64,
}

/// Batches that become one record.
struct Group {
    tickets: Vec<Ticket>,
    record: Vec<u8>,
}

impl Committer {
    pub fn new(shared: Arc<Shared>, disk: Option<Disk>, durability: Durability, pace: Duration) -> Committer {
        Committer {
            shared,
            disk,
            durability,
            pace,
            synced: Instant::now(),
            full: Vec::new(),
            retry: None,
            failing: false,
        }
    }

    /// Until the queue is closed and empty; then, if all is in the engine, gives back what is needed to say so.
    pub fn run(mut self) -> Option<Disk> {
        let mut next = Instant::now();
        loop {
            let drained = self.shared.queue.drain(next, self.patience());
            let pace = if drained.batches.len() < MANY { self.pace / 2 } else { self.pace };
            next = Instant::now() + pace;
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
        if let Some(disk) = &mut self.disk
            && disk.journal.is_unsynced()
            && self.synced.elapsed() >= RELAXED
        {
            self.synced = Instant::now();
            if let Err(why) = disk.journal.sync() {
                tracing::error!("the journal cannot be synced: {why}");
            }
        }
        if self.retry.is_some_and(|retry| Instant::now() < retry) {
            return;
        }
        let journal = self.disk.as_ref().map(|disk| &disk.journal);
        let due = journal.is_some_and(|it| it.is_filling() || quiet && !it.is_empty() && !it.is_unsynced());
        let moved = match due {
            true => self.guarded(Committer::checkpoint),
            false if self.full.len() < spill::FULL_TAILS => Ok(()),
            false => self.guarded(|it| {
                let mut full = std::mem::take(&mut it.full);
                full.sort_unstable();
                full.dedup();
                let (engine, tails) = (it.shared.engine()?, &it.shared.tails);
                spill::spill(&*engine, tails, full.iter().map(|owner| &owner[..]))
            }),
        };
        if let Err(why) = moved {
            self.retry = Some(Instant::now() + RETRY);
            tracing::error!("the engine does not take what the journal holds, nothing is lost yet: {why}");
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
        let written = self.guarded(|it| it.commit_record(record));
        if written.is_err() != self.failing {
            self.failing = !self.failing;
            match &written {
                Err(why) => tracing::error!("the store does not take what is written, from now on: {why}"),
                Ok(()) => tracing::info!("the store takes what is written again"),
            }
        }
        if let Err(why) = written {
            for ticket in tickets {
                self.shared.ledger.fail(ticket, why.clone());
            }
        }
    }

    fn commit_record(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        if let Some(disk) = &self.disk {
            disk.has_room(disk.reserve)?;
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
            disk.has_room(disk.reserve / 4)?;
        }
        let owners = tails.owners();
        spill::spill(&*engine, tails, owners.iter().map(|owner| &owner[..]))?;
        tails.shrink();
        self.full.clear();
        if let Some(disk) = &mut self.disk {
            disk.journal.sync().map_err(StoreError::engine)?;
            marker::note(&*engine, disk.journal.sequence(), clock.latest())?;
            engine.sync()?;
            disk.journal.restart();
        }
        self.retry = None;
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

    fn touches(&self, expects: &[Expectation]) -> bool {
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;
    use crate::archive::{Archive, Draft, Flags};
    use crate::engine::{Engine, Memory, Pair, Span};
    use crate::key::key;
    use crate::store::Store;
    use crate::tables::{PRIVATE, ROOMS, TableId};

    /// An engine that fails (1) or panics (2) when told to.
    struct Moody {
        memory: Memory,
        mood: Arc<AtomicU8>,
    }

    impl Engine for Moody {
        fn get(&self, table: TableId, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
            self.memory.get(table, key)
        }

        fn scan(&self, table: TableId, span: &Span<'_>) -> Result<Vec<Pair>, StoreError> {
            self.memory.scan(table, span)
        }

        fn commit(&self, changes: &[Change<'_>]) -> Result<(), StoreError> {
            match self.mood.load(Ordering::SeqCst) {
                1 => Err(StoreError::engine("no space left on device")),
                2 => panic!("an engine that panics"),
                _ => self.memory.commit(changes),
            }
        }

        fn sync(&self) -> Result<(), StoreError> {
            self.memory.sync()
        }
    }

    fn moody() -> (Moody, Arc<AtomicU8>) {
        let mood = Arc::new(AtomicU8::new(0));
        (Moody { memory: Memory::default(), mood: mood.clone() }, mood)
    }

    fn put(name: &str) -> Batch {
        let mut batch = Batch::new();
        batch.put(ROOMS, &key(&[name]), b"value");
        batch
    }

    #[tokio::test]
    async fn a_batch_that_the_engine_refuses_fails_and_the_next_is_written() {
        for trouble in [1, 2] {
            let (engine, mood) = moody();
            let store = Store::over(Box::new(engine));
            store.commit(put("before")).await.unwrap();
            mood.store(trouble, Ordering::SeqCst);
            let ticket = store.enqueue(put("during"));
            assert!(matches!(store.settled(ticket).await, Err(StoreError::Engine(_))));
            mood.store(0, Ordering::SeqCst);
            store.commit(put("after")).await.unwrap();
            assert!(
                matches!(store.settled(ticket).await, Err(StoreError::Engine(_))),
                "it was said to have failed"
            );
            assert_eq!(store.get(ROOMS, &key(&["during"])), Ok(None));
            assert!(store.get(ROOMS, &key(&["after"])).unwrap().is_some());
        }
    }

    #[tokio::test]
    async fn a_message_acknowledged_while_the_engine_fails_is_kept_and_moves_into_it_later() {
        let (engine, mood) = moody();
        let store = Store::over(Box::new(engine));
        let archive = Archive::new(&store);
        mood.store(1, Ordering::SeqCst);
        for _ in 0..50 {
            let mut batch = Batch::new();
            archive.append(
                &mut batch,
                "a@b",
                &Draft { with: "c@d", flags: Flags::NONE, stanza: &[b'x'; 1000] },
            );
            store.commit(batch).await.unwrap();
        }
        assert_eq!(archive.count("a@b").await, Ok(50));
        assert!(store.checkpoint().await.is_err());
        mood.store(0, Ordering::SeqCst);
        store.checkpoint().await.unwrap();
        assert_eq!(archive.count("a@b").await, Ok(50));
        assert!(!store.scan_prefix(crate::tables::ARCHIVE, b"").unwrap().is_empty());
    }

    #[tokio::test]
    async fn expectations_see_what_was_handed_in_before_and_fail_alone() {
        let store = Store::memory();
        let taking = |name: &str, from: Option<&[u8]>, to: &[u8]| {
            let mut batch = Batch::new();
            batch.require(PRIVATE, &key(&[name]), from);
            batch.put(PRIVATE, &key(&[name]), to);
            store.enqueue(batch)
        };
        let tickets = [
            taking("a", None, b"1"),
            taking("a", None, b"2"),
            taking("a", Some(b"1"), b"3"),
            taking("b", None, b"1"),
            store.enqueue(put("x")),
            taking("a", Some(b"3"), b"4"),
        ];
        let mut ends = Vec::new();
        for ticket in tickets {
            ends.push(store.settled(ticket).await.is_ok());
        }
        assert_eq!(ends, [true, false, true, true, true, true]);
        assert_eq!(store.get(PRIVATE, &key(&["a"])).unwrap().as_deref(), Some(&b"4"[..]));
    }

    #[tokio::test]
    async fn what_failed_on_the_disk_does_not_come_back_from_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let marker = Marker { format: 1, engine: "sled".into(), state: State::New };
        let journal = Journal::create(&path, 0).unwrap();
        let disk = Disk { journal, folder: folder.path().to_owned(), marker, reserve: 0 };
        let (engine, mood) = moody();
        let store = Store::on_disk(Box::new(engine), disk);
        store.commit(put("before")).await.unwrap();
        mood.store(1, Ordering::SeqCst);
        assert!(store.commit(put("during")).await.is_err());
        mood.store(0, Ordering::SeqCst);
        store.commit(put("after")).await.unwrap();
        let (_, records) = Journal::open(&path, 0).unwrap();
        let names: Vec<Bytes> = records
            .into_iter()
            .flat_map(|record| Ops::new(record.payload))
            .map(|op| op.unwrap().key)
            .collect();
        assert_eq!(names, [key(&["before"]), key(&["after"])]);
    }

    #[tokio::test]
    async fn a_disk_without_room_refuses_batches_before_anything_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let marker = Marker { format: 1, engine: "sled".into(), state: State::New };
        let journal = Journal::create(&folder.path().join("journal"), 0).unwrap();
        let disk = Disk { journal, folder: folder.path().to_owned(), marker, reserve: u64::MAX };
        let store = Store::on_disk(Box::new(Memory::default()), disk);
        assert_eq!(store.commit(put("one")).await, Err(StoreError::Full));
        assert_eq!(store.commit(put("two")).await, Err(StoreError::Full));
        assert_eq!(store.get(ROOMS, &key(&["one"])), Ok(None));
    }

    #[tokio::test]
    async fn readers_pause_while_the_queue_is_over_its_limit_and_go_on_after() {
        let store = Store::memory();
        let limit = crate::Settings::default().queue_limit;
        let mut full = false;
        for n in 0..40 * limit {
            store.enqueue(put(&(n % 7).to_string()));
            if !store.has_room() {
                full = true;
                break;
            }
        }
        assert!(full, "the committer kept up with a tight loop");
        store.room().await;
        assert!(store.has_room());
    }
}
