//! Webhooks: made, listed, deleted, and spoken through (resources/webhook.mdx).

use serde_json::{Value, json};

use super::refusals::{
    FORUM_NEEDS_THREAD, MANY_WEBHOOKS, ONE_THREAD, ONLY_FORUMS, Refusal, UNKNOWN_CHANNEL, UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK, WRONG_TYPE, field,
};
use super::{Call, Reply, nothing, ok};
use crate::gateway::Place;
use crate::state::channel::{FORUM, NEWS, TEXT, VOICE};
use crate::state::message::{Message, Persona};
use crate::state::permissions::MANAGE_WEBHOOKS;
use crate::state::speech::Speaker;
use crate::state::{Id, State, Webhook, hash, token};

/// Webhooks of one channel.
const WEBHOOKS: usize = 15;
/// No name may hold these.
const FORBIDDEN: [&str; 2] = ["clyde", "discord"];

impl State {
    /// Operations on webhooks.
    pub fn about_webhooks(&mut self, call: &Call) -> Option<Reply> {
        Some(match call.operation {
            "list_channel_webhooks" => self.channel_webhooks(call),
            "get_guild_webhooks" => self.guild_webhooks(call),
            "create_webhook" => self.create_webhook(call),
            "get_webhook" => {
                self.managed(call).map_or_else(Err, |hook| ok(self.webhook_json(hook, true, true)))
            }
            "get_webhook_by_token" => {
                self.by_token(call).map_or_else(Err, |hook| ok(self.webhook_json(hook, true, false)))
            }
            "update_webhook" => {
                self.managed(call).map(|hook| hook.id).and_then(|id| self.update_webhook(call, id, true))
            }
            "update_webhook_by_token" => {
                self.by_token(call).map(|hook| hook.id).and_then(|id| self.update_webhook(call, id, false))
            }
            "delete_webhook" => self.managed(call).map(|hook| hook.id).and_then(|id| self.delete_webhook(id)),
            "delete_webhook_by_token" => {
                self.by_token(call).map(|hook| hook.id).and_then(|id| self.delete_webhook(id))
            }
            "execute_webhook" => self.execute(call),
            "get_webhook_message" => {
                self.own_message(call).map_or_else(Err, |(_, it)| ok(self.message_json(it)))
            }
            "update_webhook_message" => self.update_own(call),
            "delete_webhook_message" => self.delete_own(call),
            _ => return None,
        })
    }

    /// A webhook; its token only where the application made it or may manage it, its maker only for a bot.
    pub fn webhook_json(&self, hook: &Webhook, with_token: bool, with_user: bool) -> Value {
        let mut json = json!({
            "id": hook.id.to_string(), "type": 1, "name": hook.name, "avatar": hook.avatar,
            "channel_id": hook.channel.to_string(), "guild_id": hook.guild.to_string(),
            "application_id": hook.application.map(|id| id.to_string()),
        });
        // The token of another application's webhook is nobody's business.
        if with_token && hook.application.is_none_or(|id| id == self.bot.user) {
            json["token"] = json!(hook.token);
            json["url"] = json!(format!("{}/api/webhooks/{}/{}", self.origin, hook.id, hook.token));
        }
        if with_user && let Some(maker) = self.users.get(&hook.maker) {
            json["user"] = maker.json();
        }
        json
    }

    fn channel_webhooks(&self, call: &Call) -> Reply {
        let channel = self.may(call.id("channel_id")?, MANAGE_WEBHOOKS)?;
        ok(self.webhooks_in(channel.id).map(|hook| self.webhook_json(hook, true, true)).collect())
    }

    fn guild_webhooks(&self, call: &Call) -> Reply {
        let guild = self.may_in(call.id("guild_id")?, MANAGE_WEBHOOKS)?.id;
        let all = self.webhooks.values().filter(|hook| hook.guild == guild);
        ok(all.map(|hook| self.webhook_json(hook, true, true)).collect())
    }

