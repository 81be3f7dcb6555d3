//! The journal: what was acknowledged and is not yet in the engine's own files.
//!
//! One file of fixed size, written from front to back, synced once for each group of batches, and begun anew when the
//! engine has everything (a *checkpoint*). A record is `mark (4) · length (4) · sequence (8) · clock (8) · durable (8) ·
//! sum (4) · payload`, little-endian, at a multiple of 64 bytes. Sequence numbers never repeat, so that what is left
//! of an earlier round is told from what counts.
//!
//! A record that cannot be read ends the journal: it was being written when the machine stopped, and nobody was told of
//! it. Unless a later record says that it had been on the disk already (`durable`): then the file is damaged.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;

const MARK: [u8; 4] = *b"RJ01";
const HEAD: usize = 36;
const ALIGN: usize = 64;

/// Bytes of the file.
pub(crate) const SIZE: usize = 16 * 1024 * 1024;

/// The open journal.
pub(crate) struct Journal {
    file: File,
    tip: usize,
    /// The number of the last record.
    sequence: u64,
    /// All records up to this one are on the disk.
    durable: u64,
    /// Where and as what the last record was written, to take it back.
    last: (usize, u64),
    /// A sync failed: what is on the disk is not known any more.
    broken: bool,
    /// The file was shorter than it was made.
    cut: bool,
}

/// One record, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub sequence: u64,
    /// The clock of the store when it was written.
    pub clock: u64,
    pub payload: Bytes,
    durable: u64,
    next: usize,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("record {0} of its journal is damaged, though it was safely on the disk")]
    Damaged(u64),
    #[error(
        "its journal begins at record {found}, but the data end at record {known}: data written before are missing"
    )]
    Gap { found: u64, known: u64 },
}

