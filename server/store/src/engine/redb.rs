//! The engine on redb 4: one table, the number of ours in front of each key.
//!
//! Commits are left to the operating system until `sync`, which is one durable commit. Expectations and changes are one
//! transaction.

use std::path::Path;

use bytes::Bytes;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::{Change, Engine, Pair, Span, prefixed, prefixed_bounds};
use crate::error::StoreError;
use crate::tables::TableId;

const ROWS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rialto");

type Guard<'a> = redb::AccessGuard<'a, &'static [u8]>;

pub(crate) struct Redb {
    db: Database,
}

impl Redb {
    /// Makes a new file.
    pub fn create(file: &Path, cache_bytes: u64) -> Result<Redb, StoreError> {
        let db = builder(cache_bytes).create(file).map_err(failed)?;
        let redb = Redb { db };
        redb.write(Durability::Immediate, |_| Ok(()))?;
        Ok(redb)
    }

    /// Opens a file. `verify` reads all of it and checks every sum.
    pub fn open(file: &Path, cache_bytes: u64, verify: bool) -> Result<Redb, StoreError> {
        let db = builder(cache_bytes).set_check_integrity_on_open(verify).open(file).map_err(failed)?;
        Ok(Redb { db })
    }

    fn write(
        &self,
        durability: Durability,
        change: impl FnOnce(&mut redb::Table<'_, &'static [u8], &'static [u8]>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut transaction: WriteTransaction = self.db.begin_write().map_err(failed)?;
        transaction.set_durability(durability).map_err(failed)?;
        let changed = change(&mut transaction.open_table(ROWS).map_err(failed)?);
        match changed {
            Ok(()) => transaction.commit().map_err(failed),
            Err(why) => {
                transaction.abort().map_err(failed)?;
                Err(why)
            }
        }
    }
}

impl Engine for Redb {
    fn get(&self, table: TableId, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let rows = self.db.begin_read().map_err(failed)?.open_table(ROWS).map_err(failed)?;
        let found = rows.get(&prefixed(table, key)[..]).map_err(failed)?;
        Ok(found.map(|value| Bytes::copy_from_slice(value.value())))
    }

    fn scan(&self, table: TableId, span: &Span<'_>) -> Result<Vec<Pair>, StoreError> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let (start, end) = prefixed_bounds(table, span);
        let rows = self.db.begin_read().map_err(failed)?.open_table(ROWS).map_err(failed)?;
        let bounds = (start.as_ref().map(|key| &key[..]), end.as_ref().map(|key| &key[..]));
        let range = rows.range::<&[u8]>(bounds).map_err(failed)?;
        let pair = |row: Result<(Guard<'_>, Guard<'_>), redb::StorageError>| {
            let (key, value) = row.map_err(failed)?;
            let key = key.value().get(1..).unwrap_or_default();
            Ok((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value.value())))
        };
        match span.reverse {
            false => range.take(span.limit).map(pair).collect(),
            true => range.rev().take(span.limit).map(pair).collect(),
        }
    }

    fn commit(&self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.write(Durability::None, |rows| {
            for change in changes {
                if let Change::Expect { table, key, value } = *change {
                    let found = rows.get(&prefixed(table, key)[..]).map_err(failed)?;
                    if found.as_ref().map(redb::AccessGuard::value) != value {
                        return Err(StoreError::Conflict);
                    }
                }
            }
            for change in changes {
                match *change {
                    Change::Put { table, key, value } => {
                        rows.insert(&prefixed(table, key)[..], value).map_err(failed)?;
                    }
                    Change::Delete { table, key } => {
                        rows.remove(&prefixed(table, key)[..]).map_err(failed)?;
                    }
                    Change::Expect { .. } => {}
                }
            }
            Ok(())
        })
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.write(Durability::Immediate, |_| Ok(()))
    }
}

fn builder(cache_bytes: u64) -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(usize::try_from(cache_bytes).unwrap_or(usize::MAX));
    builder
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Corrupted(why) => StoreError::corrupt("redb", why),
        other => StoreError::engine(other),
    }
}
