//! A network in memory, for everybody's tests: what is sent can be read, and what is said there is fed.

use crate::model::{Act, Author, Event, Message, Text};
use crate::network::{
    Capabilities, Fed, Feed, Fetched, Fut, Incoming, Limits, Member, Network, NetworkError, RemoteId,
    Sanction,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// One network in memory. Clones are the same network: one goes to the house as its door, another plays the far side.
#[derive(Clone)]
pub struct Loopback {
    abilities: Capabilities,
    feed: Feed,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    rooms: BTreeMap<RemoteId, Room>,
    cut: Option<NetworkError>,
    closed: bool,
    messages: u64,
    fates: Option<Fates>,
    files: BTreeMap<String, Result<Fetched, NetworkError>>,
    fetched: Vec<String>,
}

type Fates = Box<dyn FnMut() -> Fate + Send>;

/// What becomes of something that is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fate {
    /// It arrives.
    #[default]
    Arrives,
    /// It does not, and the sender learns this.
    Fails(NetworkError),
    /// It arrives, and the answer is lost.
    Silent,
    /// It is lost, and so is every answer.
    Lost,
    /// It arrives, and whoever sent it waits for ever.
    Hangs,
}

#[derive(Default)]
struct Room {
    joined: bool,
    members: Vec<Member>,
    heard: Vec<(RemoteId, Event<RemoteId>)>,
    seated: Vec<Author>,
    sanctions: Vec<(String, Sanction)>,
}

/// Everything that can be claimed.
pub const ABLE: Capabilities = Capabilities {
    text: Limits { bytes: 4000, lines: 100, span: 0, parts: 12 },
    subject: Some(1000),
    reply: true,
    edit: true,
    retract: true,
    react: true,
    attach: true,
    link: true,
    typing: true,
    displayed: true,
    names: true,
    quiet_names: false,
    puppets: false,
    sanction: false,
    threads: false,
    rehost: false,
    addressed: false,
    finds: false,
};

/// As little as a network can do: short single lines of text under one name.
pub const POOR: Capabilities = Capabilities {
    text: Limits { bytes: 400, lines: 1, span: 0, parts: 12 },
    subject: None,
    reply: false,
    edit: false,
    retract: false,
    react: false,
    attach: false,
    link: false,
    typing: false,
    displayed: false,
    names: false,
    quiet_names: false,
    puppets: false,
    sanction: false,
    threads: false,
    rehost: false,
    addressed: false,
    finds: false,
};

impl Loopback {
    /// A network that can do this much, and feeds that.
    pub fn new(abilities: Capabilities, feed: Feed) -> Self {
        Loopback { abilities, feed, state: Arc::default() }
    }

    /// Somebody is in a far room already; nobody is told.
    pub fn seats(&self, room: &str, nick: &str) -> Member {
        let member = Member::new(person(nick));
        self.room(room, |room| room.members.push(member.clone()));
        member
    }

    /// Somebody enters a far room.
    pub async fn enters(&self, room: &str, nick: &str) {
        let member = self.seats(room, nick);
        self.tell(room, Incoming::Entered(member)).await;
    }

    /// Somebody leaves a far room.
    pub async fn leaves(&self, room: &str, nick: &str) {
        self.room(room, |room| room.members.retain(|member| *member.author.id != *nick));
        self.tell(room, Incoming::Left { author: nick.into(), reason: None }).await;
    }

    /// Somebody is called otherwise.
    pub async fn renames(&self, room: &str, nick: &str, now: &str) {
        self.room(room, |room| {
            for member in room.members.iter_mut().filter(|member| *member.author.id == *nick) {
                member.author = person(now);
            }
        });
        self.tell(room, Incoming::Renamed { author: nick.into(), now: person(now) }).await;
    }

    /// Somebody says something, which gets the id given back.
    pub async fn says(&self, room: &str, nick: &str, words: impl Into<Text>) -> RemoteId {
        self.does(room, nick, Act::Say(Message::text(words))).await
    }

    /// Somebody does anything at all; the act's own id is given back.
    pub async fn does(&self, room: &str, nick: &str, act: Act<RemoteId>) -> RemoteId {
        let id = self.next_id();
        let event = Event { author: person(nick), at: SystemTime::now(), act };
        self.tell(room, Incoming::Did { id: Some(id.clone()), event }).await;
        id
    }

    /// What was sent to a far room, with the ids given to it.
    pub fn heard(&self, room: &str) -> Vec<(RemoteId, Event<RemoteId>)> {
        self.room(room, |room| room.heard.clone())
    }

    /// The words that were sent to a far room, messages and edits alike.
    pub fn words(&self, room: &str) -> Vec<String> {
        let words = |(_, event): (RemoteId, Event<RemoteId>)| match event.act {
            Act::Say(message) | Act::Edit { now: message, .. } => Some(message.text.into_plain()),
            _ => None,
        };
        self.heard(room).into_iter().filter_map(words).collect()
    }

