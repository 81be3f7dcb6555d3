//! XEP-0124 §9, §14: requests in their order, those that wait for an answer, and answers that may be asked for again.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::wrapper::{Asked, body};

/// Where an answer goes.
pub type Reply = oneshot::Sender<String>;

/// The requests of a session. At most `requests` of them are unanswered, and as many answers are kept.
pub struct Requests {
    /// §14.2: how many may be unanswered.
    requests: usize,
    /// The number that comes next.
    next: u64,
    /// Requests that came before those with lower numbers.
    early: BTreeMap<u64, (Asked, Reply)>,
    /// Requests in order that wait for their answers.
    held: VecDeque<Held>,
    answered: VecDeque<(u64, String)>,
    /// Times that a request was repeated since the last new one.
    repeats: u32,
}

struct Held {
    rid: u64,
    reply: Reply,
    since: Instant,
}

/// What a request is.
pub enum Arrived {
    /// In order or before its time: see [`Requests::in_order`].
    New,
    /// Said before, and dealt with.
    Repeated,
    /// §14.2: outside of the window, or its answer is not kept any more; §11: repeated too often. Whoever asked is told
    /// this condition.
    Refused(&'static str, Reply),
}

/// Repetitions without a new request. A broken network makes two or three.
const REPEATS: u32 = 20;

impl Requests {
    /// The first request has this number.
    pub fn new(first: u64, requests: usize) -> Requests {
        Requests {
            requests,
            next: first,
            early: BTreeMap::new(),
            held: VecDeque::new(),
            answered: VecDeque::new(),
            repeats: 0,
        }
    }

    /// One more request.
    pub fn arrive(&mut self, asked: Asked, reply: Reply) -> Arrived {
        let rid = asked.rid;
        if rid < self.next {
            return self.again(rid, reply);
        }
        // §11: one more is allowed to pause or to end.
        let more = usize::from(asked.terminates || asked.pause.is_some());
        if rid - self.next >= (self.requests + more) as u64 {
            return Arrived::Refused("item-not-found", reply);
        }
        self.repeats = 0;
        if let Some((_, older)) = self.early.insert(rid, (asked, reply)) {
            let _ = older.send(recoverable());
        }
        Arrived::New
    }

    /// §14.3: a request whose answer was lost.
    fn again(&mut self, rid: u64, reply: Reply) -> Arrived {
        self.repeats += 1;
        if self.repeats > REPEATS {
            return Arrived::Refused("policy-violation", reply);
        }
        if let Some((_, answer)) = self.answered.iter().find(|(known, _)| *known == rid) {
            let _ = reply.send(answer.clone());
            return Arrived::Repeated;
        }
        match self.held.iter_mut().find(|held| held.rid == rid) {
            Some(held) => {
                let older = std::mem::replace(&mut held.reply, reply);
                let _ = older.send(recoverable());
                Arrived::Repeated
            }
            None => Arrived::Refused("item-not-found", reply),
        }
    }

    /// The next request in order, if it is there. It waits for its answer from now on.
    pub fn in_order(&mut self) -> Option<Asked> {
        let (asked, reply) = self.early.remove(&self.next)?;
        self.held.push_back(Held { rid: self.next, reply, since: Instant::now() });
        self.next += 1;
        Some(asked)
    }

    /// How many wait for an answer.
    pub fn waiting(&self) -> usize {
        self.held.len()
    }

    /// How many more may be asked is limited: whether there are too many without an answer.
    pub fn are_too_many(&self) -> bool {
        self.held.len() > self.requests
    }

    /// Since when the oldest waits.
    pub fn oldest(&self) -> Option<Instant> {
        self.held.front().map(|held| held.since)
    }

    /// Answers the oldest. One that broke meanwhile asks again, and its answer is kept for that.
    pub fn answer(&mut self, text: String) {
        let Some(held) = self.held.pop_front() else { return };
        let _ = held.reply.send(text.clone());
        self.answered.push_back((held.rid, text));
        while self.answered.len() > self.requests {
            self.answered.pop_front();
        }
    }

    /// Answers all there are with the same.
    pub fn answer_all(&mut self, text: &str) {
        while !self.held.is_empty() {
            self.answer(text.to_owned());
        }
        for (_, reply) in std::mem::take(&mut self.early).into_values() {
            let _ = reply.send(text.to_owned());
        }
    }
}

/// §17.3
fn recoverable() -> String {
    body(&[("type", "error")], b"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(requests: &mut Requests, rid: u64) -> (Arrived, oneshot::Receiver<String>) {
        let (reply, answer) = oneshot::channel();
        (requests.arrive(Asked { rid, ..Asked::default() }, reply), answer)
    }

    fn in_order(requests: &mut Requests) -> Vec<u64> {
        std::iter::from_fn(|| requests.in_order()).map(|asked| asked.rid).collect()
    }

    #[test]
    fn requests_are_heard_in_the_order_of_their_numbers() {
        let mut requests = Requests::new(10, 3);
        let (_, _two) = ask(&mut requests, 11);
        assert_eq!(in_order(&mut requests), [0; 0]);
        let (_, _one) = ask(&mut requests, 10);
        assert_eq!(in_order(&mut requests), [10, 11]);
    }

    #[test]
    fn a_lost_answer_is_given_again_and_forgotten_in_time() {
        let mut requests = Requests::new(10, 2);
        for rid in 10..14 {
            let (_, mut answer) = ask(&mut requests, rid);
            assert_eq!(in_order(&mut requests), [rid]);
            requests.answer(format!("{rid}"));
            assert_eq!(answer.try_recv().unwrap(), format!("{rid}"));
        }
        let (arrived, mut answer) = ask(&mut requests, 13);
        assert!(matches!(arrived, Arrived::Repeated));
        assert_eq!(answer.try_recv().unwrap(), "13");
        assert!(matches!(ask(&mut requests, 11).0, Arrived::Refused("item-not-found", _)));
    }

    #[test]
    fn a_request_that_waits_may_be_repeated_and_the_newer_one_gets_the_answer() {
        let mut requests = Requests::new(10, 2);
        let (_, mut older) = ask(&mut requests, 10);
        in_order(&mut requests);
        let (_, mut newer) = ask(&mut requests, 10);
        assert!(older.try_recv().unwrap().contains("type='error'"));
        requests.answer("x".into());
        assert_eq!(newer.try_recv().unwrap(), "x");
    }

    #[test]
    fn a_number_outside_of_the_window_is_refused() {
        let mut requests = Requests::new(10, 2);
        assert!(matches!(ask(&mut requests, 12).0, Arrived::Refused("item-not-found", _)));
        assert!(matches!(ask(&mut requests, u64::MAX).0, Arrived::Refused("item-not-found", _)));
        assert!(matches!(ask(&mut requests, 9).0, Arrived::Refused("item-not-found", _)));
        let (arrived, _answer) = ask(&mut requests, 11);
        assert!(matches!(arrived, Arrived::New));
    }

    #[test]
    fn whoever_repeats_forever_is_refused() {
        let mut requests = Requests::new(10, 2);
        let (_, _first) = ask(&mut requests, 10);
        in_order(&mut requests);
        let refused = (0..=REPEATS)
            .any(|_| matches!(ask(&mut requests, 10).0, Arrived::Refused("policy-violation", _)));
        assert!(refused);
    }
}
