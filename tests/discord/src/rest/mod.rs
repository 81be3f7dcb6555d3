//! REST: a request is checked against the description, counted, allowed or refused, carried out, and its answer checked.

pub mod body;
pub mod channels;
pub mod compose;
pub mod guilds;
pub mod messages;
pub mod reactions;
pub mod refusals;
pub mod serve;
pub mod threads;
pub mod webhooks;

use serde_json::{Value, json};

use body::Upload;
use refusals::{BAD_WEBHOOK_TOKEN, NOT_HERE, Refusal, UNAUTHORIZED, UNKNOWN_CHANNEL, field};

use crate::gateway::intents;
use crate::state::guild::User;
use crate::state::{Id, State, channel::Channel, permissions};

/// A request, read.
pub struct Call {
    /// The description's `operationId`.
    pub operation: &'static str,
    /// What stands in the path, decoded.
    pub names: Vec<(&'static str, String)>,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// JSON, `payload_json`, or null.
    pub body: Value,
    /// A form's files.
    pub files: Vec<Upload>,
    /// `X-Audit-Log-Reason`, decoded.
    pub reason: Option<String>,
}

/// An answer that went well.
pub struct Answer {
    /// 200, 201 or 204.
    pub status: u16,
    /// Its JSON.
    pub body: Option<Value>,
}

/// What becomes of a call.
pub type Reply = Result<Answer, Refusal>;

/// 200 with something.
pub fn ok(body: Value) -> Reply {
    Ok(Answer { status: 200, body: Some(body) })
}

/// 201 with something.
pub fn created(body: Value) -> Reply {
    Ok(Answer { status: 201, body: Some(body) })
}

/// 204.
pub fn nothing() -> Reply {
    Ok(Answer { status: 204, body: None })
}

impl Call {
    /// A snowflake of the path.
    pub fn id(&self, name: &str) -> Result<Id, Refusal> {
        let text = self.name(name);
        let id = text.parse().ok().filter(|_| crate::schema::snowflake(text));
        let says = format!("Value \"{text}\" is not snowflake.");
        id.ok_or_else(|| field(name, "NUMBER_TYPE_COERCE", &says))
    }

    /// A name of the path.
    pub fn name(&self, name: &str) -> &str {
        self.names.iter().find(|(it, _)| *it == name).map_or("", |(_, text)| text)
    }

    /// A parameter of the query.
    pub fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(it, _)| it == name).map(|(_, text)| text.as_str())
    }

    /// A snowflake of the query.
    pub fn asked_id(&self, name: &str) -> Option<Id> {
        self.asked(name)?.parse().ok()
    }

    /// `limit`, or what is usual.
    pub fn limit(&self, usual: usize) -> usize {
        self.asked("limit").and_then(|text| text.parse().ok()).unwrap_or(usual)
    }
}

/// The operations that a webhook's token is enough for.
pub fn by_webhook_token(operation: &str) -> bool {
    operation.ends_with("_by_token")
        || operation.ends_with("_webhook_message")
        || operation == "execute_webhook"
}

impl State {
    /// Carries a call out.
    pub fn carry_out(&mut self, call: &Call) -> Reply {
        match call.operation {
            "get_gateway" => ok(json!({"url": self.gateway_url()})),
            "get_bot_gateway" => ok(json!({
                "url": self.gateway_url(), "shards": 1,
                "session_start_limit": {"total": 1000, "remaining": self.gateway.starts, "reset_after": 86_400_000,
                                        "max_concurrency": 1},
            })),
            "get_my_user" => ok(self.my_user()),
            "get_my_application" => ok(self.my_application()),
            "get_user" => {
                let user = self.users.get(&call.id("user_id")?);
                user.map_or(Err(refusals::UNKNOWN_USER), |user| ok(user.json()))
            }
            _ => {
                let rooms: [fn(&mut State, &Call) -> Option<Reply>; 6] = [
                    State::about_messages,
                    State::about_reactions,
                    State::about_webhooks,
                    State::about_channels,
                    State::about_threads,
                    State::about_guilds,
                ];
                rooms.iter().find_map(|room| room(self, call)).unwrap_or(Err(NOT_HERE))
            }
        }
    }

