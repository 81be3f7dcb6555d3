//! What Discord tells, and what it means for the rooms: pure, without sockets. `State` is what we know; each event changes
//! it and leaves in `Out` what the house must be told and what must be asked for.

mod channels;
pub(super) mod emoji;
mod messages;
mod past;
mod people;
mod reactions;
#[cfg(test)]
mod tests;
mod words;

pub(super) use past::Past;

use super::KIND;
use super::guild::{Guild, holds_words};
use super::settings::Settings;
use super::snowflake::{Id, Place};
use super::wire;
use crate::model::{Act, Author, Event};
use crate::network::{Fed, Incoming, NetworkError, RemoteId};
use reactions::Reactions;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Names of messages that we delete, until Discord tells of it.
const DELETING: usize = 1_000;

/// How long Discord may take to tell of our guild.
const FOUND: Duration = Duration::from_secs(10);

/// How the link is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Link {
    /// Not yet made.
    #[default]
    Connecting,
    /// Good.
    Up,
    /// Lost, or refused.
    Lost(NetworkError),
}

/// What we know of Discord, and what is wanted of it.
pub(super) struct State {
    pub settings: Arc<Settings>,
    pub guild: Guild,
    pub link: Link,
    /// The guild's people are all known.
    pub complete: bool,
    /// The rooms that are wanted.
    pub rooms: BTreeMap<Id, Room>,
    /// Webhooks of ours, beside those that bear our application's id.
    pub hooks: HashSet<Id>,
    /// We have heard everything since this moment; of older messages we may have missed something.
    since: Id,
    deleting: VecDeque<Id>,
    reactions: Reactions,
    typing: HashMap<(Id, Id), Instant>,
    people: people::Going,
    strange: HashSet<Id>,
    told_empty: bool,
    /// By when a guild that is called by its name must have been told of.
    found_by: Option<Instant>,
    /// In which messages the files lie that were shown.
    pub files: super::files::Shown,
}

/// A room that is wanted.
#[derive(Default)]
pub(super) struct Room {
    /// What was said in it.
    pub past: Past,
    /// What `past` was when it was last kept.
    pub kept: String,
    /// It has been told who is there.
    pub told: bool,
    /// Who was told to be there.
    here: HashSet<Id>,
    /// The topic that the room knows.
    pub topic: Option<String>,
    /// What the room knows of itself.
    about: Option<crate::network::About>,
    /// Who waits for being let in.
    pub waiters: Vec<oneshot::Sender<Result<(), NetworkError>>>,
}

impl Room {
    /// A room of which this is known.
    pub fn new(past: Past) -> Room {
        Room { past, ..Room::default() }
    }
}

/// What comes of an event.
#[derive(Default)]
pub(super) struct Out {
    /// What the house is told, in this order.
    pub fed: Vec<Fed>,
    /// What must be asked for.
    pub asks: Vec<Ask>,
}

/// What must be asked for.
#[derive(Debug)]
pub(super) enum Ask {
    /// All people of the guild, from the gateway.
    People,
    /// What was missed in a room.
    CatchUp(Id),
    /// A channel that we do not know, about which this came.
    Channel(Id, String, Value),
    /// All reactions to a message that is older than our memory; this person has changed his.
    Reactors(Id, Place, Id),
}

impl Out {
    /// Tells a room something.
    pub fn tell(&mut self, room: Id, what: Incoming) {
        self.fed.push(Fed { room: Some(room_name(room)), what });
    }

    /// Tells something about the whole network.
    pub fn tell_all(&mut self, what: Incoming) {
        self.fed.push(Fed { room: None, what });
    }

    /// Somebody did something.
    fn did(&mut self, room: Id, id: Option<RemoteId>, by: Author, at: SystemTime, act: Act<RemoteId>) {
        let event = Event { author: by, at: at.min(SystemTime::now()), act };
        self.tell(room, Incoming::Did { id, event });
    }
}

/// What the rest of Rialto calls a room.
pub(super) fn room_name(room: Id) -> RemoteId {
    RemoteId::from(room.to_string())
}

