//! A list, its service, and those who would like to be it.

use std::time::Duration;

use rialto_store::Store;
use rialto_xmpp::{Condition, Element, parse};

use super::*;
use crate::config;

fn follower(store: &Store, more: &str) -> Arc<Follower> {
    let settings: config::Blocklist = toml::from_str(&format!("service = 'rtbl.lit'\n{more}")).unwrap();
    let list = NodeList::open(&settings, store).unwrap();
    let guards = Guards::open(&config::Guard::default(), vec![list]);
    new(&guards, "localhost").follower
}

fn stanza(xml: &str) -> Stanza {
    Stanza::read(parse::standalone(&xml.replacen(' ', " xmlns='jabber:client' ", 1)).unwrap()).unwrap()
}

/// What is asked at a time: the payload's first child, and the id.
fn asked(follower: &Follower, at: Instant) -> (Element, String) {
    let Some(Stanza::Iq(iq)) = follower.look(at).0 else { panic!("nothing is asked") };
    assert_eq!(
        (iq.head.from.as_ref().unwrap().as_str(), iq.head.to.as_ref().unwrap().as_str()),
        ("localhost", "rtbl.lit")
    );
    (iq.payload().unwrap().clone(), iq.head.id.unwrap().to_string())
}

fn answers(follower: &Follower, from: &str, id: &str, inside: &str) -> bool {
    let xml = format!(
        "<iq type='result' from='{from}' to='localhost' id='{id}'>\
         <pubsub xmlns='http://jabber.org/protocol/pubsub'>{inside}</pubsub></iq>"
    );
    let Stanza::Iq(iq) = stanza(&xml) else { panic!() };
    follower.answered(&iq)
}

fn tells(follower: &Follower, from: &str, inside: &str) -> bool {
    let xml = format!(
        "<message from='{from}' to='localhost'><event xmlns='http://jabber.org/protocol/pubsub#event'>{inside}</event></message>"
    );
    let Stanza::Message(message) = stanza(&xml) else { panic!() };
    follower.told(&message)
}

fn hash(n: u64) -> String {
    format!("{n:064x}")
}

fn items(numbers: std::ops::Range<u64>) -> String {
    numbers.map(|n| format!("<item id='{}'/>", hash(n))).collect()
}

/// As far as the subscription; the id of the first page.
fn subscribed(follower: &Follower) -> String {
    let now = Instant::now();
    let (subscribe, id) = asked(follower, now);
    let subscribe = subscribe.child("subscribe", ns::PUBSUB).unwrap().clone();
    assert_eq!((subscribe.get("node"), subscribe.get("jid")), (Some("muc_bans_sha256"), Some("localhost")));
    assert!(answers(follower, "rtbl.lit", &id, "<subscription subscription='subscribed'/>"));
    asked(follower, Instant::now()).1
}

fn list(follower: &Follower) -> &Arc<NodeList> {
    &follower.followed[0].0
}

#[tokio::test]
async fn it_subscribes_and_then_reads_all_pages() {
    let store = Store::memory();
    let follower = follower(&store, "");
    let id = subscribed(&follower);
    let page = |numbers: std::ops::Range<u64>, index: u64| {
        let last = numbers.end - 1;
        format!(
            "<items node='muc_bans_sha256'>{}</items><set xmlns='http://jabber.org/protocol/rsm'>\
             <first index='{index}'>x</first><last>{last}</last><count>5</count></set>",
            items(numbers)
        )
    };
    assert!(answers(&follower, "rtbl.lit", &id, &page(0..3, 0)));
    assert_eq!(list(&follower).len(), 0, "not before all is there");
    let (next, id) = asked(&follower, Instant::now());
    let set = next.child("set", ns::RSM).unwrap();
    assert_eq!(set.child_text("after", ns::RSM).as_deref(), Some("2"));
    assert!(answers(&follower, "rtbl.lit", &id, &page(3..5, 3)));
    assert_eq!((list(&follower).len(), list(&follower).standing().well), (5, true));
    assert!(follower.look(Instant::now() + Duration::from_secs(3_600)).0.is_none());
    asked(&follower, Instant::now() + Duration::from_secs(12 * 3_600));
}

