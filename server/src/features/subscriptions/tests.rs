//! RFC 6121 §3 as two people live it.

use std::sync::Arc;

use rialto_xmpp::Condition;

use super::super::contacts::{Contacts, Keeper, Limits};
use super::super::probe::{Probe, heard};
use super::super::{roster, subscriptions};
use crate::sessions::Session;

fn probe() -> Probe {
    Probe::new(|store, accounts| {
        let keeper = Arc::new(Keeper::new(store));
        let limits = Limits { requests: 2, items: 5, ..Limits::default() };
        vec![
            Box::new(roster::new(&keeper, limits)),
            Box::new(subscriptions::new(&keeper, limits)),
            Box::new(super::super::presence::new(accounts)),
        ]
    })
}

async fn online(probe: &Probe, jid: &str) -> Arc<Session> {
    let session = probe.available(jid).await;
    let get = "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>";
    probe.asks(&session, get).await.unwrap();
    session
}

async fn says(probe: &Probe, who: &Arc<Session>, kind: &str, to: &str) {
    let seen = probe.sends(who, &format!("<presence type='{kind}' to='{to}'/>")).await;
    assert_eq!(seen.refused, None);
}

async fn item(probe: &Probe, account: &str, contact: &str) -> Option<String> {
    let contacts = Contacts::of(&*probe.account(account).await).unwrap();
    let list = contacts.list();
    list.get(contact).map(|contact| {
        let item = &contact.item;
        format!("{:?}{}", item.subscription, if item.ask { " asks" } else { "" })
    })
}

#[tokio::test]
async fn a_request_and_its_approval_bring_presence_and_pushes_in_the_order_of_the_rfc() {
    let probe = probe();
    let romeo = online(&probe, "romeo@localhost/orchard").await;
    let juliet = online(&probe, "juliet@localhost/balcony").await;
    says(&probe, &romeo, "subscribe", "juliet@localhost/balcony").await;
    let at_romeo = heard(&romeo);
    assert!(at_romeo.len() == 1 && at_romeo[0].contains("ask='subscribe'"), "{at_romeo:?}");
    // §3.1.2: bare addresses. §3.1.3: no push for a request.
    assert_eq!(heard(&juliet), ["<presence from='romeo@localhost' to='juliet@localhost' type='subscribe'/>"]);
    says(&probe, &juliet, "subscribed", "romeo@localhost").await;
    let at_romeo = heard(&romeo);
    assert_eq!(at_romeo.len(), 3, "{at_romeo:?}");
    assert!(at_romeo[0].contains("type='subscribed'"));
    assert!(at_romeo[1].contains("subscription='to'") && !at_romeo[1].contains("ask="));
    assert_eq!(at_romeo[2], "<presence from='juliet@localhost/balcony' to='romeo@localhost'/>");
    let at_juliet = heard(&juliet);
    assert!(at_juliet.len() == 1 && at_juliet[0].contains("subscription='from'"), "{at_juliet:?}");
}

#[tokio::test]
async fn a_request_waits_for_whoever_is_away_until_it_is_answered() {
    let probe = probe();
    let romeo = online(&probe, "romeo@localhost/orchard").await;
    let seen = probe
        .sends(&romeo, "<presence type='subscribe' to='juliet@localhost'><status>Please</status></presence>")
        .await;
    probe.store.settled(seen.ticket).await.unwrap();
    probe.accounts.remove("juliet@localhost");
    for resource in ["a", "b"] {
        let juliet = probe.bound(&format!("juliet@localhost/{resource}")).await;
        probe.sends(&juliet, "<presence/>").await;
        let all = heard(&juliet).concat();
        assert!(all.contains("type='subscribe'") && all.contains("<status>Please</status>"), "{all}");
    }
    let juliet = probe.accounts.session(&"juliet@localhost/b".parse().unwrap()).unwrap();
    says(&probe, &juliet, "unsubscribed", "romeo@localhost").await;
    // A denied request leaves no item behind, and Romeo hears of it.
    assert_eq!(item(&probe, "juliet@localhost", "romeo@localhost").await, None);
    assert_eq!(item(&probe, "romeo@localhost", "juliet@localhost").await.unwrap(), "None");
    let later = probe.bound("juliet@localhost/c").await;
    probe.sends(&later, "<presence/>").await;
    assert!(!heard(&later).concat().contains("subscribe"));
}