impl State {
    /// Nothing is known yet.
    pub fn new(settings: Arc<Settings>) -> State {
        let cdn = settings.cdn_url.as_deref().unwrap_or(super::files::CDN).trim_end_matches('/').to_owned();
        State {
            guild: Guild { cdn, ..Guild::default() },
            settings,
            link: Link::default(),
            complete: false,
            rooms: BTreeMap::new(),
            hooks: HashSet::new(),
            since: Id::at(SystemTime::now()),
            deleting: VecDeque::new(),
            reactions: Reactions::default(),
            typing: HashMap::new(),
            people: people::Going::default(),
            strange: HashSet::new(),
            told_empty: false,
            found_by: None,
            files: super::files::Shown::default(),
        }
    }

    /// An event of the gateway. What cannot be read is as if it had not come.
    pub fn heard(&mut self, name: &str, data: Value, out: &mut Out) {
        if !matches!(name, "READY" | "GUILD_CREATE") && self.elsewhere(&data) {
            return;
        }
        match name {
            "READY" => self.ready(&data, out),
            "RESUMED" => self.resumed(out),
            "MESSAGE_CREATE" => read(data.clone(), |message| self.said(name, data, message, out)),
            "MESSAGE_UPDATE" => read(data, |message| self.edited(message, out)),
            "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK" => self.erased(&data, out),
            "MESSAGE_REACTION_ADD" => read(data, |reaction| self.reacted(reaction, true, out)),
            "MESSAGE_REACTION_REMOVE" => read(data, |reaction| self.reacted(reaction, false, out)),
            "MESSAGE_REACTION_REMOVE_ALL" => read(data, |reaction| self.unreacted(&reaction, None, out)),
            "MESSAGE_REACTION_REMOVE_EMOJI" => read(data, |reaction: wire::Reaction| {
                let emoji = emoji::shown(&reaction.emoji);
                self.unreacted(&reaction, Some(&emoji), out);
            }),
            "TYPING_START" => self.types(&data, out),
            _ if name.starts_with("CHANNEL_") || name.starts_with("THREAD_") => {
                self.channels_changed(name, data, out);
            }
            _ if name.starts_with("GUILD_") || name == "PRESENCE_UPDATE" => {
                self.guild_changed(name, data, out)
            }
            _ => {}
        }
    }

    /// Time has passed: who was writing has stopped, who had gone has gone.
    pub fn tick(&mut self, out: &mut Out) {
        let now = Instant::now();
        let stopped: Vec<_> =
            self.typing.iter().filter(|(_, until)| **until <= now).map(|(who, _)| *who).collect();
        for (room, user) in stopped {
            self.typing.remove(&(room, user));
            let author = self.guild.author_of(user);
            out.did(room, None, author, SystemTime::now(), Act::Typing(false));
        }
        self.gone(now, out);
        if self.found_by.is_some_and(|by| by <= now) {
            self.found_by = None;
            if self.guild.id.is_none() {
                self.refused(self.invite(), out);
            }
        }
    }

    /// The link is lost.
    pub fn lost(&mut self, error: NetworkError, out: &mut Out) {
        self.link = Link::Lost(error.clone());
        for room in self.rooms.values_mut() {
            for waiter in room.waiters.drain(..) {
                let _ = waiter.send(Err(error.clone()));
            }
        }
        out.tell_all(Incoming::Lost(error));
    }

    /// Discord will not have us, or we are not where we should be: the operator must do something.
    pub fn refused(&mut self, text: String, out: &mut Out) {
        let told = out.fed.len();
        self.lost(NetworkError::Forbidden(text.clone()), out);
        out.fed.truncate(told);
        out.tell_all(Incoming::Refused(text));
    }

    /// All people are known: every room is told who is there, and what it missed is asked for.
    pub fn all_known(&mut self, out: &mut Out) {
        let again = matches!(self.link, Link::Lost(_));
        self.complete = true;
        self.link = Link::Up;
        let rooms: Vec<Id> = self.rooms.keys().copied().collect();
        for room in rooms {
            self.welcome(room, out);
            out.asks.push(Ask::CatchUp(room));
        }
        if again {
            out.tell_all(Incoming::Regained);
        }
    }

