//! The router with all features: what only both together show.

use std::sync::Arc;

use rialto_store::Store;
use rialto_xmpp::{BareJid, Jid, Stanza, parse};

use super::{Domain, Router};
use crate::config::Config;
use crate::features::{Features, list};
use crate::people::People;
use crate::sessions::{Account, Accounts, Session};

fn stanza(xml: &str) -> Stanza {
    let name: String = xml.chars().skip(1).take_while(char::is_ascii_alphabetic).collect();
    let named = match xml.contains("jabber:client") {
        true => xml.to_owned(),
        false => xml.replacen(&name, &format!("{name} xmlns='jabber:client'"), 1),
    };
    Stanza::read(parse::standalone(&named).unwrap()).unwrap()
}

async fn router() -> Arc<Router> {
    let (store, accounts) = (Store::memory(), Arc::new(Accounts::default()));
    let people = People::new(&store);
    let config = Config::default();
    let shared = list::Shared::open(&config, &store, &accounts).unwrap();
    let features = Features::new(list::all(&config, &store, &accounts, &people, &shared)).unwrap();
    let router = Arc::new(Router::new(accounts, features, store, Arc::new(people)));
    router.domains.serve("localhost", Domain::Accounts);
    router
}

/// Somebody with an account, connected by one device that has said nothing.
async fn bound(router: &Router, jid: &str) -> (Arc<Account>, Arc<Session>) {
    let jid = Jid::parse(jid).unwrap();
    let kept = rialto_store::accounts::Accounts::new(&router.store);
    let _ = kept.create(jid.bare_str(), Default::default(), true).await;
    let account = router.account(&BareJid::parse(jid.bare_str()).unwrap()).await.unwrap().unwrap();
    let session = Arc::new(Session::new(jid, 1_000_000));
    assert!(account.add(session.clone()));
    (account, session)
}

async fn online(router: &Router, jid: &str) -> (Arc<Account>, Arc<Session>) {
    let (account, session) = bound(router, jid).await;
    router.accept(&session, &account, stanza("<presence/>")).await;
    (account, session)
}

fn heard(session: &Session) -> Vec<String> {
    let mut frames = Vec::new();
    session.outbox.try_take(session.outbox.writer(), &mut frames);
    frames.iter().map(|frame| String::from_utf8(frame.to_bytes().to_vec()).unwrap()).collect()
}

fn messages(session: &Session) -> Vec<String> {
    heard(session).into_iter().filter(|line| line.starts_with("<message")).collect()
}

#[tokio::test]
async fn nobody_is_subscribed_to_an_account_that_does_not_exist() {
    let router = router().await;
    let (account, romeo) = online(&router, "romeo@localhost/orchard").await;
    heard(&romeo);
    let request = stanza("<presence type='subscribe' to='nobody@localhost'/>");
    router.accept(&romeo, &account, request).await;
    assert!(heard(&romeo).concat().contains("from='nobody@localhost'"), "no answer");
    let probe = stanza("<presence type='probe' to='nobody@localhost'/>");
    router.accept(&romeo, &account, probe).await;
    router.accept(&romeo, &account, stanza("<presence to='nobody@localhost'/>")).await;
    assert!(heard(&romeo).is_empty(), "he is not subscribed any more, and presence is lost in silence");
}

#[tokio::test]
async fn what_a_dead_device_did_not_take_goes_to_one_that_came_later_and_not_to_one_that_has_it() {
    let router = router().await;
    let (sender, romeo) = online(&router, "romeo@localhost/orchard").await;
    let (account, dead) = online(&router, "juliet@localhost/dead").await;
    let (_, had) = online(&router, "juliet@localhost/had").await;
    heard(&dead);
    router
        .accept(
            &romeo,
            &sender,
            stanza("<message type='chat' to='juliet@localhost'><body>hi</body></message>"),
        )
        .await;
    let lost: Vec<Stanza> = messages(&dead).iter().map(|line| stanza(line)).collect();
    assert_eq!((lost.len(), messages(&had).len()), (1, 1));
    let (_, later) = online(&router, "juliet@localhost/later").await;
    heard(&later);
    router.unbind(&account, &dead).await;
    router.return_unacked(&account, lost).await;
    assert_eq!((messages(&had).len(), messages(&later).len()), (0, 1));
}

#[tokio::test]
async fn what_a_dead_device_did_not_take_waits_when_nobody_else_is_there() {
    let router = router().await;
    let (sender, romeo) = online(&router, "romeo@localhost/orchard").await;
    let (account, dead) = online(&router, "juliet@localhost/dead").await;
    heard(&dead);
    for n in 0..3 {
        let words = format!("<message type='chat' to='juliet@localhost'><body>{n}</body></message>");
        router.accept(&romeo, &sender, stanza(&words)).await;
    }
    let lost: Vec<Stanza> = messages(&dead).iter().map(|line| stanza(line)).collect();
    router.unbind(&account, &dead).await;
    router.return_unacked(&account, lost).await;
    let (_, again) = online(&router, "juliet@localhost/again").await;
    let got = messages(&again);
    assert_eq!(got.len(), 3, "{got:?}");
    assert!(got[0].contains("<body>0</body>") && got[2].contains("<body>2</body>"), "{got:?}");
    assert!(messages(&romeo).is_empty(), "the sender is told nothing: nothing was lost");
}

#[tokio::test]
async fn copies_results_and_what_rooms_said_die_with_their_device() {
    let router = router().await;
    let (account, _other) = online(&router, "juliet@localhost/other").await;
    heard(&_other);
    let lost = [
        "<message from='juliet@localhost' to='juliet@localhost/dead'><result xmlns='urn:xmpp:mam:2' id='1'/></message>",
        "<message from='juliet@localhost' to='juliet@localhost/dead' type='chat'><sent xmlns='urn:xmpp:carbons:2'/></message>",
        "<message from='room@rooms.localhost/x' to='juliet@localhost/dead' type='groupchat'><body>hi</body></message>",
    ];
    router.return_unacked(&account, lost.iter().map(|line| stanza(line)).collect()).await;
    assert!(heard(&_other).is_empty());
}

#[tokio::test]
async fn a_removed_account_leaves_no_subscription_behind() {
    let router = router().await;
    let (sender, romeo) = online(&router, "romeo@localhost/orchard").await;
    let (account, juliet) = online(&router, "juliet@localhost/balcony").await;
    let get = "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>";
    router.accept(&romeo, &sender, stanza(get)).await;
    for (session, account, kind, to) in [
        (&romeo, &sender, "subscribe", "juliet@localhost"),
        (&juliet, &account, "subscribed", "romeo@localhost"),
    ] {
        router.accept(session, account, stanza(&format!("<presence type='{kind}' to='{to}'/>"))).await;
    }
    heard(&romeo);
    assert!(router.remove_account(&account.jid).await.unwrap());
    let all = heard(&romeo).concat();
    assert!(all.contains("type='unavailable'") && all.contains("type='unsubscribed'"), "{all}");
    assert!(all.contains("jid='juliet@localhost' subscription='none'"), "{all}");
}
