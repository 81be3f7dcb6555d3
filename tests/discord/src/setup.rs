//! What stands at the beginning: the application, a guild, its channels and people.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::limits::Limits;
use crate::state::channel::{CATEGORY, Channel, FORUM, NEWS, Overwrite, TEXT, VOICE};
use crate::state::guild::{Emoji, Guild, Member, Role, Sticker, User};
use crate::state::permissions::{BRIDGE, EVERYONE, VIEW_CHANNEL};
use crate::state::{Id, Privileged, State};

/// The token of the application, unless another is given.
pub const TOKEN: &str = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GfakeX.this-is-no-secret-of-anybody-at-all-0001";

/// How a Discord starts.
pub struct Setup {
    /// A description of the guild, as `README.md` has it.
    pub world: Value,
    /// Which rate limits hold.
    pub limits: Limits,
    /// A chain and its key in PEM: HTTPS on the same port as HTTP.
    pub tls: Option<(String, String)>,
    /// 0 for any that is free.
    pub port: u16,
}

impl Default for Setup {
    /// A guild “Guild” with `#general` and `#random`, alice, bob and carol, and the bot; no rate limits.
    fn default() -> Setup {
        Setup::of(json!({
            "guild": {
                "name": "Guild",
                "channels": ["general", "random"],
                "members": ["alice", "bob", "carol"],
            },
        }))
    }
}

impl Setup {
    /// From a description. Its `limits` are `"off"` (without it), `"real"`, or how much faster than real.
    pub fn of(world: Value) -> Setup {
        let limits = match &world["limits"] {
            Value::Number(speed) => Limits::faster(speed.as_f64().unwrap_or(1.0)),
            Value::String(word) if word == "real" => Limits::real(),
            _ => Limits::off(),
        };
        let port = world["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
        Setup { world, limits, tls: None, port }
    }

    /// With rate limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Setup {
        self.limits = limits;
        self
    }

    /// With HTTPS beside HTTP.
    #[must_use]
    pub fn tls(mut self, chain: &str, key: &str) -> Setup {
        self.tls = Some((chain.to_owned(), key.to_owned()));
        self
    }

    /// The state it stands for.
    pub fn state(self) -> State {
        let world = &self.world;
        let on = |name: &str| world["privileged"][name].as_bool().unwrap_or(true);
        let privileged =
            Privileged { members: on("members"), presences: on("presences"), content: on("content") };
        let token = world["token"].as_str().unwrap_or(TOKEN).to_owned();
        let name = world["bot"].as_str().unwrap_or("bridge").to_owned();
        let bot =
            User { id: 123_456_789_012_345_678, username: name, global_name: None, avatar: None, bot: true };
        let mut state = State::new(bot, token, privileged, self.limits);
        let guilds = world["guilds"].as_array().cloned().unwrap_or_default();
        for guild in guilds.iter().chain([&world["guild"]]).filter(|guild| guild.is_object()) {
            state.found(guild);
        }
        if let Some(beat) = world["heartbeat"].as_u64() {
            state.gateway.heartbeat = beat;
        }
        state
    }
}

