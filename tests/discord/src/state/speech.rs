//! Saying, changing, deleting and reacting: what all who can do it have in common, and the events of it.

use serde_json::{Value, json};

use super::guild::Sticker;
use super::message::{
    Attachment, DEFAULT, EmojiName, HAS_SNAPSHOT, Mentions, Message, Persona, REPLY, Reaction, Reference,
};
use super::permissions::MENTION_EVERYONE;
use super::{Id, State, Webhook};
use crate::gateway::Place;

/// Who speaks.
pub enum Speaker {
    /// A member, or the bot.
    User(Id),
    /// A webhook as somebody.
    Webhook(Box<Webhook>, Persona),
}

/// What is said.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// The text.
    pub content: String,
    /// Discord's number for the kind, 0 unless it is no ordinary message.
    pub kind: u8,
    /// Rich embeds, as answers have them.
    pub embeds: Vec<Value>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Stickers.
    pub stickers: Vec<Sticker>,
    /// What it answers or forwards.
    pub reference: Option<Reference>,
    /// Whom it may call; `None` where nothing was said of it.
    pub allowed: Option<Value>,
    /// Its sender's mark.
    pub nonce: Option<Value>,
    /// Bits.
    pub flags: u64,
    /// A question with answers.
    pub poll: Option<Value>,
    /// Read out.
    pub tts: bool,
}

impl State {
    /// Says something, whatever the speaker may: permissions are asked before.
    pub fn speak(&mut self, channel: Id, speaker: Speaker, words: Words) -> Id {
        let id = self.id();
        self.speak_as(id, channel, speaker, words);
        id
    }

    /// With an id that is given: a forum post's first message has its thread's.
    pub fn speak_as(&mut self, id: Id, channel: Id, speaker: Speaker, words: Words) {
        let mentions = self.mentions(channel, &speaker, &words);
        let (author, persona, webhook, application) = match speaker {
            Speaker::User(user) => (user, None, None, None),
            Speaker::Webhook(hook, persona) => (hook.id, Some(persona), Some(hook.id), hook.application),
        };
        let answers = words.reference.is_some_and(|reference| reference.kind == 0) && words.kind == DEFAULT;
        let snapshots: Vec<_> = words.reference.iter().filter_map(|it| self.snapshot(it)).collect();
        let carries = if snapshots.is_empty() { 0 } else { HAS_SNAPSHOT };
        let message = Message {
            id,
            channel,
            author,
            persona,
            webhook,
            application,
            kind: if answers { REPLY } else { words.kind },
            content: words.content,
            flags: words.flags | carries,
            attachments: words.attachments,
            embeds: words.embeds,
            stickers: words.stickers,
            reactions: Vec::new(),
            reference: words.reference,
            snapshots,
            pinned: false,
            edited: None,
            nonce: words.nonce,
            mentions,
            poll: words.poll,
            thread: None,
            tts: words.tts,
        };
        self.keep(message);
        self.tell_message("MESSAGE_CREATE", channel, id);
    }

    fn keep(&mut self, message: Message) {
        let (id, now) = (message.id, self.now());
        let by_user = message.webhook.is_none().then_some(message.author);
        let Some(channel) = self.channels.get_mut(&message.channel) else { return };
        channel.messages.insert(id, message);
        channel.last_message = Some(id);
        let woken = channel.thread.as_mut().is_some_and(|thread| {
            thread.said += u64::from(id != channel.id);
            if let Some(user) = by_user {
                thread.members.entry(user).or_insert(now);
            }
            std::mem::take(&mut thread.archived)
        });
        if woken {
            let id = channel.id;
            self.tell_channel("THREAD_UPDATE", id);
        }
    }

    fn snapshot(&self, reference: &Reference) -> Option<Value> {
        let forwarded =
            self.message(reference.channel, reference.message?).filter(|_| reference.kind == 1)?;
        let whole = self.message_json(forwarded);
        let kept = ["type", "content", "mentions", "mention_roles", "attachments", "embeds", "timestamp"];
        let more = ["edited_timestamp", "flags", "components", "sticker_items"];
        let kept =
            kept.iter().chain(&more).filter_map(|key| Some(((*key).to_owned(), whole.get(key)?.clone())));
        Some(json!({"message": kept.collect::<Value>()}))
    }

