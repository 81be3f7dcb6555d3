//! Who has a connection: made when somebody sits down or speaks, one after another; given up when he is silent for long; none
//! more than the network bears.

use super::{Inner, Live, Person, Puppets, State, nicks};
use crate::irc::ORDERS;
use crate::irc::connection::{Driver, Link, Order};
use crate::irc::dial::Route;
use crate::irc::persona::Persona;
use crate::irc::session::Session;
use crate::irc::tls::Tls;
use crate::irc::view::SharedView;
use crate::model::Author;
use crate::network::{Identity, Incoming, NetworkError, RemoteId};
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Where there is no place, somebody who has been silent for so long makes room for who speaks.
const YIELDS: Duration = Duration::from_secs(600);

/// How long a connection in no room is kept for private words.
const LINGERS: Duration = Duration::from_secs(600);

/// Who nobody is waited for in closing.
const GOODBYE: Duration = Duration::from_secs(3);

impl Puppets {
    /// Somebody of ours is in the room from now on, or has left it.
    pub fn seat(&self, room: &RemoteId, person: &Author, here: bool) {
        let Some(account) = person.account.clone() else { return };
        if here {
            return self.sits(room, person, &account);
        }
        let mut state = self.state();
        let Some(known) = state.people.get_mut(&account) else { return };
        known.rooms.remove(room);
        match &mut known.live {
            Some(live) => {
                live.inside.remove(room);
                order(live, Order::Leave { room: room.clone() });
            }
            None if known.rooms.is_empty() && known.blocked.is_none() => drop(state.people.remove(&account)),
            None => {}
        }
    }

    fn sits(&self, room: &RemoteId, person: &Author, account: &Arc<str>) {
        let mut state = self.state();
        if state.left.contains(room) {
            return;
        }
        let called = state.identities.get(account).is_some_and(|is| is.nick.is_some());
        let known = state.people.entry(account.clone()).or_insert_with(|| Person::new(person));
        known.rooms.insert(room.clone());
        let renamed = *known.nick != *person.nick;
        known.nick = person.nick.to_string();
        match &known.live {
            Some(live) if renamed && !called => order(live, Order::Call(self.wanted_nick(&person.nick))),
            Some(_) => {}
            None => drop(self.connect(&mut state, account)),
        }
        let seated = state.people.get(account);
        let key = self.key(room);
        if let Some(live) = seated.and_then(|person| person.live.as_ref()) {
            let (waiter, _) = oneshot::channel();
            order(live, Order::Join { room: room.clone(), key, waiter });
        }
    }

    /// He speaks in this room under his own name.
    pub fn speaks(&self, room: &RemoteId, person: &Author) -> bool {
        let mut state = self.state();
        let Some(account) = state.known(person) else { return false };
        let can = state.can_speak(room, account, self.0.rules.most);
        if let Some(person) = state.people.get_mut(account) {
            person.promised = can;
        }
        can
    }

    /// The room's words go by the bridge's own connection; `Err` where its author was promised otherwise a moment ago, so
    /// that they bear his nick.
    pub fn is_relayed(&self, room: &RemoteId, person: &Author) -> Result<bool, NetworkError> {
        let mut state = self.state();
        let Some(account) = state.known(person) else { return Ok(true) };
        if state.can_speak(room, account, self.0.rules.most) {
            return Ok(false);
        }
        let person = state.people.get_mut(account);
        match person.is_some_and(|person| std::mem::take(&mut person.promised)) {
            true => Err(NetworkError::Slow(Duration::from_millis(50))),
            false => Ok(true),
        }
    }

    /// What somebody is there: proven by his next connection, which begins at once if he has one.
    pub fn identify(&self, account: &str, identity: Option<&Identity>) {
        let mut state = self.state();
        let before = match identity {
            Some(identity) => state.identities.insert(account.into(), identity.clone()),
            None => state.identities.remove(account),
        };
        let key: Arc<str> = account.into();
        state.nicks.remove(&key);
        let Some(person) = state.people.get_mut(&key) else { return };
        let was_blocked = person.blocked.take().is_some();
        if before.as_ref() == identity && !was_blocked {
            return;
        }
        let had = person.live.take();
        if let Some(live) = &had {
            close(live);
        }
        if had.is_some() || !person.rooms.is_empty() {
            // Where there is no place, his next words find one.
            let _ = self.connect(&mut state, &key);
        }
        drop(state);
        self.0.changed.notify_waiters();
    }

    /// How somebody's connection is, in words.
    pub fn connection(&self, account: &str) -> Option<String> {
        let state = self.state();
        let person = state.people.get(account)?;
        let now = Instant::now();
        Some(match (&person.live, &person.blocked) {
            (_, Some((error, until))) if *until > now => error.to_string(),
            (Some(live), _) if live.up => {
                let rooms: Vec<&str> = live.inside.iter().map(RemoteId::as_str).collect();
                let rooms = if rooms.is_empty() { "no room".to_owned() } else { rooms.join(", ") };
                format!("connected as {}, in {rooms}", live.view.nick().0)
            }
            (Some(live), _) => match &live.trouble {
                Some(error) => format!("not connected, tries again: {error}"),
                None => "connecting".to_owned(),
            },
            (None, _) => "not connected; it is when you speak".to_owned(),
        })
    }

