//! IRC in relay mode: one connection to one network, which speaks for everybody.
//!
//! `session` is what we know and answer, without sockets; `connection` the task around it; `fake` a server for tests.

mod connection;
mod dial;
pub mod fake;
pub mod formatting;
mod isupport;
pub mod line;
mod names;
mod ours;
mod outgoing;
mod persona;
mod puppets;
mod questions;
mod queue;
mod session;
mod settings;
mod sts;
mod tls;
mod view;
mod when;
mod wire;

pub use settings::{Sasl, Settings};

use crate::model::{Act, Author, Event, Message};
use crate::network::{
    Capabilities, Feed, Fut, Identity, Kind, Listed, Network, NetworkError, Opening, RemoteId, Sanction,
    SettingsError,
};
use connection::{Driver, Link, Order};
use dial::Route;
use ours::Ours;
use persona::Persona;
use puppets::Puppets;
use session::Session;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::sync::{mpsc, oneshot};
use view::SharedView;

/// `kind = "irc"`.
pub const KIND: Kind = Kind { name: session::NETWORK, keys: settings::KEYS, check, open };

/// Orders that may wait for the task. More wait with who gives them.
const ORDERS: usize = 64;

/// One IRC network.
struct Irc {
    settings: Arc<Settings>,
    orders: mpsc::Sender<Order>,
    view: SharedView,
    /// Keys that were said beside a channel's name.
    keys: Arc<Mutex<HashMap<RemoteId, String>>>,
    list: tokio::sync::Mutex<questions::List>,
    /// Connections of people.
    puppets: Option<Puppets>,
}

fn check(opening: &Opening) -> Result<(), SettingsError> {
    let settings = Settings::read(opening)?;
    tls::prepare(&settings, settings.secrets.certificate.as_deref()).map(drop)
}

fn open(opening: Opening, feed: Feed) -> Result<Arc<dyn Network>, SettingsError> {
    let settings = Arc::new(Settings::read(&opening)?);
    let tls = tls::prepare(&settings, settings.secrets.certificate.as_deref())?;
    if !settings.tls {
        tracing::warn!(network = %opening.name, "tls is false: words and passwords go in the clear");
    }
    let policy = opening.kept.get(sts::MARK).and_then(|mark| sts::Policy::from_mark(mark));
    let (ours, keys) = (Ours::default(), Arc::default());
    let persona = Arc::new(Persona::listener(&settings));
    let secret = opening.kept.get(puppets::MARK).cloned();
    let session = Session::new(settings.clone(), persona, ours.place()).keeping(opening.kept);
    let view = SharedView::new(&session);
    let shared = puppets::Shared {
        name: opening.name.clone(),
        settings: settings.clone(),
        tls: tls.clone(),
        policy: policy.clone(),
        ours,
        view: view.clone(),
        keys: Arc::clone(&keys),
        house: feed.clone(),
    };
    let (puppets, feed) =
        Puppets::open(shared, secret.as_deref()).map_or((None, feed), |(all, feed)| (Some(all), feed));
    let (orders, taken) = mpsc::channel(ORDERS);
    let link = Link {
        name: opening.name,
        settings: settings.clone(),
        tls,
        policy,
        route: Route::default(),
        session,
        view: view.clone(),
    };
    tokio::spawn(Driver::new(link, taken, feed).run());
    Ok(Arc::new(Irc { settings, orders, view, keys, list: Default::default(), puppets }))
}

impl Irc {
    /// The connections of people, where they have some.
    fn own(&self) -> Result<&Puppets, NetworkError> {
        let none = "there people have no connections of their own: the operator can set `puppets`";
        self.puppets.as_ref().ok_or(NetworkError::Unsupported(none))
    }

    async fn order(&self, order: Order) -> Result<(), NetworkError> {
        self.orders.send(order).await.map_err(|_| closed())
    }
}

fn closed() -> NetworkError {
    NetworkError::Down("the network is closed".into())
}

impl Network for Irc {
    fn capabilities(&self, room: &RemoteId) -> Capabilities {
        self.view.capabilities(room, &self.settings)
    }

    fn resolve<'a>(&'a self, name: &'a str) -> Fut<'a, RemoteId> {
        Box::pin(async move {
            let (room, key) = self.view.resolve(name)?;
            if let Some(key) = key {
                self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(room.clone(), key.into());
            }
            Ok(room)
        })
    }

