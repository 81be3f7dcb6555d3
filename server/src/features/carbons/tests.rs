//! XEP-0280 as somebody with three devices lives it.

use std::sync::Arc;

use rialto_xmpp::Condition;

use super::super::probe::{Probe, heard};
use super::super::record::{Recorder, Settings};
use super::super::{archive, carbons, presence, roster};
use crate::sessions::Session;

fn probe() -> Probe {
    Probe::new(|store, accounts| {
        let keeper = Arc::new(super::super::contacts::Keeper::new(store));
        vec![
            Box::new(roster::new(&keeper, super::super::contacts::Limits::default())),
            Box::new(presence::new(accounts)),
            Box::new(archive::new(&Recorder::new(store, Settings::default()))),
            Box::new(carbons::new()),
        ]
    })
}

async fn switch(probe: &Probe, session: &Arc<Session>, to: &str) {
    let iq = format!("<iq type='set' id='1'><{to} xmlns='urn:xmpp:carbons:2'/></iq>");
    assert_eq!(probe.asks(session, &iq).await, Ok(None));
}

/// Romeo's two devices with copies and one without, and Juliet's.
async fn devices(probe: &Probe) -> [Arc<Session>; 4] {
    let mut sessions = Vec::new();
    for jid in ["romeo@localhost/a", "romeo@localhost/b", "romeo@localhost/c", "juliet@localhost/x"] {
        sessions.push(probe.available(jid).await);
    }
    switch(probe, &sessions[0], "enable").await;
    switch(probe, &sessions[1], "enable").await;
    sessions.iter().for_each(|session| drop(heard(session)));
    sessions.try_into().map_err(drop).unwrap()
}

#[tokio::test]
async fn what_one_device_sends_the_others_that_want_see() {
    let probe = probe();
    let [a, b, c, juliet] = devices(&probe).await;
    probe.sends(&a, "<message type='chat' to='juliet@localhost' id='m'><body>hi</body></message>").await;
    let copy = heard(&b).concat();
    assert!(copy.starts_with(
        "<message from='romeo@localhost' type='chat' to='romeo@localhost/b'><sent xmlns='urn:xmpp:carbons:2'>\
         <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='romeo@localhost/a' \
         to='juliet@localhost' id='m' type='chat'><body>hi</body><stanza-id"
    ), "{copy}");
    assert!(
        copy.contains("by='romeo@localhost'") && copy.ends_with("</forwarded></sent></message>"),
        "{copy}"
    );
    assert!(heard(&a).is_empty() && heard(&c).is_empty());
    let got = heard(&juliet).concat();
    assert!(!got.contains("carbons") && !got.contains("by='romeo@localhost'"), "{got}");
}

#[tokio::test]
async fn what_comes_for_one_device_the_others_that_want_see_and_who_has_it_gets_no_copy() {
    let probe = probe();
    let [a, b, c, juliet] = devices(&probe).await;
    probe.sends(&juliet, "<message type='chat' to='romeo@localhost/c'><body>hi</body></message>").await;
    for copy in [heard(&a).concat(), heard(&b).concat()] {
        assert!(copy.contains("<received xmlns='urn:xmpp:carbons:2'>"), "{copy}");
        assert!(copy.contains("by='romeo@localhost'"), "{copy}");
    }
    assert_eq!(heard(&c).len(), 1);
    probe.sends(&juliet, "<message type='chat' to='romeo@localhost'><body>all</body></message>").await;
    for session in [&a, &b, &c] {
        let got = heard(session);
        assert!(got.len() == 1 && !got[0].contains("carbons"), "{got:?}");
    }
}

#[tokio::test]
async fn what_one_writes_to_oneself_comes_to_each_device_once() {
    let probe = probe();
    let [a, b, _, _] = devices(&probe).await;
    probe.sends(&a, "<message type='chat' to='romeo@localhost/b'><body>note</body></message>").await;
    // The one that wrote it has it, the other gets it, and nobody gets it twice.
    assert_eq!((heard(&a).len(), heard(&b).len()), (0, 1));
}

#[tokio::test]
async fn a_copy_that_somebody_else_made_is_taken_out() {
    let probe = probe();
    let [a, b, _, juliet] = devices(&probe).await;
    let forged = "<message type='chat' to='romeo@localhost'><received xmlns='urn:xmpp:carbons:2'>\
                  <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='nurse@localhost'>\
                  <body>lies</body></message></forwarded></received><body>look</body></message>";
    probe.sends(&juliet, forged).await;
    let got = heard(&a).concat();
    assert!(got.contains("look") && !got.contains("lies"), "{got}");
    let elsewhere = forged.replacen("<message ", "<message from='eve@elsewhere' ", 1);
    heard(&b);
    probe.comes(&elsewhere).await;
    assert!(!heard(&b).concat().contains("lies"));
}

#[tokio::test]
async fn copies_can_be_switched_off_and_on_again_and_twice() {
    let probe = probe();
    let [a, b, _, _] = devices(&probe).await;
    for (to, expected) in [("enable", 1), ("disable", 0), ("disable", 0), ("enable", 1)] {
        switch(&probe, &b, to).await;
        probe.sends(&a, "<message type='chat' to='juliet@localhost'><body>hi</body></message>").await;
        assert_eq!(heard(&b).len(), expected, "{to}");
    }
    let hers = "<iq type='set' id='1' to='juliet@localhost'><enable xmlns='urn:xmpp:carbons:2'/></iq>";
    assert_eq!(probe.asks(&a, hers).await.unwrap_err().condition, Condition::NotAllowed);
}
