//! The requests that we make, by serenity's routes.

use super::{Asked, Failure, Hook, Rest, Upload, odd, read};
use crate::discord::snowflake::{Id, Place};
use crate::discord::wire;
use serde_json::Value;
use serenity::http::{LightMethod, Route};
use serenity::model::id::{ChannelId, GuildId, MessageId, UserId, WebhookId};

impl Rest {
    /// Where the gateway is.
    pub async fn gateway(&self) -> Result<String, Failure> {
        let answer: Value = self.get(Route::Gateway, Vec::new()).await?;
        answer.get("url").and_then(Value::as_str).map(str::to_owned).ok_or_else(|| odd("no url"))
    }

    /// Our application: its id and what its switches are.
    pub async fn application(&self) -> Result<Value, Failure> {
        let asked = Asked { path: Some("/applications/@me"), ..Asked::default() };
        read(self.ask(Route::Oauth2ApplicationCurrent, LightMethod::Get, asked).await?).await
    }

    /// The guilds that we are in.
    pub async fn guilds(&self) -> Result<Vec<wire::Guild>, Failure> {
        self.get(Route::UserMeGuilds, Vec::new()).await
    }

    /// A guild with its roles.
    pub async fn guild(&self, guild: Id) -> Result<wire::Guild, Failure> {
        self.get(Route::Guild { guild_id: GuildId::from(guild.number()) }, Vec::new()).await
    }

    /// A guild's channels, without its threads.
    pub async fn channels(&self, guild: Id) -> Result<Vec<wire::Channel>, Failure> {
        self.get(Route::GuildChannels { guild_id: GuildId::from(guild.number()) }, Vec::new()).await
    }

    /// A guild's threads that are not archived.
    pub async fn threads(&self, guild: Id) -> Result<Vec<wire::Channel>, Failure> {
        #[derive(serde::Deserialize)]
        struct Threads {
            threads: Vec<wire::Channel>,
        }
        let route = Route::GuildThreadsActive { guild_id: GuildId::from(guild.number()) };
        self.get::<Threads>(route, Vec::new()).await.map(|all| all.threads)
    }

    /// A channel or a thread.
    pub async fn channel(&self, channel: Id) -> Result<wire::Channel, Failure> {
        self.get(Route::Channel { channel_id: at(channel) }, Vec::new()).await
    }

    /// Messages of a channel, newest first: those after one, or the last ones.
    pub async fn messages(
        &self,
        channel: Id,
        after: Option<Id>,
        limit: usize,
    ) -> Result<Vec<wire::Message>, Failure> {
        let mut params = vec![("limit", limit.to_string())];
        params.extend(after.map(|after| ("after", after.to_string())));
        self.get(Route::ChannelMessages { channel_id: at(channel) }, params).await
    }

    /// One message.
    pub async fn message(&self, place: Place) -> Result<wire::Message, Failure> {
        self.get(message(place), Vec::new()).await
    }

    /// Who reacted to a message in this way; no more than a hundred.
    pub async fn reactors(&self, place: Place, emoji: &str) -> Result<Vec<wire::User>, Failure> {
        let (channel_id, message_id) = ids(place);
        let route = Route::ChannelMessageReactionEmoji { channel_id, message_id, reaction: emoji };
        self.get(route, vec![("limit", "100".into())]).await
    }

    /// A channel's webhooks.
    pub async fn webhooks(&self, channel: Id) -> Result<Vec<wire::Webhook>, Failure> {
        self.get(Route::ChannelWebhooks { channel_id: at(channel) }, Vec::new()).await
    }

    /// Makes a webhook.
    pub async fn create_webhook(&self, channel: Id, name: &str) -> Result<wire::Webhook, Failure> {
        let route = Route::ChannelWebhooks { channel_id: at(channel) };
        read(self.ask(route, LightMethod::Post, Asked::json(&serde_json::json!({ "name": name }))).await?)
            .await
    }

    /// Speaks by a webhook, in a thread where one is said.
    pub async fn execute(
        &self,
        hook: &Hook,
        thread: Option<Id>,
        body: &Value,
        files: &[Upload],
    ) -> Result<wire::Message, Failure> {
        let route = Route::WebhookWithToken { webhook_id: hook_id(hook), token: &hook.token };
        let mut asked = Asked { files, ..Asked::json(body) };
        asked.params = vec![("wait", "true".into())];
        asked.params.extend(thread.map(|thread| ("thread_id", thread.to_string())));
        read(self.ask(route, LightMethod::Post, asked).await?).await
    }