#[tokio::test]
async fn asking_twice_is_shown_once_and_answered_at_once_when_granted_already() {
    let probe = probe();
    let romeo = online(&probe, "romeo@localhost/orchard").await;
    let juliet = online(&probe, "juliet@localhost/balcony").await;
    for _ in 0..2 {
        says(&probe, &romeo, "subscribe", "juliet@localhost").await;
    }
    assert_eq!(heard(&juliet).len(), 1);
    says(&probe, &juliet, "subscribed", "romeo@localhost").await;
    heard(&juliet);
    says(&probe, &romeo, "unsubscribe", "juliet@localhost").await;
    assert!(heard(&juliet).concat().contains("type='unsubscribe'"));
    assert_eq!(item(&probe, "juliet@localhost", "romeo@localhost").await.unwrap(), "None");
}

#[tokio::test]
async fn an_approval_in_advance_answers_the_request_when_it_comes() {
    let probe = probe();
    let romeo = online(&probe, "romeo@localhost/orchard").await;
    let juliet = online(&probe, "juliet@localhost/balcony").await;
    says(&probe, &juliet, "subscribed", "romeo@localhost").await;
    let pushed = heard(&juliet).concat();
    assert!(pushed.contains("subscription='none' approved='true'"), "{pushed}");
    assert!(heard(&romeo).is_empty());
    says(&probe, &romeo, "subscribe", "juliet@localhost").await;
    let at_juliet = heard(&juliet).concat();
    assert!(at_juliet.contains("subscription='from'") && !at_juliet.contains("type='subscribe'"));
    assert_eq!(item(&probe, "romeo@localhost", "juliet@localhost").await.unwrap(), "To");
    assert!(heard(&romeo).iter().any(|line| line.contains("from='juliet@localhost/balcony'")));
}

#[tokio::test]
async fn who_loses_a_subscription_sees_the_other_go() {
    let probe = probe();
    let romeo = online(&probe, "romeo@localhost/orchard").await;
    let juliet = online(&probe, "juliet@localhost/balcony").await;
    says(&probe, &romeo, "subscribe", "juliet@localhost").await;
    says(&probe, &juliet, "subscribed", "romeo@localhost").await;
    heard(&romeo);
    says(&probe, &juliet, "unsubscribed", "romeo@localhost").await;
    let all = heard(&romeo);
    assert!(all[0].contains("type='unsubscribed'") && all[1].contains("subscription='none'"), "{all:?}");
    assert!(all[2].contains("from='juliet@localhost/balcony'") && all[2].contains("type='unavailable'"));
}

#[tokio::test]
async fn requests_beyond_the_limit_are_refused_and_nobody_asks_himself() {
    let probe = probe();
    let juliet = online(&probe, "juliet@localhost/balcony").await;
    for n in 0..2 {
        let seen = probe
            .comes(&format!("<presence type='subscribe' from='u{n}@else' to='juliet@localhost'/>"))
            .await;
        assert_eq!(seen.refused, None);
    }
    let seen = probe.comes("<presence type='subscribe' from='u9@else' to='juliet@localhost'/>").await;
    assert_eq!(seen.refused.unwrap().condition, Condition::ResourceConstraint);
    heard(&juliet);
    says(&probe, &juliet, "subscribe", "juliet@localhost").await;
    assert!(heard(&juliet).is_empty());
    assert_eq!(item(&probe, "juliet@localhost", "juliet@localhost").await, None);
}

#[tokio::test]
async fn a_request_is_kept_without_its_words_when_they_are_too_many() {
    let probe = probe();
    let long = "x".repeat(10_000);
    let request = format!(
        "<presence type='subscribe' from='romeo@localhost' to='juliet@localhost'><status>{long}</status></presence>"
    );
    probe.comes(&request).await;
    let contacts = Contacts::of(&*probe.account("juliet@localhost").await).unwrap();
    let kept = contacts.list().get("romeo@localhost").unwrap().item.pending_in.clone().unwrap();
    assert!(kept.len() < 200 && kept.contains("type='subscribe'"), "{kept}");
}
