//! The one task that hears: it takes what the gateway tells in its order, asks for what was missed, tells the house, and
//! keeps its place in the stream of events.

use super::catchup::patiently;
use super::gateway::{Gateway, Resumable, Signal};
use super::heard::{Ask, Link, Out, Past, Room, State, room_name};
use super::settings::Settings;
use super::snowflake::{Id, Place};
use super::transport::{Failure, Rest};
use super::wire;
use crate::model::Act;
use crate::network::{Fed, Feed, Incoming, NetworkError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, interval, sleep};

/// Events that may wait for the house. Then the gateway waits.
const EVENTS: usize = 1_024;

/// How often it is kept what was told of each room, and our place where nothing has happened in them.
const KEEP: Duration = Duration::from_secs(1);

/// How long a session of an earlier run waits for the rooms that want it.
const ROOMS: Duration = Duration::from_secs(3);

/// How long after one room another may follow.
const MORE: Duration = Duration::from_millis(300);

/// How long the list of people may take.
const PEOPLE: Duration = Duration::from_secs(30);

/// Where our place in the stream is kept.
const PLACE: &str = "session";

/// What the session task is asked.
pub(super) enum Order {
    /// A room is wanted.
    Join(Id, oneshot::Sender<Result<(), NetworkError>>),
    /// A room is not wanted any more.
    Leave(Id),
    /// All is over.
    Close(oneshot::Sender<()>),
}

/// What is shared by the task that hears and those that speak.
pub(super) struct Shared {
    pub settings: Arc<Settings>,
    pub rest: Arc<Rest>,
    pub feed: Feed,
    pub state: Mutex<State>,
    /// Channels by the names that an operator has written, as of an earlier run.
    pub names: Mutex<BTreeMap<String, Id>>,
}

impl Shared {
    /// What we know, for a moment: nothing waits while it is held.
    pub fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the operator something.
    pub async fn notice(&self, room: Option<Id>, text: String) {
        // Where nobody listens any more there is nobody to tell.
        let _ = self.feed.send(Fed { room: room.map(room_name), what: Incoming::Notice(text) }).await;
    }
}

/// Our place in the stream of events, as it is kept.
#[derive(Default, Serialize, Deserialize, PartialEq, Clone)]
struct Kept {
    session: Resumable,
    seq: u64,
    me: Id,
    application: Id,
    guild: Id,
}

/// The task.
pub(super) struct Session {
    pub shared: Arc<Shared>,
    pub orders: mpsc::Receiver<Order>,
    pub kept: BTreeMap<String, String>,
    pub tls: Arc<rustls::ClientConfig>,
    asks: mpsc::Sender<Value>,
    asked: Option<mpsc::Receiver<Value>>,
    place: Option<(Arc<Resumable>, u64)>,
    told: Kept,
    last: Instant,
    people_by: Option<Instant>,
    people_at: Option<Instant>,
}

impl Session {
    /// A task that has not begun.
    pub fn new(
        shared: Arc<Shared>,
        orders: mpsc::Receiver<Order>,
        kept: BTreeMap<String, String>,
        tls: Arc<rustls::ClientConfig>,
    ) -> Session {
        let (asks, asked) = mpsc::channel(16);
        let told = Kept::default();
        let last = Instant::now();
        Session {
            shared,
            orders,
            kept,
            tls,
            asks,
            asked: Some(asked),
            place: None,
            told,
            last,
            people_by: None,
            people_at: None,
        }
    }

