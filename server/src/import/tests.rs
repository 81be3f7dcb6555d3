//! XEP-0227: what was exported is imported, here and from others.

use std::path::PathBuf;

use rialto_store::accounts::Hash;
use rialto_store::archive::{Archive, Draft, Flags};
use rialto_store::pubsub::{self, Access, Config, Item, Node, Nodes};
use rialto_store::rosters::{self, Rosters, Subscription};
use rialto_store::{Batch, EngineKind, Settings, blocked, private, vcard};

use super::*;
use crate::credentials::{ScramHash, ScramKeys};
use crate::export::{Reader, Whose, write};

const ROMEO: &str = "romeo@localhost";

async fn import(store: &Store, path: &Path, dry: bool, overwrite: bool) -> Result<Vec<Report>, ImportError> {
    let domains = ["localhost".to_owned(), "montague.example".to_owned()];
    let mut reports = Vec::new();
    let wanted = Wanted { domains: &domains, dry, overwrite };
    run(store, path, wanted, &mut |report| reports.push(report)).await?;
    store.caught_up().await;
    Ok(reports)
}

/// A file with accounts of `localhost`.
fn file(folder: &tempfile::TempDir, users: &str) -> PathBuf {
    let path = folder.path().join("accounts.xml");
    let xml = format!(
        "<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='urn:xmpp:pie:0'><host jid='localhost'>{users}</host></server-data>"
    );
    std::fs::write(&path, xml).unwrap();
    path
}

fn exported(store: &Store) -> Vec<u8> {
    let mut out = Vec::new();
    write(store, &Whose::All, Reader::Operator, &mut out).unwrap();
    out
}

async fn verona(store: &Store) {
    crate::people::People::new(store).add(&BareJid::parse(ROMEO).unwrap(), "secret", false).await.unwrap();
    let mut batch = Batch::new();
    let juliet = rosters::Item {
        jid: "juliet@capulet.example".into(),
        name: Some("Juliet & more".into()),
        groups: vec!["Friends".into()],
        subscription: Subscription::Both,
        listed: true,
        ..rosters::Item::default()
    };
    let paris = rosters::Item {
        jid: "paris@localhost".into(),
        pending_in: Some("<presence xmlns='jabber:client' type='subscribe'/>".into()),
        ..rosters::Item::default()
    };
    for item in [juliet, paris] {
        Rosters::new(store).put(&mut batch, ROMEO, &item).unwrap();
    }
    vcard::put(&mut batch, ROMEO, b"<vCard xmlns='vcard-temp'><FN>Romeo</FN></vCard>");
    private::put(&mut batch, ROMEO, "exodus:prefs exodus", b"<exodus xmlns='exodus:prefs'><n>1</n></exodus>");
    blocked::put(&mut batch, ROMEO, "tybalt@capulet.example").unwrap();
    let config =
        Config { access: Access::Whitelist, max_items: None, title: "Rooms".into(), ..Config::default() };
    let node = Node { config, ..Node::default() };
    pubsub::put(&mut batch, ROMEO, "urn:xmpp:bookmarks:1", &node).unwrap();
    for (id, at) in [("b@rooms.localhost", 1), ("a@rooms.localhost", 2)] {
        let xml = "<conference xmlns='urn:xmpp:bookmarks:1'/>".to_owned();
        let item = Item { at, by: "romeo@localhost/phone".into(), xml };
        pubsub::put_item(&mut batch, (ROMEO, "urn:xmpp:bookmarks:1"), id, &item).unwrap();
    }
    let archive = Archive::new(store);
    for n in 0..300 {
        let stanza = format!(
            "<message xmlns='jabber:client' from='{ROMEO}/x' to='juliet@capulet.example' id='{n}' type='chat'><body>{n} &lt;3</body></message>"
        );
        let draft = Draft { with: "juliet@capulet.example", flags: Flags::SENT, stanza: stanza.as_bytes() };
        archive.append(&mut batch, ROMEO, &draft);
    }
    store.commit(batch).await.unwrap();
    store.caught_up().await;
}

