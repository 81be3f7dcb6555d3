//! RFC 6121 §2 as its clients see it.

use std::sync::Arc;

use rialto_xmpp::Condition;

use super::super::contacts::{Keeper, Limits};
use super::super::probe::{Probe, heard};
use super::super::{roster, subscriptions};
use crate::sessions::Session;

const GET: &str = "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>";

fn probe() -> Probe {
    Probe::new(|store, _| {
        let keeper = Arc::new(Keeper::new(store));
        let limits = Limits { items: 3, ..Limits::default() };
        vec![Box::new(roster::new(&keeper, limits)), Box::new(subscriptions::new(&keeper, limits))]
    })
}

async fn set(probe: &Probe, session: &Arc<Session>, item: &str) -> Result<(), Condition> {
    let iq = format!("<iq type='set' id='1'><query xmlns='jabber:iq:roster'>{item}</query></iq>");
    probe.asks(session, &iq).await.map(drop).map_err(|error| error.condition)
}

/// The roster as the session gets it, and its version.
async fn get(probe: &Probe, session: &Arc<Session>) -> (String, String) {
    let query = probe.asks(session, GET).await.unwrap().unwrap();
    (query.to_xml(), query.get("ver").unwrap().to_owned())
}

/// What a session with this version gets: whether nothing comes in the answer, and the pushes behind it.
async fn since(probe: &Probe, session: &Arc<Session>, ver: &str) -> (bool, Vec<String>) {
    let iq = format!("<iq type='get' id='1'><query xmlns='jabber:iq:roster' ver='{ver}'/></iq>");
    let answer = probe.asks(session, &iq).await.unwrap();
    (answer.is_none(), heard(session))
}

#[tokio::test]
async fn who_asked_for_the_roster_hears_of_its_changes_and_nobody_else() {
    let probe = probe();
    let (one, other) = (probe.bound("romeo@localhost/a").await, probe.bound("romeo@localhost/b").await);
    get(&probe, &one).await;
    set(&probe, &other, "<item jid='juliet@localhost' name='J'><group>Friends</group></item>").await.unwrap();
    let pushes = heard(&one);
    assert_eq!(pushes.len(), 1, "{pushes:?}");
    assert!(
        pushes[0].contains(
            "<item jid='juliet@localhost' name='J' subscription='none'><group>Friends</group></item>"
        )
    );
    assert!(pushes[0].contains("to='romeo@localhost/a'") && pushes[0].contains("type='set'"), "{pushes:?}");
    assert!(heard(&other).is_empty());
}

#[tokio::test]
async fn a_client_with_a_version_hears_only_what_changed() {
    let probe = probe();
    let romeo = probe.bound("romeo@localhost/a").await;
    set(&probe, &romeo, "<item jid='juliet@localhost'/>").await.unwrap();
    set(&probe, &romeo, "<item jid='nurse@localhost'/>").await.unwrap();
    let (_, ver) = get(&probe, &romeo).await;
    assert_eq!(since(&probe, &romeo, &ver).await, (true, vec![]));
    let later = probe.bound("romeo@localhost/b").await;
    set(&probe, &later, "<item jid='juliet@localhost' name='J'/>").await.unwrap();
    let again = probe.bound("romeo@localhost/c").await;
    let (empty, pushes) = since(&probe, &again, &ver).await;
    assert!(empty && pushes.len() == 1 && pushes[0].contains("name='J'"), "{pushes:?}");
    set(&probe, &later, "<item jid='nurse@localhost' subscription='remove'/>").await.unwrap();
    let last = probe.bound("romeo@localhost/d").await;
    let (empty, pushes) = since(&probe, &last, &ver).await;
    // Two changes cost more than a roster of one: it comes whole.
    assert!(!empty && pushes.is_empty(), "{pushes:?}");
}

#[tokio::test]
async fn a_version_nobody_gave_brings_the_whole_roster() {
    let probe = probe();
    let romeo = probe.bound("romeo@localhost/a").await;
    set(&probe, &romeo, "<item jid='juliet@localhost'/>").await.unwrap();
    for ver in ["", "1", "a3f", "18446744073709551615"] {
        let (empty, pushes) = since(&probe, &romeo, ver).await;
        assert!(!empty && pushes.is_empty(), "{ver}");
    }
}

#[tokio::test]
async fn a_roster_is_there_again_when_the_account_comes_back_into_memory() {
    let probe = probe();
    let romeo = probe.bound("romeo@localhost/a").await;
    set(&probe, &romeo, "<item jid='juliet@localhost' name='J'/>").await.unwrap();
    let before = get(&probe, &romeo).await;
    probe.accounts.remove("romeo@localhost");
    let again = probe.bound("romeo@localhost/a").await;
    assert_eq!(get(&probe, &again).await, before);
}

#[tokio::test]
async fn other_peoples_rosters_are_forbidden() {
    let probe = probe();
    let romeo = probe.bound("romeo@localhost/a").await;
    for kind in ["get", "set"] {
        let iq = format!(
            "<iq type='{kind}' id='1' to='juliet@localhost'><query xmlns='jabber:iq:roster'>\
             <item jid='x@localhost'/></query></iq>"
        );
        assert_eq!(probe.asks(&romeo, &iq).await.unwrap_err().condition, Condition::Forbidden);
    }
}

#[tokio::test]
async fn what_is_not_there_cannot_be_removed_and_a_full_roster_takes_no_more() {
    let probe = probe();
    let romeo = probe.bound("romeo@localhost/a").await;
    let gone = set(&probe, &romeo, "<item jid='juliet@localhost' subscription='remove'/>").await;
    assert_eq!(gone, Err(Condition::ItemNotFound));
    assert_eq!(set(&probe, &romeo, "<item jid='romeo@localhost'/>").await, Err(Condition::NotAllowed));
    for n in 0..3 {
        set(&probe, &romeo, &format!("<item jid='user{n}@localhost'/>")).await.unwrap();
    }
    assert_eq!(set(&probe, &romeo, "<item jid='x@localhost'/>").await, Err(Condition::ResourceConstraint));
    assert_eq!(set(&probe, &romeo, "<item jid='user0@localhost' name='x'/>").await, Ok(()));
}

#[tokio::test]
async fn with_an_item_go_both_subscriptions() {
    let probe = probe();
    let romeo = probe.bound("romeo@localhost/a").await;
    let juliet = probe.bound("juliet@localhost/b").await;
    get(&probe, &juliet).await;
    for (from, kind, to) in [
        (&romeo, "subscribe", "juliet@localhost"),
        (&juliet, "subscribed", "romeo@localhost"),
        (&juliet, "subscribe", "romeo@localhost"),
        (&romeo, "subscribed", "juliet@localhost"),
    ] {
        probe.sends(from, &format!("<presence type='{kind}' to='{to}'/>")).await;
    }
    assert!(get(&probe, &juliet).await.0.contains("subscription='both'"));
    heard(&juliet);
    set(&probe, &romeo, "<item jid='juliet@localhost' subscription='remove'/>").await.unwrap();
    let all = heard(&juliet).concat();
    assert!(all.contains("type='unsubscribe'") && all.contains("type='unsubscribed'"), "{all}");
    let (roster, _) = get(&probe, &juliet).await;
    assert!(roster.contains("<item jid='romeo@localhost' subscription='none'/>"), "{roster}");
    assert!(!get(&probe, &romeo).await.0.contains("juliet"));
}
