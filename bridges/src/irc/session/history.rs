//! draft/chathistory: what was said while we were away. Asked for after each join, from a little before the last message that
//! was seen; what was seen is not told again, and what comes meanwhile waits, so that the order is kept.

use super::batches::Batch;
use super::room::Room;
use super::{Out, Session};
use crate::irc::line::{Line, write};
use crate::irc::when;
use crate::network::{Incoming, NetworkError, RemoteId};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Messages that are asked for at once where the server sets no limit.
const PAGE: usize = 100;

/// Live lines that wait for history; more end the waiting.
const HELD: usize = 1000;

/// How long one page may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Catching up with a channel.
#[derive(Debug)]
pub struct CatchingUp {
    since: SystemTime,
    left: usize,
    until: Instant,
    held: VecDeque<Line>,
}

impl Session {
    /// We have entered: is there something to catch up with? What is said from now on waits for it.
    pub(super) fn begin_catching_up(&mut self, folded: &str, now: Instant) {
        let can = self.listens && self.have("draft/chathistory") && self.have("batch");
        let most = self.settings.catch_up;
        let Some(room) = self.rooms.get_mut(folded) else { return };
        let since = room.memory.since().filter(|_| can && most > 0);
        let held = room.catching.take().map(|before| before.held).unwrap_or_default();
        room.catching = since.map(|since| CatchingUp { since, left: most, until: now + PATIENCE, held });
        if self.listens {
            room.memory.begin(SystemTime::now());
        }
    }

    /// We know who is there: now for what was said.
    pub(super) fn ask_history(&mut self, folded: &str, now: Instant, out: &mut Out) {
        let page = self.page();
        if let Some((room, catching)) =
            self.rooms.get_mut(folded).and_then(|r| r.catching.as_mut().map(|c| (&r.name, c)))
        {
            catching.until = now + PATIENCE;
            let since = format!("timestamp={}", when::write(catching.since));
            let page = page.min(catching.left.max(1)).to_string();
            out.paced.push(write(&["CHATHISTORY", "AFTER", room, &since, &page], None));
        }
    }

    /// This line waits until we have caught up with its channel.
    pub(super) fn waits(&mut self, folded: &str, line: &Line) -> bool {
        let Some(catching) = self.rooms.get_mut(folded).and_then(|room| room.catching.as_mut()) else {
            return false;
        };
        if catching.held.len() >= HELD {
            return false;
        }
        catching.held.push_back(line.clone());
        true
    }

    /// A piece of history has come.
    pub(super) fn played(&mut self, batch: &Batch, now: Instant, out: &mut Out) {
        let folded = self.fold(batch.opening.arg(2));
        let page = self.page();
        let Some(room) = self.rooms.get_mut(&folded) else { return };
        let Some(catching) = &mut room.catching else { return };
        catching.left = catching.left.saturating_sub(batch.count);
        let newest = batch.newest.filter(|newest| *newest > catching.since);
        match newest {
            Some(newest) if batch.count >= page && catching.left > 0 => {
                catching.since = newest;
                self.ask_history(&folded, now, out);
            }
            _ => {
                if catching.left == 0 {
                    let text =
                        format!("{}: more was said while the link was down than `catch_up` allows", room.id);
                    out.tell(Some(&room.id), Incoming::Notice(text));
                }
                self.caught_up(&folded, now, out);
            }
        }
    }

    /// The server has no history for us, or none any more.
    pub(super) fn no_history(&mut self, now: Instant, out: &mut Out) {
        for folded in self.catching(|_| true) {
            self.caught_up(&folded, now, out);
        }
    }

    /// History that does not come is not waited for.
    pub(super) fn give_up_history(&mut self, now: Instant, out: &mut Out) {
        for folded in self.catching(|catching| catching.until <= now) {
            self.caught_up(&folded, now, out);
        }
    }

    fn catching(&self, which: impl Fn(&CatchingUp) -> bool) -> Vec<String> {
        let some = self.rooms.iter().filter(|(_, room)| room.catching.as_ref().is_some_and(&which));
        some.map(|(folded, _)| folded.clone()).collect()
    }

    /// What waited is heard now, but what history has told already.
    fn caught_up(&mut self, folded: &str, now: Instant, out: &mut Out) {
        let catching = self.rooms.get_mut(folded).and_then(|room| room.catching.take());
        for line in catching.map(|catching| catching.held).unwrap_or_default() {
            self.replayed(&line, now, out);
        }
    }

    /// What was said is said again: if it is news, it is told.
    pub(super) fn replayed(&mut self, line: &Line, now: Instant, out: &mut Out) {
        match line.verb.as_str() {
            "PRIVMSG" | "NOTICE" => self.said(line, true, now, out),
            "TAGMSG" | "REDACT" => self.tagged(line, true, now, out),
            _ => {}
        }
    }

    /// Marks for all rooms in which something was said since the last.
    pub fn marks(&mut self, out: &mut Out) {
        if !self.listens || !self.have("draft/chathistory") {
            return;
        }
        for room in self.rooms.values_mut() {
            if let Some(mark) = room.memory.mark() {
                out.tell(None, Incoming::Mark { key: mark_of(&room.id), value: Some(mark) });
            }
        }
    }

    /// The question for what was said since then.
    pub fn history_since(&self, id: &RemoteId, since: SystemTime) -> Result<super::Ask, NetworkError> {
        let channel = self.channel(id)?;
        if !self.manner(channel).history {
            return Err(NetworkError::Unsupported("looking for what was said"));
        }
        // Clocks differ; what was said before is recognised by its text alone, so not much earlier.
        let since = since.checked_sub(Duration::from_secs(5)).unwrap_or(since);
        let since = format!("timestamp={}", when::write(since));
        let line = write(&["CHATHISTORY", "AFTER", channel, &since, &self.page().to_string()], None);
        Ok(super::Ask { line, ends: &[] })
    }

    fn page(&self) -> usize {
        match self.isupport.history {
            0 => PAGE,
            most => most.min(PAGE * 10),
        }
    }
}

/// The name of a room's mark.
pub fn mark_of(id: &RemoteId) -> String {
    format!("last {id}")
}

impl Room {
    /// What an earlier run kept.
    pub fn recall(&mut self, mark: &str) {
        self.memory = super::memory::Memory::from_mark(mark);
    }
}
