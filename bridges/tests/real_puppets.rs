//! A connection for each person against real daemons: ngIRCd and InspIRCd over TLS, and an account of one's own with Atheme.
//!
//! A daemon that is not installed is skipped aloud; with `CI=true` it is a failure.

// Each test program uses its own part of these.
#[allow(dead_code)]
mod real;

use real::Bridge;
use real::daemon::Daemon;
use real::person::Person;
use rialto_bridges::{Act, Author, Event, Incoming, Message, NetworkError, RemoteId};
use std::time::{Duration, SystemTime};

fn author(nick: &str) -> Author {
    let account = format!("{}@montague.lit", nick.to_lowercase());
    Author { account: Some(account.into()), ..Author::new("occupant", nick, "xmpp") }
}

fn daemons() -> impl Iterator<Item = (&'static str, Daemon)> {
    let ngircd = Daemon::ngircd().map(|daemon| ("ngircd", daemon));
    ngircd.into_iter().chain(Daemon::inspircd().map(|daemon| ("inspircd", daemon)))
}

fn settings(daemon: &Daemon, more: &str) -> String {
    let puppets = format!("puppets = {{ pause = 0.1, wait = 15, {more} }}");
    format!("port = {}\ninterval = 0.2\n{puppets}\n{}", daemon.tls, daemon.tls_settings())
}

async fn says(bridge: &Bridge, who: &Author, words: &str) -> Result<Vec<RemoteId>, NetworkError> {
    let act = Act::Say(Message::text(words));
    let event = Event { author: who.clone(), at: SystemTime::now(), act };
    bridge.network.send(&bridge.room, &event).await
}

async fn seat(bridge: &Bridge, nick: &str) -> Author {
    let who = author(nick);
    bridge.network.seat(&bridge.room, &who, true).await.unwrap();
    who
}

fn said(news: &Incoming) -> Option<(String, String)> {
    match news {
        Incoming::Did { event: Event { author, act: Act::Say(said), .. }, .. } => {
            Some((author.nick.to_string(), said.text.plain().to_owned()))
        }
        _ => None,
    }
}

fn whispered(news: &Incoming) -> Option<(String, String, String)> {
    match news {
        Incoming::Whispered { from, to, message, .. } => {
            Some((from.nick.to_string(), to.to_string(), message.text.plain().to_owned()))
        }
        _ => None,
    }
}

#[tokio::test]
async fn people_speak_under_their_own_nicks_and_nobody_hears_it_twice() {
    for (name, daemon) in daemons() {
        let ann = Person::connect(daemon.plain, "ann").await;
        ann.joins("#lounge").await;
        let mut bridge = Bridge::joined(&settings(&daemon, "")).await;
        let (romeo, juliet) = (seat(&bridge, "Romeo").await, seat(&bridge, "Juliët").await);
        says(&bridge, &romeo, "But soft").await.unwrap();
        says(&bridge, &juliet, "Ay me").await.unwrap();
        let by = |nick: &'static str, words: &'static str| {
            move |line: &str| line.starts_with(nick) && line.ends_with(words)
        };
        assert!(ann.sees(by(":Romeo!", "PRIVMSG #lounge :But soft")).await.is_some(), "{name}");
        assert!(ann.sees(by(":Juliet!", "PRIVMSG #lounge :Ay me")).await.is_some(), "{name}");
        ann.does("PRIVMSG #lounge :good even").await;
        assert_eq!(bridge.news(said).await, ("ann".into(), "good even".into()), "{name}");
        bridge.network.whisper(&romeo, "ann", &Message::text("psst")).await.unwrap();
        assert!(ann.sees(by(":Romeo!", "PRIVMSG ann :psst")).await.is_some(), "{name}");
        ann.does("PRIVMSG Romeo :yes?").await;
        let told = ("ann".to_owned(), "romeo@montague.lit".to_owned(), "yes?".to_owned());
        assert_eq!(bridge.news(whispered).await, told, "{name}");
        let nobody = bridge.network.whisper(&romeo, "nobody", &Message::text("psst")).await;
        assert!(matches!(nobody, Err(NetworkError::NotFound(_))), "{name}: {nobody:?}");
        let whois = bridge.network.command(Some(&romeo), "WHOIS ann").await.unwrap();
        assert!(whois.iter().any(|line| line.starts_with("311 ann")), "{name}: {whois:?}");
        let kicked = "KICK #lounge Romeo :out";
        ann.does("MODE #lounge +i").await;
        ann.does(kicked).await;
        assert!(bridge.news(whispered).await.2.contains("out"), "{name}");
        let error = says(&bridge, &romeo, "let me in").await.unwrap_err();
        assert!(matches!(error, NetworkError::Forbidden(_)), "{name}: {error}");
        ann.does("MODE #lounge -i").await;
        says(&bridge, &romeo, "thanks").await.unwrap();
        assert!(ann.sees(by(":Romeo!", "PRIVMSG #lounge :thanks")).await.is_some(), "{name}");
        bridge.network.seat(&bridge.room, &juliet, false).await.unwrap();
        assert!(
            ann.sees(|line| line.starts_with(":Juliet!") && line.contains("PART")).await.is_some(),
            "{name}"
        );
        bridge.network.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_taken_nick_is_got_back_and_silence_ends_the_connection_alone() {
    for (name, daemon) in daemons() {
        let ann = Person::connect(daemon.plain, "ann").await;
        ann.joins("#lounge").await;
        let thief = Person::connect(daemon.plain, "Romeo").await;
        let mut bridge = Bridge::joined(&settings(&daemon, "idle = 4")).await;
        let romeo = seat(&bridge, "Romeo").await;
        says(&bridge, &romeo, "who steals my name").await.unwrap();
        let stolen = |line: &str| line.starts_with(":Romeo_!") && line.contains("who steals my name");
        assert!(ann.sees(stolen).await.is_some(), "{name}");
        assert!(bridge.news(whispered).await.2.contains("Romeo_"), "{name}");
        assert!(
            ann.sees(|line| line.starts_with(":Romeo_!") && line.contains("QUIT")).await.is_some(),
            "{name}: silence"
        );
        thief.says("QUIT :sorry").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        says(&bridge, &romeo, "mine again").await.unwrap();
        let again = |line: &str| line.starts_with(":Romeo!") && line.contains("mine again");
        assert!(ann.sees(again).await.is_some(), "{name}");
        bridge.network.close().await.unwrap();
    }
}