    /// Changes what a message says.
    pub fn change(&mut self, channel: Id, message: Id, change: impl FnOnce(&mut Message)) {
        let now = self.now();
        let Some(it) = self.message_mut(channel, message) else { return };
        it.edited = Some(now);
        change(it);
        self.tell_message("MESSAGE_UPDATE", channel, message);
    }

    /// Takes a message away. The thread that hangs on it stays.
    pub fn take_away(&mut self, channel: Id, message: Id) {
        let taken = self.channels.get_mut(&channel).and_then(|it| it.messages.remove(&message));
        for attachment in taken.iter().flat_map(|message| &message.attachments) {
            self.files.remove(&attachment.id);
        }
        if taken.is_some() {
            let event = self.of_channel(channel, json!({"id": message.to_string()}));
            self.tell("MESSAGE_DELETE", event, Place::Channel(channel));
        }
    }

    /// Takes many away at once: one event.
    pub fn take_many(&mut self, channel: Id, messages: &[Id]) {
        let Some(there) = self.channels.get_mut(&channel) else { return };
        let gone: Vec<_> = messages.iter().filter(|id| there.messages.remove(id).is_some()).collect();
        if !gone.is_empty() {
            let ids: Vec<_> = gone.iter().map(ToString::to_string).collect();
            let event = self.of_channel(channel, json!({"ids": ids}));
            self.tell("MESSAGE_DELETE_BULK", event, Place::Channel(channel));
        }
    }

    /// Adds a reaction; `false` where there is no room for another emoji.
    pub fn react(&mut self, channel: Id, message: Id, user: Id, emoji: &EmojiName) -> bool {
        const KINDS: usize = 20;
        let Some(it) = self.message_mut(channel, message) else { return false };
        let author = it.author;
        if let Some(there) = it.reactions.iter_mut().find(|there| there.emoji.same(emoji)) {
            if there.users.contains(&user) {
                return true;
            }
            there.users.push(user);
        } else if it.reactions.len() < KINDS {
            it.reactions.push(Reaction { emoji: emoji.clone(), users: vec![user] });
        } else {
            return false;
        }
        let mut event = self.reaction_event(channel, message, Some(user), Some(emoji));
        event["message_author_id"] = json!(author.to_string());
        if let Some(guild) = self.guild_of(channel)
            && let Some(member) = self.member(guild, user)
        {
            event["member"] = self.member_json(member);
        }
        self.tell("MESSAGE_REACTION_ADD", event, Place::Channel(channel));
        true
    }

    /// Takes a reaction back; `false` where there is none.
    pub fn unreact(&mut self, channel: Id, message: Id, user: Id, emoji: &EmojiName) -> bool {
        let Some(it) = self.message_mut(channel, message) else { return false };
        let Some(there) = it.reactions.iter_mut().find(|there| there.emoji.same(emoji)) else { return false };
        let before = there.users.len();
        there.users.retain(|one| *one != user);
        let gone = there.users.len() < before;
        it.reactions.retain(|there| !there.users.is_empty());
        if gone {
            let event = self.reaction_event(channel, message, Some(user), Some(emoji));
            self.tell("MESSAGE_REACTION_REMOVE", event, Place::Channel(channel));
        }
        gone
    }

    /// Takes all reactions, or all with one emoji.
    pub fn clear_reactions(&mut self, channel: Id, message: Id, emoji: Option<&EmojiName>) {
        let Some(it) = self.message_mut(channel, message) else { return };
        it.reactions.retain(|there| emoji.is_some_and(|emoji| !there.emoji.same(emoji)));
        let mut event = self.reaction_event(channel, message, None, emoji);
        let name =
            if emoji.is_some() { "MESSAGE_REACTION_REMOVE_EMOJI" } else { "MESSAGE_REACTION_REMOVE_ALL" };
        if let Value::Object(event) = &mut event {
            event.remove("burst");
            event.remove("type");
        }
        self.tell(name, event, Place::Channel(channel));
    }

    fn reaction_event(&self, channel: Id, message: Id, user: Option<Id>, emoji: Option<&EmojiName>) -> Value {
        let event = json!({"message_id": message.to_string(), "burst": false, "type": 0});
        let mut event = self.of_channel(channel, event);
        if let Some(user) = user {
            event["user_id"] = json!(user.to_string());
        }
        if let Some(emoji) = emoji {
            event["emoji"] = emoji.json();
        }
        event
    }