/// `given["id"]`, or a new one.
fn id_of(state: &mut State, given: &Value) -> Id {
    given["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| state.id())
}

/// A word alone is a name.
fn named(given: &Value) -> (String, Value) {
    match given {
        Value::String(name) => (name.clone(), json!({})),
        other => (
            other["name"].as_str().or(other["username"].as_str()).unwrap_or("unnamed").to_owned(),
            other.clone(),
        ),
    }
}

impl State {
    /// Founds a guild; the bot is in it with a role of its own.
    pub fn found(&mut self, given: &Value) -> Id {
        let id = id_of(self, given);
        let (name, _) = named(given);
        let owner = User {
            id: self.id(),
            username: format!("owner-{id}"),
            global_name: None,
            avatar: None,
            bot: false,
        };
        let mut guild = Guild {
            id,
            name,
            owner: owner.id,
            members: BTreeMap::new(),
            roles: BTreeMap::new(),
            bans: BTreeMap::new(),
            emoji: Vec::new(),
            stickers: Vec::new(),
            unavailable: false,
        };
        let bits =
            |name: &str, usual: u64| given[name].as_str().and_then(|bits| bits.parse().ok()).unwrap_or(usual);
        guild.roles.insert(id, role(id, "@everyone", bits("everyone", EVERYONE), 0));
        let own = self.id();
        let mut of_bot = role(own, "bridge", bits("bot_permissions", BRIDGE), 50);
        of_bot.managed = true;
        guild.roles.insert(own, of_bot);
        self.users.insert(owner.id, owner.clone());
        self.guilds.insert(id, guild);
        let bot = self.bot.user;
        self.enroll(id, owner.id, &[]);
        self.enroll(id, bot, &[own]);
        self.furnish(id, given);
        id
    }

    fn furnish(&mut self, guild: Id, given: &Value) {
        let list = |name: &str| given[name].as_array().cloned().unwrap_or_default();
        for it in list("roles") {
            self.add_role(guild, &it);
        }
        for it in list("channels") {
            self.add_channel(guild, &it);
        }
        for it in list("members") {
            self.add_member(guild, &it);
        }
        for it in list("emoji") {
            let (id, (name, more)) = (id_of(self, &it), named(&it));
            if let Some(guild) = self.guilds.get_mut(&guild) {
                guild.emoji.push(Emoji { id, name, animated: more["animated"] == true });
            }
        }
        for it in list("stickers") {
            let (id, (name, more)) = (id_of(self, &it), named(&it));
            let format = more["format"].as_u64().and_then(|it| u8::try_from(it).ok()).unwrap_or(1);
            if let Some(guild) = self.guilds.get_mut(&guild) {
                guild.stickers.push(Sticker { id, name, format });
            }
        }
    }

    /// A role from a description: `name`, `permissions`, `color`, `position`, `mentionable`, `hoist`.
    pub fn add_role(&mut self, guild: Id, given: &Value) -> Id {
        let (id, (name, more)) = (id_of(self, given), named(given));
        let permissions = more["permissions"].as_str().and_then(|bits| bits.parse().ok()).unwrap_or(0);
        let mut it = role(id, &name, permissions, more["position"].as_i64().unwrap_or(1));
        it.color = more["color"].as_u64().and_then(|color| u32::try_from(color).ok()).unwrap_or(0);
        it.mentionable = more["mentionable"] == true;
        it.hoist = more["hoist"] == true;
        if let Some(guild) = self.guilds.get_mut(&guild) {
            guild.roles.insert(id, it);
        }
        id
    }

    /// A channel from a description: `name`, `kind`, `topic`, `parent` (a name), `hidden`, `slow`, `overwrites`, `tags`.
    pub fn add_channel(&mut self, guild: Id, given: &Value) -> Id {
        let (id, (name, more)) = (id_of(self, given), named(given));
        let kind = match more["kind"].as_str() {
            Some("category") => CATEGORY,
            Some("forum") => FORUM,
            Some("news") => NEWS,
            Some("voice") => VOICE,
            _ => TEXT,
        };
        let mut channel = Channel::new(id, guild, kind, &name);
        channel.topic = more["topic"].as_str().map(ToOwned::to_owned);
        channel.slow = more["slow"].as_u64().and_then(|slow| u32::try_from(slow).ok()).unwrap_or(0);
        channel.parent = more["parent"].as_str().and_then(|parent| self.channel_called(parent));
        channel.position = i64::try_from(self.channels.len()).unwrap_or(0);
        for tag in more["tags"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let id = self.id();
            channel.tags.push((id, tag.to_owned()));
        }
        if more["hidden"] == true {
            // From everybody but the bot.
            let bot = self.bot.user;
            let hide = Overwrite { id: guild, member: false, allow: 0, deny: VIEW_CHANNEL };
            channel.overwrites =
                vec![hide, Overwrite { id: bot, member: true, allow: VIEW_CHANNEL, deny: 0 }];
        }
        let bits = |value: &Value| value.as_str().and_then(|bits| bits.parse().ok()).unwrap_or(0);
        for it in more["overwrites"].as_array().into_iter().flatten() {
            let of = it["id"].as_str().or(it["name"].as_str()).unwrap_or_default();
            let role = self.role_called(guild, of);
            let Some(id) = role.or_else(|| self.user_called(of)) else { continue };
            let (allow, deny) = (bits(&it["allow"]), bits(&it["deny"]));
            channel.overwrites.push(Overwrite { id, member: role.is_none(), allow, deny });
        }
        self.channels.insert(id, channel);
        self.tell_channel("CHANNEL_CREATE", id);
        id
    }

    /// A member from a description: `username`, `global_name`, `nick`, `roles` (names), `bot`, `avatar`, `status`.
    pub fn add_member(&mut self, guild: Id, given: &Value) -> Id {
        let (name, more) = named(given);
        let text = |key: &str| more[key].as_str().map(ToOwned::to_owned);
        let known = self.user_called(&name);
        let id = known.unwrap_or_else(|| id_of(self, given));
        self.users.entry(id).or_insert_with(|| User {
            id,
            username: name,
            global_name: text("global_name"),
            avatar: text("avatar"),
            bot: more["bot"] == true,
        });
        let roles = more["roles"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let roles: Vec<Id> = roles.filter_map(|role| self.role_called(guild, role)).collect();
        self.enroll(guild, id, &roles);
        if let Some(member) = self.guilds.get_mut(&guild).and_then(|guild| guild.members.get_mut(&id)) {
            member.nick = text("nick");
            member.status = text("status").unwrap_or_else(|| "online".into());
        }
        id
    }

    fn enroll(&mut self, guild: Id, user: Id, roles: &[Id]) {
        let joined = self.now();
        let member = Member {
            user,
            nick: None,
            avatar: None,
            roles: roles.to_vec(),
            joined,
            timeout: None,
            status: "online".into(),
        };
        if let Some(guild) = self.guilds.get_mut(&guild) {
            guild.members.insert(user, member);
        }
    }

    /// A channel or thread by name or id; the oldest of that name.
    pub fn channel_called(&self, name: &str) -> Option<Id> {
        let by_id = name.parse().ok().filter(|id| self.channels.contains_key(id));
        by_id.or_else(|| {
            self.channels.values().find(|it| it.name == name.trim_start_matches('#')).map(|it| it.id)
        })
    }

    /// A user by username or id.
    pub fn user_called(&self, name: &str) -> Option<Id> {
        let by_id = name.parse().ok().filter(|id| self.users.contains_key(id));
        by_id.or_else(|| self.users.values().find(|it| it.username == name).map(|it| it.id))
    }

    /// A guild by name or id; any where the name is empty.
    pub fn guild_called(&self, name: &str) -> Option<Id> {
        let by_id = name.parse().ok().filter(|id| self.guilds.contains_key(id));
        by_id.or_else(|| self.guilds.values().find(|it| it.name == name || name.is_empty()).map(|it| it.id))
    }

    /// A role by name or id.
    pub fn role_called(&self, guild: Id, name: &str) -> Option<Id> {
        let roles = &self.guilds.get(&guild)?.roles;
        let by_id = name.parse().ok().filter(|id| roles.contains_key(id));
        by_id.or_else(|| roles.values().find(|it| it.name == name).map(|it| it.id))
    }
}

fn role(id: Id, name: &str, permissions: u64, position: i64) -> Role {
    let name = name.to_owned();
    Role { id, name, permissions, position, color: 0, hoist: false, mentionable: false, managed: false }
}
