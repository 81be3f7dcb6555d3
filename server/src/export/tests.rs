//! XEP-0227: what is written is read back.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use rialto_store::accounts::{Credential, Hash};
use rialto_store::archive::{Archive, Draft, Flags};
use rialto_store::pubsub::{self, Affiliation, Config, Item, Node, Person};
use rialto_store::rosters::{self, Rosters, Subscription};
use rialto_store::{Batch, blocked, private, vcard};
use rialto_xmpp::{Element, parse};

use super::*;

/// More than two pages.
const MESSAGES: usize = 450;

async fn account(store: &Store, name: &str) {
    let keys = Credential {
        salt: vec![1; 16],
        iterations: 10_000,
        stored_key: vec![2; 32],
        server_key: vec![3; 32],
    };
    Accounts::new(store).create(name, BTreeMap::from([(Hash::Sha256, keys)]), false).await.unwrap();
}

/// Romeo, of whom there is something of each kind; and others.
async fn verona() -> Store {
    let store = Store::memory();
    for name in ["romeo@localhost", "juliet@capulet.example", "nurse@localhost"] {
        account(&store, name).await;
    }
    let romeo = "romeo@localhost";
    let mut batch = Batch::new();
    let juliet = rosters::Item {
        jid: "juliet@capulet.example".into(),
        name: Some("Juliet & more".into()),
        groups: vec!["Friends".into()],
        subscription: Subscription::To,
        approved: true,
        ..rosters::Item::default()
    };
    Rosters::new(&store).put(&mut batch, romeo, &juliet).unwrap();
    let paris = rosters::Item {
        jid: "paris@localhost".into(),
        pending_in: Some(
            "<presence xmlns='jabber:client' type='subscribe'><status>Hail</status></presence>".into(),
        ),
        ..rosters::Item::default()
    };
    Rosters::new(&store).put(&mut batch, romeo, &paris).unwrap();
    vcard::put(&mut batch, romeo, b"<vCard xmlns='vcard-temp'><FN>Romeo</FN></vCard>");
    vcard::put_photo(&mut batch, romeo, "abc");
    private::put(&mut batch, romeo, "exodus:prefs exodus", b"<exodus xmlns='exodus:prefs'><n>1</n></exodus>");
    blocked::put(&mut batch, romeo, "tybalt@capulet.example").unwrap();
    let whitelist = Config { access: pubsub::Access::Whitelist, ..Config::default() };
    let node = Node { config: whitelist, ..Node::default() };
    pubsub::put(&mut batch, romeo, "urn:xmpp:bookmarks:1", &node).unwrap();
    let member = Person { affiliation: Affiliation::Member, ..Person::default() };
    pubsub::put_person(&mut batch, (romeo, "urn:xmpp:bookmarks:1"), "mercutio@localhost", &member).unwrap();
    for (id, at) in [("a@rooms.localhost", 2), ("b@rooms.localhost", 1)] {
        let xml = "<conference xmlns='urn:xmpp:bookmarks:1'/>".to_owned();
        let item = Item { at, by: romeo.into(), xml };
        pubsub::put_item(&mut batch, (romeo, "urn:xmpp:bookmarks:1"), id, &item).unwrap();
    }
    let archive = Archive::new(&store);
    for n in 0..MESSAGES {
        let stanza =
            format!("<message xmlns='jabber:client' from='{romeo}'><body>{n} &lt;3</body></message>");
        let draft = Draft { with: "juliet@capulet.example", flags: Flags::SENT, stanza: stanza.as_bytes() };
        archive.append(&mut batch, romeo, &draft);
    }
    store.commit(batch).await.unwrap();
    store.caught_up().await;
    store
}

/// What is written, read again.
fn exported(store: &Store, whose: &Whose, reader: Reader) -> (u64, Element) {
    let mut out = Vec::new();
    let count = write(store, whose, reader, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let (declaration, document) = text.split_once('\n').unwrap();
    assert_eq!(declaration, "<?xml version='1.0' encoding='UTF-8'?>");
    (count, parse::standalone(document).unwrap())
}

fn romeo() -> Whose {
    Whose::One(BareJid::parse("romeo@localhost").unwrap())
}

fn only<'a>(parent: &'a Element, name: &str, ns: &str) -> &'a Element {
    let found: Vec<_> = parent.children().filter(|child| child.is(name, ns)).collect();
    assert_eq!(found.len(), 1, "{name} in {}", parent.to_xml());
    found[0]
}

