//! The engine on sled 0.34: one tree, the table's number in front of each key, so that a batch over several tables is
//! one batch of sled's.
//!
//! `flush()` of this sled is `sync_file_range`: it survives a killed process, not a power cut. So `sync` adds an
//! `fdatasync` of its data file. A leaf of its tree holds 16 values and is rewritten whole; beyond a quarter of a segment
//! it goes to a file of its own, which sled does not sync either: we do, and values that can be are kept small
//! (`roomy_value`).

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Change, Engine, Pair, Span, prefixed, prefixed_bounds};
use crate::error::StoreError;
use crate::tables::TableId;

/// How long a lock of an earlier opening in this process may linger: sled lets go of it in the background.
const LINGER: Duration = Duration::from_secs(5);

/// Bytes of a segment; buffers are of this size.
const SEGMENT: usize = 512 * 1024;

pub(crate) struct Sled {
    db: sled::Db,
    file: File,
    blobs: PathBuf,
    /// Files of leaves that are on the disk.
    synced: Mutex<HashSet<OsString>>,
}

impl Sled {
    /// Opens what is in the folder, or makes it.
    pub fn open(folder: &Path, cache_bytes: u64) -> Result<Sled, StoreError> {
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::LowSpace)
            .segment_size(SEGMENT)
            .flush_every_ms(Some(5000));
        let begun = Instant::now();
        let db = loop {
            match config.clone().open() {
                Err(sled::Error::Io(error))
                    if error.to_string().contains("acquire lock") && begun.elapsed() < LINGER =>
                {
                    std::thread::sleep(Duration::from_millis(5));
                }
                other => break other.map_err(failed)?,
            }
        };
        let file = File::open(folder.join("db")).map_err(StoreError::engine)?;
        Ok(Sled { db, file, blobs: folder.join("blobs"), synced: Mutex::default() })
    }

    fn sync_blobs(&self) -> io::Result<()> {
        let mut there = HashSet::new();
        let mut synced = self.synced.lock();
        let mut any = false;
        for blob in fs::read_dir(&self.blobs)? {
            let blob = blob?;
            if !synced.contains(&blob.file_name()) {
                match File::open(blob.path()) {
                    Ok(file) => file.sync_all()?,
                    // Its leaf was written anew meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
                any = true;
            }
            there.insert(blob.file_name());
        }
        if any {
            File::open(&self.blobs)?.sync_all()?;
        }
        *synced = there;
        Ok(())
    }
}

impl Engine for Sled {
    fn get(&self, table: TableId, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let found = self.db.get(prefixed(table, key)).map_err(failed)?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, table: TableId, span: &Span<'_>) -> Result<Vec<Pair>, StoreError> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let (start, end) = prefixed_bounds(table, span);
        let range = self.db.range((start, end));
        let pair = |row: sled::Result<(sled::IVec, sled::IVec)>| {
            let (key, value) = row.map_err(failed)?;
            let key = key.get(1..).unwrap_or_default();
            Ok((Bytes::copy_from_slice(key), Bytes::copy_from_slice(&value)))
        };
        match span.reverse {
            false => range.take(span.limit).map(pair).collect(),
            true => range.rev().take(span.limit).map(pair).collect(),
        }
    }

    fn commit(&self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        let mut any = false;
        for change in changes {
            match *change {
                Change::Put { table, key, value } => batch.insert(prefixed(table, key), value),
                Change::Delete { table, key } => batch.remove(prefixed(table, key)),
                Change::Expect { table, key, value } => {
                    let found = self.db.get(prefixed(table, key)).map_err(failed)?;
                    if found.as_deref() != value {
                        return Err(StoreError::Conflict);
                    }
                    continue;
                }
            }
            any = true;
        }
        if any { self.db.apply_batch(batch).map_err(failed) } else { Ok(()) }
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(failed)?;
        self.sync_blobs().map_err(StoreError::engine)?;
        self.file.sync_data().map_err(StoreError::engine)
    }

    fn roomy_value(&self) -> usize {
        7 * 1024
    }
}

fn failed(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { at, .. } => {
            StoreError::corrupt("sled", format_args!("checksum mismatch in its file at {at:?}"))
        }
        other => StoreError::engine(other),
    }
}
