//! What administrators and thread openers do: channels, overwrites, webhooks, threads, guilds.

use serde_json::{Value, json};

use super::Refused;
use crate::gateway::{Place, intents};
use crate::rest::channels::channel_name;
use crate::state::channel::{FORUM, Overwrite};
use crate::state::permissions::{CREATE_PUBLIC_THREADS, VIEW_CHANNEL};
use crate::state::speech::{Speaker, Words};
use crate::state::{Id, State};

/// Members of a guild from which on those who are away are not told of.
const LARGE: u64 = 250;

impl State {
    /// A new channel.
    pub fn make_channel(&mut self, guild: &str, given: &Value) -> Result<Id, Refused> {
        let guild = self.guild_called(guild).ok_or("there is no such guild")?;
        Ok(self.add_channel(guild, given))
    }

    /// Changes `name`, `topic`, `slow`, `hidden`, `archived`, `locked`: what of them is given.
    pub fn set_channel(&mut self, channel: &str, given: &Value) -> Result<(), Refused> {
        let id = self.channel_named(channel)?;
        let (now, bot) = (self.now(), self.bot.user);
        let Some(it) = self.channels.get_mut(&id) else { return Ok(()) };
        if let Some(name) = given["name"].as_str() {
            it.name = channel_name(it.kind, name);
        }
        if given.get("topic").is_some() {
            it.topic = given["topic"].as_str().filter(|topic| !topic.is_empty()).map(ToOwned::to_owned);
        }
        if let Some(slow) = given["slow"].as_u64() {
            it.slow = u32::try_from(slow).unwrap_or(0);
        }
        let guild = it.guild;
        if let Some(hidden) = given["hidden"].as_bool() {
            let about = |id: Id, member| move |it: &Overwrite| it.id == id && it.member == member;
            it.overwrites.retain(|it| !about(guild, false)(it) && !about(bot, true)(it));
            if hidden {
                it.overwrites.push(Overwrite { id: guild, member: false, allow: 0, deny: VIEW_CHANNEL });
                it.overwrites.push(Overwrite { id: bot, member: true, allow: VIEW_CHANNEL, deny: 0 });
            }
        }
        let thread = it.thread.as_mut();
        let is_thread = thread.is_some();
        if let Some(thread) = thread {
            thread.locked = given["locked"].as_bool().unwrap_or(thread.locked);
            if let Some(archived) = given["archived"].as_bool() {
                (thread.archived, thread.changed) = (archived, now);
            }
        }
        self.tell_channel(if is_thread { "THREAD_UPDATE" } else { "CHANNEL_UPDATE" }, id);
        Ok(())
    }

    /// Gives or takes bits in a channel, by name of a role or of a member. `None` takes the overwrite away.
    pub fn overwrite(&mut self, channel: &str, of: &str, bits: Option<(u64, u64)>) -> Result<(), Refused> {
        let channel = self.channel_named(channel)?;
        let guild = self.guild_of(channel).unwrap_or_default();
        let role = self.role_called(guild, of);
        let id = role.map_or_else(|| self.user_named(of), Ok)?;
        let Some(it) = self.channels.get_mut(&channel) else { return Ok(()) };
        it.overwrites.retain(|it| it.id != id);
        if let Some((allow, deny)) = bits {
            it.overwrites.push(Overwrite { id, member: role.is_none(), allow, deny });
        }
        self.tell_channel("CHANNEL_UPDATE", channel);
        Ok(())
    }

    /// A channel or thread goes.
    pub fn delete_channel_called(&mut self, channel: &str) -> Result<(), Refused> {
        let id = self.channel_named(channel)?;
        self.remove_channel(id);
        Ok(())
    }

    /// Opens a thread, from a message where one is given; in a forum, a post with its first message.
    pub fn open_thread_as(
        &mut self,
        who: &str,
        channel: &str,
        name: &str,
        from: Option<Id>,
    ) -> Result<Id, Refused> {
        let (user, there) = self.person_in(who, channel, CREATE_PUBLIC_THREADS)?;
        if self.channels.get(&there).is_some_and(|it| it.kind == FORUM) {
            return Err("a forum's post has a first message: say `post`".into());
        }
        match from {
            Some(message) => {
                self.open_from(there, message, name, user);
                Ok(message)
            }
            None => Ok(self.open_alone(there, name, user)),
        }
    }

