//! Lines that wait for their turn: bounded, in order, at the pace that the network allows.

use crate::network::{NetworkError, RemoteId};
use crate::pace::Bucket;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Where the answer to a send goes.
pub type Answer = oneshot::Sender<Result<Vec<RemoteId>, NetworkError>>;

/// Who waits for a line to leave, and what he is then told.
#[derive(Debug)]
pub struct Done {
    /// The names of all lines of the message.
    pub ids: Vec<RemoteId>,
    /// Where to say so.
    pub answer: Answer,
}

/// Lines that wait.
pub struct Queue {
    lines: VecDeque<Waiting>,
    idle: VecDeque<String>,
    limit: usize,
    bucket: Bucket,
}

struct Waiting {
    line: String,
    room: Option<RemoteId>,
    done: Option<Done>,
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
        if self.lines.is_empty() || self.lines.len() + lines <= self.limit {
            return Ok(());
        }
        Err(NetworkError::Slow(self.bucket.estimate(now, lines)))
    }

    /// The lines of one message; it is done when the last has left.
    pub fn say(&mut self, room: &RemoteId, lines: Vec<String>, done: Done) {
        let last = lines.len().saturating_sub(1);
        let mut done = Some(done);
        for (number, line) in lines.into_iter().enumerate() {
            let done = if number == last { done.take() } else { None };
            self.lines.push_back(Waiting { line, room: Some(room.clone()), done });
        }
        if let Some(Done { ids, answer }) = done {
            // Nothing to say is said at once; who no longer waits needs no answer.
            let _ = answer.send(Ok(ids));
        }
    }

    /// A line of our own: JOIN, PART.
    pub fn push(&mut self, line: String) {
        self.lines.push_back(Waiting { line, room: None, done: None });
    }

    /// A line that goes when no other waits.
    pub fn push_idle(&mut self, line: String) {
        if self.idle.len() < IDLE {
            self.idle.push_back(line);
        }
    }

    /// The next line, if its time has come.
    pub fn pop(&mut self, now: Instant) -> Option<(String, Option<Done>)> {
        if self.is_empty() || self.bucket.take(now).is_err() {
            return None;
        }
        match self.lines.pop_front() {
            Some(waiting) => Some((waiting.line, waiting.done)),
            None => self.idle.pop_front().map(|line| (line, None)),
        }
    }

    /// When there will be a line to send.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        (!self.is_empty()).then(|| self.bucket.ready(now))
    }

    /// Gives back what waits for one room.
    pub fn drop_room(&mut self, room: &RemoteId, error: &NetworkError) {
        self.give_back(|waiting| waiting.room.as_ref() == Some(room), error);
    }

    /// Gives back all that waits.
    pub fn clear(&mut self, error: &NetworkError) {
        self.idle.clear();
        self.give_back(|_| true, error);
    }

    fn give_back(&mut self, which: impl Fn(&Waiting) -> bool, error: &NetworkError) {
        for mut waiting in std::mem::take(&mut self.lines) {
            if !which(&waiting) {
                self.lines.push_back(waiting);
            } else if let Some(done) = waiting.done.take() {
                // Who no longer waits needs no answer.
                let _ = done.answer.send(Err(error.clone()));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.idle.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(
        queue: &mut Queue,
        room: &str,
        lines: &[&str],
    ) -> oneshot::Receiver<Result<Vec<RemoteId>, NetworkError>> {
        let (answer, waits) = oneshot::channel();
        let lines: Vec<String> = lines.iter().map(|line| line.to_string()).collect();
        let ids = lines.iter().map(|line| line.as_str().into()).collect();
        queue.say(&room.into(), lines, Done { ids, answer });
        waits
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
    fn the_last_line_says_that_the_message_is_done() {
        let mut queue = queue();
        say(&mut queue, "#a", &["1", "2"]);
        let now = Instant::now();
        assert!(queue.pop(now).unwrap().1.is_none());
        assert_eq!(queue.pop(now).unwrap().1.unwrap().ids.len(), 2);
        assert_eq!(say(&mut queue, "#a", &[]).try_recv().unwrap(), Ok(vec![]));
    }

    #[test]
    fn what_cannot_go_is_given_back() {
        let mut queue = queue();
        let mut a = say(&mut queue, "#a", &["1"]);
        let mut b = say(&mut queue, "#b", &["2"]);
        let down = NetworkError::Down("cable".into());
        queue.drop_room(&"#a".into(), &down);
        assert_eq!(a.try_recv().unwrap(), Err(down.clone()));
        assert!(b.try_recv().is_err());
        queue.clear(&down);
        assert_eq!(b.try_recv().unwrap(), Err(down));
    }
}
