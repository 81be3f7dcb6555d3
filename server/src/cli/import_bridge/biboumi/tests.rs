//! A configuration and a database as biboumi has them.

use super::*;
use crate::cli::import_bridge::report::Fate;
use crate::config::Config;

const CONF: &str = "# biboumi\nhostname=irc.example.org\npassword=sesame\nport=5347\nadmin=romeo@example.org:juliet@example.org\n\
                    db_name=/var/lib/biboumi/biboumi.sqlite\nrealname_customization=true\nidentd_port=0\nwibble=1\n";

const DUMP: &str = r#"PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE muclogline_ (id_ INTEGER PRIMARY KEY AUTOINCREMENT, uuid_ TEXT, owner_ TEXT, ircchanname_ TEXT, ircservername_ TEXT, date_ INTEGER, body_ TEXT, nick_ TEXT);
INSERT INTO muclogline_ VALUES(1,'u','romeo@example.org','#lounge','irc.libera.chat',1,'it''s; (here)','ann');
INSERT INTO muclogline_ VALUES(2,'v','romeo@example.org','#lounge','irc.libera.chat',2,replace('a\nb','\n',char(10)),'ann');
CREATE TABLE globaloptions_ (id_ INTEGER PRIMARY KEY AUTOINCREMENT, owner_ TEXT, maxhistorylength_ INTEGER, recordhistory_ INTEGER, persistent_ INTEGER);
INSERT INTO globaloptions_ VALUES(1,'romeo@example.org',20,0,0);
CREATE TABLE ircserveroptions_ (id_ INTEGER PRIMARY KEY AUTOINCREMENT, owner_ TEXT, server_ TEXT, pass_ TEXT, afterconnectioncommand_ TEXT, tlsports_ TEXT, ports_ TEXT, username_ TEXT, realname_ TEXT, verifycert_ INTEGER, trustedfingerprint_ TEXT, encodingout_ TEXT, encodingin_ TEXT, maxhistorylength_ INTEGER, nick_ TEXT DEFAULT '');
INSERT INTO ircserveroptions_ VALUES(1,'romeo@example.org','irc.libera.chat','hunter2','','7000;6697','6667','romeo','Romeo',1,NULL,'latin1','',20,'Romeo');
INSERT INTO ircserveroptions_ VALUES(2,'juliet@example.org','irc.libera.chat','','','6697','','','',0,'','','',20,'');
INSERT INTO ircserveroptions_ VALUES(3,'paris@example.org','irc.libera.chat','','','6697','','','',1,'','','',20,'');
INSERT INTO ircserveroptions_ VALUES(4,'juliet@example.org','irc.oftc.net','',replace('a\nb','\n',char(10)),'','6667','','',1,'','','',20,'');
CREATE TABLE ircchanneloptions_ (id_ INTEGER PRIMARY KEY AUTOINCREMENT, owner_ TEXT, server_ TEXT, channel_ TEXT, encodingout_ TEXT, encodingin_ TEXT, maxhistorylength_ INTEGER, persistent_ INTEGER, recordhistory_ INTEGER);
INSERT INTO ircchanneloptions_ VALUES(1,'romeo@example.org','irc.hackint.org','#lounge','','',20,1,NULL);
CREATE TABLE roster (local TEXT, remote TEXT);
INSERT INTO roster VALUES('#dev%irc.freenode.net@irc.example.org','romeo@example.org');
COMMIT;
"#;

fn imported() -> (Imported, Config) {
    let imported = read(CONF, Some(DUMP), &[]);
    let text = format!("domains = [\"example.org\"]\n{}", imported.fragment.to_toml());
    let config = Config::parse(&text).unwrap_or_else(|why| panic!("{why}\n{text}"));
    (imported, config)
}

#[test]
fn networks_are_bridges_whose_addresses_stay() {
    let (imported, config) = imported();
    let names: Vec<&str> = config.bridges.keys().map(String::as_str).collect();
    assert_eq!(names, ["irc.freenode.net", "irc.hackint.org", "irc.libera.chat", "irc.oftc.net"]);
    let libera = &config.bridges["irc.libera.chat"];
    assert_eq!(libera.domain, "irc.example.org");
    assert_eq!((&libera.settings["port"], &libera.settings["tls"]), (&6697.into(), &true.into()));
    let oftc = &config.bridges["irc.oftc.net"].settings;
    assert_eq!((&oftc["port"], &oftc["tls"]), (&6667.into(), &false.into()), "as its people had it");
    assert_eq!(imported.report.of("hostname").unwrap().0, Fate::Imported);
    assert_eq!(imported.report.of("irc.libera.chat: ports").unwrap().0, Fate::Approximated);
}

#[test]
fn what_is_one_persons_own_is_told_and_secrets_are_not_shown() {
    let (imported, _) = imported();
    let note = imported.report.of("irc.libera.chat: pass").unwrap();
    assert!(note.0 == Fate::Ignored && note.1.contains("romeo@example.org"), "{note:?}");
    assert_eq!(imported.report.of("#lounge%irc.hackint.org: Persistent").unwrap().0, Fate::Approximated);
    assert!(imported.report.of("irc.libera.chat: encodingout").unwrap().1.contains("latin1"));
    assert!(imported.report.of("the archive").unwrap().1.starts_with("2 messages"));
    let shown = format!("{}{}", imported.report, imported.fragment.to_toml());
    assert!(!shown.contains("hunter2") && !shown.contains("sesame"), "{shown}");
}

#[test]
fn keys_of_the_daemon_each_have_their_fate() {
    let (imported, _) = imported();
    assert_eq!(imported.report.of("admin").unwrap().0, Fate::Approximated);
    assert!(imported.fragment.to_toml().contains("admins = [\"romeo@example.org\", \"juliet@example.org\"]"));
    assert_eq!(imported.report.of("wibble").unwrap().1, "this key is not known here");
    assert!(imported.report.of("port").unwrap().1.contains("no component"));
    let fixed = read("hostname=irc.x\n", None, &[("BIBOUMI_FIXED_IRC_SERVER".into(), "irc.y.net".into())]);
    assert_eq!(fixed.report.of("fixed_irc_server").unwrap().0, Fate::Approximated);
    assert!(fixed.fragment.bridges.contains_key("irc.y.net"));
    assert!(fixed.report.of("the database").unwrap().1.contains("--database"));
}

#[test]
fn any_text_is_read_without_harm() {
    for text in [
        "INSERT INTO",
        "CREATE TABLE x",
        "INSERT INTO x VALUES('",
        "INSERT INTO x VALUES(replace(",
        "'",
        "(((",
    ] {
        let tables = Tables::read(text);
        assert!(tables.rows("y").is_empty());
    }
    let tables = Tables::read(
        "CREATE TABLE \"x\" (a TEXT, b TEXT);INSERT INTO x(b,a) VALUES('1',unistr('c\\u000ad')),(NULL,'2');",
    );
    assert_eq!(tables.rows("x")[0]["a"], "c\nd");
    assert_eq!(tables.rows("x")[1].get("b"), None);
}
