//! A piece of our configuration, written from another bridge's: sections to add, and the files with secrets that they name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::{Table, Value};

/// The piece.
#[derive(Clone, Debug, Default)]
pub(super) struct Fragment {
    /// `[bridge.<name>]`, each with all its keys.
    pub bridges: BTreeMap<String, Table>,
    /// `[[link]]`: a room of ours, and its far rooms with their options.
    pub links: Vec<(String, Vec<(String, Table)>)>,
    /// Files with secrets, by name.
    pub secrets: BTreeMap<String, String>,
    /// Sentences for whoever reads it.
    pub remarks: Vec<String>,
}

impl Fragment {
    /// A secret stands in a file of its own; returns the file's name.
    pub(super) fn secret(&mut self, name: &str, secret: &str) -> String {
        let file = format!("{}.secret", slug(name));
        self.secrets.insert(file.clone(), format!("{secret}\n"));
        file
    }

    /// As it is added to the configuration.
    pub(super) fn to_toml(&self) -> String {
        let mut text = String::from("# Written by `rialto import`. Read it, then add it to rialto.toml.\n");
        for remark in &self.remarks {
            let _ = writeln!(text, "# {}", remark.replace('\n', " "));
        }
        for (name, keys) in &self.bridges {
            let _ = writeln!(text, "\n[bridge.{}]", key(name));
            // What it is comes first.
            let first = keys.iter().filter(|(name, _)| *name == "kind");
            for (name, value) in first.chain(keys.iter().filter(|(name, _)| *name != "kind")) {
                let _ = writeln!(text, "{} = {}", key(name), inline(value));
            }
        }
        for (room, to) in &self.links {
            let _ = writeln!(text, "\n[[link]]\nroom = {}\nto = [", inline(&room.as_str().into()));
            for (far, options) in to {
                let far = Value::from(far.as_str());
                let written = if options.is_empty() {
                    inline(&far)
                } else {
                    let mut table = Table::from_iter([("to".to_owned(), far)]);
                    table.extend(options.clone());
                    // `to` comes first.
                    let rest: Vec<String> = table
                        .iter()
                        .filter(|(name, _)| *name != "to")
                        .map(|(name, value)| format!("{} = {}", key(name), inline(value)))
                        .collect();
                    format!("{{ to = {}, {} }}", inline(&table["to"]), rest.join(", ")) // holds: put in above
                };
                let _ = writeln!(text, "  {written},");
            }
            text.push_str("]\n");
        }
        text
    }
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Array(all) => format!("[{}]", all.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let pairs: Vec<String> =
                table.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// A basic string of TOML, on one line whatever it holds.
fn quoted(text: &str) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => written.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(written, "\\u{:04X}", u32::from(c));
            }
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if bare { name.to_owned() } else { quoted(name) }
}

/// A name that may be a file's or a room's: small letters, digits and single hyphens.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_alphanumeric() || c == '.' && !slug.is_empty() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches(['-', '.']);
    if slug.is_empty() { "imported".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut fragment = Fragment::default();
        let nasty = "a\"b\\c\u{1}\n'''";
        let keys = Table::from_iter([
            ("kind".to_owned(), "irc".into()),
            ("keys".to_owned(), Value::Table(Table::from_iter([("#a b".to_owned(), nasty.into())]))),
        ]);
        fragment.bridges.insert("irc.example.org".into(), keys.clone());
        let options = Table::from_iter([("way".to_owned(), "in".into())]);
        fragment
            .links
            .push(("a@rooms.x".into(), vec![("b:#c".into(), options), ("b:#d".into(), Table::new())]));
        let read: Table = fragment.to_toml().parse().unwrap();
        assert_eq!(read["bridge"]["irc.example.org"], Value::Table(keys));
        assert_eq!(read["link"][0]["to"][0]["way"].as_str(), Some("in"));
        assert_eq!(read["link"][0]["to"][1].as_str(), Some("b:#d"));
    }

    #[test]
    fn names_of_files_and_rooms_are_plain() {
        for (name, plain) in
            [("My Gateway #1", "my-gateway-1"), ("../../etc", "etc"), ("#", "imported"), ("a..", "a")]
        {
            assert_eq!(slug(name), plain);
        }
    }
}