#[tokio::test]
async fn what_is_exported_and_imported_is_the_same_over_both_engines() {
    let folder = tempfile::tempdir().unwrap();
    let source = Store::memory();
    verona(&source).await;
    let path = folder.path().join("all.xml");
    let before = exported(&source);
    std::fs::write(&path, &before).unwrap();
    for engine in [EngineKind::Memory, EngineKind::Sled] {
        let path_of_store = folder.path().join(engine.name());
        let target = Store::open(&Settings { engine, path: path_of_store, ..Settings::default() }).unwrap();
        let dry = import(&target, &path, true, false).await.unwrap();
        assert!(Accounts::new(&target).get(ROMEO).unwrap().is_none(), "a dry run changes nothing");
        let reports = import(&target, &path, false, false).await.unwrap();
        assert_eq!(dry, reports);
        assert!(
            reports[0].done && reports[0].left_out.is_empty() && reports[0].approximated.is_empty(),
            "{reports:?}"
        );
        let (one, other) =
            (String::from_utf8(before.clone()).unwrap(), String::from_utf8(exported(&target)).unwrap());
        for (line, (one, other)) in one.lines().zip(other.lines()).enumerate() {
            assert_eq!(one, other, "line {line}");
        }
        assert_eq!(one.len(), other.len());
        let again = import(&target, &path, false, false).await.unwrap();
        assert!(!again[0].done && again[0].left_out[0].contains("--overwrite"));
        assert!(import(&target, &path, false, true).await.unwrap()[0].done);
        assert_eq!(exported(&target).len(), before.len());
        target.close().await;
    }
}

#[tokio::test]
async fn a_password_comes_as_itself_or_as_keys_and_damaged_ones_are_refused_alone() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::memory());
    let users = "<user name='plain' password='pencil'/>\
        <user name='packed' password='scram:ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGln,c2FsdA==,x'/>\
        <user name='bad'><scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'><iter-count>1</iter-count></scram-credentials></user>\
        <user name='bare'/><user/>";
    let reports = import(&store, &file(&folder, users), false, false).await.unwrap();
    let done: Vec<bool> = reports.iter().map(|report| report.done).collect();
    assert_eq!(done, [true, false, false, true, false], "{reports:?}");
    let plain = Accounts::new(&store).get("plain@localhost").unwrap().unwrap();
    let kept = &plain.credentials[&Hash::Sha256];
    let keys = ScramKeys::derive(ScramHash::Sha256, "pencil", kept.salt.clone(), kept.iterations);
    assert_eq!(keys.stored_key, kept.stored_key);
    assert!(reports[3].approximated[0].contains("rialto user passwd"));
    assert!(Accounts::new(&store).get("bad@localhost").unwrap().is_none());
}

#[tokio::test]
async fn what_prosody_and_ejabberd_write_otherwise_is_taken() {
    use base64::Engine as _;
    let twice = |bytes: &[u8]| {
        let coder = base64::prelude::BASE64_STANDARD;
        coder.encode(coder.encode(bytes))
    };
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::memory());
    let keys = ScramKeys::derive(ScramHash::Sha1, "pencil", vec![7; 16], 4096);
    let packed =
        format!("scram:{},{},{},4096", twice(&keys.stored_key), twice(&keys.server_key), twice(&keys.salt));
    let host = format!(
        "<host xmlns='urn:xmpp:pie:0' jid='montague.example'><user name='romeo' password='{packed}'>\
         <offline-messages><message xmlns='jabber:client' from='juliet@capulet.example/x' to='romeo@montague.example' type='chat'><body>hark</body></message></offline-messages>\
         <query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'><conference jid='lounge@rooms.example' autojoin='true'><nick>r</nick></conference></storage></query>\
         <query xmlns='jabber:iq:privacy'><default name='a'/><list name='a'><item type='jid' value='paris@a' action='deny' order='1'/><item type='group' value='x' action='deny' order='2'/></list></query>\
         <pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><subscriptions node='tune'><subscription jid='juliet@capulet.example' subscribed='subscribed'/></subscriptions></pubsub>\
         <archive xmlns='urn:xmpp:pie:0#mam'><result xmlns='urn:xmpp:mam:2' id='1700000000000000'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2023-11-14T22:13:20Z'/>\
         <message xmlns='jabber:client' from='juliet@capulet.example/x' to='romeo@montague.example'><body>art thou</body></message></forwarded></result></archive>\
         <odd xmlns='urn:odd'/></user></host>"
    );
    std::fs::write(folder.path().join("montague.xml"), host).unwrap();
    let main = folder.path().join("main.xml");
    let include = |name: &str| {
        format!(
            "<server-data xmlns='urn:xmpp:pie:0' xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='{name}'/></server-data>"
        )
    };
    std::fs::write(&main, include("montague.xml")).unwrap();
    let report = import(&store, &main, false, false).await.unwrap().remove(0);
    assert!(report.done, "{report:?}");
    assert_eq!(
        report.left_out,
        ["<odd xmlns='urn:odd'/>", "1 rules of privacy lists"]
            .map(str::to_owned)
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );
    let (romeo, archive) = ("romeo@montague.example", Archive::new(&store));
    let kept = Accounts::new(&store).get(romeo).unwrap().unwrap();
    assert_eq!(kept.credentials[&Hash::Sha1].stored_key, keys.stored_key);
    assert_eq!(
        (archive.undelivered(romeo, 9).await.unwrap().len(), archive.count(romeo).await.unwrap()),
        (1, 1)
    );
    assert_eq!(blocked::load(&store, romeo).unwrap(), ["paris@a"]);
    let nodes = Nodes::new(&store);
    let room = nodes.item(romeo, "urn:xmpp:bookmarks:1", "lounge@rooms.example").unwrap().unwrap();
    assert!(room.xml.contains("autojoin") && room.xml.contains("<nick>r</nick>"), "{}", room.xml);
    assert_eq!(nodes.people(romeo).unwrap()[0].2.subscriptions.len(), 1);
    for name in ["../montague.xml", "/etc/passwd", "file:x", "missing.xml"] {
        std::fs::write(&main, include(name)).unwrap();
        assert!(matches!(import(&store, &main, false, true).await, Err(ImportError::File(_))), "{name}");
    }
}

