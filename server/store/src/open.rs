//! Opening a store: never anew where something should be, never on top of something else.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::ops::Bound;
use std::os::unix::fs::DirBuilderExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::committer::{Disk, RESERVE};
use crate::engine::{Engine, Memory, Redb, Sled, Span};
use crate::error::{OpenError, StoreError};
use crate::journal::{Journal, JournalError, Record};
use crate::log::chunk;
use crate::marker::{self, FORMAT, Marker, Notes, State};
use crate::settings::{EngineKind, Settings, Verify};
use crate::sums;
use crate::tables::{ARCHIVE, CATALOGUE};

/// A store whose engine is up to date but for `records`.
pub(crate) struct Opened {
    pub engine: Box<dyn Engine>,
    pub disk: Option<Disk>,
    pub records: Vec<Record>,
    /// The clock was not later than this.
    pub clock: u64,
    /// Held as long as the store is open.
    pub lock: Option<File>,
}

const LOCK: &str = "lock";
const JOURNAL: &str = "journal";

/// Up to this size everything is read through on opening.
const SMALL: u64 = 64 * 1024 * 1024;

/// Opens what the settings name, or makes it.
pub(crate) fn open(settings: &Settings) -> Result<Opened, OpenError> {
    if settings.engine == EngineKind::Memory {
        let engine = Box::new(Memory::default());
        return Ok(Opened { engine, disk: None, records: Vec::new(), clock: 0, lock: None });
    }
    let folder = &settings.path;
    // Credentials are in it: nobody else reads it.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| OpenError::io(folder, &error))?;
    let lock = lock(folder)?;
    let opened = match Marker::read(folder)? {
        None => {
            refuse_strangers(folder)?;
            create(settings)?
        }
        Some(marker) => {
            fits(settings, &marker)?;
            match marker.state {
                State::New => create(settings)?,
                State::Open { .. } | State::Closed { .. } => reopen(settings, marker)?,
            }
        }
    };
    Ok(Opened { lock: Some(lock), ..opened })
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(folder.join(LOCK));
    let file = file.map_err(|error| OpenError::io(folder, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(OpenError::io(folder, &error)),
    }
}

/// Without a marker, the folder must be empty.
fn refuse_strangers(folder: &Path) -> Result<(), OpenError> {
    let found = fs::read_dir(folder).map_err(|error| OpenError::io(folder, &error))?;
    let names = found.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    let names: Vec<String> = names.filter(|name| name != LOCK && name != "lost+found").collect();
    if names.is_empty() {
        return Ok(());
    }
    if names.iter().any(|name| name == JOURNAL || name == "sled" || name == "redb") {
        return Err(OpenError::damaged(folder, "it has data, but its marker file `rialto.store` is missing"));
    }
    let reason = format!("it holds `{}`", names.first().map_or("", String::as_str));
    Err(OpenError::Foreign { path: folder.to_owned(), reason })
}

fn fits(settings: &Settings, marker: &Marker) -> Result<(), OpenError> {
    let path = settings.path.clone();
    if marker.format > FORMAT {
        return Err(OpenError::Newer { path, found: marker.format, known: FORMAT });
    }
    let wanted = settings.engine.name();
    if marker.engine != wanted {
        return Err(OpenError::WrongEngine { path, found: marker.engine.clone(), wanted: wanted.to_owned() });
    }
    Ok(())
}

/// Makes a store. Until the marker says so, nothing counts.
fn create(settings: &Settings) -> Result<Opened, OpenError> {
    let folder = &settings.path;
    let failed = |error: &std::io::Error| OpenError::io(folder, error);
    let marker = Marker { format: FORMAT, engine: settings.engine.name().to_owned(), state: State::New };
    marker.write(folder).map_err(|error| failed(&error))?;
    let data = folder.join(settings.engine.name());
    if data.exists() {
        fs::remove_dir_all(&data).map_err(|error| failed(&error))?;
    }
    fs::create_dir(&data).map_err(|error| failed(&error))?;
    let made = attempt(folder, || {
        let engine: Box<dyn Engine> = match settings.engine {
            EngineKind::Redb => Box::new(Redb::create(&data.join("data.redb"), settings.cache_bytes)?),
            _ => Box::new(Sled::open(&data, settings.cache_bytes)?),
        };
        marker::note(&*engine, 0, 0)?;
        engine.sync()?;
        Ok(engine)
    });
    // What is being made cannot be damaged: its errors are the machine's.
    let engine = made.map_err(|error| match error {
        OpenError::Damaged { path, reason } => OpenError::Io { path, reason },
        other => other,
    })?;
    let journal = Journal::create(&folder.join(JOURNAL), 0).map_err(|error| failed(&error))?;
    let marker = Marker { state: State::Open { since: 0 }, ..marker };
    marker.write(folder).map_err(|error| failed(&error))?;
    let disk = Disk { journal, folder: folder.clone(), marker, reserve: RESERVE };
    Ok(Opened { engine, disk: Some(disk), records: Vec::new(), clock: 0, lock: None })
}

/// Opens a store that exists, and compares what its parts say of each other.
fn reopen(settings: &Settings, marker: Marker) -> Result<Opened, OpenError> {
    let folder = &settings.path;
    let data = folder.join(settings.engine.name());
    let files: &[&str] = if settings.engine == EngineKind::Redb { &["data.redb"] } else { &["db", "conf"] };
    for name in files {
        is_there(folder, &data.join(name))?;
    }
    let verify = !is_as_closed(settings, &marker, &data)?
        && match settings.verify {
            Verify::Always => true,
            Verify::Never => false,
            Verify::Auto => sums::size(&data) <= SMALL,
        };
    let closed = matches!(marker.state, State::Closed { .. });
    // From here on files change: engines tidy up when they are opened.
    let since = match marker.state {
        State::New => 0,
        State::Open { since } | State::Closed { sequence: since, .. } => since,
    };
    let marker = Marker { state: State::Open { since }, ..marker };
    marker.write(folder).map_err(|error| OpenError::io(folder, &error))?;
    let engine = existing(settings, &data, verify)?;
    let Notes { format, sequence, clock } =
        attempt(folder, || marker::notes(&*engine))?.ok_or_else(|| {
            OpenError::damaged(
                folder,
                "its data do not say what they are: they are cut, or of something else",
            )
        })?;
    if format > FORMAT {
        return Err(OpenError::Newer { path: folder.clone(), found: format, known: FORMAT });
    }
    if sequence < since {
        let reason =
            format!("it had {since} records when it was last opened or closed, its data end at {sequence}");
        return Err(OpenError::damaged(folder, reason));
    }
    if verify {
        attempt(folder, || read_through(&*engine))?;
    }
    let (journal, records) = Journal::open(&folder.join(JOURNAL), sequence).map_err(|error| match error {
        JournalError::Io(error) => {
            OpenError::damaged(folder, format_args!("its journal cannot be read: {error}"))
        }
        other => OpenError::damaged(folder, other),
    })?;
    // What was closed in order has nothing in its journal; otherwise what is missing may have been acknowledged.
    if !closed && journal.was_cut() {
        return Err(OpenError::damaged(folder, "its journal is shorter than it was made"));
    }
    let clock = records.last().map_or(clock, |record| record.clock.max(clock));
    let disk = Disk { journal, folder: folder.clone(), marker, reserve: RESERVE };
    Ok(Opened { engine, disk: Some(disk), records, clock, lock: None })
}

/// Whether the files are known to be what they were when the store was closed; an error if they are known not to be.
fn is_as_closed(settings: &Settings, marker: &Marker, data: &Path) -> Result<bool, OpenError> {
    let State::Closed { sum: Some(sum), .. } = marker.state else { return Ok(false) };
    let quick = sums::size(data) <= sums::QUICK;
    if settings.verify == Verify::Never || settings.verify == Verify::Auto && !quick {
        return Ok(false);
    }
    match sums::sum(data) {
        Ok(found) if found == sum => Ok(true),
        Ok(_) => {
            Err(OpenError::damaged(&settings.path, "its files are not what they were when it was closed"))
        }
        Err(error) => Err(OpenError::io(&settings.path, &error)),
    }
}

fn existing(settings: &Settings, data: &Path, verify: bool) -> Result<Box<dyn Engine>, OpenError> {
    let folder = &settings.path;
    let cache = settings.cache_bytes;
    attempt(folder, || -> Result<Box<dyn Engine>, StoreError> {
        Ok(match settings.engine {
            EngineKind::Redb => Box::new(Redb::open(&data.join("data.redb"), cache, verify)?),
            _ => Box::new(Sled::open(data, cache)?),
        })
    })
}

/// Engines begin anew, without a word, where a file is missing or empty.
fn is_there(folder: &Path, file: &Path) -> Result<(), OpenError> {
    let name = file.strip_prefix(folder).unwrap_or(file).display();
    match File::options().read(true).write(true).open(file).and_then(|file| file.metadata()) {
        Ok(found) if found.len() > 0 => Ok(()),
        Ok(_) => Err(OpenError::damaged(folder, format_args!("its file `{name}` is empty"))),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(OpenError::io(folder, &error))
        }
        Err(error) => {
            Err(OpenError::damaged(folder, format_args!("its file `{name}` cannot be read: {error}")))
        }
    }
}

/// Reads every value of every table.
fn read_through(engine: &dyn Engine) -> Result<(), StoreError> {
    for table in CATALOGUE {
        let mut from = None;
        loop {
            let start = from.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let rows = engine.scan(table.id, &Span::between(start, Bound::Unbounded).limit(64))?;
            let Some((last, _)) = rows.last() else { break };
            from = Some(last.to_vec());
            if table.id == ARCHIVE {
                for (_, value) in &rows {
                    chunk::read(value)?;
                }
            }
        }
    }
    Ok(())
}

/// Engines that meet damage may panic: that too is an answer.
fn attempt<T>(folder: &Path, act: impl FnOnce() -> Result<T, StoreError>) -> Result<T, OpenError> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(done) => done.map_err(|why| OpenError::damaged(folder, why)),
        Err(_) => Err(OpenError::damaged(folder, "its engine gave up reading it")),
    }
}
