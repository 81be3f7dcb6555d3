//! What people on Discord do is told.

use super::far::{Far, Open};
use crate::model::{Act, Event, Style};
use crate::network::{Incoming, NetworkError};
use rialto_fake_discord::{File, Words};
use serde_json::json;

fn world(more: serde_json::Value) -> serde_json::Value {
    let mut guild = json!({ "name": "Venice", "channels": ["general", {"name": "forum", "kind": "forum"}],
        "members": ["ann", "bea"], "stickers": ["gondola"] });
    for (key, value) in more.as_object().unwrap() {
        guild[key] = value.clone();
    }
    json!({ "guild": guild })
}

fn did(news: &Incoming) -> Option<Event<crate::RemoteId>> {
    if let Incoming::Did { event, .. } = news { Some(event.clone()) } else { None }
}

fn reactions(news: &Incoming) -> Option<(String, Vec<String>)> {
    match did(news)?.act {
        Act::React { emoji, .. } => Some((did(news)?.author.nick.to_string(), emoji)),
        _ => None,
    }
}

fn edits(news: &Incoming) -> Option<(String, String)> {
    match did(news)?.act {
        Act::Edit { of, now } => Some((of.to_string(), now.text.plain().to_owned())),
        _ => None,
    }
}

#[tokio::test]
async fn words_come_with_their_styles_their_mentions_and_what_they_answer() {
    let far = Far::of(world(json!({}))).await;
    let mut open = Open::joined(&far, "").await;
    let bea = far.discord.user("bea");
    let first = far.discord.say("ann", "general", &format!("**good** night <@{bea}>"));
    let (id, event, message) = open.said().await;
    assert_eq!((id.as_str(), &*event.author.nick), (first.to_string().as_str(), "ann"));
    assert_eq!(message.text.plain(), "good night @bea");
    let spans = message.text.spans();
    assert!(spans.iter().any(|span| span.style == Style::Bold && span.range == (0..4)));
    assert!(spans.iter().any(|span| matches!(&span.style, Style::Mention(who) if **who == *bea.to_string())));
    far.discord.reply("bea", first, "sleep well");
    let (_, _, message) = open.said().await;
    let reply = message.reply.unwrap();
    assert_eq!((reply.to, &*reply.nick, reply.excerpt.as_str()), (id, "ann", "good night @bea"));
}

#[tokio::test]
async fn edits_are_told_once_and_previews_are_none() {
    let far = Far::of(world(json!({}))).await;
    let mut open = Open::joined(&far, "").await;
    let id = far.discord.say("ann", "general", "see https://example.org");
    open.said().await;
    far.discord.unfurl(id, json!({ "type": "link", "title": "Example", "url": "https://example.org" }));
    far.discord.edit("ann", id, "see nothing");
    assert_eq!(open.news(edits).await, (id.to_string(), "see nothing".into()));
    far.discord.unfurl(id, json!({ "type": "link", "title": "Example", "url": "https://example.org" }));
    far.discord.say("ann", "general", "end");
    assert!(!open.until("end").await.iter().any(|news| edits(news).is_some()));
}

#[tokio::test]
async fn deletions_are_told_of_one_and_of_many() {
    let far = Far::of(world(json!({}))).await;
    let mut open = Open::joined(&far, "").await;
    let ids: Vec<u64> = (0..3).map(|n| far.discord.say("ann", "general", &format!("word {n}"))).collect();
    far.discord.delete("ann", ids[0]);
    far.discord.bulk_delete("general", &ids[1..]);
    let erased = |news: &Incoming| match news {
        Incoming::Erased { of, by: None, .. } => Some(of.iter().map(ToString::to_string).collect::<Vec<_>>()),
        _ => None,
    };
    assert_eq!(open.news(erased).await, [ids[0].to_string()]);
    let mut many = open.news(erased).await;
    many.sort();
    assert_eq!(many, [ids[1].to_string(), ids[2].to_string()]);
}

