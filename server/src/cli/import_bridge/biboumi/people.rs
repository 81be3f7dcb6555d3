//! What people have said to biboumi: which networks they use, and how.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::dump::{Row, Tables};
use crate::cli::import_bridge::report::Report;

const SERVERS: &str = "ircserveroptions_";
const CHANNELS: &str = "ircchanneloptions_";
const GLOBAL: &str = "globaloptions_";
const ROSTER: &str = "roster";
const LOG: &str = "muclogline_";

/// Columns of a server that are one person's own, and how he says it again.
const PERSONAL: &[(&str, &str)] = &[
    ("pass_", "a password of"),
    ("saslpassword_", "the SASL password of"),
    ("nick_", "the nick of"),
    ("username_", "the user name of"),
    ("realname_", "the real name of"),
    ("afterconnectioncommand_", "commands after connecting of"),
];

/// All networks that somebody uses, and the one that is fixed.
pub(super) fn servers(tables: &Tables, fixed: Option<&str>) -> BTreeSet<String> {
    let said = [SERVERS, CHANNELS].into_iter().flat_map(|table| tables.rows(table));
    let said = said.filter_map(|row| row.get("server_").cloned());
    // `#channel%irc.example.org@gateway`, `nick%irc.example.org@gateway`, `irc.example.org@gateway`.
    let contacts = tables.rows(ROSTER).iter().filter_map(|row| {
        let local = row.get("local")?.split('@').next()?;
        Some(local.rsplit(['%', '!']).next()?.to_owned())
    });
    let all = said.chain(contacts).chain(fixed.map(str::to_owned));
    all.map(|name| name.to_lowercase()).filter(|name| is_host(name)).collect()
}

fn is_host(name: &str) -> bool {
    name.contains('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c))
}

/// Ports and certificates of a network: as most people have them.
pub(super) fn choose(tables: &Tables, name: &str, bridge: &mut Table, report: &mut Report) {
    let rows: Vec<&Row> = tables.rows(SERVERS).iter().filter(|row| is_of(row, name)).collect();
    let at = |key: &str| format!("{name}: {key}");
    let most = |column: &str| {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for value in rows.iter().filter_map(|row| row.get(column)) {
            *votes.entry(value).or_default() += 1;
        }
        let several = votes.len() > 1;
        votes.into_iter().max_by_key(|(_, votes)| *votes).map(|(value, _)| (value.to_owned(), several))
    };
    let first = |ports: &str| ports.split(';').find_map(|port| port.trim().parse::<u16>().ok());
    let tls = most("tlsports_").map_or(Some(6697), |(ports, _)| first(&ports));
    let plain = most("ports_").map_or(Some(6667), |(ports, _)| first(&ports));
    let (port, on) = match (tls, plain) {
        (Some(port), _) => (port, true),
        (None, Some(port)) => (port, false),
        (None, None) => (6697, true),
    };
    bridge.insert("port".to_owned(), i64::from(port).into());
    bridge.insert("tls".to_owned(), on.into());
    let several = most("tlsports_").is_some_and(|(_, several)| several);
    let note = format!("`port = {port}`, `tls = {on}`");
    match several {
        true => report.approximated(at("ports"), format!("{note}, as most people have it")),
        false if on && tls.is_some() => {
            report.approximated(at("ports"), format!("{note}; there is no falling back to the clear"))
        }
        false => report.imported(at("ports"), note),
    }
    if let Some((address, _)) = most("address_").filter(|(address, _)| !address.is_empty()) {
        bridge.insert("server".to_owned(), Value::from(address.as_str()));
        bridge.insert("tls_name".to_owned(), Value::from(name));
        report.imported(at("Address"), "`server`");
        if !on {
            bridge.remove("tls_name");
        }
    }
    if rows.iter().any(|row| row.get("verifycert_").is_some_and(|on| on == "0")) {
        report.ignored(
            at("Verify certificate"),
            "certificates are always verified; `ca_file` names a private authority",
        );
    }
    if rows.iter().any(|row| row.get("trustedfingerprint_").is_some_and(|print| !print.is_empty())) {
        report.ignored(at("SHA-1 fingerprint"), "certificates are verified; SHA-1 is no proof any more");
    }
    if rows.iter().any(|row| row.get("throttlelimit_").is_some_and(|limit| limit.starts_with('-'))) {
        report.ignored(at("Throttle limit"), "lines are always paced: see `burst` and `interval`");
    }
}

fn is_of(row: &Row, name: &str) -> bool {
    row.get("server_").is_some_and(|server| server.eq_ignore_ascii_case(name))
}

/// What is one person's alone is told, and whose it is. Secrets are not shown.
pub(super) fn tell(tables: &Tables, report: &mut Report) {
    for row in tables.rows(SERVERS) {
        let (owner, server) = (of(row, "owner_"), of(row, "server_"));
        for (column, what) in PERSONAL {
            if row.get(*column).is_some_and(|value| !value.is_empty()) {
                let key = format!("{server}: {}", column.trim_end_matches('_'));
                report.ignored(key, format!("{what} {owner}, who says it again to the bridge"));
            }
        }
        encodings(row, &server, report);
    }
    for row in tables.rows(CHANNELS) {
        let at = format!("{}%{}", of(row, "channel_"), of(row, "server_"));
        if row.get("persistent_").is_some_and(|on| on == "1") {
            let note = format!("{} stays in it as long as a client of his is in the room", of(row, "owner_"));
            report.approximated(format!("{at}: Persistent"), note);
        }
        encodings(row, &at, report);
    }
    for row in tables.rows(GLOBAL) {
        if row.get("recordhistory_").is_some_and(|on| on == "0") {
            let note =
                format!("{} wants no history; rooms have one for all or for nobody", of(row, "owner_"));
            report.ignored("Record History", note);
        }
    }
    match tables.count(LOG) {
        0 => {}
        lines => report.ignored(
            "the archive",
            format!("{lines} messages, kept for one person each; rooms begin with an archive of their own"),
        ),
    }
    match tables.rows(ROSTER).len() {
        0 => {}
        contacts => {
            report.ignored("the roster", format!("{contacts} contacts of biboumi itself; rooms need none"))
        }
    }
}

fn encodings(row: &Row, at: &str, report: &mut Report) {
    for column in ["encodingin_", "encodingout_"] {
        let wanted = row.get(column).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("utf-8"));
        if let Some(wanted) = wanted {
            let note = format!("{wanted}: UTF-8 is written; what is not UTF-8 is read as Windows-1252");
            report.ignored(format!("{at}: {}", column.trim_end_matches('_')), note);
        }
    }
}

fn of(row: &Row, column: &str) -> String {
    row.get(column).filter(|value| !value.is_empty()).cloned().unwrap_or_else(|| "everybody".to_owned())
}
