//! Configurations that change, over networks in memory.

use rialto_bridges::NetworkError;
use rialto_bridges::loopback::ABLE;
use rialto_store::Store;

use super::*;
use crate::config::{Bridge, Bridges, Config};
use crate::muc::tests::far::{World, hears, hears_all, lounge, network, until};

const LOUNGE: &str = "lounge@rooms.lit";

fn links(text: &str) -> Vec<crate::config::Link> {
    let source = format!(
        "[rooms]\ndomain = 'rooms.lit'\n[bridge.libera]\nkind = 'x'\n[bridge.guild]\nkind = 'x'\n{text}"
    );
    Config::parse(&source).unwrap_or_else(|why| panic!("{why}")).links
}

fn link(to: &str) -> Vec<crate::config::Link> {
    links(&format!("[[link]]\nroom = '{LOUNGE}'\nto = [{to}]"))
}

fn bridges(world: &World) -> Bridges {
    world.links.networks().sections()
}

#[tokio::test]
async fn links_come_go_and_change_and_the_others_stay_connected() {
    let mut networks = Networks::default();
    let (libera, guild) = (network(&mut networks, "libera", ABLE), network(&mut networks, "guild", ABLE));
    let world = World::new(networks, Store::memory()).await;
    world.links.restore(&link("'libera:#a', 'guild:b'")).await.unwrap();
    until("it is linked", || world.links.of_key("libera:#a").unwrap().words().starts_with("connected")).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    libera.enters("#a", "ann").await;
    hears(&romeo, "/ann'").await;
    let same = world.links.of_key("libera:#a").unwrap();
    let told = world.links.reload(&bridges(&world), &link("'libera:#a', 'guild:c'")).await.unwrap();
    assert_eq!(
        told,
        ["lounge@rooms.lit is no longer linked to guild:b", "lounge@rooms.lit is linked to guild:c"]
    );
    assert!(
        std::sync::Arc::ptr_eq(&same, &world.links.of_key("libera:#a").unwrap()),
        "it has not been touched"
    );
    assert!(hears_all(&romeo).await.iter().all(|stanza| !stanza.contains("unavailable")));
    let entered =
        |key: &str| world.links.of_key(key).is_some_and(|link| link.words().starts_with("connected"));
    until("the new one is entered", || entered("guild:c")).await;
    guild.says("c", "bob", "here I am").await;
    hears(&romeo, "here I am").await;
    let told =
        world.links.reload(&bridges(&world), &link("{ to = 'libera:#a', way = 'in' }, 'guild:c'")).await;
    assert_eq!(told.unwrap(), ["lounge@rooms.lit is linked to libera:#a"]);
    assert_eq!(world.links.of_key("libera:#a").unwrap().linked.options.way, Way::In);
    until("both are entered", || entered("libera:#a") && entered("guild:c")).await;
    world.speaks(&romeo, "m1", "hello").await;
    until("one of them hears it", || guild.words("c") == ["hello"]).await;
    assert_eq!(libera.words("#a"), ["here I am"], "from before");
    let told = world.links.reload(&bridges(&world), &[]).await.unwrap();
    assert_eq!((told.len(), world.links.list().len()), (2, 0));
}

#[tokio::test]
async fn a_bridge_that_cannot_be_opened_changes_nothing() {
    let (world, _net) = World::able().await;
    let bad = Bridge {
        kind: "teletext".into(),
        domain: "far.lit".into(),
        owners: Vec::new(),
        files: crate::config::Files::default(),
        settings: toml::Table::new(),
    };
    let error = world.links.reload(&Bridges::from([("old".to_owned(), bad)]), &[]).await.unwrap_err();
    assert!(error.to_string().contains("[bridge.old]"), "{error}");
    assert_eq!(world.links.list().len(), 1);
}

#[tokio::test]
async fn a_bridge_that_is_gone_takes_its_links_along_and_the_room_stays() {
    let mut networks = Networks::default();
    let net = network(&mut networks, "libera", ABLE);
    let bridge = Bridge {
        kind: "loopback".into(),
        domain: "far.lit".into(),
        owners: Vec::new(),
        files: crate::config::Files::default(),
        settings: toml::Table::new(),
    };
    networks.configured("libera", bridge);
    let world = World::new(networks, Store::memory()).await;
    world.links.restore(&link("'libera:#a'")).await.unwrap();
    until("it is linked", || world.links.of_key("libera:#a").unwrap().words().starts_with("connected")).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    net.enters("#a", "ann").await;
    hears(&romeo, "/ann'").await;
    let told = world.links.reload(&Bridges::new(), &[]).await.unwrap();
    assert!(told.contains(&"[bridge.libera] is closed".to_owned()), "{told:?}");
    hears(&romeo, "unavailable").await;
    assert!(world.links.list().is_empty() && world.links.networks().network("libera").is_none());
}

#[tokio::test]
async fn other_options_hold_for_a_link_and_what_waits_for_it_waits_on() {
    let (world, net) = World::able().await;
    let romeo = world.enters("romeo", LOUNGE).await;
    hears_all(&romeo).await;
    net.cut(NetworkError::Down("cable".into())).await;
    until("the break is known", || world.links.list()[0].words().contains("cable")).await;
    world.speaks(&romeo, "m1", "still there?").await;
    until("it waits", || world.links.list()[0].waiting() == 1).await;
    let far = "libera:#lounge".parse().unwrap();
    let set = ["occupants=speakers".to_owned()];
    world.links.change(&lounge(), &far, &set).await.unwrap();
    assert!(world.links.change(&lounge(), &far, &["way=up".to_owned()]).await.is_err());
    net.heal().await;
    until("it arrives all the same", || net.words("#lounge") == ["still there?"]).await;
    let state = world.links.list()[0].state();
    assert!(state.lag.is_some() && world.links.list()[0].linked.options.words().contains("speakers"));
    assert!(hears_all(&romeo).await.iter().all(|stanza| !stanza.contains("type='error'")));
}

#[tokio::test]
async fn what_went_wrong_last_is_known_also_after_it_has_passed() {
    let (world, net) = World::able().await;
    net.cut(NetworkError::Down("cable".into())).await;
    until("the break is known", || world.links.list()[0].words().contains("cable")).await;
    net.heal().await;
    until("it is over", || world.links.list()[0].words().starts_with("connected")).await;
    let state = world.links.list()[0].state();
    assert!(state.error.is_none() && state.last_error.unwrap().1.contains("cable"));
}
