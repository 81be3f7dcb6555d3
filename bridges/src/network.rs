//! The one door between Rialto and another network. A new network is a folder that opens one.

use crate::model::{Author, Event};
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

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
    /// Comes back when it has left this machine. `event.author` speaks: with `Capabilities::puppets` by a connection of
    /// his own, else by the bridge's. Give it what `degrade::fit` made of an event.
    fn send<'a>(&'a self, room: &'a RemoteId, event: &'a Event<RemoteId>) -> Fut<'a, Vec<RemoteId>>;

    /// Says goodbye and ends the connection. Nothing is fed afterwards.
    fn close(&self) -> Fut<'_, ()>;
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
}

/// What a network tells us. The channel is bounded: a slow house slows its networks down.
pub type Feed = mpsc::Sender<Fed>;

/// Something that a network tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Fed {
    /// In which room it happened; `None` for what concerns the whole network.
    pub room: Option<RemoteId>,
    /// What happened.
    pub what: Incoming,
}

/// What can happen on a network. People are named by their `Author::id`.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// Somebody did something.
    Did {
        /// What the far side calls the message, where it is one.
        id: Option<RemoteId>,
        /// Who, when, what.
        event: Event<RemoteId>,
    },
    /// Somebody came.
    Entered(Member),
    /// Somebody went.
    Left {
        /// Who.
        author: Arc<str>,
        /// His last words.
        reason: Option<String>,
    },
    /// Somebody was put out by a moderator.
    Kicked {
        /// Who.
        author: Arc<str>,
        /// By whom: a nick.
        by: Arc<str>,
        /// Why.
        reason: Option<String>,
    },
    /// Somebody has another nick, and with it perhaps another id.
    Renamed {
        /// The id until now.
        author: Arc<str>,
        /// The same person from now on.
        now: Author,
    },
    /// Somebody's role changed.
    Role {
        /// Who.
        author: Arc<str>,
        /// The new role.
        role: Role,
    },
    /// Somebody went away, came back, or says otherwise why.
    Away {
        /// Who.
        author: Arc<str>,
        /// The reason, perhaps empty; `None` for back again.
        away: Option<String>,
    },
    /// All who are there, but us: after each join. Who is not in the list has gone.
    Members(Vec<Member>),
    /// The network or the room says something to those who run the bridge.
    Notice(String),
    /// The link to the room, or to the whole network, is lost. Those in it stay until `Members` says otherwise. The
    /// network tries to come back by itself.
    Lost(NetworkError),
    /// The link is there again. For a room, `Members` comes first.
    Regained,
    /// The network will not have us (a ban, a wrong password): it needs an operator, and is asked again only after
    /// hours. The text is for the operator.
    Refused(String),
}

/// Somebody in a far room.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Who.
    pub author: Author,
    /// With what rights there.
    pub role: Role,
    /// Away, with the reason, perhaps empty.
    pub away: Option<String>,
}

/// What somebody may do in a far room, from little to much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Role {
    /// Hears only.
    Visitor,
    /// Speaks.
    #[default]
    Participant,
    /// Speaks also where others may not.
    Voiced,
    /// Has some of a moderator's rights.
    Helper,
    /// Moderates.
    Moderator,
    /// Owns the room, or the network.
    Owner,
}

/// What the far side can do. `degrade` reads it; a network is never asked for what it did not claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// How much text goes into one message.
    pub text: Limits,
    /// Bytes of a subject; `None` where we may not set one.
    pub subject: Option<usize>,
    /// Knows what a message answers.
    pub reply: bool,
    /// Changes what was said.
    pub edit: bool,
    /// Takes back what was said.
    pub retract: bool,
    /// Shows reactions.
    pub react: bool,
    /// Shows files.
    pub attach: bool,
    /// Shows words that lead to an address; without, the address is written after them.
    pub link: bool,
    /// Shows who is writing.
    pub typing: bool,
    /// Shows who has read what.
    pub displayed: bool,
    /// Each author speaks under his own name; without, his nick is written before his words.
    pub names: bool,
    /// Nicks written before words must not alert their owners: they get an invisible character inside.
    pub quiet_names: bool,
    /// Each author may have a connection of his own (to come: today no network claims it).
    pub puppets: bool,
}

/// How much text goes into one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Lines.
    pub lines: usize,
    /// Bytes that a span costs beside its text, in each message that holds some of it.
    pub span: usize,
    /// Messages that one message may become: a wall of text is cut off there, and says so.
    pub parts: usize,
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

/// Why a network did not do what it was asked. The texts are plain and safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It wants a password or an account first.
    #[error("the network wants a password or an account: {0}")]
    Unauthorized(String),
    /// It does not let us.
    #[error("the network does not allow it: {0}")]
    Forbidden(String),
    /// There is no such room, person or message, or the name cannot be one.
    #[error("not found there: {0}")]
    NotFound(String),
    /// Too much for one message, even cut.
    #[error("too long for the network")]
    TooLarge,
    /// It never claimed to be able to do this.
    #[error("the network cannot do this: {0}")]
    Unsupported(&'static str),
    /// Too much waits already. Nothing was sent; try again after this time.
    #[error("the network is slow; try again in {} s", .0.as_secs().max(1))]
    Slow(Duration),
    /// The link is down. Nothing was sent.
    #[error("the link to the network is down: {0}")]
    Down(String),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_by_what_they_may() {
        assert!(
            Role::Visitor < Role::Participant && Role::Voiced < Role::Helper && Role::Moderator < Role::Owner
        );
    }

    #[test]
    fn errors_say_what_to_do_next() {
        let slow = NetworkError::Slow(Duration::from_millis(200));
        assert_eq!(slow.to_string(), "the network is slow; try again in 1 s");
        assert_eq!(SettingsError::new("port", "is 0").to_string(), "port: is 0");
    }
}
