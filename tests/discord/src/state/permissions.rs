//! Permissions: what a member may in a guild and in a channel (topics/permissions.md).

use super::{Id, State};

/// Remove members.
pub const KICK_MEMBERS: u64 = 1 << 1;
/// Keep members out.
pub const BAN_MEMBERS: u64 = 1 << 2;
/// Everything.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// Change channels.
pub const MANAGE_CHANNELS: u64 = 1 << 4;
/// React with an emoji nobody used yet.
pub const ADD_REACTIONS: u64 = 1 << 6;
/// Read.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// Speak.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// Delete and pin what others said.
pub const MANAGE_MESSAGES: u64 = 1 << 13;
/// Links become previews.
pub const EMBED_LINKS: u64 = 1 << 14;
/// Send files.
pub const ATTACH_FILES: u64 = 1 << 15;
/// Read what was said before.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// `@everyone` and `@here` ring.
pub const MENTION_EVERYONE: u64 = 1 << 17;
/// Change one's own nick.
pub const CHANGE_NICKNAME: u64 = 1 << 26;
/// Change the nicks of others.
pub const MANAGE_NICKNAMES: u64 = 1 << 27;
/// Give and take roles.
pub const MANAGE_ROLES: u64 = 1 << 28;
/// Make, list and delete webhooks.
pub const MANAGE_WEBHOOKS: u64 = 1 << 29;
/// Archive, lock, delete threads.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// Open threads.
pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
/// Speak in threads.
pub const SEND_IN_THREADS: u64 = 1 << 38;
/// Time members out.
pub const MODERATE_MEMBERS: u64 = 1 << 40;
/// Pin.
pub const PIN_MESSAGES: u64 = 1 << 51;
/// Speak more often than slow mode has it.
pub const BYPASS_SLOWMODE: u64 = 1 << 52;

/// What `@everyone` has in a new guild.
pub const EVERYONE: u64 = ADD_REACTIONS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | MENTION_EVERYONE
    | CHANGE_NICKNAME
    | CREATE_PUBLIC_THREADS
    | SEND_IN_THREADS;

/// What a bridge asks for when it is invited.
pub const BRIDGE: u64 = EVERYONE
    | KICK_MEMBERS
    | BAN_MEMBERS
    | MANAGE_CHANNELS
    | MANAGE_MESSAGES
    | MANAGE_WEBHOOKS
    | MANAGE_THREADS
    | MODERATE_MEMBERS
    | PIN_MESSAGES;

impl State {
    /// What a member may in a guild, without any channel.
    pub fn base_permissions(&self, guild: Id, user: Id) -> u64 {
        let Some(guild) = self.guilds.get(&guild) else { return 0 };
        let Some(member) = guild.members.get(&user) else { return 0 };
        let everyone = guild.roles.get(&guild.id).map_or(0, |role| role.permissions);
        let of_roles = member.roles.iter().filter_map(|role| guild.roles.get(role));
        let all = of_roles.fold(everyone, |sum, role| sum | role.permissions);
        if guild.owner == user || all & ADMINISTRATOR != 0 { u64::MAX } else { all }
    }

    /// What a member may in a channel; a thread is its channel.
    pub fn permissions(&self, channel: Id, user: Id) -> u64 {
        let Some(channel) = self.channels.get(&channel) else { return 0 };
        if channel.thread.is_some() {
            return channel.parent.map_or(0, |parent| self.permissions(parent, user));
        }
        let base = self.base_permissions(channel.guild, user);
        let Some(member) = self.member(channel.guild, user) else { return 0 };
        if base == u64::MAX {
            return base;
        }
        let mut may = base;
        let mut apply = |allow: u64, deny: u64| may = may & !deny | allow;
        for it in channel.overwrites.iter().filter(|it| !it.member && it.id == channel.guild) {
            apply(it.allow, it.deny);
        }
        let of_roles = channel.overwrites.iter().filter(|it| !it.member && member.roles.contains(&it.id));
        let (allow, deny) = of_roles.fold((0, 0), |(allow, deny), it| (allow | it.allow, deny | it.deny));
        apply(allow, deny);
        for it in channel.overwrites.iter().filter(|it| it.member && it.id == user) {
            apply(it.allow, it.deny);
        }
        if may & VIEW_CHANNEL == 0 {
            return 0;
        }
        if member.timeout.is_some_and(|until| until > self.now()) {
            may &= VIEW_CHANNEL | READ_MESSAGE_HISTORY;
        }
        may
    }

    /// The highest role's position; the owner stands over all.
    pub fn height(&self, guild: Id, user: Id) -> i64 {
        let Some(guild) = self.guilds.get(&guild) else { return 0 };
        if guild.owner == user {
            return i64::MAX;
        }
        let roles = guild.members.get(&user).map(|member| member.roles.as_slice()).unwrap_or_default();
        roles.iter().filter_map(|role| guild.roles.get(role)).map(|role| role.position).max().unwrap_or(0)
    }
}
