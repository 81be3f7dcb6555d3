//! Channels: one of them, changed, deleted (resources/channel.mdx).

use serde_json::Value;

use super::refusals::{UNKNOWN_CHANNEL, field};
use super::{Call, Reply, ok};
use crate::state::channel::{FORUM, NEWS, TEXT, Thread};
use crate::state::permissions::{MANAGE_CHANNELS, MANAGE_THREADS};
use crate::state::{Id, State};

/// Characters of a topic; a forum's may be longer.
const TOPIC: usize = 1024;

impl State {
    /// Operations on channels.
    pub fn about_channels(&mut self, call: &Call) -> Option<Reply> {
        Some(match call.operation {
            "get_channel" => self.one_channel(call),
            "update_channel" => self.update_channel(call),
            "delete_channel" => self.delete_channel(call),
            _ => return None,
        })
    }

    fn one_channel(&self, call: &Call) -> Reply {
        let channel = self.may(call.id("channel_id")?, 0)?;
        ok(self.channel_json(channel))
    }

    fn update_channel(&mut self, call: &Call) -> Reply {
        let id = call.id("channel_id")?;
        let channel = self.may(id, 0)?;
        if channel.thread.is_some() {
            return self.update_thread(call, id);
        }
        let kind = channel.kind;
        self.may(id, MANAGE_CHANNELS)?;
        let topic = call.body["topic"].as_str();
        let most = if kind == FORUM { 4096 } else { TOPIC };
        if topic.is_some_and(|topic| topic.chars().count() > most) {
            return Err(field("topic", "BASE_TYPE_MAX_LENGTH", "Must be 1024 or fewer in length."));
        }
        let Some(channel) = self.channels.get_mut(&id) else { return Err(UNKNOWN_CHANNEL) };
        if let Some(name) = call.body["name"].as_str() {
            channel.name = channel_name(kind, name);
        }
        if call.body.get("topic").is_some() {
            channel.topic = topic.filter(|topic| !topic.is_empty()).map(ToOwned::to_owned);
        }
        if let Some(slow) = call.body["rate_limit_per_user"].as_u64() {
            channel.slow = u32::try_from(slow).unwrap_or(0);
        }
        if let Some(nsfw) = call.body["nsfw"].as_bool() {
            channel.nsfw = nsfw;
        }
        if let Some(position) = call.body["position"].as_i64() {
            channel.position = position;
        }
        if let Some(parent) = call.body.get("parent_id") {
            channel.parent = parent.as_str().and_then(|id| id.parse().ok());
        }
        self.tell_channel("CHANNEL_UPDATE", id);
        self.channels.get(&id).map_or(Err(UNKNOWN_CHANNEL), |channel| ok(self.channel_json(channel)))
    }

    fn update_thread(&mut self, call: &Call, id: Id) -> Reply {
        let (bot, now) = (self.bot.user, self.now());
        let there = self.channels.get(&id).ok_or(UNKNOWN_CHANNEL)?;
        let thread = there.thread.as_ref().ok_or(UNKNOWN_CHANNEL)?;
        let reopens =
            call.body["archived"] == false && call.body.as_object().is_some_and(|all| all.len() == 1);
        if !(thread.owner == bot || reopens && !thread.locked) {
            self.may(id, MANAGE_THREADS)?;
        }
        let Some(there) = self.channels.get_mut(&id) else { return Err(UNKNOWN_CHANNEL) };
        if let Some(name) = call.body["name"].as_str() {
            name.clone_into(&mut there.name);
        }
        if let Some(slow) = call.body["rate_limit_per_user"].as_u64() {
            there.slow = u32::try_from(slow).unwrap_or(0);
        }
        if let Some(thread) = &mut there.thread {
            change_thread(thread, &call.body, now);
        }
        self.tell_channel("THREAD_UPDATE", id);
        self.channels.get(&id).map_or(Err(UNKNOWN_CHANNEL), |channel| ok(self.channel_json(channel)))
    }

    fn delete_channel(&mut self, call: &Call) -> Reply {
        let id = call.id("channel_id")?;
        let channel = self.may(id, 0)?;
        let needs = if channel.thread.is_some() { MANAGE_THREADS } else { MANAGE_CHANNELS };
        let json = self.channel_json(self.may(id, needs)?);
        self.remove_channel(id);
        ok(json)
    }

    /// A channel goes, with its threads and webhooks.
    pub fn remove_channel(&mut self, id: Id) {
        let Some(channel) = self.channels.get(&id) else { return };
        let is_thread = channel.thread.is_some();
        if is_thread {
            let gone = serde_json::json!({
                "id": id.to_string(), "guild_id": channel.guild.to_string(), "type": channel.kind,
                "parent_id": channel.parent.map(|id| id.to_string()),
            });
            self.tell("THREAD_DELETE", gone, crate::gateway::Place::Channel(id));
        } else {
            self.tell_channel("CHANNEL_DELETE", id);
        }
        self.channels.remove(&id);
        self.channels.retain(|_, it| it.thread.is_none() || it.parent != Some(id));
        self.webhooks.retain(|_, hook| hook.channel != id);
    }
}

fn change_thread(thread: &mut Thread, body: &Value, now: u64) {
    if let Some(archived) = body["archived"].as_bool().filter(|archived| *archived != thread.archived) {
        thread.archived = archived;
        thread.changed = now;
    }
    if let Some(locked) = body["locked"].as_bool() {
        thread.locked = locked;
    }
    if let Some(minutes) = body["auto_archive_duration"].as_u64() {
        thread.auto_archive = u32::try_from(minutes).unwrap_or(1440);
    }
}

/// Text channels are called in small letters, with `-` for spaces.
pub fn channel_name(kind: u8, name: &str) -> String {
    if [TEXT, NEWS].contains(&kind) {
        name.trim().to_lowercase().replace(' ', "-")
    } else {
        name.trim().to_owned()
    }
}
