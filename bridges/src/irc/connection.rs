//! The one task of a network: it connects, lives while the link lives, waits, and connects again.

use super::dial::{self, Stream};
use super::outgoing;
use super::queue::{Answer, Done, Queue};
use super::session::{End, Out, Session, Waiter};
use super::settings::Settings;
use super::tls::Tls;
use super::view::SharedView;
use super::wire::Wire;
use crate::model::Event;
use crate::network::{Fed, Feed, Incoming, NetworkError, RemoteId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// What the door asks of the task.
pub enum Order {
    /// Be in this room.
    Join { room: RemoteId, key: Option<String>, waiter: Waiter },
    /// No more of this room.
    Leave { room: RemoteId },
    /// Do this there.
    Do { room: RemoteId, event: Box<Event<RemoteId>>, answer: Answer },
    #[expect(dead_code, reason = "for the connections of persons")]
    /// Hear all that happens in the rooms from now on, or no more than what concerns this connection.
    Listen(bool),
    /// Say goodbye.
    Close { done: oneshot::Sender<()> },
}

/// News that wait for the house; while there are more, the network is not read.
const NEWS: usize = 256;

/// How often time is looked at.
const TICK: Duration = Duration::from_secs(1);

/// A link that has lived so long was a good one: the next wait is short again.
const GOOD: Duration = Duration::from_secs(60);

/// A connection that can be made: the network's own, or that of one of ours. Which of them it is, `session` knows.
pub struct Link {
    /// What the configuration calls the network. For logs.
    pub name: String,
    /// How to reach the network, and how to behave there.
    pub settings: Arc<Settings>,
    /// TLS, perhaps with a client certificate of its own.
    pub tls: Option<Tls>,
    /// What is known and answered.
    pub session: Session,
    /// What the door sees of the session.
    pub view: SharedView,
}

/// The task's all.
pub struct Driver {
    name: String,
    settings: Arc<Settings>,
    tls: Option<Tls>,
    orders: mpsc::Receiver<Order>,
    feed: Feed,
    news: VecDeque<Fed>,
    session: Session,
    queue: Queue,
    view: SharedView,
    failures: u32,
    /// The trouble that the house knows of; at first, that we are not connected yet.
    trouble: Option<NetworkError>,
}

/// Why a part of the task's life is over.
enum Over {
    /// The house wants no more of it.
    Closed(Option<oneshot::Sender<()>>),
    /// The connection ended.
    Ended(End),
}

impl Driver {
    /// A task for this connection, which takes these orders.
    pub fn new(link: Link, orders: mpsc::Receiver<Order>, feed: Feed) -> Self {
        let Link { name, settings, tls, session, view } = link;
        let queue = Queue::new(settings.queue, settings.burst, settings.interval);
        let trouble = Some(NetworkError::Down("not connected yet".into()));
        let news = VecDeque::new();
        Driver { name, settings, tls, orders, feed, news, session, queue, view, failures: 0, trouble }
    }

    /// Lives until it is closed.
    pub async fn run(mut self) {
        loop {
            let over = self.one_connection().await;
            let wait = match over {
                Over::Closed(done) => return closed(done),
                Over::Ended(end) => self.ended(end),
            };
            if let Over::Closed(done) = self.rest(wait).await {
                return closed(done);
            }
        }
    }

    async fn one_connection(&mut self) -> Over {
        let (settings, tls) = (self.settings.clone(), self.tls.clone());
        let mut dialling = Box::pin(async move { dial::connect(&settings, tls.as_ref()).await });
        let stream = loop {
            tokio::select! {
                stream = &mut dialling => break stream,
                order = self.orders.recv() => if let Some(over) = self.obey(order) { return over },
                open = pump(&self.feed, &mut self.news) => if !open { return Over::Closed(None) },
            }
        };
        drop(dialling);
        match stream {
            Ok(stream) => self.live(stream).await,
            Err(text) => Over::Ended(End::down(text)),
        }
    }

    /// One connection, from its first line to its end.
    async fn live(&mut self, stream: Box<dyn Stream>) -> Over {
        let mut wire = Wire::new(stream, Instant::now());
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut out = Out::default();
        self.session.begin(&mut out);
        let over = loop {
            if let Some(end) = self.take(&mut out, &mut wire) {
                break Over::Ended(end);
            }
            let due = self.queue.due(Instant::now()).unwrap_or_else(|| Instant::now() + TICK);
            tokio::select! {
                read = wire.hears.read(), if self.news.len() < NEWS => match read {
                    Ok(()) => self.hear(&mut wire, &mut out),
                    Err(text) => break Over::Ended(End::down(text)),
                },
                written = wire.says.write(), if wire.says.is_behind() => if let Err(text) = written {
                    break Over::Ended(End::down(text));
                },
                order = self.orders.recv() => if let Some(over) = self.obey_with(order, &mut out) { break over },
                open = pump(&self.feed, &mut self.news) => if !open { break Over::Closed(None) },
                _ = tokio::time::sleep_until(due) => {}
                _ = tick.tick() => if let Some(end) = self.tick(&mut wire, &mut out) { break Over::Ended(end) },
            }
        };
        let over = match over {
            Over::Ended(end) => Over::Ended(self.session.ending(end)),
            closed => closed,
        };
        if matches!(over, Over::Closed(_)) {
            wire.says.goodbye().await;
        }
        if wire.age() >= GOOD && self.session.is_ready() {
            self.failures = 0;
        }
        let error = match &over {
            Over::Ended(End::Lost { error, .. }) => error.clone(),
            Over::Ended(End::Refused(text)) => NetworkError::Unauthorized(text.clone()),
            Over::Closed(_) => NetworkError::Down("closed".into()),
        };
        wire.says.give_back(&error);
        over
    }

    fn hear(&mut self, wire: &mut Wire, out: &mut Out) {
        let now = Instant::now();
        while let Some(line) = wire.hears.next_line(now) {
            self.session.hear(&line, now, out);
            if out.end.is_some() {
                return;
            }
        }
    }

    /// Takes what has come out of the session, and what may go now.
    fn take(&mut self, out: &mut Out, wire: &mut Wire) -> Option<End> {
        out.paced.drain(..).for_each(|line| self.queue.push(line));
        out.idle.drain(..).for_each(|line| self.queue.push_idle(line));
        out.urgent.drain(..).for_each(|line| wire.says.push(&line, None));
        if self.session.is_ready() && self.trouble.take().is_some() {
            tracing::info!(network = %self.name, "connected");
            self.news.push_back(Fed { room: None, what: Incoming::Regained });
        }
        self.news.extend(out.fed.drain(..));
        while wire.says.is_calm() {
            let Some((line, done)) = self.queue.pop(Instant::now()) else { break };
            wire.says.push(&line, done);
        }
        self.view.look(&self.session);
        if wire.says.is_stuck() {
            return Some(End::down("the server does not read what we send"));
        }
        out.end.take()
    }

    fn tick(&mut self, wire: &mut Wire, out: &mut Out) -> Option<End> {
        let now = Instant::now();
        self.session.tick(now, out);
        if !self.session.is_ready() && wire.age() > self.settings.connect_timeout {
            return Some(End::down(format!(
                "no welcome within {} s",
                self.settings.connect_timeout.as_secs()
            )));
        }
        wire.look_for_life(now, &self.settings)
    }

    /// The connection is over: who waits is told, and so is the house. Gives the wait until the next.
    fn ended(&mut self, end: End) -> Duration {
        let (error, wait) = match end {
            End::Lost { error, wait } => (error, wait.max(dial::backoff(&self.settings, self.failures))),
            End::Refused(text) => {
                tracing::error!(network = %self.name, said = %text, "the network refuses us; it needs an operator");
                self.news.push_back(Fed { room: None, what: Incoming::Refused(text.clone()) });
                (NetworkError::Unauthorized(text), self.settings.refused_wait)
            }
        };
        self.failures = self.failures.saturating_add(1);
        self.session.lost(&error);
        self.queue.clear(&error);
        tracing::warn!(network = %self.name, %error, seconds = wait.as_secs(), "not connected; trying again later");
        if self.trouble.as_ref() != Some(&error) {
            self.news.push_back(Fed { room: None, what: Incoming::Lost(error.clone()) });
        }
        self.trouble = Some(error);
        wait
    }

    /// Waits, and says meanwhile that the link is down.
    async fn rest(&mut self, wait: Duration) -> Over {
        let until = Instant::now() + wait;
        loop {
            tokio::select! {
                _ = tokio::time::sleep_until(until) => return Over::Ended(End::down("rested")),
                order = self.orders.recv() => {
                    if let Some(over) = self.obey(order) {
                        return over;
                    }
                    let trouble = self.trouble.clone();
                    trouble.into_iter().for_each(|trouble| self.session.lost(&trouble));
                }
                open = pump(&self.feed, &mut self.news) => if !open { return Over::Closed(None) },
            }
        }
    }

    /// An order while there is no connection.
    fn obey(&mut self, order: Option<Order>) -> Option<Over> {
        let trouble = self.trouble.clone().unwrap_or_else(|| NetworkError::Down("not connected".into()));
        match order {
            Some(Order::Do { answer, .. }) => {
                // Who no longer waits needs no answer.
                let _ = answer.send(Err(trouble));
                None
            }
            order => self.obey_with(order, &mut Out::default()),
        }
    }

    fn obey_with(&mut self, order: Option<Order>, out: &mut Out) -> Option<Over> {
        match order {
            None => return Some(Over::Closed(None)),
            Some(Order::Close { done }) => return Some(Over::Closed(Some(done))),
            Some(Order::Join { room, key, waiter }) => {
                self.session.want(&room, key, waiter, Instant::now(), out)
            }
            Some(Order::Listen(all)) => self.session.listen(all, out),
            Some(Order::Leave { room }) => {
                self.session.leave(&room, out);
                self.queue.drop_room(&room, &NetworkError::NotFound(format!("{room} was left")));
            }
            Some(Order::Do { room, event, answer }) => match self.lines(&room, &event) {
                Ok(lines) => {
                    let ids = lines.iter().map(|_| self.session.name_message()).collect();
                    self.queue.say(&room, lines, Done { ids, answer });
                }
                // Who no longer waits needs no answer.
                Err(error) => drop(answer.send(Err(error))),
            },
        }
        None
    }

    fn lines(&mut self, room: &RemoteId, event: &Event<RemoteId>) -> Result<Vec<String>, NetworkError> {
        let channel = self.session.channel(room)?;
        let lines = outgoing::lines(channel, self.session.budget(channel), &event.act)?;
        self.queue.room_for(lines.len(), Instant::now())?;
        if let crate::model::Act::Subject(subject) = &event.act {
            self.session.set_topic(room, subject);
        }
        Ok(lines)
    }
}

/// Hands the house its next piece of news; `false` when it takes no more. Waits for ever when there is none.
async fn pump(feed: &Feed, news: &mut VecDeque<Fed>) -> bool {
    if news.is_empty() {
        return std::future::pending().await;
    }
    let Ok(permit) = feed.reserve().await else { return false };
    if let Some(next) = news.pop_front() {
        permit.send(next);
    }
    true
}

fn closed(done: Option<oneshot::Sender<()>>) {
    if let Some(done) = done {
        // Who no longer waits needs no answer.
        let _ = done.send(());
    }
}