    /// A room is told what is known of it, and who is there; who waited for it is let in, or told why not.
    pub fn welcome(&mut self, id: Id, out: &mut Out) {
        let error = self.barred(id);
        let Some(room) = self.rooms.get_mut(&id) else { return };
        if let Some(error) = error {
            room.told = false;
            if room.waiters.is_empty() {
                out.tell(id, Incoming::Lost(error.clone()));
            }
            for waiter in room.waiters.drain(..) {
                let _ = waiter.send(Err(error.clone()));
            }
            return;
        }
        let Some(channel) = self.guild.channels.get(&id) else { return };
        let about = self.guild.about(channel);
        room.about = Some(about.clone());
        out.tell(id, Incoming::About(about));
        room.past.begin(channel.last_message_id);
        room.told = true;
        self.list(id, out);
        self.tell_topic(id, out);
        for waiter in self.rooms.get_mut(&id).into_iter().flat_map(|room| room.waiters.drain(..)) {
            let _ = waiter.send(Ok(()));
        }
    }

    /// Why a room cannot be had, if so.
    fn barred(&self, room: Id) -> Option<NetworkError> {
        use super::guild::permissions::{HISTORY, VIEW};
        let Some(channel) = self.guild.room(room) else {
            return Some(NetworkError::NotFound(format!(
                "the guild has no channel {room} that the bot may see"
            )));
        };
        if !holds_words(channel) {
            return Some(NetworkError::NotFound(format!("nothing can be said in \"{}\"", channel.name)));
        }
        let may = self.guild.ours(channel);
        let missing = [(VIEW, "View Channel"), (HISTORY, "Read Message History")];
        let missing = missing.into_iter().find(|(bit, _)| may & bit == 0)?;
        Some(NetworkError::Forbidden(format!(
            "the bot lacks the permission \"{}\" in #{}: give it to the bot's role",
            missing.1, channel.name
        )))
    }

    /// All who are in a room.
    fn list(&mut self, id: Id, out: &mut Out) {
        let (Some(room), Some(channel)) = (self.rooms.get_mut(&id), self.guild.channels.get(&id)) else {
            return;
        };
        let members = if self.settings.members { self.guild.readers(channel) } else { Vec::new() };
        room.here = members.iter().filter_map(|member| Id::read(&member.author.id)).collect();
        out.tell(id, Incoming::Members(members));
    }

    /// The rooms that hear of people now.
    fn open_rooms(&self) -> Vec<Id> {
        if self.link != Link::Up {
            return Vec::new();
        }
        self.rooms.iter().filter(|(_, room)| room.told).map(|(id, _)| *id).collect()
    }

    /// We are about to delete a message: Discord's word of it is not news.
    pub fn deletes(&mut self, message: Id) {
        if self.deleting.len() >= DELETING {
            self.deleting.pop_front();
        }
        self.deleting.push_back(message);
    }

    /// It says of another guild than ours.
    fn elsewhere(&self, data: &Value) -> bool {
        let guild = data.get("guild_id").and_then(Value::as_str).and_then(Id::read);
        guild.is_some_and(|guild| self.guild.id.is_some_and(|ours| ours != guild))
    }

    fn ready(&mut self, data: &Value, out: &mut Out) {
        let id =
            |path: &str| data.pointer(path).and_then(Value::as_str).and_then(Id::read).unwrap_or_default();
        self.guild.me = id("/user/id");
        self.guild.application = id("/application/id");
        self.complete = false;
        self.since = Id::at(SystemTime::now());
        self.reactions = Reactions::default();
        if let Some(flags) = data.pointer("/application/flags").and_then(Value::as_u64)
            && let Some(told) = missing_switches(flags, &self.settings)
        {
            out.tell_all(Incoming::Notice(told));
        }
        let guilds = data.get("guilds").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let ids: Vec<Id> =
            guilds.iter().filter_map(|guild| guild.get("id")?.as_str()).filter_map(Id::read).collect();
        let wanted = self.settings.guild_id();
        let nowhere = match (&self.settings.guild, wanted) {
            (Some(_), Some(id)) => !ids.contains(&id),
            (Some(_), None) => ids.is_empty(),
            (None, _) => ids.len() != 1,
        };
        if self.settings.guild.is_none() && ids.len() > 1 {
            let text =
                format!("the bot is in {} guilds; say which with guild = \"name\" or its id", ids.len());
            self.refused(text, out);
        } else if nowhere {
            self.refused(self.invite(), out);
        }
        self.found_by = (wanted.is_none() && !nowhere).then(|| Instant::now() + FOUND);
        // A guild is whom GUILD_CREATE calls by the name; where an id is said it is known now.
        self.guild.id = wanted.or_else(|| ids.first().copied().filter(|_| self.settings.guild.is_none()));
    }

