//! What goes wrong: connections, sessions, tokens, switches, restarts. Nothing is lost, nothing is told twice.

use super::far::{Far, Open};
use crate::contract::FarSide;
use crate::model::Act;
use crate::network::{Incoming, Opening, RemoteId};
use rialto_fake_discord::{Discord, Refuse, Setup};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;

async fn venice() -> Far {
    let far = Far::new().await;
    far.enters("ann").await;
    far
}

fn lost(news: &Incoming) -> Option<()> {
    matches!(news, Incoming::Lost(_)).then_some(())
}

fn refused(news: &Incoming) -> Option<String> {
    if let Incoming::Refused(text) = news { Some(text.clone()) } else { None }
}

/// All words among the news.
fn words(told: &[Incoming]) -> Vec<String> {
    let said = told.iter().filter_map(|news| match news {
        Incoming::Did { event, .. } => match &event.act {
            Act::Say(message) => Some(message.text.plain().to_owned()),
            _ => None,
        },
        _ => None,
    });
    said.collect()
}

/// The marks of a run, as the house would keep them.
fn marks(told: &[Incoming]) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for news in told {
        if let Incoming::Mark { key, value: Some(value) } = news {
            assert!(value.len() <= crate::network::MARK);
            kept.insert(key.clone(), value.clone());
        }
    }
    kept
}

async fn drained(mut open: Open) -> Vec<Incoming> {
    open.network.close().await.unwrap();
    let mut all = Vec::new();
    while let Ok(Some(fed)) = tokio::time::timeout(Duration::from_millis(100), open.fed.recv()).await {
        all.push(fed.what);
    }
    all
}

#[tokio::test]
async fn a_new_connection_that_discord_asks_for_loses_nothing_and_nobody_notices() {
    let far = venice().await;
    let mut open = Open::joined(&far, "").await;
    far.discord.say("ann", "general", "one");
    open.said().await;
    far.discord.with(|state| state.ask_to_reconnect());
    far.discord.say("ann", "general", "two");
    far.discord.with(|state| state.cut_all());
    far.discord.say("ann", "general", "three");
    let told = open.until("three").await;
    assert_eq!(words(&told), ["two", "three"]);
    assert!(!told.iter().any(|news| lost(news).is_some()), "{told:?}");
    assert_eq!(far.discord.with(|state| state.gateway.identified), 1);
}

#[tokio::test]
async fn a_session_that_is_over_is_caught_up_with_edits_and_deletions() {
    let far = venice().await;
    let mut open = Open::joined(&far, "").await;
    let ids: Vec<u64> = (0..3).map(|n| far.discord.say("ann", "general", &format!("old {n}"))).collect();
    for _ in &ids {
        open.said().await;
    }
    far.shut();
    open.news(lost).await;
    far.discord.with(|state| state.forget_sessions());
    for number in 0..150 {
        far.discord.say("ann", "general", &format!("missed {number}"));
    }
    far.discord.edit("ann", ids[1], "old, but edited");
    far.discord.delete("ann", ids[2]);
    far.reopen();
    let told = open.until("missed 149").await;
    assert_eq!(words(&told), (0..150).map(|n| format!("missed {n}")).collect::<Vec<_>>());
    let edited = |news: &Incoming| match news {
        Incoming::Did { event, .. } => match &event.act {
            Act::Edit { of, now } => Some((of.to_string(), now.text.plain().to_owned())),
            _ => None,
        },
        _ => None,
    };
    let erased = |news: &Incoming| match news {
        Incoming::Erased { of, .. } => Some(of.iter().map(ToString::to_string).collect::<Vec<_>>()),
        _ => None,
    };
    // They are far back by now: 150 messages came since. What lies within the last hundred is compared.
    far.discord.say("ann", "general", "end");
    let told = open.until("end").await;
    assert_eq!((told.iter().filter_map(edited).count(), told.iter().filter_map(erased).count()), (0, 0));
    // Again, with fewer.
    let recent = far.discord.say("ann", "general", "soon edited");
    let doomed = far.discord.say("ann", "general", "soon gone");
    open.until("soon gone").await;
    far.shut();
    open.news(lost).await;
    far.discord.with(|state| state.forget_sessions());
    far.discord.edit("ann", recent, "edited");
    far.discord.delete("ann", doomed);
    far.reopen();
    assert_eq!(open.news(erased).await, [doomed.to_string()]);
    assert_eq!(open.news(edited).await, (recent.to_string(), "edited".into()));
}

