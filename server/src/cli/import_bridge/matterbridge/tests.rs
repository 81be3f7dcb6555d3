//! Configurations as people have them, and what becomes of each key.

use super::*;
use crate::cli::import_bridge::report::Fate;
use crate::config::{Config, Way};

const TWO: &str = r##"
[irc]
    [irc.Libera]
    Server = "irc.libera.chat:6697"
    UseTLS = true
    UseSASL = true
    Nick = "bridgebot"
    NickServNick = "bridge-account"
    NickServPassword = "sesame"
    MessageDelay = 1500
    ColorNicks = true
    Charset = "utf-8"
    RemoteNickFormat = "[{PROTOCOL}] <{NICK}> "
    IgnoreNicks = "otherbot relay[0-9]+ (?=x)"
    ReplaceNicks = [["^(.*)\\[m\\]$", "$1"]]

[discord.guild]
Token = "Bot MTk4NjIy.token"
Server = "ID:81384788765712384"
AutoWebhooks = true
RemoteNickFormat = "{NICK}"
Wibble = 1

[xmpp.home]
Server = "example.org:5222"
Jid = "bot@example.org"
Password = "secret"
Muc = "rooms.example.org"
Nick = "bot"

[telegram.tg]
Token = "1:2"

[general]
MediaServerDownload = "https://files.example.org"
IgnoreMessages = "^!"

[tengo]
InMessage = "in.tengo"

[[gateway]]
name = "lounge"
enable = true
    [[gateway.inout]]
    account = "irc.libera"
    channel = "#Lounge"
        [gateway.inout.options]
        key = "open"
    [[gateway.inout]]
    account = "xmpp.home"
    channel = "lounge"
    [[gateway.out]]
    account = "discord.guild"
    channel = "announcements"
    [[gateway.inout]]
    account = "telegram.tg"
    channel = "-100"

[[gateway]]
name = "Dev Talk"
enable = true
    [[gateway.in]]
    account = "irc.libera"
    channel = "#dev"
    [[gateway.out]]
    account = "irc.libera"
    channel = "#dev"
    [[gateway.in]]
    account = "discord.guild"
    channel = "ID:123456789012345678"
    [[gateway.inout]]
    account = "irc.libera"
    channel = "#lounge"

[[gateway]]
name = "asleep"
    [[gateway.inout]]
    account = "irc.libera"
    channel = "#asleep"
"##;

fn ours(domains: &[String]) -> Ours<'_> {
    Ours { domains, rooms: "rooms.example.org" }
}

fn imported(text: &str, environment: &[(&str, &str)]) -> Imported {
    let environment: Vec<(String, String)> =
        environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    read(text, false, &environment, &ours(&["example.org".to_owned()])).unwrap_or_else(|why| panic!("{why}"))
}

/// What is written, read as a configuration of ours.
fn config(imported: &Imported) -> Config {
    let text = format!("domains = [\"example.org\"]\n{}", imported.fragment.to_toml());
    Config::parse(&text).unwrap_or_else(|why| panic!("{why}\n{text}"))
}

#[test]
fn gateways_are_rooms_with_links_and_their_ways() {
    let imported = imported(TWO, &[]);
    let config = config(&imported);
    let links: Vec<(String, Vec<(String, Way)>)> = config
        .links
        .iter()
        .map(|link| {
            let to = link.to.iter().map(|to| (to.far.to_string(), to.options.way));
            (link.room.to_string(), to.collect())
        })
        .collect();
    let far = |name: &str, way: Way| (name.to_owned(), way);
    assert_eq!(
        links,
        [
            (
                "lounge@rooms.example.org".to_owned(),
                vec![far("discord-guild:announcements", Way::Out), far("libera:#lounge", Way::Both)]
            ),
            (
                "dev-talk@rooms.example.org".to_owned(),
                vec![far("libera:#dev", Way::Both), far("discord-guild:123456789012345678", Way::In)]
            ),
        ]
    );
    let of = |key: &str| imported.report.of(key).unwrap_or_else(|| panic!("{key} in\n{}", imported.report)).0;
    assert_eq!(of("gateway \"lounge\" telegram.tg -100"), Fate::Ignored);
    assert_eq!(of("gateway \"asleep\""), Fate::Ignored);
    let twice = imported.report.of("gateway \"Dev Talk\" irc.libera #lounge").unwrap();
    assert!(twice.0 == Fate::Ignored && twice.1.contains("lounge@rooms.example.org"), "{twice:?}");
}

