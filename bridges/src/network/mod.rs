//! The one door between Rialto and another network. A new network is a folder that opens one.

mod able;
mod error;
mod incoming;

pub use able::{Capabilities, Limits};
pub use error::NetworkError;
pub use incoming::{About, Fed, Feed, Hat, Incoming, MARK, Member, Role};

use crate::model::{Author, Event, Message};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

/// What the door's methods give back: boxed, so that networks of all kinds can stand in one list.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = Result<T, NetworkError>> + Send + 'a>>;

/// One connection: an IRC network, a Discord guild. Reconnecting is its own affair.
///
/// All methods may be called at any time, also while the link is down, and their futures may be dropped.
pub trait Network: Send + Sync + 'static {
    /// What this far room can do at this moment, by what is known of the far side. Cheap: asked for each act.
    fn capabilities(&self, room: &RemoteId) -> Capabilities;

    /// What an operator writes (`#rust`, `general`), checked and made canonical. Does not touch the network where the
    /// name alone tells.
    fn resolve<'a>(&'a self, name: &'a str) -> Fut<'a, RemoteId>;

    /// From now on, what happens in this room is fed to us, beginning with `Members`. Also after a reconnect.
    ///
    /// Comes back when the far side has let us in or has said why not, or at once where the link is broken. After an
    /// error the room is still wanted: the network tries again by itself, slowly, until `leave`.
    fn join<'a>(&'a self, room: &'a RemoteId) -> Fut<'a, ()>;

    /// No more of this room.
    fn leave<'a>(&'a self, room: &'a RemoteId) -> Fut<'a, ()>;

    /// Does this there, and says what it is called there: one id for each part it was cut into, in their order; none for
    /// what leaves no message behind. What we send is never fed back to us. Sends to one room keep their order.
    ///
    /// Comes back when it has left this machine. `event.author` speaks: by a connection of his own where
    /// [`speaks`](Network::speaks) says so, else by the bridge's. Give it what `degrade::fit` made of an event.
    fn send<'a>(&'a self, room: &'a RemoteId, event: &'a Event<RemoteId>) -> Fut<'a, Vec<RemoteId>>;

    /// Says goodbye and ends the connection. Nothing is fed afterwards.
    fn close(&self) -> Fut<'_, ()>;

    // What follows only some networks can do. A network that cannot need not say so.

    /// Somebody of ours is in the room from now on, or has left it. With `Capabilities::puppets` the network may give him
    /// a connection of his own; failures come as `Incoming::Notice` and as errors of what he then says.
    fn seat<'a>(&'a self, room: &'a RemoteId, person: &'a Author, here: bool) -> Fut<'a, ()> {
        let _ = (room, person, here);
        Box::pin(async { Ok(()) })
    }

    /// He speaks in this room under his own name, so that his nick need not be written before his words. Cheap.
    fn speaks(&self, room: &RemoteId, person: &Author) -> bool {
        let _ = (room, person);
        false
    }

    /// Says something to one person there (an `Author::id`), from one of ours who has a connection of his own.
    fn whisper<'a>(&'a self, from: &'a Author, to: &'a str, message: &'a Message<RemoteId>) -> Fut<'a, ()> {
        let _ = (from, to, message);
        unsupported("private messages")
    }

    /// What one of ours (an `Author::account`) is there: from now on his connections prove it. `None`: no more.
    fn identify<'a>(&'a self, person: &'a str, identity: Option<&'a Identity>) -> Fut<'a, ()> {
        let _ = (person, identity);
        unsupported("accounts of its own for each person")
    }

    /// How the connection of one of ours (an `Author::account`) is, in words; `None` where he has none. Cheap.
    fn connection(&self, person: &str) -> Option<String> {
        let _ = person;
        None
    }

    /// The connection of one of ours is given up, until he speaks again.
    fn disconnect<'a>(&'a self, person: &'a str) -> Fut<'a, ()> {
        let _ = person;
        Box::pin(async { Ok(()) })
    }

    /// A moderator here has decided something about a person there (an `Author::id`).
    fn sanction<'a>(&'a self, room: &'a RemoteId, person: &'a str, sanction: &'a Sanction) -> Fut<'a, ()> {
        let _ = (room, person, sanction);
        unsupported("moderation")
    }

    /// Looks whether this was done there since then, after [`NetworkError::Unsure`] or a crash: its ids, or none if it
    /// was not. Only with `Capabilities::finds`.
    fn sent<'a>(
        &'a self,
        room: &'a RemoteId,
        event: &'a Event<RemoteId>,
        since: SystemTime,
    ) -> Fut<'a, Vec<RemoteId>> {
        let _ = (room, event, since);
        unsupported("looking for what was said")
    }

    /// Fetches a file that somebody there has shown, from the network's own hosts alone; no more than `most` bytes.
    fn fetch<'a>(&'a self, url: &'a str, most: u64) -> Fut<'a, Fetched> {
        let _ = (url, most);
        unsupported("files")
    }

    /// Rooms there whose names or topics hold these words; no more than `most`.
    fn list<'a>(&'a self, words: Option<&'a str>, most: usize) -> Fut<'a, Vec<Listed>> {
        let _ = (words, most);
        unsupported("a list of its rooms")
    }

    /// Does what one of ours, or the operator, says in the network's own words, and gives back what it answers.
    fn command<'a>(&'a self, person: Option<&'a Author>, line: &'a str) -> Fut<'a, Vec<String>> {
        let _ = (person, line);
        unsupported("commands in its own words")
    }
}

