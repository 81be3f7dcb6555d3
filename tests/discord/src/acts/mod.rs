//! What people do on Discord, by name: they speak, change, delete, react, come and go. Permissions hold for them too.

pub mod faults;
pub mod people;
pub mod places;
pub mod seen;

use serde_json::Value;

use crate::rest::body::{harmless, kind, pixels};
use crate::state::message::{Attachment, EmojiName, Message, Reference};
use crate::state::permissions::{
    ADD_REACTIONS, ATTACH_FILES, MANAGE_MESSAGES, SEND_IN_THREADS, SEND_MESSAGES, VIEW_CHANNEL,
};
use crate::state::speech::{Speaker, Words};
use crate::state::{Id, State};

/// Why somebody could not do something.
pub type Refused = String;

/// A file somebody sends.
#[derive(Clone, Debug)]
pub struct File {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl State {
    /// A channel or thread by name or id.
    pub fn channel_named(&self, name: &str) -> Result<Id, Refused> {
        self.channel_called(name).ok_or_else(|| format!("there is no channel {name}"))
    }

    /// A user by name or id.
    pub fn user_named(&self, name: &str) -> Result<Id, Refused> {
        self.user_called(name).ok_or_else(|| format!("there is nobody called {name}"))
    }

    /// A person in a channel where he may all of this.
    pub fn person_in(&self, who: &str, channel: &str, needs: u64) -> Result<(Id, Id), Refused> {
        let (user, channel) = (self.user_named(who)?, self.channel_named(channel)?);
        let may = self.permissions(channel, user);
        if may & VIEW_CHANNEL == 0 {
            return Err(format!("{who} cannot see {channel}"));
        }
        if may & needs != needs {
            Err(format!("{who} may not do that in {channel}"))
        } else {
            Ok((user, channel))
        }
    }

    /// Says something; the id of the message.
    pub fn say(&mut self, who: &str, channel: &str, words: Words) -> Result<Id, Refused> {
        let there = self.channel_named(channel)?;
        let is_thread = self.channels.get(&there).is_some_and(|it| it.thread.is_some());
        let speak = if is_thread { SEND_IN_THREADS } else { SEND_MESSAGES };
        let files = if words.attachments.is_empty() { 0 } else { ATTACH_FILES };
        let (user, there) = self.person_in(who, channel, speak | files)?;
        self.open_thread(there).map_err(|refusal| refusal.message.to_owned())?;
        self.slow(there, user).map_err(|refusal| refusal.message.to_owned())?;
        Ok(self.speak(there, Speaker::User(user), words))
    }

    /// Sends files with some words.
    pub fn upload(&mut self, who: &str, channel: &str, text: &str, files: &[File]) -> Result<Id, Refused> {
        let there = self.channel_named(channel)?;
        let mut attachments = Vec::new();
        for file in files {
            let filename = harmless(&file.name);
            let content_type = kind(&filename).to_owned();
            let id = self.store(there, &filename, &content_type, file.bytes.clone());
            let (size, pixels) = (file.bytes.len(), pixels(&file.bytes));
            attachments.push(Attachment { id, filename, size, content_type, description: None, pixels });
        }
        self.say(who, channel, Words { content: text.to_owned(), attachments, ..Words::default() })
    }

    /// Answers a message (`kind` 0) or forwards one (1).
    pub fn refer(&mut self, who: &str, channel: &str, text: &str, to: Id, kind: u8) -> Result<Id, Refused> {
        let from = self.place_of(to)?;
        let reference = Some(Reference { kind, channel: from, message: Some(to) });
        self.say(who, channel, Words { content: text.to_owned(), reference, ..Words::default() })
    }

    /// Where a message is. A thread's first message is in the thread.
    pub fn place_of(&self, message: Id) -> Result<Id, Refused> {
        let holds = self.channels.values().filter(|it| it.messages.contains_key(&message));
        holds.map(|it| it.id).next().ok_or_else(|| format!("there is no message {message}"))
    }

    /// Changes what he said himself.
    pub fn edit(&mut self, who: &str, message: Id, text: &str) -> Result<(), Refused> {
        let (user, channel) = (self.user_named(who)?, self.place_of(message)?);
        let it = self.message(channel, message).filter(|it| it.author == user);
        let it = it.ok_or_else(|| format!("{who} did not say {message}"))?;
        let words = Words { content: text.to_owned(), reference: it.reference, ..Words::default() };
        let mentions = self.mentions(channel, &Speaker::User(user), &words);
        self.change(channel, message, |it| {
            it.content = text.to_owned();
            it.mentions = mentions;
        });
        Ok(())
    }

