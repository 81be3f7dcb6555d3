//! The fake Discord in a test's hands, behind a gate that can be shut.

use crate::contract::{self, FarSide};
use crate::discord::open;
use crate::loopback::person;
use crate::model::{Act, Event, Message};
use crate::network::{Fed, Feed, Incoming, Network, NetworkError, Opening, RemoteId};
use rialto_fake_discord::{Discord, Setup};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// A fake Discord with `general` and `other`, and nobody in it but whom a test lets in.
pub(super) struct Far {
    pub discord: Discord,
    gate: Gate,
    names: Mutex<HashMap<String, String>>,
    read: Mutex<usize>,
    folder: tempfile::TempDir,
}

impl Far {
    pub async fn new() -> Far {
        Far::of(json!({ "guild": { "name": "Venice", "channels": ["general", "other"], "members": [] } }))
            .await
    }

    pub async fn of(world: serde_json::Value) -> Far {
        let discord = Discord::start(Setup::of(world)).await.unwrap();
        let gate = Gate::before(discord.address()).await;
        discord.with(|state| {
            state.origin = format!("http://{}", gate.address);
            for guild in state.guilds.values_mut() {
                let owner = guild.owner;
                guild.members.remove(&owner);
            }
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), discord.token()).unwrap();
        Far { discord, gate, names: Mutex::default(), read: Mutex::default(), folder }
    }

    pub fn opening(&self, more: &str) -> Opening {
        let settings = format!(
            "token_file = 'token'\napi_url = 'http://{}'\nbackoff_min = 0.2\nbackoff_max = 0.5\n{more}",
            self.gate.address
        );
        let guild = if more.contains("guild = ") { "" } else { "guild = 'Venice'\n" };
        let settings = format!("{guild}{settings}");
        Opening {
            name: "fake".into(),
            settings: settings.parse().unwrap(),
            folder: self.folder.path().into(),
            kept: BTreeMap::new(),
        }
    }

    pub fn shut(&self) {
        self.gate.shut.send_replace(true);
    }

    pub fn reopen(&self) {
        self.gate.shut.send_replace(false);
    }

    fn username(&self, nick: &str) -> String {
        self.names.lock().unwrap().get(nick).cloned().unwrap_or_else(|| nick.to_owned())
    }
}

/// A way to the fake that can be shut: then all connections are cut, and none is let through.
struct Gate {
    address: SocketAddr,
    shut: watch::Sender<bool>,
}

impl Gate {
    async fn before(there: SocketAddr) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shut, is_shut) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut is_shut = is_shut.clone();
                tokio::spawn(async move {
                    if *is_shut.borrow() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(there).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = is_shut.wait_for(|shut| *shut) => {}
                    }
                });
            }
        });
        Gate { address, shut }
    }
}

/// A network that is open towards the fake.
pub(super) struct Open {
    pub network: Arc<dyn Network>,
    pub fed: mpsc::Receiver<Fed>,
    pub room: RemoteId,
}

impl Open {
    pub fn begin(far: &Far, more: &str, kept: BTreeMap<String, String>) -> Open {
        let (feed, fed) = mpsc::channel(256);
        let opening = Opening { kept, ..far.opening(more) };
        let room = RemoteId::from(far.discord.channel("general").to_string());
        Open { network: open(opening, feed).unwrap(), fed, room }
    }

    pub async fn joined(far: &Far, more: &str) -> Open {
        let open = Open::begin(far, more, BTreeMap::new());
        open.network.join(&open.room).await.unwrap();
        open
    }

    pub async fn act(&self, nick: &str, act: Act<RemoteId>) -> Result<Vec<RemoteId>, NetworkError> {
        let event = Event { author: person(nick), at: SystemTime::now(), act };
        self.network.send(&self.room, &event).await
    }

    pub async fn say(&self, words: &str) -> RemoteId {
        self.act("Romeo", Act::Say(Message::text(words))).await.unwrap().remove(0)
    }

    /// The next news that this accepts.
    pub async fn news<T>(&mut self, accept: impl Fn(&Incoming) -> Option<T>) -> T {
        let wanted = async {
            loop {
                let fed = self.fed.recv().await.expect("news");
                if let Some(wanted) = accept(&fed.what) {
                    return wanted;
                }
            }
        };
        timeout(Duration::from_secs(20), wanted).await.expect("news in time")
    }

    /// The next words, and what they are called.
    pub async fn said(&mut self) -> (RemoteId, Event<RemoteId>, Message<RemoteId>) {
        self.news(|news| match news {
            Incoming::Did { id: Some(id), event } => match &event.act {
                Act::Say(message) => Some((id.clone(), event.clone(), message.clone())),
                _ => None,
            },
            _ => None,
        })
        .await
    }

    /// What everybody is told until this was said.
    pub async fn until(&mut self, words: &str) -> Vec<Incoming> {
        let mut all = Vec::new();
        let wanted = async {
            loop {
                let what = self.fed.recv().await.expect("news").what;
                let end = matches!(&what, Incoming::Did { event, .. }
                    if matches!(&event.act, Act::Say(message) if message.text.plain() == words));
                all.push(what);
                if end {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(20), wanted).await.expect("news in time");
        all
    }
}

impl FarSide for Far {
    fn open(&self, feed: Feed) -> Arc<dyn Network> {
        open(self.opening(""), feed).unwrap()
    }
    fn room(&self) -> &str {
        "#General"
    }
    async fn enters(&self, nick: &str) {
        self.discord.join(nick);
    }
    async fn leaves(&self, nick: &str) {
        self.discord.leave(&self.username(nick));
    }
    async fn renames(&self, nick: &str, now: &str) {
        let username = self.username(nick);
        self.discord.rename(&username, Some(now));
        self.names.lock().unwrap().insert(now.to_owned(), username);
    }
    async fn says(&self, nick: &str, words: &str) {
        self.discord.say(&self.username(nick), "general", words);
    }
    async fn reads(&self) -> Option<String> {
        let at = *self.read.lock().unwrap();
        let mut seen = None;
        for _ in 0..400 {
            let all = self.discord.messages("general");
            let mut ours = all.into_iter().filter(|message| message.webhook.is_some());
            seen = ours.nth(at);
            if seen.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        *self.read.lock().unwrap() = at + 1;
        seen.map(|message| format!("{}: {}", message.author, message.content.replace('\\', "")))
    }
    async fn cut(&self) {
        self.shut();
    }
    async fn heal(&self) {
        self.reopen();
    }
}

#[tokio::test]
async fn discord_keeps_the_contract() {
    let far = Far::new().await;
    contract::check(&far).await.unwrap();
    assert_eq!(far.discord.violations(), Vec::<String>::new());
}
