//! What a person sees who looks at a channel.

use serde_json::{Value, json};

use crate::state::message::Message;
use crate::state::{Id, State};

/// A message as a person sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The snowflake.
    pub id: Id,
    /// The name over it: a webhook's persona, a nick, a global name.
    pub author: String,
    /// A user's or a webhook's id.
    pub author_id: Id,
    /// Where a webhook's picture was said to be, or a user's avatar.
    pub avatar: Option<String>,
    /// Through which webhook it came.
    pub webhook: Option<Id>,
    /// The text.
    pub content: String,
    /// Names, addresses and sizes of files.
    pub attachments: Vec<(String, String, usize)>,
    /// Embeds.
    pub embeds: Vec<Value>,
    /// Names of stickers.
    pub stickers: Vec<String>,
    /// Emoji and the usernames under it.
    pub reactions: Vec<(String, Vec<String>)>,
    /// What it answers.
    pub reply_to: Option<Id>,
    /// Carries another.
    pub forwarded: bool,
    /// It says “(edited)”.
    pub edited: bool,
    /// On top.
    pub pinned: bool,
    /// Usernames of those whom it rang, then roles' names, then `@everyone`.
    pub pinged: Vec<String>,
    /// Discord's number for the kind.
    pub kind: u8,
    /// The thread that hangs on it.
    pub thread: Option<Id>,
}

impl State {
    /// Everything in a channel, the oldest first.
    pub fn seen(&self, channel: Id) -> Vec<Seen> {
        let messages = self.channels.get(&channel).into_iter().flat_map(|it| it.messages.values());
        messages.map(|message| self.see(message)).collect()
    }

    /// One message.
    pub fn see(&self, message: &Message) -> Seen {
        let guild = self.guild_of(message.channel).unwrap_or_default();
        let json = self.message_json(message);
        let username =
            |id: &Id| self.users.get(id).map_or_else(|| id.to_string(), |user| user.username.clone());
        let file = |it: &Value| {
            let size = it["size"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
            (
                it["filename"].as_str().unwrap_or_default().into(),
                it["url"].as_str().unwrap_or_default().into(),
                size,
            )
        };
        let roles = self.guilds.get(&guild).map(|guild| &guild.roles);
        let role = |id: &Id| {
            roles.and_then(|roles| roles.get(id)).map_or_else(|| id.to_string(), |role| role.name.clone())
        };
        let mut pinged: Vec<String> = message.mentions.users.iter().map(username).collect();
        pinged.extend(message.mentions.roles.iter().map(role));
        pinged.extend(message.mentions.everyone.then(|| "@everyone".to_owned()));
        let (author, avatar) = match &message.persona {
            Some(persona) => (persona.name.clone(), persona.avatar_url.clone()),
            None => {
                let avatar = self.users.get(&message.author).and_then(|user| user.avatar.clone());
                (self.shown_name(guild, message.author), avatar)
            }
        };
        let reaction = |it: &crate::state::message::Reaction| {
            (it.emoji.name.clone(), it.users.iter().map(username).collect())
        };
        Seen {
            id: message.id,
            author,
            author_id: message.author,
            avatar,
            webhook: message.webhook,
            content: message.content.clone(),
            attachments: json["attachments"].as_array().into_iter().flatten().map(file).collect(),
            embeds: message.embeds.clone(),
            stickers: message.stickers.iter().map(|it| it.name.clone()).collect(),
            reactions: message.reactions.iter().map(reaction).collect(),
            reply_to: message.reference.filter(|it| it.kind == 0).and_then(|it| it.message),
            forwarded: !message.snapshots.is_empty(),
            edited: message.edited.is_some(),
            pinned: message.pinned,
            pinged,
            kind: message.kind,
            thread: message.thread,
        }
    }
}

impl Seen {
    /// For those who read JSON.
    pub fn json(&self) -> Value {
        let file =
            |(name, url, size): &(String, String, usize)| json!({"name": name, "url": url, "size": size});
        let reactions = self.reactions.iter().map(|(emoji, users)| (emoji.clone(), json!(users)));
        json!({
            "id": self.id.to_string(), "author": self.author, "author_id": self.author_id.to_string(),
            "avatar": self.avatar, "webhook": self.webhook.map(|id| id.to_string()), "content": self.content,
            "attachments": self.attachments.iter().map(file).collect::<Vec<_>>(), "embeds": self.embeds,
            "stickers": self.stickers, "reactions": reactions.collect::<Value>(), "edited": self.edited,
            "reply_to": self.reply_to.map(|id| id.to_string()), "forwarded": self.forwarded, "pinned": self.pinned,
            "pinged": self.pinged, "kind": self.kind, "thread": self.thread.map(|id| id.to_string()),
        })
    }
}
