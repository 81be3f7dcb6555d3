//! From one store into another, whatever their engines: every table of the catalogue.

use std::ops::Bound;

use crate::batch::Batch;
use crate::engine::{Pair, Span};
use crate::error::StoreError;
use crate::key::take_part;
use crate::log::chunk;
use crate::store::Store;
use crate::tables::{ARCHIVE, ARCHIVE_WITH, CATALOGUE, Entry, STORE};

/// Why a store was not copied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MigrateError {
    /// The target holds something already: copying into it would mix two servers.
    #[error("the target store is not empty (table `{0}`): choose an empty folder")]
    NotEmpty(&'static str),
    /// One of the stores failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The table under way.
    pub table: &'static str,
    /// Records of it that were copied so far; for archives, entries.
    pub records: u64,
    /// Records of all tables so far.
    pub total: u64,
}

/// Rows read at once.
const ROWS: usize = 128;

/// Copies everything; nobody else may write to either store meanwhile. `progress` is called after each piece. The target
/// is durable when this returns; a copy that failed half-way leaves a target that must be thrown away.
pub async fn migrate(
    from: &Store,
    to: &Store,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<u64, MigrateError> {
    from.checkpoint().await?;
    for table in tables() {
        if !to.scan(table.id, &Span::all().limit(1))?.is_empty() {
            return Err(MigrateError::NotEmpty(table.name));
        }
    }
    to.shared().clock.at_least(from.shared().clock.latest());
    let mut total = 0;
    for table in tables() {
        let (mut records, mut after) = (0, None);
        loop {
            let start = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let rows = from.scan(table.id, &Span::between(start, Bound::Unbounded).limit(ROWS))?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.to_vec());
            let mut batch = Batch::new();
            records += put(&mut batch, table, &rows)?;
            to.commit(batch).await?;
            progress(Progress { table: table.name, records, total: total + records });
        }
        total += records;
    }
    to.checkpoint().await?;
    Ok(total)
}

/// All tables but those that a store makes by itself.
fn tables() -> impl Iterator<Item = &'static Entry> {
    CATALOGUE.iter().filter(|table| table.id != STORE && table.id != ARCHIVE_WITH)
}

/// Archives entry by entry: the target cuts chunks to its engine's measure.
fn put(batch: &mut Batch, table: &Entry, rows: &[Pair]) -> Result<u64, StoreError> {
    let mut records = 0;
    for (key, value) in rows {
        if table.id != ARCHIVE {
            batch.put(table.id, key, value);
            records += 1;
            continue;
        }
        let owner =
            take_part(&mut &key[..]).ok_or_else(|| StoreError::corrupt("archive", "no key of ours"))?;
        for (id, entry) in chunk::read(value)? {
            batch.append(owner, id, &[&entry]);
            records += 1;
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Accounts;
    use crate::archive::{Archive, Draft, Flags, Query};
    use crate::{EngineKind, Settings, private};

    fn open(engine: EngineKind, folder: &tempfile::TempDir) -> Store {
        Store::open(&Settings { engine, path: folder.path().to_owned(), ..Settings::default() }).unwrap()
    }

    async fn filled(store: &Store) {
        let archive = Archive::new(store);
        for n in 0..500 {
            let owner = format!("user{}@localhost", n % 3);
            let mut batch = Batch::new();
            let text = format!("<message>{n}</message>");
            archive.append(
                &mut batch,
                &owner,
                &Draft { with: "a@b", flags: Flags::NONE, stanza: text.as_bytes() },
            );
            private::put(&mut batch, &owner, &n.to_string(), text.as_bytes());
            store.enqueue(batch);
        }
        Accounts::new(store).create("user0@localhost", Default::default(), false).await.unwrap();
    }

    async fn pages(store: &Store) -> Vec<crate::archive::Page> {
        let mut pages = Vec::new();
        for with in [None, Some("a@b".to_owned()), Some("nobody@b".to_owned())] {
            let query = Query { with, max: 1000, ..Query::default() };
            pages.push(Archive::new(store).query("user1@localhost", &query).await.unwrap());
        }
        pages
    }

    #[tokio::test]
    async fn everything_arrives_in_the_other_engine_and_back() {
        let folders =
            [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let first = open(EngineKind::Sled, &folders[0]);
        filled(&first).await;
        let second = open(EngineKind::Redb, &folders[1]);
        let third = open(EngineKind::Sled, &folders[2]);
        let mut heard = 0;
        let total = migrate(&first, &second, |progress| heard = progress.total).await.unwrap();
        assert_eq!(heard, total);
        assert_eq!(migrate(&second, &third, |_| {}).await.unwrap(), total);
        for table in CATALOGUE.iter().filter(|table| table.id != STORE) {
            let all = |store: &Store| store.scan(table.id, &Span::all()).unwrap();
            assert_eq!(all(&first).is_empty(), all(&third).is_empty(), "{}", table.name);
            if table.id != ARCHIVE && table.id != ARCHIVE_WITH {
                assert_eq!(all(&first), all(&third), "{}", table.name);
            }
        }
        assert_eq!(pages(&first).await, pages(&third).await);
        assert_eq!(pages(&first).await[0].entries.len(), 167);
        assert!(third.stamp() > first.shared().clock.latest());
    }

    #[tokio::test]
    async fn a_target_that_holds_something_is_left_alone() {
        let (from, to) = (Store::memory(), Store::memory());
        filled(&from).await;
        let mut batch = Batch::new();
        private::put(&mut batch, "a@b", "ns", b"<x/>");
        to.commit(batch).await.unwrap();
        assert_eq!(migrate(&from, &to, |_| {}).await, Err(MigrateError::NotEmpty("private")));
    }
}
