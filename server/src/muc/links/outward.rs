//! From our room to a far one: one task for each link, so that all goes out in its order and no link waits for another.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rialto_bridges::{Act, Event, NetworkError, RemoteId, degrade};
use rialto_store::ids::Ids;
use rialto_store::{Batch, Store};
use rialto_xmpp::{Condition, ErrorKind, StanzaError};
use tokio::sync::mpsc;

use super::attached::Attached;
use super::hosts::Hosts;
use super::relay::Relayed;
use crate::muc::Input;

/// How long after it was said something may still arrive there: longer than a network takes to reconnect, short enough
/// that nobody answers what nobody else has read.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a link that is down is tried.
const AGAIN: Duration = Duration::from_secs(2);

/// What a link's outward task works with.
pub(super) struct Outward {
    pub link: Arc<Attached>,
    pub store: Store,
    pub ids: Arc<Ids>,
    pub hosts: Arc<Hosts>,
}

impl Outward {
    /// Sends what must go out until the link ends.
    pub(super) async fn run(self, mut relays: mpsc::Receiver<Arc<Relayed>>) {
        while let Some(relayed) = relays.recv().await {
            match self.relay(&relayed).await {
                Ok(()) => self.link.change(|state| state.relayed += 1),
                Err(error) => self.give_back(&relayed, &error).await,
            }
        }
    }

    async fn relay(&self, relayed: &Relayed) -> Result<(), NetworkError> {
        let (over, linked) = (&self.link.over.network, &self.link.linked);
        let able = over.capabilities(&linked.far);
        if matches!(relayed.event.act, Act::Subject(_)) && able.subject.is_none() {
            return Err(NetworkError::Unsupported(
                "we may not set the subject there; it is changed here only",
            ));
        }
        let event = self.corrected(relayed);
        let key = linked.key();
        let name = |ours: &String| {
            let theirs = self.ids.theirs(&key, ours).unwrap_or_default();
            theirs.into_iter().next().map(RemoteId::from)
        };
        let until = event.at + PATIENCE;
        for part in degrade::fit(&event, &able, name) {
            let theirs = self.send(&part, until).await?;
            self.bind(&key, &relayed.id, &theirs);
        }
        Ok(())
    }

    /// One part, as often as it takes; within patience.
    async fn send(&self, part: &Event<RemoteId>, until: SystemTime) -> Result<Vec<RemoteId>, NetworkError> {
        let (network, far) = (&self.link.over.network, &self.link.linked.far);
        loop {
            let error = match network.send(far, part).await {
                Ok(theirs) => return Ok(theirs),
                Err(error) => error,
            };
            let pause = match &error {
                NetworkError::Slow(pause) => (*pause).max(Duration::from_millis(50)),
                NetworkError::Down(_) | NetworkError::Unsure(_) => AGAIN,
                _ => return Err(error),
            };
            if SystemTime::now() + pause > until {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Known at once, durable soon: whoever edits it in a moment finds it.
    fn bind(&self, key: &str, ours: &str, theirs: &[RemoteId]) {
        if theirs.is_empty() {
            return;
        }
        let theirs: Vec<String> = theirs.iter().map(|id| id.as_str().to_owned()).collect();
        let mut batch = Batch::new();
        match self.ids.bind(&mut batch, key, ours, &theirs) {
            Ok(()) => {
                self.store.enqueue(batch);
            }
            Err(error) => tracing::warn!(link = key, %error, "the names of a message were not kept"),
        }
    }

    /// A correction of a message that the room has forgotten, but the map of ids has not.
    fn corrected(&self, relayed: &Relayed) -> Event<String> {
        let event = relayed.event.clone();
        let room = self.link.room.as_str();
        let of = relayed.corrects.as_ref().and_then(|own| self.ids.ours(room, own).ok().flatten());
        match (event.act, of) {
            (Act::Say(now), Some(of)) => Event { act: Act::Edit { of, now }, ..event },
            (act, _) => Event { act, ..event },
        }
    }

    /// Nothing is lost in silence: its author learns that people there have not read it.
    async fn give_back(&self, relayed: &Relayed, error: &NetworkError) {
        if let Some(input) = returned(&self.link, relayed, &told(&self.link, error)) {
            self.hosts.input(&self.link.room, input).await;
        }
    }
}

/// What the room must be told of something that did not arrive; none for what is true for a moment, and for what somebody
/// of another far room said (who cannot be told).
pub(super) fn returned(link: &Attached, relayed: &Relayed, error: &StanzaError) -> Option<Input> {
    if matches!(relayed.event.act, Act::Typing(_) | Act::Displayed { .. }) {
        return None;
    }
    link.change(|state| state.failed += 1);
    let text = error.text.as_deref().unwrap_or_default();
    tracing::warn!(link = %link.linked.key(), room = %link.room, "a message did not arrive: {text}");
    let sender = relayed.author.clone()?;
    Some(Input::Undelivered(sender, error.clone()))
}

/// The error for its author, naming the network.
fn told(link: &Attached, error: &NetworkError) -> StanzaError {
    let (condition, kind) = match error {
        NetworkError::Slow(_) => (Condition::ResourceConstraint, ErrorKind::Wait),
        NetworkError::Down(_) | NetworkError::Unsure(_) => (Condition::RemoteServerTimeout, ErrorKind::Wait),
        NetworkError::Unauthorized(_) | NetworkError::Forbidden(_) => {
            (Condition::NotAllowed, ErrorKind::Cancel)
        }
        NetworkError::NotFound(_) => (Condition::ItemNotFound, ErrorKind::Cancel),
        NetworkError::TooLarge => (Condition::PolicyViolation, ErrorKind::Cancel),
        NetworkError::Unsupported(_) => (Condition::FeatureNotImplemented, ErrorKind::Cancel),
    };
    let says = format!("This was not delivered to {}: {error}", link.linked.key());
    StanzaError::new(condition, says).kind(kind)
}

/// The error where too much waits already.
pub(super) fn overflowed(link: &Attached) -> StanzaError {
    let says = format!(
        "This was not delivered to {}: too much waits already; say it again later",
        link.linked.key()
    );
    StanzaError::new(Condition::ResourceConstraint, says)
}
