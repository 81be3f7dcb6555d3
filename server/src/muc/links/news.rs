//! What happens in a far room, as the room hears it.

use std::sync::Arc;
use std::time::SystemTime;

use super::files::Held;
use rialto_bridges::{About, Act, Author, Member, RemoteId, Role};

/// Something that happened in a far room. People are named by their `Author::id`.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Somebody did something.
    Did(Deed),
    /// Somebody came.
    Entered(Member),
    /// Somebody went.
    Left {
        /// Who.
        author: Arc<str>,
        /// His last words.
        reason: Option<String>,
    },
    /// Somebody was put out by a moderator there.
    Kicked {
        /// Who.
        author: Arc<str>,
        /// By whom: a nick.
        by: Arc<str>,
        /// Why.
        reason: Option<String>,
    },
    /// Somebody has another nick.
    Renamed {
        /// The id until now.
        author: Arc<str>,
        /// The same person from now on.
        now: Author,
    },
    /// Somebody may do more or less there.
    Role {
        /// Who.
        author: Arc<str>,
        /// The new role.
        role: Role,
    },
    /// Somebody went away or came back.
    Away {
        /// Who.
        author: Arc<str>,
        /// Why, perhaps empty; `None` for back again.
        away: Option<String>,
    },
    /// A message was deleted there by somebody who is not its author, or is not named.
    Erased {
        /// Which.
        of: Named,
        /// By whom: a nick.
        by: Option<Arc<str>>,
        /// Why.
        reason: Option<String>,
    },
    /// What is known of the far room itself.
    About(About),
    /// Everybody who is there. Who is not in the list has gone.
    Members(Vec<Member>),
    /// The network will not have us; moderators and owners must know.
    Refused(String),
}

impl News {
    /// The message that somebody takes back there.
    pub fn takes_back(&self) -> Option<&Named> {
        match self {
            News::Did(Deed { act: Act::Retract { of }, .. }) | News::Erased { of, .. } => Some(of),
            _ => None,
        }
    }
}

/// What somebody did there.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    /// What the far side calls the message, where it is one.
    pub theirs: Option<RemoteId>,
    /// Who.
    pub author: Author,
    /// When, by the clock there.
    pub at: SystemTime,
    /// What.
    pub act: Act<Named>,
    /// The file that it shows, where that was taken over.
    pub file: Option<Arc<Held>>,
}

/// The name of a message: ours where the durable map knows it, else theirs. What was said a moment ago is known to the
/// room before the map has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The room's id.
    Ours(String),
    /// The far side's.
    Theirs(RemoteId),
}
