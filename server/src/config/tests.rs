//! What the configuration says of mistakes, and that the file shown to operators is true.

use super::*;
use std::time::Duration;

const SHOWN: &str = include_str!("../../../config/rialto.toml");
const FAMILY: &str = include_str!("../../../config/family.toml");
const COMMUNITY: &str = include_str!("../../../config/community.toml");

fn says(source: &str) -> String {
    Config::parse(source).unwrap_err().to_string()
}

#[test]
fn nothing_at_all_is_a_server_for_localhost() {
    let config = Config::parse("").unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.domains, ["localhost"]);
    assert_eq!(config.listen.addresses, Listen::loopback());
    assert_eq!(config.rooms.domain, "rooms.localhost");
    assert_eq!(config.store.path, Path::new("data/store"));
}

#[test]
fn what_is_not_said_follows_from_what_is() {
    let source = "domains = [\"Example.ORG\"]\ndata = \"/var/lib/rialto\"\n[rooms]\nhistory = 3\n";
    let config = Config::parse(source).unwrap();
    assert_eq!(config.domains, ["example.org"]);
    assert_eq!(config.listen.addresses, Listen::everywhere());
    assert_eq!(config.rooms.domain, "rooms.example.org");
    assert_eq!(config.store.path, Path::new("/var/lib/rialto/store"));
    assert_eq!(config.admin_socket(), Path::new("/var/lib/rialto/admin.sock"));
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    let source = "domains = [\"localhost\"]\n\n[listen]\nstartls = 5222\n";
    assert_eq!(says(source), "config line 4, [listen]: unknown key `startls`; did you mean `starttls`?");
    let source = "[listne]\ntls = 1\n";
    assert_eq!(says(source), "config line 1: unknown key `listne`; did you mean `listen`?");
    let source = "[version]\nanswer = true\ncolour = 1\n";
    assert_eq!(says(source), "config line 3, [version]: unknown key `colour`; known here: answer, os");
    assert_eq!(says("domain = \"a\"\n"), "config line 1: unknown key `domain`; did you mean `domains`?");
    let source = "[[link]]\nroom = \"a@rooms.localhost\"\nto = []\nwhere = 1\n";
    assert_eq!(says(source), "config line 4, [[link]]: unknown key `where`; known here: room, to");
}

#[test]
fn a_value_of_the_wrong_kind_is_refused() {
    for (source, text) in [
        (
            "[listen]\ntls = \"x\"",
            "config line 2, [listen]: `tls` must be a port from 0 to 65535, or false, not the text \"x\"",
        ),
        (
            "[listen]\n\ntls = 70000",
            "config line 3, [listen]: `tls`: 70000 is no port; write one from 0 to 65535",
        ),
        ("[c2s]\nplain = 1", "config line 2, [c2s]: `plain` must be true or false, not 1"),
        (
            "[c2s]\nfailures = -1",
            "config line 2, [c2s]: `failures` must be a whole number from 0 to 4294967295, not -1",
        ),
        (
            "[store]\nengine = \"sqlite\"",
            "config line 2, [store]: `engine` must be one of \"memory\", \"sled\", \"redb\", not \"sqlite\"",
        ),
        (
            "domains = \"localhost\"",
            "config line 1: `domains` must be a list, as in [\"…\"], not the text \"localhost\"",
        ),
        ("listen = 1", "config line 1: `listen` must be a section, not 1"),
        ("[[link]]\nto = []", "config line 1, [[link]]: `room` is missing"),
    ] {
        assert_eq!(says(source), text);
    }
}

#[test]
fn a_bad_value_is_refused_with_one_that_would_do() {
    for (source, text) in [
        (
            "[archive]\nretention = \"1y\"",
            "config line 2, [archive]: `retention`: \"1y\" is no duration; write one like \"30s\", \"10m\", \"12h\" or \"7d\" or \"forever\"",
        ),
        (
            "[c2s]\nstanza_bytes = \"64 KB\"",
            "config line 2, [c2s]: `stanza_bytes`: \"64 KB\" is no size; write one like \"64 KiB\" or \"4 MiB\"",
        ),
        (
            "[listen]\naddresses = [\"here\"]",
            "config line 2, [listen]: `addresses`: \"here\" is no IP address, as in [\"0.0.0.0\", \"::\"]",
        ),
        (
            "domains = [\"a@b\"]",
            "config line 1: `domains`: \"a@b\" is an address; a domain alone is wanted, as in \"example.org\"",
        ),
        (
            "domains = []",
            "config line 1: `domains`: a server needs at least one domain, as in [\"example.org\"]",
        ),
        ("admins = [\"localhost\"]", "config line 1: `admins`: \"localhost\" is a domain, not an account"),
        (
            "[log]\nlevel = \"a=b=c\"",
            "config line 2, [log]: `level`: \"a=b=c\" is no level; write error, warn, info, debug or trace, or rialto::muc=debug,info",
        ),
        (
            "[log]\nlevel = \"verbose\"",
            "config line 2, [log]: `level`: \"verbose\" is no level; write error, warn, info, debug or trace, or rialto::muc=debug,info",
        ),
        ("[archive]\npage = 500", "config line 2, [archive]: `page` must not be larger than `max_page`"),
        (
            "[rooms]\ndomain = \"localhost\"",
            "config line 2, [rooms]: `domain` is localhost, which is a domain of accounts; rooms need one of their own",
        ),
    ] {
        assert_eq!(says(source), text);
    }
}

