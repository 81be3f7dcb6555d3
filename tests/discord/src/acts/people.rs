//! People come, go, are renamed, thrown out, kept out and timed out.

use serde_json::{Value, json};

use super::Refused;
use crate::gateway::Place;
use crate::gateway::opening::presence;
use crate::state::{Id, State};

impl State {
    /// Somebody new, or somebody known, joins a guild.
    pub fn join(&mut self, guild: &str, given: &Value) -> Result<Id, Refused> {
        let guild = self.guild_called(guild).ok_or("there is no such guild")?;
        let name = given.as_str().or(given["username"].as_str()).unwrap_or_default();
        let known = self.user_called(name);
        if known.is_some_and(|id| self.guilds.get(&guild).is_some_and(|guild| guild.bans.contains_key(&id))) {
            return Err(format!("{name} is banned"));
        }
        let id = self.add_member(guild, given);
        let event = self.member(guild, id).map(|member| self.member_json(member));
        let mut event = event.unwrap_or_default();
        event["guild_id"] = json!(guild.to_string());
        self.tell("GUILD_MEMBER_ADD", event, Place::Guild(guild));
        Ok(id)
    }

    /// Every guild somebody is in.
    pub fn guilds_of(&self, user: Id) -> Vec<Id> {
        let in_it = self.guilds.values().filter(|guild| guild.members.contains_key(&user));
        in_it.map(|guild| guild.id).collect()
    }

    /// Somebody leaves all guilds.
    pub fn leave(&mut self, who: &str) -> Result<(), Refused> {
        let user = self.user_named(who)?;
        for guild in self.guilds_of(user) {
            self.remove_member(guild, user);
        }
        Ok(())
    }

    /// Another nick in all guilds; `None` takes it away.
    pub fn rename(&mut self, who: &str, nick: Option<&str>) -> Result<(), Refused> {
        let user = self.user_named(who)?;
        for guild in self.guilds_of(user) {
            self.change_member(guild, user, |member| member.nick = nick.map(ToOwned::to_owned));
        }
        Ok(())
    }

    /// Another name and picture on all of Discord.
    pub fn change_user(
        &mut self,
        who: &str,
        name: Option<&str>,
        avatar: Option<&str>,
    ) -> Result<(), Refused> {
        let user = self.user_named(who)?;
        if let Some(it) = self.users.get_mut(&user) {
            it.global_name = name.map(ToOwned::to_owned).or(it.global_name.take());
            it.avatar = avatar.map(ToOwned::to_owned).or(it.avatar.take());
        }
        for guild in self.guilds_of(user) {
            self.change_member(guild, user, |_| {});
        }
        Ok(())
    }

    /// Gives or takes a role.
    pub fn set_role(&mut self, who: &str, role: &str, has: bool) -> Result<(), Refused> {
        let user = self.user_named(who)?;
        for guild in self.guilds_of(user) {
            let Some(role) = self.role_called(guild, role) else { continue };
            self.change_member(guild, user, |member| {
                member.roles.retain(|it| *it != role);
                if has {
                    member.roles.push(role);
                }
            });
        }
        Ok(())
    }

    /// Somebody is online, idle, busy or away.
    pub fn set_status(&mut self, who: &str, status: &str) -> Result<(), Refused> {
        let user = self.user_named(who)?;
        for guild in self.guilds_of(user) {
            let member = self.guilds.get_mut(&guild).and_then(|guild| guild.members.get_mut(&user));
            let Some(member) = member else { continue };
            status.clone_into(&mut member.status);
            let mut event = presence(member);
            event["guild_id"] = json!(guild.to_string());
            self.tell("PRESENCE_UPDATE", event, Place::Guild(guild));
        }
        Ok(())
    }

    /// A moderator keeps somebody out, and what he said in the last seconds goes.
    pub fn ban_as(&mut self, who: &str, seconds: u64) -> Result<(), Refused> {
        let user = self.user_named(who)?;
        for guild in self.guilds_of(user) {
            self.ban_user(guild, user, None, seconds);
        }
        Ok(())
    }

    /// A moderator lets somebody in again.
    pub fn unban_as(&mut self, who: &str) -> Result<(), Refused> {
        let user = self.user_named(who)?;
        let guilds: Vec<Id> = self.guilds.keys().copied().collect();
        let lifted = guilds.into_iter().filter(|guild| self.unban_user(*guild, user)).count();
        if lifted == 0 { Err(format!("{who} is not banned")) } else { Ok(()) }
    }

    /// A moderator times somebody out for so many milliseconds; 0 ends it.
    pub fn time_out(&mut self, who: &str, ms: u64) -> Result<(), Refused> {
        let (user, until) = (self.user_named(who)?, self.now() + ms);
        for guild in self.guilds_of(user) {
            self.change_member(guild, user, |member| member.timeout = (ms > 0).then_some(until));
        }
        Ok(())
    }

    /// Somebody starts to write.
    pub fn starts_typing(&mut self, who: &str, channel: &str) -> Result<(), Refused> {
        let (user, channel) = self.person_in(who, channel, 0)?;
        self.type_in(channel, user);
        Ok(())
    }
}
