//! The whole network over real sockets, against the tiny server.

use super::fake::{Fake, Script};
use super::*;
use crate::contract::{self, FarSide};
use crate::loopback::person;
use crate::model::{Act, Message};
use crate::network::{Fed, Incoming};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

/// A network that is open towards a fake server.
struct Open {
    network: Arc<dyn Network>,
    fed: mpsc::Receiver<Fed>,
    room: RemoteId,
}

impl Open {
    fn new(fake: &Fake, more: &str) -> Open {
        let mut settings = fake.settings();
        settings.extend(more.parse::<toml::Table>().unwrap());
        let (feed, fed) = mpsc::channel(64);
        let opening = Opening { name: "fake".into(), settings, folder: "/".into(), ..Opening::default() };
        Open { network: open(opening, feed).unwrap(), fed, room: "#lounge".into() }
    }

    async fn joined(fake: &Fake, more: &str) -> Open {
        let open = Open::new(fake, more);
        open.network.join(&open.room).await.unwrap();
        open
    }

    async fn say(&self, words: &str) -> Result<Vec<RemoteId>, NetworkError> {
        let act = Act::Say(Message::text(words));
        self.network.send(&self.room, &Event { author: person("Romeo"), at: SystemTime::now(), act }).await
    }

    /// The next news that this accepts.
    async fn news<T>(&mut self, accept: impl Fn(&Incoming) -> Option<T>) -> T {
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
}

fn lost(news: &Incoming) -> Option<String> {
    if let Incoming::Lost(error) = news { Some(error.to_string()) } else { None }
}

fn refused(news: &Incoming) -> Option<String> {
    if let Incoming::Refused(text) = news { Some(text.clone()) } else { None }
}

fn regained(news: &Incoming) -> Option<()> {
    matches!(news, Incoming::Regained).then_some(())
}

use super::open as open_network;

mod rich;

struct FakeSide(Fake);

impl FarSide for FakeSide {
    fn open(&self, feed: Feed) -> Arc<dyn Network> {
        let opening = Opening {
            name: "fake".into(),
            settings: self.0.settings(),
            folder: "/".into(),
            ..Opening::default()
        };
        open(opening, feed).unwrap()
    }
    fn room(&self) -> &str {
        "#Lounge"
    }
    async fn enters(&self, nick: &str) {
        self.0.joins(nick, "#lounge");
    }
    async fn leaves(&self, nick: &str) {
        self.0.parts(nick, "#lounge", "");
    }
    async fn renames(&self, nick: &str, now: &str) {
        self.0.renames(nick, now);
    }
    async fn says(&self, nick: &str, words: &str) {
        self.0.says(nick, "#lounge", words);
    }
    async fn reads(&self) -> Option<String> {
        loop {
            let line = self.0.next_heard("ann").await?;
            if let Some((_, words)) =
                line.split_once("PRIVMSG #lounge :").filter(|_| line.starts_with(":rialto "))
            {
                return Some(words.into());
            }
        }
    }
    async fn cut(&self) {
        self.0.script(|script| script.refusal = Some("Trying again later".into()));
        self.0.cut();
    }
    async fn heal(&self) {
        self.0.script(|script| script.refusal = None);
    }
}

#[tokio::test]
async fn irc_keeps_the_contract() {
    contract::check(&FakeSide(Fake::start(Script::default()).await.unwrap())).await.unwrap();
}

/// The same network, where everybody has a connection of his own.
struct PuppetSide(FakeSide);

/// Everybody sits down before he speaks.
struct Seating(Arc<dyn Network>);

impl Network for Seating {
    fn capabilities(&self, room: &RemoteId) -> Capabilities {
        Capabilities { names: true, ..self.0.capabilities(room) }
    }
    fn resolve<'a>(&'a self, name: &'a str) -> Fut<'a, RemoteId> {
        self.0.resolve(name)
    }
    fn join<'a>(&'a self, room: &'a RemoteId) -> Fut<'a, ()> {
        self.0.join(room)
    }
    fn leave<'a>(&'a self, room: &'a RemoteId) -> Fut<'a, ()> {
        self.0.leave(room)
    }
    fn send<'a>(&'a self, room: &'a RemoteId, event: &'a Event<RemoteId>) -> Fut<'a, Vec<RemoteId>> {
        Box::pin(async move {
            let author =
                Author { account: Some(format!("{}@x", event.author.nick).into()), ..event.author.clone() };
            self.0.seat(room, &author, true).await?;
            self.0.send(room, &Event { author, ..event.clone() }).await
        })
    }
    fn close(&self) -> Fut<'_, ()> {
        self.0.close()
    }
}

