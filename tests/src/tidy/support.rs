//! What is supported: `server/xeps.toml`, the features' own words about themselves, and README's table agree.
//!
//! `server/xeps.toml` is a list of `[[xep]]` with `number`, `title`, `version`, `status` and `file` (or `files`), from
//! `server/src` or from the top. README shows it between `<!-- xeps -->` and `<!-- /xeps -->`.

use std::collections::BTreeMap;

use super::source::Source;
use super::{Finding, Tree, module_folder};

const DATA: &str = "server/xeps.toml";
const README: &str = "README.md";
const BEGIN: &str = "<!-- xeps -->";
const END: &str = "<!-- /xeps -->";
const FEATURES: &str = "server/src/features/";

/// A row of the table.
struct Row {
    title: String,
    version: String,
    status: String,
    files: Vec<String>,
}

/// Rows against files, features against rows, phases against functions, README against rows.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = phases(tree);
    let Some(text) = tree.text(DATA) else {
        findings.extend(tree.text(README).map(|_| Finding::new(DATA, 0, "is missing")));
        return findings;
    };
    let rows = match rows(text) {
        Ok(rows) => rows,
        Err(says) => {
            findings.push(Finding::new(DATA, 0, says));
            return findings;
        }
    };
    findings.extend(missing_files(tree, &rows));
    findings.extend(features(tree, &rows));
    findings.extend(readme(tree, &rows));
    findings
}

/// README's text with its table made anew; `None` where there is no marked block or no data.
pub fn readme_made_anew(tree: &Tree) -> Option<String> {
    let rows = rows(tree.text(DATA)?).ok()?;
    let text = tree.text(README)?;
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}{END}{after}", table(&rows)))
}

fn rows(text: &str) -> Result<BTreeMap<u32, Row>, String> {
    let data: toml::Table = text.parse().map_err(|error| format!("is no TOML: {error}"))?;
    let list = data.get("xep").and_then(toml::Value::as_array).ok_or("has no [[xep]]")?;
    let mut rows = BTreeMap::new();
    for entry in list {
        let number = entry.get("number").and_then(toml::Value::as_integer);
        let number = number.and_then(|n| u32::try_from(n).ok()).ok_or("an [[xep]] has no number")?;
        let word = |key: &str| {
            let value = entry.get(key).and_then(toml::Value::as_str);
            value.map(String::from).ok_or_else(|| format!("XEP-{number:04} has no {key}"))
        };
        let mut files: Vec<String> =
            entry.get("file").and_then(toml::Value::as_str).map(String::from).into_iter().collect();
        let more = entry.get("files").and_then(toml::Value::as_array).into_iter().flatten();
        files.extend(more.filter_map(toml::Value::as_str).map(String::from));
        if files.is_empty() {
            return Err(format!("XEP-{number:04} has no file"));
        }
        let row = Row { title: word("title")?, version: word("version")?, status: word("status")?, files };
        if rows.insert(number, row).is_some() {
            return Err(format!("XEP-{number:04} is there twice"));
        }
    }
    Ok(rows)
}

fn missing_files(tree: &Tree, rows: &BTreeMap<u32, Row>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let there = |path: &str| {
        let path = path.trim_end_matches('/');
        tree.files
            .iter()
            .any(|f| f.path == path || f.path.strip_prefix(path).is_some_and(|r| r.starts_with('/')))
    };
    for (number, row) in rows {
        for file in &row.files {
            if !there(file) && !there(&format!("server/src/{file}")) && !there(&format!("server/{file}")) {
                findings.push(Finding::new(DATA, 0, format!("XEP-{number:04}: there is no {file}")));
            }
        }
    }
    findings
}

/// `spec: Spec::Xep(191, "1.3")` needs its row, with that version.
fn features(tree: &Tree, rows: &BTreeMap<u32, Row>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust.iter().filter(|file| file.path.starts_with(FEATURES) && !file.test) {
        for (at, _) in file.source.code.match_indices("Spec::Xep(") {
            let line = file.source.line(at);
            if file.source.is_test(at) {
                continue;
            }
            let Some((number, version)) = spec(&file.source.text[at + "Spec::Xep(".len()..]) else {
                continue;
            };
            let says = match rows.get(&number) {
                None => format!("XEP-{number:04} has no row in {DATA}"),
                Some(row) if row.version != version => {
                    format!("XEP-{number:04} is {version} here and {} in {DATA}", row.version)
                }
                Some(_) => continue,
            };
            findings.push(Finding::new(&file.path, line, says));
        }
    }
    findings
}

fn spec(arguments: &str) -> Option<(u32, &str)> {
    let (number, rest) = arguments.split_once(',')?;
    let version = rest.trim_start().strip_prefix('"')?.split('"').next()?;
    Some((number.trim().parse().ok()?, version))
}

