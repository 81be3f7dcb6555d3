//! Commands of a room about its links, from an owner's client to the far room.

use rialto_bridges::loopback::{ABLE, Loopback};
use rialto_store::Store;

use super::commands::Act;
use super::*;
use crate::config::Bridge;
use crate::muc::tests::far::{World, hears, hears_all, lounge, network, until};

const LOUNGE: &str = "lounge@rooms.lit";

/// A server on whose `libera` owners may link what these patterns say.
async fn world(owners: &[&str], store: Store) -> (World, Loopback) {
    let mut networks = Networks::default();
    let net = network(&mut networks, "libera", ABLE);
    let owners = owners.iter().map(|owner| (*owner).to_owned()).collect();
    let bridge = Bridge {
        kind: "loopback".into(),
        domain: "far.lit".into(),
        owners,
        files: crate::config::Files::default(),
        settings: toml::Table::new(),
    };
    networks.configured("libera", bridge);
    let world = World::new(networks, store).await;
    // A room that is there, and open.
    let seed: crate::config::To = "libera:#seed".parse().unwrap();
    world.links.add(&lounge(), &seed).await.unwrap();
    world.links.remove(&lounge(), &seed.far).await.unwrap();
    (world, net)
}

fn command(act: Act, form: &str) -> String {
    let form = match form {
        "" => String::new(),
        fields => format!("<x xmlns='jabber:x:data' type='submit'>{fields}</x>"),
    };
    let node = act.node();
    format!(
        "<iq type='set' id='c' to='{LOUNGE}'><command xmlns='http://jabber.org/protocol/commands' node='{node}'>{form}</command></iq>"
    )
}

fn fields(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(var, value)| format!("<field var='{var}'><value>{value}</value></field>")).collect()
}

#[tokio::test]
async fn an_owner_links_his_room_sees_how_it_is_and_takes_the_link_away() {
    let (world, net) = world(&["#our-*"], Store::memory()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    hears(&romeo, "<subject").await;
    world.says(&romeo, &command(Act::Link, "")).await;
    let asked = hears(&romeo, "<command").await;
    let asked = asked.last().unwrap();
    for part in ["status='executing'", "<complete", "var='bridge'", "var='room'", "#our-*"] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
    let form = fields(&[
        ("bridge", "libera"),
        ("room", "#Our-Garden"),
        ("way", "in"),
        ("archive", "0"),
        ("nick", "{nick}"),
    ]);
    world.says(&romeo, &command(Act::Link, &form)).await;
    let done = hears(&romeo, "status='completed'").await;
    assert!(done.last().unwrap().contains("type='info'"), "{done:?}");
    let link = &world.links.list()[0];
    assert_eq!((link.linked.key().as_str(), link.origin), ("libera:#our-garden", Origin::Owner));
    assert_eq!((link.linked.options.way, link.linked.options.archive), (Way::In, false));
    net.says("#our-garden", "ann", "good night").await;
    hears(&romeo, "good night").await;
    world.says(&romeo, &command(Act::State, "")).await;
    let state = hears(&romeo, "status='completed'").await;
    assert!(state.last().unwrap().contains("libera:#our-garden: connected since"), "{state:?}");
    world.says(&romeo, &command(Act::Unlink, &fields(&[("link", "libera:#our-garden")]))).await;
    hears(&romeo, "no longer linked").await;
    assert!(world.links.list().is_empty());
}

#[tokio::test]
async fn what_the_operator_does_not_allow_is_refused() {
    let (world, _net) = world(&["#our-*"], Store::memory()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    hears(&romeo, "<subject").await;
    for (bridge, room, says) in [
        ("libera", "#private", "lets owners link #our-*"),
        ("libera", "#private #our-x", "lets owners link #our-*"),
        ("oftc", "#our-x", "no network oftc"),
        ("libera", "", "names no far room"),
    ] {
        world.says(&romeo, &command(Act::Link, &fields(&[("bridge", bridge), ("room", room)]))).await;
        let refused = hears(&romeo, "<command").await;
        let refused = refused.last().unwrap();
        assert!(refused.contains("type='error'") && refused.contains(says), "{says} in {refused}");
    }
    // What an operator has made is not an owner's to take away, nor another room's to have.
    world.links.add(&lounge(), &"libera:#our-one".parse().unwrap()).await.unwrap();
    world.says(&romeo, &command(Act::Unlink, &fields(&[("link", "libera:#our-one")]))).await;
    hears(&romeo, "no such link").await;
    world.says(&romeo, &command(Act::Link, &fields(&[("bridge", "libera"), ("room", "#our-one")]))).await;
    hears(&romeo, "is linked to another room").await;
    assert_eq!(world.links.list().len(), 1);
}

#[tokio::test]
async fn nobody_but_owners_sees_or_runs_the_commands_and_none_where_no_network_allows_it() {
    let disco = format!(
        "<iq type='get' id='d' to='{LOUNGE}'><query xmlns='http://jabber.org/protocol/disco#items' \
         node='http://jabber.org/protocol/commands'/></iq>"
    );
    let (world, _net) = self::world(&["*"], Store::memory()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    hears(&romeo, "<subject").await;
    let juliet = world.enters("juliet", LOUNGE).await;
    hears(&juliet, "<subject").await;
    world.says(&romeo, &disco).await;
    assert!(hears(&romeo, "disco#items").await.last().unwrap().contains(&Act::Link.node()));
    world.says(&juliet, &disco).await;
    assert!(!hears(&juliet, "disco#items").await.last().unwrap().contains(&Act::Link.node()));
    world.says(&juliet, &command(Act::Link, "")).await;
    hears(&juliet, "<forbidden").await;
    let (world, _net) = self::world(&[], Store::memory()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    hears(&romeo, "<subject").await;
    world.says(&romeo, &disco).await;
    assert!(!hears(&romeo, "disco#items").await.last().unwrap().contains("urn:rialto:links"));
    world.says(&romeo, &command(Act::Link, "")).await;
    hears(&romeo, "<forbidden").await;
}

#[tokio::test]
async fn a_link_survives_a_restart_with_its_options_and_whose_it_is() {
    let store = Store::memory();
    let (world, net) = self::world(&["*"], store.clone()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    hears(&romeo, "<subject").await;
    let form = fields(&[
        ("bridge", "libera"),
        ("room", "#a"),
        ("occupants", "speakers"),
        ("nick", "{nick} at {room}"),
    ]);
    world.says(&romeo, &command(Act::Link, &form)).await;
    hears(&romeo, "is linked").await;
    let before = world.links.list()[0].linked.options.clone();
    hears_all(&romeo).await;
    drop((world, net));
    let (world, _net) = self::world(&[], store).await;
    world.links.restore(&[]).await.unwrap();
    until("it is linked again", || world.links.list().len() == 1).await;
    let link = &world.links.list()[0];
    assert_eq!((&link.linked.options, link.origin), (&before, Origin::Owner));
    assert!(before.words().contains("speakers"));
}
