//! The bridge against real daemons: ngIRCd and InspIRCd over TLS, and InspIRCd with Atheme's SASL.
//!
//! A daemon that is not installed is skipped aloud; with `CI=true` it is a failure.

mod real;

use real::daemon::Daemon;
use real::person::Person;
use real::proxy::Proxy;
use real::{Bridge, RealSide};
use rialto_bridges::{Act, Author, Event, Incoming, Message, NetworkError, Role, contract, degrade};
use std::time::{Duration, SystemTime};

fn event(act: Act<rialto_bridges::RemoteId>) -> Event<rialto_bridges::RemoteId> {
    Event { author: Author::new("romeo", "Romeo", "xmpp"), at: SystemTime::now(), act }
}

fn lost(news: &Incoming) -> Option<String> {
    if let Incoming::Lost(error) = news { Some(error.to_string()) } else { None }
}

fn refused(news: &Incoming) -> Option<String> {
    if let Incoming::Refused(text) = news { Some(text.clone()) } else { None }
}

fn daemons() -> impl Iterator<Item = (&'static str, Daemon)> {
    let ngircd = Daemon::ngircd().map(|daemon| ("ngircd", daemon));
    ngircd.into_iter().chain(Daemon::inspircd().map(|daemon| ("inspircd", daemon)))
}

#[tokio::test]
async fn ngircd_keeps_the_contract_over_tls() {
    let Some(daemon) = Daemon::ngircd() else { return };
    contract::check(&RealSide::new(daemon.plain, daemon.tls, &daemon.tls_settings()).await).await.unwrap();
}

