//! Guilds: their channels, roles, members and bans (resources/guild.mdx).

use serde_json::{Value, json};

use super::refusals::{NO_PERMISSION, Refusal, UNKNOWN_BAN, UNKNOWN_MEMBER, UNKNOWN_USER, field};
use super::{Call, Reply, nothing, ok};
use crate::clock;
use crate::gateway::Place;
use crate::state::guild::{Emoji, Member, Role, User};
use crate::state::permissions::{
    BAN_MEMBERS, CHANGE_NICKNAME, KICK_MEMBERS, MANAGE_NICKNAMES, MANAGE_ROLES, MODERATE_MEMBERS,
};
use crate::state::{Id, State};

/// The longest time-out, in milliseconds.
const TIMEOUT: u64 = 28 * 24 * 3600 * 1000;

impl State {
    /// Operations on guilds.
    pub fn about_guilds(&mut self, call: &Call) -> Option<Reply> {
        Some(match call.operation {
            "list_my_guilds" => self.my_guilds(),
            "get_guild" => self.one_guild(call),
            "list_guild_channels" => self.guild_channels(call),
            "list_guild_roles" => self.in_guild(call, |guild| guild.roles.values().map(Role::json).collect()),
            "list_guild_emojis" => self.in_guild(call, |guild| guild.emoji.iter().map(Emoji::json).collect()),
            "list_guild_members" => self.list_members(call),
            "search_guild_members" => self.search_members(call),
            "get_guild_member" => self.one_member(call),
            "update_guild_member" => self.update_member(call),
            "update_my_guild_member" => self.update_me(call),
            "delete_guild_member" => self.kick(call),
            "list_guild_bans" => self.list_bans(call),
            "get_guild_ban" => self.one_ban(call),
            "ban_user_from_guild" => self.ban(call),
            "unban_user_from_guild" => self.unban(call),
            _ => return None,
        })
    }

    fn in_guild(&self, call: &Call, json: fn(&crate::state::guild::Guild) -> Value) -> Reply {
        ok(json(self.may_in(call.id("guild_id")?, 0)?))
    }

    fn my_guilds(&self) -> Reply {
        let mine = self.guilds.values().filter(|guild| guild.members.contains_key(&self.bot.user));
        let json = |guild: &crate::state::guild::Guild| {
            json!({"id": guild.id.to_string(), "name": guild.name, "icon": null, "banner": null, "features": [],
                   "owner": guild.owner == self.bot.user,
                   "permissions": self.base_permissions(guild.id, self.bot.user).to_string()})
        };
        ok(mine.map(json).collect())
    }

    fn one_guild(&self, call: &Call) -> Reply {
        let guild = self.may_in(call.id("guild_id")?, 0)?;
        let mut json = self.guild_json(guild);
        if call.asked("with_counts") == Some("true") {
            json["approximate_member_count"] = json!(guild.members.len());
            json["approximate_presence_count"] =
                json!(guild.members.values().filter(|member| member.status != "offline").count());
        }
        ok(json)
    }

    /// Without threads.
    fn guild_channels(&self, call: &Call) -> Reply {
        let guild = self.may_in(call.id("guild_id")?, 0)?.id;
        let channels = self.channels.values().filter(|it| it.guild == guild && it.thread.is_none());
        ok(channels.map(|it| self.channel_json(it)).collect())
    }

    fn list_members(&self, call: &Call) -> Reply {
        let guild = self.may_in(call.id("guild_id")?, 0)?;
        if !self.bot.privileged.members {
            return Err(super::refusals::NO_ACCESS);
        }
        let after = call.asked_id("after").unwrap_or(0);
        let members = guild.members.range(after + 1..).take(call.limit(1));
        ok(members.map(|(_, member)| self.member_json(member)).collect())
    }

