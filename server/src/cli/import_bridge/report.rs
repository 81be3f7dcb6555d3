//! What became of each key of another bridge's configuration.

use std::fmt;

use crate::cli::show::harmless;

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It means the same here.
    Imported,
    /// It means nearly the same; the note says what differs.
    Approximated,
    /// It has no meaning here; the note says why.
    Ignored,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// As it is written there.
    pub key: String,
    pub fate: Fate,
    /// For a person: what it is now, or why it is nothing.
    pub note: String,
}

/// All keys, in the order in which they were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report(pub Vec<Row>);

impl Report {
    /// It is this here.
    pub(super) fn imported(&mut self, key: impl Into<String>, note: impl Into<String>) {
        self.note(key, Fate::Imported, note);
    }

    /// It is nearly this here.
    pub(super) fn approximated(&mut self, key: impl Into<String>, note: impl Into<String>) {
        self.note(key, Fate::Approximated, note);
    }

    /// It is nothing here.
    pub(super) fn ignored(&mut self, key: impl Into<String>, note: impl Into<String>) {
        self.note(key, Fate::Ignored, note);
    }

    fn note(&mut self, key: impl Into<String>, fate: Fate, note: impl Into<String>) {
        self.0.push(Row { key: key.into(), fate, note: note.into() });
    }

    fn count(&self, fate: Fate) -> usize {
        self.0.iter().filter(|row| row.fate == fate).count()
    }

    /// What became of a key.
    #[cfg(test)]
    pub(super) fn of(&self, key: &str) -> Option<(Fate, &str)> {
        self.0.iter().find(|row| row.key == key).map(|row| (row.fate, row.note.as_str()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (fate, title) in
            [(Fate::Imported, "imported"), (Fate::Approximated, "approximated"), (Fate::Ignored, "ignored")]
        {
            if self.count(fate) == 0 {
                continue;
            }
            writeln!(f, "{title}:")?;
            for row in self.0.iter().filter(|row| row.fate == fate) {
                writeln!(f, "  {:<38}  {}", harmless(&row.key), harmless(&row.note))?;
            }
        }
        let counts = [Fate::Imported, Fate::Approximated, Fate::Ignored].map(|fate| self.count(fate));
        let [imported, approximated, ignored] = counts;
        write!(f, "{imported} imported, {approximated} approximated, {ignored} ignored")
    }
}