#[tokio::test]
async fn everything_of_an_account_is_read_back() {
    let store = verona().await;
    let (count, root) = exported(&store, &romeo(), Reader::Operator);
    assert!(count == 1 && root.is("server-data", "urn:xmpp:pie:0"));
    let host = only(&root, "host", ns::PIE);
    let user = only(host, "user", ns::PIE);
    assert_eq!(
        (host.get("jid"), user.get("name"), user.get("password")),
        (Some("localhost"), Some("romeo"), None)
    );
    let keys = only(user, "scram-credentials", "urn:xmpp:pie:0#scram");
    assert_eq!(keys.get("mechanism"), Some("SCRAM-SHA-256"));
    assert_eq!(only(keys, "iter-count", ns::PIE_SCRAM).text(), "10000");
    assert_eq!(only(keys, "salt", ns::PIE_SCRAM).text(), "AQEBAQEBAQEBAQEBAQEBAQ==");
    assert_eq!(only(keys, "stored-key", ns::PIE_SCRAM).text().len(), 44);
    let contact = only(only(user, "query", ns::ROSTER), "item", ns::ROSTER);
    assert_eq!((contact.get("name"), contact.get("subscription")), (Some("Juliet & more"), Some("to")));
    assert_eq!(
        (contact.get("approved"), only(contact, "group", ns::ROSTER).text()),
        (Some("true"), "Friends".into())
    );
    let request = only(user, "presence", ns::CLIENT);
    assert_eq!((request.get("type"), request.get("from")), (Some("subscribe"), Some("paris@localhost")));
    assert_eq!(only(only(user, "vCard", "vcard-temp"), "FN", "vcard-temp").text(), "Romeo");
    only(only(user, "query", "jabber:iq:private"), "exodus", "exodus:prefs");
    assert_eq!(
        only(only(user, "blocklist", ns::BLOCKING), "item", ns::BLOCKING).get("jid"),
        Some("tybalt@capulet.example")
    );
}

#[tokio::test]
async fn nodes_stand_with_their_configuration_people_and_items() {
    let store = verona().await;
    let (_, root) = exported(&store, &romeo(), Reader::Person);
    let user = only(only(&root, "host", ns::PIE), "user", ns::PIE);
    let owned = only(user, "pubsub", ns::PUBSUB_OWNER);
    let configure = only(owned, "configure", ns::PUBSUB_OWNER);
    assert_eq!(configure.get("node"), Some("urn:xmpp:bookmarks:1"));
    let form = rialto_xmpp::parts::form::Form::inside(configure).unwrap();
    assert_eq!(form.value("pubsub#access_model"), Some("whitelist"));
    let people = only(owned, "affiliations", ns::PUBSUB_OWNER);
    assert_eq!(people.children().next().unwrap().get("affiliation"), Some("member"));
    let items = only(only(user, "pubsub", ns::PUBSUB), "items", ns::PUBSUB);
    let ids: Vec<_> = items.children().filter_map(|item| item.get("id")).collect();
    assert_eq!(ids, ["b@rooms.localhost", "a@rooms.localhost"], "the oldest first");
    assert!(items.children().all(|item| item.has("conference", "urn:xmpp:bookmarks:1")));
}

#[tokio::test]
async fn the_archive_is_whole_and_in_order() {
    let store = verona().await;
    let (_, root) = exported(&store, &romeo(), Reader::Person);
    let user = only(only(&root, "host", ns::PIE), "user", ns::PIE);
    let results: Vec<_> = only(user, "archive", "urn:xmpp:pie:0#mam").children().collect();
    assert_eq!(results.len(), MESSAGES);
    assert!(results.windows(2).all(|pair| pair[0].get("id") < pair[1].get("id")));
    let forwarded = only(results[MESSAGES - 1], "forwarded", ns::FORWARD);
    assert!(only(forwarded, "delay", ns::DELAY).get("stamp").unwrap().ends_with('Z'));
    let message = only(forwarded, "message", ns::CLIENT);
    assert_eq!(message.child_text("body", ns::CLIENT), Some("449 <3".into()));
}

#[tokio::test]
async fn nobody_is_given_the_keys_of_a_password_but_the_operator() {
    let store = verona().await;
    let (_, root) = exported(&store, &romeo(), Reader::Person);
    assert!(!root.to_xml().contains("scram") && !root.to_xml().contains("password"));
}

#[tokio::test]
async fn everybody_stands_below_the_domain() {
    let store = verona().await;
    let (count, root) = exported(&store, &Whose::All, Reader::Operator);
    let hosts: Vec<_> = root.children().map(|host| (host.get("jid"), host.children().count())).collect();
    assert_eq!((count, hosts), (3, vec![(Some("capulet.example"), 1), (Some("localhost"), 2)]));
}

#[tokio::test]
async fn a_file_is_for_its_owner_and_takes_no_others_place() {
    let store = verona().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.xml");
    assert_eq!(to_file(&store, &Whose::All, &path).unwrap(), 3);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(to_file(&store, &Whose::All, &path), Err(ExportError::Write(_))));
    let nobody = Whose::One(BareJid::parse("paris@localhost").unwrap());
    let missing = folder.path().join("paris.xml");
    assert!(matches!(to_file(&store, &nobody, &missing), Err(ExportError::Unknown(_))));
    assert!(path.exists() && !missing.exists());
    let fetched = folder.path().join("fetched.xml");
    copy(&path, &fetched).unwrap();
    assert!(!path.exists() && fetched.metadata().unwrap().permissions().mode() & 0o777 == 0o600);
}