#[test]
fn what_is_no_toml_is_said_with_its_line() {
    let text = says("domains = [\"localhost\"]\n\n[listen\ntls = 1\n");
    assert!(text.starts_with("config line 3: this is no TOML: "), "{text}");
    let text = says("[listen]\ntls = 1\ntls = 2\n");
    assert!(text.starts_with("config line 3: this is no TOML: "), "{text}");
}

#[test]
fn a_link_needs_its_bridge_and_its_room() {
    let bridge = "[bridge.libera]\nkind = \"x\"\n";
    let source = format!("{bridge}[[link]]\nroom = \"a@rooms.localhost\"\nto = [\"libra:#a\"]\n");
    assert_eq!(
        says(&source),
        "config line 3, [link]: \"libra:#a\" names no bridge here; did you mean \"libera:#a\"?"
    );
    let source = format!("{bridge}[[link]]\nroom = \"a@localhost\"\nto = [\"libera:#a\"]\n");
    assert!(says(&source).ends_with("a@localhost is no room of this server; rooms are on rooms.localhost"));
    let one = "[[link]]\nroom = \"a@rooms.localhost\"\nto = [\"libera:#a\"]\n";
    let two = one.replace("a@", "b@");
    assert!(says(&format!("{bridge}{one}{two}")).contains("is linked to a@rooms.localhost already"));
    assert!(Config::parse(&format!("{bridge}{one}")).is_ok());
}

#[test]
fn a_bridge_keeps_its_own_keys_and_needs_a_kind() {
    let source =
        "[bridge.libera]\nkind = \"x\"\nserver = \"example.org\"\n[bridge.libera.sasl]\nuser = \"me\"\n";
    let config = Config::parse(source).unwrap();
    let bridge = &config.bridges["libera"];
    assert_eq!((bridge.kind.as_str(), bridge.domain.as_str()), ("x", "x.localhost"));
    assert_eq!(bridge.settings.keys().collect::<Vec<_>>(), ["sasl", "server"]);
    assert_eq!(config.all_domains(), ["localhost", "rooms.localhost", "x.localhost"]);
    let text = says("\n[bridge.libera]\nserver = \"x\"\n");
    assert_eq!(text, "config line 2, [bridge.libera]: `kind` is missing: which network is it?");
    let text = says("[bridge.a]\nkind = \"x\"\ndomain = \"localhost\"\n");
    assert!(text.starts_with("config line 3, [bridge.a]: `domain` is localhost, which is taken"), "{text}");
}

#[test]
fn paths_begin_at_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rialto.toml");
    std::fs::write(&file, "data = \"kept\"\n[certs]\nfolder = \"/etc/certs\"\n").unwrap();
    let config = Config::load(&file).unwrap();
    assert_eq!(config.data, folder.path().join("kept"));
    assert_eq!(config.store.path, folder.path().join("kept/store"));
    assert_eq!(config.certs.folder, Path::new("/etc/certs"));
    let missing = Config::load(&folder.path().join("none.toml")).unwrap_err().to_string();
    assert!(missing.contains("none.toml cannot be read"), "{missing}");
}

#[test]
fn the_file_shown_to_operators_holds_every_key_at_its_default() {
    let mut shown = Config::parse(SHOWN).unwrap();
    shown.origin = Origin::default();
    assert_eq!(shown, Config::default());
    let table: toml::Table = SHOWN.parse().unwrap();
    let mut sections = vec![String::new()];
    sections.extend(table.iter().filter(|(_, value)| value.is_table()).map(|(name, _)| name.clone()));
    for section in sections {
        let here = if section.is_empty() { &table } else { table[&section].as_table().unwrap() };
        for key in known_keys(&section) {
            let commented =
                ["blocklist", "bridge", "component", "external_service", "link"].contains(&key.as_str());
            assert!(here.contains_key(&key) || commented, "[{section}] {key} is not in config/rialto.toml");
        }
    }
}

/// Serde lists the keys it knows when it meets one that it does not.
fn known_keys(section: &str) -> Vec<String> {
    let source =
        if section.is_empty() { "zzzzzzzz = 1".to_owned() } else { format!("[{section}]\nzzzzzzzz = 1") };
    let error = toml::from_str::<Config>(&source).unwrap_err();
    error.message().split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

#[test]
fn a_reload_says_what_must_wait() {
    let before = Config::parse("[log]\nlevel = \"info\"\n").unwrap();
    let after = Config::parse("[log]\nlevel = \"debug\"\n[c2s]\nfailures = 3\n").unwrap();
    assert_eq!(before.waits_for_restart(&after), [""; 0]);
    let after = Config::parse("[listen]\ntls = false\n[log]\nformat = \"json\"\n").unwrap();
    assert_eq!(before.waits_for_restart(&after), ["[listen]", "[log] format"]);
}

#[test]
fn the_examples_are_sound() {
    let family = Config::parse(FAMILY).unwrap();
    assert_eq!(family.domains.len(), 1);
    let community = Config::parse(COMMUNITY).unwrap();
    assert!(!community.links.is_empty() && !community.bridges.is_empty());
    assert_eq!(Config::default().sessions.hibernation, Duration::from_secs(600));
}