    /// Somebody's connection is given up until he speaks.
    pub fn disconnect(&self, account: &str) {
        if let Some(person) = self.state().people.get_mut(account) {
            person.live.take().iter().for_each(|live| drop(close(live)));
        }
    }

    /// A room that the house wants to hear, or not any more.
    pub fn wants(&self, room: &RemoteId, wanted: bool) {
        let mut state = self.state();
        if wanted {
            state.left.remove(room);
            state.wanted.insert(room.clone());
            return;
        }
        state.left.insert(room.clone());
        state.wanted.remove(room);
        state.sources.remove(room);
        for person in state.people.values_mut() {
            person.rooms.remove(room);
            if let Some(live) = &mut person.live {
                live.inside.remove(room);
                order(live, Order::Leave { room: room.clone() });
            }
        }
    }

    /// The house wants to hear nothing more of this room.
    pub fn has_left(&self, room: &RemoteId) -> bool {
        self.state().left.contains(room)
    }

    /// All connections say goodbye.
    pub async fn close(&self) {
        let all: Vec<Live> = {
            let mut state = self.state();
            state.closed = true;
            state.people.values_mut().filter_map(|person| person.live.take()).collect()
        };
        let closing = all.iter().filter_map(close);
        let closing: Vec<_> = closing.collect();
        let _ = tokio::time::timeout(GOODBYE, async {
            for done in closing {
                // A task that is gone is closed.
                let _ = done.await;
            }
        })
        .await;
    }

    /// A connection for him, unless he has one: the error says why there is none.
    pub(super) fn connect(&self, state: &mut State, account: &Arc<str>) -> Result<(), NetworkError> {
        state.may_connect(account, self.0.rules.most)?;
        if state.closed {
            return Err(crate::irc::closed());
        }
        let is = state.identities.get(account).cloned().unwrap_or_default();
        let tls = self.tls(&is)?;
        state.make_room(self.0.rules.most);
        state.numbers += 1;
        let number = state.numbers;
        let fallback = state.nicks.get(account).cloned();
        let Some(person) = state.people.get_mut(account) else { return Ok(()) };
        if person.live.is_some() {
            return Ok(());
        }
        let inner = &self.0;
        let username = inner.secret.name(account);
        let realname = inner.rules.realname.replace("{nick}", &person.nick);
        let mut persona =
            Persona::person(account.clone(), &self.wanted_nick(&person.nick), &username, &realname, &is);
        persona.fallback = fallback.filter(|nick| *nick != persona.nick);
        persona.webirc = inner.rules.webirc.is_some().then(|| self.webirc(account, &username));
        let session = Session::new(inner.settings.clone(), Arc::new(persona), inner.ours.place());
        let view = SharedView::new(&session);
        let (orders, taken) = mpsc::channel(ORDERS);
        let (feed, fed) = mpsc::channel(ORDERS);
        let link = Link {
            name: format!("{}/{}", inner.name, username),
            settings: inner.settings.clone(),
            tls,
            policy: inner.policy.clone(),
            route: Route {
                turn: Some(inner.turn.clone()),
                ident: inner.identd.clone().map(|identd| (identd, username)),
            },
            session,
            view: view.clone(),
        };
        let live =
            Live { number, orders, view, up: false, inside: BTreeSet::new(), listens: false, trouble: None };
        for room in &person.rooms {
            let (waiter, _) = oneshot::channel();
            order(&live, Order::Join { room: room.clone(), key: self.key(room), waiter });
        }
        person.live = Some(live);
        person.last = Instant::now();
        tokio::spawn(Driver::new(link, taken, feed).run());
        tokio::spawn(self.clone().mind(account.clone(), number, fed));
        Ok(())
    }

    /// TLS, showing his certificate where he has one.
    fn tls(&self, is: &Identity) -> Result<Option<Tls>, NetworkError> {
        let Some(certificate) = &is.certificate else { return Ok(self.0.tls.clone()) };
        crate::irc::tls::prepare(&self.0.settings, Some(certificate)).map_err(|error| {
            NetworkError::Unauthorized(format!("your certificate cannot be used: {}", error.text))
        })
    }

    fn webirc(&self, account: &str, username: &str) -> [String; 3] {
        let rules = &self.0.rules;
        let address = self.0.secret.address(account).to_string();
        let host = rules.webirc_host.as_ref().map(|end| format!("{username}.{end}"));
        [rules.webirc_gateway.clone(), host.unwrap_or_else(|| address.clone()), address]
    }

    /// What somebody of this nick here asks to be called there.
    pub(super) fn wanted_nick(&self, nick: &str) -> String {
        nicks::fitting(&self.0.rules.nick, nick, self.0.listens.nick().1)
    }

