//! Entering channels and leaving them: few lines for many channels, keys, and coming back later and later where we are put
//! out.

use super::history;
use super::room::{Room, Stage, Waiter};
use super::{Out, Phase, Session};
use crate::irc::line::{LONGEST_OUT, write};
use crate::network::{Incoming, NetworkError, RemoteId};
use std::time::Duration;
use tokio::time::Instant;

/// How long joining may take.
const JOINING: Duration = Duration::from_secs(30);

/// Channels that one JOIN names.
const JOINS: usize = 8;

impl Session {
    /// A room is wanted from now on.
    pub fn want(&mut self, id: &RemoteId, key: Option<String>, waiter: Waiter, now: Instant, out: &mut Out) {
        let folded = self.fold(id.as_str());
        let kept = self.kept.get(&history::mark_of(id));
        let room = self.rooms.entry(folded).or_insert_with(|| {
            let mut room = Room::new(id.clone(), id.as_str());
            kept.into_iter().for_each(|mark| room.recall(mark));
            room
        });
        if room.id != *id {
            let other = NetworkError::Forbidden(format!("{id} is the same channel as {}", room.id));
            // Who no longer waits needs no answer.
            let _ = waiter.send(Err(other));
            return;
        }
        room.key = key.or(room.key.take());
        room.waiters.push(waiter);
        match room.stage {
            Stage::In => room.answer(Ok(())),
            Stage::Joining(_) => {}
            Stage::Out(_) if self.phase == Phase::Ready => self.join_due(now, out, true),
            Stage::Out(_) => {}
        }
    }

    /// A room is no longer wanted.
    pub fn leave(&mut self, id: &RemoteId, out: &mut Out) {
        let folded = self.fold(id.as_str());
        if let Some(mut room) = self.rooms.remove(&folded) {
            room.answer(Err(NetworkError::NotFound(format!("{id} was left"))));
            if self.kept.remove(&history::mark_of(id)).is_some() || self.have("draft/chathistory") {
                out.tell(None, Incoming::Mark { key: history::mark_of(id), value: None });
            }
            if self.phase == Phase::Ready && !matches!(room.stage, Stage::Out(_)) {
                out.paced.push(write(&["PART", &room.name], None));
            }
        }
    }

    /// Asks to enter all rooms whose time has come; at once, also those that were to wait.
    pub(super) fn join_due(&mut self, now: Instant, out: &mut Out, at_once: bool) {
        let due = |room: &Room| match room.stage {
            Stage::Out(None) => true,
            Stage::Out(Some(at)) => at <= now || (at_once && !room.waiters.is_empty()),
            _ => false,
        };
        let mut plain: Vec<String> = Vec::new();
        let (mapping, settings) = (self.isupport.casemapping, &self.settings);
        let named = |name: &str| {
            settings.keys.iter().find(|(known, _)| mapping.same(known, name)).map(|(_, key)| key)
        };
        for (before, room) in self.rooms.values_mut().filter(|room| due(room)).enumerate() {
            // Each waits for the lines before it.
            room.stage = Stage::Joining(now + settings.interval.saturating_mul(before as u32));
            match room.key.as_ref().or_else(|| named(&room.name)) {
                Some(key) => out.paced.push(write(&["JOIN", &room.name, key], None)),
                None => plain.push(room.name.clone()),
            }
        }
        for names in plain.chunks(JOINS) {
            let mut line = String::new();
            for name in names {
                if line.len() + name.len() > LONGEST_OUT - 32 {
                    out.paced.push(write(&["JOIN", &std::mem::take(&mut line)], None));
                }
                if !line.is_empty() {
                    line.push(',');
                }
                line.push_str(name);
            }
            out.paced.push(write(&["JOIN", &line], None));
        }
    }

    /// Joins that nobody answered.
    pub(super) fn give_up_joins(&mut self, now: Instant, out: &mut Out) {
        let silent = |room: &Room| matches!(room.stage, Stage::Joining(since) if since + JOINING <= now);
        let late: Vec<String> =
            self.rooms.iter().filter(|(_, room)| silent(room)).map(|(name, _)| name.clone()).collect();
        for folded in late {
            let error = NetworkError::Down("the server did not answer JOIN".into());
            self.put_out(&folded, error, now, out);
        }
    }

    /// We are out of a room that we want: told, and tried again later and later.
    pub(super) fn put_out(&mut self, folded: &str, error: NetworkError, now: Instant, out: &mut Out) {
        let Some(room) = self.rooms.get_mut(folded) else { return };
        let wait =
            self.settings.backoff_min.saturating_mul(1 << room.tries.min(16)).min(self.settings.backoff_max);
        room.tries += 1;
        room.out(Some(now + wait));
        if !std::mem::replace(&mut room.lost, true) {
            out.tell(Some(&room.id), Incoming::Lost(error.clone()));
        }
        room.answer(Err(error));
    }
}
