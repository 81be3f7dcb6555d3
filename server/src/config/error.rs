//! Mistakes in a configuration, said with the line, the section and the nearest word that would be right.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A mistake: where it is, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("config{}{}: {text}", line_words(*.line), section_words(.section))]
pub struct ConfigError {
    /// Counted from 1; `None` where the whole file is meant.
    pub line: Option<usize>,
    /// The section as it is written, `[listen]`; empty above the first.
    pub section: String,
    /// What is wrong and what would be right.
    pub text: String,
}

fn line_words(line: Option<usize>) -> String {
    line.map(|line| format!(" line {line}")).unwrap_or_default()
}

fn section_words(section: &str) -> String {
    if section.is_empty() { String::new() } else { format!(", {section}") }
}

impl ConfigError {
    /// About the configuration as a whole.
    pub fn whole(text: impl Into<String>) -> ConfigError {
        ConfigError { line: None, section: String::new(), text: text.into() }
    }

    /// About the value at this path (`["listen", "tls"]`), which is looked for in the source. A path that is not
    /// written there gets the line of the nearest thing around it.
    pub fn at(source: &str, path: &[&str], text: impl Into<String>) -> ConfigError {
        let Ok(table) = DeTable::parse(source) else { return ConfigError::whole(text) };
        let mut line = None;
        let mut table = table.get_ref();
        for key in path {
            let Some((found, value)) = table.iter().find(|(name, _)| name.get_ref() == key) else { break };
            line = Some(line_of(source, found.span().start));
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => break,
            }
        }
        let section = path.split_last().map(|(_, sections)| brackets(sections, false)).unwrap_or_default();
        ConfigError { line, section, text: text.into() }
    }

    /// What the TOML reader says, in our words.
    pub(super) fn of_toml(source: &str, error: &toml::de::Error) -> ConfigError {
        let Some(span) = error.span() else { return ConfigError::whole(error.message()) };
        let line = Some(line_of(source, span.start));
        let Ok(table) = DeTable::parse(source) else {
            let text = format!("this is no TOML: {}", error.message().replace('\n', "; "));
            return ConfigError { line, section: String::new(), text };
        };
        let mut place = Place::default();
        find(table.get_ref(), &span, &mut place);
        let text = in_our_words(error.message(), place.path.last().map(String::as_str));
        let about_a_key = error.message().starts_with("unknown field");
        let known = if about_a_key || !place.is_section {
            place.path.len().saturating_sub(1)
        } else {
            place.path.len()
        };
        let sections: Vec<&str> = place.path[..known].iter().map(String::as_str).collect();
        ConfigError { line, section: brackets(&sections, place.in_list), text }
    }
}

