//! What comes in: the listener tells of the rooms; where its connection is down, somebody's in each room is elected, and
//! nobody notices. Of people's connections, only what concerns themselves is told.

use super::pool::{close, from_network, order};
use super::talk::own_words;
use super::{Live, Puppets, State};
use crate::irc::connection::Order;
use crate::irc::session::is_crowd;
use crate::network::{Fed, Incoming, NetworkError, RemoteId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long no connection is begun after the network has said that there are too many.
const CROWDED: Duration = Duration::from_secs(600);

impl Puppets {
    /// What the listener's connection has to say.
    pub(super) async fn listener_says(&self, fed: Fed) {
        let Fed { room, what } = fed;
        match (&room, &what) {
            (None, Incoming::Lost(error)) => return self.listener_is_down(error.clone()).await,
            (None, Incoming::Refused(text)) if self.covers_all() => {
                tracing::error!(network = %self.0.name, "the network refuses the listener and needs an operator: {text}");
                return;
            }
            (None, Incoming::Regained) => self.state().deaf = None,
            (Some(room), Incoming::Members(_)) => self.hears_again(room),
            (Some(far), Incoming::Lost(_)) if self.elect(far) => return,
            (Some(_), Incoming::Lost(_)) => {}
            (Some(far), _) if self.state().sources.contains_key(far) => return,
            _ => {}
        }
        self.tell(Fed { room, what }).await;
    }

    /// What somebody's connection has to say, as long as it is his.
    pub(super) async fn mind(self, account: Arc<str>, number: u64, mut fed: mpsc::Receiver<Fed>) {
        while let Some(Fed { room, what }) = fed.recv().await {
            if !self.state().is_his(&account, number) {
                continue;
            }
            match room {
                None => self.about_himself(&account, what).await,
                Some(room) => self.about_a_room(&account, room, what).await,
            }
            self.0.changed.notify_waiters();
        }
    }

    async fn about_himself(&self, account: &Arc<str>, what: Incoming) {
        match what {
            Incoming::Whispered { .. } => self.tell(Fed { room: None, what }).await,
            Incoming::Notice(text) => self.notify(account, &text).await,
            Incoming::Regained => self.is_up(account).await,
            Incoming::Lost(error) => self.is_down(account, &error).await,
            Incoming::Refused(text) => self.is_refused(account, &text).await,
            _ => {}
        }
    }

    async fn is_up(&self, account: &Arc<str>) {
        let mut other = None;
        {
            let mut state = self.state();
            let called = state.identities.get(account).and_then(|is| is.nick.clone());
            let Some(person) = state.people.get_mut(account) else { return };
            let Some(live) = &mut person.live else { return };
            (live.up, live.trouble) = (true, None);
            let (nick, longest) = live.view.nick();
            let wanted = called.unwrap_or_else(|| self.wanted_nick(&person.nick));
            let wanted: String = wanted.chars().take(longest).collect();
            if live.view.fold(&nick) == live.view.fold(&wanted) {
                state.nicks.remove(account);
            } else if state.nicks.insert(account.clone(), nick.clone()).as_ref() != Some(&nick) {
                other = Some(format!("You are {nick} here: somebody else is called {wanted}."));
            }
        }
        if let Some(text) = other {
            self.notify(account, &text).await;
        }
    }

    async fn is_down(&self, account: &Arc<str>, error: &NetworkError) {
        let mut heard = Vec::new();
        {
            let mut state = self.state();
            let sources: Vec<RemoteId> =
                state.sources.iter().filter(|(_, by)| *by == account).map(|(room, _)| room.clone()).collect();
            let Some(person) = state.people.get_mut(account) else { return };
            if let Some(live) = &mut person.live {
                (live.up, live.listens, live.trouble) = (false, false, Some(error.clone()));
                live.inside.clear();
            }
            match error {
                // His account is not proven: he must not be there under another.
                NetworkError::Unauthorized(_) if person.blocked.is_none() => {
                    person.blocked =
                        Some((own_words(error.clone()), Instant::now() + self.0.settings.backoff_max));
                    person.live.take().iter().for_each(|live| drop(close(live)));
                }
                NetworkError::Down(text) if is_crowd(text) => {
                    person.live.take().iter().for_each(|live| drop(close(live)));
                    state.pause(CROWDED);
                    tracing::error!(network = %self.0.name, "the network takes no more connections of people for a while; they speak by the bridge's: {text}");
                    heard.push(Fed {
                        room: None,
                        what: Incoming::Notice(format!("people get no more connections for a while: {text}")),
                    });
                }
                _ => {}
            }
            for room in sources {
                state.sources.remove(&room);
                if state.deaf.is_some() && state.elect(&room).is_none() {
                    heard.push(Fed { room: Some(room), what: Incoming::Lost(error.clone()) });
                }
            }
        }
        for fed in heard {
            self.tell(fed).await;
        }
    }

    /// A wrong account is his to put right. A ban may be meant for all of us: nobody else is sent after him.
    async fn is_refused(&self, account: &Arc<str>, text: &str) {
        let until = Instant::now() + self.0.settings.refused_wait;
        let his_own = text.contains("the account was refused");
        {
            let mut state = self.state();
            let Some(person) = state.people.get_mut(account) else { return };
            let error = if his_own {
                own_words(NetworkError::Unauthorized(text.to_owned()))
            } else {
                NetworkError::Forbidden(format!("the network does not let you in: {text}"))
            };
            person.blocked = Some((error, until));
            person.live.take().iter().for_each(|live| drop(close(live)));
            if !his_own {
                state.pause(self.0.settings.refused_wait);
            }
        }
        if !his_own {
            tracing::error!(network = %self.0.name, "the network refuses one of our people; no more get connections, they speak by the bridge's: {text}");
            let told =
                format!("one of our people is refused, so no more get connections of their own: {text}");
            self.tell(Fed { room: None, what: Incoming::Notice(told) }).await;
        }
        let own = own_words(NetworkError::Unauthorized(text.to_owned()));
        self.notify(account, &own.to_string()).await;
    }

    async fn about_a_room(&self, account: &Arc<str>, room: RemoteId, what: Incoming) {
        match &what {
            Incoming::Regained | Incoming::Members(_) => {
                let mut state = self.state();
                if let Some(live) = state.live(account) {
                    live.inside.insert(room.clone());
                }
                let unheard = state.deaf.is_some() && !state.sources.contains_key(&room);
                if unheard && state.wanted.contains(&room) {
                    state.elect(&room);
                }
            }
            Incoming::Lost(error) => return self.is_out(account, room, error).await,
            Incoming::Notice(text) => return self.notify(account, text).await,
            _ => {}
        }
        let tells = self.state().sources.get(&room) == Some(account);
        if tells && !matches!(what, Incoming::Mark { .. } | Incoming::Regained) {
            self.tell(Fed { room: Some(room), what }).await;
        }
    }

    /// His connection is out of a room. Who was put out comes back when he speaks, not by himself.
    async fn is_out(&self, account: &Arc<str>, room: RemoteId, error: &NetworkError) {
        let lost = {
            let mut state = self.state();
            if let Some(live) = state.live(account)
                && live.inside.remove(&room)
            {
                order(live, Order::Leave { room: room.clone() });
            }
            let source = state.sources.get(&room) == Some(account);
            if source {
                state.sources.remove(&room);
            }
            source && state.elect(&room).is_none()
        };
        self.notify(account, &error.to_string()).await;
        if lost {
            self.tell(Fed { room: Some(room), what: Incoming::Lost(error.clone()) }).await;
        }
    }

    async fn listener_is_down(&self, error: NetworkError) {
        let deaf: Vec<RemoteId> = {
            let mut state = self.state();
            state.deaf = Some(error.clone());
            let wanted: Vec<RemoteId> = state.wanted.iter().cloned().collect();
            wanted.into_iter().filter(|room| state.elect(room).is_none()).collect()
        };
        if self.state().sources.is_empty() {
            return self.tell(Fed { room: None, what: Incoming::Lost(error) }).await;
        }
        tracing::warn!(network = %self.0.name, %error, "the listener's connection is lost; people's connections listen instead");
        for room in deaf {
            self.tell(Fed { room: Some(room), what: Incoming::Lost(error.clone()) }).await;
        }
    }

    /// The listener is in this room again: nobody else need listen.
    fn hears_again(&self, room: &RemoteId) {
        let mut state = self.state();
        let Some(by) = state.sources.remove(room) else { return };
        if state.sources.values().any(|other| *other == by) {
            return;
        }
        if let Some(live) = state.live(&by) {
            live.listens = false;
            order(live, Order::Listen(false));
        }
    }

    fn elect(&self, room: &RemoteId) -> bool {
        self.state().elect(room).is_some()
    }

    /// Somebody hears each room.
    fn covers_all(&self) -> bool {
        let mut state = self.state();
        let wanted: Vec<RemoteId> = state.wanted.iter().cloned().collect();
        !wanted.is_empty() && wanted.iter().all(|room| state.elect(room).is_some())
    }

    /// One of ours is told something by the network itself.
    async fn notify(&self, account: &Arc<str>, text: &str) {
        let what = from_network(&self.0.name, account, text);
        self.tell(Fed { room: None, what }).await;
    }
}

impl State {
    fn is_his(&self, account: &Arc<str>, number: u64) -> bool {
        let live = self.people.get(account).and_then(|person| person.live.as_ref());
        live.is_some_and(|live| live.number == number)
    }

    fn live(&mut self, account: &Arc<str>) -> Option<&mut Live> {
        self.people.get_mut(account)?.live.as_mut()
    }

    fn pause(&mut self, time: Duration) {
        let until = Instant::now() + time;
        self.paused = Some(self.paused.map_or(until, |before| before.max(until)));
    }

    /// Somebody whose connection is in the room listens there, beginning with who is in it.
    fn elect(&mut self, room: &RemoteId) -> Option<Arc<str>> {
        if let Some(by) = self.sources.get(room) {
            return Some(by.clone());
        }
        let inside = |live: &Live| live.up && live.inside.contains(room);
        let (account, live) = self.people.iter_mut().find_map(|(account, person)| {
            person.live.as_mut().filter(|live| inside(live)).map(|live| (account.clone(), live))
        })?;
        // Also who listens already: `Members` must come for this room, too.
        if std::mem::replace(&mut live.listens, true) {
            order(live, Order::Listen(false));
        }
        order(live, Order::Listen(true));
        self.sources.insert(room.clone(), account.clone());
        Some(account)
    }
}