    fn search_members(&self, call: &Call) -> Reply {
        let guild = self.may_in(call.id("guild_id")?, 0)?;
        let begin = call.asked("query").unwrap_or_default().to_lowercase();
        let fits = |member: &&Member| {
            let username = self.users.get(&member.user).map(|user| user.username.to_lowercase());
            self.shown_name(guild.id, member.user).to_lowercase().starts_with(&begin)
                || username.is_some_and(|name| name.starts_with(&begin))
        };
        let found = guild.members.values().filter(fits).take(call.limit(1));
        ok(found.map(|member| self.member_json(member)).collect())
    }

    fn one_member(&self, call: &Call) -> Reply {
        let guild = self.may_in(call.id("guild_id")?, 0)?;
        let user = call.id("user_id")?;
        let unknown = if self.users.contains_key(&user) { UNKNOWN_MEMBER } else { UNKNOWN_USER };
        guild.members.get(&user).map_or(Err(unknown), |member| ok(self.member_json(member)))
    }

    /// A member that stands under the bot.
    fn below(&self, call: &Call, needs: u64) -> Result<(Id, Id), Refusal> {
        let (guild, user) = (call.id("guild_id")?, call.id("user_id")?);
        let there = self.may_in(guild, needs)?;
        if !there.members.contains_key(&user) {
            return Err(UNKNOWN_MEMBER);
        }
        if self.height(guild, user) >= self.height(guild, self.bot.user) && user != self.bot.user {
            return Err(NO_PERMISSION);
        }
        Ok((guild, user))
    }

    fn update_member(&mut self, call: &Call) -> Reply {
        let has = |key: &str| call.body.get(key).is_some();
        let mut needs = 0;
        for (key, bit) in [("nick", MANAGE_NICKNAMES), ("roles", MANAGE_ROLES)] {
            needs |= if has(key) { bit } else { 0 };
        }
        needs |= if has("communication_disabled_until") { MODERATE_MEMBERS } else { 0 };
        let (guild, user) = self.below(call, needs)?;
        let until = call.body["communication_disabled_until"].as_str().and_then(clock::read_iso);
        if until.is_some_and(|until| until > self.now() + TIMEOUT) {
            let says = "Timeouts last 28 days at most.";
            return Err(field("communication_disabled_until", "GUILD_MEMBER_INVALID_TIMEOUT", says));
        }
        self.change_member(guild, user, |member| {
            if has("nick") {
                member.nick =
                    call.body["nick"].as_str().filter(|nick| !nick.is_empty()).map(ToOwned::to_owned);
            }
            if let Some(roles) = call.body["roles"].as_array() {
                member.roles = roles.iter().filter_map(|id| id.as_str()?.parse().ok()).collect();
            }
            if has("communication_disabled_until") {
                member.timeout = until;
            }
        });
        self.member(guild, user).map_or(Err(UNKNOWN_MEMBER), |member| ok(self.member_json(member)))
    }

    fn update_me(&mut self, call: &Call) -> Reply {
        let (guild, bot) = (call.id("guild_id")?, self.bot.user);
        self.may_in(guild, CHANGE_NICKNAME)?;
        let nick = call.body["nick"].as_str().filter(|nick| !nick.is_empty()).map(ToOwned::to_owned);
        self.change_member(guild, bot, |member| member.nick = nick);
        self.member(guild, bot).map_or(Err(UNKNOWN_MEMBER), |member| ok(self.member_json(member)))
    }

    /// A member becomes another, and all who asked for it hear so.
    pub fn change_member(&mut self, guild: Id, user: Id, change: impl FnOnce(&mut Member)) {
        let member = self.guilds.get_mut(&guild).and_then(|guild| guild.members.get_mut(&user));
        let Some(member) = member else { return };
        change(member);
        let member = member.clone();
        let mut event = self.member_json(&member);
        event["guild_id"] = json!(guild.to_string());
        self.tell("GUILD_MEMBER_UPDATE", event, Place::Guild(guild));
    }

    fn kick(&mut self, call: &Call) -> Reply {
        let (guild, user) = self.below(call, KICK_MEMBERS)?;
        self.remove_member(guild, user);
        nothing()
    }

