//! Reactions: the bot is one person there, so it shows each emoji that at least one of ours shows.

use super::{Lane, told};
use crate::discord::snowflake::Place;
use crate::discord::transport::Failure;
use crate::model::Author;
use crate::network::NetworkError;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// Messages whose reactions of ours are remembered.
const MESSAGES: usize = 1_000;

/// Who of ours reacts how.
#[derive(Default)]
pub(super) struct Ours {
    of: HashMap<Place, Reacted>,
    order: VecDeque<Place>,
}

#[derive(Default, Clone)]
struct Reacted {
    by: HashMap<Arc<str>, Vec<String>>,
    /// What the bot shows.
    shown: BTreeSet<String>,
}

impl Lane {
    pub(super) async fn react(
        &mut self,
        author: &Author,
        place: Place,
        emoji: &[String],
    ) -> Result<(), NetworkError> {
        let thread = Some(place.channel).filter(|channel| *channel != self.room);
        let mut reacted = match self.reacted.of.get(&place) {
            Some(known) => known.clone(),
            // From before this run: the message still knows what the bot shows.
            None => self.before(place).await.map_err(told)?,
        };
        reacted.by.insert(author.id.clone(), emoji.to_vec());
        let wanted: BTreeSet<String> = reacted.by.values().flatten().cloned().collect();
        let gone: Vec<String> = reacted.shown.difference(&wanted).cloned().collect();
        let new: Vec<String> = wanted.difference(&reacted.shown).cloned().collect();
        let mut refused = None;
        for (emoji, on) in gone.iter().map(|one| (one, false)).chain(new.iter().map(|one| (one, true))) {
            let mut answer = self.shared.rest.react(place, emoji, on).await;
            if let Err(failure) = &answer
                && self.awake(thread, failure).await
            {
                answer = self.shared.rest.react(place, emoji, on).await;
            }
            match answer {
                Ok(()) if on => drop(reacted.shown.insert(emoji.clone())),
                Ok(()) => drop(reacted.shown.remove(emoji)),
                Err(failure) => refused = Some(failure),
            }
        }
        self.learn(place, reacted);
        match refused {
            // An emoji that Discord does not know, or one too many, or a message that is gone: nothing to be sorry for.
            None | Some(Failure::Refused { code: 10014 | 30010 | 10008, .. }) => Ok(()),
            Some(failure) => Err(told(failure)),
        }
    }

    async fn before(&self, place: Place) -> Result<Reacted, Failure> {
        let fresh = place.message.made().elapsed().is_ok_and(|age| age.as_secs() < 10);
        if fresh {
            return Ok(Reacted::default());
        }
        match self.shared.rest.message(place).await {
            Ok(message) => {
                let own =
                    message.reactions.into_iter().filter(|counted| counted.me && counted.emoji.id.is_none());
                Ok(Reacted { shown: own.map(|counted| counted.emoji.name).collect(), ..Reacted::default() })
            }
            Err(failure) if failure.status() == 404 => Ok(Reacted::default()),
            Err(failure) => Err(failure),
        }
    }

    fn learn(&mut self, place: Place, reacted: Reacted) {
        if self.reacted.of.insert(place, reacted).is_none() {
            self.reacted.order.push_back(place);
        }
        if self.reacted.order.len() > MESSAGES
            && let Some(oldest) = self.reacted.order.pop_front()
        {
            self.reacted.of.remove(&oldest);
        }
    }
}
