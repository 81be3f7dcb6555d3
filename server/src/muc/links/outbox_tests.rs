//! Exactly once, in order: what links do when networks fail, and when we do.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use rialto_bridges::loopback::{ABLE, Fate, Loopback};
use rialto_bridges::{Act, Capabilities, Limits, NetworkError};
use rialto_store::Store;

use super::*;
use crate::muc::tests::far::{World, hears, hears_all, lounge, network, until};

const LOUNGE: &str = "lounge@rooms.lit";
const FINDS: Capabilities = Capabilities { finds: true, ..ABLE };

/// A server over this store whose lounge is one with `#lounge`, as it is after a start.
async fn started(store: &Store, able: Capabilities, options: LinkOptions) -> (World, Loopback) {
    let mut networks = Networks::default();
    let net = network(&mut networks, "libera", able);
    let world = World::new(networks, store.clone()).await;
    world.links.restore(&[]).await.unwrap();
    if world.links.list().is_empty() {
        let to = To { options, ..("libera:#lounge".parse().unwrap()) };
        world.links.add(&lounge(), &to).await.unwrap();
    }
    until("the link works", || world.links.list()[0].words().starts_with("connected")).await;
    (world, net)
}

/// The process is killed: what was not given to the store is gone.
async fn killed(world: World, store: &Store) {
    for link in world.links.list() {
        let tasks: Vec<tokio::task::AbortHandle> = link.tasks.lock().clone();
        link.end();
        while tasks.iter().any(|task| !task.is_finished()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    store.caught_up().await;
}

fn a_link(world: &World) -> std::sync::Arc<Attached> {
    world.links.list().remove(0)
}

#[tokio::test]
async fn what_waits_for_a_network_that_is_down_goes_on_in_order_after_we_were_killed() {
    let store = Store::memory();
    let (world, net) = started(&store, FINDS, LinkOptions::default()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    net.cut(NetworkError::Down("cable".into())).await;
    for n in 0..20 {
        world.speaks(&romeo, &format!("m{n}"), &format!("word {n}")).await;
    }
    hears(&romeo, "word 19").await;
    killed(world, &store).await;
    let (_world, net) = started(&store, FINDS, LinkOptions::default()).await;
    until("all arrive", || net.words("#lounge").len() == 20).await;
    let expected: Vec<String> = (0..20).map(|n| format!("word {n}")).collect();
    assert_eq!(net.words("#lounge"), expected);
}

#[tokio::test]
async fn pitfall_1_who_is_killed_between_sending_and_writing_says_nothing_twice() {
    let store = Store::memory();
    let (world, net) = started(&store, FINDS, LinkOptions::default()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    net.fate(|| Fate::Hangs);
    world.speaks(&romeo, "m1", "once").await;
    world.speaks(&romeo, "m2", "and once more").await;
    until("the first arrives", || net.words("#lounge").len() == 1).await;
    hears(&romeo, "once more").await;
    killed(world, &store).await;
    // The network remembers what it has heard.
    let mut networks = Networks::default();
    let again = network(&mut networks, "libera", FINDS);
    let heard = net.heard("#lounge").remove(0);
    again.has_heard("#lounge", heard.clone());
    let world = World::new(networks, store.clone()).await;
    world.links.restore(&[]).await.unwrap();
    until("the second arrives", || again.words("#lounge").len() == 2).await;
    assert_eq!(again.words("#lounge"), ["once", "and once more"]);
    until("nothing waits", || a_link(&world).waiting() == 0).await;
    let bound = world.links.ids().ours("libera:#lounge", heard.0.as_str()).unwrap();
    assert!(bound.is_some(), "and what was found has its name");
}

#[tokio::test]
async fn where_nobody_can_tell_what_arrived_its_author_is_asked_and_nothing_is_doubled() {
    let store = Store::memory();
    let (world, net) = started(&store, ABLE, LinkOptions::default()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    hears_all(&romeo).await;
    let mut fates = vec![Fate::Arrives, Fate::Silent];
    net.fate(move || fates.pop().unwrap_or_default());
    world.speaks(&romeo, "m1", "once").await;
    world.speaks(&romeo, "m2", "and once more").await;
    let heard = hears(&romeo, "may not have arrived").await;
    assert!(heard.last().unwrap().contains("id='m1'"), "{heard:?}");
    until("the next goes on", || net.words("#lounge").len() == 2).await;
    assert_eq!(net.words("#lounge"), ["once", "and once more"]);
}

#[tokio::test]
async fn pitfall_2_an_answer_that_was_lost_is_looked_for_before_anything_is_said_again() {
    let (world, net) = started(&Store::memory(), FINDS, LinkOptions::default()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    let mut fates = vec![Fate::Arrives, Fate::Lost, Fate::Silent];
    net.fate(move || fates.pop().unwrap_or_default());
    world.speaks(&romeo, "m1", "one").await;
    world.speaks(&romeo, "m2", "two").await;
    // Whatever is heard of the link is a reason to look at once.
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        net.tell_all(rialto_bridges::Incoming::Regained).await;
    }
    until("both are there", || net.words("#lounge") == ["one", "two"]).await;
    until("nothing waits", || a_link(&world).waiting() == 0).await;
    assert_eq!(a_link(&world).state().failed, 0);
}

#[tokio::test]
async fn parts_that_have_arrived_are_not_sent_again() {
    let store = Store::memory();
    let able = Capabilities { text: Limits { bytes: 10, ..ABLE.text }, ..FINDS };
    let (world, net) = started(&store, able, LinkOptions::default()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    let mut count = 0;
    net.fate(move || {
        count += 1;
        if count >= 3 { Fate::Fails(NetworkError::Down("cable".into())) } else { Fate::Arrives }
    });
    world.speaks(&romeo, "m1", "aaaaaaaa bbbbbbbb cccccccc dddddddd").await;
    until("two are there", || net.words("#lounge").len() == 2).await;
    killed(world, &store).await;
    let (world, net) = started(&store, able, LinkOptions::default()).await;
    until("the rest follows", || net.words("#lounge").len() == 2).await;
    assert_eq!(net.words("#lounge"), ["cccccccc", "dddddddd"]);
    until("nothing waits", || a_link(&world).waiting() == 0).await;
}

#[tokio::test]
async fn a_full_outbox_is_full_after_a_restart_and_gives_the_rest_back() {
    let store = Store::memory();
    let options = LinkOptions { backlog: 5, ..LinkOptions::default() };
    let (world, net) = started(&store, FINDS, options.clone()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    net.cut(NetworkError::Down("cable".into())).await;
    until("it is down", || a_link(&world).words().contains("cable")).await;
    for n in 0..7 {
        world.speaks(&romeo, &format!("m{n}"), &format!("word {n}")).await;
    }
    let back: Vec<String> =
        hears_all(&romeo).await.into_iter().filter(|stanza| stanza.contains("type='error'")).collect();
    assert_eq!(back.len(), 2, "{back:?}");
    assert!(back[0].contains("id='m5'") && back[0].contains("too much waits"), "{back:?}");
    killed(world, &store).await;
    let (world, net) = started(&store, FINDS, options).await;
    until("those that had a place arrive", || net.words("#lounge").len() == 5).await;
    until("nothing waits", || a_link(&world).waiting() == 0).await;
    assert_eq!(net.words("#lounge")[4], "word 4");
}

#[tokio::test]
async fn pitfall_33_what_has_waited_too_long_comes_back_to_its_author_wherever_he_is() {
    let options = LinkOptions { backlog_age: Duration::from_millis(300), ..LinkOptions::default() };
    let (world, net) = started(&Store::memory(), FINDS, options).await;
    let (romeo, juliet) = (world.enters("romeo", LOUNGE).await, world.enters("juliet", LOUNGE).await);
    net.cut(NetworkError::Down("cable".into())).await;
    until("it is down", || a_link(&world).words().contains("cable")).await;
    world.speaks(&romeo, "m1", "still there?").await;
    world.speaks(&juliet, "m2", "one").await;
    world.speaks(&juliet, "m3", "two").await;
    world.says(&juliet, &format!("<presence type='unavailable' to='{LOUNGE}/juliet'/>")).await;
    let heard = hears(&romeo, "could not be reached").await;
    assert!(heard.last().unwrap().contains("id='m1'"));
    until("all are counted", || a_link(&world).state().failed == 3).await;
    net.heal().await;
    world.speaks(&romeo, "m4", "back again").await;
    until("what is new arrives", || net.words("#lounge") == ["back again"]).await;
}

#[tokio::test]
async fn what_is_true_for_a_moment_is_never_said_late() {
    let store = Store::memory();
    let (world, net) = started(&store, FINDS, LinkOptions::default()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    net.cut(NetworkError::Down("cable".into())).await;
    until("it is down", || a_link(&world).words().contains("cable")).await;
    let typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    world.says(&romeo, &format!("<message type='groupchat' to='{LOUNGE}'>{typing}</message>")).await;
    hears(&romeo, "<composing").await;
    assert_eq!(a_link(&world).waiting(), 0);
    net.heal().await;
    until("it is up", || a_link(&world).words().starts_with("connected")).await;
    world.says(&romeo, &format!("<message type='groupchat' to='{LOUNGE}'>{typing}</message>")).await;
    until("it is said now", || {
        matches!(net.heard("#lounge")[..], [(_, rialto_bridges::Event { act: Act::Typing(true), .. })])
    })
    .await;
}

#[tokio::test]
async fn an_edit_waits_behind_its_message_and_finds_it() {
    let (world, net) = started(&Store::memory(), FINDS, LinkOptions::default()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    net.cut(NetworkError::Down("cable".into())).await;
    until("it is down", || a_link(&world).words().contains("cable")).await;
    world.speaks(&romeo, "m1", "good nihgt").await;
    let replace = "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>";
    let edit =
        format!("<message type='groupchat' to='{LOUNGE}' id='m2'><body>good night</body>{replace}</message>");
    world.says(&romeo, &edit).await;
    net.heal().await;
    until("both arrive", || net.heard("#lounge").len() == 2).await;
    let heard = net.heard("#lounge");
    assert!(matches!(&heard[1].1.act, Act::Edit { of, .. } if *of == heard[0].0), "{heard:?}");
}

#[tokio::test]
async fn an_outbox_whose_link_is_gone_from_the_configuration_is_given_back() {
    let store = Store::memory();
    let (world, net) = started(&store, FINDS, LinkOptions::default()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    net.cut(NetworkError::Down("cable".into())).await;
    until("it is down", || a_link(&world).words().contains("cable")).await;
    world.speaks(&romeo, "m1", "still there?").await;
    until("it waits", || a_link(&world).waiting() == 1).await;
    world.links.remove(&lounge(), &"libera:#lounge".parse().unwrap()).await.unwrap();
    let heard = hears(&romeo, "not linked to it any more").await;
    assert!(heard.last().unwrap().contains("id='m1'"));
    world.links.add(&lounge(), &"libera:#lounge".parse().unwrap()).await.unwrap();
    assert_eq!(a_link(&world).waiting(), 0);
}

/// A source of chance that is the same each time.
fn chance(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_words_through_a_network_that_fails_at_random_arrive_once_and_in_order() {
    const WORDS: usize = 10_000;
    let store = Store::memory();
    let options = LinkOptions { backlog: WORDS, ..LinkOptions::default() };
    let (mut world, mut net) = started(&store, FINDS, options.clone()).await;
    let mut there: Vec<(rialto_bridges::RemoteId, rialto_bridges::Event<rialto_bridges::RemoteId>)> =
        Vec::new();
    let mut said = 0;
    let mut dice = chance(41);
    while said < WORDS {
        let mut fail = chance(said as u64);
        net.fate(move || match fail(100) {
            0 => Fate::Silent,
            1 => Fate::Lost,
            2 => Fate::Fails(NetworkError::Down("cable".into())),
            3 | 4 => Fate::Fails(NetworkError::Slow(Duration::ZERO)),
            _ => Fate::Arrives,
        });
        let romeo = world.enters("romeo", LOUNGE).await;
        for _ in 0..(WORDS / 5) {
            world.speaks(&romeo, &format!("m{said}"), &format!("word {said}")).await;
            said += 1;
            if dice(50) == 0 {
                net.tell_all(rialto_bridges::Incoming::Regained).await;
            }
        }
        hears(&romeo, &format!("word {}<", said - 1)).await;
        // Somewhere in the middle of it all.
        killed(world, &store).await;
        there = net.heard("#lounge");
        let mut networks = Networks::default();
        net = network(&mut networks, "libera", FINDS);
        there.iter().for_each(|heard| net.has_heard("#lounge", heard.clone()));
        world = World::new(networks, store.clone()).await;
        world.links.restore(&[]).await.unwrap();
        until("the link works", || a_link(&world).words().starts_with("connected")).await;
    }
    let start = SystemTime::now();
    while a_link(&world).waiting() > 0 && start.elapsed().unwrap() < Duration::from_secs(60) {
        net.tell_all(rialto_bridges::Incoming::Regained).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let words = net.words("#lounge");
    let ids: BTreeSet<_> = net.heard("#lounge").into_iter().map(|(id, _)| id).collect();
    assert_eq!(
        (words.len(), ids.len()),
        (WORDS, WORDS),
        "of which {} were there before the last start",
        there.len()
    );
    let wrong = words.iter().enumerate().find(|(n, word)| **word != format!("word {n}"));
    assert_eq!(wrong, None);
    assert_eq!(a_link(&world).state().failed, 0);
}
