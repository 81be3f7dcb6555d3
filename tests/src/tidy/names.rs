//! Names and words: the field's own, no network's in the server, nothing that gives up.

use super::source::{is_word, words};
use super::{Finding, Rust, Tree};

const FORBIDDEN: &[&str] = &[
    "manager",
    "handler",
    "helper",
    "helpers",
    "util",
    "utils",
    "common",
    "core",
    "data",
    "info",
    "processor",
    "context",
];
const FORBIDDEN_VERBS: &[&str] = &["get_", "do_", "process_"];
const NETWORKS: &[&str] = &["irc", "discord"];
const GIVING_UP: &[&str] = &[".unwrap()", ".expect(", "panic!", "todo!", "unimplemented!", "unreachable!"];
const NAMESPACES: &[&str] = &["urn:xmpp:", "urn:ietf:params:xml:ns:", "http://jabber.org/", "jabber:"];
const NAMESPACE_FILE: &str = "server/xmpp/src/ns.rs";

/// Names, words and namespaces in every Rust file.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.rust {
        findings.extend(file_name(file));
        findings.extend(type_and_function_names(file));
        findings.extend(networks(file));
        findings.extend(giving_up(file));
        findings.extend(namespaces(file));
    }
    findings
}

fn file_name(file: &Rust) -> Option<Finding> {
    let mut parts = file.path.strip_suffix(".rs")?.split(['/', '_', '-']);
    let word = parts.find(|part| FORBIDDEN.contains(&part.to_lowercase().as_str()))?;
    Some(Finding::new(&file.path, 0, format!("a file must not be named {word}")))
}

fn type_and_function_names(file: &Rust) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut before = "";
    for (at, word) in words(&file.source.code) {
        let kind = std::mem::replace(&mut before, word);
        let line = || file.source.line(at);
        // An associated type is called what its trait calls it.
        let is_associated = || kind == "type" && file.source.code[..at].ends_with("    type ");
        if ["struct", "enum", "trait", "type", "union"].contains(&kind) && !is_associated() {
            let named = camel_words(word).into_iter().find(|part| FORBIDDEN.contains(&part.as_str()));
            if let Some(part) = named {
                findings.push(Finding::new(&file.path, line(), format!("{word} says nothing with “{part}”")));
            }
        }
        if kind == "fn" && FORBIDDEN_VERBS.iter().any(|verb| word.starts_with(verb)) {
            findings.push(Finding::new(&file.path, line(), format!("fn {word}: say what it gives or does")));
        }
    }
    findings
}

/// `RosterItem` is `roster`, `item`.
fn camel_words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for c in name.chars() {
        if c.is_uppercase() || words.is_empty() {
            words.push(String::new());
        }
        if let Some(last) = words.last_mut() {
            last.extend(c.to_lowercase());
        }
    }
    words
}

/// Adding a network changes nothing in the server: it can have no word for one.
fn networks(file: &Rust) -> Vec<Finding> {
    let Some(inside) = file.path.strip_prefix("server/src/") else { return Vec::new() };
    // What other bridges were told is read in their words, and they have words for networks.
    if inside.starts_with("server.rs") || inside.starts_with("cli/import_bridge/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (number, line) in file.source.text.lines().enumerate() {
        for network in NETWORKS {
            if names_network(line, network) {
                let says = format!("{inside} names a network: {network}");
                findings.push(Finding::new(&file.path, number + 1, says));
            }
        }
    }
    findings
}

/// `irc`, `IRC`, `IrcLine`, `an_irc_name`; not `circle`.
fn names_network(line: &str, network: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    lower.match_indices(network).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + network.len()..].chars().next();
        let first_upper = line[at..].starts_with(|c: char| c.is_ascii_uppercase());
        let begins = !before.is_some_and(char::is_alphabetic)
            || (first_upper && before.is_some_and(char::is_lowercase));
        begins && !after.is_some_and(char::is_lowercase)
    })
}