    /// A post in a forum; the thread's id, which is its first message's as well.
    pub fn post(&mut self, who: &str, forum: &str, name: &str, text: &str) -> Result<Id, Refused> {
        let (user, there) = self.person_in(who, forum, CREATE_PUBLIC_THREADS)?;
        let id = self.id();
        self.new_thread(id, there, name, user);
        let words = Words { content: text.to_owned(), ..Words::default() };
        self.speak_as(id, id, Speaker::User(user), words);
        Ok(id)
    }

    /// An administrator deletes all webhooks of a channel; how many there were.
    pub fn drop_webhooks(&mut self, channel: &str) -> Result<usize, Refused> {
        let channel = self.channel_named(channel)?;
        let before = self.webhooks.len();
        self.webhooks.retain(|_, hook| hook.channel != channel);
        self.webhooks_changed(channel);
        Ok(before - self.webhooks.len())
    }

    /// Somebody makes a webhook of his own; its id.
    pub fn make_webhook(&mut self, who: &str, channel: &str, name: &str) -> Result<Id, Refused> {
        let (user, channel) = (self.user_named(who)?, self.channel_named(channel)?);
        Ok(self.new_webhook(channel, name, None, user))
    }

    /// Another program speaks through a webhook, by the webhook's name or id.
    pub fn webhook_says(&mut self, hook: &str, name: &str, text: &str) -> Result<Id, Refused> {
        let found = self.webhooks.values().find(|it| it.name == hook || it.id.to_string() == hook).cloned();
        let found = found.ok_or_else(|| format!("there is no webhook {hook}"))?;
        let persona =
            crate::state::message::Persona { name: name.to_owned(), avatar: None, avatar_url: None };
        let channel = found.channel;
        let words = Words { content: text.to_owned(), ..Words::default() };
        Ok(self.speak(channel, Speaker::Webhook(Box::new(found), persona), words))
    }

    /// A guild goes into an outage, or comes back from it.
    pub fn set_unavailable(&mut self, guild: &str, away: bool) -> Result<(), Refused> {
        let id = self.guild_called(guild).ok_or("there is no such guild")?;
        if let Some(guild) = self.guilds.get_mut(&id) {
            guild.unavailable = away;
        }
        if away {
            self.tell_guild_gone(id, false);
        } else {
            self.tell_guild_back(id);
        }
        Ok(())
    }

    /// GUILD_CREATE to all sessions, each with what its intents let it see.
    pub fn tell_guild_back(&mut self, id: Id) {
        let now = std::time::Instant::now();
        let wanted = |session: &crate::gateway::Session| session.intents & intents::GUILDS != 0;
        let sessions = self.gateway.sessions.iter().filter(|(_, session)| wanted(session));
        let sessions: Vec<_> = sessions.map(|(key, session)| (key.clone(), session.intents)).collect();
        for (key, wanted) in sessions {
            let Some(event) = self.guilds.get(&id).map(|guild| self.guild_create(guild, wanted, LARGE))
            else {
                return;
            };
            if let Some(session) = self.gateway.sessions.get_mut(&key) {
                session.dispatch("GUILD_CREATE", event, now);
            }
        }
    }

    /// The bot is thrown out of a guild.
    pub fn remove_bot(&mut self, guild: &str) -> Result<(), Refused> {
        let id = self.guild_called(guild).ok_or("there is no such guild")?;
        let bot = self.bot.user;
        self.tell_guild_gone(id, true);
        if let Some(guild) = self.guilds.get_mut(&id) {
            guild.members.remove(&bot);
        }
        self.webhooks.retain(|_, hook| hook.guild != id || hook.application != Some(bot));
        Ok(())
    }

    /// A role of the guild changes what it may.
    pub fn set_role_permissions(&mut self, guild: &str, role: &str, permissions: u64) -> Result<(), Refused> {
        let guild = self.guild_called(guild).ok_or("there is no such guild")?;
        let role = self.role_called(guild, role).ok_or_else(|| format!("there is no role {role}"))?;
        let Some(it) = self.guilds.get_mut(&guild).and_then(|guild| guild.roles.get_mut(&role)) else {
            return Ok(());
        };
        it.permissions = permissions;
        let event = json!({"guild_id": guild.to_string(), "role": it.json()});
        self.tell("GUILD_ROLE_UPDATE", event, Place::Guild(guild));
        Ok(())
    }
}
