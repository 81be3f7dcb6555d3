//! Far rooms under their own addresses, over a network in memory.

use rialto_bridges::loopback::{ABLE, Loopback};
use rialto_bridges::{Act, NetworkError};
use rialto_store::Store;

use crate::muc::links::Networks;
use crate::muc::tests::far::{World, hears, hears_all, network, until};

const RUST: &str = "#rust%libera@far.lit";

async fn world() -> (World, Loopback) {
    let mut networks = Networks::default();
    let net = network(&mut networks, "libera", ABLE);
    (World::new(networks, Store::memory()).await, net)
}

#[tokio::test]
async fn a_far_room_opens_when_somebody_enters_and_goes_with_the_last() {
    let (world, net) = world().await;
    net.enters("#rust", "ann").await;
    let juliet = world.enters("juliet", RUST).await;
    let heard = hears(&juliet, "<subject").await;
    let own = heard.iter().position(|stanza| stanza.contains("code='110'")).unwrap();
    let ann = heard.iter().position(|stanza| stanza.contains("/ann'")).unwrap();
    assert!(ann < own, "who is there is told first: {heard:#?}");
    assert!(!heard[own].contains("code='201'"));
    world
        .says(&juliet, &format!("<message type='groupchat' to='{RUST}' id='m'><body>hi</body></message>"))
        .await;
    until("the far side hears her", || net.words("#rust") == ["hi"]).await;
    net.does("#rust", "ann", Act::Subject("crabs".into())).await;
    hears(&juliet, "<subject>crabs</subject>").await;
    world.says(&juliet, &format!("<presence type='unavailable' to='{RUST}/juliet'/>")).await;
    until("the far room is left", || world.links.list().is_empty()).await;
    assert!(world.hosts[1].list().is_empty());
}

#[tokio::test]
async fn it_tells_of_itself_before_it_is_there() {
    let (world, _net) = world().await;
    let juliet = world.enters("juliet", "cellar@rooms.lit").await;
    hears_all(&juliet).await;
    let query = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    world.says(&juliet, &format!("<iq type='get' id='d' to='{RUST}'>{query}</iq>")).await;
    let heard = hears(&juliet, "id='d'").await;
    for part in ["muc_semianonymous", "urn:xmpp:mam:2", "muc_temporary", "type='text'"] {
        assert!(heard[0].contains(part), "{part} in {heard:?}");
    }
    assert!(world.links.list().is_empty(), "nobody has entered");
    let items = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
    world.says(&juliet, &format!("<iq type='get' id='i' to='far.lit'>{items}</iq>")).await;
    assert!(hears(&juliet, "id='i'").await[0].contains("node='libera'"));
    world.says(&juliet, &format!("<iq type='get' id='s' to='far.lit'>{query}</iq>")).await;
    let domain = hears(&juliet, "id='s'").await;
    assert!(domain[0].contains("category='gateway'") && domain[0].contains("jabber:iq:gateway"));
}

#[tokio::test]
async fn what_the_far_side_says_no_to_is_an_error_one_can_act_on() {
    let (world, net) = world().await;
    for (error, condition) in [
        (NetworkError::Forbidden("you are banned".into()), "<forbidden"),
        (NetworkError::Unauthorized("it has a key".into()), "<not-authorized"),
        (NetworkError::NotFound("no such room".into()), "<item-not-found"),
        (NetworkError::Down("cable".into()), "<remote-server-timeout"),
    ] {
        net.cut(error).await;
        let juliet = world.enters("juliet", RUST).await;
        let heard = hears(&juliet, "type='error'").await;
        assert!(
            heard[0].contains(condition) && heard[0].contains(&format!("from='{RUST}/juliet'")),
            "{heard:?}"
        );
        assert!(world.links.list().is_empty());
        net.heal().await;
        juliet.outbox.end(crate::sessions::End::Close);
        let account = world.router.accounts.get("juliet@montague.lit").unwrap();
        account.remove(&juliet);
    }
}

#[tokio::test]
async fn an_address_without_a_network_says_how_to_write_one() {
    let (world, _net) = world().await;
    let juliet = world.enters("juliet", "#rust@far.lit").await;
    assert!(hears(&juliet, "item-not-found").await[0].contains("room%libera@far.lit"));
    let paris = world.enters("paris", "#rust%oftc@far.lit").await;
    assert!(hears(&paris, "item-not-found").await[0].contains("oftc"));
}

#[tokio::test]
async fn a_linked_far_room_is_found_under_the_address_of_its_room() {
    let (world, _net) = world().await;
    let lounge = crate::muc::tests::far::lounge();
    world.links.add(&lounge, &"libera:#rust".parse().unwrap()).await.unwrap();
    let juliet = world.enters("juliet", RUST).await;
    assert!(hears(&juliet, "<gone").await[0].contains("xmpp:lounge@rooms.lit?join"));
}

#[tokio::test]
async fn two_who_enter_at_once_are_in_one_room() {
    let (world, net) = world().await;
    let (juliet, paris) = tokio::join!(world.enters("juliet", RUST), world.enters("paris", RUST));
    hears(&juliet, "code='110'").await;
    hears(&paris, "code='110'").await;
    assert_eq!(world.links.list().len(), 1);
    net.says("#rust", "ann", "welcome").await;
    hears(&juliet, "welcome").await;
    hears(&paris, "welcome").await;
}
