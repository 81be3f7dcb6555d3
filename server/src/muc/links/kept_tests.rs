//! What goes between links and networks beside words: marks, who is here, what moderators decide.

use rialto_bridges::loopback::{ABLE, POOR};
use rialto_bridges::{Capabilities, Incoming, NetworkError};
use rialto_store::{Store, marks};

use super::*;
use crate::config::To;
use crate::muc::tests::far::{World, hears, hears_all, lounge, network, until};

const LOUNGE: &str = "lounge@rooms.lit";

#[tokio::test]
async fn a_mark_is_kept_behind_all_that_was_fed_before_it() {
    let store = Store::memory();
    let mut networks = Networks::default();
    let net = network(&mut networks, "libera", ABLE);
    let world = World::new(networks, store.clone()).await;
    world.links.add(&lounge(), &"libera:#lounge".parse().unwrap()).await.unwrap();
    let mark = |value: &str| Incoming::Mark { key: "seq".into(), value: Some(value.into()) };
    for n in 0..50 {
        let id = net.says("#lounge", "ann", format!("word {n}")).await;
        net.tell_all(mark(id.as_str())).await;
        if let Some(seen) = marks::of_bridge(&store, "libera").unwrap().get("seq") {
            let known = rialto_store::ids::Ids::new(&store).ours("libera:#lounge", seen).unwrap();
            assert!(known.is_some(), "{seen} is kept too early");
        }
    }
    let last = net.says("#lounge", "ann", "the last").await;
    net.tell_all(mark(last.as_str())).await;
    let kept = || marks::of_bridge(&store, "libera").unwrap();
    let is_kept = || kept().get("seq").is_some_and(|seen| *seen == *last.as_str());
    until("the last is kept", is_kept).await;
    net.tell_all(mark(&"x".repeat(5000))).await;
    net.tell_all(Incoming::Mark { key: "other".into(), value: Some("1".into()) }).await;
    until("the other is kept", || kept().len() == 2).await;
    assert!(is_kept(), "what is too large is not kept");
    net.tell_all(Incoming::Mark { key: "other".into(), value: None }).await;
    until("it is forgotten", || kept().len() == 1).await;
}

#[tokio::test]
async fn a_network_learns_who_of_ours_is_here_and_who_speaks_for_himself() {
    let mut networks = Networks::default();
    let net = network(&mut networks, "libera", Capabilities { puppets: true, ..POOR });
    let world = World::new(networks, Store::memory()).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    let open = "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>";
    world.says(&romeo, &format!("<iq type='set' id='o' to='{LOUNGE}'>{open}</iq>")).await;
    hears_all(&romeo).await;
    world.links.add(&lounge(), &"libera:#lounge".parse().unwrap()).await.unwrap();
    let seated = || net.seated("#lounge").iter().map(|person| person.nick.to_string()).collect::<Vec<_>>();
    until("who was here before the link is announced", || seated() == ["romeo"]).await;
    assert_eq!(net.seated("#lounge")[0].account.as_deref(), Some("romeo@montague.lit"));
    let juliet = world.enters("juliet", LOUNGE).await;
    until("she is announced", || seated().len() == 2).await;
    world.speaks(&juliet, "m1", "good night").await;
    until("she speaks for herself", || net.words("#lounge") == ["good night"]).await;
    world.says(&juliet, &format!("<presence to='{LOUNGE}/Capulet'/>")).await;
    until("she is called otherwise", || seated() == ["romeo", "Capulet"]).await;
    world.says(&juliet, &format!("<presence type='unavailable' to='{LOUNGE}/Capulet'/>")).await;
    until("she has left", || seated() == ["romeo"]).await;
}

#[tokio::test]
async fn a_moderator_learns_what_came_of_what_he_decided() {
    let item = "<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='ann' role='none'/></query>";
    let kick = format!("<iq type='set' id='k' to='{LOUNGE}'>{item}</iq>");
    for (able, says) in [(true, "ann was put out in libera:#lounge, too"), (false, "here only")] {
        let mut networks = Networks::default();
        let net = network(&mut networks, "libera", Capabilities { sanction: able, ..ABLE });
        let world = World::new(networks, Store::memory()).await;
        let options = LinkOptions { moderate: true, ..LinkOptions::default() };
        let to = To { options, ..("libera:#lounge".parse().unwrap()) };
        world.links.add(&lounge(), &to).await.unwrap();
        let romeo = world.enters("romeo", LOUNGE).await;
        net.enters("#lounge", "ann").await;
        hears(&romeo, "/ann'").await;
        world.says(&romeo, &kick).await;
        hears(&romeo, says).await;
        assert_eq!(net.sanctions("#lounge").len(), usize::from(able));
    }
}

#[tokio::test]
async fn pitfall_6_a_network_that_is_down_holds_up_no_other() {
    let mut networks = Networks::default();
    let (libera, guild) = (network(&mut networks, "libera", ABLE), network(&mut networks, "guild", ABLE));
    let world = World::new(networks, Store::memory()).await;
    for far in ["libera:#lounge", "guild:general"] {
        world.links.add(&lounge(), &far.parse().unwrap()).await.unwrap();
    }
    let romeo = world.enters("romeo", LOUNGE).await;
    libera.cut(NetworkError::Down("cable".into())).await;
    for n in 0..20 {
        world.speaks(&romeo, &format!("m{n}"), &format!("word {n}")).await;
    }
    until("the guild hears all", || guild.words("general").len() == 20).await;
    assert!(libera.words("#lounge").is_empty());
}
