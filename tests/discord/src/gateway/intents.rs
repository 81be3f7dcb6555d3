//! Intents: which events belong to which, and what stays empty without MESSAGE_CONTENT (events/gateway.mdx).

use serde_json::{Value, json};

use crate::state::{Id, Privileged};

/// Guilds, channels, threads, roles.
pub const GUILDS: u64 = 1;
/// Members come, change and go. Privileged.
pub const GUILD_MEMBERS: u64 = 1 << 1;
/// Bans.
pub const GUILD_MODERATION: u64 = 1 << 2;
/// Emoji and stickers.
pub const GUILD_EXPRESSIONS: u64 = 1 << 3;
/// Webhooks of a channel changed.
pub const GUILD_WEBHOOKS: u64 = 1 << 5;
/// Who is online. Privileged.
pub const GUILD_PRESENCES: u64 = 1 << 8;
/// Messages.
pub const GUILD_MESSAGES: u64 = 1 << 9;
/// Reactions.
pub const GUILD_REACTIONS: u64 = 1 << 10;
/// Typing.
pub const GUILD_TYPING: u64 = 1 << 11;
/// What messages say. Privileged.
pub const MESSAGE_CONTENT: u64 = 1 << 15;
/// Every bit there is.
pub const ALL: u64 = 0x1_ffff | 3 << 20 | 3 << 24;

/// Which intent an event needs; 0 where it comes to everybody.
pub fn of(event: &str) -> u64 {
    match event {
        "GUILD_MEMBER_ADD" | "GUILD_MEMBER_UPDATE" | "GUILD_MEMBER_REMOVE" => GUILD_MEMBERS,
        "THREAD_MEMBERS_UPDATE" => GUILDS | GUILD_MEMBERS,
        "GUILD_BAN_ADD" | "GUILD_BAN_REMOVE" => GUILD_MODERATION,
        "GUILD_EMOJIS_UPDATE" | "GUILD_STICKERS_UPDATE" => GUILD_EXPRESSIONS,
        "WEBHOOKS_UPDATE" => GUILD_WEBHOOKS,
        "PRESENCE_UPDATE" => GUILD_PRESENCES,
        "MESSAGE_CREATE" | "MESSAGE_UPDATE" | "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK" => GUILD_MESSAGES,
        "TYPING_START" => GUILD_TYPING,
        _ if event.starts_with("MESSAGE_REACTION_") => GUILD_REACTIONS,
        _ if ["GUILD_", "CHANNEL_", "THREAD_"].iter().any(|begin| event.starts_with(begin)) => GUILDS,
        _ => 0,
    }
}

/// What is about the bot itself comes in any case.
pub fn is_own(bot: Id, event: &str, data: &Value) -> bool {
    event == "GUILD_MEMBER_UPDATE" && data["user"]["id"] == json!(bot.to_string())
}

/// The event as it is without MESSAGE_CONTENT, where that differs: what others say without calling the bot.
pub fn blanked(bot: Id, event: &str, data: &Value) -> Option<Value> {
    (event == "MESSAGE_CREATE" || event == "MESSAGE_UPDATE").then(|| blank(bot, data)).flatten()
}

/// A message without what it says, unless the bot said it or is called by it.
pub fn blank(bot: Id, message: &Value) -> Option<Value> {
    let bot = json!(bot.to_string());
    let called = message["mentions"].as_array().is_some_and(|all| all.iter().any(|user| user["id"] == bot));
    if message["author"]["id"] == bot || message["application_id"] == bot || called {
        return None;
    }
    let mut blank = message.clone();
    blank["content"] = json!("");
    for key in ["embeds", "attachments", "components"] {
        blank[key] = json!([]);
    }
    if let Value::Object(fields) = &mut blank {
        fields.remove("poll");
        fields.remove("message_snapshots");
    }
    if blank["referenced_message"].is_object() {
        blank["referenced_message"] =
            self::blank_inner(&bot, &blank["referenced_message"]).unwrap_or(Value::Null);
    }
    Some(blank)
}

fn blank_inner(bot: &Value, message: &Value) -> Option<Value> {
    let id = bot.as_str()?.parse().ok()?;
    blank(id, message).or_else(|| Some(message.clone()))
}

/// 4013 or 4014, where intents cannot be had.
pub fn refused(intents: u64, allowed: Privileged) -> Option<u16> {
    if intents & !ALL != 0 {
        return Some(4013);
    }
    let switches = [
        (GUILD_MEMBERS, allowed.members),
        (GUILD_PRESENCES, allowed.presences),
        (MESSAGE_CONTENT, allowed.content),
    ];
    switches.iter().any(|(bit, on)| intents & bit != 0 && !on).then_some(4014)
}

/// The flags of an application that is in fewer than a hundred guilds.
pub fn flags(allowed: Privileged) -> u64 {
    (u64::from(allowed.presences) << 13)
        | (u64::from(allowed.members) << 15)
        | (u64::from(allowed.content) << 19)
}
