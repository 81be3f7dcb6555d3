//! A store that is damaged, in use, or not ours does not open, and is not changed by the attempt.

use std::fs;
use std::path::{Path, PathBuf};

use rialto_store::archive::{Archive, Draft, Flags};
use rialto_store::{Batch, EngineKind, OpenError, Settings, Store, Verify, private};

const ENTRIES: usize = 300;
const OWNERS: usize = 5;
const DURABLE: [EngineKind; 2] = [EngineKind::Sled, EngineKind::Redb];

fn settings(engine: EngineKind, path: &Path) -> Settings {
    Settings { engine, path: path.to_owned(), ..Settings::default() }
}

fn main_file(engine: EngineKind) -> &'static str {
    if engine == EngineKind::Sled { "sled/db" } else { "redb/data.redb" }
}

fn stanza(owner: usize, n: usize) -> String {
    format!("<message n='{n}' owner='{owner}'>{}</message>", "some words ".repeat(n % 40))
}

/// A store with something in it, closed in order.
async fn filled(engine: EngineKind, path: &Path) {
    let store = Store::open(&settings(engine, path)).unwrap();
    let archive = Archive::new(&store);
    for n in 0..ENTRIES {
        for owner in 0..OWNERS {
            let mut batch = Batch::new();
            let text = stanza(owner, n);
            let draft = Draft { with: "juliet@localhost", flags: Flags::NONE, stanza: text.as_bytes() };
            archive.append(&mut batch, &format!("user{owner}@localhost"), &draft);
            private::put(&mut batch, &format!("user{owner}@localhost"), &n.to_string(), text.as_bytes());
            store.enqueue(batch);
        }
    }
    store.close().await;
}

/// Whether everything that `filled` wrote is there.
async fn is_whole(store: &Store) -> bool {
    let archive = Archive::new(store);
    for owner in 0..OWNERS {
        let name = format!("user{owner}@localhost");
        if archive.count(&name).await != Ok(ENTRIES as u64) {
            return false;
        }
        for n in 0..ENTRIES {
            let kept = private::get(store, &name, &n.to_string());
            if kept.ok().flatten().as_deref() != Some(stanza(owner, n).as_bytes()) {
                return false;
            }
        }
    }
    true
}

/// A copy of a folder, to be damaged.
fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(from.join(&folder)).unwrap() {
            let name = folder.join(entry.unwrap().file_name());
            if from.join(&name).is_dir() {
                fs::create_dir(to.path().join(&name)).unwrap();
                folders.push(name);
            } else {
                fs::copy(from.join(&name), to.path().join(&name)).unwrap();
            }
        }
    }
    to
}

/// Opens; either it is refused as damaged, or nothing is missing.
async fn refused_or_whole(engine: EngineKind, path: &Path, what: &str) -> bool {
    match Store::open(&settings(engine, path)) {
        Err(error) => {
            let text = error.to_string();
            assert!(matches!(error, OpenError::Damaged { .. }), "{what}: {text}");
            assert!(text.contains("backup") && text.contains("move"), "{text}");
            true
        }
        Ok(store) => {
            assert!(is_whole(&store).await, "{engine:?}: {what}: it opened, and something is missing");
            false
        }
    }
}

#[tokio::test]
async fn a_store_whose_file_was_cut_is_refused() {
    for engine in DURABLE {
        let folder = tempfile::tempdir().unwrap();
        filled(engine, folder.path()).await;
        let length = fs::metadata(folder.path().join(main_file(engine))).unwrap().len();
        for part in 0..16 {
            let copy = copy(folder.path());
            let file = fs::File::options().write(true).open(copy.path().join(main_file(engine))).unwrap();
            file.set_len(length * part / 16).unwrap();
            let refused = refused_or_whole(engine, copy.path(), &format!("cut to {part} of 16 parts")).await;
            assert!(refused, "{engine:?}: cut to {part} of 16 parts");
        }
    }
}