#[tokio::test]
async fn inspircd_keeps_the_contract_over_tls() {
    let Some(daemon) = Daemon::inspircd() else { return };
    contract::check(&RealSide::new(daemon.plain, daemon.tls, &daemon.tls_settings()).await).await.unwrap();
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_or_for_another_name_is_refused() {
    for (name, daemon) in daemons() {
        let mut bridge = Bridge::new(&format!("port = {}", daemon.tls));
        assert!(bridge.news(lost).await.contains("say its certificate in `ca_file`"), "{name}");
        let settings = daemon.tls_settings().replace("irc.test.example", "irc.other.example");
        let mut bridge = Bridge::new(&format!("port = {}\n{settings}", daemon.tls));
        assert!(bridge.news(lost).await.contains("say it in `tls_name`"), "{name}");
    }
}

#[tokio::test]
async fn no_byte_of_a_long_message_is_lost_and_the_link_lives() {
    for (name, daemon) in daemons() {
        let ann = Person::connect(daemon.plain, "ann").await;
        ann.joins("#lounge").await;
        let settings = format!("port = {}\ninterval = 0.2\n{}", daemon.tls, daemon.tls_settings());
        let bridge = Bridge::joined(&settings).await;
        let words: Vec<String> = (0..200).map(|n| format!("{n}é👩‍👩‍👧")).collect();
        let say = event(Act::Say(Message::text(words.join(" "))));
        let able = bridge.network.capabilities(&bridge.room);
        let mut seen = Vec::new();
        for part in degrade::fit(&say, &able, |id| Some(id.clone())) {
            bridge.network.send(&bridge.room, &part).await.unwrap();
            let line = ann.sees(|line| line.contains("PRIVMSG #lounge :<Romeo> ")).await.expect("a line");
            assert!(line.len() <= 510, "{name}: {}", line.len());
            seen.push(line.split_once("<Romeo> ").unwrap().1.to_owned());
        }
        assert_eq!(seen.join(" "), words.join(" "), "{name}");
        let full = seen[..seen.len() - 1].iter().map(String::len).min().unwrap();
        assert!(full > 380, "{name}: the room of a line is used, not feared: {full}");
    }
}

#[tokio::test]
async fn roles_topics_kicks_and_absence_come_through() {
    for (name, daemon) in daemons() {
        let ann = Person::connect(daemon.plain, "ann").await;
        let bea = Person::connect(daemon.plain, "bea").await;
        ann.joins("#lounge").await;
        bea.joins("#lounge").await;
        ann.does("TOPIC #lounge :good \u{2}night\u{2}").await;
        let settings = format!("port = {}\n{}", daemon.tls, daemon.tls_settings());
        let mut bridge = Bridge::joined(&settings).await;
        let members = bridge
            .news(|news| if let Incoming::Members(all) = news { Some(all.clone()) } else { None })
            .await;
        let role = |nick: &str| members.iter().find(|m| *m.author.nick == *nick).map(|m| m.role);
        assert!(
            role("ann") >= Some(Role::Moderator) && role("bea") == Some(Role::Participant),
            "{name}: {members:?}"
        );
        let subject = |news: &Incoming| match news {
            Incoming::Did { event: Event { author, act: Act::Subject(subject), .. }, .. } => {
                Some((author.nick.to_string(), subject.clone()))
            }
            _ => None,
        };
        assert_eq!(bridge.news(subject).await, ("ann".into(), "good night".into()), "{name}");
        ann.does("MODE #lounge +v bea").await;
        let role = |news: &Incoming| if let Incoming::Role { role, .. } = news { Some(*role) } else { None };
        assert_eq!(bridge.news(role).await, Role::Voiced, "{name}");
        ann.does("MODE #lounge +h bea").await;
        assert_eq!(bridge.news(role).await, Role::Helper, "{name}");
        ann.does("MODE #lounge -t").await;
        ann.does("MODE #lounge +o rialto").await;
        bridge.network.send(&bridge.room, &event(Act::Subject("spring".into()))).await.unwrap();
        assert!(ann.sees(|line| line.ends_with("TOPIC #lounge :spring")).await.is_some(), "{name}");
        ann.does("KICK #lounge bea :enough").await;
        let kicked = |news: &Incoming| match news {
            Incoming::Kicked { author, by, reason } => {
                Some((author.to_string(), by.to_string(), reason.clone()))
            }
            _ => None,
        };
        assert_eq!(bridge.news(kicked).await, ("bea".into(), "ann".into(), Some("enough".into())), "{name}");
        ann.does("KICK #lounge rialto :you too").await;
        assert!(bridge.news(lost).await.contains("ann put us out: you too"), "{name}");
        bridge.news(|news| matches!(news, Incoming::Regained).then_some(())).await;
        if name == "inspircd" {
            continue; // its away-notify comes with the module ircv3, ngIRCd has none
        }
        assert!(
            ann.sees(|line| line.contains("JOIN") && line.starts_with(":rialto!")).await.is_some(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn inspircd_tells_who_is_away() {
    let Some(daemon) = Daemon::inspircd() else { return };
    let ann = Person::connect(daemon.plain, "ann").await;
    ann.joins("#lounge").await;
    ann.does("AWAY :at lunch").await;
    let settings = format!("port = {}\n{}", daemon.tls, daemon.tls_settings());
    let mut bridge = Bridge::joined(&settings).await;
    let away =
        |news: &Incoming| if let Incoming::Away { away, .. } = news { Some(away.clone()) } else { None };
    assert_eq!(bridge.news(away).await, Some(String::new()), "WHO tells that, not why");
    ann.does("AWAY :at dinner").await;
    assert_eq!(bridge.news(away).await, Some("at dinner".into()));
    ann.does("AWAY").await;
    assert_eq!(bridge.news(away).await, None);
}

#[tokio::test]
async fn a_taken_nick_and_closed_channels_are_handled() {
    for (name, daemon) in daemons() {
        let rialto = Person::connect(daemon.plain, "rialto").await;
        rialto.joins("#lounge").await;
        for (mode, word) in
            [("+k sesame", "key"), ("+l 1", "full"), ("+i", "invited"), ("+b *!*@*", "banned")]
        {
            rialto.does(&format!("MODE #lounge {mode}")).await;
            let bridge = Bridge::new(&format!("port = {}\n{}", daemon.tls, daemon.tls_settings()));
            let error = bridge.network.join(&bridge.room).await.unwrap_err().to_string();
            assert!(error.contains(word), "{name} {mode}: {error}");
            bridge.network.close().await.unwrap();
            let undo = ["-k sesame", "-l", "-i", "-b *!*@*"]
                .into_iter()
                .find(|undo| undo[1..2] == mode[1..2])
                .unwrap();
            rialto.does(&format!("MODE #lounge {undo}")).await;
        }
        rialto.does("MODE #lounge +k sesame").await;
        let keys = "keys = { '#lounge' = 'sesame' }";
        let _bridge =
            Bridge::joined(&format!("port = {}\n{}\n{keys}", daemon.tls, daemon.tls_settings())).await;
        assert!(
            rialto.any(|line| line.starts_with(":rialto_!") && line.contains("JOIN")).await.is_some(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_ban_of_our_address_is_for_the_operator() {
    let Some(daemon) = Daemon::inspircd() else { return };
    let cable = Proxy::to(daemon.tls, Some([127, 0, 0, 2].into())).await;
    let plain = Proxy::to(daemon.plain, Some([127, 0, 0, 2].into())).await;
    let mut bridge = Bridge::new(&format!("port = {}\ntls = false", plain.port()));
    assert!(bridge.news(refused).await.contains("an open proxy"));
    drop(cable);
}

#[tokio::test]
async fn a_real_netsplit_empties_no_room() {
    let Some(hub) = Daemon::inspircd() else { return };
    let Some(leaf) = hub.leaf() else { return };
    let ann = Person::connect(hub.plain, "ann").await;
    ann.joins("#lounge").await;
    let bea = linked(&ann, &leaf).await;
    let settings = format!("port = {}\n{}\nnetsplit_hold = 15", hub.tls, hub.tls_settings());
    let mut bridge = Bridge::joined(&settings).await;
    let members = |news: &Incoming| if let Incoming::Members(all) = news { Some(all.len()) } else { None };
    assert_eq!(bridge.news(members).await, 2);
    drop(leaf);
    assert!(ann.sees(|line| line.starts_with(":bea!") && line.contains("QUIT")).await.is_some());
    drop(bea);
    let Some(leaf) = hub.leaf() else { return };
    let _bea = linked(&ann, &leaf).await;
    ann.does("PRIVMSG #lounge :all here?").await;
    let words = |news: &Incoming| match news {
        Incoming::Left { .. } | Incoming::Entered(_) => panic!("{news:?}"),
        Incoming::Did { event: Event { act: Act::Say(message), .. }, .. } => {
            Some(message.text.plain().to_owned())
        }
        _ => None,
    };
    assert_eq!(bridge.news(words).await, "all here?");
    drop(leaf);
    let left = |news: &Incoming| match news {
        Incoming::Left { author, reason } => Some((author.to_string(), reason.clone())),
        _ => None,
    };
    assert_eq!(
        bridge.news(left).await,
        ("bea".into(), Some("netsplit".into())),
        "who stays away goes in the end"
    );
}

/// Bea on the leaf, in the lounge as soon as the servers are linked.
async fn linked(ann: &Person, leaf: &Daemon) -> Person {
    let bea = Person::connect(leaf.plain, "bea").await;
    bea.joins("#lounge").await;
    assert!(
        ann.sees(|line| line.starts_with(":bea!") && line.contains("JOIN")).await.is_some(),
        "{:?}",
        ann.last()
    );
    bea
}

#[tokio::test]
async fn inspircd_and_atheme_take_our_account() {
    let Some(daemon) = Daemon::inspircd() else { return };
    let Some(_services) = daemon.with_services() else { return };
    let ann = Person::connect(daemon.plain, "ann").await;
    let mut registered = false;
    for _ in 0..40 {
        ann.says("PRIVMSG NickServ :REGISTER ann hunter2 ann@test.example").await;
        tokio::time::sleep(Duration::from_millis(250)).await;
        registered |= ann.last().iter().any(|line| line.contains("NickServ") && line.contains("registered"));
        if registered {
            break;
        }
    }
    assert!(registered, "{:?}", ann.last());
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    let sasl = format!("sasl = {{ user = 'ann', password_file = '{}' }}", secret.display());
    let settings = format!("port = {}\n{}\n{sasl}", daemon.tls, daemon.tls_settings());
    std::fs::write(&secret, "hunter2").unwrap();
    let _bridge = Bridge::joined(&settings).await;
    ann.says("WHOIS rialto").await;
    assert!(ann.sees(|line| line.contains(" 330 ann rialto ann ")).await.is_some(), "{:?}", ann.last());

    let nickserv =
        format!("nickserv_account = 'ann'\nnickserv_password_file = '{}'\nnick = 'asking'", secret.display());
    let _bridge =
        Bridge::joined(&format!("port = {}\n{}\n{nickserv}", daemon.tls, daemon.tls_settings())).await;
    ann.says("WHOIS asking").await;
    assert!(ann.sees(|line| line.contains(" 330 ann asking ann ")).await.is_some(), "{:?}", ann.last());

    std::fs::write(&secret, "wrong").unwrap();
    let mut bridge = Bridge::new(&format!("{settings}\nnick = 'other'"));
    assert!(bridge.news(refused).await.contains("the account was refused"));

    std::fs::write(&secret, "hunter2").unwrap();
    drop(_services);
    let mut bridge = Bridge::new(&format!("{settings}\nnick = 'third'"));
    let text = bridge.news(lost).await;
    assert!(text.contains("does not offer SASL") || text.contains("refused"), "{text}");
    assert!(matches!(
        bridge.network.join(&bridge.room).await,
        Err(NetworkError::Down(_) | NetworkError::Unauthorized(_))
    ));
}
