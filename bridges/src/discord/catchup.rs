//! What was said, edited and deleted while we did not listen, read by REST.

use super::heard::Out;
use super::session::Session;
use super::snowflake::Id;
use super::transport::Failure;
use std::time::Duration;
use tokio::time::sleep;

/// Pages of a hundred messages that are read after an outage, for each room.
const PAGES: usize = 50;

/// How often we wait for Discord's limits where we read what was missed.
const PATIENT: usize = 20;

impl Session {
    /// Reads what was said, edited and deleted in a room while we did not listen.
    pub(super) async fn catch_up(&mut self, room: Id) -> Option<()> {
        let (after, newest, threads) = {
            let state = self.shared.state();
            let known = state.rooms.get(&room).map(|room| (room.past.after(), room.past.newest()));
            let Some((Some(after), newest)) = known else { return Some(()) };
            let threads = state.guild.threads.values().filter(|thread| thread.parent_id == Some(room));
            let threads = threads.filter(|thread| thread.last_message_id.is_some_and(|last| last > newest));
            (after, newest, threads.map(|thread| thread.id).collect::<Vec<_>>())
        };
        let threads = if self.shared.settings.threads { threads } else { Vec::new() };
        let here = (!self.shared.state().guild.is_forum(room)).then_some(room);
        for channel in here.into_iter().chain(threads) {
            if let Err(error) = self.pages(channel, after).await? {
                let text = format!("what was said meanwhile could not be read: {error}");
                self.shared.notice(Some(room), text).await;
            }
        }
        if here.is_some() {
            self.compare(room, newest).await?;
        }
        Some(())
    }

    /// All messages of a channel after this one, oldest first.
    async fn pages(&mut self, channel: Id, mut after: Id) -> Option<Result<(), Failure>> {
        for _ in 0..PAGES {
            let page = patiently(|| self.shared.rest.messages(channel, Some(after), 100)).await;
            let mut page = match page {
                Ok(page) => page,
                Err(error) => return Some(Err(error)),
            };
            page.sort_by_key(|message| message.id);
            let full = page.len() >= 100;
            after = page.last().map_or(after, |message| message.id);
            for message in page {
                let mut out = Out::default();
                self.shared.state().tell_message(&message, &mut out);
                for fed in out.fed {
                    self.shared.feed.send(fed).await.ok()?;
                }
            }
            if !full {
                return Some(Ok(()));
            }
        }
        Some(Err(Failure::Lost("there is too much of it".into())))
    }

    /// Edits and deletions among the last messages that were known before: up to `newest`.
    async fn compare(&mut self, room: Id, newest: Id) -> Option<()> {
        let Ok(page) = patiently(|| self.shared.rest.messages(room, None, 100)).await else {
            return Some(());
        };
        let mut out = Out::default();
        {
            let mut state = self.shared.state();
            // A page that is not full reaches back to the beginning.
            let oldest = page.iter().map(|message| message.id).min().filter(|_| page.len() >= 100);
            let known = state.rooms.get(&room).map(|known| known.past.since(oldest.unwrap_or_default()));
            let gone: Vec<Id> = known.unwrap_or_default();
            let gone =
                gone.into_iter().filter(|id| *id <= newest && !page.iter().any(|there| there.id == *id));
            let gone: Vec<Id> = gone.collect();
            state.tell_erased(room, room, &gone, &mut out);
            for message in page.into_iter().filter(|message| message.id <= newest) {
                let known = state.rooms.get(&room).is_some_and(|known| known.past.has(message.id));
                if known {
                    state.edited(message, &mut out);
                }
            }
        }
        for fed in out.fed {
            self.shared.feed.send(fed).await.ok()?;
        }
        Some(())
    }
}

/// Asks again while Discord wants us to wait, or cannot be reached.
pub(super) async fn patiently<T, F: Future<Output = Result<T, Failure>>>(
    ask: impl Fn() -> F,
) -> Result<T, Failure> {
    let mut tries = 0;
    loop {
        let failure = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let wait = match &failure {
            Failure::Slow(wait) => (*wait).min(Duration::from_secs(60)),
            Failure::Lost(_) | Failure::Down(_) if tries < 3 => Duration::from_secs(1),
            _ => return Err(failure),
        };
        tries += 1;
        if tries > PATIENT {
            return Err(failure);
        }
        sleep(wait).await;
    }
}