impl FarSide for PuppetSide {
    fn open(&self, feed: Feed) -> Arc<dyn Network> {
        let mut settings = self.0.0.settings();
        settings.extend("puppets = { pause = 0.01, wait = 5 }".parse::<toml::Table>().unwrap());
        let opening = Opening { name: "fake".into(), settings, folder: "/".into(), ..Opening::default() };
        Arc::new(Seating(open_network(opening, feed).unwrap()))
    }
    fn room(&self) -> &str {
        self.0.room()
    }
    async fn enters(&self, nick: &str) {
        self.0.enters(nick).await;
    }
    async fn leaves(&self, nick: &str) {
        self.0.leaves(nick).await;
    }
    async fn renames(&self, nick: &str, now: &str) {
        self.0.renames(nick, now).await;
    }
    async fn says(&self, nick: &str, words: &str) {
        self.0.says(nick, words).await;
    }
    async fn reads(&self) -> Option<String> {
        loop {
            let line = self.0.0.next_heard("ann").await?;
            assert!(!line.starts_with(":rialto PRIVMSG"), "{line}");
            if let Some((who, words)) = line.split_once(" PRIVMSG #lounge :")
                && ![":bea", ":cid"].contains(&who)
            {
                return Some(words.into());
            }
        }
    }
    async fn cut(&self) {
        self.0.cut().await;
    }
    async fn heal(&self) {
        self.0.heal().await;
    }
}

#[tokio::test]
async fn irc_keeps_the_contract_with_a_connection_for_each_person() {
    let side = PuppetSide(FakeSide(Fake::start(Script::default()).await.unwrap()));
    contract::check(&side).await.unwrap();
}

#[tokio::test]
async fn irc_keeps_the_contract_on_a_poor_server() {
    let isupport = "CASEMAPPING=ascii PREFIX=(ov)@+ CHANTYPES=# NICKLEN=9".into();
    let poor = Script { caps: Vec::new(), isupport, motd: false, ..Script::default() };
    contract::check(&FakeSide(Fake::start(poor).await.unwrap())).await.unwrap();
}

#[tokio::test]
async fn words_and_actions_go_both_ways() {
    let fake = Fake::start(Script::default()).await.unwrap();
    fake.joins("ann", "#lounge");
    let mut open = Open::joined(&fake, "").await;
    fake.says("ann", "#lounge", "\u{1}ACTION waves\u{1}");
    let said = |news: &Incoming| match news {
        Incoming::Did { id, event: Event { act: Act::Say(message), .. } } => {
            Some((id.clone(), message.clone()))
        }
        _ => None,
    };
    let (id, message) = open.news(said).await;
    assert!(message.action && message.text.plain() == "waves" && id.unwrap().as_str().starts_with("fake"));
    open.say("good night").await.unwrap();
    let mut heard = Vec::new();
    while !heard.last().is_some_and(|line: &String| line.contains("PRIVMSG")) {
        heard.push(fake.next_heard("ann").await.unwrap());
    }
    assert_eq!(heard[1..], [":rialto JOIN #lounge", ":rialto PRIVMSG #lounge :good night"]);
}

