//! Discord: one bot in one guild, whose channels are rooms.
//!
//! `session` is the one task that hears: the gateway gives it events, `heard` knows what they mean, `guild` is what we know
//! by then. `spoken` has a task for each room that says what our people do. `transport` alone knows serenity.

mod catchup;
mod files;
mod gateway;
mod guild;
mod heard;
pub mod markdown;
mod rooms;
mod session;
mod settings;
mod snowflake;
mod spoken;
mod transport;
mod wire;

pub use settings::Settings;

use crate::model::Event;
use crate::network::{
    Capabilities, Feed, Fetched, Fut, Kind, Limits, Listed, Network, NetworkError, Opening, RemoteId,
    Sanction, SettingsError,
};
use guild::permissions::MANAGE_CHANNELS;
use heard::{Link, State};
use session::{Order, Session, Shared};
use snowflake::Id;
use spoken::{Lane, told};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, oneshot};

/// `kind = "discord"`.
pub const KIND: Kind = Kind { name: "discord", keys: settings::KEYS, check, open };

/// Orders that may wait for the task that hears. More wait with who gives them.
const ORDERS: usize = 64;

/// Bytes of text in one message: Discord takes 2000 characters, marks and quotations have to fit too.
const BYTES: usize = 1_800;

/// What the marks of a style cost.
const SPAN: usize = 8;

/// Characters of a topic.
const TOPIC: usize = 1_024;

/// One guild.
struct Discord {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
    lanes: Mutex<HashMap<Id, mpsc::Sender<spoken::Order>>>,
}

fn check(opening: &Opening) -> Result<(), SettingsError> {
    let settings = Settings::read(opening)?;
    gateway::tls(&settings)?;
    transport::Rest::new(&settings).map(drop)
}

fn open(opening: Opening, feed: Feed) -> Result<Arc<dyn Network>, SettingsError> {
    let settings = Arc::new(Settings::read(&opening)?);
    let tls = gateway::tls(&settings)?;
    let rest = Arc::new(transport::Rest::new(&settings)?);
    if settings.api_url.as_deref().is_some_and(|url| url.starts_with("http://")) {
        tracing::warn!(network = %opening.name, "api_url is http://, so words and the bot's token go in the clear");
    }
    let state = Mutex::new(State::new(settings.clone()));
    let names = Mutex::new(rooms::kept(&opening.kept));
    let shared = Arc::new(Shared { settings, rest, feed, state, names });
    let (orders, taken) = mpsc::channel(ORDERS);
    tokio::spawn(Session::new(shared.clone(), taken, opening.kept, tls).run());
    Ok(Arc::new(Discord { shared, orders, lanes: Mutex::default() }))
}

impl Discord {
    fn lanes(&self) -> std::sync::MutexGuard<'_, HashMap<Id, mpsc::Sender<spoken::Order>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the room's task an order, and waits for what comes of it.
    async fn order(
        &self,
        room: &RemoteId,
        order: impl FnOnce(oneshot::Sender<Result<Vec<RemoteId>, NetworkError>>) -> spoken::Order,
    ) -> Result<Vec<RemoteId>, NetworkError> {
        let lane = Id::read(room.as_str()).and_then(|id| self.lanes().get(&id).cloned());
        let lane = lane.ok_or_else(|| NetworkError::NotFound("we are not in this channel".into()))?;
        match self.shared.state().link.clone() {
            Link::Up => {}
            // Who we are is not known yet, so our own webhooks would not be.
            Link::Connecting => return Err(NetworkError::Down("the connection is being made".into())),
            Link::Lost(NetworkError::Down(why)) => return Err(NetworkError::Down(why)),
            Link::Lost(other) => return Err(NetworkError::Down(other.to_string())),
        }
        let (answer, done) = oneshot::channel();
        match lane.try_send(order(answer)) {
            Ok(()) => done.await.map_err(|_| closed())?,
            Err(mpsc::error::TrySendError::Full(_)) => Err(NetworkError::Slow(Duration::from_secs(2))),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(closed()),
        }
    }
}

fn closed() -> NetworkError {
    NetworkError::Down("the network is closed".into())
}