    /// Changes what was said by a webhook.
    pub async fn edit_hooked(
        &self,
        hook: &Hook,
        thread: Option<Id>,
        of: Id,
        body: &Value,
    ) -> Result<(), Failure> {
        let asked = Asked { params: in_thread(thread), ..Asked::json(body) };
        self.ask(hooked(hook, of), LightMethod::Patch, asked).await.map(drop)
    }

    /// Takes back what was said by a webhook.
    pub async fn delete_hooked(&self, hook: &Hook, thread: Option<Id>, of: Id) -> Result<(), Failure> {
        let asked = Asked { params: in_thread(thread), ..Asked::default() };
        self.ask(hooked(hook, of), LightMethod::Delete, asked).await.map(drop)
    }

    /// Speaks as the bot.
    pub async fn say(&self, channel: Id, body: &Value, files: &[Upload]) -> Result<wire::Message, Failure> {
        let route = Route::ChannelMessages { channel_id: at(channel) };
        read(self.ask(route, LightMethod::Post, Asked { files, ..Asked::json(body) }).await?).await
    }

    /// Changes what the bot said.
    pub async fn edit(&self, place: Place, body: &Value) -> Result<(), Failure> {
        self.ask(message(place), LightMethod::Patch, Asked::json(body)).await.map(drop)
    }

    /// Deletes a message as the bot.
    pub async fn delete(&self, place: Place) -> Result<(), Failure> {
        self.ask(message(place), LightMethod::Delete, Asked::default()).await.map(drop)
    }

    /// Reacts as the bot, or takes that back.
    pub async fn react(&self, place: Place, emoji: &str, on: bool) -> Result<(), Failure> {
        let (channel_id, message_id) = ids(place);
        let route = Route::ChannelMessageReactionMe { channel_id, message_id, reaction: emoji };
        let method = if on { LightMethod::Put } else { LightMethod::Delete };
        self.ask(route, method, Asked::default()).await.map(drop)
    }

    /// Shows that somebody writes.
    pub async fn typing(&self, channel: Id) -> Result<(), Failure> {
        let route = Route::ChannelTyping { channel_id: at(channel) };
        self.ask(route, LightMethod::Post, Asked::default()).await.map(drop)
    }

    /// Changes a channel: its topic, or whether a thread is archived.
    pub async fn change(&self, channel: Id, body: &Value) -> Result<(), Failure> {
        let route = Route::Channel { channel_id: at(channel) };
        self.ask(route, LightMethod::Patch, Asked::json(body)).await.map(drop)
    }

    /// Puts somebody out of the guild.
    pub async fn kick(&self, guild: Id, user: Id, reason: Option<&str>) -> Result<(), Failure> {
        let route = Route::GuildMember { guild_id: guild.number().into(), user_id: user.number().into() };
        self.ask(route, LightMethod::Delete, Asked { reason, ..Asked::default() }).await.map(drop)
    }

    /// Puts somebody out of the guild for good, or lets him come back.
    pub async fn ban(&self, guild: Id, user: Id, on: bool, reason: Option<&str>) -> Result<(), Failure> {
        let (guild_id, user_id) = (GuildId::from(guild.number()), UserId::from(user.number()));
        let route = Route::GuildBan { guild_id, user_id };
        let empty = serde_json::json!({});
        let (method, asked) = if on {
            (LightMethod::Put, Asked::json(&empty))
        } else {
            (LightMethod::Delete, Asked::default())
        };
        self.ask(route, method, Asked { reason, ..asked }).await.map(drop)
    }
}

fn at(channel: Id) -> ChannelId {
    channel.number().into()
}

fn ids(place: Place) -> (ChannelId, MessageId) {
    (at(place.channel), place.message.number().into())
}

fn message(place: Place) -> Route<'static> {
    let (channel_id, message_id) = ids(place);
    Route::ChannelMessage { channel_id, message_id }
}

fn hook_id(hook: &Hook) -> WebhookId {
    hook.id.number().into()
}

fn hooked(hook: &Hook, of: Id) -> Route<'_> {
    Route::WebhookMessage { webhook_id: hook_id(hook), token: &hook.token, message_id: of.number().into() }
}

fn in_thread(thread: Option<Id>) -> Vec<(&'static str, String)> {
    thread.map(|thread| ("thread_id", thread.to_string())).into_iter().collect()
}
