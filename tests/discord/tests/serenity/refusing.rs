//! What Discord refuses, and with which code.

use rialto_fake_discord::{Discord, Setup, permissions};
use serde_json::{Value, json};

use super::asking::{Asking, hook};
use super::client::discord;

async fn world() -> (Discord, Asking) {
    let world = json!({"guild": {
        "name": "g",
        "channels": ["general", {"name": "secret"}, {"name": "forum", "kind": "forum"}, {"name": "top", "kind": "category"}],
        "members": ["alice"], "emoji": ["blob"], "stickers": ["wave"],
    }});
    let discord = Discord::start(Setup::of(world)).await.expect("a port");
    let asking = Asking::new(&discord);
    (discord, asking)
}

#[tokio::test]
async fn what_is_not_there_is_unknown() {
    let (discord, mut asking) = world().await;
    let general = discord.channel("general");
    for (path, status, code) in [
        ("/channels/1".to_owned(), 404, 10003),
        (format!("/channels/{general}/messages/1"), 404, 10008),
        ("/guilds/1".into(), 404, 10004),
        (format!("/guilds/{}/members/1", discord.guild("")), 404, 10013),
        ("/webhooks/1".into(), 404, 10015),
        ("/channels/x".into(), 400, 50035),
        ("/nowhere".into(), 404, 0),
    ] {
        let (got, body) = asking.get(&path).await;
        assert_eq!((got, &body["code"]), (status, &json!(code)), "{path} {body}");
    }
    asking.token = "Bot wrong".into();
    assert_eq!(asking.get("/users/@me").await, (401, json!({"message": "401: Unauthorized", "code": 0})));
    assert_eq!(discord.invalid_requests(), 1);
}

#[tokio::test]
async fn permissions_are_asked() {
    let (discord, asking) = world().await;
    let (general, secret) = (discord.channel("general"), discord.channel("secret"));
    let deny = |bits: u64| {
        move |state: &mut rialto_fake_discord::State| state.overwrite("secret", "bridge", Some((0, bits)))
    };
    discord.with(deny(permissions::VIEW_CHANNEL)).expect("done");
    let say = format!("/channels/{secret}/messages");
    assert_eq!(asking.post(&say, &json!({"content": "x"})).await.1["code"], 50001);
    discord.with(deny(permissions::SEND_MESSAGES)).expect("done");
    assert_eq!(asking.post(&say, &json!({"content": "x"})).await.1["code"], 50013);
    discord.with(deny(permissions::MANAGE_WEBHOOKS)).expect("done");
    assert_eq!(asking.get(&format!("/channels/{secret}/webhooks")).await.1["code"], 50013);
    let said = discord.say("alice", "general", "mine");
    let path = format!("/channels/{general}/messages/{said}");
    assert_eq!(asking.ask("PATCH", &path, Some(&json!({"content": "x"}))).await.1["code"], 50005);
    discord.with(|state| state.set_role_permissions("", "bridge", permissions::EVERYONE)).expect("done");
    assert_eq!(asking.ask("DELETE", &path, None).await.1["code"], 50013);
    let alice = format!("/guilds/{}/members/{}", discord.guild(""), discord.user("alice"));
    assert_eq!(asking.ask("DELETE", &alice, None).await.1["code"], 50013);
}

#[tokio::test]
async fn what_is_said_has_bounds() {
    let (discord, asking) = world().await;
    let say = format!("/channels/{}/messages", discord.channel("general"));
    let code = |answer: &(u16, Value)| answer.1["code"].clone();
    assert_eq!(code(&asking.post(&say, &json!({"content": " \n "})).await), 50006);
    assert_eq!(asking.post(&say, &json!({"content": "ä".repeat(2000)})).await.0, 200);
    let long = asking.post(&say, &json!({"content": "x".repeat(2001)})).await;
    assert_eq!(long.1["errors"]["content"]["_errors"][0]["code"], "BASE_TYPE_MAX_LENGTH");
    let both = json!({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}});
    assert_eq!(code(&asking.post(&say, &both).await), 50035);
    let lost = json!({"content": "x", "message_reference": {"message_id": "1"}});
    assert_eq!(code(&asking.post(&say, &lost).await), 50035);
    let top = format!("/channels/{}/messages", discord.channel("top"));
    assert_eq!(code(&asking.post(&top, &json!({"content": "x"})).await), 50024);
    let before = discord.violations().len();
    assert_eq!(asking.post(&say, &json!({"content": "x", "colour": "red"})).await.0, 200);
    assert_eq!(discord.violations().len(), before + 1);
}

