//! The floors: who may name whom.

use super::source::{Source, is_word, words};
use super::{Finding, Rust, Tree};

/// The floors of `server/src` that have an order; whatever is not listed stands on top. The configuration is plain
/// values without a word about what stands above: every floor reads its section.
const FLOORS: &[(&str, u8)] = &[
    ("config", 2),
    ("credentials", 2),
    ("payloads", 2),
    ("random", 2),
    ("certs", 2),
    ("sessions", 3),
    ("features", 4),
    ("router", 5),
    ("muc", 6),
    ("services", 6),
    ("listeners", 7),
];
const TOP: u8 = 8;

/// Which members of the workspace a member's manifest may name.
const CRATES: &[(&str, &[&str])] = &[
    ("server/xmpp/Cargo.toml", &[]),
    ("server/store/Cargo.toml", &["rialto-xmpp"]),
    ("bridges/Cargo.toml", &[]),
    ("server/Cargo.toml", &["rialto-xmpp", "rialto-store", "rialto-bridges"]),
    ("tests/discord/Cargo.toml", &[]),
];
const MEMBERS: &[&str] =
    &["rialto", "rialto-xmpp", "rialto-store", "rialto-bridges", "rialto-tests", "rialto-fake-discord"];

/// Where the server may name the crate of bridges.
const TO_BRIDGES: &[&str] = &["muc/links", "muc/doors", "server", "cli/check"];

/// Floors look down only, features not at each other, and the crates as their manifests say.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let features = features(tree);
    for file in &tree.rust {
        let Some(inside) = file.path.strip_prefix("server/src/") else { continue };
        let module = module_path(inside);
        for used in paths(&file.source, &module) {
            findings.extend(looks_up(file, inside, &module, &used));
            findings.extend(names_a_feature(file, inside, &module, &used, &features));
        }
        findings.extend(names_bridges(file, inside));
    }
    findings.extend(manifests(tree));
    findings.dedup();
    findings
}

/// A path of modules as it is used somewhere, counted from the root of the crate.
#[derive(Debug, PartialEq, Eq)]
struct Used {
    at: usize,
    path: Vec<String>,
}

fn floor(module: &str) -> u8 {
    FLOORS.iter().find(|(name, _)| *name == module).map_or(TOP, |(_, floor)| *floor)
}

fn looks_up(file: &Rust, inside: &str, module: &[String], used: &Used) -> Option<Finding> {
    let (own, other) = (module.first()?, used.path.first()?);
    // A name that is no module of the house is a crate's, brought in by lib.rs, or a macro.
    if own == other || !is_floor_module(other) {
        return None;
    }
    let (mine, theirs) = (floor(own), floor(other));
    let way = match mine.cmp(&theirs) {
        std::cmp::Ordering::Less => "up",
        std::cmp::Ordering::Equal if (3..TOP).contains(&mine) => "across",
        _ => return None,
    };
    let line = file.source.line(used.at);
    Some(Finding::new(&file.path, line, format!("{inside} looks {way} to {other}")))
}

/// Everything on a floor, and those of the top that lower floors are most tempted to name.
fn is_floor_module(name: &str) -> bool {
    floor(name) < TOP || ["server", "main", "cli", "metrics", "admin", "check"].contains(&name)
}

/// The modules of `features` that state an `About`.
fn features(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in &tree.rust {
        let Some(inside) = file.path.strip_prefix("server/src/features/") else { continue };
        if inside != "mod.rs" && file.source.code.contains(": About =") {
            found.extend(module_path(inside).into_iter().next());
        }
    }
    found.dedup();
    found
}

fn names_a_feature(
    file: &Rust,
    inside: &str,
    module: &[String],
    used: &Used,
    features: &[String],
) -> Option<Finding> {
    let [house, own, ..] = module else { return None };
    let [other_house, other, ..] = used.path.as_slice() else { return None };
    let both_in = house == "features" && other_house == "features";
    // What is no feature itself (the seam, the list) may name those that are.
    if !both_in
        || !features.contains(other)
        || !features.contains(own)
        || own == other
        || file.test
        || file.source.is_test(used.at)
    {
        return None;
    }
    let line = file.source.line(used.at);
    Some(Finding::new(&file.path, line, format!("{inside} names another feature, {other}")))
}

fn names_bridges(file: &Rust, inside: &str) -> Option<Finding> {
    if file.test || TO_BRIDGES.iter().any(|place| inside.starts_with(place)) {
        return None;
    }
    let (at, _) = words(&file.source.code).find(|(_, word)| *word == "rialto_bridges")?;
    let says = format!("{inside} names the bridges; only {} may", TO_BRIDGES.join(", "));
    Some(Finding::new(&file.path, file.source.line(at), says))
}

fn manifests(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, allowed) in CRATES {
        let Some(text) = tree.text(path) else { continue };
        let mut table = "";
        for (number, line) in text.lines().enumerate() {
            if line.starts_with('[') {
                table = line.trim();
            }
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            let of_tests = table.contains("dev-dependencies");
            if MEMBERS.contains(&name) && !allowed.contains(&name) && !of_tests {
                findings.push(Finding::new(path, number + 1, format!("must not depend on {name}")));
            }
        }
    }
    findings
}

/// `muc/links/mod.rs` is `[muc, links]`; `lib.rs` is the root.
fn module_path(inside: &str) -> Vec<String> {
    let stem = inside.strip_suffix(".rs").unwrap_or(inside);
    let mut path: Vec<String> = stem.split('/').map(String::from).collect();
    let last = path.last().map(String::as_str).unwrap_or_default();
    if last == "mod" || (path.len() == 1 && ["lib", "main"].contains(&last)) {
        path.pop();
    }
    path
}