impl Network for Discord {
    fn capabilities(&self, room: &RemoteId) -> Capabilities {
        let settings = &self.shared.settings;
        let state = self.shared.state();
        let channel = Id::read(room.as_str()).and_then(|id| state.guild.room(id));
        let topic = channel.is_some_and(|channel| state.guild.ours(channel) & MANAGE_CHANNELS != 0);
        Capabilities {
            text: Limits { bytes: BYTES, lines: usize::MAX, span: SPAN, parts: settings.parts },
            subject: (topic && settings.topic).then_some(TOPIC),
            reply: true,
            edit: true,
            retract: true,
            react: true,
            attach: true,
            link: true,
            typing: settings.typing,
            displayed: false,
            names: true,
            quiet_names: false,
            puppets: false,
            sanction: settings.moderate,
            threads: settings.threads,
            rehost: true,
            addressed: false,
            finds: true,
        }
    }

    fn resolve<'a>(&'a self, name: &'a str) -> Fut<'a, RemoteId> {
        Box::pin(async move { rooms::resolve(&self.shared, name).await.map(heard::room_name) })
    }

    fn join<'a>(&'a self, room: &'a RemoteId) -> Fut<'a, ()> {
        Box::pin(async move {
            let unknown = || NetworkError::NotFound("there is no such channel".into());
            let id = Id::read(room.as_str()).ok_or_else(unknown)?;
            self.lanes().entry(id).or_insert_with(|| Lane::start(&self.shared, id));
            let (waiter, answer) = oneshot::channel();
            self.orders.send(Order::Join(id, waiter)).await.map_err(|_| closed())?;
            answer.await.map_err(|_| closed())?
        })
    }

    fn leave<'a>(&'a self, room: &'a RemoteId) -> Fut<'a, ()> {
        Box::pin(async move {
            let Some(id) = Id::read(room.as_str()) else { return Ok(()) };
            self.lanes().remove(&id);
            // At once: what comes from now on is told to nobody.
            self.shared.state().rooms.remove(&id);
            self.orders.send(Order::Leave(id)).await.map_err(|_| closed())
        })
    }

    fn send<'a>(&'a self, room: &'a RemoteId, event: &'a Event<RemoteId>) -> Fut<'a, Vec<RemoteId>> {
        Box::pin(self.order(room, |answer| spoken::Order::Do(Box::new(event.clone()), answer)))
    }

    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            self.lanes().clear();
            let (done, closed) = oneshot::channel();
            if self.orders.send(Order::Close(done)).await.is_ok() {
                // A task that is gone is closed.
                let _ = closed.await;
            }
            Ok(())
        })
    }

    fn sanction<'a>(&'a self, _room: &'a RemoteId, person: &'a str, sanction: &'a Sanction) -> Fut<'a, ()> {
        Box::pin(async move {
            if !self.shared.settings.moderate {
                return Err(NetworkError::Forbidden(
                    "putting people out is not allowed; `moderate = true` in the bridge's settings allows it"
                        .into(),
                ));
            }
            let nobody = || NetworkError::NotFound("there is no such person on Discord".into());
            let user = Id::read(person).ok_or_else(nobody)?;
            let guild = self.shared.state().guild.id.ok_or_else(closed)?;
            let rest = &self.shared.rest;
            let done = match sanction {
                Sanction::Kick { reason } => rest.kick(guild, user, reason.as_deref()).await,
                Sanction::Ban { reason } => rest.ban(guild, user, true, reason.as_deref()).await,
                Sanction::Unban => rest.ban(guild, user, false, None).await,
            };
            done.map_err(told)
        })
    }

    fn sent<'a>(
        &'a self,
        room: &'a RemoteId,
        event: &'a Event<RemoteId>,
        since: SystemTime,
    ) -> Fut<'a, Vec<RemoteId>> {
        Box::pin(self.order(room, move |answer| spoken::Order::Find(Box::new(event.clone()), since, answer)))
    }

    fn fetch<'a>(&'a self, url: &'a str, most: u64) -> Fut<'a, Fetched> {
        Box::pin(async move {
            let rest = &self.shared.rest;
            let place = self.shared.state().files.place(url);
            let again = async || {
                let message = rest.message(place?).await.ok()?;
                files::again(&message, url)
            };
            files::fetch(rest, &self.shared.settings, url, most, again).await
        })
    }

    fn list<'a>(&'a self, words: Option<&'a str>, most: usize) -> Fut<'a, Vec<Listed>> {
        Box::pin(async move {
            let state = self.shared.state();
            match &state.link {
                Link::Up => Ok(rooms::list(&state.guild, words, most)),
                Link::Connecting => Err(NetworkError::Slow(Duration::from_secs(2))),
                Link::Lost(error) => Err(error.clone()),
            }
        })
    }
}

#[cfg(test)]
mod tests;
