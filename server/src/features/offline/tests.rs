//! XEP-0160 as those who were away live it.

use std::sync::Arc;

use rialto_xmpp::Condition;

use super::super::probe::{Probe, heard};
use super::super::record::{Recorder, Settings};
use super::super::{archive, offline, presence, roster};
use crate::sessions::Session;

const ROMEO: &str = "romeo@localhost/orchard";

fn probe(settings: Settings) -> Probe {
    Probe::new(|store, accounts| {
        let recorder = Recorder::new(store, settings);
        let keeper = Arc::new(super::super::contacts::Keeper::new(store));
        vec![
            Box::new(roster::new(&keeper, super::super::contacts::Limits::default())),
            Box::new(presence::new(accounts)),
            Box::new(archive::new(&recorder)),
            Box::new(offline::new(&recorder)),
        ]
    })
}

/// With archives and without.
fn both_ways() -> [Probe; 2] {
    [true, false].map(|enabled| probe(Settings { enabled, ..Settings::default() }))
}

async fn say(probe: &Probe, words: &str) -> Option<Condition> {
    let message = format!(
        "<message type='chat' from='{ROMEO}' to='juliet@localhost' id='{words}'><body>{words}</body></message>"
    );
    probe.comes(&message).await.refused.map(|error| error.condition)
}

async fn comes(probe: &Probe, resource: &str) -> Arc<Session> {
    let session = probe.bound(&format!("juliet@localhost/{resource}")).await;
    probe.sends(&session, "<presence/>").await;
    session
}

fn words(session: &Session) -> Vec<String> {
    let lines = heard(session);
    lines.iter().filter_map(|line| Some(line.split("<body>").nth(1)?.split('<').next()?.to_owned())).collect()
}

#[tokio::test]
async fn who_was_away_gets_everything_once_in_order_and_with_the_time() {
    for probe in both_ways() {
        for n in 0..100 {
            assert_eq!(say(&probe, &n.to_string()).await, None);
        }
        let juliet = probe.bound("juliet@localhost/balcony").await;
        probe.sends(&juliet, "<presence/>").await;
        let all = heard(&juliet);
        let messages: Vec<&String> = all.iter().filter(|line| line.starts_with("<message")).collect();
        assert_eq!(messages.len(), 100, "{all:?}");
        for (n, message) in messages.iter().enumerate() {
            assert!(message.contains(&format!("<body>{n}</body>")), "{message}");
            assert!(message.contains("<delay xmlns='urn:xmpp:delay' from='localhost' stamp='"), "{message}");
            assert!(message.contains(&format!("from='{ROMEO}' to='juliet@localhost'")), "{message}");
        }
        assert_eq!(words(&*comes(&probe, "chamber").await), [""; 0]);
    }
}

#[tokio::test]
async fn what_was_kept_carries_the_id_under_which_the_archive_shows_it() {
    let [with, without] = both_ways();
    say(&with, "one").await;
    say(&without, "one").await;
    let session = comes(&with, "a").await;
    let got = heard(&session).concat();
    let id = got.split("<stanza-id xmlns='urn:xmpp:sid:0' id='").nth(1).unwrap().split('\'').next().unwrap();
    let ask = "<iq type='set' id='1'><query xmlns='urn:xmpp:mam:2'/></iq>";
    with.asks(&session, ask).await.unwrap();
    assert!(heard(&session).concat().contains(&format!("id='{id}'")));
    assert!(!heard(&*comes(&without, "a").await).concat().contains("stanza-id"));
}

#[tokio::test]
async fn messages_wait_for_somebody_with_a_priority_that_is_not_negative() {
    for probe in both_ways() {
        say(&probe, "one").await;
        let juliet = probe.bound("juliet@localhost/balcony").await;
        probe.sends(&juliet, "<presence><priority>-1</priority></presence>").await;
        assert_eq!(words(&juliet), [""; 0]);
        say(&probe, "two").await;
        probe.sends(&juliet, "<presence/>").await;
        assert_eq!(words(&juliet), ["one", "two"]);
        probe.sends(&juliet, "<presence type='unavailable'/>").await;
        say(&probe, "three").await;
        assert_eq!(words(&juliet), [""; 0]);
        probe.sends(&juliet, "<presence/>").await;
        assert_eq!(words(&juliet), ["three"]);
    }
}

