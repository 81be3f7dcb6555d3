//! Tickets: who waits for which batch, and how it ended.
//!
//! Batches are numbered in the order in which they are enqueued and settle in that order, so one number says how far
//! everything has come. Failures are the exception and are remembered; should there be too many to remember one by one,
//! neighbouring ranges are joined, so that a batch may be called failed that was not, never the reverse.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::error::StoreError;

/// The place of a batch in the order of all batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticket(pub(crate) u64);

impl Ticket {
    /// The ticket of nothing: settled from the beginning.
    pub const NONE: Ticket = Ticket(0);
}

/// How far everything has come.
#[derive(Default)]
pub(crate) struct Ledger {
    settled: AtomicU64,
    closed: AtomicBool,
    any_failed: AtomicBool,
    failures: Mutex<VecDeque<Failed>>,
    bell: Notify,
}

/// A range of tickets that failed for one reason.
#[derive(Clone, Debug)]
struct Failed {
    first: u64,
    last: u64,
    why: StoreError,
}

/// Ranges of failures remembered one by one.
const REMEMBERED: usize = 4096;

impl Ledger {
    /// Notes that a batch failed. Must be called before the batch settles.
    pub fn fail(&self, ticket: Ticket, why: StoreError) {
        let mut failures = self.failures.lock();
        self.any_failed.store(true, Ordering::Release);
        match failures.back_mut() {
            Some(back) if back.last + 1 == ticket.0 && back.why == why => back.last = ticket.0,
            Some(back) if back.last < ticket.0 => failures.push_back(Failed::one(ticket.0, why)),
            None => failures.push_back(Failed::one(ticket.0, why)),
            // A batch refused at the door is noted before earlier ones that still wait.
            Some(_) => {
                let at = failures.partition_point(|failed| failed.first < ticket.0);
                failures.insert(at, Failed::one(ticket.0, why));
            }
        }
        if failures.len() > REMEMBERED
            && let Some(oldest) = failures.pop_front()
            && let Some(next) = failures.front_mut()
        {
            next.first = oldest.first;
        }
    }

    /// Everything up to and including `ticket` has ended, well or not.
    pub fn settle(&self, ticket: Ticket) {
        self.settled.fetch_max(ticket.0, Ordering::AcqRel);
        self.bell.notify_waiters();
    }

    /// Nothing more will settle.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.bell.notify_waiters();
    }

    /// How a batch ended, if it has.
    pub fn outcome(&self, ticket: Ticket) -> Option<Result<(), StoreError>> {
        self.outcome_of(ticket, ticket)
    }

    /// How a stretch of batches ended, if all have: the first failure in it. Conflicts of others do not count.
    pub fn outcome_of(&self, first: Ticket, last: Ticket) -> Option<Result<(), StoreError>> {
        let closed = self.closed.load(Ordering::Acquire);
        if self.settled.load(Ordering::Acquire) < last.0 {
            return closed.then_some(Err(StoreError::Closed));
        }
        if !self.any_failed.load(Ordering::Acquire) {
            return Some(Ok(()));
        }
        let failures = self.failures.lock();
        let from = failures.partition_point(|failed| failed.last < first.0);
        let mut within = failures.iter().skip(from).take_while(|failed| failed.first <= last.0);
        let failed = within.find(|failed| first == last || failed.why != StoreError::Conflict);
        Some(failed.map_or(Ok(()), |failed| Err(failed.why.clone())))
    }

    /// Waits until a stretch of batches has ended.
    pub async fn wait(&self, first: Ticket, last: Ticket) -> Result<(), StoreError> {
        loop {
            if let Some(outcome) = self.outcome_of(first, last) {
                return outcome;
            }
            let rung = self.bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            if let Some(outcome) = self.outcome_of(first, last) {
                return outcome;
            }
            rung.await;
        }
    }
}

impl Failed {
    fn one(ticket: u64, why: StoreError) -> Failed {
        Failed { first: ticket, last: ticket, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_to_its_own_ticket_only() {
        let ledger = Ledger::default();
        ledger.fail(Ticket(2), StoreError::Conflict);
        assert_eq!(ledger.outcome(Ticket(1)), None);
        ledger.settle(Ticket(3));
        assert_eq!(ledger.outcome(Ticket(1)), Some(Ok(())));
        assert_eq!(ledger.outcome(Ticket(2)), Some(Err(StoreError::Conflict)));
        assert_eq!(ledger.outcome(Ticket(3)), Some(Ok(())));
        assert_eq!(ledger.outcome(Ticket(4)), None);
    }

    #[test]
    fn a_stretch_fails_with_its_first_failure_but_not_with_a_strangers_conflict() {
        let ledger = Ledger::default();
        ledger.fail(Ticket(2), StoreError::Conflict);
        ledger.fail(Ticket(5), StoreError::Full);
        ledger.settle(Ticket(9));
        assert_eq!(ledger.outcome_of(Ticket(1), Ticket(4)), Some(Ok(())));
        assert_eq!(ledger.outcome_of(Ticket(1), Ticket(6)), Some(Err(StoreError::Full)));
    }

    #[test]
    fn failures_beyond_what_is_remembered_are_still_failures() {
        let ledger = Ledger::default();
        for ticket in (2..4 * REMEMBERED as u64).step_by(2) {
            ledger.fail(Ticket(ticket), StoreError::Conflict);
        }
        ledger.settle(Ticket(10 * REMEMBERED as u64));
        for ticket in (2..4 * REMEMBERED as u64).step_by(2) {
            assert_eq!(ledger.outcome(Ticket(ticket)), Some(Err(StoreError::Conflict)));
        }
    }

    #[test]
    fn a_refusal_at_the_door_finds_its_place_among_the_failures() {
        let ledger = Ledger::default();
        ledger.fail(Ticket(9), StoreError::Overloaded);
        ledger.fail(Ticket(3), StoreError::Full);
        ledger.settle(Ticket(9));
        assert_eq!(ledger.outcome(Ticket(3)), Some(Err(StoreError::Full)));
        assert_eq!(ledger.outcome(Ticket(9)), Some(Err(StoreError::Overloaded)));
        assert_eq!(ledger.outcome(Ticket(5)), Some(Ok(())));
    }

    #[test]
    fn what_had_not_settled_when_the_store_closed_failed() {
        let ledger = Ledger::default();
        ledger.settle(Ticket(1));
        ledger.close();
        assert_eq!(ledger.outcome(Ticket(1)), Some(Ok(())));
        assert_eq!(ledger.outcome(Ticket(2)), Some(Err(StoreError::Closed)));
    }
}
