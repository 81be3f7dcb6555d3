//! The engine in memory: for tests, and the plainest reading of the contract.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use parking_lot::RwLock;

use super::{Change, Engine, Pair, Span};
use crate::error::StoreError;
use crate::tables::TableId;

/// An ordered map behind a lock.
#[derive(Default)]
pub(crate) struct Memory {
    tables: RwLock<BTreeMap<TableId, BTreeMap<Bytes, Bytes>>>,
}

impl Engine for Memory {
    fn get(&self, table: TableId, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.tables.read().get(&table).and_then(|rows| rows.get(key)).cloned())
    }

    fn scan(&self, table: TableId, span: &Span<'_>) -> Result<Vec<Pair>, StoreError> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let tables = self.tables.read();
        let Some(rows) = tables.get(&table) else { return Ok(Vec::new()) };
        let range = rows.range::<[u8], (Bound<&[u8]>, Bound<&[u8]>)>((span.start, span.end));
        let pair = |(key, value): (&Bytes, &Bytes)| (key.clone(), value.clone());
        Ok(match span.reverse {
            false => range.take(span.limit).map(pair).collect(),
            true => range.rev().take(span.limit).map(pair).collect(),
        })
    }

    fn commit(&self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let mut tables = self.tables.write();
        for change in changes {
            if let Change::Expect { table, key, value } = change {
                let found = tables.get(table).and_then(|rows| rows.get(*key));
                if found.map(|found| &found[..]) != *value {
                    return Err(StoreError::Conflict);
                }
            }
        }
        for change in changes {
            match *change {
                Change::Put { table, key, value } => {
                    let rows = tables.entry(table).or_default();
                    rows.insert(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
                }
                Change::Delete { table, key } => {
                    if let Some(rows) = tables.get_mut(&table) {
                        rows.remove(key);
                    }
                }
                Change::Expect { .. } => {}
            }
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
