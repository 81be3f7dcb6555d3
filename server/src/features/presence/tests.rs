//! RFC 6121 §4 as contacts, strangers and the other devices live it.

use std::sync::Arc;

use rialto_xmpp::Condition;

use super::super::contacts::{Keeper, Limits};
use super::super::probe::{Probe, heard, stanza};
use super::super::{presence, roster, subscriptions};
use crate::sessions::Session;

fn probe() -> Probe {
    Probe::new(|store, accounts| {
        let (keeper, limits) = (Arc::new(Keeper::new(store)), Limits::default());
        vec![
            Box::new(roster::new(&keeper, limits)),
            Box::new(subscriptions::new(&keeper, limits)),
            Box::new(presence::new(accounts)),
        ]
    })
}

/// `one` sees `other`.
async fn sees(probe: &Probe, one: &str, other: &str) {
    probe.comes(&format!("<presence type='subscribe' from='{one}' to='{other}'/>")).await;
    for (who, kind, to) in [(one, "subscribe", other), (other, "subscribed", one)] {
        let session = probe.bound(&format!("{who}/friend{kind}")).await;
        probe.sends(&session, &format!("<presence type='{kind}' to='{to}'/>")).await;
        probe.unbinds(&session).await;
    }
}

async fn romeo_sees_juliet(probe: &Probe) {
    sees(probe, "romeo@localhost", "juliet@localhost").await;
}

fn lines(session: &Session, of: &str) -> Vec<String> {
    heard(session).into_iter().filter(|line| line.contains(&format!("from='{of}"))).collect()
}

#[tokio::test]
async fn a_contact_hears_the_first_presence_every_later_one_and_the_last() {
    let probe = probe();
    romeo_sees_juliet(&probe).await;
    let romeo = probe.available("romeo@localhost/orchard").await;
    let juliet = probe.bound("juliet@localhost/balcony").await;
    probe.sends(&juliet, "<presence><show>chat</show></presence>").await;
    assert_eq!(
        heard(&romeo),
        ["<presence from='juliet@localhost/balcony' to='romeo@localhost'><show>chat</show></presence>"]
    );
    probe.sends(&juliet, "<presence><show>away</show></presence>").await;
    assert!(heard(&romeo).concat().contains("away"));
    probe.sends(&juliet, "<presence type='unavailable'><status>bye</status></presence>").await;
    let gone = heard(&romeo).concat();
    assert!(gone.contains("type='unavailable'") && gone.contains("bye"), "{gone}");
    probe.unbinds(&juliet).await;
    assert!(heard(&romeo).is_empty(), "he was told already");
}

#[tokio::test]
async fn who_comes_later_hears_of_all_devices_of_those_he_may_see() {
    let probe = probe();
    romeo_sees_juliet(&probe).await;
    let _devices = (
        probe.available("juliet@localhost/balcony").await,
        probe.available("juliet@localhost/chamber").await,
        probe.available("tybalt@localhost/street").await,
    );
    let romeo = probe.bound("romeo@localhost/orchard").await;
    probe.sends(&romeo, "<presence/>").await;
    let all = heard(&romeo);
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all[0].contains("from='romeo@localhost/orchard'"));
    assert!(all[1].contains("juliet@localhost/balcony") && all[2].contains("juliet@localhost/chamber"));
    assert!(all[1].contains("to='romeo@localhost/orchard'"), "{all:?}");
    probe.sends(&romeo, "<presence><show>away</show></presence>").await;
    assert_eq!(lines(&romeo, "juliet").len(), 0, "only the first presence asks");
}

#[tokio::test]
async fn who_may_not_see_hears_nothing() {
    let probe = probe();
    romeo_sees_juliet(&probe).await;
    let romeo = probe.available("romeo@localhost/orchard").await;
    let tybalt = probe.available("tybalt@localhost/street").await;
    let juliet = probe.available("juliet@localhost/balcony").await;
    heard(&romeo);
    assert!(heard(&tybalt).is_empty());
    // Romeo sees Juliet; she does not see him.
    probe.sends(&romeo, "<presence><show>dnd</show></presence>").await;
    assert!(lines(&juliet, "romeo").is_empty());
}

#[tokio::test]
async fn ones_own_devices_hear_of_one_another() {
    let probe = probe();
    let one = probe.available("romeo@localhost/a").await;
    let other = probe.bound("romeo@localhost/b").await;
    probe.sends(&other, "<presence><priority>5</priority></presence>").await;
    assert_eq!(lines(&one, "romeo@localhost/b").len(), 1);
    assert_eq!(lines(&other, "romeo@localhost/a").len(), 1);
    probe.unbinds(&other).await;
    let gone = heard(&one).concat();
    assert!(gone.contains("from='romeo@localhost/b'") && gone.contains("type='unavailable'"), "{gone}");
}

