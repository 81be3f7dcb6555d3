//! Channels and threads: made, changed, gone.

use super::{Out, State, read};
use crate::discord::snowflake::Id;
use crate::discord::wire::Channel;
use crate::model::{Act, Message, harmless_line};
use crate::network::{Incoming, NetworkError};
use serde_json::Value;
use std::time::SystemTime;

impl State {
    /// CHANNEL_… and THREAD_….
    pub(super) fn channels_changed(&mut self, name: &str, data: Value, out: &mut Out) {
        match name {
            "CHANNEL_CREATE" | "CHANNEL_UPDATE" => read(data, |channel| self.channel_changed(channel, out)),
            "CHANNEL_DELETE" => read(data, |channel: Channel| {
                self.guild.channels.remove(&channel.id);
                self.guild.threads.retain(|_, thread| thread.parent_id != Some(channel.id));
                if let Some(room) = self.rooms.get_mut(&channel.id) {
                    room.told = false;
                    let why = NetworkError::NotFound(format!("the channel \"{}\" was deleted", channel.name));
                    out.tell(channel.id, Incoming::Lost(why));
                }
            }),
            "THREAD_CREATE" => read(data, |thread| self.thread_begun(thread, out)),
            "THREAD_UPDATE" => read(data, |thread| self.guild.channel_is(thread)),
            "THREAD_DELETE" => read(data, |thread: Channel| {
                self.guild.threads.remove(&thread.id);
            }),
            "THREAD_LIST_SYNC" => {
                for thread in data.get("threads").and_then(Value::as_array).into_iter().flatten() {
                    read(thread.clone(), |thread| self.guild.channel_is(thread));
                }
            }
            _ => {}
        }
    }

    fn channel_changed(&mut self, channel: Channel, out: &mut Out) {
        let id = channel.id;
        let before = self.guild.channels.get(&id).cloned();
        self.guild.channel_is(channel.clone());
        let Some(room) = self.rooms.get(&id).filter(|_| self.complete) else { return };
        if !room.told {
            // The bot may have been let in.
            self.welcome(id, out);
            return;
        }
        if let Some(error) = self.barred(id) {
            if let Some(room) = self.rooms.get_mut(&id) {
                room.told = false;
            }
            return out.tell(id, Incoming::Lost(error));
        }
        self.retell(&channel, out);
        self.tell_topic(id, out);
        let rights =
            before.is_none_or(|before| before.permission_overwrites != channel.permission_overwrites);
        if rights && self.settings.members {
            self.list(id, out);
        }
    }

    /// What is known of the room itself, where it has changed.
    pub(super) fn retell(&mut self, channel: &Channel, out: &mut Out) {
        let about = self.guild.about(channel);
        let Some(room) = self.rooms.get_mut(&channel.id) else { return };
        if room.about.as_ref() != Some(&about) {
            room.about = Some(about.clone());
            out.tell(channel.id, Incoming::About(about));
        }
    }

    /// The topic, where it is another than the room knows.
    pub(super) fn tell_topic(&mut self, id: Id, out: &mut Out) {
        let Some(channel) = self.guild.channels.get(&id).filter(|_| self.settings.topic) else { return };
        let topic = harmless_line(channel.topic.as_deref().unwrap_or_default());
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let known = room.topic.replace(topic.clone());
        if known.unwrap_or_default() != topic {
            let author = self.nobody(id);
            out.did(id, None, author, SystemTime::now(), Act::Subject(topic));
        }
    }

    /// A thread was begun, or we may see it from now on. Where a message began it, nothing else tells; a post of a forum and
    /// a thread of its own are told by their first message.
    fn thread_begun(&mut self, thread: Channel, out: &mut Out) {
        self.guild.channel_is(thread.clone());
        let room = thread.parent_id.filter(|room| self.rooms.get(room).is_some_and(|room| room.told));
        let Some(room) = room.filter(|_| thread.newly_created && self.settings.threads) else { return };
        let from_message = self.rooms.get(&room).is_some_and(|room| room.past.has(thread.id));
        if self.guild.is_forum(room) || !from_message || thread.owner_id == Some(self.guild.me) {
            return;
        }
        let author = thread.owner_id.map_or_else(|| self.nobody(room), |owner| self.guild.author_of(owner));
        let mut said = Message::action(format!("started a thread: {}", harmless_line(&thread.name)));
        said.thread = Some(thread.id.to_string().into());
        out.did(room, None, author, SystemTime::now(), Act::Say(said));
    }
}