    /// Hears until we are closed.
    pub async fn run(mut self) {
        let (close, closed) = watch::channel(false);
        let session = match self.earlier().await {
            Ok(session) => session,
            Err(done) => {
                // Whoever closes us may not wait for it.
                let _ = done.send(());
                return;
            }
        };
        let (out, mut signals) = mpsc::channel(EVENTS);
        let asks = self.asked.take().unwrap_or_else(|| mpsc::channel(1).1);
        let (settings, rest) = (self.shared.settings.clone(), self.shared.rest.clone());
        let gateway = Gateway { settings, rest, out, asks, closed, session, tls: self.tls.clone() };
        let gateway = tokio::spawn(gateway.run());
        let mut ticks = interval(Duration::from_millis(250));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let told = tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Close(done)) => {
                        let _ = self.keep().await;
                        let _ = close.send(true);
                        drop(signals);
                        // A gateway that panicked is closed too.
                        let _ = gateway.await;
                        let _ = done.send(());
                        return;
                    }
                    Some(order) => self.order(order).await,
                    None => {
                        let _ = close.send(true);
                        return;
                    }
                },
                Some(signal) = signals.recv() => self.signal(signal).await,
                _ = ticks.tick() => self.tick().await,
            };
            if told.is_none() {
                // Nobody listens any more.
                let _ = close.send(true);
                return;
            }
        }
    }

    /// The session of an earlier run, if it can be gone on with: then the guild is read by REST, since it is not told again.
    async fn earlier(&mut self) -> Result<Option<(Arc<Resumable>, u64)>, oneshot::Sender<()>> {
        let kept = self.kept.get(PLACE).and_then(|kept| serde_json::from_str::<Kept>(kept).ok());
        let Some(kept) = kept.filter(|kept| !kept.session.id.is_empty() && kept.guild != Id(0)) else {
            return Ok(None);
        };
        let wanted = self.shared.settings.guild_id();
        if wanted.is_some_and(|wanted| wanted != kept.guild) {
            return Ok(None);
        }
        // What is told again is told to the rooms that are wanted by then.
        let mut until = Instant::now() + ROOMS;
        while let Ok(order) = tokio::time::timeout_at(until, self.orders.recv()).await {
            match order {
                Some(Order::Close(done)) => return Err(done),
                Some(Order::Leave(room)) => {
                    self.shared.state().rooms.remove(&room);
                }
                Some(Order::Join(room, waiter)) => {
                    self.want(room, waiter);
                    until = until.min(Instant::now() + MORE);
                }
                None => return Ok(None),
            }
        }
        let rest = self.shared.rest.clone();
        let guild = async {
            let mut guild = rest.guild(kept.guild).await?;
            guild.channels = rest.channels(kept.guild).await?;
            guild.threads = rest.threads(kept.guild).await?;
            Ok::<_, Failure>(guild)
        };
        let guild = match guild.await {
            Ok(guild) => guild,
            Err(error) => {
                tracing::debug!(%error, "the guild cannot be read, so a new session is begun");
                return Ok(None);
            }
        };
        let mut state = self.shared.state();
        state.guild.created(guild, false);
        state.guild.me = kept.me;
        state.guild.application = kept.application;
        drop(state);
        let session = (Arc::new(kept.session.clone()), kept.seq);
        self.told = kept;
        Ok(Some(session))
    }

    fn want(&mut self, id: Id, waiter: oneshot::Sender<Result<(), NetworkError>>) {
        let past = self.kept.get(&past_key(id)).map(|kept| Past::read(kept)).unwrap_or_default();
        let mut state = self.shared.state();
        let room = state.rooms.entry(id).or_insert_with(|| Room::new(past));
        room.waiters.push(waiter);
    }

    async fn order(&mut self, order: Order) -> Option<()> {
        let mut out = Out::default();
        match order {
            Order::Join(room, waiter) => {
                self.want(room, waiter);
                let mut state = self.shared.state();
                match state.link.clone() {
                    Link::Lost(error) => {
                        let waiters =
                            state.rooms.get_mut(&room).map(|room| std::mem::take(&mut room.waiters));
                        for waiter in waiters.into_iter().flatten() {
                            let _ = waiter.send(Err(error.clone()));
                        }
                    }
                    Link::Up if state.complete => {
                        state.welcome(room, &mut out);
                        out.asks.push(Ask::CatchUp(room));
                    }
                    _ => {}
                }
            }
            Order::Leave(room) => {
                self.shared.state().rooms.remove(&room);
                self.kept.remove(&past_key(room));
                out.tell_all(Incoming::Mark { key: past_key(room), value: None });
            }
            Order::Close(done) => drop(done),
        }
        self.tell(out).await
    }

    async fn signal(&mut self, signal: Signal) -> Option<()> {
        let mut out = Out::default();
        match signal {
            Signal::Lost(error) => self.shared.state().lost(error, &mut out),
            Signal::Refused(text) => {
                self.place = None;
                self.shared.state().refused(text, &mut out);
            }
            Signal::Event { session, seq, name, data } => {
                if name == "RATE_LIMITED" && self.people_by.is_some() {
                    let wait =
                        data.get("retry_after").and_then(Value::as_f64).unwrap_or(30.0).clamp(0.0, 120.0);
                    sleep(Duration::from_secs_f64(wait)).await;
                    out.asks.push(Ask::People);
                }
                self.shared.state().heard(&name, data, &mut out);
                let lasting = out.fed.iter().any(|fed| lasts(&fed.what)) || !out.asks.is_empty();
                let changing = out.fed.iter().any(|fed| changes(&fed.what));
                self.tell(out).await?;
                // Only now: whoever resumes here has been told everything before.
                self.place = Some((session, seq));
                // What a room has done is not told to it again. Changes have no names by which it would know them, also
                // where they are read anew because the session is over.
                match (changing, lasting) {
                    (true, _) => return self.keep().await,
                    (false, true) => self.keep_place().await?,
                    (false, false) => {}
                }
                return self.keep_in_time().await;
            }
        }
        self.tell(out).await
    }

    async fn tick(&mut self) -> Option<()> {
        let mut out = Out::default();
        self.shared.state().tick(&mut out);
        if self.people_at.is_some_and(|at| at <= Instant::now()) {
            self.people_at = None;
            out.asks.push(Ask::People);
        }
        if self.people_by.is_some_and(|by| by <= Instant::now()) {
            self.people_by = None;
            let mut state = self.shared.state();
            if !state.complete {
                out.tell_all(Incoming::Notice("Discord did not tell who is in the guild".into()));
                state.all_known(&mut out);
            }
        }
        self.tell(out).await?;
        self.keep_in_time().await
    }

    /// Tells the house, and asks for what must be asked for, in this order.
    async fn tell(&mut self, mut out: Out) -> Option<()> {
        loop {
            for fed in out.fed.drain(..) {
                self.shared.feed.send(fed).await.ok()?;
            }
            if out.asks.is_empty() {
                return Some(());
            }
            let ask = out.asks.remove(0);
            let mut more = Out::default();
            self.ask(ask, &mut more).await?;
            for fed in more.fed {
                self.shared.feed.send(fed).await.ok()?;
            }
            out.asks.extend(more.asks);
        }
    }

    async fn ask(&mut self, ask: Ask, out: &mut Out) -> Option<()> {
        match ask {
            Ask::People => {
                let (guild, presences) = {
                    let state = self.shared.state();
                    (state.guild.id.unwrap_or_default(), self.shared.settings.presence)
                };
                if !self.shared.settings.members {
                    self.shared.state().all_known(out);
                    return Some(());
                }
                self.people_by = Some(Instant::now() + PEOPLE);
                let ask = json!({ "op": 8, "d": {
                    "guild_id": guild, "query": "", "limit": 0, "presences": presences, "nonce": "people" } });
                // A gateway that is gone comes again with a new list.
                let _ = self.asks.send(ask).await;
            }
            Ask::CatchUp(room) => return self.catch_up(room).await,
            Ask::Channel(channel, name, data) => {
                if let Ok(told) = patiently(|| self.shared.rest.channel(channel)).await {
                    let mut state = self.shared.state();
                    if told.guild_id.is_some() && told.guild_id == state.guild.id {
                        state.guild.channel_is(told);
                        state.heard(&name, data, out);
                    }
                }
            }
            Ask::Reactors(room, place, whose) => {
                let all = self.reactors(place).await;
                self.shared.state().reactors(room, place, all, Some(whose), out);
            }
        }
        Some(())
    }

    async fn reactors(&self, place: Place) -> Vec<(wire::Emoji, Vec<wire::User>)> {
        let rest = &self.shared.rest;
        let mut all = Vec::new();
        let Ok(message) = patiently(|| rest.message(place)).await else { return all };
        for counted in message.reactions.into_iter().take(20) {
            let name = super::heard::emoji::named(&counted.emoji);
            if let Ok(users) = patiently(|| rest.reactors(place, &name)).await {
                all.push((counted.emoji, users));
            }
        }
        all
    }

    async fn keep_in_time(&mut self) -> Option<()> {
        if self.last.elapsed() < KEEP { Some(()) } else { self.keep().await }
    }

    /// Keeps what was told of each room, and then our place in the stream.
    async fn keep(&mut self) -> Option<()> {
        self.last = Instant::now();
        let mut marks = Vec::new();
        {
            let mut state = self.shared.state();
            for (id, room) in &mut state.rooms {
                if room.past.newest() == Id(0) {
                    continue;
                }
                let now = room.past.write();
                if now != room.kept {
                    room.kept.clone_from(&now);
                    marks.push((past_key(*id), now));
                }
            }
        }
        for (key, value) in marks {
            let what = Incoming::Mark { key, value: Some(value) };
            self.shared.feed.send(Fed { room: None, what }).await.ok()?;
        }
        self.keep_place().await
    }

    /// Keeps our place in the stream.
    async fn keep_place(&mut self) -> Option<()> {
        let kept = {
            let state = self.shared.state();
            self.place.as_ref().map(|(session, seq)| Kept {
                session: Resumable::clone(session),
                seq: *seq,
                me: state.guild.me,
                application: state.guild.application,
                guild: state.guild.id.unwrap_or_default(),
            })
        };
        let Some(kept) = kept.filter(|kept| *kept != self.told) else { return Some(()) };
        if let Ok(text) = serde_json::to_string(&kept) {
            let what = Incoming::Mark { key: PLACE.into(), value: Some(text) };
            self.shared.feed.send(Fed { room: None, what }).await.ok()?;
        }
        self.told = kept;
        Some(())
    }
}

/// Something about an earlier message.
fn changes(what: &Incoming) -> bool {
    match what {
        Incoming::Did { event, .. } => {
            matches!(event.act, Act::Edit { .. } | Act::Retract { .. } | Act::React { .. })
        }
        Incoming::Erased { .. } => true,
        _ => false,
    }
}

/// Something that a room does because of it, and that would be done twice where it is told twice.
fn lasts(what: &Incoming) -> bool {
    match what {
        Incoming::Did { event, .. } => !matches!(event.act, Act::Typing(_) | Act::Displayed { .. }),
        Incoming::Erased { .. } => true,
        _ => false,
    }
}

fn past_key(room: Id) -> String {
    format!("past/{room}")
}
