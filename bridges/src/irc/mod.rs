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

use crate::model::{Author, Event};
use crate::network::{
    Capabilities, Feed, Fut, Kind, Listed, Network, NetworkError, Opening, RemoteId, Sanction, SettingsError,
};
use connection::{Driver, Link, Order};
use ours::Ours;
use persona::Persona;
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
    keys: Mutex<HashMap<RemoteId, String>>,
    list: tokio::sync::Mutex<questions::List>,
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
    let persona = Arc::new(Persona::listener(&settings));
    let session = Session::new(settings.clone(), persona, Ours::default().place()).keeping(opening.kept);
    let view = SharedView::new(&session);
    let (orders, taken) = mpsc::channel(ORDERS);
    let link =
        Link { name: opening.name, settings: settings.clone(), tls, policy, session, view: view.clone() };
    tokio::spawn(Driver::new(link, taken, feed).run());
    Ok(Arc::new(Irc { settings, orders, view, keys: Mutex::default(), list: Default::default() }))
}

impl Irc {
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
            let (waiter, answer) = oneshot::channel();
            self.order(Order::Join { room: room.clone(), key, waiter }).await?;
            answer.await.map_err(|_| closed())?
        })
    }

    fn leave<'a>(&'a self, room: &'a RemoteId) -> Fut<'a, ()> {
        Box::pin(async move { self.order(Order::Leave { room: room.clone() }).await })
    }

    fn send<'a>(&'a self, room: &'a RemoteId, event: &'a Event<RemoteId>) -> Fut<'a, Vec<RemoteId>> {
        Box::pin(async move {
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
                Some(_) => {
                    Err(NetworkError::Unsupported("commands of people without a connection of their own"))
                }
                None => self.commanded(line).await,
            }
        })
    }

    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async move {
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
