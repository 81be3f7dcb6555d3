//! What `sqlite3 FILE .dump` writes: tables with their columns, and their rows.

use std::collections::BTreeMap;

/// A row, by the names of its columns. What is NULL is not there.
pub(super) type Row = BTreeMap<String, String>;

/// Tables, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    columns: BTreeMap<String, Vec<String>>,
    rows: BTreeMap<String, Vec<Row>>,
    counts: BTreeMap<String, usize>,
}

/// Rows of one table that are kept; others are counted.
const KEPT: usize = 100_000;

/// The largest table, which holds what was said: its rows are counted only.
const LOG: &str = "muclogline_";

impl Tables {
    /// Reads a dump. What is no `CREATE TABLE` and no `INSERT` is passed over.
    pub(super) fn read(text: &str) -> Tables {
        let mut tables = Tables::default();
        let mut words = Words { rest: text };
        while let Some(word) = words.next() {
            match word {
                Word::Name(verb) if verb.eq_ignore_ascii_case("create") => tables.create(&mut words),
                Word::Name(verb) if verb.eq_ignore_ascii_case("insert") => tables.insert(&mut words),
                _ => {}
            }
        }
        tables
    }

    /// Rows of a table.
    pub(super) fn rows(&self, table: &str) -> &[Row] {
        self.rows.get(table).map(Vec::as_slice).unwrap_or_default()
    }

    /// How many rows a table has.
    pub(super) fn count(&self, table: &str) -> usize {
        self.counts.get(table).copied().unwrap_or_default()
    }

    /// `TABLE [IF NOT EXISTS] name (column type …, …)`.
    fn create(&mut self, words: &mut Words<'_>) {
        let mut name = None;
        for word in words.by_ref() {
            match word {
                Word::Name(word) | Word::Text(word) => name = Some(word),
                Word::Sign('(') => break,
                Word::Sign(_) => return,
            }
        }
        let Some(name) = name else { return };
        let (mut columns, mut depth, mut first) = (Vec::new(), 1, true);
        for word in words.by_ref() {
            match word {
                Word::Sign('(') => depth += 1,
                Word::Sign(')') => depth -= 1,
                Word::Sign(',') if depth == 1 => first = true,
                Word::Sign(';') => break,
                Word::Name(word) | Word::Text(word) if first => {
                    columns.push(word.to_lowercase());
                    first = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        self.columns.insert(name.to_lowercase(), columns);
    }

    /// `INTO name [(columns)] VALUES (…)[, (…)];`
    fn insert(&mut self, words: &mut Words<'_>) {
        let mut name = None;
        let mut columns: Option<Vec<String>> = None;
        while let Some(word) = words.next() {
            match word {
                Word::Name(word) if word.eq_ignore_ascii_case("into") => {}
                Word::Name(word) if word.eq_ignore_ascii_case("values") => break,
                Word::Name(word) | Word::Text(word) if columns.is_none() => name = Some(word.to_lowercase()),
                Word::Sign('(') => {
                    let listed = words.by_ref().take_while(|word| *word != Word::Sign(')'));
                    columns =
                        Some(listed.filter_map(Word::into_text).map(|name| name.to_lowercase()).collect());
                }
                Word::Sign(';') => return,
                _ => {}
            }
        }
        let Some(name) = name else { return };
        let columns = columns.or_else(|| self.columns.get(&name).cloned()).unwrap_or_default();
        while let Some(word) = words.next() {
            match word {
                Word::Sign('(') => {
                    let values = values(words);
                    *self.counts.entry(name.clone()).or_default() += 1;
                    let rows = self.rows.entry(name.clone()).or_default();
                    if name != LOG && rows.len() < KEPT {
                        let pairs = columns.iter().cloned().zip(values);
                        rows.push(pairs.filter_map(|(column, value)| Some((column, value?))).collect());
                    }
                }
                Word::Sign(';') => return,
                _ => {}
            }
        }
    }
}

/// The values of a row, up to its closing parenthesis.
fn values(words: &mut Words<'_>) -> Vec<Option<String>> {
    let mut all = Vec::new();
    let mut value: Option<String> = None;
    while let Some(word) = words.next() {
        match word {
            Word::Sign(',') => all.push(value.take()),
            Word::Sign(')') => break,
            Word::Name(word) if word.eq_ignore_ascii_case("null") => value = None,
            Word::Name(word) if word.eq_ignore_ascii_case("replace") => value = Some(replaced(words)),
            Word::Name(word) if word.eq_ignore_ascii_case("unistr") => value = Some(unescaped(words)),
            Word::Name(word) | Word::Text(word) => value = Some(word),
            Word::Sign(_) => {}
        }
    }
    all.push(value);
    all
}

/// `replace('…','\n',char(10))`: line ends in the text of a dump.
fn replaced(words: &mut Words<'_>) -> String {
    let mut arguments: Vec<String> = Vec::new();
    let mut depth = 0;
    while let Some(word) = words.next() {
        match word {
            Word::Sign('(') => depth += 1,
            Word::Sign(')') => depth -= 1,
            Word::Name(name) if name.eq_ignore_ascii_case("replace") => arguments.push(replaced(words)),
            Word::Name(number) => {
                let code = number.parse().ok().and_then(char::from_u32);
                arguments.extend(code.map(String::from));
            }
            Word::Text(text) => arguments.push(text),
            Word::Sign(_) => {}
        }
        if depth == 0 {
            break;
        }
    }
    match &arguments[..] {
        [text, from, with] => text.replace(from.as_str(), with),
        _ => arguments.into_iter().next().unwrap_or_default(),
    }
}

/// `unistr('…\u000a…')`: what newer versions of sqlite3 write for control characters.
fn unescaped(words: &mut Words<'_>) -> String {
    let mut text = String::new();
    for word in words.by_ref() {
        match word {
            Word::Text(found) => text = found,
            Word::Sign(')') => break,
            _ => {}
        }
    }
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("\\u") {
        plain.push_str(before);
        let code = after.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        rest = match code {
            Some(c) => {
                plain.push(c);
                after.get(4..).unwrap_or_default()
            }
            None => after,
        };
    }
    plain.push_str(rest);
    plain
}

/// A word of SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    /// A name or a number.
    Name(String),
    /// In quotes of any kind.
    Text(String),
    /// `(`, `)`, `,`, `;` or anything else.
    Sign(char),
}

impl Word {
    fn into_text(self) -> Option<String> {
        match self {
            Word::Name(text) | Word::Text(text) => Some(text),
            Word::Sign(_) => None,
        }
    }
}

/// The words of a text.
struct Words<'a> {
    rest: &'a str,
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        self.rest = self.rest.trim_start();
        let first = self.rest.chars().next()?;
        let close = match first {
            '\'' | '"' | '`' => first,
            '[' => ']',
            c if is_of_a_name(c) => {
                let end = self.rest.find(|c| !is_of_a_name(c)).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                return Some(Word::Name(word.to_owned()));
            }
            c => {
                self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
                return Some(Word::Sign(c));
            }
        };
        let mut text = String::new();
        let mut rest = self.rest.get(1..).unwrap_or_default();
        loop {
            let Some((before, after)) = rest.split_once(close) else {
                text.push_str(rest);
                rest = "";
                break;
            };
            text.push_str(before);
            // A quote within is written twice.
            match after.strip_prefix(close) {
                Some(more) if close != ']' => {
                    text.push(close);
                    rest = more;
                }
                _ => {
                    rest = after;
                    break;
                }
            }
        }
        self.rest = rest;
        Some(Word::Text(text))
    }
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '+')
}
