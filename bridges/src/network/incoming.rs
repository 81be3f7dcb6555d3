//! What a network tells us: who did what in which room, and how the link is.

use super::{NetworkError, RemoteId};
use crate::model::{Author, Event, Message};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;

/// The longest value of an [`Incoming::Mark`], in bytes.
pub const MARK: usize = 4096;

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
    /// Messages were deleted there by somebody who is not their author, or is not named.
    Erased {
        /// Which.
        of: Vec<RemoteId>,
        /// By whom, where that is told: a nick.
        by: Option<Arc<str>>,
        /// Why.
        reason: Option<String>,
    },
    /// What is known of somebody changed as a whole: role, hats, away, picture.
    Changed(Member),
    /// Somebody says something to one of ours alone, who has a connection of his own there.
    Whispered {
        /// Who says it.
        from: Author,
        /// To whom: the `Author::account` of one of ours.
        to: Arc<str>,
        /// When.
        at: SystemTime,
        /// What.
        message: Message<RemoteId>,
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
    /// What is known of the far room itself. Comes before `Members` where the network knows whether the room is hidden.
    About(About),
    /// To be kept with what was fed before, not earlier: `Opening::kept` has it when the network is opened again. So a
    /// place in a stream of events is never ahead of the events themselves.
    Mark {
        /// Under which name; a later value of the same name takes its place.
        key: String,
        /// What; `None` forgets it. At most [`MARK`] bytes.
        value: Option<String>,
    },
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
    /// What else he is there: the roles that a community gives its people, most important first.
    pub hats: Vec<Hat>,
}

impl Member {
    /// Somebody who may speak and is nothing else.
    pub fn new(author: Author) -> Self {
        Member { author, role: Role::Participant, away: None, hats: Vec::new() }
    }
}

/// Something that a community calls some of its people (XEP-0317).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hat {
    /// A URI, the same for all who wear it.
    pub uri: String,
    /// What it is called. One harmless line.
    pub title: String,
    /// Its colour, in degrees of hue (0–359), where it has one.
    pub hue: Option<u16>,
}

/// What is known of a far room itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// What people there call it, where that is not its name.
    pub name: Option<String>,
    /// Not everybody there may read it or know of it: it must not flow into a room with more readers.
    pub hidden: bool,
    /// How long somebody there must wait between two messages.
    pub slow: Option<Duration>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_by_what_they_may() {
        assert!(
            Role::Visitor < Role::Participant && Role::Voiced < Role::Helper && Role::Moderator < Role::Owner
        );
    }
}