#[tokio::test]
async fn reactions_are_told_as_all_that_a_person_now_shows() {
    let far = Far::of(world(json!({}))).await;
    let mut open = Open::joined(&far, "").await;
    let id = far.discord.say("ann", "general", "tides");
    far.discord.react("ann", id, "👍");
    assert_eq!(open.news(reactions).await, ("ann".into(), vec!["👍".into()]));
    far.discord.react("ann", id, "🎉");
    assert_eq!(open.news(reactions).await, ("ann".into(), vec!["👍".into(), "🎉".into()]));
    far.discord.react("bea", id, "🎉");
    open.news(reactions).await;
    far.discord.unreact("ann", id, "👍");
    assert_eq!(open.news(reactions).await, ("ann".into(), vec!["🎉".into()]));
    far.discord.clear_reactions(id, Some("🎉"));
    let mut gone = vec![open.news(reactions).await, open.news(reactions).await];
    gone.sort();
    assert_eq!(gone, [("ann".into(), vec![]), ("bea".into(), Vec::<String>::new())]);
}

#[tokio::test]
async fn a_reaction_to_a_message_from_before_us_is_told_with_what_was_there() {
    let far = Far::of(world(json!({}))).await;
    let id = far.discord.say("ann", "general", "long ago");
    far.discord.react("ann", id, "👍");
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let mut open = Open::joined(&far, "").await;
    far.discord.react("ann", id, "🎉");
    let (who, mut emoji) = open.news(reactions).await;
    emoji.sort();
    assert_eq!((who.as_str(), emoji), ("ann", vec!["🎉".to_owned(), "👍".to_owned()]));
}

