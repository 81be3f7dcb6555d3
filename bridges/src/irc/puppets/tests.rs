//! People with connections of their own, over real sockets, against the tiny server.

use crate::irc::fake::{Fake, Script};
use crate::irc::open;
use crate::loopback::person;
use crate::model::{Act, Author, Event, Message};
use crate::network::{Fed, Identity, Incoming, Network, NetworkError, Opening, RemoteId};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::time::timeout;

struct Open {
    network: Arc<dyn Network>,
    fed: mpsc::Receiver<Fed>,
    room: RemoteId,
    fake: Fake,
}

fn author(nick: &str) -> Author {
    let account = format!("{}@montague.lit", nick.to_lowercase());
    Author { account: Some(account.into()), ..person(nick) }
}

impl Open {
    async fn new(script: Script, more: &str) -> Open {
        let fake = Fake::start(script).await.unwrap();
        let mut settings = fake.settings();
        let mut puppets: toml::Table = "pause = 0.01\nwait = 3".parse().unwrap();
        let more: toml::Table = format!("t = {{ {more} }}").parse().unwrap();
        puppets.extend(more["t"].as_table().unwrap().clone());
        settings.insert("puppets".into(), puppets.into());
        let (feed, fed) = mpsc::channel(256);
        let opening = Opening { name: "fake".into(), settings, folder: "/".into(), ..Opening::default() };
        let network = open(opening, feed).unwrap();
        let room: RemoteId = "#lounge".into();
        fake.joins("ann", "#lounge");
        network.join(&room).await.unwrap();
        Open { network, fed, room, fake }
    }

    async fn seat(&self, nick: &str) -> Author {
        let who = author(nick);
        self.network.seat(&self.room, &who, true).await.unwrap();
        who
    }

    async fn says(&self, who: &Author, words: &str) -> Result<Vec<RemoteId>, NetworkError> {
        let act = Act::Say(Message::text(words));
        let event = Event { author: who.clone(), at: SystemTime::now(), act };
        self.network.send(&self.room, &event).await
    }

    /// What ann reads, of words.
    async fn ann_reads(&self) -> String {
        loop {
            let line = self.fake.next_heard("ann").await.expect("ann reads something");
            if line.contains(" PRIVMSG ") {
                return line;
            }
        }
    }

    async fn news<T>(&mut self, accept: impl Fn(&Incoming) -> Option<T>) -> T {
        let wanted = async {
            loop {
                let fed = self.fed.recv().await.expect("news");
                if let Some(wanted) = accept(&fed.what) {
                    return wanted;
                }
            }
        };
        timeout(Duration::from_secs(15), wanted).await.expect("news in time")
    }

    async fn whispered(&mut self) -> (String, String, String) {
        self.news(|what| match what {
            Incoming::Whispered { from, to, message, .. } => {
                Some((from.nick.to_string(), to.to_string(), message.text.plain().to_owned()))
            }
            _ => None,
        })
        .await
    }

    /// News that have come by now.
    fn so_far(&mut self) -> Vec<Incoming> {
        std::iter::from_fn(|| self.fed.try_recv().ok()).map(|fed| fed.what).collect()
    }
}

fn did(news: &Incoming) -> Option<String> {
    match news {
        Incoming::Did { event: Event { author, act: Act::Say(said), .. }, .. } => {
            Some(format!("{}: {}", author.nick, said.text.plain()))
        }
        _ => None,
    }
}

#[tokio::test]
async fn each_speaks_under_his_own_nick_and_nobody_hears_his_own_words_again() {
    let mut open = Open::new(Script::default(), "").await;
    let (romeo, juliet) = (open.seat("Romeo").await, open.seat("Juliët").await);
    assert!(open.network.capabilities(&open.room).puppets && open.network.speaks(&open.room, &romeo));
    open.says(&romeo, "o").await.unwrap();
    open.says(&juliet, "aye").await.unwrap();
    assert_eq!(open.ann_reads().await, ":Romeo PRIVMSG #lounge :o");
    assert_eq!(open.ann_reads().await, ":Juliet PRIVMSG #lounge :aye");
    open.fake.says("ann", "#lounge", "hello you two");
    assert_eq!(open.news(did).await, "ann: hello you two");
    open.network.seat(&open.room, &romeo, false).await.unwrap();
    open.fake.says("ann", "#lounge", "gone?");
    assert_eq!(open.news(did).await, "ann: gone?");
    let news = open.so_far();
    let theirs = |news: &Incoming| {
        matches!(news, Incoming::Entered(_) | Incoming::Left { .. } | Incoming::Renamed { .. })
    };
    assert!(!news.iter().any(theirs), "puppets are no members: {news:?}");
}

