//! Messages of a channel: read, said, changed, deleted, pinned (resources/message.mdx).

use std::ops::Bound;

use serde_json::{Value, json};

use super::refusals::{
    ARCHIVED, MANY_PINS, NOT_YOURS, Refusal, SLOW_MODE, SYSTEM_MESSAGE, TOO_OLD, UNKNOWN_MESSAGE, WRONG_TYPE,
    field,
};
use super::{Call, Reply, nothing, ok};
use crate::clock;
use crate::gateway::Place;
use crate::state::message::{DEFAULT, Message, PINNED, REPLY, Reference};
use crate::state::permissions::{
    ATTACH_FILES, BYPASS_SLOWMODE, MANAGE_MESSAGES, PIN_MESSAGES, READ_MESSAGE_HISTORY, SEND_IN_THREADS,
    SEND_MESSAGES,
};
use crate::state::speech::{Speaker, Words};
use crate::state::{Id, State};

/// Pins of one channel.
const PINS: usize = 250;
/// How long a nonce is remembered, in milliseconds.
const NONCE: u64 = 5 * 60 * 1000;
/// Bulk deletion reaches so far back, in milliseconds.
const BULK: u64 = 14 * 24 * 3600 * 1000;

impl State {
    /// Operations on messages.
    pub fn about_messages(&mut self, call: &Call) -> Option<Reply> {
        Some(match call.operation {
            "list_messages" => self.list_messages(call),
            "get_message" => self.one_message(call),
            "create_message" => self.create_message(call),
            "update_message" => self.update_message(call),
            "delete_message" => self.delete_message(call),
            "bulk_delete_messages" => self.delete_many(call),
            "create_pin" | "deprecated_create_pin" => self.pin(call),
            "delete_pin" | "deprecated_delete_pin" => self.unpin(call),
            "list_pins" => self.list_pins(call, true),
            "deprecated_list_pins" => self.list_pins(call, false),
            "trigger_typing_indicator" => self.typing(call),
            _ => return None,
        })
    }

    /// A channel and a message in it that the bot can read.
    pub fn readable(&self, call: &Call) -> Result<(Id, Id), Refusal> {
        let (channel, message) = (call.id("channel_id")?, call.id("message_id")?);
        self.may(channel, READ_MESSAGE_HISTORY)?;
        self.message(channel, message).ok_or(UNKNOWN_MESSAGE)?;
        Ok((channel, message))
    }

    fn list_messages(&self, call: &Call) -> Reply {
        let channel = self.may(call.id("channel_id")?, 0)?;
        if !channel.holds_messages() {
            return Err(WRONG_TYPE);
        }
        if self.may(channel.id, READ_MESSAGE_HISTORY).is_err() {
            return ok(json!([])); // without the permission there is nothing, and no error
        }
        let (all, limit) = (&channel.messages, call.limit(50));
        let show = |message: &Message| self.shown(message);
        let mut found: Vec<Value> = if let Some(after) = call.asked_id("after") {
            let range = all.range((Bound::Excluded(after), Bound::Unbounded));
            let mut found: Vec<_> = range.take(limit).map(|(_, it)| show(it)).collect();
            found.reverse();
            found
        } else if let Some(around) = call.asked_id("around") {
            let mut before: Vec<_> =
                all.range(..around).rev().take(limit / 2).map(|(_, it)| show(it)).collect();
            let since = all.range(around..).take(limit - limit / 2);
            before.reverse();
            before.extend(since.map(|(_, it)| show(it)));
            before.reverse();
            before
        } else {
            let before = call.asked_id("before").unwrap_or(Id::MAX);
            all.range(..before).rev().take(limit).map(|(_, it)| show(it)).collect()
        };
        found.truncate(limit);
        ok(Value::Array(found))
    }

    fn one_message(&self, call: &Call) -> Reply {
        let (channel, message) = self.readable(call)?;
        self.message(channel, message).map_or(Err(UNKNOWN_MESSAGE), |message| ok(self.shown(message)))
    }