    /// A member is gone.
    pub fn remove_member(&mut self, guild: Id, user: Id) {
        let gone = self.guilds.get_mut(&guild).and_then(|guild| guild.members.remove(&user));
        if let Some(user) = self.users.get(&user).filter(|_| gone.is_some()) {
            let event = json!({"guild_id": guild.to_string(), "user": user.json()});
            self.tell("GUILD_MEMBER_REMOVE", event, Place::Guild(guild));
        }
    }

    fn list_bans(&self, call: &Call) -> Reply {
        let guild = self.may_in(call.id("guild_id")?, BAN_MEMBERS)?;
        let after = call.asked_id("after").unwrap_or(0);
        let bans = guild.bans.range(after + 1..).take(call.limit(1000));
        let json = |(user, reason): (&Id, &Option<String>)| {
            Some(json!({"user": self.users.get(user)?.json(), "reason": reason}))
        };
        ok(bans.filter_map(json).collect())
    }

    fn one_ban(&self, call: &Call) -> Reply {
        let guild = self.may_in(call.id("guild_id")?, BAN_MEMBERS)?;
        let user = call.id("user_id")?;
        let reason = guild.bans.get(&user).ok_or(UNKNOWN_BAN)?;
        ok(json!({"user": self.users.get(&user).map(User::json), "reason": reason}))
    }

    fn ban(&mut self, call: &Call) -> Reply {
        let (guild, user) = (call.id("guild_id")?, call.id("user_id")?);
        self.may_in(guild, BAN_MEMBERS)?;
        if !self.users.contains_key(&user) {
            return Err(UNKNOWN_USER);
        }
        if self.member(guild, user).is_some() {
            self.below(call, BAN_MEMBERS)?;
        }
        let seconds = call.body["delete_message_seconds"].as_u64().unwrap_or(0);
        let days = call.body["delete_message_days"].as_u64().unwrap_or(0);
        self.ban_user(guild, user, call.reason.clone(), seconds.max(days * 86_400));
        nothing()
    }

    /// Keeps somebody out, and takes away what he said in the last so many seconds.
    pub fn ban_user(&mut self, guild: Id, user: Id, reason: Option<String>, seconds: u64) {
        let Some(there) = self.guilds.get_mut(&guild) else { return };
        there.bans.insert(user, reason);
        self.remove_member(guild, user);
        if let Some(user) = self.users.get(&user) {
            let event = json!({"guild_id": guild.to_string(), "user": user.json()});
            self.tell("GUILD_BAN_ADD", event, Place::Guild(guild));
        }
        let since = self.now().saturating_sub(seconds * 1000);
        let channels: Vec<Id> =
            self.channels.values().filter(|it| it.guild == guild).map(|it| it.id).collect();
        for channel in channels.into_iter().filter(|_| seconds > 0) {
            let said = self.channels.get(&channel).into_iter().flat_map(|it| it.messages.values());
            let his = said.filter(|it| it.author == user && clock::made(it.id) >= since);
            let his: Vec<Id> = his.map(|it| it.id).collect();
            self.take_many(channel, &his);
        }
    }

    fn unban(&mut self, call: &Call) -> Reply {
        let (guild, user) = (call.id("guild_id")?, call.id("user_id")?);
        self.may_in(guild, BAN_MEMBERS)?;
        if self.unban_user(guild, user) { nothing() } else { Err(UNKNOWN_BAN) }
    }

    /// Lets somebody in again; `false` where he was not kept out.
    pub fn unban_user(&mut self, guild: Id, user: Id) -> bool {
        let gone = self.guilds.get_mut(&guild).and_then(|there| there.bans.remove(&user));
        if let Some(user) = self.users.get(&user).filter(|_| gone.is_some()) {
            let event = json!({"guild_id": guild.to_string(), "user": user.json()});
            self.tell("GUILD_BAN_REMOVE", event, Place::Guild(guild));
        }
        gone.is_some()
    }
}
