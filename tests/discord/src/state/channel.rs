//! Channels, categories, forums and threads, and how they look in JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::message::Message;
use super::{Id, State};
use crate::clock;

/// `GUILD_TEXT`.
pub const TEXT: u8 = 0;
/// `GUILD_VOICE`.
pub const VOICE: u8 = 2;
/// `GUILD_CATEGORY`.
pub const CATEGORY: u8 = 4;
/// `GUILD_ANNOUNCEMENT`.
pub const NEWS: u8 = 5;
/// `PUBLIC_THREAD`.
pub const THREAD: u8 = 11;
/// `GUILD_FORUM`.
pub const FORUM: u8 = 15;

/// What a role or a member may more, or less, in a channel.
#[derive(Clone, Debug)]
pub struct Overwrite {
    /// A role's or a user's.
    pub id: Id,
    /// A member's, not a role's.
    pub member: bool,
    /// Bits that are given.
    pub allow: u64,
    /// Bits that are taken.
    pub deny: u64,
}

/// What a thread has over a channel.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Who opened it.
    pub owner: Id,
    /// Put away; the next message brings it back.
    pub archived: bool,
    /// Only moderators bring it back.
    pub locked: bool,
    /// When it was put away or brought back, in milliseconds since 1970.
    pub changed: u64,
    /// Minutes.
    pub auto_archive: u32,
    /// Who is in it, and since when.
    pub members: BTreeMap<Id, u64>,
    /// A forum's tags.
    pub tags: Vec<Id>,
    /// Messages ever, without the first.
    pub said: u64,
}

/// A channel or thread.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The snowflake.
    pub id: Id,
    /// Its guild.
    pub guild: Id,
    /// Discord's number for the kind.
    pub kind: u8,
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: Option<String>,
    /// Its category, or a thread's channel.
    pub parent: Option<Id>,
    /// In the list.
    pub position: i64,
    /// Who may more or less here.
    pub overwrites: Vec<Overwrite>,
    /// Slow mode: seconds between two messages of one person.
    pub slow: u32,
    /// For adults.
    pub nsfw: bool,
    /// A forum's tags.
    pub tags: Vec<(Id, String)>,
    /// Where it is a thread.
    pub thread: Option<Thread>,
    /// Messages by id.
    pub messages: BTreeMap<Id, Message>,
    /// The last one ever said, whether it is still there or not.
    pub last_message: Option<Id>,
    /// When something was pinned last, in milliseconds since 1970.
    pub last_pin: Option<u64>,
}

impl Channel {
    /// An empty channel.
    pub fn new(id: Id, guild: Id, kind: u8, name: &str) -> Channel {
        Channel {
            id,
            guild,
            kind,
            name: name.to_owned(),
            topic: None,
            parent: None,
            position: 0,
            overwrites: Vec::new(),
            slow: 0,
            nsfw: false,
            tags: Vec::new(),
            thread: None,
            messages: BTreeMap::new(),
            last_message: None,
            last_pin: None,
        }
    }

    /// Where messages can be: text, news, voice and threads, not categories and forums.
    pub fn holds_messages(&self) -> bool {
        self.thread.is_some() || [TEXT, VOICE, NEWS].contains(&self.kind)
    }
}

impl State {
    /// A channel or thread.
    pub fn channel_json(&self, channel: &Channel) -> Value {
        let mut json = json!({
            "id": channel.id.to_string(), "type": channel.kind, "guild_id": channel.guild.to_string(),
            "name": channel.name, "flags": 0, "parent_id": channel.parent.map(|id| id.to_string()),
            "rate_limit_per_user": channel.slow,
            "last_message_id": channel.last_message.map(|id| id.to_string()),
        });
        if let Some(at) = channel.last_pin {
            json["last_pin_timestamp"] = json!(clock::iso(at));
        }
        match &channel.thread {
            Some(thread) => self.add_thread(&mut json, channel, thread),
            None => add_channel(&mut json, channel),
        }
        json
    }

    fn add_thread(&self, json: &mut Value, channel: &Channel, thread: &Thread) {
        json["owner_id"] = json!(thread.owner.to_string());
        json["message_count"] = json!(channel.messages.len());
        json["total_message_sent"] = json!(thread.said);
        json["member_count"] = json!(thread.members.len());
        json["thread_metadata"] = json!({
            "archived": thread.archived, "locked": thread.locked, "auto_archive_duration": thread.auto_archive,
            "archive_timestamp": clock::iso(thread.changed), "create_timestamp": clock::iso(clock::made(channel.id)),
        });
        if !thread.tags.is_empty() {
            json["applied_tags"] = json!(thread.tags.iter().map(ToString::to_string).collect::<Vec<_>>());
        }
        if let Some(since) = thread.members.get(&self.bot.user) {
            json["member"] = self.thread_member(channel.id, self.bot.user, *since);
        }
    }

    /// Somebody in a thread.
    pub fn thread_member(&self, thread: Id, user: Id, since: u64) -> Value {
        json!({"id": thread.to_string(), "user_id": user.to_string(), "join_timestamp": clock::iso(since), "flags": 1})
    }
}

fn add_channel(json: &mut Value, channel: &Channel) {
    let overwrite = |it: &Overwrite| {
        json!({"id": it.id.to_string(), "type": u8::from(it.member), "allow": it.allow.to_string(),
               "deny": it.deny.to_string()})
    };
    json["position"] = json!(channel.position);
    json["topic"] = json!(channel.topic);
    json["nsfw"] = json!(channel.nsfw);
    json["permission_overwrites"] = channel.overwrites.iter().map(overwrite).collect();
    if channel.kind == FORUM {
        let tag = |(id, name): &(Id, String)| json!({"id": id.to_string(), "name": name, "moderated": false, "emoji_id": null, "emoji_name": null});
        json["available_tags"] = channel.tags.iter().map(tag).collect();
        json["default_reaction_emoji"] = Value::Null;
        json["default_sort_order"] = Value::Null;
        json["default_forum_layout"] = json!(0);
    }
}
