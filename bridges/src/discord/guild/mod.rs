//! What we know of the guild: its roles, people, channels and threads. Events change it; nothing here asks the network.

mod people;
pub(super) mod permissions;
#[cfg(test)]
pub(super) mod tests;

use super::markdown::Names;
use super::snowflake::Id;
use super::wire::{self, Channel, Member, Role, User};
use crate::network::About;
use std::collections::HashMap;
use std::time::Duration;

/// People that are kept of one guild. More are heard, but not listed.
const PEOPLE: usize = 200_000;

/// Threads that are kept.
const THREADS: usize = 5_000;

/// A channel that holds posts, each of them a thread.
const FORUM: [u64; 2] = [15, 16];

/// The guild.
#[derive(Debug, Default)]
pub(super) struct Guild {
    pub id: Option<Id>,
    pub name: String,
    pub owner: Option<Id>,
    /// We.
    pub me: Id,
    /// Our application, whose webhooks are ours.
    pub application: Id,
    pub roles: HashMap<Id, Role>,
    pub members: HashMap<Id, Person>,
    pub channels: HashMap<Id, Channel>,
    pub threads: HashMap<Id, Channel>,
    /// Where pictures lie.
    pub cdn: String,
}

/// Somebody in the guild.
#[derive(Debug, Clone, Default)]
pub(super) struct Person {
    pub user: User,
    pub nick: Option<String>,
    pub avatar: Option<String>,
    pub roles: Vec<Id>,
    pub away: bool,
}

impl Guild {
    /// All that GUILD_CREATE tells, in the place of what was known.
    pub fn created(&mut self, guild: wire::Guild, presences: bool) {
        self.id = Some(guild.id);
        self.name = guild.name;
        self.owner = guild.owner_id;
        self.roles = guild.roles.into_iter().map(|role| (role.id, role)).collect();
        self.channels = guild.channels.into_iter().map(|channel| (channel.id, channel)).collect();
        self.threads = guild.threads.into_iter().take(THREADS).map(|thread| (thread.id, thread)).collect();
        self.members.clear();
        for member in guild.members {
            self.met(member);
        }
        if presences {
            let here: Vec<Id> =
                guild.presences.iter().filter(|p| p.status == "online").map(|p| p.user.id).collect();
            for person in self.members.values_mut() {
                person.away = !here.contains(&person.user.id);
            }
        }
    }

    /// Somebody is in the guild, or is otherwise than he was.
    pub fn met(&mut self, member: Member) -> Option<Id> {
        let user = member.user?;
        let id = user.id;
        if self.members.len() >= PEOPLE && !self.members.contains_key(&id) {
            return None;
        }
        let away = self.members.get(&id).is_some_and(|person| person.away);
        let (nick, avatar, roles) = (member.nick, member.avatar, member.roles);
        self.members.insert(id, Person { user, nick, avatar, roles, away });
        Some(id)
    }

    /// A channel or thread that is new or has changed.
    pub fn channel_is(&mut self, channel: Channel) {
        if is_thread(&channel) {
            if self.threads.len() >= THREADS
                && let Some(oldest) = self.threads.keys().min().copied()
            {
                self.threads.remove(&oldest);
            }
            self.threads.insert(channel.id, channel);
        } else {
            self.channels.insert(channel.id, channel);
        }
    }

    /// The channel whose room this is: the channel itself, or the one above a thread.
    pub fn room_of(&self, channel: Id) -> Option<Id> {
        match self.threads.get(&channel) {
            Some(thread) => thread.parent_id,
            None => self.channels.contains_key(&channel).then_some(channel),
        }
    }

    /// The channel of a room, if we know it.
    pub fn room(&self, room: Id) -> Option<&Channel> {
        self.channels.get(&room)
    }

    /// The room has posts, each of them a thread; nothing is said beside them.
    pub fn is_forum(&self, room: Id) -> bool {
        self.room(room).is_some_and(|channel| FORUM.contains(&channel.kind))
    }

    /// What is known of a room itself.
    pub fn about(&self, channel: &Channel) -> About {
        let name = crate::model::harmless_line(&channel.name);
        About {
            name: (!name.is_empty()).then(|| format!("#{name}")),
            hidden: self.hidden(channel),
            slow: (channel.rate_limit_per_user > 0).then(|| Duration::from_secs(channel.rate_limit_per_user)),
        }
    }
}

/// Announcement threads, public threads and private ones.
pub(super) fn is_thread(channel: &Channel) -> bool {
    (10..=12).contains(&channel.kind)
}

/// Channels that a room can be: text, announcements, voice's and stage's text, forums.
pub(super) fn holds_words(channel: &Channel) -> bool {
    matches!(channel.kind, 0 | 2 | 5 | 13 | 15 | 16)
}

impl Names for Guild {
    fn user(&self, id: u64) -> Option<(String, String)> {
        let person = self.members.get(&Id(id))?;
        let author = self.author(&person.user, None);
        Some((author.id.to_string(), author.nick.to_string()))
    }

    fn role(&self, id: u64) -> Option<String> {
        self.roles.get(&Id(id)).map(|role| role.name.clone())
    }

    fn channel(&self, id: u64) -> Option<String> {
        let id = Id(id);
        self.channels.get(&id).or_else(|| self.threads.get(&id)).map(|channel| channel.name.clone())
    }
}
