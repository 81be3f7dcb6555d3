//! What an account lets pass and rewrites, as options of its links.

use toml::{Table, Value};

use super::source::Keys;
use crate::cli::import_bridge::report::Report;
use crate::config::{Pattern, Template};

/// The options that an account's filters are. Takes the keys that it has seen to.
pub(super) fn options(keys: &mut Keys, report: &mut Report) -> Table {
    let mut options = Table::new();
    let mut ignore = Table::new();
    // There a pattern may be anywhere in a nick; here it must be all of it.
    for (key, list, anywhere) in [("ignorenicks", "nicks", true), ("ignoremessages", "words", false)] {
        let Some((written, value)) = keys.remove(key) else { continue };
        let mut patterns = Vec::new();
        for text in value.as_str().unwrap_or_default().split_whitespace() {
            let ours = if anywhere { format!(".*(?:{text}).*") } else { text.to_owned() };
            match ours.parse::<Pattern>() {
                Ok(_) => patterns.push(Value::from(ours)),
                Err(why) => report.ignored(format!("{written} {text}"), why),
            }
        }
        if !patterns.is_empty() {
            report.approximated(written, format!("`ignore.{list}` of its links, whichever way words go"));
            ignore.insert(list.to_owned(), Value::Array(patterns));
        }
    }
    if !ignore.is_empty() {
        options.insert("ignore".to_owned(), Value::Table(ignore));
    }
    let mut rules = Vec::new();
    for (key, what) in [("replacenicks", "nicks"), ("replacemessages", "words")] {
        let Some((written, value)) = keys.remove(key) else { continue };
        let before = rules.len();
        for pair in value.as_array().into_iter().flatten() {
            let pair: Vec<&str> = pair.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let [find, with] = pair[..] else { continue };
            if let Err(why) = find.parse::<Pattern>() {
                report.ignored(format!("{written} {find}"), why);
                continue;
            }
            let mut rule = Table::new();
            for (key, value) in [("find", find), ("with", with), ("in", what), ("way", "in")] {
                rule.insert(key.to_owned(), value.into());
            }
            rules.push(Value::Table(rule));
        }
        if rules.len() > before {
            report.imported(written, "`rewrite` of its links, for what comes from there");
        }
    }
    if !rules.is_empty() {
        options.insert("rewrite".to_owned(), Value::Array(rules));
    }
    if let Some((written, value)) = keys.remove("remotenickformat") {
        nick(&written, value.as_str().unwrap_or_default(), &mut options, report);
    }
    options
}

/// How people from elsewhere are called there. What stands around a nick is ours: `<nick> words`.
fn nick(written: &str, format: &str, options: &mut Table, report: &mut Report) {
    let ours = format
        .replace("{NOPINGNICK}", "{NICK}")
        .replace("{NICK}", "{nick}")
        .replace("{PROTOCOL}", "{network}");
    let (mut kept, mut lost) = (String::new(), Vec::new());
    let mut left = ours.as_str();
    while let Some((before, after)) = left.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        kept.push_str(before);
        match name {
            "nick" | "network" => kept.push_str(&format!("{{{name}}}")),
            other => lost.push(format!("{{{other}}}")),
        }
        left = after;
    }
    kept.push_str(left);
    let kept = kept.replace(['<', '>'], "").replace("[]", "").replace("()", "");
    let kept = kept.trim().trim_end_matches(':').trim();
    if kept.parse::<Template>().is_err() {
        return report.ignored(written, "there is no {NICK} in it, so people keep their nicks");
    }
    if kept != "{nick}" {
        options.insert("nick".to_owned(), kept.into());
    }
    let lost = if lost.is_empty() { String::new() } else { format!(", without {}", lost.join(" ")) };
    let note =
        format!("`nick = \"{kept}\"`{lost}, written as <nick> where people have no names of their own");
    report.approximated(written, note);
}
