//! People of other networks under their own addresses, over a network in memory that knows private words.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use rialto_bridges::loopback::ABLE;
use rialto_bridges::{
    Author, Capabilities, Event, Fed, Feed, Fut, Identity, Incoming, Listed, Message, Network, NetworkError,
    RemoteId,
};
use rialto_store::Store;
use rialto_xmpp::{Presence, PresenceKind};
use tokio::sync::mpsc;

use super::Persons;
use crate::muc::links::Networks;
use crate::muc::tests::far::{World, hears, until};
use crate::sessions::Session;

/// A network where `ann` is, and rooms begin with `#`.
#[derive(Clone)]
struct Net(Arc<Inner>);

struct Inner {
    feed: Feed,
    said: Mutex<Vec<String>>,
    known: Mutex<BTreeMap<String, Identity>>,
}

impl Network for Net {
    fn capabilities(&self, _: &RemoteId) -> Capabilities {
        Capabilities { puppets: true, ..ABLE }
    }
    fn resolve<'a>(&'a self, name: &'a str) -> Fut<'a, RemoteId> {
        let room = name.starts_with('#').then(|| RemoteId::from(name));
        Box::pin(async move { room.ok_or_else(|| NetworkError::NotFound("no channel".into())) })
    }
    fn join<'a>(&'a self, _: &'a RemoteId) -> Fut<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn leave<'a>(&'a self, _: &'a RemoteId) -> Fut<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn send<'a>(&'a self, _: &'a RemoteId, _: &'a Event<RemoteId>) -> Fut<'a, Vec<RemoteId>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async { Ok(()) })
    }
    fn whisper<'a>(&'a self, from: &'a Author, to: &'a str, message: &'a Message<RemoteId>) -> Fut<'a, ()> {
        Box::pin(async move {
            if to != "ann" {
                return Err(NetworkError::NotFound("No such nick".into()));
            }
            let account = from.account.as_deref().unwrap_or_default();
            self.0.said.lock().push(format!("{account} {}: {}", from.nick, message.text.plain()));
            Ok(())
        })
    }
    fn identify<'a>(&'a self, person: &'a str, identity: Option<&'a Identity>) -> Fut<'a, ()> {
        Box::pin(async move {
            match identity {
                Some(identity) => self.0.known.lock().insert(person.into(), identity.clone()),
                None => self.0.known.lock().remove(person),
            };
            Ok(())
        })
    }
    fn list<'a>(&'a self, _: Option<&'a str>, _: usize) -> Fut<'a, Vec<Listed>> {
        let listed = |n: u32| Listed {
            room: format!("#r{n}").into(),
            name: format!("#r{n}"),
            topic: Some("crabs".into()),
            people: Some(10 - n),
        };
        Box::pin(async move { Ok((0..5).map(listed).collect()) })
    }
    fn command<'a>(&'a self, person: Option<&'a Author>, line: &'a str) -> Fut<'a, Vec<String>> {
        Box::pin(async move { Ok(vec![format!("311 {} {line}", person.is_some())]) })
    }
}

async fn world() -> (World, Net) {
    let networks = Networks::default();
    let (feed, fed) = mpsc::channel(16);
    let net = Net(Arc::new(Inner { feed, said: Mutex::default(), known: Mutex::default() }));
    networks.connect("libera", ("loopback", "far.lit"), Arc::new(net.clone()), fed);
    (World::new(networks, Store::memory()).await, net)
}

/// Juliet, who takes what is said to her bare address.
async fn juliet(world: &World) -> Arc<Session> {
    let juliet = world.enters("juliet", "cellar@rooms.lit").await;
    let presence = Presence::new(PresenceKind::Available, &juliet.jid, &juliet.jid);
    juliet.set_presence(Some(Arc::new(presence)));
    juliet
}

const ANN: &str = "ann%libera@far.lit";

fn chat(to: &str, body: &str) -> String {
    format!("<message type='chat' to='{to}' id='c'><body>{body}</body></message>")
}

#[tokio::test]
async fn private_words_go_to_somebody_there_and_answers_come_from_the_same_address() {
    let (world, net) = world().await;
    let juliet = juliet(&world).await;
    world.says(&juliet, &chat(ANN, "psst")).await;
    until("ann reads it", || *net.0.said.lock() == ["juliet@montague.lit juliet: psst"]).await;
    let from = Author::new("ann", "Ann", "loopback");
    let (to, at) = ("juliet@montague.lit".into(), SystemTime::now());
    let message = Message::text("what is it");
    let what = Incoming::Whispered { from, to, at, message };
    net.0.feed.send(Fed { room: None, what }).await.unwrap();
    let heard = hears(&juliet, "what is it").await;
    let answer = heard.iter().find(|stanza| stanza.contains("what is it")).unwrap();
    assert!(answer.contains(&format!("from='{ANN}'")) && answer.contains("type='chat'"), "{answer}");
    assert!(answer.contains(">Ann</nick>"));
}

#[tokio::test]
async fn what_does_not_arrive_comes_back() {
    let (world, _net) = world().await;
    let juliet = juliet(&world).await;
    world.says(&juliet, &chat("nobody%libera@far.lit", "psst")).await;
    let heard = hears(&juliet, "type='error'").await;
    let error = heard.iter().find(|stanza| stanza.contains("type='error'")).unwrap();
    assert!(error.contains("<recipient-unavailable") && error.contains("id='c'"), "{error}");
    let omemo = "<encrypted xmlns='eu.siacs.conversations.axolotl'/>";
    let message = format!("<message type='chat' to='{ANN}' id='o'>{omemo}<body>x</body></message>");
    world.says(&juliet, &message).await;
    assert!(hears(&juliet, "id='o'").await.iter().any(|stanza| stanza.contains("<not-acceptable")));
}