#[tokio::test]
async fn what_is_told_while_pages_are_read_is_not_lost() {
    let store = Store::memory();
    let follower = follower(&store, "");
    let id = subscribed(&follower);
    let node = "node='muc_bans_sha256'";
    assert!(tells(&follower, "rtbl.lit", &format!("<items {node}>{}</items>", items(7..8))));
    assert!(answers(&follower, "rtbl.lit", &id, &format!("<items {node}>{}</items>", items(0..2))));
    assert_eq!(list(&follower).len(), 3);
    let retract = format!("<items {node}><retract id='{}'/></items>", hash(7));
    assert!(tells(&follower, "rtbl.lit", &retract));
    assert_eq!(list(&follower).len(), 2);
    assert!(tells(&follower, "rtbl.lit", &format!("<delete {node}/>")));
    assert_eq!((list(&follower).len(), list(&follower).standing().well), (2, false), "they stay away");
    assert!(tells(&follower, "rtbl.lit", &format!("<purge {node}/>")));
    assert_eq!(list(&follower).len(), 0);
}

#[tokio::test]
async fn nobody_but_the_service_says_anything() {
    let store = Store::memory();
    let follower = follower(&store, "");
    let id = subscribed(&follower);
    let listed = format!("<items node='muc_bans_sha256'>{}</items>", items(0..1));
    for other in ["evil.lit", "bot@rtbl.lit", "rtbl.lit/x", "localhost"] {
        assert!(!answers(&follower, other, &id, &listed) && !tells(&follower, other, &listed), "{other}");
    }
    assert!(!answers(&follower, "rtbl.lit", "guessed", &listed));
    assert!(tells(&follower, "rtbl.lit", &listed.replace("muc_bans", "other")));
    assert_eq!(list(&follower).len(), 0);
}

#[tokio::test]
async fn a_service_that_fails_is_asked_ever_more_rarely_and_its_list_stays() {
    let store = Store::memory();
    let follower = follower(&store, "");
    list(&follower).add(&hash(1));
    let mut silences = Vec::new();
    let mut now = Instant::now();
    for _ in 0..20 {
        let (_, id) = asked(&follower, now);
        let error = StanzaError::new(Condition::ItemNotFound, "No such node.").to_element().to_xml();
        let xml = format!("<iq type='error' from='rtbl.lit' to='localhost' id='{id}'>{error}</iq>");
        let Stanza::Iq(iq) = stanza(&xml) else { panic!() };
        let before = Instant::now();
        assert!(follower.answered(&iq));
        let due = follower.followed[0].1.lock().due();
        silences.push(due.duration_since(before).as_secs());
        now = due;
    }
    assert!(
        silences[0] <= 3 && silences.last().is_some_and(|last| (3_599..=3_601).contains(last)),
        "{silences:?}"
    );
    assert!(silences.is_sorted() && list(&follower).len() == 1);
    let says = list(&follower).standing().says;
    assert!(says.starts_with("it answers item-not-found (No such node.); tried again"), "{says}");
    // One that does not answer at all is asked again too.
    asked(&follower, now);
    assert!(follower.look(now + Duration::from_secs(61)).0.is_none());
    assert!(list(&follower).standing().says.starts_with("it does not answer"));
}

#[tokio::test]
async fn a_service_that_repeats_its_page_or_has_too_much_is_not_asked_for_ever() {
    let store = Store::memory();
    let follower = follower(&store, "entries = 10");
    let mut id = subscribed(&follower);
    let page = |numbers| {
        format!(
            "<items node='muc_bans_sha256'><item id='no hash'/>{}</items>\
             <set xmlns='http://jabber.org/protocol/rsm'><last>x</last></set>",
            items(numbers)
        )
    };
    assert!(answers(&follower, "rtbl.lit", &id, &page(0..4)));
    id = asked(&follower, Instant::now()).1;
    assert!(answers(&follower, "rtbl.lit", &id, &page(0..400)));
    let standing = list(&follower).standing();
    assert_eq!((list(&follower).len(), standing.wrong, standing.over), (10, 2, 390));
    assert!(follower.look(Instant::now()).0.is_none());
}
