//! Who may do what where (Discord's documentation, "Permissions", computing them with overwrites).

use super::Guild;
use crate::discord::snowflake::Id;
use crate::discord::wire::Channel;
use crate::network::Role;

pub(in crate::discord) const KICK: u64 = 1 << 1;
pub(in crate::discord) const BAN: u64 = 1 << 2;
const ADMINISTRATOR: u64 = 1 << 3;
pub(in crate::discord) const MANAGE_CHANNELS: u64 = 1 << 4;
const MANAGE_GUILD: u64 = 1 << 5;
pub(in crate::discord) const AUDIT_LOG: u64 = 1 << 7;
pub(in crate::discord) const VIEW: u64 = 1 << 10;
pub(in crate::discord) const SEND: u64 = 1 << 11;
pub(in crate::discord) const MANAGE_MESSAGES: u64 = 1 << 13;
pub(in crate::discord) const HISTORY: u64 = 1 << 16;
pub(in crate::discord) const MANAGE_WEBHOOKS: u64 = 1 << 29;
const SEND_IN_THREADS: u64 = 1 << 38;
const TIMEOUT: u64 = 1 << 40;

/// What the bot is asked to be given when it is invited: what is above but for kicking and banning, and adding reactions,
/// embedding links and attaching files.
pub(in crate::discord) const WANTED: u64 = MANAGE_CHANNELS
    | AUDIT_LOG
    | VIEW
    | SEND
    | MANAGE_MESSAGES
    | HISTORY
    | MANAGE_WEBHOOKS
    | SEND_IN_THREADS
    | 1 << 6
    | 1 << 14
    | 1 << 15;

impl Guild {
    /// What somebody with these roles may do in this channel.
    pub fn permissions(&self, user: Id, roles: &[Id], channel: &Channel) -> u64 {
        if self.owner == Some(user) {
            return u64::MAX;
        }
        let everyone = self.id.unwrap_or_default();
        let of = |role: Id| self.roles.get(&role).map_or(0, |role| role.permissions);
        let mut may = roles.iter().fold(of(everyone), |may, role| may | of(*role));
        if may & ADMINISTRATOR != 0 {
            return u64::MAX;
        }
        let overwrites = &channel.permission_overwrites;
        if let Some(all) = overwrites.iter().find(|over| over.id == everyone) {
            may = may & !all.deny | all.allow;
        }
        let (mut allow, mut deny) = (0, 0);
        for over in overwrites.iter().filter(|over| over.kind == 0 && roles.contains(&over.id)) {
            allow |= over.allow;
            deny |= over.deny;
        }
        may = may & !deny | allow;
        if let Some(own) = overwrites.iter().find(|over| over.kind == 1 && over.id == user) {
            may = may & !own.deny | own.allow;
        }
        may
    }

    /// What we may do in this channel.
    pub fn ours(&self, channel: &Channel) -> u64 {
        let roles = self.members.get(&self.me).map(|me| me.roles.as_slice());
        // Before the guild's members are known, Discord itself will say what we may not.
        roles.map_or(u64::MAX, |roles| self.permissions(self.me, roles, channel))
    }

    /// Not everybody in the guild may read it.
    pub fn hidden(&self, channel: &Channel) -> bool {
        let everyone = self.id.unwrap_or_default();
        let of_all = self.roles.get(&everyone).map_or(0, |role| role.permissions);
        let over = channel.permission_overwrites.iter().find(|over| over.id == everyone);
        let may = over.map_or(of_all, |over| of_all & !over.deny | over.allow);
        may & VIEW == 0
    }

    /// What somebody is in this channel.
    pub fn rank(&self, user: Id, may: u64) -> Role {
        let any = |bits: u64| may & bits != 0;
        match () {
            () if self.owner == Some(user) => Role::Owner,
            () if any(ADMINISTRATOR | MANAGE_GUILD | KICK | BAN) => Role::Moderator,
            () if any(MANAGE_MESSAGES | TIMEOUT) => Role::Helper,
            () if any(SEND | SEND_IN_THREADS) => Role::Participant,
            () => Role::Visitor,
        }
    }
}