    /// The link breaks: sends fail with this error until `heal`.
    pub async fn cut(&self, error: NetworkError) {
        self.state().cut = Some(error.clone());
        self.feed_all(None, Incoming::Lost(error)).await;
    }

    /// The link is there again, and tells who is in the rooms.
    pub async fn heal(&self) {
        let rooms: Vec<_> = {
            let mut state = self.state();
            state.cut = None;
            let joined = state.rooms.iter().filter(|(_, room)| room.joined);
            joined.map(|(id, room)| (id.clone(), room.members.clone())).collect()
        };
        for (room, members) in rooms {
            self.feed_all(Some(room), Incoming::Members(members)).await;
        }
        self.feed_all(None, Incoming::Regained).await;
    }

    /// It has heard this already, in an earlier life.
    pub fn has_heard(&self, room: &str, heard: (RemoteId, Event<RemoteId>)) {
        self.state().messages += 1;
        self.room(room, |room| room.heard.push(heard));
    }

    /// What becomes of each thing that is sent from now on, messages and all else.
    pub fn fate(&self, fates: impl FnMut() -> Fate + Send + 'static) {
        self.state().fates = Some(Box::new(fates));
    }

    /// People of the other side who are in a far room, as it was told.
    pub fn seated(&self, room: &str) -> Vec<Author> {
        self.room(room, |room| room.seated.clone())
    }

    /// What was decided about people of a far room.
    pub fn sanctions(&self, room: &str) -> Vec<(String, Sanction)> {
        self.room(room, |room| room.sanctions.clone())
    }

    /// A file lies there, or whoever fetches it gets this error.
    pub fn hosts(&self, url: &str, file: Result<Fetched, NetworkError>) {
        self.state().files.insert(url.to_owned(), file);
    }

    /// What was fetched, in order; that nobody hosts it did not matter.
    pub fn fetched(&self) -> Vec<String> {
        self.state().fetched.clone()
    }

    /// Feeds anything that concerns the whole network.
    pub async fn tell_all(&self, what: Incoming) {
        self.feed_all(None, what).await;
    }

    /// Feeds anything: for what a room does with odd news.
    pub async fn tell(&self, room: &str, what: Incoming) {
        if self.room(room, |room| room.joined) && self.state().cut.is_none() {
            self.feed_all(Some(room.into()), what).await;
        }
    }

    async fn feed_all(&self, room: Option<RemoteId>, what: Incoming) {
        if !self.state().closed {
            // Nobody listens any more: then nobody misses it.
            let _ = self.feed.send(Fed { room, what }).await;
        }
    }

    fn next_id(&self) -> RemoteId {
        let mut state = self.state();
        state.messages += 1;
        format!("loop-{}", state.messages).into()
    }

    fn room<T>(&self, room: &str, with: impl FnOnce(&mut Room) -> T) -> T {
        with(self.state().rooms.entry(room.into()).or_default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self) -> Result<(), NetworkError> {
        let state = self.state();
        match &state.cut {
            Some(error) => Err(error.clone()),
            None if state.closed => Err(NetworkError::Down("closed".into())),
            None => Ok(()),
        }
    }
}

impl Network for Loopback {
    fn capabilities(&self, _room: &RemoteId) -> Capabilities {
        self.abilities
    }

    fn resolve<'a>(&'a self, name: &'a str) -> Fut<'a, RemoteId> {
        Box::pin(async move {
            if name.is_empty() || name.contains(char::is_whitespace) {
                return Err(NetworkError::NotFound(format!("{name:?} is no name of a room")));
            }
            Ok(name.to_lowercase().into())
        })
    }

    fn join<'a>(&'a self, room: &'a RemoteId) -> Fut<'a, ()> {
        Box::pin(async move {
            let members = self.room(room.as_str(), |room| {
                room.joined = true;
                room.members.clone()
            });
            self.up()?;
            self.feed_all(Some(room.clone()), Incoming::Members(members)).await;
            Ok(())
        })
    }

    fn leave<'a>(&'a self, room: &'a RemoteId) -> Fut<'a, ()> {
        Box::pin(async move {
            self.room(room.as_str(), |room| room.joined = false);
            Ok(())
        })
    }