#[test]
fn accounts_are_bridges_and_their_secrets_files() {
    let imported = imported(TWO, &[]);
    let config = config(&imported);
    let libera = &config.bridges["libera"];
    assert_eq!(libera.kind, "irc");
    let setting = |key: &str| libera.settings[key].clone();
    assert_eq!(setting("server").as_str(), Some("irc.libera.chat"));
    assert_eq!((setting("port").as_integer(), setting("tls").as_bool()), (Some(6697), Some(true)));
    assert_eq!(setting("interval").as_float(), Some(1.5));
    assert_eq!(setting("sasl")["user"].as_str(), Some("bridge-account"));
    assert_eq!(setting("keys")["#lounge"].as_str(), Some("open"));
    let guild = &config.bridges["discord-guild"].settings;
    assert_eq!(guild["guild"].as_str(), Some("81384788765712384"));
    assert_eq!(guild["webhooks"].as_bool(), Some(true));
    let secrets = &imported.fragment.secrets;
    assert_eq!(secrets["libera-nickserv.secret"], "sesame\n");
    assert_eq!(secrets["discord-guild-token.secret"], "MTk4NjIy.token\n");
    let shown = format!("{}{}", imported.report, imported.fragment.to_toml());
    assert!(!shown.contains("sesame") && !shown.contains("MTk4"), "{shown}");
    assert!(!config.bridges.contains_key("xmpp-home"), "our own rooms need no account");
    let strange = imported.report.of("discord.guild.Wibble").unwrap();
    assert_eq!(strange, (Fate::Ignored, "this key is not known here"));
    assert_eq!(imported.report.of("tengo").unwrap().0, Fate::Ignored);
    assert_eq!(imported.report.of("irc.Libera.ColorNicks").unwrap().0, Fate::Ignored);
}

#[test]
fn filters_and_formats_are_options_of_links() {
    let imported = imported(TWO, &[]);
    let config = config(&imported);
    let options = &config.links[0].to[1].options;
    assert!(options.ignore.nicks.iter().any(|pattern| pattern.finds("my-otherbot2")));
    assert_eq!(options.ignore.nicks.len(), 2, "what no linear pattern can be is left out");
    assert_eq!(imported.report.of("irc.Libera.IgnoreNicks (?=x)").unwrap().0, Fate::Ignored);
    assert!(options.ignore.words[0].finds("!roll"), "[general] holds for all accounts");
    assert_eq!(options.rewrite[0].with, "$1");
    assert_eq!(options.nick.fill(("romeo", "xmpp", "lounge"), 48), "[xmpp] romeo");
    let discord = &config.links[0].to[0].options;
    assert!(discord.nick.is_plain() && discord.ignore.nicks.is_empty());
}

#[test]
fn the_environment_has_the_last_word_and_its_secrets_are_files_as_well() {
    let environment = [("MATTERBRIDGE_IRC_LIBERA_PASSWORD", "from outside"), ("HOME", "/")];
    let imported = imported(TWO, &environment);
    assert_eq!(imported.fragment.secrets["libera-server.secret"], "from outside\n");
    let row = imported.report.of("MATTERBRIDGE_IRC_LIBERA_PASSWORD").unwrap();
    assert_eq!(row.0, Fate::Imported);
}

#[test]
fn a_samechannelgateway_is_a_room_for_each_channel() {
    let text = r##"
        [irc.a]
        Server = "a.example.org"
        [irc.b]
        Server = "b.example.org:6667"
        [[samechannelgateway]]
        name = "same"
        enable = true
        accounts = ["irc.a", "irc.b"]
        channels = ["#one", "#Two"]
    "##;
    let imported = imported(text, &[]);
    let config = config(&imported);
    assert_eq!(config.links.len(), 2);
    assert_eq!(config.links[1].room.as_str(), "same-two@rooms.example.org");
    assert_eq!(config.links[1].to[1].far.to_string(), "b:#two");
    assert_eq!(config.bridges["a"].settings["tls"].as_bool(), Some(false), "as it was");
}

#[test]
fn a_room_elsewhere_cannot_be_linked_and_json_is_read_as_well() {
    let text = r##"{
        "xmpp": {"away": {"Jid": "bot@far.example", "Muc": "muc.far.example"}},
        "irc": {"net": {"Server": "irc.example.org", "useTLS": true}},
        "gateway": [{"name": "g", "enable": true, "inout": [
            {"account": "xmpp.away", "channel": "room"}, {"account": "irc.net", "channel": "#g"},
            {"account": "irc.none", "channel": "#g"}]}]
    }"##;
    let imported =
        read(text, true, &[], &ours(&["example.org".to_owned()])).unwrap_or_else(|why| panic!("{why}"));
    let config = config(&imported);
    assert_eq!(config.links[0].room.as_str(), "g@rooms.example.org");
    let note = imported.report.of("gateway \"g\" xmpp.away room").unwrap().1;
    assert!(note.contains("another XMPP server"), "{note}");
    let none = imported.report.of("gateway \"g\" irc.none #g").unwrap().1;
    assert!(none.contains("there is no account"), "{none}");
}

#[test]
fn what_is_no_configuration_of_matterbridge_is_refused() {
    let read =
        |text: &str| read(text, false, &[], &ours(&[])).err().map(|why| why.to_string()).unwrap_or_default();
    assert!(read("gateway:\n  - name: a\n").contains("no TOML"));
    assert!(read("[irc.a]\nServer = 'x'\n").contains("yq -o toml"));
}
