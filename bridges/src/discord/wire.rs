//! Discord's JSON, as much of it as we read. What is missing, null or new is nothing worse than absent: a field that
//! Discord adds or leaves out must not cost a message.

use super::snowflake::Id;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A person, a bot, or the face of a webhook.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub id: Id,
    #[serde(deserialize_with = "null")]
    pub username: String,
    pub global_name: Option<String>,
    #[serde(deserialize_with = "null")]
    pub bot: bool,
    pub avatar: Option<String>,
}

/// A person in a guild.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Member {
    pub user: Option<User>,
    pub nick: Option<String>,
    #[serde(deserialize_with = "null")]
    pub roles: Vec<Id>,
    pub avatar: Option<String>,
}

/// A role of a guild.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Role {
    pub id: Id,
    #[serde(deserialize_with = "null")]
    pub name: String,
    #[serde(deserialize_with = "null")]
    pub color: u32,
    #[serde(deserialize_with = "null")]
    pub position: i64,
    #[serde(deserialize_with = "bits")]
    pub permissions: u64,
}

/// What a channel changes of somebody's permissions.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Overwrite {
    pub id: Id,
    #[serde(rename = "type", deserialize_with = "small")]
    pub kind: u64,
    #[serde(deserialize_with = "bits")]
    pub allow: u64,
    #[serde(deserialize_with = "bits")]
    pub deny: u64,
}

/// A channel, a category or a thread.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Channel {
    pub id: Id,
    #[serde(rename = "type", deserialize_with = "small")]
    pub kind: u64,
    pub guild_id: Option<Id>,
    #[serde(deserialize_with = "null")]
    pub name: String,
    pub topic: Option<String>,
    pub parent_id: Option<Id>,
    pub owner_id: Option<Id>,
    pub last_message_id: Option<Id>,
    #[serde(deserialize_with = "null")]
    pub permission_overwrites: Vec<Overwrite>,
    #[serde(deserialize_with = "null")]
    pub rate_limit_per_user: u64,
    #[serde(deserialize_with = "null")]
    pub newly_created: bool,
}

/// A guild, whole or in part.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Guild {
    pub id: Id,
    #[serde(deserialize_with = "null")]
    pub name: String,
    #[serde(deserialize_with = "null")]
    pub unavailable: bool,
    pub owner_id: Option<Id>,
    #[serde(deserialize_with = "null")]
    pub member_count: usize,
    #[serde(deserialize_with = "null")]
    pub roles: Vec<Role>,
    #[serde(deserialize_with = "null")]
    pub members: Vec<Member>,
    #[serde(deserialize_with = "null")]
    pub channels: Vec<Channel>,
    #[serde(deserialize_with = "null")]
    pub threads: Vec<Channel>,
    #[serde(deserialize_with = "null")]
    pub presences: Vec<Presence>,
}

/// Whether somebody is there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Presence {
    pub user: User,
    #[serde(deserialize_with = "null")]
    pub status: String,
}

/// A file that hangs on a message.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attachment {
    #[serde(deserialize_with = "null")]
    pub filename: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub content_type: Option<String>,
    pub size: Option<u64>,
    #[serde(deserialize_with = "null")]
    pub url: String,
}

/// A sticker on a message.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sticker {
    pub id: Id,
    #[serde(deserialize_with = "null")]
    pub name: String,
    #[serde(deserialize_with = "small")]
    pub format_type: u64,
}

/// A box of text that a bot shows.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Embed {
    #[serde(rename = "type", deserialize_with = "null")]
    pub kind: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub url: Option<String>,
    #[serde(deserialize_with = "null")]
    pub author: Titled,
    #[serde(deserialize_with = "null")]
    pub footer: Titled,
    #[serde(deserialize_with = "null")]
    pub fields: Vec<Titled>,
    pub image: Option<Picture>,
}