    /// With `channel_id` and `guild_id`.
    pub fn of_channel(&self, channel: Id, mut event: Value) -> Value {
        event["channel_id"] = json!(channel.to_string());
        if let Some(guild) = self.guild_of(channel) {
            event["guild_id"] = json!(guild.to_string());
        }
        event
    }

    /// Tells of a message as it is now.
    pub fn tell_message(&mut self, name: &'static str, channel: Id, message: Id) {
        let Some(message) = self.message(channel, message) else { return };
        let mut event = self.of_channel(channel, self.message_json(message));
        if let Some(guild) = self.guild_of(channel)
            && message.webhook.is_none()
            && let Some(member) = self.member(guild, message.author)
        {
            event["member"] = self.bare_member(member);
        }
        self.tell(name, event, Place::Channel(channel));
    }

    /// Tells of a channel or thread as it is now.
    pub fn tell_channel(&mut self, name: &'static str, channel: Id) {
        let Some(it) = self.channels.get(&channel) else { return };
        let event = self.channel_json(it);
        self.tell(name, event, Place::Channel(channel));
    }

    /// Whom a message calls, of those it may.
    pub fn mentions(&self, channel: Id, speaker: &Speaker, words: &Words) -> Mentions {
        let guild = self.guild_of(channel).unwrap_or_default();
        let allowed = Allowed::read(words.allowed.as_ref());
        let rings = match speaker {
            Speaker::User(user) => self.permissions(channel, *user) & MENTION_EVERYONE != 0,
            Speaker::Webhook(..) => true,
        };
        let mut found = Mentions {
            everyone: rings
                && allowed.everyone
                && (words.content.contains("@everyone") || words.content.contains("@here")),
            ..Mentions::default()
        };
        for piece in words.content.split("<@").skip(1) {
            let Some((id, _)) = piece.split_once('>') else { continue };
            if let Some(role) = id.strip_prefix('&').and_then(|id| id.parse().ok()) {
                let role = self.guilds.get(&guild).and_then(|guild| guild.roles.get(&role));
                let called = role.filter(|role| allowed.role(role.id) && (role.mentionable || rings));
                found.roles.extend(called.map(|role| role.id).filter(|id| !found.roles.contains(id)));
            } else if let Ok(user) = id.trim_start_matches('!').parse()
                && self.users.contains_key(&user)
                && allowed.user(user)
                && !found.users.contains(&user)
            {
                found.users.push(user);
            }
        }
        let answered = words.reference.filter(|reference| reference.kind == 0 && allowed.replied);
        let answered = answered.and_then(|reference| self.message(reference.channel, reference.message?));
        if let Some(author) = answered.map(|message| message.author).filter(|id| self.users.contains_key(id))
            && !found.users.contains(&author)
        {
            found.users.push(author);
        }
        found
    }
}

/// `allowed_mentions`; without it everything is allowed.
struct Allowed {
    everyone: bool,
    replied: bool,
    users: Option<Vec<Id>>,
    roles: Option<Vec<Id>>,
}

impl Allowed {
    fn read(given: Option<&Value>) -> Allowed {
        let Some(given) = given.filter(|given| given.is_object()) else {
            return Allowed { everyone: true, replied: true, users: None, roles: None };
        };
        let parse = |what: &str| given["parse"].as_array().is_some_and(|all| all.iter().any(|it| it == what));
        let ids = |value: &Value| -> Vec<Id> {
            value.as_array().into_iter().flatten().filter_map(|id| id.as_str()?.parse().ok()).collect()
        };
        Allowed {
            everyone: parse("everyone"),
            replied: given["replied_user"] == true,
            users: (!parse("users")).then(|| ids(&given["users"])),
            roles: (!parse("roles")).then(|| ids(&given["roles"])),
        }
    }

    fn user(&self, id: Id) -> bool {
        self.users.as_ref().is_none_or(|users| users.contains(&id))
    }

    fn role(&self, id: Id) -> bool {
        self.roles.as_ref().is_none_or(|roles| roles.contains(&id))
    }
}