    fn create_webhook(&mut self, call: &Call) -> Reply {
        let channel = self.may(call.id("channel_id")?, MANAGE_WEBHOOKS)?;
        if ![TEXT, NEWS, VOICE, FORUM].contains(&channel.kind) {
            return Err(WRONG_TYPE);
        }
        let channel = channel.id;
        let name = call.body["name"].as_str().unwrap_or_default().trim().to_owned();
        good_name("name", &name)?;
        if self.webhooks_in(channel).count() >= WEBHOOKS {
            return Err(MANY_WEBHOOKS);
        }
        let avatar = call.body["avatar"].as_str().map(hash);
        let id = self.new_webhook(channel, &name, avatar, self.bot.user);
        self.webhooks.get(&id).map_or(Err(UNKNOWN_WEBHOOK), |hook| ok(self.webhook_json(hook, true, true)))
    }

    /// Makes a webhook; the bot's own carry its application.
    pub fn new_webhook(&mut self, channel: Id, name: &str, avatar: Option<String>, maker: Id) -> Id {
        let id = self.id();
        let guild = self.guild_of(channel).unwrap_or_default();
        let application = self.users.get(&maker).filter(|maker| maker.bot).map(|maker| maker.id);
        let name = name.to_owned();
        self.webhooks
            .insert(id, Webhook { id, channel, guild, name, avatar, token: token(), maker, application });
        self.webhooks_changed(channel);
        id
    }

    /// The gateway says where, not what.
    pub fn webhooks_changed(&mut self, channel: Id) {
        let event = self.of_channel(channel, json!({}));
        self.tell("WEBHOOKS_UPDATE", event, Place::Channel(channel));
    }

    fn managed(&self, call: &Call) -> Result<&Webhook, Refusal> {
        let hook = self.webhooks.get(&call.id("webhook_id")?).ok_or(UNKNOWN_WEBHOOK)?;
        self.may(hook.channel, MANAGE_WEBHOOKS)?;
        Ok(hook)
    }

    /// The token was looked at before.
    fn by_token(&self, call: &Call) -> Result<&Webhook, Refusal> {
        self.webhooks.get(&call.id("webhook_id")?).ok_or(UNKNOWN_WEBHOOK)
    }

    fn update_webhook(&mut self, call: &Call, id: Id, with_user: bool) -> Reply {
        let moves =
            call.body["channel_id"].as_str().filter(|_| with_user).and_then(|id| id.parse::<Id>().ok());
        if let Some(channel) = moves {
            self.may(channel, MANAGE_WEBHOOKS)?;
        }
        if let Some(name) = call.body["name"].as_str() {
            good_name("name", name.trim())?;
        }
        let hook = self.webhooks.get_mut(&id).ok_or(UNKNOWN_WEBHOOK)?;
        let from = hook.channel;
        if let Some(name) = call.body["name"].as_str() {
            hook.name = name.trim().to_owned();
        }
        if let Some(avatar) = call.body.get("avatar") {
            hook.avatar = avatar.as_str().map(hash);
        }
        hook.channel = moves.unwrap_or(from);
        let hook = hook.clone();
        self.webhooks_changed(from);
        if hook.channel != from {
            self.webhooks_changed(hook.channel);
        }
        ok(self.webhook_json(&hook, true, with_user))
    }

    fn delete_webhook(&mut self, id: Id) -> Reply {
        if let Some(hook) = self.webhooks.remove(&id) {
            self.webhooks_changed(hook.channel);
        }
        nothing()
    }

    /// The channel or thread that a webhook may speak in, by `thread_id`.
    fn target(&self, hook: &Webhook, thread: Option<Id>) -> Result<Id, Refusal> {
        let Some(thread) = thread else { return Ok(hook.channel) };
        let there =
            self.channels.get(&thread).filter(|it| it.thread.is_some() && it.parent == Some(hook.channel));
        there.map(|it| it.id).ok_or(UNKNOWN_CHANNEL)
    }