#[tokio::test]
async fn threads_and_posts_are_told_in_their_room_with_their_thread() {
    let far = Far::of(world(json!({}))).await;
    let mut open = Open::joined(&far, "").await;
    let first = far.discord.say("ann", "general", "a thought");
    let thread = far.discord.thread("bea", "general", "thoughts", Some(first));
    far.discord.say("bea", &thread.to_string(), "another");
    let told = open.until("another").await;
    let Some(Incoming::Did { id, event }) = told.last() else { panic!("{told:?}") };
    let Act::Say(message) = &event.act else { panic!("{event:?}") };
    assert_eq!(message.thread.as_deref(), Some(thread.to_string().as_str()));
    assert!(id.as_ref().unwrap().as_str().ends_with(&format!("@{thread}")));
    let begun = told.iter().filter_map(did).any(|event| {
        matches!(&event.act, Act::Say(said) if said.action && said.text.plain() == "started a thread: thoughts")
    });
    assert!(begun, "{told:?}");
    open.room = far.discord.channel("forum").to_string().into();
    open.network.join(&open.room).await.unwrap();
    let post = far.discord.post("ann", "forum", "Bridges", "how many?");
    let (_, _, message) = open.said().await;
    assert_eq!(message.text.plain(), "Bridges\nhow many?");
    assert_eq!(message.thread.as_deref(), Some(post.to_string().as_str()));
    // Answered in the thread, and as a post of its own.
    let answer = Act::Say(crate::Message { thread: message.thread, ..crate::Message::text("four hundred") });
    open.act("Romeo", answer).await.unwrap();
    let seen = far.discord.messages(&post.to_string());
    assert_eq!(seen.last().unwrap().content, "four hundred");
    open.say("Another question").await;
    assert_eq!(far.discord.messages("Another question").len(), 1);
    assert_eq!(far.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn files_stickers_polls_and_forwarded_words_can_be_read() {
    let far = Far::of(world(json!({}))).await;
    let mut open = Open::joined(&far, "").await;
    let file = |name: &str| File { name: name.into(), bytes: b"not a picture".to_vec() };
    let id = far.discord.upload("ann", "general", "look", &[file("a.png"), file("b.txt")]);
    let (_, _, message) = open.said().await;
    let names: Vec<_> = message.attachments.iter().map(|file| file.name.as_str()).collect();
    assert_eq!((message.text.plain(), names), ("look", vec!["a.png", "b.txt"]));
    let url = message.attachments[1].url.clone();
    let fetched = open.network.fetch(&url, 1_000).await.unwrap();
    assert_eq!(fetched.bytes, b"not a picture");
    assert_eq!(open.network.fetch(&url, 5).await, Err(NetworkError::TooLarge));
    far.discord.sticker("ann", "general", "gondola");
    let (_, _, message) = open.said().await;
    assert_eq!(message.attachments[0].description.as_deref(), Some("Sticker: gondola"));
    far.discord.forward("bea", "general", id);
    let (_, _, message) = open.said().await;
    assert_eq!((message.text.plain(), message.attachments.len()), ("↪ Forwarded:\nlook", 2));
    let poll = json!({ "question": { "text": "Spritz?" }, "answers": [
        { "answer_id": 1, "poll_media": { "text": "Yes" } }, { "answer_id": 2, "poll_media": { "text": "No" } }],
        "allow_multiselect": false, "layout_type": 1, "expiry": null });
    far.discord.say_words("ann", "general", Words { poll: Some(poll), ..Words::default() });
    let (_, _, message) = open.said().await;
    assert_eq!(message.text.plain(), "📊 Spritz?\n• Yes\n• No");
}

#[tokio::test]
async fn who_is_banned_is_told_to_be_put_out_and_roles_are_hats() {
    let far = Far::of(world(json!({ "roles": [{"name": "Rowers", "color": 255, "position": 3}] }))).await;
    let mut open = Open::joined(&far, "").await;
    far.discord.set_role("ann", "Rowers", true);
    let hats = |news: &Incoming| match news {
        Incoming::Changed(member) => Some(member.hats.clone()),
        _ => None,
    };
    let hats = open.news(hats).await;
    assert_eq!((hats[0].title.as_str(), hats[0].hue), ("Rowers", Some(240)));
    far.discord.ban("bea", 0);
    let bea = far.discord.user("bea").to_string();
    let kicked = |news: &Incoming| match news {
        Incoming::Kicked { author, .. } => Some(author.to_string()),
        _ => None,
    };
    assert_eq!(open.news(kicked).await, bea);
}

#[tokio::test]
async fn a_channel_that_is_hidden_says_so_and_its_topic_is_told() {
    let far = Far::of(world(json!({}))).await;
    let mut open = Open::joined(&far, "").await;
    let about = |news: &Incoming| match news {
        Incoming::About(about) => Some(about.clone()),
        _ => None,
    };
    assert!(!open.news(about).await.hidden);
    far.discord.set_channel("general", &json!({ "hidden": true, "topic": "acqua alta", "slow": 5 }));
    let now = open.news(about).await;
    assert!(now.hidden && now.slow.is_some(), "{now:?}");
    let subject = |news: &Incoming| match did(news)?.act {
        Act::Subject(subject) => Some(subject),
        _ => None,
    };
    assert_eq!(open.news(subject).await, "acqua alta");
}

#[tokio::test]
async fn another_bridge_is_many_people_and_writing_is_shown() {
    let far = Far::of(world(json!({}))).await;
    let mut open = Open::joined(&far, "").await;
    far.discord.with(|state| {
        state.make_webhook("ann", "general", "matter").unwrap();
        state.webhook_says("matter", "Rosa", "from afar").unwrap();
        state.webhook_says("matter", "Nino", "me too").unwrap();
    });
    let ((_, rosa, _), (_, nino, _)) = (open.said().await, open.said().await);
    assert_eq!((&*rosa.author.nick, &*nino.author.nick), ("Rosa", "Nino"));
    assert_ne!(rosa.author.id, nino.author.id);
    far.discord.type_in("ann", "general");
    let typing = |news: &Incoming| match did(news)?.act {
        Act::Typing(on) => Some(on),
        _ => None,
    };
    assert!(open.news(typing).await);
}