    fn send<'a>(&'a self, room: &'a RemoteId, event: &'a Event<RemoteId>) -> Fut<'a, Vec<RemoteId>> {
        Box::pin(async move {
            self.up()?;
            if !self.room(room.as_str(), |room| room.joined) {
                return Err(NetworkError::NotFound(format!("{room} is not joined")));
            }
            let fate = self.state().fates.as_mut().map(|fates| fates()).unwrap_or_default();
            match &fate {
                Fate::Fails(error) => return Err(error.clone()),
                Fate::Lost => return Err(NetworkError::Unsure("no answer".into())),
                Fate::Arrives | Fate::Silent | Fate::Hangs => {}
            }
            let id = self.next_id();
            self.room(room.as_str(), |room| room.heard.push((id.clone(), event.clone())));
            match fate {
                Fate::Silent => return Err(NetworkError::Unsure("no answer".into())),
                Fate::Hangs => return std::future::pending().await,
                _ => {}
            }
            Ok(if matches!(event.act, Act::Say(_)) { vec![id] } else { Vec::new() })
        })
    }

    fn seat<'a>(&'a self, room: &'a RemoteId, person: &'a Author, here: bool) -> Fut<'a, ()> {
        Box::pin(async move {
            self.room(room.as_str(), |room| {
                room.seated.retain(|other| other.id != person.id);
                if here {
                    room.seated.push(person.clone());
                }
            });
            Ok(())
        })
    }

    fn speaks(&self, room: &RemoteId, person: &Author) -> bool {
        self.abilities.puppets
            && self.room(room.as_str(), |room| room.seated.iter().any(|other| other.id == person.id))
    }

    fn sanction<'a>(&'a self, room: &'a RemoteId, person: &'a str, sanction: &'a Sanction) -> Fut<'a, ()> {
        Box::pin(async move {
            self.up()?;
            self.room(room.as_str(), |room| room.sanctions.push((person.to_owned(), sanction.clone())));
            Ok(())
        })
    }

    fn sent<'a>(
        &'a self,
        room: &'a RemoteId,
        event: &'a Event<RemoteId>,
        since: SystemTime,
    ) -> Fut<'a, Vec<RemoteId>> {
        Box::pin(async move {
            if !self.abilities.finds {
                return Err(NetworkError::Unsupported("looking for what was said"));
            }
            self.up()?;
            let is = |(_, other): &&(RemoteId, Event<RemoteId>)| {
                other.author.nick == event.author.nick && other.act == event.act
            };
            let _ = since;
            let found =
                self.room(room.as_str(), |room| room.heard.iter().rfind(is).map(|(id, _)| id.clone()));
            Ok(found.into_iter().collect())
        })
    }

    fn fetch<'a>(&'a self, url: &'a str, most: u64) -> Fut<'a, Fetched> {
        Box::pin(async move {
            self.up()?;
            let file = {
                let mut state = self.state();
                state.fetched.push(url.to_owned());
                state.files.get(url).cloned()
            };
            match file {
                Some(Ok(file)) if file.bytes.len() as u64 > most => Err(NetworkError::TooLarge),
                // A host that says nothing.
                Some(Err(NetworkError::Unsure(_))) => std::future::pending().await,
                Some(answer) => answer,
                None => Err(NetworkError::Forbidden("files are fetched from its own hosts only".into())),
            }
        })
    }

    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            self.state().closed = true;
            Ok(())
        })
    }
}

/// Somebody of that nick, whose id is the nick.
pub fn person(nick: &str) -> Author {
    Author::new(nick, nick, "loopback")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn what_is_said_in_a_joined_room_is_fed_and_what_is_sent_can_be_read() {
        let (feed, mut fed) = mpsc::channel(16);
        let net = Loopback::new(ABLE, feed);
        let room = net.resolve("Lounge").await.unwrap();
        net.enters("lounge", "ann").await;
        net.says("lounge", "ann", "nobody hears this").await;
        net.join(&room).await.unwrap();
        let id = net.says("lounge", "ann", "good night").await;
        assert!(matches!(fed.recv().await.unwrap().what, Incoming::Members(all) if all.len() == 1));
        assert!(matches!(fed.recv().await.unwrap().what, Incoming::Did { id: Some(got), .. } if got == id));

        let say =
            Event { author: person("romeo"), at: SystemTime::now(), act: Act::Say(Message::text("hi")) };
        assert_eq!(net.send(&room, &say).await.unwrap().len(), 1);
        assert_eq!(net.words("lounge"), ["hi"]);
        assert!(fed.try_recv().is_err(), "what we send is not fed back");
    }

    #[tokio::test]
    async fn a_broken_link_refuses_and_tells_who_is_there_when_it_is_whole_again() {
        let (feed, mut fed) = mpsc::channel(16);
        let net = Loopback::new(POOR, feed);
        let room = RemoteId::from("lounge");
        net.join(&room).await.unwrap();
        net.cut(NetworkError::Down("cable".into())).await;
        let say =
            Event { author: person("romeo"), at: SystemTime::now(), act: Act::Say(Message::text("hi")) };
        assert_eq!(net.send(&room, &say).await, Err(NetworkError::Down("cable".into())));
        net.enters("lounge", "ann").await;
        net.heal().await;
        let mut news = Vec::new();
        while let Ok(one) = fed.try_recv() {
            news.push(one.what);
        }
        assert_eq!(news[1], Incoming::Lost(NetworkError::Down("cable".into())));
        assert!(matches!(&news[2], Incoming::Members(all) if all.len() == 1));
        assert_eq!(news[3], Incoming::Regained);
    }
}
