//! A link that works: what is known of it, and the queue of what must go out.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rialto_bridges::{Incoming, NetworkError};
use rialto_store::Store;
use rialto_xmpp::BareJid;
use rialto_xmpp::parts::datetime;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use super::lane::Lane;
use super::linked::Linked;
use super::mark::Brought;
use super::networks::Connected;
use super::seated::Announced;

/// Why a link is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It stands in the configuration file.
    Configured,
    /// An operator made it at run time; it is kept in the store.
    Kept,
    /// An owner of the room made it at run time; it is kept in the store.
    Owner,
    /// Somebody has entered the far room under its own address.
    OnDemand,
}

impl Origin {
    /// For lists.
    pub fn word(self) -> &'static str {
        match self {
            Origin::Configured => "configuration",
            Origin::Kept => "store",
            Origin::Owner => "owner",
            Origin::OnDemand => "entered",
        }
    }
}

/// A link that works.
pub struct Attached {
    /// What the room knows of it.
    pub linked: Arc<Linked>,
    /// The room.
    pub room: BareJid,
    /// Why it is there.
    pub origin: Origin,
    /// The network it goes over.
    pub over: Arc<Connected>,
    /// What must go out.
    pub(super) lane: Lane,
    /// The far room can be reached again, or not any more.
    pub(super) turned: Notify,
    /// News from there, until the tasks run.
    pub(super) ends: Mutex<Option<mpsc::Receiver<Brought>>>,
    pub(super) tasks: Mutex<Vec<AbortHandle>>,
    pub(super) announced: Mutex<Announced>,
    state: Mutex<State>,
}

/// How a link is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// In the far room since; `None` while it is lost or was never entered.
    pub since: Option<SystemTime>,
    /// What went wrong last, while it is not in the far room.
    pub error: Option<String>,
    /// The network will not have us.
    pub refused: bool,
    /// The far room does not let us in: what is said now goes back to its author instead of waiting.
    pub denied: bool,
    /// Messages that have arrived there.
    pub relayed: u64,
    /// Messages that were given back.
    pub failed: u64,
    /// Messages that came from there.
    pub heard: u64,
    /// News from there that were about messages which are not known here.
    pub unknown: u64,
    /// Why nothing flows over it.
    pub withheld: Option<String>,
    /// How long the last message that has arrived was on its way.
    pub lag: Option<Duration>,
    /// What went wrong last, and when; also after it has passed.
    pub last_error: Option<(SystemTime, String)>,
}

impl Attached {
    /// A link whose tasks do not run yet.
    pub(super) fn new(
        linked: Linked,
        room: &BareJid,
        origin: Origin,
        over: &Arc<Connected>,
        store: &Store,
    ) -> Attached {
        let news = over.listen(&linked.far);
        Attached {
            lane: Lane::open(store, &linked.key(), room.as_str(), &linked.options),
            linked: Arc::new(linked),
            room: room.clone(),
            origin,
            over: over.clone(),
            turned: Notify::new(),
            ends: Mutex::new(Some(news)),
            tasks: Mutex::default(),
            announced: Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// How it is at this moment.
    pub fn state(&self) -> State {
        self.state.lock().clone()
    }

    /// Words that wait to go out.
    pub fn waiting(&self) -> usize {
        self.lane.len()
    }

    /// How it is, in words.
    pub fn words(&self) -> String {
        let state = self.state();
        let mut words = match (&state.since, &state.error) {
            (Some(since), _) => format!("connected since {}", datetime::format(*since)),
            (None, Some(error)) if state.refused => format!("refused, needs you: {error}"),
            (None, Some(error)) => format!("not connected, tries again: {error}"),
            (None, None) => "connecting".to_owned(),
        };
        if let Some(why) = &state.withheld {
            words.push_str(&format!(
                ", but nothing flows: {why}; make the room members-only, or write hidden = \"allow\" for the link"
            ));
        }
        if self.waiting() > 0 {
            words.push_str(&format!(", {} waiting", self.waiting()));
        }
        if state.failed > 0 {
            words.push_str(&format!(", {} given back", state.failed));
        }
        words
    }

    /// Until it is told who is in the far room, within a moment.
    pub(in crate::muc) async fn first_news(&self) {
        for _ in 0..20 {
            if self.ends.lock().as_ref().is_none_or(|news| !news.is_empty()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        let before = state.error.clone();
        change(&mut state);
        if let Some(error) = state.error.clone().filter(|error| before.as_ref() != Some(error)) {
            state.last_error = Some((SystemTime::now(), error));
        }
        drop(state);
        self.turned.notify_one();
    }

    /// Something that was said then has arrived.
    pub(super) fn arrived(&self, said: SystemTime) {
        let lag = SystemTime::now().duration_since(said).unwrap_or_default();
        self.change(|state| (state.relayed, state.lag) = (state.relayed + 1, Some(lag)));
    }

    /// What a piece of news says about the link itself.
    pub(super) fn note(&self, what: &Incoming) {
        let link = self.linked.key();
        match what {
            Incoming::Members(_) | Incoming::Regained => self.change(|state| {
                state.since = state.since.or_else(|| Some(SystemTime::now()));
                (state.error, state.refused, state.denied) = (None, false, false);
            }),
            Incoming::Lost(error) => {
                tracing::info!(%link, room = %self.room, %error, "the link is lost");
                self.change(|state| {
                    (state.since, state.error) = (None, Some(error.to_string()));
                    state.denied = !passes(error);
                });
            }
            Incoming::Refused(text) => {
                tracing::error!(%link, room = %self.room, "the link is refused and needs an operator: {text}");
                self.change(|state| {
                    (state.since, state.error, state.refused) = (None, Some(text.clone()), true);
                });
            }
            Incoming::Notice(text) => tracing::info!(%link, "the far side says: {text}"),
            Incoming::Did { .. } => self.change(|state| state.heard += 1),
            _ => {}
        }
    }

    /// Joining failed; the network goes on trying.
    pub(super) fn not_joined(&self, why: &NetworkError) {
        let (link, room) = (self.linked.key(), &self.room);
        match self.origin {
            // Whoever wants to enter is told so himself.
            Origin::OnDemand => tracing::debug!(%link, "somebody was not let into the far room: {why}"),
            Origin::Configured | Origin::Kept | Origin::Owner => {
                tracing::warn!(%link, %room, "the far room cannot be entered yet: {why}");
            }
        }
        self.change(|state| {
            (state.error, state.denied) = (Some(why.to_string()), !passes(why));
        });
    }

    /// The far room cannot be reached at the moment, and will be: what is said for it waits.
    pub(super) fn waits(&self) -> bool {
        let state = self.state.lock();
        state.since.is_none() && !state.refused && !state.denied
    }

    /// Its tasks end, and nobody listens to the far room.
    pub(super) fn end(&self) {
        self.over.hang_up(&self.linked.far);
        self.ends.lock().take();
        self.tasks.lock().drain(..).for_each(|task| task.abort());
    }
}

/// What will pass by itself.
fn passes(error: &NetworkError) -> bool {
    matches!(error, NetworkError::Down(_) | NetworkError::Slow(_) | NetworkError::Unsure(_))
}
