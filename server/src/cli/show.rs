//! Lists on the terminal, or as JSON.

use super::args::Listing;
use super::{Exit, Sorry};
use crate::admin::Answer;
use serde::Serialize;

/// A column: its heading, and what stands in it.
pub(super) struct Column<T>(pub(super) &'static str, pub(super) fn(&T) -> String);

/// Shows a list.
pub(super) fn list<T: Serialize>(rows: &[T], listing: Listing, columns: &[Column<T>]) -> Result<Exit, Sorry> {
    if listing.json {
        return json(&rows);
    }
    say!("{}", table(rows, columns).trim_end());
    Ok(Exit::Done)
}

/// Shows something as JSON.
pub(super) fn json(what: &impl Serialize) -> Result<Exit, Sorry> {
    say!("{}", serde_json::to_string_pretty(what).map_err(Sorry::failed)?);
    Ok(Exit::Done)
}

/// `rialto status`.
pub(super) fn status(answer: &Answer, listing: Listing) -> Result<Exit, Sorry> {
    let Answer::Status(status) = answer else { return Ok(Exit::Failed) };
    if listing.json {
        return json(status);
    }
    say!("Rialto {} serves {}", status.version, status.domains.join(", "));
    say!("  process     {}, for {}", status.pid, spell(status.uptime));
    say!("  config      {}", status.config.as_deref().unwrap_or("the defaults"));
    say!("  listening   {}", status.listening.join(", "));
    say!("  sessions    {}", status.sessions);
    say!("  rooms       {}", status.rooms);
    for (name, state) in &status.bridges {
        say!("  bridge      {name}: {state}");
    }
    for list in &status.blocklists {
        say!("  block list  {}: {}", list.name, harmless(&list.state));
    }
    if let Some((files, bytes)) = status.uploads {
        say!("  uploads     {files} files, {} MiB", bytes.div_ceil(1 << 20));
    }
    if let Some(transfers) = status.transfers {
        say!("  transfers   {transfers}");
    }
    if let Some(memory) = status.memory {
        say!("  memory      {} MiB", memory.div_ceil(1 << 20));
    }
    Ok(Exit::Done)
}

/// Days, hours and minutes.
fn spell(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) if minutes == 0 => format!("{seconds} s"),
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        (_, _) => format!("{days} d {hours} h"),
    }
}

/// A count that only a running server knows.
pub(super) fn count(count: Option<usize>) -> String {
    count.map_or_else(|| "?".to_owned(), |count| count.to_string())
}

/// The day of a moment, as `2026-03-01`.
pub(super) fn day(seconds: u64) -> String {
    let moment = jiff::Timestamp::from_second(seconds.cast_signed()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.strftime("%Y-%m-%d").to_string()
}

fn table<T>(rows: &[T], columns: &[Column<T>]) -> String {
    let heading: Vec<String> = columns.iter().map(|Column(heading, _)| (*heading).to_owned()).collect();
    let cells = rows.iter().map(|row| columns.iter().map(|Column(_, cell)| harmless(&cell(row))).collect());
    let lines: Vec<Vec<String>> = std::iter::once(heading).chain(cells).collect();
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let padded: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// What others chose (a room's name) must not move the cursor of the operator's terminal.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be_and_control_characters_are_not_shown() {
        let columns: [Column<(&str, usize)>; 2] =
            [Column("address", |row| row.0.to_owned()), Column("sessions", |row| row.1.to_string())];
        let rows = [("romeo@localhost", 2), ("\u{1b}[2J", 0)];
        assert_eq!(
            table(&rows, &columns),
            "address          sessions\nromeo@localhost  2\n\u{fffd}[2J             0\n"
        );
    }

    #[test]
    fn times_are_spelt_for_people() {
        for (seconds, text) in [(7, "7 s"), (61, "1 min"), (3_700, "1 h 1 min"), (180_000, "2 d 2 h")] {
            assert_eq!(spell(seconds), text);
        }
    }
}
