//! Real IRC daemons from this machine's packages, on free loopback ports, with people who speak plain IRC.

pub mod daemon;
pub mod person;
pub mod proxy;

use person::Person;
use proxy::Proxy;
use rialto_bridges::contract::FarSide;
use rialto_bridges::{Fed, Feed, Incoming, Network, Opening, RemoteId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// A daemon as a far side: people speak to it directly, the bridge through a cable that can be cut.
pub struct RealSide {
    pub port: u16,
    pub cable: Proxy,
    pub settings: String,
    pub people: Mutex<HashMap<String, Person>>,
}

impl RealSide {
    /// People go to `port`; the bridge, with these settings, to `bridge_port` through the cable.
    pub async fn new(port: u16, bridge_port: u16, settings: &str) -> RealSide {
        let cable = Proxy::to(bridge_port, None).await;
        RealSide { port, cable, settings: settings.into(), people: Mutex::default() }
    }

    async fn does(&self, nick: &str, line: &str) {
        let people = self.people.lock().await;
        people[nick].does(line).await;
    }
}

impl FarSide for RealSide {
    fn open(&self, feed: Feed) -> Arc<dyn Network> {
        let settings = format!("port = {}\ninterval = 0.2\n{}", self.cable.port(), self.settings);
        open(&settings, feed)
    }
    fn room(&self) -> &str {
        "#Lounge"
    }
    async fn enters(&self, nick: &str) {
        let person = Person::connect(self.port, nick).await;
        person.joins("#lounge").await;
        self.people.lock().await.insert(nick.into(), person);
    }
    async fn leaves(&self, nick: &str) {
        self.does(nick, "PART #lounge").await;
    }
    async fn renames(&self, nick: &str, now: &str) {
        self.does(nick, &format!("NICK {now}")).await;
        let mut people = self.people.lock().await;
        let person = people.remove(nick).unwrap();
        people.insert(now.into(), person);
    }
    async fn says(&self, nick: &str, words: &str) {
        self.does(nick, &format!("PRIVMSG #lounge :{words}")).await;
    }
    async fn reads(&self) -> Option<String> {
        let people = self.people.lock().await;
        let line = people["ann"]
            .sees(|line| line.starts_with(":rialto!") && line.contains(" PRIVMSG #lounge :"))
            .await?;
        line.split_once("PRIVMSG #lounge :").map(|(_, words)| words.to_owned())
    }
    async fn cut(&self) {
        self.cable.cut();
    }
    async fn heal(&self) {
        // The server must have noticed that the old connection is gone, or the nick is taken.
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.cable.heal();
    }
}

/// Opens the bridge with these settings, in a hurry.
pub fn open(settings: &str, feed: Feed) -> Arc<dyn Network> {
    let settings = format!("server = '127.0.0.1'\nbackoff_min = 0.2\nbackoff_max = 1\n{settings}");
    let opening = Opening {
        name: "real".into(),
        settings: settings.parse().unwrap(),
        folder: "/".into(),
        ..Opening::default()
    };
    (rialto_bridges::kind("irc").unwrap().open)(opening, feed).unwrap()
}

/// A bridge in `#lounge`.
pub struct Bridge {
    pub network: Arc<dyn Network>,
    pub fed: mpsc::Receiver<Fed>,
    pub room: RemoteId,
}

impl Bridge {
    pub fn new(settings: &str) -> Bridge {
        let (feed, fed) = mpsc::channel(256);
        Bridge { network: open(settings, feed), fed, room: "#lounge".into() }
    }

    pub async fn joined(settings: &str) -> Bridge {
        let bridge = Bridge::new(settings);
        bridge.network.join(&bridge.room).await.unwrap();
        bridge
    }

    /// The next news that this accepts.
    pub async fn news<T>(&mut self, accept: impl Fn(&Incoming) -> Option<T>) -> T {
        let mut seen = Vec::new();
        let wanted = async {
            loop {
                let Some(fed) = self.fed.recv().await else { panic!("the feed ended") };
                if let Some(wanted) = accept(&fed.what) {
                    return wanted;
                }
                seen.push(fed.what);
            }
        };
        match tokio::time::timeout(Duration::from_secs(20), wanted).await {
            Ok(wanted) => wanted,
            Err(_) => panic!("it did not come; instead: {seen:#?}"),
        }
    }
}
