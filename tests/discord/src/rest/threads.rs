//! Threads and forum posts: opened, joined, listed (topics/threads.mdx).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::refusals::{HAS_THREAD as ALREADY, UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, WRONG_TYPE};
use super::{Call, Reply, created, nothing, ok};
use crate::gateway::Place;
use crate::state::channel::{Channel, FORUM, NEWS, TEXT, THREAD, Thread};
use crate::state::message::{HAS_THREAD, Reference, THREAD_CREATED, THREAD_STARTER};
use crate::state::permissions::{CREATE_PUBLIC_THREADS, READ_MESSAGE_HISTORY, SEND_MESSAGES, VIEW_CHANNEL};
use crate::state::speech::{Speaker, Words};
use crate::state::{Id, State};

impl State {
    /// Operations on threads.
    pub fn about_threads(&mut self, call: &Call) -> Option<Reply> {
        Some(match call.operation {
            "create_thread_from_message" => self.thread_from_message(call),
            "create_thread" => self.create_thread(call),
            "join_thread" => self.join_thread(call, true),
            "leave_thread" => self.join_thread(call, false),
            "list_thread_members" => self.thread_members(call),
            "get_active_guild_threads" => self.active_threads(call),
            "list_public_archived_threads" => self.archived_threads(call),
            _ => return None,
        })
    }

    fn thread_from_message(&mut self, call: &Call) -> Reply {
        let (channel, message) = self.readable(call)?;
        let kind = self.may(channel, CREATE_PUBLIC_THREADS)?.kind;
        if ![TEXT, NEWS].contains(&kind) {
            return Err(WRONG_TYPE);
        }
        if self.message(channel, message).is_some_and(|it| it.thread.is_some()) {
            return Err(ALREADY);
        }
        let name = call.body["name"].as_str().unwrap_or_default().to_owned();
        self.open_from(channel, message, &name, self.bot.user);
        self.thread_reply(message)
    }

    /// Opens a thread from a message, whose id it gets.
    pub fn open_from(&mut self, channel: Id, message: Id, name: &str, by: Id) {
        self.new_thread(message, channel, name, by);
        if let Some(it) = self.message_mut(channel, message) {
            it.thread = Some(message);
            it.flags |= HAS_THREAD;
        }
        self.tell_message("MESSAGE_UPDATE", channel, message);
        let reference = Some(Reference { kind: 0, channel, message: Some(message) });
        let author = self.message(channel, message).map_or(by, |it| it.author);
        let speaker = Speaker::User(if self.users.contains_key(&author) { author } else { by });
        self.speak(message, speaker, Words { kind: THREAD_STARTER, reference, ..Words::default() });
    }

    fn create_thread(&mut self, call: &Call) -> Reply {
        let channel = call.id("channel_id")?;
        let kind = self.may(channel, 0)?.kind;
        let name = call.body["name"].as_str().unwrap_or_default().to_owned();
        let bot = self.bot.user;
        match kind {
            FORUM => {
                self.may(channel, SEND_MESSAGES)?;
                let words = self.compose(call, &call.body["message"], channel)?;
                let id = self.id();
                self.new_thread(id, channel, &name, bot);
                self.speak_as(id, id, Speaker::User(bot), words);
                let mut json = self.channels.get(&id).map_or(Value::Null, |it| self.channel_json(it));
                json["message"] = self.message(id, id).map_or(Value::Null, |it| self.message_json(it));
                created(json)
            }
            TEXT | NEWS => {
                self.may(channel, CREATE_PUBLIC_THREADS)?;
                let id = self.open_alone(channel, &name, bot);
                self.thread_reply(id)
            }
            _ => Err(WRONG_TYPE),
        }
    }

    /// Opens a thread without a message; the channel says so.
    pub fn open_alone(&mut self, channel: Id, name: &str, by: Id) -> Id {
        let id = self.id();
        self.new_thread(id, channel, name, by);
        let reference = Some(Reference { kind: 0, channel: id, message: None });
        let words = Words { kind: THREAD_CREATED, content: name.to_owned(), reference, ..Words::default() };
        self.speak(channel, Speaker::User(by), words);
        id
    }

