//! Messages: said, edited, deleted.

use super::{Ask, Out, State, words};
use crate::discord::snowflake::{Id, Place};
use crate::discord::wire;
use crate::model::{Act, Message};
use crate::network::{Incoming, RemoteId};
use serde_json::Value;
use std::time::SystemTime;

/// Channels that were looked up and are none of the guild's.
const STRANGE: usize = 1_000;

impl State {
    /// MESSAGE_CREATE.
    pub(super) fn said(&mut self, name: &str, data: Value, message: wire::Message, out: &mut Out) {
        let channel = message.channel_id;
        if self.guild.room_of(channel).is_none() {
            // A thread that woke up, or a private conversation: the channel itself will tell.
            if message.guild_id.is_some() && !self.strange.contains(&channel) && self.settings.threads {
                if self.strange.len() >= STRANGE {
                    self.strange.clear();
                }
                self.strange.insert(channel);
                out.asks.push(Ask::Channel(channel, name.to_owned(), data));
            }
            return;
        }
        self.tell_message(&message, out);
    }

    /// A message is told, unless it was before, or is ours.
    pub fn tell_message(&mut self, message: &wire::Message, out: &mut Out) {
        let Some((room, place)) = self.place(message.channel_id, message.id) else { return };
        let Some(past) = self.rooms.get_mut(&room).map(|room| &mut room.past) else { return };
        let in_thread = place.channel != room;
        if !past.note(message.id, message.edited_timestamp.as_deref(), in_thread) || self.is_ours(message) {
            return;
        }
        self.warn_if_empty(message, out);
        let Some(author) = self.speaker(message) else { return };
        if let Some(user) = &message.author {
            self.typing.remove(&(room, user.id));
        }
        let Some(said) = words::said(&self.guild, message, room) else { return };
        self.files.note(place, message);
        out.did(room, Some(place.name(room)), author, message.id.made(), Act::Say(said));
    }

    /// MESSAGE_UPDATE: an edit where its time changed; else links were resolved, a thread begun, a poll ended.
    pub fn edited(&mut self, message: wire::Message, out: &mut Out) {
        let Some(edited) = message.edited_timestamp.as_deref() else { return };
        let Some((room, place)) = self.place(message.channel_id, message.id) else { return };
        if self.is_ours(&message) || message.content.is_none() {
            return;
        }
        let changed = self.rooms.get_mut(&room).is_some_and(|room| room.past.edit(message.id, edited));
        let (Some(author), true) = (self.speaker(&message), changed) else { return };
        let Some(now) = words::said(&self.guild, &message, room) else { return };
        // What it answers has not changed.
        let now = Message { reply: None, ..now };
        out.did(room, None, author, SystemTime::now(), Act::Edit { of: place.name(room), now });
    }

    /// MESSAGE_DELETE and MESSAGE_DELETE_BULK. Nobody is named: it may have been its author, or a moderator.
    pub(super) fn erased(&mut self, data: &Value, out: &mut Out) {
        let id = |value: &Value| value.as_str().and_then(Id::read);
        let Some(channel) = data.get("channel_id").and_then(id) else { return };
        let mut all: Vec<Id> = data.get("id").and_then(id).into_iter().collect();
        if let Some(many) = data.get("ids").and_then(Value::as_array) {
            all.extend(many.iter().filter_map(id));
        }
        all.retain(|message| {
            let ours = self.deleting.iter().position(|deleting| deleting == message);
            ours.is_none_or(|at| self.deleting.remove(at).is_none())
        });
        let Some((room, _)) = self.place(channel, Id(0)) else { return };
        self.tell_erased(room, channel, &all, out);
    }

    /// These messages are no more.
    pub fn tell_erased(&mut self, room: Id, channel: Id, all: &[Id], out: &mut Out) {
        let Some(past) = self.rooms.get_mut(&room).map(|room| &mut room.past) else { return };
        for message in all {
            past.forget(*message);
        }
        let of: Vec<RemoteId> =
            all.iter().map(|message| Place { channel, message: *message }.name(room)).collect();
        if !of.is_empty() {
            out.tell(room, Incoming::Erased { of, by: None, reason: None });
        }
    }

    /// Without the privilege to read, what others say comes empty: the operator must know.
    fn warn_if_empty(&mut self, message: &wire::Message, out: &mut Out) {
        let empty = message.kind == 0
            && message.content.as_deref().is_none_or(str::is_empty)
            && message.attachments.is_empty()
            && message.embeds.is_empty()
            && message.sticker_items.is_empty()
            && message.components.is_empty()
            && message.message_snapshots.is_empty()
            && message.poll.is_none();
        if empty && !self.told_empty {
            self.told_empty = true;
            let told = crate::discord::gateway::switch_on(&["\"Message Content Intent\""]);
            out.tell_all(Incoming::Notice(told));
        }
    }
}
