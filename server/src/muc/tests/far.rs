//! A server in memory with a domain of rooms, and networks in memory: what links do, from a client to a far room and back.

use std::sync::Arc;
use std::time::Duration;

use rialto_bridges::loopback::{ABLE, Loopback};
use rialto_bridges::{Capabilities, Network};
use rialto_store::{Store, StoreError};
use rialto_xmpp::{BareJid, Jid, Stanza, parse};
use tokio::sync::mpsc;

use crate::config::Rooms;
use crate::features::{Features, Fut};
use crate::muc::doors::persons::Persons;
use crate::muc::doors::{Bridged, Native};
use crate::muc::links::{Links, Networks};
use crate::muc::{Config, Hosting, Limits, MucHost, RoomPolicy};
use crate::router::{Directory, Domain, Router};
use crate::sessions::{Account, Accounts, Session};

struct Everybody;

impl Directory for Everybody {
    fn has<'a>(&'a self, _: &'a BareJid) -> Fut<'a, Result<bool, StoreError>> {
        Box::pin(async { Ok(true) })
    }

    fn remove<'a>(&'a self, _: &'a BareJid) -> Fut<'a, Result<bool, StoreError>> {
        Box::pin(async { Ok(false) })
    }
}

/// Rooms on `rooms.lit`, far rooms on `far.lit`.
pub struct World {
    /// The way of every stanza.
    pub router: Arc<Router>,
    /// The links.
    pub links: Links,
    /// Hosts live as long as this does.
    pub hosts: Vec<Arc<MucHost>>,
}

/// The room that most tests are in.
pub fn lounge() -> BareJid {
    BareJid::parse("lounge@rooms.lit").unwrap()
}

/// A network in memory of this name, added to others.
pub fn network(networks: &mut Networks, name: &str, able: Capabilities) -> Loopback {
    let (feed, fed) = mpsc::channel(64);
    let net = Loopback::new(able, feed);
    let door: Arc<dyn Network> = Arc::new(net.clone());
    networks.connect(name, ("loopback", "far.lit"), door, fed);
    net
}

impl World {
    /// A server with these networks.
    pub async fn new(networks: Networks, store: Store) -> World {
        let accounts = Arc::new(Accounts::default());
        let features = Features::new(Vec::new()).unwrap();
        let router = Arc::new(Router::new(accounts, features, store.clone(), Arc::new(Everybody)));
        router.domains.serve("montague.lit", Domain::Accounts);
        let links = Links::new(networks, &store, Config::default());
        let native = Native::new(&Rooms::default(), &[], Arc::downgrade(&router));
        let persons = Persons::open(&links, &router, "far.lit", &[]);
        let bridged = Bridged::new(links.clone(), "far.lit", "loopback", Config::default()).with(persons);
        let doors: [(&str, Arc<dyn RoomPolicy>); 2] =
            [("rooms.lit", Arc::new(native)), ("far.lit", Arc::new(bridged))];
        let mut hosts = Vec::new();
        for (domain, policy) in doors {
            let hosting = Hosting {
                domain: Jid::parse(domain).unwrap(),
                name: "Rooms".into(),
                admins: vec![BareJid::parse("romeo@montague.lit").unwrap()],
                limits: Limits::default(),
                spaces: crate::features::pubsub::Spaces::default(),
                tells_version: true,
                retention: None,
                policy,
                relays: Arc::new(links.clone()),
            };
            let host = MucHost::open(&router, hosting).await.unwrap();
            links.hosts().add(&host);
            hosts.push(host);
        }
        World { router, links, hosts }
    }

    /// A server with one able network, `libera`, whose `#lounge` is one with our lounge.
    pub async fn linked(able: Capabilities) -> (World, Loopback) {
        let mut networks = Networks::default();
        let net = network(&mut networks, "libera", able);
        let world = World::new(networks, Store::memory()).await;
        world.links.add(&lounge(), &"libera:#lounge".parse().unwrap()).await.unwrap();
        (world, net)
    }

    /// The same, able to do everything.
    pub async fn able() -> (World, Loopback) {
        World::linked(ABLE).await
    }

    /// A session of `who@montague.lit/r` in a room.
    pub async fn enters(&self, who: &str, room: &str) -> Arc<Session> {
        let jid = Jid::parse(&format!("{who}@montague.lit/r")).unwrap();
        let account = match self.router.accounts.get(jid.bare_str()) {
            Some(account) => account,
            None => self.router.accounts.insert(Account::new(jid.bare())),
        };
        let session = Arc::new(Session::new(jid, 1 << 20));
        assert!(account.add(session.clone()));
        let x = "<x xmlns='http://jabber.org/protocol/muc'/>";
        self.says(&session, &format!("<presence to='{room}/{who}'>{x}</presence>")).await;
        session
    }

    /// The session says this.
    pub async fn says(&self, session: &Arc<Session>, xml: &str) {
        let account = self.router.accounts.get(session.jid.bare_str()).unwrap();
        let end = xml.find([' ', '>']).unwrap();
        let xml = format!("{} xmlns='jabber:client'{}", &xml[..end], &xml[end..]);
        let stanza = Stanza::read(parse::standalone(&xml).unwrap()).unwrap();
        self.router.accept(session, &account, stanza).await;
    }

    /// The session speaks in the lounge.
    pub async fn speaks(&self, session: &Arc<Session>, id: &str, words: &str) {
        let body = format!("<body>{words}</body>");
        self.says(
            session,
            &format!("<message type='groupchat' to='lounge@rooms.lit' id='{id}'>{body}</message>"),
        )
        .await;
    }
}

/// What a session hears until it has heard this, and nothing more for a moment.
pub async fn hears(session: &Arc<Session>, part: &str) -> Vec<String> {
    let mut heard = Vec::new();
    for _ in 0..300 {
        let mut frames = Vec::new();
        session.outbox.try_take(session.outbox.writer(), &mut frames);
        heard.extend(frames.iter().map(|frame| String::from_utf8(frame.to_bytes().to_vec()).unwrap()));
        if heard.iter().any(|stanza: &String| stanza.contains(part)) {
            return heard;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{part} was not heard in {heard:#?}");
}

/// What a session has heard after a moment.
pub async fn hears_all(session: &Arc<Session>) -> Vec<String> {
    tokio::time::sleep(Duration::from_millis(60)).await;
    let mut frames = Vec::new();
    session.outbox.try_take(session.outbox.writer(), &mut frames);
    frames.iter().map(|frame| String::from_utf8(frame.to_bytes().to_vec()).unwrap()).collect()
}

/// Waits until it is so.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..300 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
