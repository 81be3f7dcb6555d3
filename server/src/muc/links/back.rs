//! What did not arrive in a far room, on its way back to whoever said it.

use std::sync::Arc;
use std::time::SystemTime;

use rialto_bridges::degrade::shorten;
use rialto_bridges::{Act, NetworkError};
use rialto_xmpp::{Condition, ErrorKind, StanzaError};

use super::attached::Attached;
use super::relay::{Relayed, Returned};
use crate::muc::Input;

/// Bytes of what was said that are shown to whoever is told that it did not arrive.
const EXCERPT: usize = 80;

/// Why something does not go out.
#[derive(Debug)]
pub(super) enum Failed {
    /// The network says so.
    Far(NetworkError),
    /// It may have arrived: nobody can tell, and it is not said twice.
    Doubtful,
    /// It has waited as long as it may.
    TooOld,
}

impl From<NetworkError> for Failed {
    fn from(error: NetworkError) -> Failed {
        Failed::Far(error)
    }
}

/// What the room must be told of what did not arrive; none for what is true for a moment, and for what people of other
/// far rooms said (who cannot be told). All of it is counted.
pub(super) fn returned(link: &Attached, all: &[Arc<Relayed>], error: &StanzaError) -> Option<Input> {
    let lost: Vec<&Arc<Relayed>> = all.iter().filter(|relayed| relayed.lasts()).collect();
    if lost.is_empty() {
        return None;
    }
    let why = error.text.clone().unwrap_or_default();
    link.change(|state| {
        state.failed += lost.len() as u64;
        state.last_error = Some((SystemTime::now(), why));
    });
    back(&link.linked.key(), &lost, error)
}

/// The same for a link that is no more.
pub(super) fn orphaned(link: &str, all: &[Arc<Relayed>]) -> Option<Input> {
    back(link, &all.iter().collect::<Vec<_>>(), &unlinked(link))
}

fn back(link: &str, lost: &[&Arc<Relayed>], error: &StanzaError) -> Option<Input> {
    let text = error.text.as_deref().unwrap_or_default();
    let count = lost.len();
    tracing::warn!(link, count, "messages did not arrive: {text}");
    let back = lost.iter().filter_map(|relayed| {
        Some(Returned { sender: relayed.author.clone()?, words: excerpt(&relayed.event.act) })
    });
    let back: Vec<Returned> = back.collect();
    (!back.is_empty()).then(|| Input::Undelivered(back, error.clone()))
}

/// The error for its author, naming the network.
pub(super) fn told(link: &Attached, failed: &Failed) -> StanzaError {
    let link = link.linked.key();
    let (condition, kind) = match failed {
        Failed::Doubtful | Failed::TooOld => (Condition::RemoteServerTimeout, ErrorKind::Wait),
        Failed::Far(NetworkError::Slow(_)) => (Condition::ResourceConstraint, ErrorKind::Wait),
        Failed::Far(NetworkError::Down(_) | NetworkError::Unsure(_)) => {
            (Condition::RemoteServerTimeout, ErrorKind::Wait)
        }
        Failed::Far(NetworkError::Unauthorized(_) | NetworkError::Forbidden(_)) => {
            (Condition::NotAllowed, ErrorKind::Cancel)
        }
        Failed::Far(NetworkError::NotFound(_)) => (Condition::ItemNotFound, ErrorKind::Cancel),
        Failed::Far(NetworkError::TooLarge) => (Condition::PolicyViolation, ErrorKind::Cancel),
        Failed::Far(NetworkError::Unsupported(_)) => (Condition::FeatureNotImplemented, ErrorKind::Cancel),
    };
    let says = match failed {
        Failed::Far(error) => format!("This was not delivered to {link}: {error}"),
        Failed::Doubtful => format!(
            "This may not have arrived in {link}: the connection was lost at that moment. Say it again if nobody answers"
        ),
        Failed::TooOld => {
            format!("This was not delivered to {link}: the network could not be reached for too long")
        }
    };
    StanzaError::new(condition, says).kind(kind)
}

/// The error where too much waits already.
pub(super) fn overflowed(link: &Attached) -> StanzaError {
    let link = link.linked.key();
    let says = format!("This was not delivered to {link}: too much waits already; say it again later");
    StanzaError::new(Condition::ResourceConstraint, says)
}

/// The error where the link was taken away.
pub(super) fn unlinked(link: &str) -> StanzaError {
    let says = format!("This was not delivered to {link}: the room is not linked to it any more");
    StanzaError::new(Condition::RecipientUnavailable, says).kind(ErrorKind::Cancel)
}

fn excerpt(act: &Act<String>) -> String {
    match act {
        Act::Say(said) | Act::Edit { now: said, .. } if !said.text.is_empty() => {
            shorten(&said.text.plain().replace('\n', " "), EXCERPT)
        }
        Act::Say(_) | Act::Edit { .. } => "a file".to_owned(),
        Act::Retract { .. } => "that you take something back".to_owned(),
        Act::React { .. } => "a reaction".to_owned(),
        Act::Subject(_) => "a subject".to_owned(),
        Act::Typing(_) | Act::Displayed { .. } => String::new(),
    }
}
