//! XEP-0377: what people report of others, numbered, until an operator has seen to it.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::engine::Span;
use crate::error::StoreError;
use crate::key;
use crate::store::Store;
use crate::table::Table;
use crate::tables;
use crate::ticket::Ticket;

const REPORTS: Table<Report> = Table::new(tables::REPORTS);

/// Reports kept at most. Overflow: the oldest is removed.
pub const MOST: u64 = 2000;

/// One report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Seconds since 1970.
    pub at: u64,
    /// Whose report it is: a bare JID.
    pub reporter: String,
    /// The address that was reported, and blocked.
    pub reported: String,
    /// Why: `spam`, `abuse`, or a reason that is not of XEP-0377.
    pub reason: String,
    /// In the reporter's words.
    pub text: String,
    /// Messages that it is about: who gave the id, and the id.
    pub ids: Vec<(String, String)>,
    /// Those of them that the reporter's own archive holds, as XML.
    pub messages: Vec<String>,
    /// May be told to the server of whom it is about.
    pub report_origin: bool,
    /// May be told to others who fight spam.
    pub third_party: bool,
}

/// All reports.
#[derive(Clone)]
pub struct Reports {
    store: Store,
    /// The newest number given.
    last: Arc<Mutex<u64>>,
}

impl Reports {
    /// Those of a store. Only one of them may add.
    pub fn new(store: &Store) -> Reports {
        Reports { store: store.clone(), last: Arc::default() }
    }

    /// Keeps one more; gives its number.
    pub fn add(&self, report: &Report) -> Result<(u64, Ticket), StoreError> {
        let mut last = self.last.lock();
        let kept = |span: Span<'_>| -> Result<Option<u64>, StoreError> {
            let rows = self.store.scan(tables::REPORTS, &span.limit(1))?;
            Ok(rows.first().and_then(|(key, _)| number(key)))
        };
        let number = kept(Span::all().reverse())?.unwrap_or(0).max(*last) + 1;
        let mut batch = Batch::new();
        if let Some(oldest) = kept(Span::all())?
            && number - oldest >= MOST
        {
            REPORTS.delete(&mut batch, &[&name(oldest)]);
        }
        REPORTS.put(&mut batch, &[&name(number)], report)?;
        *last = number;
        Ok((number, self.store.enqueue(batch)))
    }

    /// All of them, oldest first.
    pub fn list(&self) -> Result<Vec<(u64, Report)>, StoreError> {
        let rows = REPORTS.list(&self.store, &[])?;
        let numbered = |(key, report): (Vec<String>, Report)| Some((key.first()?.parse().ok()?, report));
        Ok(rows.into_iter().filter_map(numbered).collect())
    }

    /// One of them.
    pub fn get(&self, number: u64) -> Result<Option<Report>, StoreError> {
        REPORTS.get(&self.store, &[&name(number)])
    }

    /// Forgets one; says whether it was there.
    pub async fn remove(&self, number: u64) -> Result<bool, StoreError> {
        if self.get(number)?.is_none() {
            return Ok(false);
        }
        let mut batch = Batch::new();
        REPORTS.delete(&mut batch, &[&name(number)]);
        self.store.commit(batch).await?;
        Ok(true)
    }
}

/// A number as a key: in the order of numbers.
fn name(number: u64) -> String {
    format!("{number:020}")
}

fn number(stored: &[u8]) -> Option<u64> {
    key::parts(stored)?.first()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reported: &str) -> Report {
        Report { reporter: "juliet@localhost".into(), reported: reported.into(), ..Report::default() }
    }

    #[tokio::test]
    async fn reports_are_numbered_also_after_a_restart_and_a_removed_number_is_not_given_again() {
        let store = Store::memory();
        let reports = Reports::new(&store);
        let (one, _) = reports.add(&of("tybalt@localhost")).unwrap();
        let (two, ticket) = reports.add(&of("paris@localhost")).unwrap();
        store.settled(ticket).await.unwrap();
        assert_eq!((one, two), (1, 2));
        assert!(reports.remove(1).await.unwrap() && !reports.remove(1).await.unwrap());
        let again = Reports::new(&store);
        let (three, ticket) = again.add(&of("nurse@localhost")).unwrap();
        store.settled(ticket).await.unwrap();
        assert_eq!(three, 3);
        let numbers: Vec<u64> = again.list().unwrap().into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [2, 3]);
        assert_eq!(again.get(2).unwrap().unwrap().reported, "paris@localhost");
    }

    #[tokio::test]
    async fn the_oldest_gives_way() {
        let store = Store::memory();
        let reports = Reports::new(&store);
        let mut newest = Ticket::NONE;
        for n in 0..MOST + 5 {
            (_, newest) = reports.add(&of(&format!("n{n}@localhost"))).unwrap();
            store.settled(newest).await.unwrap();
        }
        store.settled(newest).await.unwrap();
        let kept = reports.list().unwrap();
        assert_eq!((kept.len() as u64, kept[0].0), (MOST, 6));
    }
}
