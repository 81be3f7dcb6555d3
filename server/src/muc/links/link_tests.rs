//! Links over networks in memory, from a client to a far room and back.

use rialto_bridges::loopback::{ABLE, POOR, person};
use rialto_bridges::{Act, Capabilities, Message, NetworkError};
use rialto_store::Store;

use super::*;
use crate::muc::tests::far::{World, hears, hears_all, lounge, network, until};

const LOUNGE: &str = "lounge@rooms.lit";

#[tokio::test]
async fn words_go_three_ways_and_everybody_hears_them_once() {
    let mut networks = Networks::default();
    let (libera, guild) = (network(&mut networks, "libera", POOR), network(&mut networks, "guild", ABLE));
    let world = World::new(networks, Store::memory()).await;
    for far in ["libera:#lounge", "guild:general"] {
        world.links.add(&lounge(), &far.parse().unwrap()).await.unwrap();
    }
    let romeo = world.enters("romeo", LOUNGE).await;
    libera.enters("#lounge", "ann").await;
    hears(&romeo, "lounge@rooms.lit/ann").await;
    libera.says("#lounge", "ann", "parting is such sweet sorrow").await;
    let heard = hears(&romeo, "sweet sorrow").await;
    assert!(heard.last().unwrap().contains("from='lounge@rooms.lit/ann'"));
    until("the guild hears ann", || guild.words("general") == ["parting is such sweet sorrow"]).await;
    assert_eq!(&*guild.heard("general")[0].1.author.nick, "ann");
    world.speaks(&romeo, "m1", "good night").await;
    until("libera hears romeo", || libera.words("#lounge") == ["<romeo> good night"]).await;
    until("the guild hears romeo", || guild.words("general").len() == 2).await;
    assert_eq!(hears_all(&romeo).await.len(), 1, "romeo hears himself, and nothing comes back");
    assert_eq!(libera.words("#lounge").len(), 1);
}

#[tokio::test]
async fn our_words_come_back_as_nothing() {
    let (world, net) = World::able().await;
    let romeo = world.enters("romeo", LOUNGE).await;
    world.speaks(&romeo, "m1", "hello").await;
    until("the far side hears romeo", || net.words("#lounge").len() == 1).await;
    hears_all(&romeo).await;
    let (id, event) = net.heard("#lounge").remove(0);
    net.tell("#lounge", rialto_bridges::Incoming::Did { id: Some(id), event }).await;
    assert!(hears_all(&romeo).await.is_empty());
}

#[tokio::test]
async fn edits_reactions_and_answers_find_their_message_on_the_other_side() {
    let (world, net) = World::able().await;
    let romeo = world.enters("romeo", LOUNGE).await;
    world.speaks(&romeo, "m1", "good nihgt").await;
    let replace = "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>";
    let edit =
        format!("<message type='groupchat' to='{LOUNGE}' id='m2'><body>good night</body>{replace}</message>");
    world.says(&romeo, &edit).await;
    until("the edit arrives", || net.heard("#lounge").len() == 2).await;
    let heard = net.heard("#lounge");
    assert!(matches!(&heard[1].1.act, Act::Edit { of, .. } if *of == heard[0].0), "{heard:?}");
    net.enters("#lounge", "ann").await;
    net.does("#lounge", "ann", Act::React { to: heard[0].0.clone(), emoji: vec!["👋".into()] }).await;
    let told = hears(&romeo, "<reactions").await;
    let ours = told
        .iter()
        .find_map(|stanza| stanza.split_once("<stanza-id")?.1.split_once("id='")?.1.split_once('\''));
    let ours = ours.unwrap().0.to_owned();
    assert!(told.last().unwrap().contains(&format!("id='{ours}'")), "{told:#?}");
    let theirs = net.says("#lounge", "ann", "sleep well").await;
    let answered = hears(&romeo, "sleep well").await;
    let (_, id) = answered.last().unwrap().rsplit_once(" id='").unwrap();
    let id = id.split_once('\'').unwrap().0;
    let reply = format!("<reply xmlns='urn:xmpp:reply:0' id='{id}'/>");
    world
        .says(
            &romeo,
            &format!("<message type='groupchat' to='{LOUNGE}' id='m3'><body>you too</body>{reply}</message>"),
        )
        .await;
    until("the answer arrives", || net.heard("#lounge").len() == 3).await;
    let last = net.heard("#lounge").remove(2).1.act;
    assert!(matches!(&last, Act::Say(Message { reply: Some(reply), .. }) if reply.to == theirs), "{last:?}");
}

#[tokio::test]
async fn what_a_poor_network_cannot_do_is_said_in_words() {
    let (world, net) = World::linked(POOR).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    world.speaks(&romeo, "m1", "/me waves").await;
    let replace = "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>";
    let edit =
        format!("<message type='groupchat' to='{LOUNGE}' id='m2'><body>/me bows</body>{replace}</message>");
    world.says(&romeo, &edit).await;
    until("both arrive", || net.words("#lounge").len() == 2).await;
    assert_eq!(net.words("#lounge")[0], "* romeo waves");
    assert!(net.words("#lounge")[1].contains("bows"));
}