impl Journal {
    /// Makes an empty one, whose first record will be the one after `sequence`.
    pub fn create(path: &Path, sequence: u64) -> io::Result<Journal> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        let zeros = vec![0; 256 * 1024];
        for at in (0..SIZE).step_by(zeros.len()) {
            file.write_all_at(&zeros, at as u64)?;
        }
        file.sync_all()?;
        Ok(Journal {
            file,
            tip: 0,
            sequence,
            durable: sequence,
            last: (0, sequence),
            broken: false,
            cut: false,
        })
    }

    /// Opens one, and gives the records after `sequence`, which is the last that the engine has.
    pub fn open(path: &Path, sequence: u64) -> Result<(Journal, Vec<Record>), JournalError> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let bytes = Bytes::from(std::fs::read(path)?);
        let (records, tip) = chain(&bytes);
        let last = records.last().map_or(sequence, |record| record.sequence.max(sequence));
        if let Some(lost) = records_after(&bytes, tip, last) {
            return Err(JournalError::Damaged(lost));
        }
        if let Some(first) = records.first()
            && first.sequence > sequence + 1
        {
            return Err(JournalError::Gap { found: first.sequence, known: sequence });
        }
        let stale = records.last().is_none_or(|record| record.sequence <= sequence);
        let tip = if stale { 0 } else { tip };
        let new = records.into_iter().filter(|record| record.sequence > sequence).collect();
        let cut = bytes.len() < SIZE;
        Ok((Journal { file, tip, sequence: last, durable: last, last: (tip, last), broken: false, cut }, new))
    }

    /// Whether the file was shorter than it was made when it was opened: it never shrinks by itself.
    pub fn was_cut(&self) -> bool {
        self.cut
    }

    /// The number of the last record.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Whether nothing was written since the journal was begun anew.
    pub fn is_empty(&self) -> bool {
        self.tip == 0
    }

    /// Whether a checkpoint should come soon.
    pub fn is_filling(&self) -> bool {
        self.tip > SIZE / 4 * 3
    }

    /// Whether a record with such a payload goes beyond the end of the file.
    pub fn overflows(&self, payload: usize) -> bool {
        self.tip > 0 && self.tip + HEAD + payload > SIZE
    }

    /// Whether there are records that a power cut would take.
    pub fn is_unsynced(&self) -> bool {
        self.durable < self.sequence && !self.broken
    }

    /// Writes a record. `record` begins with `Journal::room()` and then has the payload; it comes back as the payload.
    pub fn write(&mut self, mut record: Vec<u8>, clock: u64) -> io::Result<Bytes> {
        if self.broken {
            return Err(io::Error::other(
                "the disk failed to sync the journal: look at the disk, then restart",
            ));
        }
        let sequence = self.sequence + 1;
        let head = head(&record, sequence, clock, self.durable);
        if let Some(room) = record.get_mut(..HEAD) {
            room.copy_from_slice(&head);
        }
        self.file.write_all_at(&record, self.tip as u64)?;
        self.last = (self.tip, self.sequence);
        self.tip = (self.tip + record.len()).next_multiple_of(ALIGN);
        self.sequence = sequence;
        Ok(Bytes::from(record).slice(HEAD..))
    }

    /// Returns when all records are on the disk.
    pub fn sync(&mut self) -> io::Result<()> {
        self.usable()?;
        if self.is_unsynced() {
            self.file.sync_data().inspect_err(|_| self.broken = true)?;
            self.durable = self.sequence;
        }
        Ok(())
    }

    /// Takes the last record back: its batches failed, and must not come back after a restart.
    pub fn undo(&mut self) -> io::Result<()> {
        let (tip, sequence) = self.last;
        self.file.write_all_at(&[0; HEAD], tip as u64)?;
        (self.tip, self.sequence) = (tip, sequence);
        self.durable = self.durable.min(sequence);
        self.file.sync_data()
    }

    /// After a failed sync the kernel may have dropped what it could not write, and a second sync would succeed.
    fn usable(&self) -> io::Result<()> {
        match self.broken {
            true => {
                Err(io::Error::other("the disk failed to sync the journal: look at the disk, then restart"))
            }
            false => Ok(()),
        }
    }

    /// Begins anew: the engine has everything.
    pub fn restart(&mut self) {
        self.tip = 0;
        self.last = (0, self.sequence);
    }

    /// What a record begins with, to be filled in when it is written.
    pub fn room() -> Vec<u8> {
        vec![0; HEAD]
    }
}

fn head(record: &[u8], sequence: u64, clock: u64, durable: u64) -> [u8; HEAD] {
    let payload = record.get(HEAD..).unwrap_or_default();
    let length = payload.len() as u32;
    let fields =
        [&length.to_le_bytes()[..], &sequence.to_le_bytes(), &clock.to_le_bytes(), &durable.to_le_bytes()];
    let mut head = [0; HEAD];
    for (to, from) in head.iter_mut().zip([&MARK[..]].into_iter().chain(fields).flatten()) {
        *to = *from;
    }
    let sum = sum(&head, payload).to_le_bytes();
    for (to, from) in head.iter_mut().skip(HEAD - 4).zip(sum) {
        *to = from;
    }
    head
}

fn sum(head: &[u8], payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(head.get(..HEAD - 4).unwrap_or_default());
    sum.update(payload);
    sum.finalize()
}

/// The record at a place, if a whole one is there.
fn record_at(bytes: &Bytes, at: usize) -> Option<Record> {
    let head = bytes.get(at..at + HEAD)?;
    let number = |from: usize| Some(u64::from_le_bytes(head.get(from..from + 8)?.try_into().ok()?));
    if head.get(..4)? != MARK {
        return None;
    }
    let length = u32::from_le_bytes(head.get(4..8)?.try_into().ok()?) as usize;
    let end = at + HEAD + length;
    let payload = bytes.get(at + HEAD..end)?;
    if head.get(HEAD - 4..)? != sum(head, payload).to_le_bytes() {
        return None;
    }
    let (sequence, clock, durable) = (number(8)?, number(16)?, number(24)?);
    let payload = bytes.slice(at + HEAD..end);
    Some(Record { sequence, clock, durable, payload, next: end.next_multiple_of(ALIGN) })
}

