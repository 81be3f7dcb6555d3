//! What Discord says when it will not: status, code and sentence (topics/opcodes-and-status-codes.mdx).

use serde_json::{Value, json};

use crate::schema::Wrong;

/// A request that is not carried out.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// HTTP's status.
    pub status: u16,
    /// Discord's code.
    pub code: u32,
    /// The sentence.
    pub message: &'static str,
    /// Which fields are wrong, for 50035.
    pub errors: Option<Value>,
}

const fn refusal(status: u16, code: u32, message: &'static str) -> Refusal {
    Refusal { status, code, message, errors: None }
}

/// No such path.
pub const NOT_FOUND: Refusal = refusal(404, 0, "404: Not Found");
/// The path is there, the method is not.
pub const NOT_ALLOWED: Refusal = refusal(405, 0, "405: Method Not Allowed");
/// No token, or a wrong one.
pub const UNAUTHORIZED: Refusal = refusal(401, 0, "401: Unauthorized");
/// No such channel.
pub const UNKNOWN_CHANNEL: Refusal = refusal(404, 10003, "Unknown Channel");
/// No such guild, or the bot is not in it.
pub const UNKNOWN_GUILD: Refusal = refusal(404, 10004, "Unknown Guild");
/// He is not in the guild.
pub const UNKNOWN_MEMBER: Refusal = refusal(404, 10007, "Unknown Member");
/// No such message.
pub const UNKNOWN_MESSAGE: Refusal = refusal(404, 10008, "Unknown Message");
/// No such user.
pub const UNKNOWN_USER: Refusal = refusal(404, 10013, "Unknown User");
/// No such emoji.
pub const UNKNOWN_EMOJI: Refusal = refusal(400, 10014, "Unknown Emoji");
/// No such webhook.
pub const UNKNOWN_WEBHOOK: Refusal = refusal(404, 10015, "Unknown Webhook");
/// He is not banned.
pub const UNKNOWN_BAN: Refusal = refusal(404, 10026, "Unknown Ban");
/// Slow mode.
pub const SLOW_MODE: Refusal =
    refusal(429, 20016, "This action cannot be performed due to slowmode rate limit");
/// Fifty pins and no more.
pub const MANY_PINS: Refusal = refusal(400, 30003, "Maximum number of pins reached for the channel (250)");
/// Fifteen webhooks in a channel and no more.
pub const MANY_WEBHOOKS: Refusal = refusal(400, 30007, "Maximum number of webhooks reached (15)");
/// Twenty emoji on a message and no more.
pub const MANY_REACTIONS: Refusal = refusal(400, 30010, "Maximum number of reactions reached (20)");
/// The files are too big.
pub const TOO_LARGE: Refusal = refusal(413, 40005, "Request entity too large");
/// A message has one thread at most.
pub const HAS_THREAD: Refusal = refusal(400, 160_004, "A thread has already been created for this message");
/// The channel cannot be seen.
pub const NO_ACCESS: Refusal = refusal(403, 50001, "Missing Access");
/// What others said cannot be changed.
pub const NOT_YOURS: Refusal = refusal(403, 50005, "Cannot edit a message authored by another user");
/// Nothing is said.
pub const EMPTY: Refusal = refusal(400, 50006, "Cannot send an empty message");
/// A permission is missing.
pub const NO_PERMISSION: Refusal = refusal(403, 50013, "Missing Permissions");
/// The token of a webhook is wrong.
pub const BAD_WEBHOOK_TOKEN: Refusal = refusal(401, 50027, "Invalid Webhook Token");
/// A category, or a message that the system said.
pub const WRONG_TYPE: Refusal = refusal(400, 50024, "Cannot execute action on this channel type");
/// What the system said can't be changed.
pub const SYSTEM_MESSAGE: Refusal = refusal(403, 50021, "Cannot execute action on a system message");
/// Messages older than two weeks.
pub const TOO_OLD: Refusal =
    refusal(400, 50034, "You can only bulk delete messages that are under 14 days old.");
/// The thread is put away.
pub const ARCHIVED: Refusal = refusal(400, 50083, "Thread is archived");
/// Not JSON at all.
pub const BAD_JSON: Refusal = refusal(400, 50109, "The request body contains invalid JSON.");
/// In a forum every post is a thread with a name.
pub const FORUM_NEEDS_THREAD: Refusal =
    refusal(400, 220_001, "Webhooks posted to forum channels must have a thread_name or thread_id");
/// A thread's name where there is one already.
pub const ONE_THREAD: Refusal =
    refusal(400, 220_002, "Webhooks posted to forum channels cannot have both a thread_name and thread_id");
/// Only forums make threads by webhook.
pub const ONLY_FORUMS: Refusal = refusal(400, 220_003, "Webhooks can only create threads in forum channels");
/// The guild is in an outage: nothing of it is lost.
pub const OUTAGE: Refusal = refusal(503, 0, "503: Service Unavailable");
/// Nothing this fake knows.
pub const NOT_HERE: Refusal = refusal(501, 0, "501: This fake does not know the operation");

/// 50035 with what is wrong where.
pub fn invalid(wrong: &[Wrong]) -> Refusal {
    let mut errors = json!({});
    for it in wrong {
        let way = it.at.iter().fold(&mut errors, |inner, key| &mut inner[key.as_str()]);
        let mut all = way["_errors"].as_array().cloned().unwrap_or_default();
        all.push(json!({"code": it.code, "message": it.says}));
        way["_errors"] = Value::Array(all);
    }
    Refusal { status: 400, code: 50035, message: "Invalid Form Body", errors: Some(errors) }
}

/// 50035 for one field.
pub fn field(name: &str, code: &'static str, says: &str) -> Refusal {
    let at = name.split('.').map(ToOwned::to_owned).collect();
    invalid(&[Wrong { at, code, says: says.to_owned() }])
}

impl Refusal {
    /// The answer's body.
    pub fn json(&self) -> Value {
        let mut json = json!({"message": self.message, "code": self.code});
        if let Some(errors) = &self.errors {
            json["errors"] = errors.clone();
        }
        json
    }
}