#[tokio::test]
async fn a_bad_file_says_so_and_changes_nothing() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::memory());
    let path = file(&folder, "<user name='romeo' password='x'/><user name='juliet'>");
    for (text, says) in [
        (std::fs::read_to_string(&path).unwrap(), "no well-formed XML"),
        ("<blog/>".into(), "no export of accounts"),
        (String::new(), "no well-formed XML"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><server-data xmlns='urn:xmpp:pie:0'/>".into(), "no well-formed XML"),
    ] {
        std::fs::write(&path, text).unwrap();
        let why = import(&store, &path, false, false).await.unwrap_err().to_string();
        assert!(why.contains(says), "{why}");
    }
    assert!(Accounts::new(&store).list(None, 9).unwrap().is_empty());
    let other = file(&folder, "").with_file_name("other.xml");
    std::fs::write(&other, "<server-data xmlns='urn:xmpp:pie:0'><host jid='elsewhere.example'><user name='a' password='b'/></host></server-data>").unwrap();
    assert!(
        import(&store, &other, false, false).await.unwrap()[0].left_out[0]
            .contains("not among the `domains`")
    );
}

/// What a real ejabberd (23.01) and a real Prosody (0.12) have written, with accounts made for it.
#[tokio::test]
async fn exports_of_real_servers_let_people_log_in_with_their_passwords() {
    for sample in ["ejabberd.xml", "prosody"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/import/samples").join(sample);
        let store = Store::memory();
        let reports = import(&store, &path, false, false).await.unwrap();
        assert!(reports.len() == 2 && reports.iter().all(|report| report.done), "{sample}: {reports:?}");
        for name in ["romeo", "juliet"] {
            let account = Accounts::new(&store).get(&format!("{name}@localhost")).unwrap().unwrap();
            let kept = &account.credentials[&Hash::Sha1];
            let (password, salt) = (format!("secret-{name}"), kept.salt.clone());
            let keys = ScramKeys::derive(ScramHash::Sha1, &password, salt, kept.iterations);
            assert_eq!(
                (&keys.stored_key, &keys.server_key),
                (&kept.stored_key, &kept.server_key),
                "{sample}"
            );
        }
        let juliet = Rosters::new(&store).get(ROMEO, "juliet@localhost").unwrap().unwrap();
        assert_eq!(
            (juliet.name.as_deref(), &juliet.groups[..]),
            (Some("Juliet"), &["Friends".to_owned()][..])
        );
        assert_eq!(juliet.subscription == Subscription::Both, sample == "ejabberd.xml");
        if sample == "ejabberd.xml" {
            let waiting = Archive::new(&store).undelivered(ROMEO, 9).await.unwrap();
            assert_eq!(waiting.len(), 1, "a message that waits");
        }
    }
}