#[tokio::test]
async fn a_store_with_rotten_bytes_is_refused_or_misses_nothing() {
    for engine in DURABLE {
        let folder = tempfile::tempdir().unwrap();
        filled(engine, folder.path()).await;
        let whole = fs::read(folder.path().join(main_file(engine))).unwrap();
        let mut refused = 0;
        for at in (0..whole.len()).step_by(whole.len() / 40) {
            let copy = copy(folder.path());
            let mut rotten = whole.clone();
            for byte in rotten.iter_mut().skip(at).take(64) {
                *byte ^= 0x55;
            }
            fs::write(copy.path().join(main_file(engine)), rotten).unwrap();
            refused += usize::from(refused_or_whole(engine, copy.path(), &format!("rotten at {at}")).await);
        }
        assert!(refused >= 40, "{engine:?}: only {refused} were noticed");
    }
}

#[tokio::test]
async fn a_store_with_a_file_missing_or_empty_is_refused_and_not_made_anew() {
    for engine in DURABLE {
        let folder = tempfile::tempdir().unwrap();
        filled(engine, folder.path()).await;
        let mut files = vec!["rialto.store", main_file(engine), "journal"];
        if engine == EngineKind::Sled {
            files.push("sled/conf");
        }
        for file in files {
            for empty in [false, true] {
                let copy = copy(folder.path());
                let path = copy.path().join(file);
                fs::remove_file(&path).unwrap();
                if empty {
                    fs::write(&path, "").unwrap();
                }
                // An empty journal is as good as one with nothing in it, which is what a closed store has.
                let harmless = file == "journal" && empty;
                assert!(
                    refused_or_whole(engine, copy.path(), &format!("no {file}")).await || harmless,
                    "{engine:?}: without {file}"
                );
                assert_eq!(path.exists(), empty, "{file} was made anew");
            }
        }
    }
}

#[tokio::test]
async fn an_older_copy_of_the_data_under_a_newer_marker_is_refused() {
    for engine in DURABLE {
        let folder = tempfile::tempdir().unwrap();
        filled(engine, folder.path()).await;
        let old = copy(folder.path());
        filled(engine, folder.path()).await;
        let data = engine.name();
        fs::remove_dir_all(folder.path().join(data)).unwrap();
        fs::rename(old.path().join(data), folder.path().join(data)).unwrap();
        assert!(matches!(Store::open(&settings(engine, folder.path())), Err(OpenError::Damaged { .. })));
        let unsummed = Settings { verify: Verify::Never, ..settings(engine, folder.path()) };
        let error = Store::open(&unsummed).err().unwrap();
        assert!(error.to_string().contains("its data end at"), "{error}");
    }
}

#[tokio::test]
async fn a_store_in_use_a_newer_one_and_one_of_another_engine_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let store = Store::open(&settings(EngineKind::Sled, path)).unwrap();
    assert!(matches!(Store::open(&settings(EngineKind::Sled, path)), Err(OpenError::InUse { .. })));
    store.close().await;
    drop(store);
    assert!(matches!(Store::open(&settings(EngineKind::Redb, path)), Err(OpenError::WrongEngine { .. })));
    let marker = path.join("rialto.store");
    let text = fs::read_to_string(&marker).unwrap();
    fs::write(&marker, text.replace("format = 1", "format = 9")).unwrap();
    assert!(matches!(Store::open(&settings(EngineKind::Sled, path)), Err(OpenError::Newer { found: 9, .. })));
    fs::write(&marker, text).unwrap();
    Store::open(&settings(EngineKind::Sled, path)).unwrap();
}

#[test]
fn a_folder_with_other_things_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("letters.txt"), "dear").unwrap();
    let error = Store::open(&settings(EngineKind::Sled, folder.path())).err().unwrap();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    assert!(!folder.path().join("rialto.store").exists());
}