fn line_of(source: &str, at: usize) -> usize {
    source.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

fn brackets(sections: &[&str], list: bool) -> String {
    match (sections.is_empty(), list) {
        (true, _) => String::new(),
        (false, false) => format!("[{}]", sections.join(".")),
        (false, true) => format!("[[{}]]", sections.join(".")),
    }
}

/// Where an offset lies.
#[derive(Default)]
struct Place {
    path: Vec<String>,
    /// The innermost thing is a section, not a value in one.
    is_section: bool,
    /// Inside a list of sections.
    in_list: bool,
}

/// Goes down to the key or value that holds the beginning of the span.
fn find(table: &DeTable<'_>, span: &Range<usize>, place: &mut Place) -> bool {
    for (key, value) in table {
        place.path.push(key.get_ref().to_string());
        if key.span().contains(&span.start) {
            place.is_section = matches!(value.get_ref(), DeValue::Table(_));
            return true;
        }
        if find_in(value, span, place) {
            return true;
        }
        place.path.pop();
    }
    false
}

fn find_in(value: &Spanned<DeValue<'_>>, span: &Range<usize>, place: &mut Place) -> bool {
    let here = value.span().contains(&span.start);
    match value.get_ref() {
        DeValue::Table(inner) => {
            if find(inner, span, place) {
                return true;
            }
            place.is_section = here;
            here
        }
        DeValue::Array(list) => {
            for item in list.iter() {
                if let DeValue::Table(_) = item.get_ref()
                    && find_in(item, span, place)
                {
                    place.in_list = true;
                    return true;
                }
            }
            here
        }
        _ => here,
    }
}

fn in_our_words(message: &str, key: Option<&str>) -> String {
    let words = quoted(message);
    if message.starts_with("unknown field")
        && let Some((wrong, known)) = words.split_first()
    {
        return unknown_key(wrong, known);
    }
    let custom = match key {
        Some(key) if !message.starts_with('`') => format!("`{key}`: {message}"),
        _ => message.to_owned(),
    };
    let key = key.map(|key| format!("`{key}` ")).unwrap_or_default();
    if message.starts_with("unknown variant")
        && let Some((wrong, known)) = words.split_first()
    {
        let known: Vec<String> = known.iter().map(|word| format!("\"{word}\"")).collect();
        return format!("{key}must be one of {}, not \"{wrong}\"", known.join(", "));
    }
    if message.starts_with("missing field")
        && let Some(missing) = words.first()
    {
        return format!("`{missing}` is missing");
    }
    for begin in ["invalid type: ", "invalid value: "] {
        if let Some((found, wanted)) =
            message.strip_prefix(begin).and_then(|rest| rest.split_once(", expected "))
        {
            return format!("{key}must be {}, not {}", wanted_words(wanted), found_words(found));
        }
    }
    custom
}

/// What to say of a key that nobody knows.
pub(super) fn unknown_key(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known) {
        Some(right) => format!("unknown key `{wrong}`; did you mean `{right}`?"),
        None if known.is_empty() => format!("unknown key `{wrong}`; none belongs here"),
        None => format!("unknown key `{wrong}`; known here: {}", known.join(", ")),
    }
}

fn wanted_words(wanted: &str) -> &str {
    match wanted {
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        "a boolean" => "true or false",
        "a string" => "a text in quotes",
        "a sequence" => "a list, as in [\"…\"]",
        struct_or_map if struct_or_map.starts_with("struct ") || struct_or_map == "a map" => "a section",
        other => other,
    }
}

fn found_words(found: &str) -> String {
    let found = found.replace('`', "");
    let numbers = ["integer ", "floating point ", "boolean "];
    let bare = numbers.iter().find_map(|kind| found.strip_prefix(kind));
    match (bare, found.as_str()) {
        (Some(value), _) => value.to_owned(),
        (None, "map") => "a section".to_owned(),
        (None, "sequence") => "a list".to_owned(),
        (None, _) => format!("the text {}", found.strip_prefix("string ").unwrap_or(&found)),
    }
}

/// The words between backticks.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// The known word with the fewest letters to change, if they are few enough for a slip.
pub(super) fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |word: &&str| changes(wrong, word);
    let best = known.iter().copied().min_by_key(distance)?;
    let contained = wrong.len() >= 3 && (best.contains(wrong) || wrong.contains(best));
    let slips = 1 + wrong.chars().count() / 4;
    if changes(wrong, best) <= slips || contained {
        return Some(best);
    }
    known.iter().copied().find(|word| wrong.len() >= 4 && word.split('_').any(|part| part == wrong))
}

/// How many letters must be added, removed, replaced or swapped with their neighbour.
fn changes(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let mut least = (row[j] + usize::from(from != to)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        let known = ["addresses", "starttls", "tls", "shutdown_timeout"];
        assert_eq!(nearest("adresses", &known), Some("addresses"));
        assert_eq!(nearest("address", &known), Some("addresses"));
        assert_eq!(nearest("starttsl", &known), Some("starttls"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn changes_are_counted() {
        for (a, b, n) in [("", "abc", 3), ("port", "prot", 1), ("same", "same", 0), ("kitten", "sitting", 3)]
        {
            assert_eq!(changes(a, b), n, "{a} {b}");
        }
    }

    #[test]
    fn a_mistake_found_later_gets_its_line() {
        let source = "domains = []\n\n[bridge.libera]\nkind = \"x\"\nserver = 5\n";
        let error = ConfigError::at(source, &["bridge", "libera", "server"], "is no name of a server");
        assert_eq!(error.to_string(), "config line 5, [bridge.libera]: is no name of a server");
        let error = ConfigError::at(source, &["bridge", "libera", "nick"], "nick is missing");
        assert_eq!(error.to_string(), "config line 3, [bridge.libera]: nick is missing");
    }
}
