//! What our people do is done on Discord.

use super::far::{Far, Open};
use crate::contract::FarSide;
use crate::model::{Act, Attachment, Event, Message, Reply, Span, Style, Text};
use crate::network::{Incoming, NetworkError, Sanction};
use rialto_fake_discord::{Fault, What};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

async fn venice() -> Far {
    let far = Far::new().await;
    far.enters("ann").await;
    far
}

/// How often this was asked for.
fn asked(far: &Far, operation: &str) -> usize {
    far.discord.requests().iter().filter(|request| request.operation == operation).count()
}

#[tokio::test]
async fn people_speak_under_their_own_names_and_call_only_whom_they_mean() {
    let far = venice().await;
    let open = Open::joined(&far, "avatar_base = 'https://pictures.test/a'").await;
    let ann = far.discord.user("ann").to_string();
    let mention = Span { range: 0..4, style: Style::Mention(ann.as_str().into()) };
    let text = Text::styled("@ann and @everyone, @here", vec![mention]);
    let mut author = crate::loopback::person("Romeo");
    author.avatar = Some("romeo.png".into());
    let event = Event { author, at: SystemTime::now(), act: Act::Say(Message::text(text)) };
    open.network.send(&open.room, &event).await.unwrap();
    let seen = far.discord.messages("general").remove(0);
    assert_eq!(
        (seen.author.as_str(), seen.avatar.as_deref()),
        ("Romeo", Some("https://pictures.test/a/romeo.png"))
    );
    assert_eq!(seen.pinged, ["ann"], "{}", seen.content);
    assert_eq!(far.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_said_is_edited_answered_and_taken_back() {
    let far = venice().await;
    let mut open = Open::joined(&far, "").await;
    let first = far.discord.say("ann", "general", "who is there?");
    let (to, _, _) = open.said().await;
    let reply = Reply { to: to.clone(), nick: "ann".into(), excerpt: "who is there?".into() };
    let answer = Message { reply: Some(reply), ..Message::text("I *am*") };
    let id = open.act("Romeo", Act::Say(answer)).await.unwrap().remove(0);
    let seen = far.discord.messages("general").remove(1);
    let (guild, channel) = (far.discord.guild(""), far.discord.channel("general"));
    let line = format!("-# ↪ [ann](https://discord.com/channels/{guild}/{channel}/{first}): who is there?\n");
    assert_eq!(seen.content, format!("{line}I \\*am\\*"));
    open.act("Romeo", Act::Edit { of: id.clone(), now: Message::text("nobody @everyone") }).await.unwrap();
    let seen = far.discord.messages("general").remove(1);
    assert!(seen.edited && seen.content.starts_with("nobody") && seen.pinged.is_empty(), "{seen:?}");
    open.act("Romeo", Act::Retract { of: id }).await.unwrap();
    assert_eq!(far.discord.messages("general").len(), 1);
    far.discord.say("ann", "general", "end");
    let told = open.until("end").await;
    assert!(!told.iter().any(|news| matches!(news, Incoming::Erased { .. })), "{told:?}");
    assert_eq!(far.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn what_people_there_said_is_deleted_only_where_the_operator_allows_it() {
    let far = venice().await;
    let mut open = Open::joined(&far, "").await;
    far.discord.say("ann", "general", "rude words");
    let (of, _, _) = open.said().await;
    let refused = open.act("Romeo", Act::Retract { of: of.clone() }).await.unwrap_err();
    assert!(matches!(&refused, NetworkError::Forbidden(text) if text.contains("delete = true")), "{refused}");
    let ann = far.discord.user("ann").to_string();
    let kick = Sanction::Kick { reason: Some("rude".into()) };
    assert!(open.network.sanction(&open.room, &ann, &kick).await.is_err());
    open.network.close().await.unwrap();
    let open = Open::joined(&far, "delete = true\nmoderate = true").await;
    open.act("Romeo", Act::Retract { of }).await.unwrap();
    assert_eq!(far.discord.messages("general").len(), 0);
}

#[tokio::test]
async fn the_bot_shows_what_at_least_one_of_ours_shows() {
    let far = venice().await;
    let mut open = Open::joined(&far, "").await;
    let id = far.discord.say("ann", "general", "tides");
    let (to, _, _) = open.said().await;
    let react =
        |emoji: &[&str]| Act::React { to: to.clone(), emoji: emoji.iter().map(|e| (*e).into()).collect() };
    open.act("Romeo", react(&["👍", "❤️"])).await.unwrap();
    open.act("Juliet", react(&["👍"])).await.unwrap();
    open.act("Romeo", react(&[])).await.unwrap();
    let shown = far.discord.message(id).unwrap().reactions;
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0].0, "👍");
    open.act("Juliet", react(&[])).await.unwrap();
    assert!(far.discord.message(id).unwrap().reactions.iter().all(|(_, who)| who.is_empty()));
    assert_eq!(far.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn one_webhook_is_made_adopted_and_made_again_when_it_was_deleted() {
    let far = venice().await;
    let open = Open::joined(&far, "").await;
    open.say("one").await;
    open.network.close().await.unwrap();
    let open = Open::joined(&far, "").await;
    open.say("two").await;
    assert_eq!(asked(&far, "create_webhook"), 1);
    assert_eq!(far.discord.drop_webhooks("general"), 1);
    open.say("three").await;
    open.say("four").await;
    assert_eq!(asked(&far, "create_webhook"), 2);
    let said: Vec<_> = far.discord.messages("general").into_iter().map(|seen| seen.content).collect();
    assert_eq!(said, ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn without_a_webhook_the_bot_speaks_and_says_who() {
    let far = venice().await;
    let mut open = Open::joined(&far, "webhooks = false").await;
    let first = far.discord.say("ann", "general", "well?");
    let (to, _, _) = open.said().await;
    let reply = Reply { to, nick: "ann".into(), excerpt: "well?".into() };
    let answer = Message { reply: Some(reply), ..Message::text("yes") };
    let id = open.act("Romeo", Act::Say(answer)).await.unwrap().remove(0);
    let seen = far.discord.messages("general").remove(1);
    assert_eq!((seen.content.as_str(), seen.reply_to), ("**Romeo**: yes", Some(first)));
    open.act("Romeo", Act::Edit { of: id.clone(), now: Message::text("no") }).await.unwrap();
    assert_eq!(far.discord.messages("general").remove(1).content, "**Romeo**: no");
    open.act("Romeo", Act::Retract { of: id }).await.unwrap();
    assert_eq!(far.discord.messages("general").len(), 1);
    assert_eq!(far.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_that_was_lost_doubles_nothing() {
    let far = venice().await;
    let mut open = Open::joined(&far, "").await;
    open.say("before").await;
    for what in [What::CutAfter, What::FailAfter(502)] {
        far.discord.fault(Fault::next("execute_webhook", what));
        open.say("once").await;
    }
    let said = far.discord.messages("general").into_iter().filter(|seen| seen.content == "once").count();
    assert_eq!(said, 2);
    // Nothing was done: whoever asks is told so.
    far.discord.fault(Fault::next("execute_webhook", What::CutBefore));
    let began = SystemTime::now();
    let event =
        Event { author: crate::loopback::person("Romeo"), at: began, act: Act::Say(Message::text("never")) };
    let lost = open.network.send(&open.room, &event).await.unwrap_err();
    assert!(matches!(lost, NetworkError::Unsure(_)), "{lost:?}");
    assert_eq!(open.network.sent(&open.room, &event, began).await, Ok(Vec::new()));
    far.discord.say("ann", "general", "end");
    let told = open.until("end").await;
    assert_eq!(told.iter().filter(|news| matches!(news, Incoming::Did { .. })).count(), 1, "{told:?}");
}

#[tokio::test]
async fn an_event_that_comes_before_its_answer_is_not_fed_back() {
    let far = venice().await;
    let mut open = Open::joined(&far, "").await;
    open.say("before").await;
    far.discord.fault(Fault::next("execute_webhook", What::SlowAfter(Duration::from_millis(300))));
    open.say("early").await;
    far.discord.say("ann", "general", "end");
    let told = open.until("end").await;
    assert_eq!(told.iter().filter(|news| matches!(news, Incoming::Did { .. })).count(), 1, "{told:?}");
}

#[tokio::test]
async fn discords_limits_are_obeyed_and_long_waits_are_given_back() {
    let far = venice().await;
    let open = Open::joined(&far, "patience = 1").await;
    open.say("before").await;
    let limited = |retry_after, headers| What::RateLimited { retry_after, headers, global: false };
    far.discord.fault(Fault::next("execute_webhook", limited(0.3, true)));
    let began = tokio::time::Instant::now();
    open.say("after a while").await;
    assert!(began.elapsed() >= Duration::from_millis(300));
    far.discord.fault(Fault::next("execute_webhook", limited(30.0, true)));
    let slow = open.act("Romeo", Act::Say(Message::text("later"))).await.unwrap_err();
    assert!(matches!(slow, NetworkError::Slow(wait) if wait > Duration::from_secs(5)), "{slow:?}");
    assert_eq!(far.discord.messages("general").len(), 2);
}

#[tokio::test]
async fn files_go_along_where_their_host_is_trusted_and_as_addresses_else() {
    let far = venice().await;
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ours = format!("http://{}/", server.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut socket, _)) = server.accept().await {
            let _ = socket.read(&mut [0; 2_000]).await;
            let _ = socket
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfile")
                .await;
        }
    });
    let open = Open::joined(&far, &format!("upload_from = ['{ours}']")).await;
    let file = |name: &str, url: String| Attachment {
        name: name.into(),
        media_type: "text/plain".into(),
        size: Some(4),
        url,
        description: Some("what it shows".into()),
    };
    let attachments = vec![
        file("a.txt", format!("{ours}a.txt")),
        file("b.txt", format!("{ours}b.txt")),
        file("c", "https://else.test/c".into()),
    ];
    let said = Message { attachments, ..Message::text("look") };
    open.act("Romeo", Act::Say(said)).await.unwrap();
    let seen = far.discord.messages("general").remove(0);
    assert_eq!(seen.content, "look\nhttps://else.test/c");
    let names: Vec<_> = seen.attachments.iter().map(|(name, _, size)| (name.as_str(), *size)).collect();
    assert_eq!(names, [("a.txt", 4), ("b.txt", 4)]);
    assert_eq!(far.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn of_many_topics_the_newest_counts_and_none_comes_back() {
    let far = venice().await;
    let mut open = Open::joined(&far, "").await;
    for number in 0..10 {
        open.act("Romeo", Act::Subject(format!("topic {number}"))).await.unwrap();
    }
    let done = far.discord.wait_until(Duration::from_secs(5), |state| {
        state.channels.values().any(|channel| channel.topic.as_deref() == Some("topic 9"))
    });
    assert!(done.await);
    assert!(asked(&far, "update_channel") <= 2);
    far.discord.say("ann", "general", "end");
    let told = open.until("end").await;
    let subjects = told
        .iter()
        .filter(|news| matches!(news, Incoming::Did { event, .. } if matches!(event.act, Act::Subject(_))));
    assert_eq!(subjects.count(), 0, "{told:?}");
}

#[tokio::test]
async fn writing_is_shown_once_in_eight_seconds() {
    let far = venice().await;
    let open = Open::joined(&far, "").await;
    for _ in 0..5 {
        open.act("Romeo", Act::Typing(true)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(asked(&far, "trigger_typing_indicator"), 1);
}

#[tokio::test]
async fn a_thread_of_ours_is_no_thread_there_but_one_of_theirs_is() {
    let far = venice().await;
    let open = Open::joined(&far, "").await;
    let threaded = |name: &str, words: &str| {
        let thread: Option<Arc<str>> = Some(name.into());
        Act::Say(Message { thread, ..Message::text(words) })
    };
    open.act("Romeo", threaded("0b1c-uuid", "here")).await.unwrap();
    assert_eq!(far.discord.messages("general").len(), 1);
    let thread = far.discord.thread("ann", "general", "tides", None);
    let shown = far.discord.wait_until(Duration::from_secs(5), |_| true);
    assert!(shown.await);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let id = open.act("Romeo", threaded(&thread.to_string(), "there")).await.unwrap().remove(0);
    far.discord.set_channel(&thread.to_string(), &json!({ "archived": true }));
    open.act("Romeo", Act::Edit { of: id, now: Message::text("there still") }).await.unwrap();
    let seen = far.discord.messages(&thread.to_string());
    assert_eq!(seen.last().unwrap().content, "there still");
    assert_eq!(far.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn what_nobody_waited_for_is_found_once_and_by_nobody_else() {
    let far = venice().await;
    let open = Open::joined(&far, "").await;
    open.say("the same").await;
    far.discord.fault(Fault::next("execute_webhook", What::SlowBefore(Duration::from_millis(300))));
    let event = Event {
        author: crate::loopback::person("Romeo"),
        at: SystemTime::now(),
        act: Act::Say(Message::text("the same")),
    };
    let send = open.network.send(&open.room, &event);
    assert!(tokio::time::timeout(Duration::from_millis(100), send).await.is_err());
    tokio::time::sleep(Duration::from_millis(600)).await;
    let found = open.network.sent(&open.room, &event, event.at).await.unwrap();
    let second = far.discord.messages("general").remove(1).id;
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [second.to_string()]);
    assert_eq!(open.network.sent(&open.room, &event, event.at).await, Ok(Vec::new()));
}
