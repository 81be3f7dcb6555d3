//! How a store says what it is: the marker file beside the data, and notes within them.
//!
//! Engines make what they do not find. The marker is how we know that there must be something to find.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use crate::engine::{Change, Engine};
use crate::error::{OpenError, StoreError};
use crate::key::key;
use crate::tables::STORE;

/// The format this code writes. A number for each change that older code could not read.
pub(crate) const FORMAT: u32 = 1;

const NAME: &str = "rialto.store";

/// The marker file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub format: u32,
    pub engine: String,
    pub state: State,
}

/// What must be there beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Perhaps nothing: it was being made, and nobody was told yet that it holds anything.
    New,
    /// Everything up to this record, where it was when it was opened, and what the journal says beyond.
    Open { since: u64 },
    /// Everything up to this record: it was closed in order, when its files had this sum.
    Closed { sequence: u64, sum: Option<u64> },
}

impl Marker {
    /// The marker in a folder, if there is one.
    pub fn read(folder: &Path) -> Result<Option<Marker>, OpenError> {
        let text = match fs::read_to_string(folder.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
            other => other.map_err(|error| OpenError::io(folder, &error))?,
        };
        let field = |name: &str| {
            let value = text.lines().filter_map(|line| line.split_once(" = ")).find(|(key, _)| *key == name);
            value.map(|(_, value)| value.trim())
        };
        let marker = || {
            let state = match field("state")? {
                "new" => State::New,
                "open" => State::Open { since: field("sequence")?.parse().ok()? },
                "closed" => State::Closed {
                    sequence: field("sequence")?.parse().ok()?,
                    sum: field("sum").and_then(|sum| u64::from_str_radix(sum, 16).ok()),
                },
                _ => return None,
            };
            Some(Marker {
                format: field("format")?.parse().ok()?,
                engine: field("engine")?.to_owned(),
                state,
            })
        };
        match (marker(), field("format").and_then(|format| format.parse().ok())) {
            (Some(marker), _) => Ok(Some(marker)),
            // A newer format may say things we cannot read.
            (None, Some(format)) if format > FORMAT => {
                Ok(Some(Marker { format, engine: String::new(), state: State::Open { since: 0 } }))
            }
            _ => {
                Err(OpenError::damaged(folder, format_args!("its marker file `{NAME}` cannot be understood")))
            }
        }
    }

    /// Writes it, so that either the old or the new one is there whatever happens.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let state = match self.state {
            State::New => "new".to_owned(),
            State::Open { since } => format!("open\nsequence = {since}"),
            State::Closed { sequence, sum: None } => format!("closed\nsequence = {sequence}"),
            State::Closed { sequence, sum: Some(sum) } => {
                format!("closed\nsequence = {sequence}\nsum = {sum:016x}")
            }
        };
        let (format, engine) = (self.format, &self.engine);
        let text = format!(
            "# This folder is the store of a Rialto server. Copy it only while the server is stopped.\n\
             format = {format}\nengine = {engine}\nstate = {state}\n"
        );
        let new = folder.join(format!("{NAME}.new"));
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, folder.join(NAME))?;
        File::open(folder)?.sync_all()
    }
}

/// What the engine holds about the store itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notes {
    pub format: u32,
    /// The last record of the journal that is in the engine.
    pub sequence: u64,
    /// The clock cannot have been later than this.
    pub clock: u64,
}

/// Notes how far the engine is.
pub(crate) fn note(engine: &dyn Engine, sequence: u64, clock: u64) -> Result<(), StoreError> {
    let fields = [("format", u64::from(FORMAT)), ("sequence", sequence), ("clock", clock)];
    let rows = fields.map(|(name, value)| (key(&[name]), value.to_string()));
    let changes: Vec<_> =
        rows.iter().map(|(key, value)| Change::Put { table: STORE, key, value: value.as_bytes() }).collect();
    engine.commit(&changes)
}

/// The notes; `None`: there are none.
pub(crate) fn notes(engine: &dyn Engine) -> Result<Option<Notes>, StoreError> {
    let read = |name: &str| -> Result<Option<u64>, StoreError> {
        let Some(value) = engine.get(STORE, &key(&[name]))? else { return Ok(None) };
        let number = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| StoreError::corrupt("store", format_args!("`{name}` is no number")))
    };
    let (Some(format), Some(sequence), Some(clock)) = (read("format")?, read("sequence")?, read("clock")?)
    else {
        return Ok(None);
    };
    Ok(Some(Notes { format: u32::try_from(format).unwrap_or(u32::MAX), sequence, clock }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Marker::read(folder.path()).unwrap(), None);
        for state in [State::New, State::Open { since: 3 }, State::Closed { sequence: 77, sum: Some(5) }] {
            let marker = Marker { format: 1, engine: "sled".into(), state };
            marker.write(folder.path()).unwrap();
            assert_eq!(Marker::read(folder.path()).unwrap(), Some(marker));
        }
    }

    #[test]
    fn a_marker_that_makes_no_sense_is_damage_and_a_newer_one_is_newer() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "engine = sled", "format = 1\nengine = sled\nstate = odd"] {
            fs::write(folder.path().join(NAME), text).unwrap();
            assert!(matches!(Marker::read(folder.path()), Err(OpenError::Damaged { .. })), "{text}");
        }
        fs::write(folder.path().join(NAME), "format = 2\nshape = round").unwrap();
        assert_eq!(Marker::read(folder.path()).unwrap().unwrap().format, 2);
    }
}