#[tokio::test]
async fn what_is_of_the_moment_is_not_kept() {
    for probe in both_ways() {
        const TYPING: &str = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
        let send = async |kind: &str, inside: &str| {
            let message =
                format!("<message type='{kind}' from='{ROMEO}' to='juliet@localhost'>{inside}</message>");
            probe.comes(&message).await
        };
        assert!(send("chat", TYPING).await.taken);
        for (kind, inside) in [
            ("headline", "<body>news</body>"),
            ("groupchat", "<body>room</body>"),
            ("error", "<body>wrong</body>"),
            ("chat", "<body>secret</body><no-store xmlns='urn:xmpp:hints'/>"),
        ] {
            assert!(!send(kind, inside).await.taken, "{kind} {inside}");
        }
        // XEP-0334 §4.1: kept until it is delivered, and not a moment longer.
        send("chat", "<body>burn</body><no-permanent-store xmlns='urn:xmpp:hints'/>").await;
        let juliet = comes(&probe, "balcony").await;
        assert_eq!(words(&juliet), ["burn"]);
        let archive = rialto_store::archive::Archive::new(&probe.store);
        assert_eq!(archive.count("juliet@localhost").await.unwrap(), 0);
    }
}

#[tokio::test]
async fn beyond_the_limit_the_sender_is_told_and_there_is_room_again_after_delivery() {
    for enabled in [true, false] {
        let probe = probe(Settings { enabled, offline: 2, ..Settings::default() });
        assert_eq!((say(&probe, "1").await, say(&probe, "2").await), (None, None));
        assert_eq!(say(&probe, "3").await, Some(Condition::ServiceUnavailable));
        let juliet = comes(&probe, "balcony").await;
        assert_eq!(words(&juliet), ["1", "2"]);
        probe.unbinds(&juliet).await;
        assert_eq!(say(&probe, "4").await, None);
    }
}

#[tokio::test]
async fn what_a_dead_session_did_not_take_waits_again_and_is_archived_once() {
    let [probe, _] = both_ways();
    let juliet = comes(&probe, "balcony").await;
    for words in ["one", "two"] {
        say(&probe, words).await;
    }
    let lost: Vec<String> = heard(&juliet).into_iter().filter(|line| line.starts_with("<message")).collect();
    probe.unbinds(&juliet).await;
    for message in &lost {
        assert!(probe.returns(message).await.taken);
    }
    say(&probe, "three").await;
    let again = comes(&probe, "chamber").await;
    let mut got = words(&again);
    got.sort();
    assert_eq!(got, ["one", "three", "two"]);
    let archive = rialto_store::archive::Archive::new(&probe.store);
    assert_eq!(archive.count("juliet@localhost").await.unwrap(), 3);
    assert_eq!(words(&*comes(&probe, "street").await), [""; 0]);
}

#[tokio::test]
async fn what_was_delivered_late_and_lost_again_is_delivered_once_more() {
    for probe in both_ways() {
        for n in 0..5 {
            say(&probe, &n.to_string()).await;
        }
        let juliet = comes(&probe, "balcony").await;
        let lost: Vec<String> =
            heard(&juliet).into_iter().filter(|line| line.starts_with("<message")).collect();
        assert_eq!(lost.len(), 5);
        probe.unbinds(&juliet).await;
        for message in &lost[2..] {
            probe.returns(message).await;
        }
        assert_eq!(words(&*comes(&probe, "chamber").await), ["2", "3", "4"]);
        assert_eq!(words(&*comes(&probe, "street").await), [""; 0]);
    }
}

#[tokio::test]
async fn more_than_fits_into_an_outbox_waits_for_another_time() {
    let [probe, _] = both_ways();
    let long = "x".repeat(1000);
    for _ in 0..20 {
        say(&probe, &long).await;
    }
    let jid = rialto_xmpp::Jid::parse("juliet@localhost/small").unwrap();
    let small = Arc::new(Session::new(jid, 20_000));
    probe.account("juliet@localhost").await.add(small.clone());
    probe.sends(&small, "<presence/>").await;
    let first = words(&small).len();
    assert!((2..10).contains(&first), "{first}");
    assert_eq!(small.outbox.ended(), None);
    assert_eq!(words(&*comes(&probe, "large").await).len(), 20 - first);
}
