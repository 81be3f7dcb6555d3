//! Gateways: which channels are one, and which way words go. Each becomes a room with links.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::accounts::Accounts;
use super::source::Source;
use crate::cli::import_bridge::Ours;
use crate::cli::import_bridge::fragment::{Fragment, slug};
use crate::cli::import_bridge::report::Report;

/// A gateway that is enabled.
pub(super) struct Gateway {
    pub name: String,
    pub ends: Vec<End>,
}

/// A channel of a gateway.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// `protocol.name`.
    pub account: String,
    pub channel: String,
    /// What is said there goes to the others.
    pub gives: bool,
    /// What others say goes there.
    pub takes: bool,
    pub key: Option<String>,
}

impl End {
    /// The account's protocol.
    pub(super) fn protocol(&self) -> &str {
        self.account.split('.').next().unwrap_or_default()
    }
}

/// All gateways that are enabled, those of `[[samechannelgateway]]` among them.
pub(super) fn read(source: &Source, report: &mut Report) -> Vec<Gateway> {
    let mut all = Vec::new();
    let mut names = BTreeSet::new();
    for (number, table) in source.gateways.iter().enumerate() {
        let name = text(table, "name").map_or_else(|| format!("gateway-{}", number + 1), str::to_owned);
        let at = format!("gateway \"{name}\"");
        if !enabled(table) {
            report.ignored(at, "it is not enabled");
            continue;
        }
        if !names.insert(name.clone()) {
            report.ignored(at, "matterbridge takes no two gateways of one name");
            continue;
        }
        all.push(Gateway { ends: ends(table, &at, report), name });
    }
    for table in &source.same {
        let name = text(table, "name").unwrap_or("same");
        if !enabled(table) {
            report.ignored(format!("samechannelgateway \"{name}\""), "it is not enabled");
            continue;
        }
        let list = |key: &str| -> Vec<String> {
            let all = table.get(key).and_then(Value::as_array).into_iter().flatten();
            all.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        for channel in list("channels") {
            let accounts = list("accounts").into_iter();
            let end = |account: String| End::of(&account, &channel, (true, true), None);
            let name = format!("{name} {channel}");
            all.push(Gateway { name, ends: accounts.map(end).collect() });
        }
    }
    all
}

impl End {
    fn of(account: &str, channel: &str, (gives, takes): (bool, bool), key: Option<String>) -> End {
        let account = account.to_lowercase();
        let channel = if account.starts_with("irc.") { channel.to_lowercase() } else { channel.to_owned() };
        End { account, channel, gives, takes, key }
    }
}

/// A channel that is in `in` and in `out` is in both.
fn ends(gateway: &Table, at: &str, report: &mut Report) -> Vec<End> {
    let mut all: Vec<End> = Vec::new();
    for (kind, ways) in [("in", (true, false)), ("out", (false, true)), ("inout", (true, true))] {
        let entries = gateway.get(kind).and_then(Value::as_array).into_iter().flatten();
        for entry in entries.filter_map(Value::as_table) {
            let (account, channel) = (text(entry, "account"), text(entry, "channel"));
            let Some(account) = account else {
                report.ignored(format!("{at} {kind}"), "it names no account");
                continue;
            };
            // Only `api` has channels without names.
            let channel = channel.unwrap_or("api");
            let options = entry.get("options").and_then(Value::as_table);
            let key = options.and_then(|options| text(options, "key")).map(str::to_owned);
            if options.is_some_and(|options| options.contains_key("webhookurl")) {
                let note = "the bot makes its own webhooks where it may; the address is not needed";
                report.approximated(format!("{at} {kind} options.webhookurl"), note);
            }
            if options.is_some_and(|options| options.contains_key("topic")) {
                report.ignored(
                    format!("{at} {kind} options.topic"),
                    "topics within channels are not known here",
                );
            }
            let end = End::of(account, channel, ways, key);
            match all.iter_mut().find(|other| other.account == end.account && other.channel == end.channel) {
                Some(other) => {
                    (other.gives, other.takes) = (other.gives || end.gives, other.takes || end.takes);
                    other.key = other.key.take().or(end.key);
                }
                None => all.push(end),
            }
        }
    }
    all
}

/// Rooms with links, one for each gateway.
pub(super) fn link(
    gateways: &[Gateway],
    accounts: &Accounts,
    ours: &Ours<'_>,
    (report, fragment): (&mut Report, &mut Fragment),
) {
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for gateway in gateways {
        let at = format!("gateway \"{}\"", gateway.name);
        let room = room_of(gateway, &at, accounts, ours, report);
        let mut to: Vec<(String, Table)> = Vec::new();
        for end in gateway.ends.iter().filter(|end| end.protocol() != "xmpp") {
            let at = format!("{at} {} {}", end.account, end.channel);
            let Some(bridge) = accounts.bridge(&end.account) else {
                report.ignored(at, unlinkable(end, accounts));
                continue;
            };
            let far = format!("{bridge}:{}", channel_of(end));
            if let Some(other) = taken.get(&far) {
                report
                    .ignored(at, format!("{far} is linked to {other} already, and can be in one room only"));
                continue;
            }
            taken.insert(far.clone(), room.clone());
            let mut options = accounts.options(&end.account);
            let way = match (end.gives, end.takes) {
                (true, false) => Some("in"),
                (false, true) => Some("out"),
                _ => None,
            };
            if let Some(way) = way {
                options.insert("way".to_owned(), way.into());
            }
            report.imported(
                at,
                format!(
                    "{far}, {}",
                    match way {
                        Some("in") => "from there to the room alone",
                        Some(_) => "from the room to there alone",
                        None => "both ways",
                    }
                ),
            );
            if let Some(key) = &end.key {
                keep_key(fragment, bridge, &end.channel, key);
            }
            to.push((far, options));
        }
        if to.is_empty() {
            report.ignored(at, "nothing of it can be linked, so no room is made");
            continue;
        }
        match fragment.links.iter_mut().find(|(other, _)| *other == room) {
            Some((_, links)) => {
                report.approximated(
                    at,
                    format!("{room} has links of another gateway already: now all are one room"),
                );
                links.extend(to);
            }
            None => fragment.links.push((room, to)),
        }
    }
}

fn keep_key(fragment: &mut Fragment, bridge: &str, channel: &str, key: &str) {
    let keys = fragment.bridges.entry(bridge.to_owned()).or_default();
    let all = keys.entry("keys").or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(all) = all {
        all.insert(channel.to_owned(), key.into());
    }
}

/// The room of ours: the gateway's room of this server, or one that is named after the gateway.
fn room_of(gateway: &Gateway, at: &str, accounts: &Accounts, ours: &Ours<'_>, report: &mut Report) -> String {
    let mut rooms = Vec::new();
    for end in gateway.ends.iter().filter(|end| end.protocol() == "xmpp") {
        let at = format!("{at} {} {}", end.account, end.channel);
        if !accounts.is_ours(&end.account, ours) {
            let note = "a room on another XMPP server; only rooms of this server can be linked";
            report.ignored(at, note);
            continue;
        }
        // matterbridge writes the room's name alone, or its whole address.
        let local = end.channel.split('@').next().unwrap_or(&end.channel);
        let room = format!("{}@{}", local.to_lowercase(), ours.rooms);
        if !rooms.is_empty() {
            report.ignored(
                at,
                format!(
                    "the gateway is {} already, and rooms of ours are not linked to each other",
                    rooms.join(", ")
                ),
            );
            continue;
        }
        match (end.gives && end.takes, accounts.rooms_of(&end.account) == Some(ours.rooms)) {
            (true, true) => report.imported(at, room.clone()),
            (true, false) => {
                report.approximated(at, format!("{room}: rooms of this server are on {}", ours.rooms))
            }
            _ => {
                report.approximated(at, format!("{room}: the room itself hears and speaks; links have ways"))
            }
        }
        rooms.push(room);
    }
    rooms.into_iter().next().unwrap_or_else(|| {
        let room = format!("{}@{}", slug(&gateway.name), ours.rooms);
        report.imported(format!("{at} name"), format!("the room {room}"));
        room
    })
}

/// How we name the channel.
fn channel_of(end: &End) -> &str {
    match end.protocol() {
        "discord" => end.channel.strip_prefix("ID:").unwrap_or(&end.channel),
        _ => &end.channel,
    }
}

fn unlinkable(end: &End, accounts: &Accounts) -> String {
    if !accounts.knows(&end.account) {
        return format!("there is no account [{}]", end.account);
    }
    match end.protocol() {
        "api" => "its HTTP API is not offered; a component (XEP-0114) can stand in for it".to_owned(),
        other => format!("{other} is no network known here; a component (XEP-0114) can connect it"),
    }
}

fn enabled(table: &Table) -> bool {
    // Whoever leaves it out has it off there, too.
    matches!(table.get("enable"), Some(Value::Boolean(true)))
}

fn text<'a>(table: &'a Table, key: &str) -> Option<&'a str> {
    table.get(key).and_then(Value::as_str)
}
