//! Nodes without a server.

use std::sync::Arc;

use rialto_store::rosters::{Item, Rosters, Subscription};
use rialto_store::{Batch, Store, blocked};
use rialto_xmpp::{BareJid, Element, Jid, ns};

use super::home::Home;
use super::{Host, Interests, Limits, PubSub, Publication, options};
use crate::features::contacts::{Keeper, Limits as RosterLimits};
use crate::features::probe::{Probe, heard};
use crate::features::{Left, caps, pep, presence, roster, subscriptions};
use crate::sessions::{Accounts, Session};

const JULIET: &str = "juliet@localhost";

fn nodes(store: &Store, accounts: &Arc<Accounts>, limits: Limits) -> Arc<PubSub> {
    PubSub::new(store, accounts, &["localhost".to_owned()], limits)
}

/// Accounts with nodes, and the nodes.
fn stage() -> (Probe, Arc<PubSub>) {
    let mut shared = None;
    let probe = Probe::new(|store, accounts| {
        let (pubsub, keeper) = (nodes(store, accounts, Limits::default()), Arc::new(Keeper::new(store)));
        shared = Some(pubsub.clone());
        vec![
            Box::new(roster::new(&keeper, RosterLimits::default())),
            Box::new(pep::new(&pubsub)),
            Box::new(subscriptions::new(&keeper, RosterLimits::default())),
            Box::new(caps::new(&pubsub)),
            Box::new(presence::new(accounts)),
        ]
    });
    (probe, shared.unwrap())
}

/// Each of the two sees the other.
async fn befriend(store: &Store, one: &str, other: &str) {
    let mut batch = Batch::new();
    for (owner, jid) in [(one, other), (other, one)] {
        let item = Item { jid: jid.to_owned(), subscription: Subscription::Both, ..Item::default() };
        Rosters::new(store).put(&mut batch, owner, &item).unwrap();
    }
    store.commit(batch).await.unwrap();
}

fn wants(session: &Session, node: &str) {
    let feature = Element::new("feature", ns::DISCO_INFO).attr("var", format!("{node}+notify"));
    session.extensions.put(Interests::of(&Element::new("query", ns::DISCO_INFO).with(feature)));
}

fn tune() -> Element {
    Element::new("tune", "urn:example:tune").with_text("Prospero")
}

fn publish(pubsub: &PubSub, owner: &BareJid, node: &str, id: &str, payload: &Element) -> Left {
    let (payload, mut left) = (Some(payload), Left::default());
    let form = options(&[("pubsub#max_items", "4")]);
    let publication = Publication { node, id: Some(id), payload, options: Some(&form), config: None };
    pubsub.publish(Host::Account(owner), owner.as_jid(), &publication, &mut left).unwrap();
    left
}

#[tokio::test]
async fn a_publication_reaches_each_of_a_hundred_contacts_once_under_his_own_address() {
    let (probe, pubsub) = stage();
    let mut sessions = Vec::new();
    for number in 0..100 {
        let jid = format!("user{number}@localhost");
        befriend(&probe.store, JULIET, &jid).await;
        let session = probe.available(&format!("{jid}/x")).await;
        wants(&session, "tune");
        sessions.push(session);
    }
    let juliet = BareJid::parse(JULIET).unwrap();
    let left = publish(&pubsub, &juliet, "tune", "1", &tune());
    assert_eq!(left.also.len(), 100);
    for also in left.also {
        let crate::features::Also::Frame(session, frame) = also else { panic!("it is serialised already") };
        session.send(frame).unwrap();
    }
    for session in sessions {
        let heard = heard(&session);
        let told = heard.iter().filter(|stanza| stanza.contains("Prospero")).collect::<Vec<_>>();
        assert_eq!(told.len(), 1, "{heard:?}");
        assert!(
            told[0].contains(&format!("to='{}'", session.jid)) && told[0].contains("from='juliet@localhost'")
        );
    }
}