    /// How the bot comes into the guild.
    fn invite(&self) -> String {
        let permissions = super::guild::permissions::WANTED;
        format!(
            "the bot is not in the guild{}. Somebody who may manage it must open \
             https://discord.com/oauth2/authorize?client_id={}&scope=bot&permissions={permissions}",
            self.settings.guild.as_ref().map(|guild| format!(" \"{guild}\"")).unwrap_or_default(),
            self.guild.application
        )
    }

    fn resumed(&mut self, out: &mut Out) {
        if !self.complete {
            // This run does not know the people yet: they are not told again.
            return out.asks.push(Ask::People);
        }
        if let Link::Lost(_) = self.link {
            self.all_known(out);
        }
        self.link = Link::Up;
    }

    /// The message was said by us.
    fn is_ours(&self, message: &wire::Message) -> bool {
        let hook = message.webhook_id.is_some_and(|hook| {
            self.hooks.contains(&hook) || message.application_id == Some(self.guild.application)
        });
        hook || message.author.as_ref().is_some_and(|author| author.id == self.guild.me)
    }

    /// Where a message lies, and in which of the wanted rooms.
    fn place(&self, channel: Id, message: Id) -> Option<(Id, Place)> {
        let room = self.guild.room_of(channel)?;
        let wanted = self.rooms.contains_key(&room) && (channel == room || self.settings.threads);
        wanted.then_some((room, Place { channel, message }))
    }

    /// Who said something: somebody of the guild, or the face of somebody else's webhook.
    fn speaker(&self, message: &wire::Message) -> Option<Author> {
        let user = message.author.as_ref()?;
        // What a bot says in answer to a command has a webhook as well, but the bot is somebody of the guild.
        let Some(hook) = message.webhook_id.filter(|_| !self.guild.members.contains_key(&user.id)) else {
            return Some(self.guild.author(user, message.member.as_ref()));
        };
        let mut author = self.guild.author(user, None);
        author.id = format!("{hook}:{}", author.nick).into();
        author.account = None;
        Some(author)
    }

    /// Of whom we know nothing but that the channel did it.
    fn nobody(&self, room: Id) -> Author {
        let name = self.guild.room(room).map(|channel| channel.name.as_str()).unwrap_or_default();
        Author::new(room.to_string(), name, KIND.name)
    }
}

/// Reads what an event tells, if it can be read.
fn read<T: serde::de::DeserializeOwned>(data: Value, act: impl FnOnce(T)) {
    match serde_json::from_value(data) {
        Ok(told) => act(told),
        Err(error) => tracing::debug!(%error, "an event of Discord's cannot be read"),
    }
}

/// The switches that the application's flags show to be off (APPLICATION flags 12 to 19).
pub(super) fn missing_switches(flags: u64, settings: &Settings) -> Option<String> {
    let off = |bits: u64| flags & bits == 0;
    let mut missing = Vec::new();
    if off(1 << 18 | 1 << 19) {
        missing.push("\"Message Content Intent\"");
    }
    if settings.members && off(1 << 14 | 1 << 15) {
        missing.push("\"Server Members Intent\"");
    }
    if settings.presence && off(1 << 12 | 1 << 13) {
        missing.push("\"Presence Intent\"");
    }
    (!missing.is_empty()).then(|| super::gateway::switch_on(&missing))
}
