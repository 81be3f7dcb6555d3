//! What the operations of a batch do.

use bytes::Bytes;

use crate::batch::{Kind, Op, Ops};
use crate::engine::Change;
use crate::error::StoreError;
use crate::log::spill;
use crate::shared::Shared;

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
                let (before, bytes) = tails.set(&op.key, id, entry);
                if spill::has_filled(before, bytes) {
                    // A slice of the record's buffer would keep all of that in memory.
                    full.push(Bytes::copy_from_slice(&op.key));
                }
            }
            Kind::Purge => spill::purge(&*engine, tails, &op.key, id)?,
            Kind::Put | Kind::Delete | Kind::DeletePrefix => {}
        }
    }
    Ok(())
}
