//! Links with options, over networks in memory.

use rialto_bridges::Act;
use rialto_bridges::loopback::{ABLE, Loopback, POOR};
use rialto_store::Store;

use super::*;
use crate::config::To;
use crate::muc::tests::far::{World, hears, hears_all, lounge, network, until};

const LOUNGE: &str = "lounge@rooms.lit";

fn to(options: &str) -> To {
    #[derive(serde::Deserialize)]
    struct One {
        to: To,
    }
    let text = format!("to = {{ to = 'libera:#lounge', {options} }}");
    toml::from_str::<One>(&text).unwrap().to
}

async fn linked(able: rialto_bridges::Capabilities, options: &str) -> (World, Loopback) {
    let mut networks = Networks::default();
    let net = network(&mut networks, "libera", able);
    let world = World::new(networks, Store::memory()).await;
    world.links.add(&lounge(), &to(options)).await.unwrap();
    (world, net)
}

#[tokio::test]
async fn nothing_of_an_ignored_nick_or_account_comes_in_and_it_is_counted() {
    let (world, net) =
        linked(ABLE, "ignore = { nicks = ['relay.*'], accounts = ['eve'], words = ['^!'] }").await;
    let romeo = world.enters("romeo", LOUNGE).await;
    for nick in ["relaybot", "ann", "Eve"] {
        net.enters("#lounge", nick).await;
    }
    net.says("#lounge", "relaybot", "<juliet> hello").await;
    net.says("#lounge", "Eve", "hello").await;
    net.says("#lounge", "ann", "!roll 6").await;
    net.says("#lounge", "ann", "good night").await;
    let heard = hears(&romeo, "good night").await;
    assert!(heard.iter().any(|stanza| stanza.contains("/ann'")));
    for stanza in &heard {
        assert!(
            !stanza.contains("relay") && !stanza.contains("Eve") && !stanza.contains("hello"),
            "{stanza}"
        );
        assert!(!stanza.contains("!roll"), "{stanza}");
    }
    assert_eq!(world.links.list()[0].linked.ignored.count(), 3);
}

#[tokio::test]
async fn what_is_ignored_does_not_go_out_either() {
    let (world, net) = linked(ABLE, "ignore = { nicks = ['romeo'], words = ['(?i)secret'] }").await;
    let romeo = world.enters("romeo", LOUNGE).await;
    let juliet = world.enters("juliet", LOUNGE).await;
    world.speaks(&romeo, "m1", "hello").await;
    world.speaks(&juliet, "m2", "a SECRET").await;
    world.speaks(&juliet, "m3", "good night").await;
    until("the one arrives", || net.words("#lounge") == ["good night"]).await;
    hears(&romeo, "good night").await;
}

#[tokio::test]
async fn words_and_nicks_are_rewritten_each_way() {
    let rules = "rewrite = [{ find = 'darn', with = 'd**n' }, { find = '(\\w+)!', with = '$1.', way = 'out' }, \
                 { find = '^(.*)\\[m\\]$', with = '$1', in = 'nicks', way = 'in' }]";
    let (world, net) = linked(ABLE, rules).await;
    let romeo = world.enters("romeo", LOUNGE).await;
    net.enters("#lounge", "ann[m]").await;
    hears(&romeo, "from='lounge@rooms.lit/ann'").await;
    net.says("#lounge", "ann[m]", "darn it!").await;
    hears(&romeo, "d**n it!").await;
    world.speaks(&romeo, "m1", "darn you!").await;
    until("it arrives rewritten", || net.words("#lounge") == ["d**n you."]).await;
}

#[tokio::test]
async fn a_template_says_where_somebody_is_from() {
    let (world, net) = linked(POOR, "nick = '{nick} at {room} ({network})'").await;
    let romeo = world.enters("romeo", LOUNGE).await;
    world.speaks(&romeo, "m1", "hello").await;
    until("it arrives", || net.words("#lounge") == ["<romeo at lounge (xmpp)> hello"]).await;
}

#[tokio::test]
async fn only_those_who_speak_are_occupants() {
    let (world, net) = linked(ABLE, "occupants = 'speakers'").await;
    let romeo = world.enters("romeo", LOUNGE).await;
    hears_all(&romeo).await;
    net.enters("#lounge", "ann").await;
    net.enters("#lounge", "bob").await;
    net.says("#lounge", "ann", "hello").await;
    let heard = hears(&romeo, "<body>hello").await;
    assert!(heard[0].contains("<presence") && heard[0].contains("/ann'"), "{heard:?}");
    assert!(heard.iter().all(|stanza| !stanza.contains("bob")), "{heard:?}");
}

#[tokio::test]
async fn a_link_that_only_brings_in_or_out_does_no_more() {
    let (world, net) = linked(ABLE, "way = 'in'").await;
    let romeo = world.enters("romeo", LOUNGE).await;
    world.speaks(&romeo, "m1", "hello").await;
    net.says("#lounge", "ann", "who is there?").await;
    hears(&romeo, "who is there?").await;
    assert!(net.words("#lounge").is_empty());
    let (world, net) = linked(ABLE, "way = 'out'").await;
    let romeo = world.enters("romeo", LOUNGE).await;
    net.says("#lounge", "ann", "who is there?").await;
    world.speaks(&romeo, "m1", "hello").await;
    until("it arrives", || net.words("#lounge") == ["hello"]).await;
    assert!(hears_all(&romeo).await.iter().all(|stanza| !stanza.contains("who is there")));
}

#[tokio::test]
async fn what_comes_over_a_link_without_archive_is_heard_and_not_kept() {
    let (world, net) = linked(ABLE, "archive = false").await;
    let romeo = world.enters("romeo", LOUNGE).await;
    world.speaks(&romeo, "m1", "from here").await;
    let theirs = net.says("#lounge", "ann", "from there").await;
    hears(&romeo, "from there").await;
    net.does("#lounge", "ann", Act::Edit { of: theirs, now: rialto_bridges::Message::text("from afar") })
        .await;
    // An edit still finds its message.
    hears(&romeo, "<replace").await;
    let juliet = world.enters("juliet", LOUNGE).await;
    let history = hears_all(&juliet).await;
    assert!(history.iter().any(|stanza| stanza.contains("from here")), "{history:?}");
    assert!(history.iter().all(|stanza| !stanza.contains("from there") && !stanza.contains("from afar")));
}