#[tokio::test]
async fn the_first_words_wait_until_the_connection_is_in_the_room() {
    let open = Open::new(Script::default(), "").await;
    let romeo = open.seat("Romeo").await;
    let (one, two) = (open.says(&romeo, "one").await, open.says(&romeo, "two").await);
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(open.ann_reads().await, ":Romeo PRIVMSG #lounge :one");
    assert_eq!(open.ann_reads().await, ":Romeo PRIVMSG #lounge :two");
}

#[tokio::test]
async fn words_that_wait_too_long_come_back() {
    let open = Open::new(Script::default(), "wait = 0.4").await;
    open.fake.script(|script| script.refusal = Some("Server is restarting".into()));
    let romeo = open.seat("Romeo").await;
    let error = open.says(&romeo, "hello?").await.unwrap_err();
    assert!(matches!(error, NetworkError::Down(_)), "{error}");
}

#[tokio::test]
async fn private_words_go_both_ways_and_to_nobody_else() {
    let mut open = Open::new(Script::default(), "").await;
    let romeo = author("Romeo");
    open.network.whisper(&romeo, "ann", &Message::text("psst")).await.unwrap();
    assert_eq!(open.ann_reads().await, ":Romeo PRIVMSG ann :psst");
    open.fake.says("ann", "Romeo", "what");
    let told = ("ann".to_owned(), "romeo@montague.lit".to_owned(), "what".to_owned());
    assert_eq!(open.whispered().await, told);
    let error = open.network.whisper(&romeo, "nobody-here", &Message::text("psst")).await.unwrap_err();
    assert!(matches!(error, NetworkError::NotFound(_)), "{error}");
    let error = open.network.whisper(&romeo, "#lounge", &Message::text("psst")).await.unwrap_err();
    assert!(matches!(error, NetworkError::NotFound(_)), "{error}");
    let answers = open.network.command(Some(&romeo), "USERHOST Romeo").await.unwrap();
    assert!(answers.iter().any(|line| line.starts_with("302 Romeo=+~u")), "{answers:?}");
    assert!(open.network.command(Some(&romeo), "QUIT").await.is_err());
}

#[tokio::test]
async fn who_is_silent_for_long_loses_the_connection_and_not_the_room() {
    let open = Open::new(Script::default(), "idle = 0.4").await;
    let romeo = open.seat("Romeo").await;
    open.says(&romeo, "one").await.unwrap();
    open.fake.sees("Romeo", "#lounge").await;
    let gone = async {
        while open.fake.names("#lounge").iter().any(|name| name.ends_with("Romeo")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), gone).await.expect("the connection goes");
    assert!(open.network.speaks(&open.room, &romeo), "the next words bring it back");
    open.says(&romeo, "two").await.unwrap();
    assert_eq!(open.ann_reads().await, ":Romeo PRIVMSG #lounge :one");
    assert_eq!(open.ann_reads().await, ":Romeo PRIVMSG #lounge :two");
}

#[tokio::test]
async fn no_more_get_connections_than_the_network_bears() {
    let open = Open::new(Script::default(), "most = 1").await;
    let (romeo, juliet) = (open.seat("Romeo").await, open.seat("Juliet").await);
    assert!(open.network.speaks(&open.room, &romeo));
    assert!(!open.network.speaks(&open.room, &juliet), "her nick is written before her words");
    open.says(&juliet, "<Juliet> aye").await.unwrap();
    assert_eq!(open.ann_reads().await, ":rialto PRIVMSG #lounge :<Juliet> aye");
}

