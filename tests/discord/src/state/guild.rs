//! A guild: its members, roles, bans, emoji and stickers, and how they look in JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Id, State};
use crate::clock;

/// Somebody on Discord.
#[derive(Clone, Debug)]
pub struct User {
    /// The snowflake.
    pub id: Id,
    /// Unique on all of Discord.
    pub username: String,
    /// What clients show where there is no nick.
    pub global_name: Option<String>,
    /// The avatar's hash.
    pub avatar: Option<String>,
    /// A bot.
    pub bot: bool,
}

/// A user in a guild.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who.
    pub user: Id,
    /// The name here.
    pub nick: Option<String>,
    /// The avatar here.
    pub avatar: Option<String>,
    /// Without `@everyone`.
    pub roles: Vec<Id>,
    /// Milliseconds since 1970.
    pub joined: u64,
    /// Until when he may only read, in milliseconds since 1970.
    pub timeout: Option<u64>,
    /// `online`, `idle`, `dnd` or `offline`.
    pub status: String,
}

/// A role; the one whose id is its guild's is `@everyone`.
#[derive(Clone, Debug)]
pub struct Role {
    /// The snowflake.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// A bit for each permission.
    pub permissions: u64,
    /// Higher ones stand over lower ones.
    pub position: i64,
    /// RGB, 0 for none.
    pub color: u32,
    /// Shown apart.
    pub hoist: bool,
    /// Everybody may mention it.
    pub mentionable: bool,
    /// Belongs to a bot.
    pub managed: bool,
}

/// A custom emoji.
#[derive(Clone, Debug)]
pub struct Emoji {
    /// The snowflake.
    pub id: Id,
    /// Its name, without colons.
    pub name: String,
    /// A moving one.
    pub animated: bool,
}

/// A sticker.
#[derive(Clone, Debug)]
pub struct Sticker {
    /// The snowflake.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// 1 PNG, 2 APNG, 3 Lottie, 4 GIF.
    pub format: u8,
}

/// A guild ("server").
#[derive(Clone, Debug)]
pub struct Guild {
    /// The snowflake.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Who may do everything.
    pub owner: Id,
    /// Members by user.
    pub members: BTreeMap<Id, Member>,
    /// Roles by id.
    pub roles: BTreeMap<Id, Role>,
    /// Reasons by user.
    pub bans: BTreeMap<Id, Option<String>>,
    /// Custom emoji.
    pub emoji: Vec<Emoji>,
    /// Stickers.
    pub stickers: Vec<Sticker>,
    /// In an outage: nothing is told and nothing can be done.
    pub unavailable: bool,
}

impl User {
    /// As every answer has it.
    pub fn json(&self) -> Value {
        let mut user = json!({
            "id": self.id.to_string(), "username": self.username, "global_name": self.global_name,
            "avatar": self.avatar, "discriminator": if self.bot { "1234" } else { "0" }, "public_flags": 0,
            "flags": 0, "primary_guild": null, "avatar_decoration_data": null, "banner": null, "accent_color": null,
        });
        if self.bot {
            user["bot"] = json!(true);
        }
        user
    }
}

impl Role {
    /// As every answer has it.
    pub fn json(&self) -> Value {
        json!({
            "id": self.id.to_string(), "name": self.name, "permissions": self.permissions.to_string(),
            "position": self.position, "color": self.color, "hoist": self.hoist, "managed": self.managed,
            "mentionable": self.mentionable, "icon": null, "unicode_emoji": null, "flags": 0,
            "colors": {"primary_color": self.color, "secondary_color": null, "tertiary_color": null},
        })
    }
}

impl Emoji {
    /// As a guild's list has it.
    pub fn json(&self) -> Value {
        json!({"id": self.id.to_string(), "name": self.name, "roles": [], "require_colons": true, "managed": false,
               "animated": self.animated, "available": true})
    }
}

impl Sticker {
    /// As a guild's list has it.
    pub fn json(&self, guild: Id) -> Value {
        json!({"id": self.id.to_string(), "name": self.name, "tags": "wave", "type": 2, "format_type": self.format,
               "description": null, "available": true, "guild_id": guild.to_string()})
    }

    /// As a message has it.
    pub fn item(&self) -> Value {
        json!({"id": self.id.to_string(), "name": self.name, "format_type": self.format})
    }
}

impl State {
    /// A member, with the user.
    pub fn member_json(&self, member: &Member) -> Value {
        let mut json = self.bare_member(member);
        json["user"] = self.users.get(&member.user).map_or(Value::Null, User::json);
        json
    }

    /// A member as messages and reactions have him: without the user.
    pub fn bare_member(&self, member: &Member) -> Value {
        json!({
            "avatar": member.avatar, "banner": null, "flags": 0, "joined_at": clock::iso(member.joined),
            "communication_disabled_until": member.timeout.map(clock::iso), "nick": member.nick, "pending": false,
            "premium_since": null, "roles": member.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "mute": false, "deaf": false,
        })
    }

    /// What clients show as a member's name.
    pub fn shown_name(&self, guild: Id, user: Id) -> String {
        let nick = self.member(guild, user).and_then(|member| member.nick.clone());
        let own = |user: &User| user.global_name.clone().unwrap_or_else(|| user.username.clone());
        nick.or_else(|| self.users.get(&user).map(own)).unwrap_or_else(|| "Deleted User".into())
    }

    /// A guild as REST has it; the gateway adds to it.
    pub fn guild_json(&self, guild: &Guild) -> Value {
        let first = [
            "icon",
            "description",
            "home_header",
            "splash",
            "discovery_splash",
            "banner",
            "application_id",
            "afk_channel_id",
            "system_channel_id",
            "widget_channel_id",
            "max_presences",
            "vanity_url_code",
            "rules_channel_id",
            "safety_alerts_channel_id",
            "public_updates_channel_id",
            "incidents_data",
        ];
        let mut json: Value = first.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
        let own = json!({
            "id": guild.id.to_string(), "name": guild.name, "features": [], "owner_id": guild.owner.to_string(),
            "region": "deprecated", "afk_timeout": 300, "system_channel_flags": 0, "widget_enabled": false,
            "verification_level": 1, "default_message_notifications": 1, "mfa_level": 0, "explicit_content_filter": 0,
            "max_members": 500_000, "max_stage_video_channel_users": 50, "max_video_channel_users": 25,
            "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US", "nsfw": false,
            "premium_progress_bar_enabled": false, "nsfw_level": 0,
            "roles": guild.roles.values().map(Role::json).collect::<Vec<_>>(),
            "emojis": guild.emoji.iter().map(Emoji::json).collect::<Vec<_>>(),
            "stickers": guild.stickers.iter().map(|sticker| sticker.json(guild.id)).collect::<Vec<_>>(),
        });
        if let (Value::Object(json), Value::Object(own)) = (&mut json, own) {
            json.extend(own);
        }
        json
    }
}