#[tokio::test]
async fn whom_one_greeted_by_name_hears_the_end_once() {
    let probe = probe();
    let romeo = probe.bound("romeo@localhost/orchard").await;
    probe.sends(&romeo, "<presence to='lounge@rooms.localhost/Romeo'/>").await;
    probe.sends(&romeo, "<presence to='hall@rooms.localhost/Romeo'/>").await;
    probe.sends(&romeo, "<presence to='hall@rooms.localhost/Romeo' type='unavailable'/>").await;
    probe.comes("<presence from='x@rooms.localhost/R' to='romeo@localhost/orchard' type='error'/>").await;
    let gone = probe.unbinds(&romeo).await.away;
    assert_eq!(gone.len(), 1);
    assert_eq!(
        gone[0],
        stanza(
            "<presence from='romeo@localhost/orchard' to='lounge@rooms.localhost/Romeo' type='unavailable'/>"
        )
    );
}

#[tokio::test]
async fn who_answered_with_an_error_is_told_nothing_at_the_end() {
    let probe = probe();
    let romeo = probe.available("romeo@localhost/orchard").await;
    probe.sends(&romeo, "<presence to='lounge@rooms.localhost/Romeo'/>").await;
    probe
        .comes("<presence from='lounge@rooms.localhost/Romeo' to='romeo@localhost/orchard' type='error'/>")
        .await;
    assert!(heard(&romeo).concat().contains("type='error'"));
    assert!(probe.unbinds(&romeo).await.away.is_empty());
}

#[tokio::test]
async fn a_stranger_who_greets_by_name_is_heard() {
    let probe = probe();
    let (romeo, juliet) =
        (probe.available("romeo@localhost/orchard").await, probe.available("juliet@localhost/balcony").await);
    probe.sends(&romeo, "<presence to='juliet@localhost'/>").await;
    assert_eq!(lines(&juliet, "romeo").len(), 1);
    probe.sends(&romeo, "<presence type='unavailable'/>").await;
    assert!(lines(&juliet, "romeo").concat().contains("unavailable"));
}

#[tokio::test]
async fn a_probe_tells_those_who_may_know_and_turns_away_the_rest() {
    let probe = probe();
    sees(&probe, "romeo@elsewhere", "juliet@localhost").await;
    let asks = "<presence type='probe' from='romeo@elsewhere' to='juliet@localhost'/>";
    let nobody = probe.comes(asks).await.away;
    assert_eq!(
        nobody,
        [stanza("<presence from='juliet@localhost' to='romeo@elsewhere' type='unavailable'/>")]
    );
    let _juliet = probe.available("juliet@localhost/balcony").await;
    let there = probe.comes(asks).await.away;
    assert_eq!(there, [stanza("<presence from='juliet@localhost/balcony' to='romeo@elsewhere'/>")]);
    let stranger =
        probe.comes("<presence type='probe' from='tybalt@elsewhere/x' to='juliet@localhost'/>").await;
    assert_eq!(
        stranger.away,
        [stanza("<presence from='juliet@localhost' to='tybalt@elsewhere' type='unsubscribed'/>")]
    );
}

#[tokio::test]
async fn contacts_elsewhere_are_told_and_asked_by_stanzas_of_their_own() {
    let probe = probe();
    sees(&probe, "romeo@elsewhere", "juliet@localhost").await;
    let juliet = probe.bound("juliet@localhost/balcony").await;
    probe.sends(&juliet, "<presence type='subscribe' to='romeo@elsewhere'/>").await;
    probe.comes("<presence type='subscribed' from='romeo@elsewhere' to='juliet@localhost'/>").await;
    let away = probe.sends(&juliet, "<presence/>").await.away;
    assert_eq!(
        away,
        [
            stanza("<presence from='juliet@localhost/balcony' to='romeo@elsewhere'/>"),
            stanza("<presence from='juliet@localhost' to='romeo@elsewhere' type='probe'/>"),
        ]
    );
    let away = probe.unbinds(&juliet).await.away;
    assert_eq!(
        away,
        [stanza("<presence from='juliet@localhost/balcony' to='romeo@elsewhere' type='unavailable'/>")]
    );
}

#[tokio::test]
async fn a_priority_out_of_range_is_refused_and_changes_nothing() {
    let probe = probe();
    let romeo = probe.bound("romeo@localhost/a").await;
    for wrong in ["128", "-129", "high"] {
        let seen = probe.sends(&romeo, &format!("<presence><priority>{wrong}</priority></presence>")).await;
        assert_eq!(seen.refused.unwrap().condition, Condition::BadRequest);
        assert!(!romeo.is_available());
    }
    probe.sends(&romeo, "<presence><priority>-1</priority></presence>").await;
    assert!(romeo.is_available() && !romeo.takes_bare());
}

#[tokio::test]
async fn nobody_is_in_more_rooms_than_a_session_remembers() {
    let probe = probe();
    let romeo = probe.bound("romeo@localhost/a").await;
    for n in 0..1000 {
        let seen = probe.sends(&romeo, &format!("<presence to='r{n}@rooms.localhost/R'/>")).await;
        assert_eq!(seen.refused, None);
    }
    let seen = probe.sends(&romeo, "<presence to='more@rooms.localhost/R'/>").await;
    assert_eq!(seen.refused.unwrap().condition, Condition::ResourceConstraint);
    assert_eq!(probe.unbinds(&romeo).await.away.len(), 1000);
}