/// A panic outside tests needs its reason on the line.
fn giving_up(file: &Rust) -> Vec<Finding> {
    let product = file.path.starts_with("server/") || file.path.starts_with("bridges/");
    if file.test || !product {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (number, line) in file.source.code.lines().enumerate() {
        let number = number + 1;
        let Some(what) = GIVING_UP.iter().find(|what| has_call(line, what)) else { continue };
        let above = file.source.line_text(number - 1).trim();
        let explained = file.source.line_text(number).contains("// holds:") || above.starts_with("// holds:");
        if !explained && !file.source.is_test_line(number) {
            findings.push(Finding::new(&file.path, number, format!("{what} without // holds: why")));
        }
    }
    findings
}

fn has_call(line: &str, what: &str) -> bool {
    line.match_indices(what).any(|(at, _)| {
        let after = &line[at + what.len()..];
        if what == ".expect(" {
            // A method of our own may bear that name; the one that panics takes words.
            return after.is_empty() || after.starts_with('"') || after.starts_with("&format!");
        }
        what.starts_with('.') || !at.checked_sub(1).is_some_and(|before| is_word(line.as_bytes()[before]))
    })
}

/// Every namespace is written once, in one file.
fn namespaces(file: &Rust) -> Vec<Finding> {
    if file.test || !file.path.starts_with("server/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for literal in &file.source.literals {
        let is_namespace = NAMESPACES.iter().any(|begin| literal.text.starts_with(begin));
        if !is_namespace || file.source.is_test_line(literal.line) || literal.text.contains(['{', ' ']) {
            continue;
        }
        if file.path != NAMESPACE_FILE {
            let says = format!("the namespace {} belongs into ns.rs", literal.text);
            findings.push(Finding::new(&file.path, literal.line, says));
        } else if seen.contains(&literal.text.as_str()) {
            let says = format!("the namespace {} is there already", literal.text);
            findings.push(Finding::new(&file.path, literal.line, says));
        }
        seen.push(&literal.text);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(path: &str, text: &str) -> Vec<String> {
        check(&Tree::made_up(&[(path, text)])).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn words_that_say_nothing_are_found_in_names() {
        assert_eq!(says("server/src/session_manager.rs", ""), ["a file must not be named manager"]);
        assert_eq!(says("server/src/a.rs", "pub struct RoomData;"), ["RoomData says nothing with “data”"]);
        assert_eq!(says("server/src/a.rs", "fn get_room() {}"), ["fn get_room: say what it gives or does"]);
        assert_eq!(says("server/src/a.rs", "struct Database; // Manager\nfn get() {}"), [""; 0]);
    }

    #[test]
    fn the_server_names_no_network() {
        for text in ["//! For IRC.", "fn irc_line() {}", "struct MyIrc;", "\"Discord\"", "use x::irc::Y;"] {
            assert_eq!(says("server/src/muc/a.rs", text).len(), 1, "{text}");
        }
        assert_eq!(says("server/src/muc/a.rs", "// a circle, circumspect, discordant"), [""; 0]);
        assert_eq!(says("server/src/server.rs", "// irc"), [""; 0]);
    }

    #[test]
    fn giving_up_needs_a_reason_outside_tests() {
        assert_eq!(says("server/src/a.rs", "a.unwrap();"), [".unwrap() without // holds: why"]);
        assert_eq!(says("bridges/src/a.rs", "panic!(\"no\");"), ["panic! without // holds: why"]);
        let fine = "a.unwrap(); // holds: just pushed\n// a.unwrap()\nlet b = \".unwrap()\";\na.unwrap_or(1);\n\
                    my_panic!();\nbatch.expect(key);\n#[cfg(test)]\nmod tests { fn a() { b.unwrap(); } }\n";
        assert_eq!(says("server/src/a.rs", fine), [""; 0]);
    }

    #[test]
    fn a_namespace_is_written_once() {
        let literal = "const NS: &str = \"urn:xmpp:ping\";";
        assert_eq!(
            says("server/src/features/ping.rs", literal),
            ["the namespace urn:xmpp:ping belongs into ns.rs"]
        );
        assert_eq!(says(NAMESPACE_FILE, literal), [""; 0]);
        let twice = format!("{literal}\n{literal}");
        assert_eq!(says(NAMESPACE_FILE, &twice), ["the namespace urn:xmpp:ping is there already"]);
    }
}