    fn my_user(&self) -> Value {
        let mut user = self.users.get(&self.bot.user).map_or(Value::Null, User::json);
        user["mfa_enabled"] = json!(false);
        user["locale"] = json!("en-US");
        user["verified"] = json!(true);
        user["email"] = Value::Null;
        user
    }

    fn my_application(&self) -> Value {
        let flags = intents::flags(self.bot.privileged);
        let bot = self.users.get(&self.bot.user);
        json!({
            "id": self.bot.user.to_string(), "name": bot.map(|bot| bot.username.clone()), "icon": null,
            "description": "", "type": null, "verify_key": "0".repeat(64), "flags": flags,
            "flags_new": flags.to_string(), "redirect_uris": [], "interactions_endpoint_url": null,
            "role_connections_verification_url": null, "owner": bot.map(User::json), "team": null,
            "approximate_guild_count": self.guilds.len(), "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0, "explicit_content_filter": 0, "eligible_oauth2_scopes": [],
            "bot": bot.map(User::json), "bot_public": true, "bot_require_code_grant": false,
        })
    }

    /// May this call be made at all? A webhook's token is enough for its own operations; all others need the bot's.
    pub fn authorized(
        &self,
        operation: &str,
        call: Option<&Call>,
        authorization: Option<&str>,
    ) -> Result<(), Refusal> {
        if operation == "get_gateway" {
            return Ok(());
        }
        if let Some(call) = call.filter(|_| by_webhook_token(operation)) {
            let hook = self.webhooks.get(&call.id("webhook_id")?).ok_or(refusals::UNKNOWN_WEBHOOK)?;
            return if hook.token == call.name("webhook_token") { Ok(()) } else { Err(BAD_WEBHOOK_TOKEN) };
        }
        let shown = authorization.and_then(|it| it.strip_prefix("Bot "));
        if shown == Some(self.bot.token.as_str()) { Ok(()) } else { Err(UNAUTHORIZED) }
    }

    /// A channel the bot can see and in which it may all of this: 50001 where it cannot see it, 50013 where it may not.
    pub fn may(&self, channel: Id, needs: u64) -> Result<&Channel, Refusal> {
        let there = self.channels.get(&channel).ok_or(UNKNOWN_CHANNEL)?;
        if self.guilds.get(&there.guild).is_none_or(|guild| guild.unavailable) {
            return Err(refusals::OUTAGE);
        }
        let may = self.permissions(channel, self.bot.user);
        if may & permissions::VIEW_CHANNEL == 0 {
            return Err(refusals::NO_ACCESS);
        }
        if may & needs != needs {
            return Err(refusals::NO_PERMISSION);
        }
        Ok(there)
    }

    /// A guild the bot is in and in which it may all of this.
    pub fn may_in(&self, guild: Id, needs: u64) -> Result<&crate::state::guild::Guild, Refusal> {
        let there = self.guilds.get(&guild).ok_or(refusals::UNKNOWN_GUILD)?;
        if there.unavailable {
            return Err(refusals::OUTAGE);
        }
        if !there.members.contains_key(&self.bot.user) {
            return Err(refusals::UNKNOWN_GUILD);
        }
        if self.base_permissions(guild, self.bot.user) & needs != needs {
            return Err(refusals::NO_PERMISSION);
        }
        Ok(there)
    }

    /// A message as the bot reads it: empty where it may not read what others say, and never with its sender's mark.
    pub fn shown(&self, message: &crate::state::message::Message) -> Value {
        let mut json = self.message_json(message);
        if let Value::Object(fields) = &mut json {
            fields.remove("nonce");
        }
        if self.bot.privileged.content {
            return json;
        }
        intents::blank(self.bot.user, &json).unwrap_or(json)
    }
}