    /// May the bot speak here, and is the thread open?
    pub fn may_speak(&self, channel: Id, files: bool) -> Result<(), Refusal> {
        let there = self.may(channel, 0)?;
        let speak = if there.thread.is_some() { SEND_IN_THREADS } else { SEND_MESSAGES };
        self.may(channel, if files { speak | ATTACH_FILES } else { speak })?;
        if !there.holds_messages() {
            return Err(WRONG_TYPE);
        }
        self.open_thread(channel)
    }

    /// A locked thread takes nothing; one that is only put away comes back.
    pub fn open_thread(&self, channel: Id) -> Result<(), Refusal> {
        let thread = self.channels.get(&channel).and_then(|it| it.thread.as_ref());
        if thread.is_some_and(|thread| thread.archived && thread.locked) { Err(ARCHIVED) } else { Ok(()) }
    }

    fn create_message(&mut self, call: &Call) -> Reply {
        let channel = call.id("channel_id")?;
        self.may_speak(channel, !call.files.is_empty())?;
        let bot = self.bot.user;
        if let Some(known) = self.said_already(channel, &call.body) {
            return ok(self.message_json(known));
        }
        let words = self.compose(call, &call.body, channel)?;
        if words.reference.is_some() {
            self.may(channel, READ_MESSAGE_HISTORY)?;
        }
        self.slow(channel, bot)?;
        let id = self.speak(channel, Speaker::User(bot), words);
        self.message(channel, id).map_or(Err(UNKNOWN_MESSAGE), |message| ok(self.message_json(message)))
    }

    /// With `enforce_nonce`, what was said with the same nonce in the last minutes is the answer.
    fn said_already(&self, channel: Id, body: &Value) -> Option<&Message> {
        let nonce = body.get("nonce").filter(|_| body["enforce_nonce"] == true)?;
        let now = self.now();
        let recent =
            |it: &&Message| now.saturating_sub(clock::made(it.id)) < NONCE && it.author == self.bot.user;
        let mut all = self
            .channels
            .get(&channel)?
            .messages
            .values()
            .rev()
            .take_while(|it| now.saturating_sub(clock::made(it.id)) < NONCE);
        all.find(|it| recent(it) && it.nonce.as_ref() == Some(nonce))
    }

    /// Slow mode; who may bypass it (moderators, by their permissions) does.
    pub fn slow(&self, channel: Id, user: Id) -> Result<(), Refusal> {
        let Some(there) = self.channels.get(&channel).filter(|it| it.slow > 0) else { return Ok(()) };
        let bot = self.users.get(&user).is_some_and(|user| user.bot);
        if bot || self.permissions(channel, user) & BYPASS_SLOWMODE != 0 {
            return Ok(());
        }
        let last = there.messages.values().rev().find(|it| it.author == user);
        let since = last.map_or(u64::MAX, |it| self.now().saturating_sub(clock::made(it.id)));
        if since < u64::from(there.slow) * 1000 { Err(SLOW_MODE) } else { Ok(()) }
    }

    fn update_message(&mut self, call: &Call) -> Reply {
        let (channel, id) = self.readable(call)?;
        let bot = self.bot.user;
        let message = self.message(channel, id).ok_or(UNKNOWN_MESSAGE)?.clone();
        if message.author != bot {
            return Err(NOT_YOURS);
        }
        if ![DEFAULT, REPLY].contains(&message.kind) {
            return Err(SYSTEM_MESSAGE);
        }
        self.open_thread(channel)?;
        let changed = self.recompose(call, &message, &Speaker::User(bot))?;
        self.replace(changed);
        self.message(channel, id).map_or(Err(UNKNOWN_MESSAGE), |message| ok(self.message_json(message)))
    }

    /// Puts a changed message in the place of the old one.
    pub fn replace(&mut self, changed: Message) {
        let (channel, id) = (changed.channel, changed.id);
        self.change(channel, id, |it| {
            let edited = it.edited;
            *it = changed;
            it.edited = edited;
        });
    }

    fn delete_message(&mut self, call: &Call) -> Reply {
        let (channel, id) = (call.id("channel_id")?, call.id("message_id")?);
        self.may(channel, 0)?;
        let message = self.message(channel, id).ok_or(UNKNOWN_MESSAGE)?;
        let own = message.author == self.bot.user;
        if !own {
            self.may(channel, MANAGE_MESSAGES)?;
        }
        self.open_thread(channel)?;
        self.take_away(channel, id);
        nothing()
    }