#[tokio::test]
async fn a_taken_nick_gets_a_suffix_that_is_remembered_and_told_and_the_nick_is_got_back() {
    let mut open = Open::new(Script::default(), "idle = 30").await;
    open.fake.joins("Romeo", "#lounge");
    let romeo = open.seat("Romeo").await;
    open.says(&romeo, "o").await.unwrap();
    assert_eq!(open.ann_reads().await, ":Romeo_ PRIVMSG #lounge :o");
    let (from, to, text) = open.whispered().await;
    assert_eq!((from.as_str(), to.as_str()), ("fake", "romeo@montague.lit"));
    assert!(text.contains("You are Romeo_ here"), "{text}");
    open.fake.quits("Romeo", "bye");
    assert!(open.fake.sees("Romeo", "#lounge").await, "the nick is his when it is free");
    open.says(&romeo, "now").await.unwrap();
    assert_eq!(open.ann_reads().await, ":Romeo PRIVMSG #lounge :now");
}

#[tokio::test]
async fn a_wrong_account_stops_its_owners_words_until_he_puts_it_right() {
    let caps = ["sasl", "message-tags", "multi-prefix"].map(String::from).into();
    let account = Some(("rom".to_owned(), "right".to_owned()));
    let open = Open::new(Script { caps, account, ..Script::default() }, "").await;
    let is = |password: &str| Identity {
        account: Some("rom".into()),
        password: Some(password.into()),
        nick: Some("Rom".into()),
        ..Identity::default()
    };
    open.network.identify("romeo@montague.lit", Some(&is("wrong"))).await.unwrap();
    let romeo = open.seat("Romeo").await;
    let error = open.says(&romeo, "o").await.unwrap_err();
    assert!(open.network.speaks(&open.room, &romeo), "never by another's connection");
    let error = match error {
        NetworkError::Down(_) => open.says(&romeo, "o").await.unwrap_err(),
        error => error,
    };
    assert!(
        matches!(&error, NetworkError::Unauthorized(text) if text.contains("set your account")),
        "{error}"
    );
    open.network.identify("romeo@montague.lit", Some(&is("right"))).await.unwrap();
    open.says(&romeo, "it is I").await.unwrap();
    assert_eq!(open.ann_reads().await, ":Rom PRIVMSG #lounge :it is I");
}

#[tokio::test]
async fn a_ban_of_one_stops_new_connections_and_the_others_speak_by_the_bridge() {
    let mut open = Open::new(Script::default(), "").await;
    let romeo = open.seat("Romeo").await;
    open.says(&romeo, "o").await.unwrap();
    open.fake.script(|script| script.refusal = Some("Closing link: K-lined".into()));
    let paris = open.seat("Paris").await;
    let told = open.news(|what| match what {
        Incoming::Notice(text) => Some(text.clone()),
        _ => None,
    });
    assert!(told.await.contains("K-lined"));
    assert!(open.network.speaks(&open.room, &paris), "who is banned does not slip in under the bridge");
    assert!(matches!(open.says(&paris, "x").await, Err(NetworkError::Forbidden(_))));
    let juliet = open.seat("Juliet").await;
    assert!(!open.network.speaks(&open.room, &juliet));
    open.says(&juliet, "<Juliet> aye").await.unwrap();
    open.says(&romeo, "still here").await.unwrap();
    assert_eq!(open.ann_reads().await, ":Romeo PRIVMSG #lounge :o");
    assert_eq!(open.ann_reads().await, ":rialto PRIVMSG #lounge :<Juliet> aye");
    assert_eq!(open.ann_reads().await, ":Romeo PRIVMSG #lounge :still here");
}

#[tokio::test]
async fn who_is_not_let_into_the_room_is_told_and_does_not_speak_by_the_bridge() {
    let open = Open::new(Script::default(), "").await;
    open.fake.mode("ann", "#lounge", "+i");
    let romeo = open.seat("Romeo").await;
    let error = open.says(&romeo, "o").await.unwrap_err();
    assert!(matches!(&error, NetworkError::Forbidden(text) if text.contains("invited")), "{error}");
    open.fake.mode("ann", "#lounge", "-i");
    open.says(&romeo, "o").await.unwrap();
    assert_eq!(open.ann_reads().await, ":Romeo PRIVMSG #lounge :o");
}

