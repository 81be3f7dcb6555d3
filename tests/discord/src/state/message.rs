//! A message: its parts, and how it looks in JSON.

use serde_json::{Value, json};

use super::guild::{Sticker, User};
use super::{Id, State, hash};
use crate::clock;

/// Nothing special.
pub const DEFAULT: u8 = 0;
/// "… pinned a message".
pub const PINNED: u8 = 6;
/// "… started a thread".
pub const THREAD_CREATED: u8 = 18;
/// An answer to another message.
pub const REPLY: u8 = 19;
/// A thread's first message, which only points to the one it was opened from.
pub const THREAD_STARTER: u8 = 21;

/// Embeds are not shown.
pub const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// A thread hangs on it.
pub const HAS_THREAD: u64 = 1 << 5;
/// Rings nobody.
pub const SILENT: u64 = 1 << 12;
/// It carries another one.
pub const HAS_SNAPSHOT: u64 = 1 << 14;

/// The name and face a webhook message wears.
#[derive(Clone, Debug)]
pub struct Persona {
    /// What stands over the message.
    pub name: String,
    /// The picture's hash.
    pub avatar: Option<String>,
    /// Where the picture was said to be.
    pub avatar_url: Option<String>,
}

/// An emoji in a reaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmojiName {
    /// A custom one's.
    pub id: Option<Id>,
    /// The emoji itself, or a custom one's name.
    pub name: String,
    /// A moving one.
    pub animated: bool,
}

/// Everybody who reacted with one emoji.
#[derive(Clone, Debug)]
pub struct Reaction {
    /// With what.
    pub emoji: EmojiName,
    /// Who.
    pub users: Vec<Id>,
}

/// What a message points to.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// 0 for a reply, 1 for a forward.
    pub kind: u8,
    /// Where it is.
    pub channel: Id,
    /// Which it is; a thread's creation points to none.
    pub message: Option<Id>,
}

/// A file of a message.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The snowflake.
    pub id: Id,
    /// Made harmless.
    pub filename: String,
    /// Bytes.
    pub size: usize,
    /// Its kind.
    pub content_type: String,
    /// For those who cannot see it.
    pub description: Option<String>,
    /// Width and height of a picture.
    pub pixels: Option<(u32, u32)>,
}

/// Whom a message calls.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    /// Users that are pinged.
    pub users: Vec<Id>,
    /// Roles that are pinged.
    pub roles: Vec<Id>,
    /// `@everyone` or `@here` rang.
    pub everyone: bool,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// The snowflake.
    pub id: Id,
    /// Where.
    pub channel: Id,
    /// A user, or a webhook.
    pub author: Id,
    /// What a webhook wears.
    pub persona: Option<Persona>,
    /// Through which webhook.
    pub webhook: Option<Id>,
    /// The application that sent it.
    pub application: Option<Id>,
    /// Discord's number for the kind.
    pub kind: u8,
    /// The text.
    pub content: String,
    /// Bits.
    pub flags: u64,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Previews and rich embeds.
    pub embeds: Vec<Value>,
    /// Stickers.
    pub stickers: Vec<Sticker>,
    /// Reactions, the oldest first.
    pub reactions: Vec<Reaction>,
    /// What it answers or forwards.
    pub reference: Option<Reference>,
    /// What it forwards, as it was.
    pub snapshots: Vec<Value>,
    /// Kept on top.
    pub pinned: bool,
    /// In milliseconds since 1970.
    pub edited: Option<u64>,
    /// Its sender's mark.
    pub nonce: Option<Value>,
    /// Whom it calls.
    pub mentions: Mentions,
    /// A question with answers.
    pub poll: Option<Value>,
    /// The thread that was opened from it.
    pub thread: Option<Id>,
    /// Read out.
    pub tts: bool,
}

impl EmojiName {
    /// As it stands in an address: `🙂`, or `name:id`.
    pub fn read(text: &str) -> Option<EmojiName> {
        if let Some((name, id)) = text.trim_start_matches("a:").rsplit_once(':') {
            let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let id = id.parse().ok()?;
            return named.then(|| EmojiName {
                id: Some(id),
                name: name.to_owned(),
                animated: text.starts_with("a:"),
            });
        }
        is_emoji(text).then(|| EmojiName { id: None, name: text.to_owned(), animated: false })
    }

    /// As answers and events have it.
    pub fn json(&self) -> Value {
        let mut json = json!({"id": self.id.map(|id| id.to_string()), "name": self.name});
        if self.id.is_some() {
            json["animated"] = json!(self.animated);
        }
        json
    }

    /// The same emoji: a custom one is its id, whatever it is called.
    pub fn same(&self, other: &EmojiName) -> bool {
        self.id == other.id && (self.id.is_some() || self.name == other.name)
    }
}

fn is_emoji(text: &str) -> bool {
    let pictured = |c: char| matches!(u32::from(c), 0xa9 | 0xae | 0x203c..=0x3299 | 0x1f000..=0x1faff);
    let joins =
        |c: char| matches!(u32::from(c), 0x200d | 0xfe0f | 0xe0020..=0xe007f) || "#*0123456789".contains(c);
    text.chars().count() <= 16 && text.chars().any(pictured) && text.chars().all(|c| pictured(c) || joins(c))
}

impl State {
    /// A message of a channel.
    pub fn message(&self, channel: Id, message: Id) -> Option<&Message> {
        self.channels.get(&channel)?.messages.get(&message)
    }

