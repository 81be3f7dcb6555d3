//! The one task of a network: it connects, lives while the link lives, waits, and connects again.

use super::dial::{self, Route, Stream};
use super::queue::Queue;
use super::session::{Answer, Ask, End, Out, Replies, Session, Ticket, Waiter};
use super::settings::Settings;
use super::sts::{self, Policy};
use super::tls::Tls;
use super::view::SharedView;
use super::wire::Wire;
use crate::model::Event;
use crate::network::{Fed, Feed, Incoming, NetworkError, RemoteId, Sanction};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
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
    /// Ask the server this, and give all that it answers.
    Ask { what: Question, replies: Replies },
    /// Be called this from now on.
    Call(String),
    /// Hear all that happens in the rooms from now on, or no more than what concerns this connection.
    Listen(bool),
    /// Say goodbye.
    Close { done: oneshot::Sender<()> },
}

/// What the server can be asked.
pub enum Question {
    /// This line.
    Raw(Ask),
    /// What was said in this room since then.
    History { room: RemoteId, since: SystemTime },
    /// To do this to somebody in this room.
    Sanction { room: RemoteId, person: String, what: Sanction },
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
    /// A policy that an earlier run has kept.
    pub policy: Option<Policy>,
    /// How its connections begin.
    pub route: Route,
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
    policy: Option<Policy>,
    /// The server has asked for TLS, at this port.
    secure: Option<u16>,
    route: Route,
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
        let Link { name, settings, tls, policy, route, session, view } = link;
        let queue = Queue::new(settings.queue, settings.burst, settings.interval);
        let trouble = Some(NetworkError::Down("not connected yet".into()));
        let news = VecDeque::new();
        Driver {
            name,
            settings,
            tls,
            policy,
            secure: None,
            route,
            orders,
            feed,
            news,
            session,
            queue,
            view,
            failures: 0,
            trouble,
        }
    }

    /// Lives until it is closed.
    pub async fn run(mut self) {
        loop {
            let over = self.one_connection().await;
            let wait = match over {
                Over::Closed(done) => return self.closed(done),
                Over::Ended(end) => self.ended(end),
            };
            if let Over::Closed(done) = self.rest(wait).await {
                return self.closed(done);
            }
        }
    }

    async fn one_connection(&mut self) -> Over {
        let (port, secure) = self.place();
        if secure && self.tls.is_none() {
            return Over::Ended(End::down("the server wants TLS, and its name can stand in no certificate"));
        }
        let (settings, tls) = (self.settings.clone(), self.tls.clone().filter(|_| secure));
        let route = self.route.clone();
        let mut dialling =
            Box::pin(async move { dial::connect(&settings, port, tls.as_ref(), &route).await });
        let stream = loop {
            tokio::select! {
                stream = &mut dialling => break stream,
                order = self.orders.recv() => if let Some(over) = self.obey(order) { return over },
                open = pump(&self.feed, &mut self.news) => if !open { return Over::Closed(None) },
            }
        };
        drop(dialling);
        match stream {
            Ok(stream) => self.live(stream, secure).await,
            Err(text) => Over::Ended(End::down(text)),
        }
    }

    /// The port to go to, and whether TLS is spoken there: as configured, unless the server has asked for more.
    fn place(&self) -> (u16, bool) {
        let policy = self.policy.as_ref().filter(|policy| policy.holds()).map(|policy| policy.port);
        match self.secure.or(policy).filter(|_| !self.settings.tls) {
            Some(port) => (port, true),
            None => (self.settings.port, self.settings.tls),
        }
    }

    /// What the server has said of TLS is kept.
    fn keep_policy(&mut self, policy: Option<Policy>) {
        let value = policy.as_ref().map(Policy::mark);
        self.policy = policy;
        self.news.push_back(Fed { room: None, what: Incoming::Mark { key: sts::MARK.into(), value } });
    }

    /// One connection, from its first line to its end.
    async fn live(&mut self, stream: Box<dyn Stream>, secure: bool) -> Over {
        let mut wire = Wire::new(stream, Instant::now());
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut out = Out::default();
        self.session.begin(secure, &mut out);
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
            self.last_words(&mut wire).await;
        }
        if wire.age() >= GOOD && self.session.is_ready() {
            self.failures = 0;
        }
        wire.says.left().into_iter().for_each(|ticket| self.session.sending.left(ticket, Instant::now()));
        over
    }

    /// What is known by now is kept, and we say goodbye.
    async fn last_words(&mut self, wire: &mut Wire) {
        let mut out = Out::default();
        self.session.marks(&mut out);
        self.news.extend(out.fed);
        while let Some(fed) = self.news.pop_front() {
            // The house may have gone, or be slow: then it has what it took.
            if self.feed.try_send(fed).is_err() {
                break;
            }
        }
        wire.says.goodbye().await;
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
        let now = Instant::now();
        wire.says.left().into_iter().for_each(|ticket| self.session.sending.left(ticket, now));
        self.session.marks(out);
        out.paced.drain(..).for_each(|line| self.queue.push(line));
        out.idle.drain(..).for_each(|line| self.queue.push_idle(line));
        out.urgent.drain(..).for_each(|line| wire.says.push(&line, None));
        if self.session.is_ready() && self.trouble.take().is_some() {
            tracing::info!(network = %self.name, "connected");
            self.news.push_back(Fed { room: None, what: Incoming::Regained });
        }
        self.news.extend(out.fed.drain(..));
        if let Some(seconds) = out.policy.take() {
            self.keep_policy(Policy::new(self.place().0, seconds));
        }
        while wire.says.is_calm() {
            let Some((line, ticket)) = self.queue.pop(Instant::now()) else { break };
            ticket.into_iter().for_each(|ticket| self.session.sending.handed(ticket));
            wire.says.push(&line, ticket);
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
            End::Secure(port) => {
                self.secure = Some(port);
                tracing::info!(network = %self.name, port, "the server asks for TLS");
                // Nobody has been answered yet: who waits to join goes on waiting.
                return Duration::ZERO;
            }
            End::Lost { error, wait } => (error, wait.max(dial::backoff(&self.settings, self.failures))),
            End::Refused(text) => {
                tracing::error!(network = %self.name, said = %text, "the network refuses us; it needs an operator");
                self.news.push_back(Fed { room: None, what: Incoming::Refused(text.clone()) });
                (NetworkError::Unauthorized(text), self.settings.refused_wait)
            }
        };
        if let Some(mut policy) = self.policy.take_if(|policy| policy.holds()) {
            policy.again();
            self.keep_policy(Some(policy));
        }
        self.failures = self.failures.saturating_add(1);
        self.session.lost(&error);
        self.queue.clear();
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
            // Who no longer waits needs no answer.
            Some(Order::Do { answer, .. }) => answer.send(Err(trouble)).map_or(None, |()| None),
            Some(Order::Ask { replies, .. }) => replies.send(Err(trouble)).map_or(None, |()| None),
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
            Some(Order::Call(nick)) => self.session.call(nick, out),
            Some(Order::Leave { room }) => {
                self.session.leave(&room, out);
                let left = NetworkError::NotFound(format!("{room} was left"));
                let groups = self.queue.drop_room(&room);
                groups.into_iter().for_each(|group| self.session.sending.dropped(group, &left));
            }
            Some(Order::Ask { what, replies }) => match self.question(what, out) {
                Ok(ask) => self.session.ask(ask, replies, Instant::now(), out),
                // Who no longer waits needs no answer.
                Err(error) => drop(replies.send(Err(error))),
            },
            Some(Order::Do { room, event, answer }) => self.say(&room, &event, answer, out),
        }
        None
    }

    fn question(&mut self, what: Question, out: &mut Out) -> Result<Ask, NetworkError> {
        match what {
            Question::Raw(ask) => Ok(ask),
            Question::History { room, since } => self.session.history_since(&room, since),
            Question::Sanction { room, person, what } => self.session.sanction(&room, &person, &what, out),
        }
    }

    fn say(&mut self, room: &RemoteId, event: &Event<RemoteId>, answer: Answer, out: &mut Out) {
        let now = Instant::now();
        let units = match self.queue.room_for(1, now).and_then(|()| self.session.units(room, event, now, out))
        {
            Ok(units) => units,
            // Who no longer waits needs no answer.
            Err(error) => return drop(answer.send(Err(error))),
        };
        let lines: u32 = units.iter().map(|unit| unit.cost).sum();
        if let Err(slow) = self.queue.room_for(lines as usize, now) {
            // Who no longer waits needs no answer.
            return drop(answer.send(Err(slow)));
        }
        let (parts, echoed) = (self.session.parts(&units), self.session.is_echoed(&units));
        let folded = self.session.folded(room);
        let group = self.session.sending.begin(&folded, parts, answer, echoed);
        for (part, unit) in units.into_iter().enumerate() {
            self.queue.say(room, unit.lines, unit.cost, Ticket { group, part });
        }
    }

    fn closed(&mut self, done: Option<oneshot::Sender<()>>) {
        self.session.lost(&NetworkError::Down("closed".into()));
        if let Some(done) = done {
            // Who no longer waits needs no answer.
            let _ = done.send(());
        }
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