    fn join<'a>(&'a self, room: &'a RemoteId) -> Fut<'a, ()> {
        Box::pin(async move {
            self.view.resolve(room.as_str())?;
            let key = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(room).cloned();
            self.puppets.iter().for_each(|puppets| puppets.wants(room, true));
            let (waiter, answer) = oneshot::channel();
            self.order(Order::Join { room: room.clone(), key, waiter }).await?;
            answer.await.map_err(|_| closed())?
        })
    }

    fn leave<'a>(&'a self, room: &'a RemoteId) -> Fut<'a, ()> {
        self.puppets.iter().for_each(|puppets| puppets.wants(room, false));
        Box::pin(async move { self.order(Order::Leave { room: room.clone() }).await })
    }

    fn send<'a>(&'a self, room: &'a RemoteId, event: &'a Event<RemoteId>) -> Fut<'a, Vec<RemoteId>> {
        Box::pin(async move {
            // The bridge's own connection may be down, and not know what it has left.
            if self.puppets.as_ref().is_some_and(|puppets| puppets.has_left(room)) {
                return Err(NetworkError::NotFound(format!("the bridge has left {room}")));
            }
            if let Some(puppets) = &self.puppets
                && !puppets.is_relayed(room, &event.author)?
            {
                match (&event.act, puppets.send(room, event)) {
                    // Not everybody may: then the bridge does what it may.
                    (Act::Subject(_), _) if !puppets.sets_subject(room, &event.author) => {}
                    (Act::Retract { .. }, sent) => match sent.await {
                        Err(NetworkError::Forbidden(_) | NetworkError::Unsupported(_)) => {}
                        sent => return sent,
                    },
                    (_, sent) => return sent.await,
                }
            }
            let (answer, sent) = oneshot::channel();
            self.order(Order::Do { room: room.clone(), event: Box::new(event.clone()), answer }).await?;
            sent.await.map_err(|_| closed())?
        })
    }

    fn sanction<'a>(&'a self, room: &'a RemoteId, person: &'a str, sanction: &'a Sanction) -> Fut<'a, ()> {
        Box::pin(self.sanctioned(room, person, sanction))
    }

    fn sent<'a>(
        &'a self,
        room: &'a RemoteId,
        event: &'a Event<RemoteId>,
        since: SystemTime,
    ) -> Fut<'a, Vec<RemoteId>> {
        Box::pin(self.found(room, event, since))
    }

    fn list<'a>(&'a self, words: Option<&'a str>, most: usize) -> Fut<'a, Vec<Listed>> {
        Box::pin(self.listed(words, most))
    }

    fn command<'a>(&'a self, person: Option<&'a Author>, line: &'a str) -> Fut<'a, Vec<String>> {
        Box::pin(async move {
            match person {
                Some(person) => self.own()?.command(person, line).await,
                None => self.commanded(line).await,
            }
        })
    }

    fn seat<'a>(&'a self, room: &'a RemoteId, person: &'a Author, here: bool) -> Fut<'a, ()> {
        self.puppets.iter().for_each(|puppets| puppets.seat(room, person, here));
        Box::pin(async { Ok(()) })
    }

    fn speaks(&self, room: &RemoteId, person: &Author) -> bool {
        self.puppets.as_ref().is_some_and(|puppets| puppets.speaks(room, person))
    }

    fn whisper<'a>(&'a self, from: &'a Author, to: &'a str, message: &'a Message<RemoteId>) -> Fut<'a, ()> {
        Box::pin(async move { self.own()?.whisper(from, to, message).await })
    }

    fn identify<'a>(&'a self, person: &'a str, identity: Option<&'a Identity>) -> Fut<'a, ()> {
        Box::pin(async move {
            self.own()?.identify(person, identity);
            Ok(())
        })
    }

    fn connection(&self, person: &str) -> Option<String> {
        self.puppets.as_ref()?.connection(person)
    }

    fn disconnect<'a>(&'a self, person: &'a str) -> Fut<'a, ()> {
        self.puppets.iter().for_each(|puppets| puppets.disconnect(person));
        Box::pin(async { Ok(()) })
    }

    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            if let Some(puppets) = &self.puppets {
                puppets.close().await;
            }
            let (done, closed) = oneshot::channel();
            if self.order(Order::Close { done }).await.is_ok() {
                // A task that is gone is closed.
                let _ = closed.await;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