    fn delete_many(&mut self, call: &Call) -> Reply {
        let channel = call.id("channel_id")?;
        self.may(channel, MANAGE_MESSAGES)?;
        let ids = call.body["messages"].as_array().into_iter().flatten();
        let ids: Vec<Id> = ids.filter_map(|id| id.as_str()?.parse().ok()).collect();
        // The description allows one; Discord wants two at least.
        if ids.len() < 2 {
            return Err(field("messages", "BASE_TYPE_BAD_LENGTH", "Must be between 2 and 100 in length."));
        }
        let oldest = self.now().saturating_sub(BULK);
        if ids.iter().any(|id| clock::made(*id) < oldest) {
            return Err(TOO_OLD);
        }
        self.take_many(channel, &ids);
        nothing()
    }

    fn pin(&mut self, call: &Call) -> Reply {
        let (channel, id) = self.readable(call)?;
        self.may_pin(channel)?;
        let pinned =
            self.channels.get(&channel).map_or(0, |it| it.messages.values().filter(|it| it.pinned).count());
        if pinned >= PINS {
            return Err(MANY_PINS);
        }
        self.set_pinned(channel, id, self.bot.user, true);
        nothing()
    }

    fn unpin(&mut self, call: &Call) -> Reply {
        let (channel, id) = self.readable(call)?;
        self.may_pin(channel)?;
        self.set_pinned(channel, id, self.bot.user, false);
        nothing()
    }

    /// PIN_MESSAGES came out of MANAGE_MESSAGES; either does.
    fn may_pin(&self, channel: Id) -> Result<(), Refusal> {
        self.may(channel, PIN_MESSAGES).or_else(|_| self.may(channel, MANAGE_MESSAGES)).map(|_| ())
    }

    /// Pins or unpins: the channel says so, and so does a message of its own.
    pub fn set_pinned(&mut self, channel: Id, message: Id, by: Id, pinned: bool) {
        let now = self.now();
        let Some(it) = self.message_mut(channel, message).filter(|it| it.pinned != pinned) else { return };
        it.pinned = pinned;
        if let Some(channel) = self.channels.get_mut(&channel).filter(|_| pinned) {
            channel.last_pin = Some(now);
        }
        self.tell_message("MESSAGE_UPDATE", channel, message);
        let last = self.channels.get(&channel).and_then(|it| it.last_pin).map(clock::iso);
        let event = self.of_channel(channel, json!({"last_pin_timestamp": last}));
        self.tell("CHANNEL_PINS_UPDATE", event, Place::Channel(channel));
        if pinned {
            let reference = Some(Reference { kind: 0, channel, message: Some(message) });
            self.speak(channel, Speaker::User(by), Words { kind: PINNED, reference, ..Words::default() });
        }
    }

    fn list_pins(&self, call: &Call, paged: bool) -> Reply {
        let channel = self.may(call.id("channel_id")?, READ_MESSAGE_HISTORY)?;
        let pinned = channel.messages.values().rev().filter(|it| it.pinned);
        if !paged {
            return ok(pinned.take(50).map(|it| self.shown(it)).collect());
        }
        let at = |it: &Message| clock::iso(clock::made(it.id));
        let items: Vec<_> =
            pinned.map(|it| json!({"pinned_at": at(it), "message": self.shown(it)})).collect();
        let limit = call.limit(50);
        ok(
            json!({"has_more": items.len() > limit, "items": items.into_iter().take(limit).collect::<Vec<_>>()}),
        )
    }

    fn typing(&mut self, call: &Call) -> Reply {
        let channel = call.id("channel_id")?;
        self.may_speak(channel, false)?;
        self.type_in(channel, self.bot.user);
        nothing()
    }

    /// Somebody writes.
    pub fn type_in(&mut self, channel: Id, user: Id) {
        let mut event = json!({"user_id": user.to_string(), "timestamp": self.now() / 1000});
        event = self.of_channel(channel, event);
        if let Some(member) = self.guild_of(channel).and_then(|guild| self.member(guild, user)) {
            event["member"] = self.member_json(member);
        }
        self.tell("TYPING_START", event, Place::Channel(channel));
    }
}
