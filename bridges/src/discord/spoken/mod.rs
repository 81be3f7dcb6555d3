//! What our people do, done on Discord: for each room one task, which makes one request at a time, so that order is kept
//! and limits are met without being hit.

mod change;
mod compose;
mod names;
mod post;
mod react;
mod topic;
mod webhook;

use super::session::Shared;
use super::snowflake::{Id, Place};
use super::transport::{Failure, Hook};
use crate::model::{Act, Event};
use crate::network::{NetworkError, RemoteId};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// Names of our messages that are remembered, so that one is not found twice.
const CLAIMED: usize = 1_000;

/// Typing is shown no more often than this: it lasts for ten seconds there.
const TYPING: Duration = Duration::from_secs(8);

/// Threads of ours that are remembered.
const THREADS: usize = 500;

/// Something to be done in a room, and who waits for it.
pub(super) enum Order {
    /// Do this.
    Do(Box<Event<RemoteId>>, Answer),
    /// Look whether this was done since then.
    Find(Box<Event<RemoteId>>, SystemTime, Answer),
}

type Answer = oneshot::Sender<Result<Vec<RemoteId>, NetworkError>>;

/// The task of one room.
pub(super) struct Lane {
    shared: Arc<Shared>,
    room: Id,
    /// Our webhook there, once it is known.
    hook: Option<Hook>,
    /// Until then the bot itself speaks: it may not have a webhook.
    bot_until: Option<Instant>,
    claimed: VecDeque<Id>,
    /// Which of our people react how, by message.
    reacted: react::Ours,
    /// Threads of ours by the name that all networks share, where a forum wants each to be a post.
    threads: HashMap<Arc<str>, Id>,
    typed: Option<Instant>,
    topic: watch::Sender<Option<String>>,
}

impl Lane {
    /// Starts the task of a room. It ends when nobody can order anything any more.
    pub fn start(shared: &Arc<Shared>, room: Id) -> mpsc::Sender<Order> {
        let (orders, taken) = mpsc::channel(shared.settings.queue);
        let (topic, topics) = watch::channel(None);
        tokio::spawn(topic::keep(shared.clone(), room, topics));
        let lane = Lane {
            shared: shared.clone(),
            room,
            hook: None,
            bot_until: None,
            claimed: VecDeque::new(),
            reacted: react::Ours::default(),
            threads: HashMap::new(),
            typed: None,
            topic,
        };
        tokio::spawn(lane.run(taken));
        orders
    }

    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            match order {
                // Whoever does not wait any more has given it up: it is not done.
                Order::Do(_, answer) | Order::Find(_, _, answer) if answer.is_closed() => {}
                Order::Do(event, answer) => {
                    let done = self.act(&event).await;
                    // Who has given up meanwhile will look for it: it is nobody's yet.
                    if let Err(Ok(names)) = answer.send(done) {
                        let given: Vec<_> = names.iter().filter_map(|name| self.place(name).ok()).collect();
                        self.claimed.retain(|id| given.iter().all(|place| place.message != *id));
                    }
                }
                Order::Find(event, since, answer) => {
                    let _ = answer.send(self.find(&event, since).await);
                }
            }
        }
    }

    async fn act(&mut self, event: &Event<RemoteId>) -> Result<Vec<RemoteId>, NetworkError> {
        match &event.act {
            Act::Say(message) => return self.say(event, message).await,
            Act::Edit { of, now } => return self.edit(event, self.place(of)?, now).await,
            Act::Retract { of } => self.retract(self.place(of)?).await?,
            Act::React { to, emoji } => {
                let place = self.place(to)?;
                self.react(&event.author, place, emoji).await?;
            }
            Act::Typing(true) => self.types(),
            Act::Subject(subject) => {
                // The newest is what counts; it is said beside what is spoken, since Discord takes only two in ten minutes.
                self.topic.send_replace(Some(subject.clone()));
            }
            Act::Typing(false) | Act::Displayed { .. } => {}
        }
        Ok(Vec::new())
    }

    fn place(&self, name: &RemoteId) -> Result<Place, NetworkError> {
        let unknown = || NetworkError::NotFound("there is no such message on Discord".into());
        Place::read(name, self.room).ok_or_else(unknown)
    }

    fn types(&mut self) {
        if !self.shared.settings.typing || self.typed.is_some_and(|at| at.elapsed() < TYPING) {
            return;
        }
        self.typed = Some(Instant::now());
        let (shared, room) = (self.shared.clone(), self.room);
        // Not worth waiting for, nor an error.
        tokio::spawn(async move {
            let _ = shared.rest.typing(room).await;
        });
    }

    /// A message of ours has this name: it is nobody else's.
    fn claim(&mut self, place: Place) -> RemoteId {
        if self.claimed.len() >= CLAIMED {
            self.claimed.pop_front();
        }
        self.claimed.push_back(place.message);
        place.name(self.room)
    }

    /// The thread that is meant, where it is one of this room's.
    fn thread(&self, name: Option<&Arc<str>>) -> Option<Id> {
        let name = name.filter(|_| self.shared.settings.threads)?;
        if let Some(thread) = self.threads.get(name) {
            return Some(*thread);
        }
        let thread = Id::read(name)?;
        let state = self.shared.state();
        let known = state.guild.threads.get(&thread)?;
        (known.parent_id == Some(self.room)).then_some(thread)
    }

    /// A thread of ours has begun.
    fn begun(&mut self, name: Arc<str>, thread: Id) {
        if self.threads.len() >= THREADS {
            self.threads.clear();
        }
        self.threads.insert(name, thread);
    }

    fn forum(&self) -> bool {
        self.shared.state().guild.is_forum(self.room)
    }

    /// Does something in a thread again after waking it, where it was archived (50083).
    async fn awake(&self, thread: Option<Id>, failure: &Failure) -> bool {
        let (Some(thread), 50083) = (thread, failure.code()) else { return false };
        self.shared.rest.change(thread, &serde_json::json!({ "archived": false })).await.is_ok()
    }
}

/// The failure in the door's words.
pub(super) fn told(failure: Failure) -> NetworkError {
    match failure {
        Failure::Slow(wait) => NetworkError::Slow(wait),
        Failure::Down(why) => NetworkError::Down(why),
        Failure::Lost(why) => NetworkError::Unsure(why),
        Failure::Refused { status: 401, text, .. } => NetworkError::Unauthorized(text),
        Failure::Refused { status: 413, .. } | Failure::Refused { code: 40005, .. } => NetworkError::TooLarge,
        Failure::Refused { status: 404, text, .. } => NetworkError::NotFound(text),
        Failure::Refused { code: 50013, .. } => {
            NetworkError::Forbidden("the bot lacks a permission in this channel".into())
        }
        Failure::Refused { text, .. } => NetworkError::Forbidden(text),
    }
}
