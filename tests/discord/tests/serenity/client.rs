//! A serenity client that notes what it hears.

use std::sync::Arc;
use std::time::Duration;

use rialto_fake_discord::{Discord, Setup};
use serenity::all::{
    ChannelId, Client, Event, EventHandler, GatewayIntents, GuildId, Http, HttpBuilder, RawEventHandler,
};
use serenity::async_trait;
use serenity::client::ClientBuilder;
use serenity::client::Context;
use serenity::gateway::{ChunkGuildFilter, ShardManager};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How long anything may take here.
pub const SOON: Duration = Duration::from_secs(20);

struct Ears(mpsc::UnboundedSender<Event>);

#[async_trait]
impl RawEventHandler for Ears {
    async fn raw_event(&self, _: Context, event: Event) {
        let _ = self.0.send(event);
    }
}

struct Nothing;

#[async_trait]
impl EventHandler for Nothing {}

/// A running client.
pub struct Serenity {
    pub heard: mpsc::UnboundedReceiver<Event>,
    shards: Arc<ShardManager>,
    running: JoinHandle<Result<(), serenity::Error>>,
}

impl Drop for Serenity {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// REST at the fake, without serenity's limiter, which would go to discord.com.
pub fn http(discord: &Discord) -> Http {
    HttpBuilder::new(discord.token()).proxy(discord.url()).ratelimiter_disabled(true).build()
}

impl Serenity {
    /// Logs in and waits for READY.
    pub async fn login(discord: &Discord, intents: GatewayIntents) -> Serenity {
        let mut client = Serenity::start(discord, intents).await;
        client.hears(|event| matches!(event, Event::Ready(_))).await;
        client
    }

    /// Starts, whatever comes of it.
    pub async fn start(discord: &Discord, intents: GatewayIntents) -> Serenity {
        let _ = tracing_subscriber::fmt().with_test_writer().with_env_filter("warn").try_init();
        let (says, heard) = mpsc::unbounded_channel();
        let builder = ClientBuilder::new_with_http(http(discord), intents);
        let mut client: Client =
            builder.raw_event_handler(Ears(says)).event_handler(Nothing).await.expect("a client");
        let shards = client.shard_manager.clone();
        let running = tokio::spawn(async move { client.start().await });
        Serenity { heard, shards, running }
    }

    /// The next event that is so.
    pub async fn hears(&mut self, is: impl Fn(&Event) -> bool) -> Event {
        let all = async {
            loop {
                let event = self.heard.recv().await.expect("the client runs");
                if is(&event) {
                    return event;
                }
            }
        };
        tokio::time::timeout(SOON, all).await.expect("nothing of that kind was heard")
    }

    /// The next message's text.
    pub async fn hears_message(&mut self) -> String {
        match self.hears(|event| matches!(event, Event::MessageCreate(_))).await {
            Event::MessageCreate(event) => event.message.content,
            other => panic!("{other:?}"),
        }
    }

    /// Op 8.
    pub async fn ask_for_members(&self, discord: &Discord) {
        let runners = self.shards.runners.lock().await;
        let runner = runners.values().next().expect("a shard");
        runner.runner_tx.chunk_guild(guild(discord), None, false, ChunkGuildFilter::None, Some("n".into()));
    }

    /// How it ended.
    pub async fn ends(mut self) -> Result<(), serenity::Error> {
        let ended = tokio::time::timeout(SOON, &mut self.running).await;
        ended.expect("it did not end").expect("it did not panic")
    }
}

/// What a bridge asks for.
pub fn wanted() -> GatewayIntents {
    GatewayIntents::non_privileged() | GatewayIntents::MESSAGE_CONTENT | GatewayIntents::GUILD_MEMBERS
}

pub async fn discord() -> Discord {
    Discord::start(Setup::default()).await.expect("a port")
}

pub fn channel(discord: &Discord, name: &str) -> ChannelId {
    ChannelId::new(discord.channel(name))
}

pub fn guild(discord: &Discord) -> GuildId {
    GuildId::new(discord.guild(""))
}
