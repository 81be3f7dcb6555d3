//! Faults on purpose, as a client meets them.

use std::time::{Duration, Instant};

use rialto_fake_discord::{Discord, Fault, What};
use serde_json::{Value, json};
use serenity::all::Event;

use super::asking::{Asking, hook};
use super::client::{Serenity, discord, wanted};

async fn asking() -> (Discord, Asking, String) {
    let discord = discord().await;
    let asking = Asking::new(&discord);
    let hook = hook(&asking, &discord).await;
    (discord, asking, hook)
}

#[tokio::test]
async fn an_answer_may_be_lost_though_the_message_is_there() {
    let (discord, asking, hook) = asking().await;
    let mut client = Serenity::login(&discord, wanted()).await;
    discord.fault(Fault::next("execute_webhook", What::CutAfter));
    assert_eq!(asking.try_post(&format!("{hook}?wait=true"), &json!({"content": "once"})).await, None);
    assert_eq!(client.hears_message().await, "once");
    discord.fault(Fault::next("execute_webhook", What::FailAfter(502)));
    assert_eq!(asking.post(&hook, &json!({"content": "twice"})).await.0, 502);
    assert_eq!(client.hears_message().await, "twice");
    discord.fault(Fault::next("execute_webhook", What::CutBefore));
    assert_eq!(asking.try_post(&hook, &json!({"content": "never"})).await, None);
    discord.fault(Fault::next("execute_webhook", What::FailBefore(500)));
    assert_eq!(asking.post(&hook, &json!({"content": "never"})).await.0, 500);
    let said: Vec<_> = discord.messages("general").into_iter().map(|it| it.content).collect();
    assert_eq!(said, ["once", "twice"]);
}

#[tokio::test]
async fn an_event_may_come_before_its_answer_and_after_it() {
    let (discord, asking, hook) = asking().await;
    let mut client = Serenity::login(&discord, wanted()).await;
    discord.fault(Fault::next("execute_webhook", What::SlowAfter(Duration::from_secs(2))));
    let url = format!("{hook}?wait=true");
    let body = json!({"content": "early"});
    let (answered, heard) = tokio::join!(
        async {
            asking.post(&url, &body).await;
            Instant::now()
        },
        async {
            client.hears_message().await;
            Instant::now()
        }
    );
    assert!(answered > heard + Duration::from_secs(1));
    discord.with(|state| state.gateway.delay = 1000);
    asking.post(&url, &json!({"content": "late"})).await;
    let answered = Instant::now();
    client.hears_message().await;
    assert!(answered.elapsed() > Duration::from_millis(500));
}

#[tokio::test]
async fn a_limit_may_come_with_headers_or_without() {
    let (discord, asking, hook) = asking().await;
    for headers in [true, false] {
        discord.fault(
            Fault::next("*", What::RateLimited { retry_after: 0.25, headers, global: headers }).after(1),
        );
        assert_eq!(asking.post(&hook, &json!({"content": "x"})).await.0, 204);
        let answer = asking.send("POST", &hook, Some(&json!({"content": "x"}))).await.expect("answered");
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers().contains_key("retry-after"), headers);
        assert_eq!(answer.headers().contains_key("x-ratelimit-global"), headers);
        let body: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
        assert_eq!((&body["retry_after"], &body["global"]), (&json!(0.25), &json!(headers)));
    }
    assert_eq!(discord.invalid_requests(), 2);
}

#[tokio::test]
async fn the_clock_may_be_wrong() {
    let (discord, asking, _) = asking().await;
    discord.with(|state| state.skew = -3_600_000);
    let answer = asking.send("GET", "/users/@me", None).await.expect("answered");
    let date = answer.headers()["date"].to_str().expect("text").to_owned();
    let now = reqwest::get(discord.url()).await.expect("answered");
    assert_ne!(date[..22], now.headers()["date"].to_str().expect("text")[..22]);
}

#[tokio::test]
async fn an_outage_is_no_404() {
    let (discord, asking, hook) = asking().await;
    let general = discord.channel("general");
    discord.set_unavailable(true);
    assert_eq!(asking.get(&format!("/channels/{general}")).await.0, 503);
    discord.set_unavailable(false);
    assert_eq!(asking.get(&format!("/channels/{general}")).await.0, 200);
    discord.drop_webhooks("general");
    assert_eq!(asking.post(&hook, &json!({"content": "x"})).await.1["code"], 10015);
}

#[tokio::test]
async fn a_guild_that_comes_back_is_told_whole() {
    let discord = discord().await;
    let mut client = Serenity::login(&discord, wanted()).await;
    client.hears(|event| matches!(event, Event::GuildCreate(_))).await;
    discord.set_unavailable(true);
    discord.set_unavailable(false);
    let Event::GuildCreate(event) = client.hears(|event| matches!(event, Event::GuildCreate(_))).await else {
        panic!()
    };
    assert_eq!((event.guild.members.len(), event.guild.channels.len()), (1, 2));
}
