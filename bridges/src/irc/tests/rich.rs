//! Against a server that has everything, over real sockets.

use super::*;
use crate::irc::fake::RICH;
use crate::model::Reply;
use crate::network::{About, Capabilities, MARK, Sanction};
use std::collections::BTreeMap;

async fn rich() -> Fake {
    let fake = Fake::start(Script::rich()).await.unwrap();
    fake.joins("ann", "#lounge");
    fake
}

impl Open {
    async fn does(&self, act: Act<RemoteId>) -> Result<Vec<RemoteId>, NetworkError> {
        self.network.send(&self.room, &Event { author: person("Romeo"), at: SystemTime::now(), act }).await
    }

    /// Another run, with what the marks of this one say.
    fn again(fake: &Fake, kept: BTreeMap<String, String>) -> Open {
        let (feed, fed) = mpsc::channel(64);
        let opening = Opening { name: "fake".into(), settings: fake.settings(), folder: "/".into(), kept };
        Open { network: open(opening, feed).unwrap(), fed, room: "#lounge".into() }
    }

    /// The words that come until these.
    async fn words_until(&mut self, last: &str) -> Vec<String> {
        let mut all = Vec::new();
        while all.last().map(String::as_str) != Some(last) {
            all.push(self.news(words).await);
        }
        all
    }