    /// A preview appears under a link: the message changes, but nobody edited it.
    pub fn unfurl(&mut self, message: Id, embed: Value) -> Result<(), Refused> {
        let channel = self.place_of(message)?;
        if let Some(it) = self.message_mut(channel, message) {
            it.embeds.push(embed);
        }
        self.tell_message("MESSAGE_UPDATE", channel, message);
        Ok(())
    }

    /// Deletes his own message, or another's as a moderator.
    pub fn delete(&mut self, who: &str, message: Id) -> Result<(), Refused> {
        let (user, channel) = (self.user_named(who)?, self.place_of(message)?);
        let own = self.message(channel, message).is_some_and(|it| it.author == user);
        self.person_in(who, &channel.to_string(), if own { 0 } else { MANAGE_MESSAGES })?;
        self.take_away(channel, message);
        Ok(())
    }

    /// Some bot of somebody's deletes many messages at once.
    pub fn bulk_delete(&mut self, channel: &str, messages: &[Id]) -> Result<(), Refused> {
        let channel = self.channel_named(channel)?;
        self.take_many(channel, messages);
        Ok(())
    }

    /// Reacts with an emoji: `🙂`, `name:id`, or the name of one of the guild's own.
    pub fn react_as(&mut self, who: &str, message: Id, emoji: &str) -> Result<(), Refused> {
        let channel = self.place_of(message)?;
        let emoji = self.emoji_called(channel, emoji)?;
        let known = self
            .message(channel, message)
            .is_some_and(|it| it.reactions.iter().any(|it| it.emoji.same(&emoji)));
        let (user, _) = self.person_in(who, &channel.to_string(), if known { 0 } else { ADD_REACTIONS })?;
        if self.react(channel, message, user, &emoji) {
            Ok(())
        } else {
            Err("there are twenty emoji already".into())
        }
    }

    /// Takes a reaction back.
    pub fn unreact_as(&mut self, who: &str, message: Id, emoji: &str) -> Result<(), Refused> {
        let (user, channel) = (self.user_named(who)?, self.place_of(message)?);
        let emoji = self.emoji_called(channel, emoji)?;
        if self.unreact(channel, message, user, &emoji) {
            Ok(())
        } else {
            Err(format!("{who} did not react so"))
        }
    }

    /// A moderator takes all reactions, or all of one emoji.
    pub fn clear_reactions_of(&mut self, message: Id, emoji: Option<&str>) -> Result<(), Refused> {
        let channel = self.place_of(message)?;
        let emoji = emoji.map(|emoji| self.emoji_called(channel, emoji)).transpose()?;
        self.clear_reactions(channel, message, emoji.as_ref());
        Ok(())
    }

    fn emoji_called(&self, channel: Id, text: &str) -> Result<EmojiName, Refused> {
        let guild = self.guild_of(channel).and_then(|id| self.guilds.get(&id));
        let own = guild.and_then(|guild| guild.emoji.iter().find(|it| it.name == text.trim_matches(':')));
        let own = own.map(|it| EmojiName { id: Some(it.id), name: it.name.clone(), animated: it.animated });
        own.or_else(|| EmojiName::read(text)).ok_or_else(|| format!("{text} is no emoji"))
    }

    /// Pins or unpins as somebody.
    pub fn pin_as(&mut self, who: &str, message: Id, pinned: bool) -> Result<(), Refused> {
        let (user, channel) = (self.user_named(who)?, self.place_of(message)?);
        self.set_pinned(channel, message, user, pinned);
        Ok(())
    }

    /// Sends a sticker of the guild.
    pub fn send_sticker(&mut self, who: &str, channel: &str, sticker: &str) -> Result<Id, Refused> {
        let there = self.channel_named(channel)?;
        let guild = self.guild_of(there).and_then(|id| self.guilds.get(&id));
        let found = guild.and_then(|guild| guild.stickers.iter().find(|it| it.name == sticker).cloned());
        let found = found.ok_or_else(|| format!("there is no sticker {sticker}"))?;
        self.say(who, channel, Words { stickers: vec![found], ..Words::default() })
    }

    /// A message wherever it is.
    pub fn message_anywhere(&self, message: Id) -> Option<&Message> {
        self.message(self.place_of(message).ok()?, message)
    }
}
