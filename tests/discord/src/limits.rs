//! Rate limits: a bucket for each route and resource, one for all, one for a channel's webhooks (topics/rate-limits.mdx).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::state::hash;

/// What a request may be refused with, and the headers it gets in any case.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// `X-RateLimit-…`.
    pub headers: Vec<(&'static str, String)>,
    /// Seconds to wait, and for what, where it is refused.
    pub refused: Option<(f64, Scope)>,
}

/// `X-RateLimit-Scope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This application on this route.
    User,
    /// This application everywhere.
    Global,
    /// The resource, whoever asks.
    Shared,
}

#[derive(Clone, Copy)]
struct Window {
    left: u32,
    ends: Instant,
}

/// All buckets.
pub struct Limits {
    speed: f64,
    windows: HashMap<String, Window>,
}

/// Requests of one application in a second.
const GLOBAL: u32 = 50;
/// Messages of webhooks into one channel in a minute.
const WEBHOOKS: u32 = 30;

impl Limits {
    /// As real Discord has them, as far as is known.
    pub fn real() -> Limits {
        Limits::faster(1.0)
    }

    /// The same, but time goes so many times faster.
    pub fn faster(speed: f64) -> Limits {
        Limits { speed, windows: HashMap::new() }
    }

    /// None.
    pub fn off() -> Limits {
        Limits::faster(f64::INFINITY)
    }

    /// Counts a request. `resource` is the channel, guild or webhook with its token; `renames` where a channel's name or
    /// topic is changed; `channel` the one a webhook speaks in; `now` in milliseconds since 1970.
    pub fn ask(&mut self, what: &Asked, now: u64) -> Verdict {
        if self.speed.is_infinite() {
            return Verdict::default();
        }
        let (name, limit, window) = bucket(what.operation);
        let key = format!("{name}/{}", what.resource);
        if what.counts_globally
            && let Err(wait) = self.take("global", GLOBAL, 1000)
        {
            return Verdict { headers: Vec::new(), refused: Some((wait, Scope::Global)) };
        }
        let mut verdict = Verdict::default();
        let taken = self.take(&key, limit, window);
        let there = self.windows.get(&key).copied();
        let (left, wait) = there.map_or((0, 0.0), |it| (it.left, seconds(it.ends)));
        let resets = now as f64 / 1000.0 + wait;
        verdict.headers = vec![
            ("X-RateLimit-Limit", limit.to_string()),
            ("X-RateLimit-Remaining", left.to_string()),
            ("X-RateLimit-Reset", format!("{resets:.3}")),
            ("X-RateLimit-Reset-After", format!("{wait:.3}")),
            ("X-RateLimit-Bucket", hash(name)),
        ];
        verdict.refused = taken.err().map(|wait| (wait, Scope::User));
        if verdict.refused.is_none() && what.renames {
            let taken = self.take(&format!("rename/{}", what.resource), 2, 600_000);
            verdict.refused = taken.err().map(|wait| (wait, Scope::User));
        }
        if verdict.refused.is_none()
            && let Some(channel) = what.webhook_channel
        {
            let taken = self.take(&format!("webhooks/{channel}"), WEBHOOKS, 60_000);
            verdict.refused = taken.err().map(|wait| (wait, Scope::Shared));
        }
        verdict
    }

    fn take(&mut self, key: &str, limit: u32, window: u64) -> Result<(), f64> {
        let now = Instant::now();
        let lasts = Duration::from_secs_f64(window as f64 / 1000.0 / self.speed);
        let fresh = Window { left: limit, ends: now + lasts };
        let it = self.windows.entry(key.to_owned()).or_insert(fresh);
        if it.ends <= now {
            *it = fresh;
        }
        if it.left == 0 {
            return Err(seconds(it.ends));
        }
        it.left -= 1;
        Ok(())
    }
}

/// What a request is counted by.
pub struct Asked<'a> {
    /// The description's `operationId`.
    pub operation: &'a str,
    /// The channel, the guild, or the webhook with its token.
    pub resource: &'a str,
    /// Everything but requests without a bot's token.
    pub counts_globally: bool,
    /// A channel's name or topic.
    pub renames: bool,
    /// Where a webhook speaks.
    pub webhook_channel: Option<u64>,
}

/// A bucket's name, its limit, and its window in milliseconds.
fn bucket(operation: &str) -> (&str, u32, u64) {
    match operation {
        "create_message" => ("messages", 5, 5000),
        "update_message" => ("edits", 5, 5000),
        "delete_message" => ("deletes", 5, 1000),
        "list_messages" | "get_message" => ("reads", 5, 1000),
        "add_my_message_reaction"
        | "delete_my_message_reaction"
        | "delete_user_message_reaction"
        | "delete_all_message_reactions"
        | "delete_all_message_reactions_by_emoji" => ("reactions", 1, 250),
        "execute_webhook" => ("execute", 5, 2000),
        "update_webhook_message" => ("webhook edits", 5, 2000),
        "delete_webhook_message" => ("webhook deletes", 5, 2000),
        "get_webhook_message" => ("webhook reads", 5, 2000),
        "trigger_typing_indicator" => ("typing", 5, 5000),
        "bulk_delete_messages" => ("bulk", 1, 3000),
        "update_channel" => ("channel", 5, 15_000),
        "create_thread" | "create_thread_from_message" => ("threads", 50, 300_000),
        "list_guild_members" => ("members", 10, 10_000),
        "update_guild_member" => ("member", 10, 10_000),
        other => (other, 10, 10_000),
    }
}

fn seconds(until: Instant) -> f64 {
    until.saturating_duration_since(Instant::now()).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(operation: &str) -> Asked<'_> {
        Asked { operation, resource: "1", counts_globally: true, renames: false, webhook_channel: None }
    }

    #[test]
    fn the_sixth_message_waits_and_another_channel_does_not() {
        let mut limits = Limits::real();
        for left in (0..5).rev() {
            let verdict = limits.ask(&asked("create_message"), 0);
            assert!(verdict.refused.is_none());
            assert_eq!(verdict.headers[1].1, left.to_string());
        }
        let (wait, scope) = limits.ask(&asked("create_message"), 0).refused.expect("refused");
        assert!(wait > 4.0 && wait <= 5.0 && scope == Scope::User, "{wait}");
        let other = Asked { resource: "2", ..asked("create_message") };
        assert!(limits.ask(&other, 0).refused.is_none());
    }

    #[test]
    fn everything_together_is_fifty_a_second() {
        let mut limits = Limits::real();
        let mut refused = Vec::new();
        for resource in 0..51 {
            let resource = resource.to_string();
            let asked = Asked { resource: &resource, ..asked("create_message") };
            refused.extend(limits.ask(&asked, 0).refused);
        }
        assert_eq!(refused.iter().map(|(_, scope)| *scope).collect::<Vec<_>>(), [Scope::Global]);
    }

    #[test]
    fn a_third_new_topic_waits_long_and_a_third_change_does_not() {
        let mut limits = Limits::real();
        let renames = Asked { renames: true, ..asked("update_channel") };
        assert!(limits.ask(&renames, 0).refused.is_none() && limits.ask(&renames, 0).refused.is_none());
        assert!(limits.ask(&renames, 0).refused.is_some_and(|(wait, _)| wait > 590.0));
        assert!(limits.ask(&asked("update_channel"), 0).refused.is_none());
    }
}
