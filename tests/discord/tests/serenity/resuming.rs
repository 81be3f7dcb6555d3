//! Connections that end, and what is heard after.

use rialto_fake_discord::Refuse;
use serenity::all::{Event, GatewayError};

use super::client::{Serenity, discord, wanted};

#[tokio::test]
async fn what_was_said_while_a_connection_was_away_comes_after_a_resume() {
    let discord = discord().await;
    let mut client = Serenity::login(&discord, wanted()).await;
    let breaks: [fn(&mut rialto_fake_discord::State); 4] = [
        |state| state.ask_to_reconnect(),
        |state| state.close_all(4000),
        |state| state.cut_all(),
        |state| state.invalidate(true),
    ];
    for (round, act) in breaks.into_iter().enumerate() {
        discord.with(act);
        discord.say("alice", "general", &format!("while away {round}"));
        assert_eq!(client.hears_message().await, format!("while away {round}"));
        client.hears(|event| matches!(event, Event::Resumed(_))).await;
    }
    assert_eq!(discord.with(|state| (state.gateway.identified, state.gateway.resumed)), (1, 4));
    assert_eq!(discord.violations(), [""; 0]);
}

#[tokio::test]
async fn a_resume_may_repeat_what_was_heard() {
    let discord = discord().await;
    let mut client = Serenity::login(&discord, wanted()).await;
    discord.say("alice", "general", "once");
    assert_eq!(client.hears_message().await, "once");
    discord.with(|state| state.gateway.overlap = 1);
    discord.with(|state| state.cut_all());
    assert_eq!(client.hears_message().await, "once");
}

#[tokio::test]
async fn a_session_that_is_gone_begins_anew_and_what_was_said_is_not_heard() {
    let discord = discord().await;
    let mut client = Serenity::login(&discord, wanted()).await;
    discord.with(|state| state.invalidate(false));
    discord.say("alice", "general", "lost");
    client.hears(|event| matches!(event, Event::Ready(_))).await;
    discord.say("alice", "general", "heard");
    assert_eq!(client.hears_message().await, "heard");
    assert_eq!(discord.with(|state| state.gateway.identified), 2);
}

#[tokio::test]
async fn a_revoked_token_ends_it() {
    let discord = discord().await;
    let client = Serenity::login(&discord, wanted()).await;
    discord.with(|state| state.revoke_token());
    let ended = client.ends().await;
    let refused = matches!(ended, Err(serenity::Error::Gateway(GatewayError::InvalidAuthentication)));
    assert!(refused, "{ended:?}");
}

#[tokio::test]
async fn a_silent_connection_is_given_up() {
    let discord = discord().await;
    discord.with(|state| state.gateway.heartbeat = 1000);
    let mut client = Serenity::login(&discord, wanted()).await;
    discord.with(|state| state.zombify());
    discord.say("alice", "general", "into the void");
    client.hears(|event| matches!(event, Event::Ready(_) | Event::Resumed(_))).await;
}

#[tokio::test]
async fn a_refused_resume_identifies() {
    let discord = discord().await;
    let mut client = Serenity::login(&discord, wanted()).await;
    discord.with(|state| state.refuse_next(Refuse::Invalid(false)));
    discord.with(|state| state.cut_all());
    client.hears(|event| matches!(event, Event::Ready(_))).await;
}

#[tokio::test]
async fn an_outage_is_no_removal() {
    let discord = discord().await;
    let mut client = Serenity::login(&discord, wanted()).await;
    discord.set_unavailable(true);
    let Event::GuildDelete(event) = client.hears(|event| matches!(event, Event::GuildDelete(_))).await else {
        panic!()
    };
    assert!(event.guild.unavailable);
    discord.set_unavailable(false);
    client.hears(|event| matches!(event, Event::GuildCreate(_))).await;
}