/// Every path that begins with `crate`, `super` or `self`, its groups spread out.
fn paths(source: &Source, module: &[String]) -> Vec<Used> {
    let code = source.code.as_bytes();
    let mut found = Vec::new();
    let mut nested: Vec<(usize, String)> = Vec::new(); // inline modules: where they end, their name
    let mut before = "";
    for (at, word) in words(&source.code) {
        nested.retain(|(end, _)| at < *end);
        if before == "mod"
            && let Some((open, b'{')) = source.body_or_end(at)
        {
            nested.push((source.closing(open), word.to_owned()));
        }
        before = word;
        let joined = at >= 2 && &code[at - 2..at] == b"::";
        let macro_root = at >= 1 && code[at - 1] == b'$';
        if joined || macro_root || !["crate", "super", "self"].contains(&word) {
            continue;
        }
        let mut base = module.to_vec();
        base.extend(nested.iter().map(|(_, name)| name.clone()));
        match word {
            "crate" => base.clear(),
            "super" => drop(base.pop()),
            _ => {}
        }
        spread(code, at + word.len(), base, at, &mut found);
    }
    found
}

/// Follows `::a::b` and `::{a, b::{c}}` from `at`; gives where it stopped.
fn spread(code: &[u8], at: usize, mut path: Vec<String>, begin: usize, found: &mut Vec<Used>) -> usize {
    let mut at = blanks(code, at);
    while code.get(at..at + 2) == Some(b"::") {
        at = blanks(code, at + 2);
        if code.get(at) == Some(&b'{') {
            return group(code, at + 1, &path, begin, found);
        }
        let end = at + code[at..].iter().take_while(|byte| is_word(**byte)).count();
        match &code[at..end] {
            b"super" => drop(path.pop()),
            b"self" => {}
            b"" => break, // a glob, or generic arguments
            word => path.push(String::from_utf8_lossy(word).into_owned()),
        }
        at = blanks(code, end);
    }
    found.push(Used { at: begin, path });
    at
}

fn group(code: &[u8], mut at: usize, path: &[String], begin: usize, found: &mut Vec<Used>) -> usize {
    loop {
        at = blanks(code, at);
        match code.get(at) {
            None => return at,
            Some(b'}') => return at + 1,
            Some(byte) if is_word(*byte) => {
                let end = at + code[at..].iter().take_while(|byte| is_word(**byte)).count();
                let mut inner = path.to_vec();
                match &code[at..end] {
                    b"self" => {}
                    b"super" => drop(inner.pop()),
                    word => inner.push(String::from_utf8_lossy(word).into_owned()),
                }
                at = spread(code, end, inner, begin, found);
                let rest = code[at..].iter().take_while(|byte| !b",}".contains(byte)).count(); // `as name`
                at += rest;
            }
            Some(_) => at += 1,
        }
    }
}

fn blanks(code: &[u8], at: usize) -> usize {
    at + code.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::made_up(files)).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn a_feature_that_names_the_router_looks_up() {
        let text = "use std::fmt;\nuse crate::{sessions::Session, router::{self, Router}};\n";
        let found = check(&Tree::made_up(&[("server/src/features/bad.rs", text)]));
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["server/src/features/bad.rs:2: features/bad.rs looks up to router"]
        );
    }

    #[test]
    fn a_path_in_the_middle_of_code_and_super_are_seen_too() {
        let call = [("server/src/sessions/a.rs", "fn a() { crate::router::go::<u8>() }")];
        assert_eq!(says(&call), ["sessions/a.rs looks up to router"]);
        let up = [("server/src/features/a.rs", "mod inner { use super::super::super::router::Router; }")];
        assert_eq!(says(&up), ["features/a.rs looks up to router"]);
        let in_group = [("server/src/muc/a.rs", "use super::super::{listeners as l};")];
        assert_eq!(says(&in_group), ["muc/a.rs looks up to listeners"]);
        assert_eq!(
            says(&[("server/src/muc/a.rs", "use crate::services::Upload;")]),
            ["muc/a.rs looks across to services"]
        );
    }

    #[test]
    fn looking_down_is_allowed_and_words_in_comments_are_nothing() {
        let files = [
            ("server/src/listeners/a.rs", "use crate::{muc::Host, router::Router, sessions::*};"),
            (
                "server/src/features/a.rs",
                "// crate::router\nconst A: &str = \"crate::router\";\nuse super::*;",
            ),
            ("server/src/server.rs", "use crate::listeners;"),
        ];
        assert_eq!(says(&files), [""; 0]);
    }

    #[test]
    fn features_never_name_each_other_but_may_in_tests() {
        let about = "static ABOUT: About = About {};";
        let files = [
            ("server/src/features/a.rs", about),
            ("server/src/features/turn.rs", ""),
            (
                "server/src/features/b.rs",
                "static ABOUT: About = About {};\nuse super::a::A;\nuse super::turn;",
            ),
            ("server/src/features/c.rs", "#[cfg(test)]\nmod tests { use crate::features::a; }"),
        ];
        assert_eq!(says(&files), ["features/b.rs names another feature, a"]);
    }

    #[test]
    fn bridges_are_named_by_links_and_by_the_server_file_alone() {
        let files = [
            ("server/src/muc/links/inward.rs", "use rialto_bridges::Act;"),
            ("server/src/muc/room.rs", "use rialto_bridges::Act;"),
        ];
        assert_eq!(
            says(&files),
            ["muc/room.rs names the bridges; only muc/links, muc/doors, server, cli/check may"]
        );
    }

    #[test]
    fn a_manifest_names_only_what_stands_below() {
        let files = [(
            "bridges/Cargo.toml",
            "[dependencies]\ntokio.workspace = true\nrialto-xmpp.workspace = true\n",
        )];
        assert_eq!(says(&files), ["must not depend on rialto-xmpp"]);
    }
}
