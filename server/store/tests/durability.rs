//! What was acknowledged is there after the process was killed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rialto_store::archive::{Archive, Draft, Flags, Id, Query};
use rialto_store::{Batch, Durability, EngineKind, Settings, Store, StoreError, prefs, private};

const ROMEO: &str = "romeo@localhost";
const JULIET: &str = "juliet@localhost";

/// Set for the process that writes and is killed: engine, durability, folder.
const WRITER: &str = "RIALTO_STORE_WRITER";

fn settings(engine: EngineKind, durability: Durability, path: &Path) -> Settings {
    Settings { engine, durability, path: path.to_owned(), ..Settings::default() }
}

fn stanza(id: Id) -> String {
    format!("<message id='{id}'>{}</message>", "word ".repeat(id.at() as usize % 100))
}

/// Not a test by itself: what the killed process does.
#[test]
fn the_writer_writes_until_it_is_killed() {
    let Ok(task) = std::env::var(WRITER) else { return };
    let mut words = task.splitn(3, ' ');
    let engine = if words.next() == Some("redb") { EngineKind::Redb } else { EngineKind::Sled };
    let relaxed = words.next() == Some("relaxed");
    let path = PathBuf::from(words.next().unwrap());
    let durability = if relaxed { Durability::Relaxed } else { Durability::Commit };
    let store = Store::open(&settings(engine, durability, &path)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let writers = (0..8).map(|_| tokio::spawn(write_for_ever(store.clone())));
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    });
}

/// Each batch: one message in two archives, and a record. Its id is printed once it is acknowledged.
async fn write_for_ever(store: Store) {
    let archive = Archive::new(&store);
    loop {
        let id = archive.next_id();
        let text = stanza(id);
        let draft = Draft { with: JULIET, flags: Flags::NONE, stanza: text.as_bytes() };
        let mut batch = Batch::new();
        archive.set(&mut batch, ROMEO, id, &draft);
        archive.set(&mut batch, JULIET, id, &Draft { with: ROMEO, ..draft });
        private::put(&mut batch, ROMEO, &id.to_string(), text.as_bytes());
        store.commit(batch).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "acked {id}").unwrap();
        out.flush().unwrap();
    }
}

/// Starts a writer, kills it after a while, and gives the ids that it said were acknowledged.
fn killed(engine: &str, durability: &str, path: &Path, after: Duration) -> Vec<Id> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_writer_writes_until_it_is_killed", "--nocapture"])
        .env(WRITER, format!("{engine} {durability} {}", path.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reader = std::thread::spawn(move || {
        let lines = lines.map_while(Result::ok);
        lines.filter_map(|line| line.rsplit_once("acked ")?.1.parse().ok()).collect::<Vec<Id>>()
    });
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

fn survives(engine: EngineKind, durability: &str) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut acked = Vec::new();
    for round in 0..6 {
        let after = Duration::from_millis(150 + 70 * round);
        acked.extend(killed(engine.name(), durability, folder.path(), after));
        let store = Store::open(&settings(engine, Durability::Commit, folder.path())).unwrap();
        let archive = Archive::new(&store);
        for id in &acked {
            let text = stanza(*id);
            for owner in [ROMEO, JULIET] {
                let entry = archive.entry_now(owner, *id).unwrap();
                let entry = entry.unwrap_or_else(|| panic!("round {round}: {id} is missing for {owner}"));
                assert_eq!(&entry.stanza()[..], text.as_bytes());
            }
            let kept = private::get(&store, ROMEO, &id.to_string()).unwrap();
            assert_eq!(kept.as_deref(), Some(text.as_bytes()), "round {round}: {id}");
        }
        runtime.block_on(both_or_neither(&archive));
        // Every other time it is closed in order, else dropped.
        if round % 2 == 0 {
            runtime.block_on(store.close());
        }
    }
    assert!(acked.len() > 100, "only {} were acknowledged: too few to say anything", acked.len());
}

/// A message is in both archives or in none.
async fn both_or_neither(archive: &Archive) {
    let query = Query { max: usize::MAX, ..Query::default() };
    let ids = async |owner| {
        let page = archive.query(owner, &query).await.unwrap();
        page.entries.iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(ROMEO).await, ids(JULIET).await);
}

#[test]
fn what_was_acknowledged_survives_a_kill_on_sled() {
    survives(EngineKind::Sled, "commit");
}

#[test]
fn what_was_acknowledged_survives_a_kill_on_redb() {
    survives(EngineKind::Redb, "commit");
}

#[test]
fn what_was_acknowledged_survives_a_kill_in_relaxed_mode_too() {
    survives(EngineKind::Sled, "relaxed");
}

#[tokio::test]
async fn everything_is_there_after_closing_and_the_clock_goes_on() {
    for engine in [EngineKind::Sled, EngineKind::Redb] {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(engine, Durability::Commit, folder.path());
        let mut last = Id::first_at(0);
        let mut handles = Vec::new();
        for round in 0..4usize {
            let store = Store::open(&settings).unwrap();
            let archive = Archive::new(&store);
            assert_eq!(archive.count(ROMEO).await, Ok(round as u64 * 200));
            for _ in 0..200 {
                let mut batch = Batch::new();
                let draft = Draft { with: JULIET, flags: Flags::NONE, stanza: &[b'x'; 300] };
                let id = archive.append(&mut batch, ROMEO, &draft);
                assert!(id > last);
                last = id;
                store.enqueue(batch);
            }
            let mut batch = Batch::new();
            prefs::put(&mut batch, ROMEO, &prefs::Prefs::default()).unwrap();
            store.enqueue(batch);
            store.close().await;
            assert_eq!(store.commit(one(&archive)).await, Err(StoreError::Closed));
            assert_eq!(archive.entry_now(ROMEO, last), Err(StoreError::Closed));
            // `store` is still there, and must not keep the next round from opening the folder.
            handles.push(store);
        }
    }
}

fn one(archive: &Archive) -> Batch {
    let mut batch = Batch::new();
    archive.append(&mut batch, ROMEO, &Draft { with: JULIET, flags: Flags::NONE, stanza: b"<message/>" });
    batch
}

#[tokio::test]
async fn many_who_wait_share_one_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&settings(EngineKind::Sled, Durability::Commit, folder.path())).unwrap();
    let archive = Archive::new(&store);
    store.commit(one(&archive)).await.unwrap();
    let begun = Instant::now();
    let tickets: Vec<_> = (0..2000).map(|_| store.enqueue(one(&archive))).collect();
    for ticket in &tickets {
        store.settled(*ticket).await.unwrap();
    }
    let together = begun.elapsed();
    let begun = Instant::now();
    for _ in 0..50 {
        store.commit(one(&archive)).await.unwrap();
    }
    let apart = begun.elapsed() * 40;
    assert!(together * 4 < apart, "2,000 together took {together:?}, one after another would take {apart:?}");
}