#[tokio::test]
async fn the_topic_goes_both_ways_where_we_may_set_it() {
    let fake = Fake::start(Script::default()).await.unwrap();
    fake.joins("ann", "#lounge");
    let mut open = Open::joined(&fake, "").await;
    fake.topic("ann", "#lounge", "spring");
    let subject = |news: &Incoming| match news {
        Incoming::Did { event: Event { act: Act::Subject(subject), .. }, .. } => Some(subject.clone()),
        _ => None,
    };
    assert_eq!(open.news(subject).await, "spring");
    let able = || open.network.capabilities(&open.room).subject;
    for _ in 0..200 {
        if able().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(able(), None, "+t, and we are no operator");
    fake.mode("ann", "#lounge", "-t");
    for _ in 0..200 {
        if able().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(able(), Some(300));
    let act = Act::Subject("summer".into());
    let event = Event { author: person("Romeo"), at: SystemTime::now(), act };
    open.network.send(&open.room, &event).await.unwrap();
    assert_eq!(fake.receives("TOPIC").await.as_deref(), Some("TOPIC #lounge :summer"));
}

#[tokio::test]
async fn the_account_is_proven_and_a_wrong_password_is_for_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let caps = vec!["sasl".into(), "multi-prefix".into()];
    let account = Some(("bridge".into(), "hunter2".into()));
    let fake = Fake::start(Script { caps, account, ..Script::default() }).await.unwrap();
    let sasl = format!("sasl = {{ user = 'bridge', password_file = '{}' }}", path.display());
    std::fs::write(&path, "hunter2\n").unwrap();
    Open::joined(&fake, &sasl).await.network.close().await.unwrap();
    std::fs::write(&path, "wrong\n").unwrap();
    let mut open = Open::new(&fake, &sasl);
    assert!(open.news(refused).await.contains("SASL authentication failed"));
}

#[tokio::test]
async fn a_ban_is_surfaced_with_its_words_and_the_server_is_not_hammered() {
    let refusal = Some("Closing Link: (K-lined: open proxy)".into());
    let fake = Fake::start(Script { refusal, ..Script::default() }).await.unwrap();
    let mut open = Open::new(&fake, "refused_wait = 100");
    assert_eq!(open.news(refused).await, "Closing Link: (K-lined: open proxy)");
    assert!(open.news(lost).await.contains("K-lined"));
    let again = timeout(Duration::from_millis(500), open.fed.recv()).await;
    assert!(again.is_err(), "{again:?}");
    assert!(matches!(open.say("hi").await, Err(NetworkError::Unauthorized(_))));
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_found_when_it_comes() {
    let address = {
        let gone = Fake::start(Script::default()).await.unwrap();
        gone.address()
    };
    let settings = |address: SocketAddr| -> toml::Table {
        format!(
            "server = '127.0.0.1'\nport = {}\ntls = false\nbackoff_min = 0.05\nbackoff_max = 0.1",
            address.port()
        )
        .parse()
        .unwrap()
    };
    let (feed, fed) = mpsc::channel(64);
    let network = super::open(
        Opening { name: "x".into(), settings: settings(address), folder: "/".into(), ..Opening::default() },
        feed,
    )
    .unwrap();
    let mut open = Open { network, fed, room: "#lounge".into() };
    assert!(open.news(lost).await.contains("cannot connect to 127.0.0.1"));
    assert!(matches!(open.say("hi").await, Err(NetworkError::Down(_))));
    let fake = Fake::start_on(address, Script::default()).await.unwrap();
    open.news(regained).await;
    while open.network.join(&open.room).await.is_err() {}
    assert!(fake.sees("rialto", "#lounge").await);
}

#[tokio::test]
async fn a_taken_nick_is_varied_and_a_locked_channel_says_why() {
    let fake = Fake::start(Script { taken: vec!["rialto".into()], ..Script::default() }).await.unwrap();
    fake.joins("ann", "#lounge");
    fake.mode("ann", "#lounge", "+k sesame");
    let open = Open::new(&fake, "");
    assert!(matches!(open.network.join(&open.room).await, Err(NetworkError::Unauthorized(_))));
    let room = open.network.resolve("#Lounge sesame").await.unwrap();
    open.network.join(&room).await.unwrap();
    assert_eq!(fake.names("#lounge"), ["ann", "rialto_"]);
}

#[tokio::test]
async fn after_a_kick_we_come_back_and_the_house_is_told_both() {
    let fake = Fake::start(Script::default()).await.unwrap();
    fake.joins("ann", "#lounge");
    let mut open = Open::joined(&fake, "").await;
    open.news(regained).await;
    fake.kicks("ann", "#lounge", "rialto", "no bots");
    assert!(open.news(lost).await.contains("ann put us out: no bots"));
    open.news(regained).await;
    assert!(fake.sees("rialto", "#lounge").await);
}

#[tokio::test]
async fn lines_keep_the_pace_and_more_than_the_queue_holds_is_given_back() {
    let fake = Fake::start(Script::default()).await.unwrap();
    let open = Open::joined(&fake, "burst = 1\ninterval = 0.3\nqueue = 2").await;
    tokio::time::sleep(Duration::from_millis(700)).await; // MODE has gone, and the bucket is full again
    let (one, two, three, four) = tokio::join!(open.say("1"), open.say("2"), open.say("3"), open.say("4"));
    let results = [one, two, three, four];
    let slow = results.iter().filter(|result| matches!(result, Err(NetworkError::Slow(_)))).count();
    assert!(slow >= 1, "{results:?}");
    assert!(results[0].is_ok() && results[1].is_ok(), "{results:?}");
}

#[tokio::test]
async fn a_dead_link_is_noticed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut socket, b":x 001 rialto :hi\r\n:x 422 rialto :-\r\n")
            .await
            .unwrap();
        std::future::pending::<()>().await;
    });
    let settings =
        format!("server = '127.0.0.1'\nport = {port}\ntls = false\nping_after = 0.5\nping_timeout = 0.5");
    let (feed, fed) = mpsc::channel(64);
    let opening = Opening {
        name: "x".into(),
        settings: settings.parse().unwrap(),
        folder: "/".into(),
        ..Opening::default()
    };
    let mut open = Open { network: super::open(opening, feed).unwrap(), fed, room: "#lounge".into() };
    open.news(regained).await;
    assert!(open.news(lost).await.contains("the server has been silent"));
    silent.abort();
}

#[tokio::test]
async fn a_private_networks_certificate_is_checked_name_and_all() {
    let (server, pem) = certificate("irc.example");
    let fake = Fake::start(Script { tls: Some(server), ..Script::default() }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, pem).unwrap();
    let mut open = Open::new(&fake, "");
    assert!(open.news(lost).await.contains("say its certificate in `ca_file`"));
    let mut open = Open::new(&fake, &format!("ca_file = '{}'", ca.display()));
    assert!(open.news(lost).await.contains("say it in `tls_name`"));
    let open = Open::joined(&fake, &format!("ca_file = '{}'\ntls_name = 'irc.example'", ca.display())).await;
    open.say("in private").await.unwrap();
    assert!(fake.receives("PRIVMSG").await.is_some());
}

/// A server's certificate for this name, and the PEM of the authority that signed it.
fn certificate(name: &str) -> (Arc<rustls::ServerConfig>, String) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec![name.into()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    (Arc::new(config), ca_pem)
}
