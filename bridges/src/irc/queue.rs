//! Lines that wait for their turn: bounded, in order, at the pace that the network allows.

use super::session::Ticket;
use crate::network::{NetworkError, RemoteId};
use crate::pace::Bucket;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Lines that wait.
pub struct Queue {
    lines: VecDeque<Waiting>,
    idle: VecDeque<String>,
    limit: usize,
    bucket: Bucket,
}

struct Waiting {
    line: String,
    cost: u32,
    room: Option<RemoteId>,
    ticket: Option<Ticket>,
}

/// Lines for idle moments that are kept; the house can do without the rest.
const IDLE: usize = 256;

impl Queue {
    /// At most so many lines of messages, at this pace.
    pub fn new(limit: usize, burst: u32, period: Duration) -> Self {
        Queue { lines: VecDeque::new(), idle: VecDeque::new(), limit, bucket: Bucket::new(burst, period) }
    }

    /// Is there room for so many lines? Else how long to wait. One message always fits into an empty queue.
    pub fn room_for(&self, lines: usize, now: Instant) -> Result<(), NetworkError> {
        let waiting: u32 = self.lines.iter().map(|waiting| waiting.cost).sum();
        if self.lines.is_empty() || waiting as usize + lines <= self.limit {
            return Ok(());
        }
        Err(NetworkError::Slow(self.bucket.estimate(now, lines)))
    }

    /// Lines that belong together and go as one: how many they are, and what they are a part of.
    pub fn say(&mut self, room: &RemoteId, lines: String, cost: u32, ticket: Ticket) {
        self.lines.push_back(Waiting { line: lines, cost, room: Some(room.clone()), ticket: Some(ticket) });
    }

    /// A line of our own: JOIN, PART.
    pub fn push(&mut self, line: String) {
        self.lines.push_back(Waiting { line, cost: 1, room: None, ticket: None });
    }

    /// A line that goes when no other waits.
    pub fn push_idle(&mut self, line: String) {
        if self.idle.len() < IDLE {
            self.idle.push_back(line);
        }
    }

    /// The next line, if its time has come.
    pub fn pop(&mut self, now: Instant) -> Option<(String, Option<Ticket>)> {
        if self.is_empty() || self.bucket.take(now).is_err() {
            return None;
        }
        match self.lines.pop_front() {
            Some(waiting) => {
                self.bucket.spend(now, waiting.cost.saturating_sub(1));
                Some((waiting.line, waiting.ticket))
            }
            None => self.idle.pop_front().map(|line| (line, None)),
        }
    }

    /// When there will be a line to send.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        (!self.is_empty()).then(|| self.bucket.ready(now))
    }

    /// Drops what waits for one room, and says of what it was a part.
    pub fn drop_room(&mut self, room: &RemoteId) -> Vec<u64> {
        let mut groups = Vec::new();
        self.lines.retain(|waiting| {
            let dropped = waiting.room.as_ref() == Some(room);
            groups.extend(waiting.ticket.filter(|_| dropped).map(|ticket| ticket.group));
            !dropped
        });
        groups.dedup();
        groups
    }

    /// Drops all that waits.
    pub fn clear(&mut self) {
        self.idle.clear();
        self.lines.clear();
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.idle.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(queue: &mut Queue, room: &str, lines: &[&str]) {
        for (part, line) in lines.iter().enumerate() {
            queue.say(&room.into(), (*line).into(), 1, Ticket { group: room.len() as u64, part });
        }
    }

    fn queue() -> Queue {
        Queue::new(4, 2, Duration::from_secs(1))
    }

    #[test]
    fn lines_keep_their_order_and_pace_and_idle_ones_wait_for_all_others() {
        let (mut queue, now) = (queue(), Instant::now());
        queue.push_idle("WHO".into());
        say(&mut queue, "#a", &["1", "2"]);
        say(&mut queue, "#b", &["3"]);
        let mut lines = Vec::new();
        for second in 0..4 {
            while let Some((line, _)) = queue.pop(now + Duration::from_secs(second)) {
                lines.push(format!("{second} {line}"));
            }
        }
        assert_eq!(lines, ["0 1", "0 2", "1 3", "2 WHO"]);
        assert_eq!(queue.due(now), None);
    }

    #[test]
    fn a_full_queue_says_how_long_to_wait_but_a_big_message_passes_an_empty_one() {
        let (mut queue, now) = (queue(), Instant::now());
        assert_eq!(queue.room_for(10, now), Ok(()));
        say(&mut queue, "#a", &["1", "2", "3"]);
        assert_eq!(queue.room_for(1, now), Ok(()));
        assert_eq!(queue.room_for(2, now), Err(NetworkError::Slow(Duration::from_secs(2))));
    }

    #[test]
    fn lines_that_belong_together_go_at_once_and_those_behind_pay_for_them() {
        let (mut queue, now) = (queue(), Instant::now());
        queue.say(&"#a".into(), "a batch of five".into(), 5, Ticket { group: 1, part: 0 });
        say(&mut queue, "#b", &["next"]);
        assert_eq!(queue.pop(now).unwrap(), ("a batch of five".into(), Some(Ticket { group: 1, part: 0 })));
        assert!(queue.pop(now + Duration::from_secs(3)).is_none());
        assert_eq!(queue.pop(now + Duration::from_secs(4)).unwrap().0, "next");
        queue.say(&"#a".into(), "another".into(), 4, Ticket { group: 2, part: 0 });
        assert!(queue.room_for(1, now).is_err(), "lines count, not batches");
    }

    #[test]
    fn what_cannot_go_is_named() {
        let mut queue = queue();
        say(&mut queue, "#a", &["1", "2"]);
        say(&mut queue, "#bb", &["3"]);
        assert_eq!(queue.drop_room(&"#a".into()), [2]);
        assert_eq!(queue.pop(Instant::now()).unwrap().0, "3");
    }
}