fn unsupported<'a, T>(what: &'static str) -> Fut<'a, T> {
    Box::pin(async move { Err(NetworkError::Unsupported(what)) })
}

/// What one of ours is on a network.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The nick to ask for; `None` for the nick in the room.
    pub nick: Option<String>,
    /// The account to prove.
    pub account: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// A client certificate and its key (PEM), for networks that know people by these.
    pub certificate: Option<String>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("nick", &self.nick)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// What a moderator decides about a person of another network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sanction {
    /// Out of the room; he may come back.
    Kick {
        /// Why.
        reason: Option<String>,
    },
    /// Out of the room for good.
    Ban {
        /// Why.
        reason: Option<String>,
    },
    /// He may come back.
    Unban,
}

/// A file that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// `type/subtype`, as the network says.
    pub media_type: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// A room of a network's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What `resolve` understands.
    pub room: RemoteId,
    /// What people call it.
    pub name: String,
    /// What it is about.
    pub topic: Option<String>,
    /// How many are there.
    pub people: Option<u32>,
}

/// A kind of network, before any connection. `KINDS` in lib.rs is the list of them.
pub struct Kind {
    /// What a configuration says in `kind = "…"`.
    pub name: &'static str,
    /// All keys that its section may have beside `kind` and `domain`.
    pub keys: &'static [&'static str],
    /// Are these settings sound? Reads the files they name, and does not touch the network.
    pub check: fn(&Opening) -> Result<(), SettingsError>,
    /// Starts it. Comes back at once, connected or not: the feed tells how it goes. Needs a running tokio runtime.
    pub open: fn(Opening, Feed) -> Result<Arc<dyn Network>, SettingsError>,
}

/// What is needed to open a network.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// What the configuration calls it: `libera` in `[bridge.libera]`. For logs.
    pub name: String,
    /// Its section, without the keys that the server itself reads (`kind`, `domain`).
    pub settings: toml::Table,
    /// Where relative paths in the settings begin.
    pub folder: PathBuf,
    /// What its [`Incoming::Mark`]s have kept from one run to the next.
    pub kept: BTreeMap<String, String>,
}

/// A name that the far side gave: of a room or of a message. Nobody but its network looks into it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemoteId(Arc<str>);

impl RemoteId {
    /// The name as text, to be kept in a store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S: Into<Arc<str>>> From<S> for RemoteId {
    fn from(name: S) -> Self {
        RemoteId(name.into())
    }
}

impl fmt::Display for RemoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RemoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A mistake in a network's section of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{text}", .key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default())]
pub struct SettingsError {
    /// The key, where it is about one: `server`, `sasl.user`.
    pub key: Option<String>,
    /// What is wrong with it and what to do.
    pub text: String,
}

impl SettingsError {
    /// A mistake in this key.
    pub fn new(key: &str, text: impl Into<String>) -> Self {
        SettingsError { key: Some(key.into()), text: text.into() }
    }
}