#[tokio::test]
async fn whom_somebody_blocks_who_is_away_hears_nothing_of_him() {
    let (probe, pubsub) = stage();
    for jid in ["romeo@localhost", "paris@localhost"] {
        befriend(&probe.store, JULIET, jid).await;
    }
    let juliet = BareJid::parse(JULIET).unwrap();
    publish(&pubsub, &juliet, "tune", "1", &tune());
    let mut batch = Batch::new();
    blocked::put(&mut batch, JULIET, "paris@localhost").unwrap();
    probe.store.commit(batch).await.unwrap();
    assert!(probe.accounts.get(JULIET).is_none());
    for (jid, hears) in [("romeo@localhost/a", 1), ("paris@localhost/a", 0)] {
        let session = probe.bound(jid).await;
        wants(&session, "tune");
        let c = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>";
        probe.sends(&session, &format!("<presence>{c}</presence>")).await;
        // What its capabilities mean is not known yet: it has only been asked.
        wants(&session, "tune");
        let (account, mut left) = (probe.account(session.jid.bare_str()).await, Left::default());
        pubsub.greet(&account, &session, None, &mut left);
        let crate::features::Also::Later(work) = left.also.remove(0) else { panic!("it may have to wait") };
        assert_eq!(work().await.also.len(), hears, "{jid}");
    }
}

#[tokio::test]
async fn owners_that_nobody_asks_for_leave_memory_and_their_items_come_back() {
    let (store, accounts) = (Store::memory(), Arc::new(Accounts::default()));
    let pubsub = nodes(&store, &accounts, Limits { homes: 8, ..Limits::default() });
    for number in 0..100 {
        let owner = BareJid::parse(&format!("user{number}@localhost")).unwrap();
        let left = publish(&pubsub, &owner, "tune", "1", &tune());
        store.settled(left.ticket).await.unwrap();
    }
    assert!(pubsub.homes.read().len() <= 17, "{}", pubsub.homes.read().len());
    for number in 0..100 {
        let item = pubsub.item(&format!("user{number}@localhost"), "tune", None).await.unwrap();
        assert_eq!(item.unwrap().payload, Some(tune()));
    }
}

#[tokio::test]
async fn whatever_is_done_memory_and_store_agree() {
    let (store, accounts) = (Store::memory(), Arc::new(Accounts::default()));
    let pubsub = nodes(&store, &accounts, Limits::default());
    let juliet = BareJid::parse(JULIET).unwrap();
    let (host, by) = (Host::Account(&juliet), juliet.as_jid());
    let mut random = 7_u64;
    for _ in 0..400 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let id = format!("i{}", (random >> 40) % 7);
        let mut left = Left::default();
        match (random >> 33) % 10 {
            0..7 => drop(publish(
                &pubsub,
                &juliet,
                "n",
                &id,
                &tune().with_text("x".repeat((random >> 50) as usize % 90)),
            )),
            7..9 => drop(pubsub.retract(host, by, ("n", &id), true, &mut left)),
            _ => drop(pubsub.purge(host, by, "n", &mut left)),
        }
    }
    store.caught_up().await;
    let items = pubsub.items(JULIET, "n").await.unwrap();
    let kept = Home::load(&pubsub.kept, JULIET).unwrap();
    let (kept, home) = (kept.state.into_inner(), pubsub.home(JULIET).unwrap());
    let state = home.state.lock();
    let (kept, node) = (&kept.nodes["n"].record, &state.nodes["n"].record);
    assert_eq!(kept, node);
    let bytes: usize = items.iter().map(|item| item.payload.as_ref().unwrap().to_xml().len()).sum();
    assert_eq!((items.len() as u32, bytes as u64), (node.items, node.bytes));
    assert_eq!(items.last().map(|item| item.id.clone()), node.last);
    assert!(items.len() <= 4);
}

#[tokio::test]
async fn a_stranger_publishes_nothing_and_makes_no_node() {
    let (store, accounts) = (Store::memory(), Arc::new(Accounts::default()));
    let pubsub = nodes(&store, &accounts, Limits::default());
    let (juliet, paris) = (BareJid::parse(JULIET).unwrap(), Jid::parse("paris@localhost/a").unwrap());
    let (payload, mut left) = (tune(), Left::default());
    let publication = Publication { node: "n", payload: Some(&payload), ..Publication::default() };
    assert!(pubsub.publish(Host::Account(&juliet), &paris, &publication, &mut left).is_err());
    assert!(pubsub.config(JULIET, "n").unwrap().is_none() && left.also.is_empty());
}