/// A part of an embed: its author, its footer or a field.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Titled {
    #[serde(deserialize_with = "null")]
    pub name: String,
    #[serde(deserialize_with = "null")]
    pub value: String,
    #[serde(deserialize_with = "null")]
    pub text: String,
}

/// A picture of an embed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Picture {
    #[serde(deserialize_with = "null")]
    pub url: String,
}

/// A question with answers to choose from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Poll {
    pub question: Choice,
    #[serde(deserialize_with = "null")]
    pub answers: Vec<Answer>,
}

/// One answer of a poll.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub poll_media: Choice,
}

/// The words of a question or of an answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    #[serde(deserialize_with = "null")]
    pub text: String,
    pub emoji: Option<Emoji>,
}

/// An emoji: Unicode's by its name alone, a guild's by its id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Emoji {
    pub id: Option<Id>,
    #[serde(deserialize_with = "null")]
    pub name: String,
}

/// The message that a message answers, forwards or is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reference {
    #[serde(rename = "type", deserialize_with = "small")]
    pub kind: u64,
    pub message_id: Option<Id>,
    pub channel_id: Option<Id>,
}

/// A forwarded message, as it was then.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Snapshot {
    pub message: Message,
}

/// How many react in one way.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counted {
    pub emoji: Emoji,
    #[serde(deserialize_with = "null")]
    pub me: bool,
}

/// A message, whole or in part.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub id: Id,
    pub channel_id: Id,
    pub guild_id: Option<Id>,
    pub author: Option<User>,
    pub member: Option<Member>,
    pub content: Option<String>,
    pub edited_timestamp: Option<String>,
    #[serde(rename = "type", deserialize_with = "small")]
    pub kind: u64,
    #[serde(deserialize_with = "null")]
    pub flags: u64,
    pub webhook_id: Option<Id>,
    pub application_id: Option<Id>,
    #[serde(deserialize_with = "null")]
    pub mentions: Vec<User>,
    #[serde(deserialize_with = "null")]
    pub attachments: Vec<Attachment>,
    #[serde(deserialize_with = "null")]
    pub embeds: Vec<Embed>,
    #[serde(deserialize_with = "null")]
    pub sticker_items: Vec<Sticker>,
    pub poll: Option<Poll>,
    pub message_reference: Option<Reference>,
    pub referenced_message: Option<Box<Message>>,
    #[serde(deserialize_with = "null")]
    pub message_snapshots: Vec<Snapshot>,
    #[serde(deserialize_with = "null")]
    pub reactions: Vec<Counted>,
    #[serde(deserialize_with = "null")]
    pub components: Vec<Value>,
}

/// Somebody reacted, or took it back; all that events about reactions tell.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reaction {
    pub user_id: Id,
    pub channel_id: Id,
    pub message_id: Id,
    pub emoji: Emoji,
    pub member: Option<Member>,
}

/// A webhook.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Webhook {
    pub id: Id,
    pub application_id: Option<Id>,
    pub token: Option<String>,
}

/// Null is as good as absent.
fn null<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// Permissions are numbers written as text.
fn bits<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => text.parse().unwrap_or_default(),
        value => value.as_u64().unwrap_or_default(),
    })
}

/// A kind, which some servers write as text.
fn small<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) if text == "member" => 1,
        Value::String(text) => text.parse().unwrap_or_default(),
        value => value.as_u64().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_gaps_and_novelties_cost_no_message() {
        let message: Message = serde_json::from_str(
            r#"{"id":"7","channel_id":"1","content":"hi","flags":null,"mentions":null,"type":0,"new":{"x":[1]},
                "author":{"id":"3","username":"ann","bot":null},"sticker_items":null,"embeds":[{"footer":null}]}"#,
        )
        .unwrap();
        assert_eq!((message.id, message.content.as_deref()), (Id(7), Some("hi")));
        let role: Role = serde_json::from_str(r#"{"id":"1","permissions":"1099511627776"}"#).unwrap();
        assert_eq!(role.permissions, 1 << 40);
    }
}