    /// To change it.
    pub fn message_mut(&mut self, channel: Id, message: Id) -> Option<&mut Message> {
        self.channels.get_mut(&channel)?.messages.get_mut(&message)
    }

    /// Who said it, as answers have him.
    pub fn author_json(&self, message: &Message) -> Value {
        let Some(persona) = &message.persona else {
            return self.users.get(&message.author).map_or(Value::Null, User::json);
        };
        json!({
            "id": message.author.to_string(), "username": persona.name, "avatar": persona.avatar,
            "discriminator": "0000", "public_flags": 0, "flags": 0, "bot": true, "global_name": null,
            "primary_guild": null,
        })
    }

    /// A message, with what it answers.
    pub fn message_json(&self, message: &Message) -> Value {
        let mut json = self.flat_message(message);
        if let Some(reference) = &message.reference {
            json["message_reference"] = self.reference_json(reference);
            let answered = reference.message.and_then(|id| self.message(reference.channel, id));
            if message.kind == REPLY || message.kind == THREAD_STARTER {
                json["referenced_message"] =
                    answered.map_or(Value::Null, |answered| self.flat_message(answered));
            }
        }
        if let Some(thread) = message.thread.and_then(|id| self.channels.get(&id)) {
            json["thread"] = self.channel_json(thread);
        }
        json
    }

    fn reference_json(&self, reference: &Reference) -> Value {
        let mut json = json!({"type": reference.kind, "channel_id": reference.channel.to_string()});
        if let Some(message) = reference.message {
            json["message_id"] = json!(message.to_string());
        }
        if let Some(guild) = self.guild_of(reference.channel) {
            json["guild_id"] = json!(guild.to_string());
        }
        json
    }

    fn flat_message(&self, message: &Message) -> Value {
        let users = message.mentions.users.iter().filter_map(|id| self.users.get(id));
        let mut json = json!({
            "id": message.id.to_string(), "type": message.kind, "content": message.content,
            "channel_id": message.channel.to_string(), "author": self.author_json(message),
            "attachments": message.attachments.iter().map(|it| self.attachment_json(message, it)).collect::<Vec<_>>(),
            "embeds": if message.flags & SUPPRESS_EMBEDS == 0 { message.embeds.as_slice() } else { &[] },
            "mentions": users.map(User::json).collect::<Vec<_>>(),
            "mention_roles": message.mentions.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "mention_everyone": message.mentions.everyone, "pinned": message.pinned, "tts": message.tts,
            "timestamp": clock::iso(clock::made(message.id)), "edited_timestamp": message.edited.map(clock::iso),
            "flags": message.flags, "components": [],
        });
        let own = |user: &Id| *user == self.bot.user;
        let reaction = |it: &Reaction| {
            json!({"emoji": it.emoji.json(), "count": it.users.len(), "burst_colors": [], "me_burst": false,
                   "count_details": {"burst": 0, "normal": it.users.len()}, "me": it.users.iter().any(own)})
        };
        if !message.reactions.is_empty() {
            json["reactions"] = message.reactions.iter().map(reaction).collect();
        }
        if !message.stickers.is_empty() {
            json["sticker_items"] = message.stickers.iter().map(Sticker::item).collect();
        }
        if !message.snapshots.is_empty() {
            json["message_snapshots"] = json!(message.snapshots);
        }
        let mut add = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                json[key] = value;
            }
        };
        add("webhook_id", message.webhook.map(|id| json!(id.to_string())));
        add("application_id", message.application.map(|id| json!(id.to_string())));
        add("nonce", message.nonce.clone());
        add("poll", message.poll.clone());
        json
    }

    fn attachment_json(&self, message: &Message, attachment: &Attachment) -> Value {
        let url = self.address(message.channel, attachment);
        let mut json = json!({
            "id": attachment.id.to_string(), "filename": attachment.filename, "size": attachment.size,
            "url": url, "proxy_url": url, "content_type": attachment.content_type,
        });
        if let Some(description) = &attachment.description {
            json["description"] = json!(description);
        }
        if let Some((width, height)) = attachment.pixels {
            json["width"] = json!(width);
            json["height"] = json!(height);
        }
        json
    }

    /// Where a file can be had for a while: `ex` says until when, `hm` that we said so.
    fn address(&self, channel: Id, attachment: &Attachment) -> String {
        let (now, lives) = (self.now() / 1000, self.address_lives / 1000);
        let path = format!("/attachments/{channel}/{}/{}", attachment.id, attachment.filename);
        let times = format!("ex={:x}&is={now:x}", now + lives);
        format!("{}{path}?{times}&hm={}&", self.origin, self.seal(&path, &times))
    }

    /// What `hm` must be.
    pub fn seal(&self, path: &str, times: &str) -> String {
        hash(&format!("{path} {times} {}", self.bot.token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_a_picture_or_a_name_with_an_id() {
        for good in ["🙂", "❤️", "👨‍👩‍👧", "1️⃣", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "blob:123", "a:blob:123"]
        {
            assert!(EmojiName::read(good).is_some(), "{good}");
        }
        for bad in ["", "a", "ä", "12", ":1", "blob:", "blob:x", "b lob:1", ":blob:", "🙂 🙂"] {
            assert!(EmojiName::read(bad).is_none(), "{bad}");
        }
    }
}