#[tokio::test]
async fn who_was_put_out_comes_back_when_he_speaks_and_not_before() {
    let mut open = Open::new(Script::default(), "").await;
    let romeo = open.seat("Romeo").await;
    open.says(&romeo, "o").await.unwrap();
    open.fake.kicks("ann", "#lounge", "Romeo", "out");
    let (_, to, text) = open.whispered().await;
    assert!(*to == *"romeo@montague.lit" && text.contains("out"), "{text}");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(!open.fake.names("#lounge").iter().any(|name| name.ends_with("Romeo")));
    open.says(&romeo, "sorry").await.unwrap();
    assert!(open.fake.names("#lounge").iter().any(|name| name.ends_with("Romeo")));
}

#[tokio::test]
async fn where_the_listener_is_down_somebodys_connection_listens() {
    let mut open = Open::new(Script::default(), "").await;
    let romeo = open.seat("Romeo").await;
    open.says(&romeo, "o").await.unwrap();
    open.so_far();
    open.fake.script(|script| script.refusal = Some("Server is full".into()));
    open.fake.quits("rialto", "killed");
    let members = open.news(|what| match what {
        Incoming::Members(members) => Some(members.len()),
        _ => None,
    });
    assert_eq!(members.await, 1, "ann, and none of ours");
    open.fake.says("ann", "#lounge", "do you hear me");
    assert_eq!(open.news(did).await, "ann: do you hear me");
    open.fake.script(|script| script.refusal = None);
    assert!(open.fake.sees("rialto", "#lounge").await);
    open.news(|what| matches!(what, Incoming::Members(_)).then_some(())).await;
    open.fake.says("ann", "#lounge", "once");
    assert_eq!(open.news(did).await, "ann: once");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let again: Vec<String> = open.so_far().iter().filter_map(did).collect();
    assert!(again.is_empty(), "{again:?}");
}

#[tokio::test]
async fn another_nick_in_the_room_is_another_nick_there() {
    let open = Open::new(Script::default(), "nick = '{nick}[x]'").await;
    let romeo = open.seat("Romeo").await;
    open.says(&romeo, "o").await.unwrap();
    let moved = Author { nick: "Montague".into(), ..romeo };
    open.network.seat(&open.room, &moved, true).await.unwrap();
    assert!(open.fake.sees("Montague[x]", "#lounge").await);
    open.says(&moved, "p").await.unwrap();
    assert_eq!(open.ann_reads().await, ":Romeo[x] PRIVMSG #lounge :o");
    assert_eq!(open.ann_reads().await, ":Montague[x] PRIVMSG #lounge :p");
}

#[tokio::test]
async fn an_account_of_the_same_name_elsewhere_is_somebody_else() {
    let open = Open::new(Script::default(), "").await;
    let romeo = open.seat("Romeo").await;
    let other = Author { network: "elsewhere", ..romeo };
    assert!(!open.network.speaks(&open.room, &other));
    assert!(open.network.whisper(&other, "ann", &Message::text("x")).await.is_err());
}

#[tokio::test]
async fn a_server_that_believes_us_is_told_who_it_is_first_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webirc");
    std::fs::write(&file, "sesame\n").unwrap();
    let more = format!(
        "webirc_password_file = '{}', webirc_host = 'people.example', webirc_gateway = 'gate'",
        file.display()
    );
    let open = Open::new(Script::default(), &more).await;
    let romeo = open.seat("Romeo").await;
    open.says(&romeo, "o").await.unwrap();
    let received = open.fake.received();
    let webirc = received.iter().position(|line| line.starts_with("WEBIRC sesame gate u")).unwrap();
    assert!(received[webirc].contains(".people.example fd"), "{}", received[webirc]);
    assert_eq!(received[webirc + 1], "CAP LS 302");
    assert_eq!(received.iter().filter(|line| line.starts_with("WEBIRC")).count(), 1, "not for the listener");
}