    /// A new thread with its opener in it; `by` may be a webhook.
    pub fn new_thread(&mut self, id: Id, parent: Id, name: &str, by: Id) {
        let Some(guild) = self.guild_of(parent) else { return };
        let now = self.now();
        let mut channel = Channel::new(id, guild, THREAD, name);
        channel.parent = Some(parent);
        let members =
            if self.users.contains_key(&by) { BTreeMap::from([(by, now)]) } else { BTreeMap::new() };
        channel.thread = Some(Thread {
            owner: by,
            archived: false,
            locked: false,
            changed: now,
            auto_archive: 1440,
            members,
            tags: Vec::new(),
            said: 0,
        });
        let mut event = self.channel_json(&channel);
        event["newly_created"] = json!(true);
        self.channels.insert(id, channel);
        self.tell("THREAD_CREATE", event, Place::Channel(id));
    }

    fn thread_reply(&self, id: Id) -> Reply {
        self.channels.get(&id).map_or(Err(UNKNOWN_MESSAGE), |it| created(self.channel_json(it)))
    }

    fn join_thread(&mut self, call: &Call, joins: bool) -> Reply {
        let id = call.id("channel_id")?;
        self.may(id, 0)?;
        self.open_thread(id)?;
        self.set_in_thread(id, self.bot.user, joins);
        nothing()
    }

    /// Somebody enters or leaves a thread.
    pub fn set_in_thread(&mut self, id: Id, user: Id, joins: bool) {
        let now = self.now();
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let guild = channel.guild;
        let Some(thread) = &mut channel.thread else { return };
        if thread.members.contains_key(&user) == joins {
            return;
        }
        if joins {
            thread.members.insert(user, now);
        } else {
            thread.members.remove(&user);
        }
        let count = thread.members.len();
        let (added, removed) = if joins {
            (json!([self.thread_member(id, user, now)]), json!([]))
        } else {
            (json!([]), json!([user.to_string()]))
        };
        let event = json!({"id": id.to_string(), "guild_id": guild.to_string(), "member_count": count,
                           "added_members": added, "removed_member_ids": removed});
        self.tell("THREAD_MEMBERS_UPDATE", event, Place::Channel(id));
    }

    fn thread_members(&self, call: &Call) -> Reply {
        let channel = self.may(call.id("channel_id")?, 0)?;
        let thread = channel.thread.as_ref().ok_or(UNKNOWN_CHANNEL)?;
        let full = call.asked("with_member") == Some("true");
        let member = |(user, since): (&Id, &u64)| {
            let mut json = self.thread_member(channel.id, *user, *since);
            if let Some(member) = self.member(channel.guild, *user).filter(|_| full) {
                json["member"] = self.member_json(member);
            }
            json
        };
        ok(thread.members.iter().map(member).collect())
    }

    fn active_threads(&self, call: &Call) -> Reply {
        let guild = self.may_in(call.id("guild_id")?, 0)?.id;
        let open = self.channels.values().filter(|it| it.guild == guild);
        let open = open.filter(|it| it.thread.as_ref().is_some_and(|thread| !thread.archived));
        let seen = open.filter(|it| self.permissions(it.id, self.bot.user) & VIEW_CHANNEL != 0);
        let threads: Vec<&Channel> = seen.collect();
        ok(self.threads_json(&threads, false))
    }

    fn archived_threads(&self, call: &Call) -> Reply {
        let parent = self.may(call.id("channel_id")?, READ_MESSAGE_HISTORY)?.id;
        let before = call.asked("before").and_then(crate::clock::read_iso).unwrap_or(u64::MAX);
        let away = self.channels.values().filter(|it| it.parent == Some(parent));
        let fits = |it: &&Channel| {
            it.thread.as_ref().is_some_and(|thread| thread.archived && thread.changed < before)
        };
        let mut away: Vec<&Channel> = away.filter(fits).collect();
        away.sort_by_key(|it| std::cmp::Reverse(it.thread.as_ref().map(|thread| thread.changed)));
        let limit = call.limit(50);
        let more = away.len() > limit;
        away.truncate(limit);
        ok(self.threads_json(&away, more))
    }

    fn threads_json(&self, threads: &[&Channel], more: bool) -> Value {
        let bot = self.bot.user;
        let own =
            |it: &&Channel| Some(self.thread_member(it.id, bot, *it.thread.as_ref()?.members.get(&bot)?));
        json!({
            "threads": threads.iter().map(|it| self.channel_json(it)).collect::<Vec<_>>(),
            "members": threads.iter().filter_map(own).collect::<Vec<_>>(), "has_more": more,
        })
    }
}