#[tokio::test]
async fn addresses_there_answer_as_anybody() {
    let (world, _net) = world().await;
    let juliet = world.enters("juliet", "cellar@rooms.lit").await;
    let ask = |id: &str, to: &str, inside: &str| format!("<iq type='get' id='{id}' to='{to}'>{inside}</iq>");
    world.says(&juliet, &ask("p", ANN, "<ping xmlns='urn:xmpp:ping'/>")).await;
    assert!(hears(&juliet, "id='p'").await.iter().any(|stanza| stanza.contains("type='result'")));
    world.says(&juliet, &ask("v", ANN, "<vCard xmlns='vcard-temp'/>")).await;
    assert!(hears(&juliet, "id='v'").await.iter().any(|stanza| stanza.contains("<FN>ann</FN>")));
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    world.says(&juliet, &ask("i", ANN, info)).await;
    assert!(hears(&juliet, "id='i'").await.iter().any(|stanza| stanza.contains("category='account'")));
    world.says(&juliet, &ask("n", "libera@far.lit", info)).await;
    assert!(hears(&juliet, "id='n'").await.iter().any(|stanza| stanza.contains("category='gateway'")));
}

#[tokio::test]
async fn a_network_lists_its_rooms_page_by_page() {
    let (world, _net) = world().await;
    let juliet = world.enters("juliet", "cellar@rooms.lit").await;
    let page = |id: &str, after: &str| {
        let set = format!("<set xmlns='http://jabber.org/protocol/rsm'><max>2</max>{after}</set>");
        let query = format!("<query xmlns='http://jabber.org/protocol/disco#items'>{set}</query>");
        format!("<iq type='get' id='{id}' to='libera@far.lit'>{query}</iq>")
    };
    world.says(&juliet, &page("one", "")).await;
    let heard = hears(&juliet, "id='one'").await;
    let one = heard.iter().find(|stanza| stanza.contains("id='one'")).unwrap();
    assert!(one.contains("jid='#r0%libera@far.lit'") && one.contains("name='#r0 (10): crabs'"), "{one}");
    assert!(one.contains("<count>5</count>") && !one.contains("#r2%"));
    world.says(&juliet, &page("two", "<after>#r1%libera@far.lit</after>")).await;
    let heard = hears(&juliet, "id='two'").await;
    let two = heard.iter().find(|stanza| stanza.contains("id='two'")).unwrap();
    assert!(two.contains("#r2%libera") && two.contains("#r3%libera") && !two.contains("#r4%"), "{two}");
}

#[tokio::test]
async fn an_account_there_is_set_by_a_command_kept_and_told_to_the_network() {
    let (world, net) = world().await;
    let juliet = world.enters("juliet", "cellar@rooms.lit").await;
    let command = |id: &str, more: &str, inside: &str| {
        format!(
            "<iq type='set' id='{id}' to='libera@far.lit'><command xmlns='http://jabber.org/protocol/commands' \
             node='configure'{more}>{inside}</command></iq>"
        )
    };
    world.says(&juliet, &command("f", "", "")).await;
    let heard = hears(&juliet, "id='f'").await;
    let form = heard.iter().find(|stanza| stanza.contains("id='f'")).unwrap();
    assert!(form.contains("var='sasl_password'") && form.contains("text-private"), "{form}");
    let session = form.split("sessionid='").nth(1).unwrap().split('\'').next().unwrap();
    let field = |var: &str, value: &str| format!("<field var='{var}'><value>{value}</value></field>");
    let fields = field("nick", "Jul") + &field("account", "jul") + &field("sasl_password", "hunter2");
    let answer = format!("<x xmlns='jabber:x:data' type='submit'>{fields}</x>");
    world.says(&juliet, &command("s", &format!(" sessionid='{session}'"), &answer)).await;
    assert!(hears(&juliet, "id='s'").await.iter().any(|stanza| stanza.contains("status='completed'")));
    let is = net.0.known.lock().get("juliet@montague.lit").cloned().unwrap();
    assert_eq!((is.nick.as_deref(), is.password.as_deref()), (Some("Jul"), Some("hunter2")));
    world.says(&juliet, &command("g", "", "")).await;
    let again = hears(&juliet, "id='g'").await;
    assert!(again.iter().any(|stanza| stanza.contains(">jul<")) && !again.concat().contains("hunter2"));
    net.0.known.lock().clear();
    let admins = [];
    let _again = Persons::open(&world.links, &world.router, "far.lit", &admins);
    until("it is known after a restart", || net.0.known.lock().contains_key("juliet@montague.lit")).await;
}

#[tokio::test]
async fn what_is_said_to_the_network_itself_is_a_command_in_its_own_words() {
    let (world, _net) = world().await;
    let juliet = juliet(&world).await;
    world.says(&juliet, &chat("libera@far.lit", "WHOIS ann")).await;
    let heard = hears(&juliet, "311 true WHOIS ann").await;
    assert!(heard.last().unwrap().contains("from='libera@far.lit'"), "{heard:?}");
}