    pub(super) fn key(&self, room: &RemoteId) -> Option<String> {
        self.0.keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(room).cloned()
    }

    /// Those who have been silent for too long lose their connections, not their places.
    fn tidy(&self) {
        let now = Instant::now();
        let idle = self.0.rules.idle;
        let mut state = self.state();
        for person in state.people.values_mut() {
            let silent = now.duration_since(person.last);
            let limit = if person.rooms.is_empty() { idle.min(LINGERS) } else { idle };
            if silent >= limit && person.live.as_ref().is_some_and(|live| !live.listens) {
                person.live.take().iter().for_each(|live| drop(close(live)));
            }
            person.blocked.take_if(|(_, until)| *until <= now);
        }
        state.people.retain(|_, person| {
            !person.rooms.is_empty() || person.live.is_some() || person.blocked.is_some()
        });
        state.paused.take_if(|until| *until <= now);
    }
}

impl Person {
    /// Somebody who is in no room yet.
    pub fn new(author: &Author) -> Person {
        Person {
            network: author.network,
            nick: author.nick.to_string(),
            rooms: BTreeSet::new(),
            last: Instant::now(),
            promised: false,
            blocked: None,
            live: None,
        }
    }
}

impl State {
    /// The account of somebody who has sat down.
    fn known<'a>(&self, author: &'a Author) -> Option<&'a Arc<str>> {
        let account = author.account.as_ref()?;
        self.people.get(account).filter(|person| person.network == author.network).map(|_| account)
    }

    /// By a connection of his own: he has one, can have one, or must not speak under another name.
    fn can_speak(&self, room: &RemoteId, account: &Arc<str>, most: usize) -> bool {
        let Some(person) = self.people.get(account).filter(|person| person.rooms.contains(room)) else {
            return false;
        };
        person.live.is_some() || person.blocked.is_some() || self.may_connect(account, most).is_ok()
    }

    /// May a connection be made for him now?
    fn may_connect(&self, account: &Arc<str>, most: usize) -> Result<(), NetworkError> {
        let now = Instant::now();
        let person = self.people.get(account);
        if person.is_some_and(|person| person.live.is_some()) {
            return Ok(());
        }
        if let Some((error, _)) = person.and_then(|person| person.blocked.as_ref()).filter(|(_, u)| *u > now)
        {
            return Err(error.clone());
        }
        if let Some(until) = self.paused.filter(|until| *until > now) {
            let minutes = (until - now).as_secs() / 60 + 1;
            return Err(NetworkError::Down(format!(
                "the network takes no more connections from here for {minutes} min"
            )));
        }
        let full = self.people.values().filter(|person| person.live.is_some()).count() >= most;
        if full && self.silent().is_none() {
            let text = "there are as many connections of people as the network allows; try again later";
            return Err(NetworkError::Down(text.into()));
        }
        Ok(())
    }

    /// Who has been silent for longest, if it is long.
    fn silent(&self) -> Option<Arc<str>> {
        let gives_way = |person: &&Person| {
            person.live.as_ref().is_some_and(|live| !live.listens) && person.last.elapsed() >= YIELDS
        };
        let quiet = self.people.iter().filter(|(_, person)| gives_way(person));
        quiet.min_by_key(|(_, person)| person.last).map(|(account, _)| account.clone())
    }

    fn make_room(&mut self, most: usize) {
        if self.people.values().filter(|person| person.live.is_some()).count() < most {
            return;
        }
        let Some(silent) = self.silent() else { return };
        if let Some(person) = self.people.get_mut(&silent) {
            person.live.take().iter().for_each(|live| drop(close(live)));
        }
    }
}

/// Tells a connection something that it need not answer. One that is so far behind is not there.
pub(super) fn order(live: &Live, order: Order) {
    if live.orders.try_send(order).is_err() {
        tracing::debug!("somebody's connection takes no orders");
    }
}

/// A connection says goodbye.
pub(super) fn close(live: &Live) -> Option<oneshot::Receiver<()>> {
    let (done, closed) = oneshot::channel();
    live.orders.try_send(Order::Close { done }).ok().map(|()| closed)
}

/// Looks now and then who has fallen silent, until the network is closed.
pub(super) async fn watch(inner: Weak<Inner>) {
    loop {
        let Some(strong) = inner.upgrade() else { return };
        let nap = (strong.rules.idle / 4).clamp(Duration::from_millis(50), Duration::from_secs(30));
        let puppets = Puppets(strong);
        if puppets.0.house.is_closed() {
            puppets.close().await;
        }
        if puppets.state().closed {
            return;
        }
        puppets.tidy();
        drop(puppets);
        tokio::time::sleep(nap).await;
    }
}

/// What one of ours is told by the network itself.
pub(super) fn from_network(name: &str, to: &Arc<str>, text: &str) -> Incoming {
    Incoming::Whispered {
        from: Author::new("", name, crate::irc::session::NETWORK),
        to: to.clone(),
        at: std::time::SystemTime::now(),
        message: crate::model::Message::text(text),
    }
}
