//! The committer: the one thread that writes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::batch::{Batch, Kind, Op, Ops};
use crate::engine::Change;
use crate::error::StoreError;
use crate::log::spill;
use crate::queue::{Drained, Errand};
use crate::store::Shared;

/// Between the beginnings of two commits, unless a full drain waits.
pub(crate) const PACE: Duration = Duration::from_millis(2);

/// The thread's own state.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    pace: Duration,
}

impl Committer {
    pub fn new(shared: Arc<Shared>, pace: Duration) -> Committer {
        Committer { shared, pace }
    }

    /// Until the queue is closed and empty.
    pub fn run(self) {
        let mut begun = Instant::now();
        loop {
            let Drained { batches, errands, upto, closed } = self.shared.queue.drain(begun + self.pace, None);
            begun = Instant::now();
            for (ticket, batch) in batches {
                if let Err(why) = self.write(batch) {
                    self.shared.ledger.fail(ticket, why);
                }
            }
            self.shared.ledger.settle(upto);
            for errand in errands {
                let Errand::Checkpoint(answer) = errand;
                let _ = answer.send(self.shared.engine.sync());
            }
            if closed {
                return;
            }
        }
    }

    /// One batch, all of it.
    fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let Shared { engine, .. } = &*self.shared;
        let expects = batch.expects.iter();
        let expects: Vec<_> = expects
            .map(|(table, key, value)| Change::Expect { table: *table, key, value: value.as_deref() })
            .collect();
        engine.commit(&expects)?;
        apply(&self.shared, batch.ops.into())
    }
}

/// Carries out operations: on tables in the engine, on logs in the tails.
pub(crate) fn apply(shared: &Shared, ops: Bytes) -> Result<(), StoreError> {
    let Shared { engine, tails, .. } = shared;
    let ops: Vec<Op> = Ops::new(ops).collect::<Result<_, _>>().map_err(StoreError::engine)?;
    let mut changes = Vec::new();
    for op in &ops {
        match op.kind {
            Kind::Put => changes.push(Change::Put { table: op.table, key: &op.key, value: &op.value }),
            Kind::Delete => changes.push(Change::Delete { table: op.table, key: &op.key }),
            Kind::DeletePrefix => {
                engine.commit(&std::mem::take(&mut changes))?;
                spill::remove_prefix(&**engine, op.table, &op.key)?;
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
                if spill::is_full(tails.set(&op.key, id, entry)) {
                    spill::spill(&**engine, tails, &op.key)?;
                }
            }
            Kind::Purge => spill::purge(&**engine, tails, &op.key, id)?,
            Kind::Put | Kind::Delete | Kind::DeletePrefix => {}
        }
    }
    Ok(())
}