#[tokio::test]
async fn the_same_nonce_says_it_once() {
    let (discord, asking) = world().await;
    let say = format!("/channels/{}/messages", discord.channel("general"));
    let body = json!({"content": "x", "nonce": "abc", "enforce_nonce": true});
    let (first, second) = (asking.post(&say, &body).await, asking.post(&say, &body).await);
    assert_eq!(first.1["id"], second.1["id"]);
    assert_eq!(first.1["nonce"], "abc");
    assert_eq!(discord.messages("general").len(), 1);
    assert!(asking.get(&say).await.1[0].get("nonce").is_none());
}

#[tokio::test]
async fn emoji_and_webhooks_have_a_number() {
    let (discord, asking) = world().await;
    let general = discord.channel("general");
    let said = discord.say("alice", "general", "hm");
    let react = |emoji: String| format!("/channels/{general}/messages/{said}/reactions/{emoji}/@me");
    for at in 0..20u32 {
        let emoji = char::from_u32(0x1f600 + at).expect("an emoji").to_string();
        assert_eq!(asking.ask("PUT", &react(emoji), None).await.0, 204);
    }
    assert_eq!(asking.ask("PUT", &react("🎉".into()), None).await.1["code"], 30010);
    assert_eq!(asking.ask("PUT", &react("nothing".into()), None).await.1["code"], 10014);
    for _ in 0..15 {
        hook(&asking, &discord).await;
    }
    let path = format!("/channels/{general}/webhooks");
    assert_eq!(asking.post(&path, &json!({"name": "x"})).await.1["code"], 30007);
    assert_eq!(discord.violations(), [""; 0]);
}

#[tokio::test]
async fn webhooks_have_their_own_refusals() {
    let (discord, asking) = world().await;
    let path = hook(&asking, &discord).await;
    let (id, _) = path.rsplit_once('/').expect("a token");
    assert_eq!(asking.post(&format!("{id}/wrong"), &json!({"content": "x"})).await.1["code"], 50027);
    assert_eq!(asking.post(&path, &json!({"content": ""})).await.1["code"], 50006);
    assert_eq!(
        asking.post(&path, &json!({"content": "x", "username": "x".repeat(81)})).await.1["code"],
        50035
    );
    assert_eq!(asking.post(&path, &json!({"content": "x", "thread_name": "t"})).await.1["code"], 220_003);
    let said = discord.say("alice", "general", "not yours");
    assert_eq!(asking.get(&format!("{path}/messages/{said}")).await.1["code"], 10008);
    let thread = discord.thread("alice", "general", "aside", Some(said));
    assert_eq!(asking.post(&format!("{path}?thread_id={thread}"), &json!({"content": "x"})).await.0, 204);
    discord.set_channel("aside", &json!({"archived": true, "locked": true}));
    assert_eq!(
        asking.post(&format!("{path}?thread_id={thread}"), &json!({"content": "x"})).await.1["code"],
        50083
    );
    let forum = json!({"name": "posts"});
    let made = asking.post(&format!("/channels/{}/webhooks", discord.channel("forum")), &forum).await.1;
    let posts =
        format!("/webhooks/{}/{}", made["id"].as_str().expect("id"), made["token"].as_str().expect("token"));
    assert_eq!(asking.post(&posts, &json!({"content": "x"})).await.1["code"], 220_001);
    let post =
        asking.post(&format!("{posts}?wait=true"), &json!({"content": "x", "thread_name": "News"})).await;
    assert_eq!((post.0, &post.1["id"]), (200, &post.1["channel_id"]));
}

#[tokio::test]
async fn a_file_has_an_address_that_ends() {
    let discord = discord().await;
    let file = rialto_fake_discord::File { name: "a.txt".into(), bytes: b"text".to_vec() };
    let said = discord.upload("alice", "general", "", &[file]);
    let url = discord.message(said).expect("there").attachments[0].1.clone();
    let status = |url: String| async move { reqwest::get(url).await.expect("answered").status().as_u16() };
    assert_eq!(status(url.clone()).await, 200);
    assert_eq!(status(url.replace("&hm=", "&hm=0")).await, 404);
    discord.with(|state| state.skew = 25 * 3600 * 1000);
    assert_eq!(status(url).await, 404);
}