/// The records from the front that follow one another, and where they end.
fn chain(bytes: &Bytes) -> (Vec<Record>, usize) {
    let (mut records, mut at) = (Vec::<Record>::new(), 0);
    while let Some(record) = record_at(bytes, at) {
        if records.last().is_some_and(|last| last.sequence + 1 != record.sequence) {
            break;
        }
        at = record.next;
        records.push(record);
    }
    (records, at)
}

/// A record after `last` that had been on the disk, according to one that lies behind `tip`.
fn records_after(bytes: &Bytes, tip: usize, last: u64) -> Option<u64> {
    let behind = (tip..bytes.len()).step_by(ALIGN).filter_map(|at| record_at(bytes, at));
    let lost = behind.filter(|record| record.sequence > last && record.durable > last);
    lost.map(|_| last + 1).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(journal: &mut Journal, payload: &[u8]) {
        journal.write([&Journal::room()[..], payload].concat(), 5).unwrap();
        journal.sync().unwrap();
    }

    fn payloads(path: &Path, sequence: u64) -> Vec<Bytes> {
        Journal::open(path, sequence).unwrap().1.into_iter().map(|record| record.payload).collect()
    }

    /// A journal with records 11, 12 and 13, and where each begins.
    fn three(path: &Path) -> [usize; 3] {
        let mut journal = Journal::create(path, 10).unwrap();
        ["one", "two", "three"].map(|payload| {
            let tip = journal.tip;
            write(&mut journal, payload.repeat(40).as_bytes());
            tip
        })
    }

    fn flip(path: &Path, at: usize) {
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at as u64).unwrap();
        file.write_all_at(&[!byte[0]], at as u64).unwrap();
    }

    #[test]
    fn records_come_back_in_order_but_for_those_the_engine_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        three(&path);
        assert_eq!(payloads(&path, 10), ["one", "two", "three"].map(|payload| payload.repeat(40)));
        assert_eq!(payloads(&path, 12), ["three".repeat(40)]);
        assert_eq!(payloads(&path, 13).len(), 0);
    }

    #[test]
    fn after_a_checkpoint_old_records_do_not_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        three(&path);
        let (mut journal, _) = Journal::open(&path, 13).unwrap();
        assert!(journal.is_empty());
        write(&mut journal, b"four");
        assert_eq!(payloads(&path, 13), ["four"]);
    }

    #[test]
    fn a_record_that_was_being_written_is_forgotten_and_its_place_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let [_, _, last] = three(&path);
        flip(&path, last + HEAD + 3);
        let (mut journal, records) = Journal::open(&path, 10).unwrap();
        assert_eq!(records.len(), 2);
        write(&mut journal, b"again");
        assert_eq!(payloads(&path, 12), ["again"]);
    }

    #[test]
    fn a_record_that_was_on_the_disk_and_is_damaged_is_an_error() {
        for record in 0..2 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("journal");
            let begins = three(&path);
            flip(&path, begins[record] + HEAD);
            assert!(matches!(Journal::open(&path, 10), Err(JournalError::Damaged(_))), "record {record}");
        }
    }

    #[test]
    fn an_engine_that_has_lost_what_the_journal_no_longer_holds_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        three(&path);
        assert!(matches!(Journal::open(&path, 9), Err(JournalError::Gap { found: 11, known: 9 })));
    }

    #[test]
    fn a_record_taken_back_does_not_return() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        three(&path);
        let (mut journal, _) = Journal::open(&path, 10).unwrap();
        write(&mut journal, b"failed");
        journal.undo().unwrap();
        assert_eq!(payloads(&path, 12), ["three".repeat(40)]);
        write(&mut journal, b"next");
        assert_eq!(payloads(&path, 13), ["next"]);
    }
}
