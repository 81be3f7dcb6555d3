//! The committer: the one thread that writes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::batch::{Batch, Kind, Ops};
use crate::engine::{Change, after_prefix};
use crate::error::StoreError;
use crate::queue::{Drained, Errand};
use crate::store::Shared;
use crate::ticket::Ticket;

/// Between the beginnings of two commits, unless a full drain waits.
const PACE: Duration = Duration::from_millis(2);

/// The thread's own state.
pub(crate) struct Committer {
    shared: Arc<Shared>,
}

impl Committer {
    pub fn new(shared: Arc<Shared>) -> Committer {
        Committer { shared }
    }

    /// Until the queue is closed and empty.
    pub fn run(self) {
        let mut begun = Instant::now();
        loop {
            let Drained { batches, errands, upto, closed } = self.shared.queue.drain(begun + PACE, None);
            begun = Instant::now();
            for (ticket, batch) in batches {
                if let Err(why) = self.write(ticket, &batch) {
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

    fn write(&self, _ticket: Ticket, batch: &Batch) -> Result<(), StoreError> {
        let ops: Vec<_> =
            Ops::new(batch.ops.clone().into()).collect::<Result<_, _>>().map_err(StoreError::engine)?;
        let expects = batch.expects.iter().map(|(table, key, value)| Change::Expect {
            table: *table,
            key,
            value: value.as_deref(),
        });
        let mut changes: Vec<Change<'_>> = expects.collect();
        let mut doomed = Vec::new();
        for op in &ops {
            if op.kind == Kind::DeletePrefix {
                let end = after_prefix(&op.key);
                let _ = end;
                for (key, _) in crate::engine::scan_prefix(&*self.shared.engine, op.table, &op.key)? {
                    doomed.push((op.table, key));
                }
            }
        }
        for op in &ops {
            match op.kind {
                Kind::Put => changes.push(Change::Put { table: op.table, key: &op.key, value: &op.value }),
                Kind::Delete => changes.push(Change::Delete { table: op.table, key: &op.key }),
                _ => {}
            }
        }
        changes.extend(doomed.iter().map(|(table, key)| Change::Delete { table: *table, key }));
        self.shared.engine.commit(&changes)
    }
}
