//! Reactions: Discord tells of each one, the rooms are told all that a person's reactions to a message now are.

use super::{Ask, Out, State, emoji};
use crate::discord::snowflake::{Id, Place};
use crate::discord::wire;
use crate::model::Act;
use std::collections::{HashMap, VecDeque};
use std::time::SystemTime;

/// Messages whose reactions are remembered.
const MESSAGES: usize = 2_000;

/// People whose reactions to one message are remembered.
const PEOPLE: usize = 1_000;

/// Who reacts how to what.
#[derive(Default)]
pub(super) struct Reactions {
    of: HashMap<Place, HashMap<Id, Vec<String>>>,
    order: VecDeque<Place>,
}

impl Reactions {
    /// All reactions to a message; what was known of it is forgotten.
    fn learn(&mut self, place: Place, all: HashMap<Id, Vec<String>>) {
        if self.of.insert(place, all).is_none() {
            self.order.push_back(place);
        }
        if self.order.len() > MESSAGES
            && let Some(oldest) = self.order.pop_front()
        {
            self.of.remove(&oldest);
        }
    }
}

impl State {
    /// Somebody reacted to a message, or took a reaction back.
    pub(super) fn reacted(&mut self, reaction: wire::Reaction, on: bool, out: &mut Out) {
        let Some((room, place)) = self.place(reaction.channel_id, reaction.message_id) else { return };
        if reaction.user_id == self.guild.me {
            return;
        }
        if let Some(member) = reaction.member
            && !self.settings.members
        {
            self.guild.met(member);
        }
        if !self.reactions.of.contains_key(&place) {
            if place.message < self.since {
                return out.asks.push(Ask::Reactors(room, place, reaction.user_id));
            }
            self.reactions.learn(place, HashMap::new());
        }
        let Some(all) = self.reactions.of.get_mut(&place) else { return };
        if all.len() >= PEOPLE && !all.contains_key(&reaction.user_id) {
            return;
        }
        let emoji = emoji::shown(&reaction.emoji);
        let own = all.entry(reaction.user_id).or_default();
        own.retain(|known| *known != emoji);
        if on {
            own.push(emoji);
        }
        self.tell_reactions(room, place, reaction.user_id, out);
    }

    /// All reactions to a message, or all of one kind, were taken away by a moderator.
    pub(super) fn unreacted(&mut self, about: &wire::Reaction, emoji: Option<&str>, out: &mut Out) {
        let Some((room, place)) = self.place(about.channel_id, about.message_id) else { return };
        let Some(all) = self.reactions.of.get_mut(&place) else { return };
        let mut changed = Vec::new();
        for (user, own) in all.iter_mut() {
            let before = own.len();
            own.retain(|known| emoji.is_some_and(|emoji| known != emoji));
            if own.len() != before {
                changed.push(*user);
            }
        }
        changed.sort_unstable();
        for user in changed {
            self.tell_reactions(room, place, user, out);
        }
    }

    /// All reactions to an old message are known now; this person's are told, or everybody's.
    pub fn reactors(
        &mut self,
        room: Id,
        place: Place,
        all: Vec<(wire::Emoji, Vec<wire::User>)>,
        whose: Option<Id>,
        out: &mut Out,
    ) {
        let mut by: HashMap<Id, Vec<String>> = HashMap::new();
        for (emoji, users) in all {
            let emoji = emoji::shown(&emoji);
            let me = self.guild.me;
            for user in users.into_iter().filter(|user| user.id != me).take(PEOPLE) {
                let own = by.entry(user.id).or_default();
                if !own.contains(&emoji) {
                    own.push(emoji.clone());
                }
                if !self.settings.members {
                    self.guild.met(wire::Member { user: Some(user), ..wire::Member::default() });
                }
            }
        }
        let mut told: Vec<Id> = whose.map_or_else(|| by.keys().copied().collect(), |whose| vec![whose]);
        told.sort_unstable();
        self.reactions.learn(place, by);
        for user in told {
            self.tell_reactions(room, place, user, out);
        }
    }

    fn tell_reactions(&self, room: Id, place: Place, user: Id, out: &mut Out) {
        let own = self.reactions.of.get(&place).and_then(|all| all.get(&user));
        let act = Act::React { to: place.name(room), emoji: own.cloned().unwrap_or_default() };
        out.did(room, None, self.guild.author_of(user), SystemTime::now(), act);
    }
}