    fn execute(&mut self, call: &Call) -> Reply {
        let hook = self.by_token(call)?.clone();
        let kind = self.channels.get(&hook.channel).map(|it| it.kind).ok_or(UNKNOWN_CHANNEL)?;
        let thread = call.asked_id("thread_id");
        let name = call.body["thread_name"].as_str().filter(|name| !name.is_empty());
        match (kind == FORUM, thread, name) {
            (true, None, None) => return Err(FORUM_NEEDS_THREAD),
            (_, Some(_), Some(_)) => return Err(ONE_THREAD),
            (false, None, Some(_)) => return Err(ONLY_FORUMS),
            _ => {}
        }
        let persona = persona(&hook, &call.body)?;
        let target = self.target(&hook, thread)?;
        self.open_thread(target)?;
        let words = self.compose(call, &call.body, target)?;
        let speaker = Speaker::Webhook(Box::new(hook.clone()), persona);
        let (channel, id) = if let Some(name) = name {
            let id = self.id();
            self.new_thread(id, hook.channel, name, hook.id);
            self.speak_as(id, id, speaker, words);
            (id, id)
        } else {
            (target, self.speak(target, speaker, words))
        };
        if call.asked("wait") != Some("true") {
            return nothing();
        }
        self.message(channel, id).map_or(Err(UNKNOWN_MESSAGE), |message| ok(self.message_json(message)))
    }

    /// A message this webhook said, in its channel or in the thread that is named.
    fn own_message(&self, call: &Call) -> Result<(&Webhook, &Message), Refusal> {
        let hook = self.by_token(call)?;
        let channel = self.target(hook, call.asked_id("thread_id"))?;
        let message = self.message(channel, call.id("message_id")?).ok_or(UNKNOWN_MESSAGE)?;
        if message.webhook == Some(hook.id) { Ok((hook, message)) } else { Err(UNKNOWN_MESSAGE) }
    }

    fn update_own(&mut self, call: &Call) -> Reply {
        let (hook, message) = self.own_message(call)?;
        let (hook, message) = (hook.clone(), message.clone());
        let Some(persona) = message.persona.clone() else { return Err(UNKNOWN_MESSAGE) };
        self.open_thread(message.channel)?;
        let changed = self.recompose(call, &message, &Speaker::Webhook(Box::new(hook), persona))?;
        let (channel, id) = (changed.channel, changed.id);
        self.replace(changed);
        self.message(channel, id).map_or(Err(UNKNOWN_MESSAGE), |message| ok(self.message_json(message)))
    }

    fn delete_own(&mut self, call: &Call) -> Reply {
        let (_, message) = self.own_message(call)?;
        let (channel, id) = (message.channel, message.id);
        self.open_thread(channel)?;
        self.take_away(channel, id);
        nothing()
    }
}

/// The name and picture a message brings, or the webhook's own.
fn persona(hook: &Webhook, body: &Value) -> Result<Persona, Refusal> {
    let brought = body["username"].as_str().map(str::trim);
    if let Some(name) = brought {
        good_name("username", name)?;
    }
    let avatar_url = body["avatar_url"].as_str().map(ToOwned::to_owned);
    let scheme = |url: &String| url.starts_with("http://") || url.starts_with("https://");
    if avatar_url.as_ref().is_some_and(|url| !scheme(url)) {
        let says = "Scheme must be one of ('http', 'https').";
        return Err(field("avatar_url", "URL_TYPE_INVALID_SCHEME", says));
    }
    let avatar = avatar_url.as_deref().map(hash).or_else(|| hook.avatar.clone());
    Ok(Persona { name: brought.unwrap_or(&hook.name).to_owned(), avatar, avatar_url })
}

/// 1 to 80 characters without `clyde` and `discord`, and not `everyone` or `here` (resources/user.mdx).
fn good_name(key: &str, name: &str) -> Result<(), Refusal> {
    let length = name.chars().count();
    if !(1..=80).contains(&length) {
        return Err(field(key, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 80 in length."));
    }
    let lower = name.to_lowercase();
    if let Some(word) = FORBIDDEN.iter().find(|word| lower.contains(*word)) {
        let code =
            if key == "name" { "WEBHOOK_USERNAME_INVALID_CONTAINS" } else { "USERNAME_INVALID_CONTAINS" };
        return Err(field(key, code, &format!("Username cannot contain \"{word}\"")));
    }
    if ["everyone", "here"].contains(&lower.as_str()) {
        return Err(field(key, "USERNAME_INVALID", &format!("Username cannot be \"{lower}\"")));
    }
    Ok(())
}