#[test]
fn a_store_that_was_being_made_when_the_machine_stopped_is_made() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rialto.store"), "format = 1\nengine = sled\nstate = new\n").unwrap();
    fs::create_dir(folder.path().join("sled")).unwrap();
    fs::write(folder.path().join("sled/db"), "half").unwrap();
    Store::open(&settings(EngineKind::Sled, folder.path())).unwrap();
}

#[test]
fn a_path_that_cannot_be_a_folder_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&settings(EngineKind::Sled, &file.join("store"))).err().unwrap();
    assert!(error.to_string().contains("file/store"), "{error}");
}

#[tokio::test]
async fn verification_can_be_asked_for_or_left_out() {
    let folder = tempfile::tempdir().unwrap();
    filled(EngineKind::Redb, folder.path()).await;
    for verify in [Verify::Always, Verify::Never] {
        let store = Store::open(&Settings { verify, ..settings(EngineKind::Redb, folder.path()) }).unwrap();
        assert!(is_whole(&store).await);
    }
}

/// As `filled`, but not closed: a copy of the folder as a power cut would leave it.
async fn cut_off(engine: EngineKind) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    filled(engine, folder.path()).await;
    let store = Store::open(&settings(engine, folder.path())).unwrap();
    let archive = Archive::new(&store);
    for n in 0..20 {
        let mut batch = Batch::new();
        let text = format!("late {n}");
        archive.append(&mut batch, LATE, &Draft { with: "a@b", flags: Flags::NONE, stanza: text.as_bytes() });
        private::put(&mut batch, LATE, &n.to_string(), text.as_bytes());
        store.commit(batch).await.unwrap();
    }
    copy(folder.path())
}

const LATE: &str = "late@localhost";

#[tokio::test]
async fn after_a_power_cut_the_journal_gives_what_was_acknowledged() {
    for engine in DURABLE {
        let folder = cut_off(engine).await;
        let store = Store::open(&settings(engine, folder.path())).unwrap();
        assert!(is_whole(&store).await);
        assert_eq!(Archive::new(&store).count(LATE).await, Ok(20));
        assert_eq!(private::size(&store, LATE).unwrap().1, 20);
    }
}

#[tokio::test]
async fn after_a_power_cut_a_damaged_journal_is_refused() {
    for engine in DURABLE {
        let folder = cut_off(engine).await;
        for at in [0, 40, 200, 1000] {
            let copy = copy(folder.path());
            let path = copy.path().join("journal");
            let mut bytes = fs::read(&path).unwrap();
            bytes[at] ^= 0xff;
            fs::write(&path, bytes).unwrap();
            assert!(refused_or_whole(engine, copy.path(), &format!("journal rotten at {at}")).await, "{at}");
        }
    }
}

#[tokio::test]
async fn after_a_power_cut_a_journal_that_was_cut_is_refused() {
    for engine in DURABLE {
        let folder = cut_off(engine).await;
        let length = fs::metadata(folder.path().join("journal")).unwrap().len();
        for left in [0, 64 * 100, length / 2, length - 1] {
            let copy = copy(folder.path());
            fs::File::options().write(true).open(copy.path().join("journal")).unwrap().set_len(left).unwrap();
            let error = Store::open(&settings(engine, copy.path())).map(drop).unwrap_err();
            assert!(error.to_string().contains("its journal is shorter"), "{left}: {error}");
        }
    }
}

#[tokio::test]
async fn after_a_power_cut_a_damaged_file_is_refused_or_misses_nothing() {
    for engine in DURABLE {
        let folder = cut_off(engine).await;
        let whole = fs::read(folder.path().join(main_file(engine))).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 30) {
            let copy = copy(folder.path());
            let mut rotten = whole.clone();
            for byte in rotten.iter_mut().skip(at).take(64) {
                *byte ^= 0x55;
            }
            fs::write(copy.path().join(main_file(engine)), rotten).unwrap();
            refused_or_whole(engine, copy.path(), &format!("rotten at {at} of {}", whole.len())).await;
        }
    }
}
