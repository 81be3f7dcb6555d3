//! Reactions (resources/message.mdx).

use serde_json::Value;

use super::refusals::{ARCHIVED, MANY_REACTIONS, Refusal, UNKNOWN_EMOJI, UNKNOWN_MESSAGE};
use super::{Call, Reply, nothing, ok};
use crate::state::guild::User;
use crate::state::message::EmojiName;
use crate::state::permissions::{ADD_REACTIONS, MANAGE_MESSAGES, READ_MESSAGE_HISTORY};
use crate::state::{Id, State};

impl State {
    /// Operations on reactions.
    pub fn about_reactions(&mut self, call: &Call) -> Option<Reply> {
        Some(match call.operation {
            "add_my_message_reaction" => self.add_reaction(call),
            "delete_my_message_reaction" => self.delete_reaction(call, self.bot.user),
            "delete_user_message_reaction" => match call.id("user_id") {
                Ok(user) => self.delete_reaction(call, user),
                Err(refusal) => Err(refusal),
            },
            "list_message_reactions_by_emoji" => self.list_reactions(call),
            "delete_all_message_reactions" => self.clear(call, false),
            "delete_all_message_reactions_by_emoji" => self.clear(call, true),
            _ => return None,
        })
    }

    /// The emoji of the path: one of Unicode, or a custom one that the bot can know.
    fn emoji(&self, call: &Call, channel: Id) -> Result<EmojiName, Refusal> {
        let mut emoji = EmojiName::read(call.name("emoji_name")).ok_or(UNKNOWN_EMOJI)?;
        let Some(id) = emoji.id else { return Ok(emoji) };
        let guilds = self.guilds.values();
        let own = guilds.flat_map(|guild| &guild.emoji).find(|it| it.id == id);
        let used = self.message(channel, call.id("message_id")?).into_iter().flat_map(|it| &it.reactions);
        let used = used.map(|it| &it.emoji).find(|it| it.id == Some(id));
        match (own, used) {
            (Some(own), _) => {
                emoji.name.clone_from(&own.name);
                emoji.animated = own.animated;
            }
            (None, Some(used)) => emoji = used.clone(),
            (None, None) => return Err(UNKNOWN_EMOJI),
        }
        Ok(emoji)
    }

    fn add_reaction(&mut self, call: &Call) -> Reply {
        let (channel, message) = self.readable(call)?;
        let emoji = self.emoji(call, channel)?;
        let there = self.message(channel, message).ok_or(UNKNOWN_MESSAGE)?;
        if !there.reactions.iter().any(|it| it.emoji.same(&emoji)) {
            self.may(channel, ADD_REACTIONS | READ_MESSAGE_HISTORY)?;
        }
        // A reaction does not bring a thread back.
        if self.channels.get(&channel).and_then(|it| it.thread.as_ref()).is_some_and(|thread| thread.archived)
        {
            return Err(ARCHIVED);
        }
        if self.react(channel, message, self.bot.user, &emoji) { nothing() } else { Err(MANY_REACTIONS) }
    }

    fn delete_reaction(&mut self, call: &Call, user: Id) -> Reply {
        let (channel, message) = self.readable(call)?;
        let emoji = self.emoji(call, channel)?;
        if user != self.bot.user {
            self.may(channel, MANAGE_MESSAGES)?;
        }
        self.unreact(channel, message, user, &emoji);
        nothing()
    }

    fn list_reactions(&self, call: &Call) -> Reply {
        let (channel, message) = self.readable(call)?;
        let emoji = self.emoji(call, channel)?;
        let there = self.message(channel, message).ok_or(UNKNOWN_MESSAGE)?;
        let mut users: Vec<Id> = there
            .reactions
            .iter()
            .filter(|it| it.emoji.same(&emoji))
            .flat_map(|it| it.users.iter().copied())
            .filter(|id| *id > call.asked_id("after").unwrap_or(0))
            .collect();
        users.sort_unstable();
        let users = users.iter().take(call.limit(25)).filter_map(|id| self.users.get(id));
        ok(users.map(User::json).collect::<Value>())
    }

    fn clear(&mut self, call: &Call, one: bool) -> Reply {
        let (channel, message) = self.readable(call)?;
        self.may(channel, MANAGE_MESSAGES)?;
        let emoji = if one { Some(self.emoji(call, channel)?) } else { None };
        self.clear_reactions(channel, message, emoji.as_ref());
        nothing()
    }
}