#[tokio::test]
async fn a_correction_after_a_restart_still_finds_its_message() {
    let store = Store::memory();
    let mut networks = Networks::default();
    let net = network(&mut networks, "libera", ABLE);
    let world = World::new(networks, store.clone()).await;
    world.links.add(&lounge(), &"libera:#lounge".parse().unwrap()).await.unwrap();
    let romeo = world.enters("romeo", LOUNGE).await;
    world.speaks(&romeo, "m1", "good nihgt").await;
    until("it arrives", || net.words("#lounge").len() == 1).await;
    let theirs = net.heard("#lounge")[0].0.clone();
    hears_all(&romeo).await;
    store.caught_up().await;
    drop(world);
    let mut networks = Networks::default();
    let net = network(&mut networks, "libera", ABLE);
    let world = World::new(networks, store).await;
    world.links.restore(&[]).await.unwrap();
    until("it is linked again", || world.links.list()[0].words().starts_with("connected")).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    let replace = "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>";
    let edit =
        format!("<message type='groupchat' to='{LOUNGE}' id='m2'><body>good night</body>{replace}</message>");
    world.says(&romeo, &edit).await;
    until("the edit arrives", || net.heard("#lounge").len() == 1).await;
    assert!(matches!(&net.heard("#lounge")[0].1.act, Act::Edit { of, .. } if *of == theirs));
}

#[tokio::test]
async fn a_relay_that_finally_fails_comes_back_to_its_author() {
    let (world, net) = World::able().await;
    let romeo = world.enters("romeo", LOUNGE).await;
    hears_all(&romeo).await;
    net.cut(NetworkError::Forbidden("the channel is moderated".into())).await;
    world.speaks(&romeo, "m1", "hello").await;
    let heard = hears(&romeo, "type='error'").await;
    let error = heard.last().unwrap();
    for part in ["id='m1'", "from='lounge@rooms.lit'", "type='cancel'", "libera:#lounge", "moderated"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(world.links.list()[0].words().contains("1 given back"));
}

#[tokio::test]
async fn a_short_break_costs_nothing_and_nobody_leaves() {
    let (world, net) = World::able().await;
    net.enters("#lounge", "ann").await;
    let romeo = world.enters("romeo", LOUNGE).await;
    hears(&romeo, "/ann'").await;
    net.cut(NetworkError::Down("cable".into())).await;
    until("the break is known", || world.links.list()[0].words().contains("cable")).await;
    world.speaks(&romeo, "m1", "still there?").await;
    net.heal().await;
    until("it arrives all the same", || net.words("#lounge") == ["still there?"]).await;
    let heard = hears_all(&romeo).await;
    assert!(heard.iter().all(|stanza| !stanza.contains("<presence")), "{heard:?}");
    assert!(world.links.list()[0].words().starts_with("connected"));
}

#[tokio::test]
async fn a_network_that_is_slow_is_given_its_time_and_the_order_is_kept() {
    let (world, net) = World::able().await;
    let romeo = world.enters("romeo", LOUNGE).await;
    net.cut(NetworkError::Slow(std::time::Duration::from_millis(80))).await;
    for n in 0..5 {
        world.speaks(&romeo, &format!("m{n}"), &format!("word {n}")).await;
    }
    net.heal().await;
    until("all arrive", || net.words("#lounge").len() == 5).await;
    assert_eq!(net.words("#lounge")[4], "word 4");
}

#[tokio::test]
async fn a_far_room_is_in_one_room_at_most() {
    let (world, _net) = World::able().await;
    let cellar = rialto_xmpp::BareJid::parse("cellar@rooms.lit").unwrap();
    let error = world.links.add(&cellar, &"libera:#LOUNGE".parse().unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("lounge@rooms.lit"), "{error}");
    let unknown = world.links.add(&cellar, &"oftc:#lounge".parse().unwrap()).await.unwrap_err();
    assert!(unknown.to_string().contains("[bridge.libera]"), "{unknown}");
    world.links.remove(&lounge(), &"libera:#lounge".parse().unwrap()).await.unwrap();
    world.links.add(&cellar, &"libera:#lounge".parse().unwrap()).await.unwrap();
    assert_eq!(world.links.list().len(), 1);
}

#[tokio::test]
async fn more_than_there_is_place_for_comes_back() {
    let (world, net) = World::able().await;
    let romeo = world.enters("romeo", LOUNGE).await;
    net.cut(NetworkError::Down("cable".into())).await;
    for n in 0..LinkOptions::default().backlog + 3 {
        world.speaks(&romeo, &format!("m{n}"), "again").await;
    }
    hears(&romeo, "too much waits").await;
}

#[tokio::test]
async fn a_subject_that_cannot_be_set_there_is_told_to_who_set_it() {
    let (world, net) = World::linked(Capabilities { subject: None, ..ABLE }).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    world
        .says(
            &romeo,
            &format!("<message type='groupchat' to='{LOUNGE}' id='s'><subject>Verona</subject></message>"),
        )
        .await;
    let heard = hears(&romeo, "type='error'").await;
    assert!(heard.last().unwrap().contains("here only"));
    net.does("#lounge", "ann", Act::Subject("Mantua".into())).await;
    hears(&romeo, "<subject>Mantua</subject>").await;
    let _ = person("ann");
}

#[tokio::test]
async fn a_room_that_is_destroyed_takes_its_links_with_it() {
    let (world, net) = World::able().await;
    world.hosts[0].destroy(&lounge(), None).await.unwrap();
    until("the link is gone", || world.links.list().is_empty()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    hears_all(&romeo).await;
    world.links.restore(&[]).await.unwrap();
    assert!(world.links.list().is_empty(), "nor is it kept");
    drop(net);
}
