//! What the settings of all networks share: mistakes in keys, with the key that was probably meant, and times.

use crate::network::SettingsError;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// Refuses a key that is not among these, naming the nearest one. `within` is the path of the table, empty at the top.
pub fn refuse_unknown(table: &toml::Table, known: &[&str], within: &str) -> Result<(), SettingsError> {
    let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let path = if within.is_empty() { key.clone() } else { format!("{within}.{key}") };
    let text = match nearest(key, known) {
        Some(near) => format!("there is no such key; did you mean `{near}`?"),
        None => format!("there is no such key; the keys are {}", known.join(", ")),
    };
    Err(SettingsError { key: Some(path), text })
}

/// A time in seconds, whole or with a fraction.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(from)?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if seconds <= 1e7 => Ok(time),
        _ => Err(serde::de::Error::custom("a time is a number of seconds, not negative")),
    }
}

/// The known key that was probably meant, if any is near.
pub fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let far = key.chars().count() / 3 + 1;
    let apart = |near: &str| if key.len() > 2 && near.starts_with(key) { 1 } else { distance(key, near) };
    known.iter().map(|near| (apart(near), *near)).filter(|(d, _)| *d <= far).min().map(|(_, near)| near)
}

/// Changes of single characters that make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, c) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (d, above) in other.iter().zip(row.iter_mut().skip(1)) {
            let here = (diagonal + usize::from(c != *d)).min(left + 1).min(*above + 1);
            diagonal = *above;
            *above = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_named() {
        let table: toml::Table = "sever = 'irc.example'".parse().unwrap();
        let error = refuse_unknown(&table, &["server", "port"], "").unwrap_err();
        assert_eq!(error.to_string(), "sever: there is no such key; did you mean `server`?");
    }

    #[test]
    fn a_key_near_nothing_gets_the_list() {
        let table: toml::Table = "zzzzzz = 1".parse().unwrap();
        let error = refuse_unknown(&table, &["user"], "sasl").unwrap_err();
        assert_eq!(error.to_string(), "sasl.zzzzzz: there is no such key; the keys are user");
    }

    #[test]
    fn distances_count_changes() {
        assert_eq!(
            (
                distance("nick", "nick"),
                distance("nik", "nick"),
                distance("", "abc"),
                distance("kitten", "sitting")
            ),
            (0, 1, 3, 3)
        );
    }
}