#[tokio::test]
async fn a_restart_goes_on_where_the_last_run_ended() {
    let far = venice().await;
    let mut open = Open::joined(&far, "").await;
    far.discord.say("ann", "general", "one");
    open.said().await;
    let kept = marks(&drained(open).await);
    assert!(kept.contains_key("session"), "{kept:?}");
    let late = far.discord.say("ann", "general", "two");
    far.discord.react("ann", late, "👍");
    let mut open = Open::begin(&far, "", kept);
    open.network.join(&open.room).await.unwrap();
    far.discord.say("ann", "general", "three");
    let told = open.until("three").await;
    assert_eq!(words(&told), ["two", "three"]);
    let listed = told.iter().filter(|news| matches!(news, Incoming::Members(all) if all.len() == 1)).count();
    assert_eq!(listed, 1, "{told:?}");
    let (resumed, identified) = far.discord.with(|state| (state.gateway.resumed, state.gateway.identified));
    assert_eq!((resumed, identified), (1, 1));
    assert_eq!(far.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_restart_whose_session_is_gone_reads_what_was_missed() {
    let far = venice().await;
    let mut open = Open::joined(&far, "").await;
    let known = far.discord.say("ann", "general", "one");
    open.said().await;
    let kept = marks(&drained(open).await);
    far.discord.with(|state| state.forget_sessions());
    far.discord.say("ann", "general", "two");
    far.discord.delete("ann", known);
    let mut open = Open::begin(&far, "", kept);
    open.network.join(&open.room).await.unwrap();
    let erased = |news: &Incoming| match news {
        Incoming::Erased { of, .. } => Some(of[0].to_string()),
        _ => None,
    };
    let (_, event, message) = open.said().await;
    assert_eq!(message.text.plain(), "two");
    assert!(event.at.elapsed().is_ok());
    assert_eq!(open.news(erased).await, known.to_string());
}

#[tokio::test]
async fn a_connection_that_is_dead_is_noticed_and_resumed() {
    let far = Far::of(json!({ "heartbeat": 200, "guild": {
        "name": "Venice", "channels": ["general"], "members": ["ann"] } }))
    .await;
    let mut open = Open::joined(&far, "").await;
    far.discord.with(|state| state.zombify());
    far.discord.say("ann", "general", "into the void");
    let (_, _, message) = open.said().await;
    assert_eq!(message.text.plain(), "into the void");
    assert_eq!(far.discord.with(|state| state.gateway.identified), 1);
}

#[tokio::test]
async fn an_outage_of_the_guild_removes_nobody() {
    let far = venice().await;
    let mut open = Open::joined(&far, "").await;
    far.discord.set_unavailable(true);
    open.news(lost).await;
    far.discord.set_unavailable(false);
    let listed = |news: &Incoming| match news {
        Incoming::Members(all) => Some(all.len()),
        Incoming::Left { .. } => panic!("somebody was removed"),
        _ => None,
    };
    assert_eq!(open.news(listed).await, 1);
    open.news(|news| matches!(news, Incoming::Regained).then_some(())).await;
}

#[tokio::test]
async fn a_wrong_token_and_missing_switches_are_told_with_what_to_do() {
    let far = venice().await;
    far.discord.with(|state| state.refuse_next(Refuse::Close(4004)));
    let mut open = Open::begin(&far, "", BTreeMap::new());
    assert!(open.news(refused).await.contains("Reset Token"));
    let far = Far::of(json!({ "privileged": { "content": false }, "guild": {
        "name": "Venice", "channels": ["general"], "members": ["ann"] } }))
    .await;
    let mut open = Open::begin(&far, "", BTreeMap::new());
    let told = open.news(refused).await;
    assert!(told.contains("switch on \"Message Content Intent\";"), "{told}");
}

#[tokio::test]
async fn a_bot_that_nobody_has_invited_says_how_it_is_invited() {
    let far = Far::of(json!({ "guild": { "name": "Genoa", "channels": ["general"], "members": [] } })).await;
    let mut open = Open::begin(&far, "guild = '77'", BTreeMap::new());
    let told = open.news(refused).await;
    assert!(told.contains("https://discord.com/oauth2/authorize?client_id="), "{told}");
}

#[tokio::test]
async fn a_server_of_ones_own_is_reached_by_tls_with_its_own_authority() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let world = json!({ "guild": { "name": "Venice", "channels": ["general"], "members": ["ann"] } });
    let discord = Discord::start(Setup::of(world).tls(&chain, &key)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), discord.token()).unwrap();
    std::fs::write(folder.path().join("ca.pem"), &chain).unwrap();
    let open = |ca: &str| {
        let settings =
            format!("token_file = 'token'\napi_url = '{}'\nbackoff_min = 0.1\n{ca}", discord.api_url());
        let opening = Opening {
            name: "own".into(),
            settings: settings.parse().unwrap(),
            folder: folder.path().into(),
            ..Opening::default()
        };
        let (feed, fed) = mpsc::channel(64);
        let room = RemoteId::from(discord.channel("general").to_string());
        Open { network: crate::discord::open(opening, feed).unwrap(), fed, room }
    };
    // A stranger's certificate is not believed.
    let mut stranger = open("");
    stranger.news(lost).await;
    assert!(discord.requests().is_empty());
    let mut open = open("ca_file = 'ca.pem'");
    open.network.join(&open.room).await.unwrap();
    open.say("hello").await;
    discord.say("ann", "general", "and good night");
    let (_, _, message) = open.said().await;
    assert_eq!(message.text.plain(), "and good night");
    assert_eq!(discord.messages("general").len(), 2);
    assert_eq!(discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn many_lines_arrive_in_order_under_discords_limits() {
    let far = Far::of(json!({ "limits": 20, "guild": {
        "name": "Venice", "channels": ["general"], "members": ["ann"] } }))
    .await;
    let open = Open::joined(&far, "").await;
    for number in 0..60 {
        open.say(&format!("line {number}")).await;
    }
    let said: Vec<_> = far.discord.messages("general").into_iter().map(|seen| seen.content).collect();
    assert_eq!(said, (0..60).map(|number| format!("line {number}")).collect::<Vec<_>>());
    assert!(far.discord.invalid_requests() <= 6, "{}", far.discord.invalid_requests());
    assert_eq!(far.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_guild_that_is_not_there_by_its_name_is_told_after_a_while() {
    let far = venice().await;
    let mut open = Open::begin(&far, "guild = 'Genoa'", BTreeMap::new());
    let told = open.news(refused).await;
    assert!(told.contains("\"Genoa\""), "{told}");
    assert!(open.network.join(&open.room).await.is_err());
}

#[tokio::test]
async fn a_channels_name_means_the_same_while_discord_is_away() {
    let far = venice().await;
    let open = Open::joined(&far, "").await;
    assert_eq!(open.network.resolve("#general").await.as_ref(), Ok(&open.room));
    let kept = marks(&drained(open).await);
    far.shut();
    let open = Open::begin(&far, "", kept);
    assert_eq!(open.network.resolve("general").await.as_ref(), Ok(&open.room));
    let other = open.network.resolve("other").await;
    assert!(matches!(other, Err(crate::NetworkError::Down(_) | crate::NetworkError::Unsure(_))), "{other:?}");
}