/// A phase that a feature lists it must write, and the reverse.
fn phases(tree: &Tree) -> Vec<Finding> {
    let listed_at = |source: &Source| source.code.match_indices("at: &[").map(|(at, _)| at).next();
    let mut findings = Vec::new();
    for file in tree.rust.iter().filter(|file| file.path.starts_with(FEATURES) && !file.test) {
        let Some(at) = listed_at(&file.source) else { continue };
        if !file.source.code.contains(": About =") {
            continue;
        }
        let list = file.source.code[at..].split(']').next().unwrap_or_default();
        let listed: Vec<String> = list
            .split("Phase::")
            .skip(1)
            .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric()).collect::<String>().to_lowercase())
            .collect();
        let folder = format!("{}/", module_folder(&file.path));
        let written = |phase: &str| {
            let function = format!("fn {phase}(&self, turn");
            let own = |path: &str| path == file.path || path.starts_with(&folder);
            tree.rust.iter().any(|other| own(&other.path) && other.source.code.contains(&function))
        };
        for phase in PHASES {
            let (is_listed, is_written) = (listed.iter().any(|name| name == phase), written(phase));
            let says = match (is_listed, is_written) {
                (true, false) => format!("lists the phase {phase} and does not write it"),
                (false, true) => format!("writes the phase {phase} and does not list it"),
                _ => continue,
            };
            findings.push(Finding::new(&file.path, file.source.line(at), says));
        }
    }
    findings
}

const PHASES: &[&str] = &["outbound", "inbound", "undelivered", "bound", "available", "unbound", "removed"];

fn readme(tree: &Tree, rows: &BTreeMap<u32, Row>) -> Option<Finding> {
    let text = tree.text(README)?;
    if !text.contains(BEGIN) || !text.contains(END) {
        return Some(Finding::new(README, 0, format!("has no {BEGIN} … {END}")));
    }
    if readme_made_anew(tree).as_deref() == Some(text) {
        return None;
    }
    let says = format!(
        "the XEP table is not that of {DATA}; BLESS=1 cargo test --test tidy writes:\n{}",
        table(rows)
    );
    Some(Finding::new(README, 0, says))
}

fn table(rows: &BTreeMap<u32, Row>) -> String {
    let mut table = String::from("| XEP | Title | Version | Status | Where |\n|---|---|---|---|---|\n");
    for (number, row) in rows {
        let link = format!("[{number:04}](https://xmpp.org/extensions/xep-{number:04}.html)");
        let files: Vec<String> = row.files.iter().map(|file| format!("`{file}`")).collect();
        let files = files.join(", ");
        table += &format!("| {link} | {} | {} | {} | {files} |\n", row.title, row.version, row.status);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "[[xep]]\nnumber = 199\ntitle = \"XMPP Ping\"\nversion = \"2.0.1\"\nstatus = \"complete\"\n\
                       file = \"features/ping.rs\"\n";
    const PING: &str = "static ABOUT: About = About { spec: Spec::Xep(199, \"2.0.1\"), at: &[Phase::Inbound] };\n\
                        impl Feature for Ping { fn inbound(&self, turn: &mut Turn) {} }";

    fn says(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::made_up(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rows_features_and_readme_that_agree_are_fine() {
        let files = [(DATA, ROW), ("server/src/features/ping.rs", PING)];
        let readme = format!("# Rialto\n{BEGIN}\n{END}\nbye\n");
        let mut whole = files.to_vec();
        whole.push((README, &readme));
        let anew = readme_made_anew(&Tree::made_up(&whole)).unwrap();
        assert!(anew.contains("| [0199](https://xmpp.org/extensions/xep-0199.html) | XMPP Ping | 2.0.1 |"));
        whole[2].1 = &anew;
        assert_eq!(says(&whole), [""; 0]);
        whole[2].1 = &readme;
        assert!(says(&whole)[0].starts_with("README.md: the XEP table is not that of server/xeps.toml"));
    }

    #[test]
    fn a_feature_without_its_row_and_a_row_without_its_file_are_found() {
        assert_eq!(says(&[(DATA, ROW)]), ["server/xeps.toml: XEP-0199: there is no features/ping.rs"]);
        let older = PING.replace("2.0.1", "2.0");
        assert_eq!(
            says(&[(DATA, ROW), ("server/src/features/ping.rs", &older)]),
            ["server/src/features/ping.rs:1: XEP-0199 is 2.0 here and 2.0.1 in server/xeps.toml"]
        );
        let other = PING.replace("199", "198");
        assert_eq!(
            says(&[(DATA, ROW), ("server/src/features/ping.rs", &other)]),
            ["server/src/features/ping.rs:1: XEP-0198 has no row in server/xeps.toml"]
        );
    }

    #[test]
    fn phases_listed_are_phases_written() {
        let unwritten = PING.replace("fn inbound", "fn outbound");
        assert_eq!(
            says(&[("server/src/features/ping.rs", &unwritten)]),
            [
                "server/src/features/ping.rs:1: writes the phase outbound and does not list it",
                "server/src/features/ping.rs:1: lists the phase inbound and does not write it",
            ]
        );
    }
}