    async fn able(&self, wanted: impl Fn(&Capabilities) -> bool) -> Capabilities {
        for _ in 0..500 {
            let able = self.network.capabilities(&self.room);
            if wanted(&able) {
                return able;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.network.capabilities(&self.room)
    }
}

fn words(news: &Incoming) -> Option<String> {
    match news {
        Incoming::Did { event: Event { act: Act::Say(message), .. }, .. } => {
            Some(message.text.plain().into())
        }
        _ => None,
    }
}

#[tokio::test]
async fn irc_keeps_the_contract_on_a_rich_server() {
    contract::check(&FakeSide(Fake::start(Script::rich()).await.unwrap())).await.unwrap();
}

#[tokio::test]
async fn irc_keeps_the_contract_with_every_capability_left_out_in_turn() {
    for left_out in RICH {
        let caps = RICH.iter().filter(|cap| *cap != left_out).map(|cap| (*cap).to_owned()).collect();
        let fake = Fake::start(Script { caps, ..Script::rich() }).await.unwrap();
        fake.joins("ann", "#lounge");
        let mut open = Open::joined(&fake, "").await;
        fake.says("ann", "#lounge", "hi");
        assert_eq!(open.news(words).await, "hi", "without {left_out}");
        open.say("ho").await.unwrap_or_else(|error| panic!("without {left_out}: {error}"));
    }
}

#[tokio::test]
async fn what_a_server_cannot_do_is_not_claimed_and_what_it_can_do_is() {
    let open = Open::joined(&rich().await, "").await;
    let able = open.able(|able| able.finds).await;
    assert!(able.reply && able.react && able.retract && able.typing && able.finds && !able.edit);
    assert_eq!((able.text.lines, able.text.bytes), (24, 4096));
    let poor = Fake::start(Script { caps: Vec::new(), ..Script::default() }).await.unwrap();
    let open = Open::joined(&poor, "").await;
    let able = open.network.capabilities(&open.room);
    assert!(
        !able.reply && !able.react && !able.retract && !able.typing && !able.finds && able.text.lines == 1
    );
    for act in
        [Act::Retract { of: "x".into() }, Act::React { to: "x".into(), emoji: vec![] }, Act::Typing(true)]
    {
        assert!(matches!(open.does(act).await, Err(NetworkError::Unsupported(_))));
    }
}

#[tokio::test]
async fn what_we_say_bears_the_servers_name_and_several_lines_are_one_message() {
    let fake = rich().await;
    let mut open = Open::joined(&fake, "").await;
    let ids = open.say("one\n\ntwo").await.unwrap();
    assert!(ids.len() == 1 && ids[0].as_str().starts_with("fake"), "{ids:?}");
    fake.says_tagged("ann", "#lounge", Some("yes\nno"), &[("+reply", ids[0].as_str())]);
    let reply = open
        .news(|news| match news {
            Incoming::Did { event: Event { act: Act::Say(message), .. }, .. } => Some(message.clone()),
            _ => None,
        })
        .await;
    assert_eq!(reply.text.plain(), "yes\nno");
    assert!(matches!(reply.reply, Some(Reply { to, nick, .. }) if to == ids[0] && &*nick == "rialto"));
}

#[tokio::test]
async fn replies_reactions_redactions_and_typing_go_both_ways() {
    let fake = rich().await;
    let mut open = Open::joined(&fake, "").await;
    fake.says("ann", "#lounge", "good night");
    let id = open.news(|news| if let Incoming::Did { id, .. } = news { id.clone() } else { None }).await;
    let name = id.as_str().to_owned();
    open.able(|able| able.react).await;
    let reply = Some(Reply { to: id.clone(), nick: "ann".into(), excerpt: "good night".into() });
    let ours = open.does(Act::Say(Message { reply, ..Message::text("sleep well") })).await.unwrap();
    open.does(Act::React { to: id.clone(), emoji: vec!["🎉".into()] }).await.unwrap();
    open.does(Act::React { to: id.clone(), emoji: vec![] }).await.unwrap();
    open.does(Act::Retract { of: ours[0].clone() }).await.unwrap();
    open.does(Act::Typing(true)).await.unwrap();
    let mut heard = Vec::new();
    while !heard.last().is_some_and(|line: &String| line.contains("typing")) {
        heard.push(fake.next_heard("ann").await.unwrap());
    }
    heard.retain(|line| line.contains("rialto ") || line.contains("REDACT"));
    assert_eq!(
        heard[1..],
        [
            format!("@+reply={name} :rialto PRIVMSG #lounge :sleep well"),
            format!("@+reply={name};+draft/react=🎉 :rialto TAGMSG #lounge"),
            format!("@+reply={name};+draft/unreact=🎉 :rialto TAGMSG #lounge"),
            format!(":rialto!~rialto@bridge.example REDACT #lounge {}", ours[0]),
            "@+typing=active :rialto TAGMSG #lounge".to_owned(),
        ]
    );
    fake.says_tagged("ann", "#lounge", None, &[("+reply", &name), ("+draft/react", "👋")]);
    fake.says_tagged("ann", "#lounge", None, &[("+typing", "active")]);
    fake.redacts("ann", "#lounge", &name, "");
    let mut acts = Vec::new();
    for _ in 0..3 {
        acts.push(
            open.news(|news| match news {
                Incoming::Did { event: Event { act, .. }, .. } => Some(act.clone()),
                _ => None,
            })
            .await,
        );
    }
    let react = Act::React { to: id.clone(), emoji: vec!["👋".into()] };
    assert_eq!(acts, [react, Act::Typing(true), Act::Retract { of: id }]);
    let error = open.does(Act::Retract { of: "fake9999".into() }).await.unwrap_err();
    assert!(matches!(&error, NetworkError::NotFound(text) if text.contains("no such message")), "{error}");
}

#[tokio::test]
async fn what_the_server_refuses_or_swallows_comes_back_to_its_author() {
    let fake = rich().await;
    fake.script(|script| script.swallow = Some("spam".into()));
    let open = Open::joined(&fake, "").await;
    let error = open.say("buy spam").await.unwrap_err();
    assert!(
        matches!(&error, NetworkError::Forbidden(text) if text.contains("showed it to nobody")),
        "{error}"
    );
    fake.mode("ann", "#lounge", "+m");
    let error = open.say("hi").await.unwrap_err();
    assert!(matches!(&error, NetworkError::Forbidden(text) if text.contains("Cannot send")), "{error}");
}

#[tokio::test]
async fn a_message_whose_echo_was_lost_is_unsure_and_is_found_afterwards() {
    let fake = rich().await;
    let mut open = Open::joined(&fake, "").await;
    open.say("before").await.unwrap();
    fake.script(|script| script.cut_after = Some("arrives".into()));
    let since = SystemTime::now();
    let (arrives, never) = ("this arrives\nand all of it", "this does not");
    assert!(matches!(open.say("this arrives").await, Err(NetworkError::Unsure(_))));
    fake.script(|script| script.cut_after = None);
    open.news(regained).await;
    while open.network.join(&open.room).await.is_err() {}
    assert!(open.able(|able| able.finds).await.finds);
    let event = |words: &str| Event {
        author: person("Romeo"),
        at: SystemTime::now(),
        act: Act::Say(Message::text(words)),
    };
    let found = open.network.sent(&open.room, &event("this arrives"), since).await.unwrap();
    assert!(found.len() == 1 && found[0].as_str().starts_with("fake"), "{found:?}");
    for words in [never, arrives] {
        assert_eq!(open.network.sent(&open.room, &event(words), since).await.unwrap(), []);
    }
}

#[tokio::test]
async fn what_was_said_while_the_link_was_down_comes_afterwards_once_and_in_order() {
    let fake = rich().await;
    let mut open = Open::joined(&fake, "").await;
    fake.says("ann", "#lounge", "0");
    open.words_until("0").await;
    open.say("our own").await.unwrap();
    fake.script(|script| script.refusal = Some("Trying again later".into()));
    fake.cut();
    open.news(lost).await;
    for number in 1..120 {
        fake.says("ann", "#lounge", &number.to_string());
    }
    fake.says_tagged("ann", "#lounge", Some("two\nlines"), &[]);
    fake.script(|script| script.refusal = None);
    let mut wanted: Vec<String> = (1..120).map(|n| n.to_string()).collect();
    wanted.push("two\nlines".into());
    assert_eq!(open.words_until("two\nlines").await, wanted, "more than a page, nothing twice, not ours");
    fake.says("ann", "#lounge", "live again");
    assert_eq!(open.words_until("live again").await, ["live again"]);
}

#[tokio::test]
async fn another_run_goes_on_where_the_marks_of_the_last_one_end() {
    let fake = rich().await;
    let mut open = Open::joined(&fake, "").await;
    let mut kept = BTreeMap::new();
    fake.says("ann", "#lounge", "seen");
    loop {
        let fed = open.fed.recv().await.unwrap();
        if let Incoming::Mark { key, value: Some(value) } = fed.what {
            assert!(value.len() <= MARK);
            let done = value.contains(':');
            kept.insert(key, value);
            if done {
                break;
            }
        }
    }
    open.network.close().await.unwrap();
    fake.says("ann", "#lounge", "missed");
    let mut open = Open::again(&fake, kept);
    open.network.join(&open.room).await.unwrap();
    assert_eq!(open.words_until("missed").await, ["missed"]);
}

#[tokio::test]
async fn a_server_without_a_memory_is_not_asked_and_nobody_waits() {
    let caps = RICH.iter().filter(|cap| !cap.contains("chathistory")).map(|cap| (*cap).to_owned()).collect();
    let fake = Fake::start(Script { caps, ..Script::rich() }).await.unwrap();
    fake.joins("ann", "#lounge");
    let mut open = Open::joined(&fake, "").await;
    fake.says("ann", "#lounge", "hi");
    open.words_until("hi").await;
    fake.cut();
    open.news(lost).await;
    while open.network.join(&open.room).await.is_err() {}
    fake.says("ann", "#lounge", "again");
    assert_eq!(open.words_until("again").await, ["again"]);
    assert!(!fake.received().iter().any(|line| line.contains("CHATHISTORY")));
}

#[tokio::test]
async fn a_moderator_kicks_and_bans_where_the_bridge_may() {
    let fake = rich().await;
    fake.joins("bea", "#lounge");
    let open = Open::joined(&fake, "moderate = true").await;
    let kick = Sanction::Kick { reason: Some("spam".into()) };
    let error = open.network.sanction(&open.room, "bea", &kick).await.unwrap_err().to_string();
    assert!(error.contains("must give rialto +o"), "{error}");
    fake.mode("ann", "#lounge", "+o rialto");
    assert!(open.able(|able| able.sanction).await.sanction);
    open.network.sanction(&open.room, "bea", &kick).await.unwrap();
    assert_eq!(fake.names("#lounge"), ["ann", "@rialto"]);
    let ban = Sanction::Ban { reason: None };
    open.network.sanction(&open.room, "ann", &ban).await.unwrap();
    assert!(
        fake.receives("MODE #lounge +b *!*@far.example").await.is_some()
            || fake.received().iter().any(|line| line.contains("+b"))
    );
    assert_eq!(fake.names("#lounge"), ["@rialto"]);
}

#[tokio::test]
async fn rooms_are_listed_once_and_commands_give_their_answer() {
    for script in [Script::rich(), Script { caps: Vec::new(), ..Script::rich() }] {
        let fake = Fake::start(script).await.unwrap();
        fake.joins("ann", "#lounge");
        fake.topic("ann", "#lounge", "of good\u{2}night");
        fake.joins("ann", "#secret");
        fake.mode("ann", "#secret", "+s");
        let open = Open::joined(&fake, "").await;
        let listed = open.network.list(Some("NIGHT"), 10).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(
            (listed[0].name.as_str(), listed[0].topic.as_deref(), listed[0].people),
            ("#lounge", Some("of goodnight"), Some(2))
        );
        assert_eq!(open.network.list(None, 10).await.unwrap().len(), 1);
        assert_eq!(fake.received().iter().filter(|line| line.contains("LIST")).count(), 1, "asked once");
        let answer = open.network.command(None, "USERHOST rialto").await.unwrap();
        assert_eq!(answer, ["302 rialto=+~rialto@bridge.example"]);
        assert_eq!(open.network.command(None, "FROB").await.unwrap(), ["421 FROB Unknown command"]);
        for bad in ["", "QUIT", "cap ls", "WHOIS x\r\nQUIT", ":x QUIT", "@label=x QUIT", "PRIVMSG x :\0"] {
            assert!(open.network.command(None, bad).await.is_err(), "{bad:?}");
        }
        assert!(open.network.command(None, &"x".repeat(600)).await.is_err());
    }
}

#[tokio::test]
async fn a_channel_that_becomes_secret_is_told_to_be_hidden() {
    let fake = rich().await;
    fake.mode("ann", "#lounge", "+s");
    let mut open = Open::joined(&fake, "").await;
    let hidden = |news: &Incoming| match news {
        Incoming::Members(_) => panic!("members before what the room is"),
        Incoming::About(About { hidden, .. }) => Some(*hidden),
        _ => None,
    };
    assert!(open.news(hidden).await);
    let hidden = |news: &Incoming| if let Incoming::About(about) = news { Some(about.hidden) } else { None };
    fake.mode("ann", "#lounge", "-s");
    assert!(!open.news(hidden).await);
}

#[tokio::test]
async fn an_account_is_proven_in_every_way() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ca) = certificate("127.0.0.1");
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["bridge".into()]).unwrap().self_signed(&key).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("ca.pem", &ca);
    write("own.pem", &(own.pem() + &key.serialize_pem()));
    write("secret", "hunter2\n");
    let place = folder.path().display();
    for way in ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "EXTERNAL"] {
        let fake = Fake::start(Script {
            tls: Some(server.clone()),
            caps: vec![format!("sasl={way}"), "account-tag".into()],
            account: Some(("bridge".into(), "hunter2".into())),
            certified: Some("bridge".into()),
            ..Script::default()
        });
        let fake = fake.await.unwrap();
        let proof = format!("password_file = '{place}/secret', certificate_file = '{place}/own.pem'");
        let sasl = format!("ca_file = '{place}/ca.pem'\nsasl = {{ user = 'bridge', {proof} }}");
        let open = Open::joined(&fake, &sasl).await;
        assert!(fake.received().iter().any(|line| *line == format!("AUTHENTICATE {way}")), "{way}");
        open.network.close().await.unwrap();
        write("secret", "wrong\n");
        fake.script(|script| script.certified = Some("somebody".into()));
        let mut open = Open::new(&fake, &sasl);
        let text = open.news(refused).await;
        assert!(text.contains("the account was refused"), "{way}: {text}");
        assert!(fake.names("#lounge").is_empty(), "{way}: nobody speaks under another name");
        write("secret", "hunter2\n");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_tls_is_never_spoken_to_without_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ca) = certificate("127.0.0.1");
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, ca).unwrap();
    let secure = Script { tls: Some(server), caps: vec!["sts=duration=3600".into()], ..Script::default() };
    let secure = Fake::start(secure).await.unwrap();
    let port = secure.address().port();
    let plain = Script { caps: vec![format!("sts=port={port}")], ..Script::default() };
    let plain = Fake::start(plain).await.unwrap();
    let ca_file = format!("ca_file = '{}'", ca_file.display());
    let mut open = Open::joined(&plain, &ca_file).await;
    assert!(secure.sees("rialto", "#lounge").await);
    assert!(!plain.received().iter().any(|line| line.starts_with("JOIN") || line.starts_with("CAP END")));
    let mark = open
        .news(|news| match news {
            Incoming::Mark { key, value } if key == "sts" => value.clone(),
            _ => None,
        })
        .await;
    open.network.close().await.unwrap();
    plain.received();
    let mut settings = plain.settings();
    settings.extend(ca_file.parse::<toml::Table>().unwrap());
    let (feed, fed) = mpsc::channel(64);
    let kept = [("sts".to_owned(), mark)].into();
    let opening = Opening { name: "fake".into(), settings, folder: "/".into(), kept };
    let mut open = Open { network: super::super::open(opening, feed).unwrap(), fed, room: "#lounge".into() };
    open.network.join(&open.room).await.unwrap();
    assert_eq!(plain.received(), [] as [&str; 0], "another run does not even knock at the other door");
    drop(secure);
    open.news(lost).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(plain.received(), [] as [&str; 0], "and a broken TLS port is no reason to");
}
