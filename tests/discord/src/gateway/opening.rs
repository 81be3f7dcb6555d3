//! What a session hears first: READY, then each guild; and members in chunks when it asks for them.

use serde_json::{Value, json};

use super::{Place, intents};
use crate::clock;
use crate::state::guild::{Guild, Member, User};
use crate::state::permissions::VIEW_CHANNEL;
use crate::state::{Id, State};

/// Members in one chunk.
const CHUNK: usize = 1000;

impl State {
    /// READY's `d`.
    pub fn ready(&self, session: &str, shard: &Value) -> Value {
        let bot = self.users.get(&self.bot.user).map_or(Value::Null, User::json);
        let mut user = bot;
        user["mfa_enabled"] = json!(false);
        user["verified"] = json!(true);
        user["email"] = Value::Null;
        let guild = |guild: &&Guild| guild.members.contains_key(&self.bot.user);
        let guilds = self.guilds.values().filter(guild);
        let guilds: Vec<_> = guilds.map(|it| json!({"id": it.id.to_string(), "unavailable": true})).collect();
        json!({
            "v": 10, "user": user, "guilds": guilds, "session_id": session, "resume_gateway_url": self.gateway_url(),
            "shard": if shard.is_array() { shard.clone() } else { json!([0, 1]) }, "session_type": "normal",
            "application": {"id": self.bot.user.to_string(), "flags": intents::flags(self.bot.privileged)},
            "private_channels": [], "relationships": [], "presences": [], "guild_join_requests": [],
            "user_settings": {}, "geo_ordered_rtc_regions": [], "auth": {},
        })
    }

    /// Where the gateway is; never under TLS, so that clients with roots of their own find it.
    pub fn gateway_url(&self) -> String {
        format!("ws://{}", self.origin.split_once("://").map_or("", |(_, host)| host))
    }

    /// GUILD_CREATE's `d`: without GUILD_PRESENCES only the bot is among the members.
    pub fn guild_create(&self, guild: &Guild, wanted: u64, large: u64) -> Value {
        let mut json = self.guild_json(guild);
        let sees_all = wanted & intents::GUILD_PRESENCES != 0;
        let is_large = guild.members.len() as u64 > large;
        let shown = |member: &&Member| {
            member.user == self.bot.user || (sees_all && (!is_large || member.status != "offline"))
        };
        let members = guild.members.values().filter(shown);
        let online = |member: &&Member| sees_all && member.status != "offline";
        let threads = |threads: bool| {
            let inside = move |it: &&crate::state::channel::Channel| {
                it.guild == guild.id
                    && it.thread.is_some() == threads
                    && it.thread.as_ref().is_none_or(|thread| !thread.archived)
            };
            let visible = |it: &&crate::state::channel::Channel| {
                !threads || self.permissions(it.id, self.bot.user) & VIEW_CHANNEL != 0
            };
            let found = self.channels.values().filter(inside).filter(visible);
            found.map(|channel| self.channel_json(channel)).collect::<Vec<_>>()
        };
        let more = json!({
            "joined_at": guild.members.get(&self.bot.user).map(|member| clock::iso(member.joined)),
            "large": is_large, "unavailable": false, "member_count": guild.members.len(), "voice_states": [],
            "members": members.map(|member| self.member_json(member)).collect::<Vec<_>>(),
            "channels": threads(false), "threads": threads(true), "stage_instances": [],
            "guild_scheduled_events": [], "soundboard_sounds": [],
            "presences": guild.members.values().filter(online).map(presence).collect::<Vec<_>>(),
        });
        if let (Value::Object(json), Value::Object(more)) = (&mut json, more) {
            json.extend(more);
        }
        json
    }

    /// Op 8: members by name, by id, or all. The error is what closes the connection or goes unanswered.
    pub fn chunks(&self, asked: &Value, wanted: u64) -> Option<(Id, Vec<Value>)> {
        let guild = asked["guild_id"].as_str().and_then(|id| id.parse().ok())?;
        let there = self.guilds.get(&guild).filter(|it| it.members.contains_key(&self.bot.user))?;
        let named: Option<Vec<Id>> = match &asked["user_ids"] {
            Value::String(id) => Some(vec![id.parse().ok()?]),
            Value::Array(ids) => Some(ids.iter().filter_map(|id| id.as_str()?.parse().ok()).collect()),
            _ => None,
        };
        let query = asked["query"].as_str().unwrap_or_default().to_lowercase();
        let limit = usize::try_from(asked["limit"].as_u64().unwrap_or(0)).unwrap_or(0);
        let everybody = named.is_none() && query.is_empty() && limit == 0;
        if everybody && wanted & intents::GUILD_MEMBERS == 0 {
            return None;
        }
        let fits = |member: &&Member| match &named {
            Some(ids) => ids.contains(&member.user),
            None => {
                self.shown_name(guild, member.user).to_lowercase().starts_with(&query)
                    || self.is_called(member, &query)
            }
        };
        let most =
            if everybody { usize::MAX } else { limit.clamp(1, 100).max(named.as_ref().map_or(0, Vec::len)) };
        let found: Vec<_> = there.members.values().filter(fits).take(most).collect();
        let missing = named.iter().flatten().filter(|id| !there.members.contains_key(id));
        let missing: Vec<_> = missing.map(ToString::to_string).collect();
        let count = found.len().div_ceil(CHUNK).max(1);
        let chunk = |index: usize| {
            let members = found.iter().skip(index * CHUNK).take(CHUNK);
            let mut json = json!({
                "guild_id": guild.to_string(), "chunk_index": index, "chunk_count": count,
                "members": members.map(|member| self.member_json(member)).collect::<Vec<_>>(),
            });
            if named.is_some() {
                json["not_found"] = json!(missing);
            }
            if asked["nonce"].as_str().is_some_and(|nonce| !nonce.is_empty() && nonce.len() <= 32) {
                json["nonce"] = asked["nonce"].clone();
            }
            json
        };
        Some((guild, (0..count).map(chunk).collect()))
    }

    fn is_called(&self, member: &Member, begin: &str) -> bool {
        self.users.get(&member.user).is_some_and(|user| user.username.to_lowercase().starts_with(begin))
    }

    /// A guild goes into an outage, or comes back; `removed` where the bot was thrown out.
    pub fn tell_guild_gone(&mut self, guild: Id, removed: bool) {
        let event = if removed {
            json!({"id": guild.to_string()})
        } else {
            json!({"id": guild.to_string(), "unavailable": true})
        };
        self.tell("GUILD_DELETE", event, Place::Guild(guild));
    }
}

/// Somebody who is online.
pub fn presence(member: &Member) -> Value {
    json!({"user": {"id": member.user.to_string()}, "status": member.status, "activities": [],
           "client_status": {"desktop": member.status}})
}
