//! The gateway's sessions: who hears what, numbered and kept for those who come back (events/gateway.mdx).

pub mod intents;
pub mod opening;
pub mod serve;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::state::permissions::VIEW_CHANNEL;
use crate::state::{Id, State};

/// What a connection is told to do.
#[derive(Debug)]
pub enum Out {
    /// Send this, not before that time.
    Say(Value, Instant),
    /// Close with a code.
    Close(u16, &'static str),
    /// Cut the connection without a word.
    Cut,
    /// Stay open and say nothing any more, not even to heartbeats.
    Zombie,
}

/// Where something happened; it is told only where that can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the whole guild.
    Guild(Id),
    /// In a channel or thread.
    Channel(Id),
    /// To the application alone.
    Own,
}

/// Events kept for a session that is away; one more and it cannot come back.
const KEPT: usize = 10_000;

/// A session of the gateway.
pub struct Session {
    /// What it asked for.
    pub intents: u64,
    /// The last number given.
    pub seq: u64,
    kept: VecDeque<(u64, Value)>,
    /// Too much was said while it was away.
    pub lost: bool,
    /// The connection, while there is one.
    pub out: Option<mpsc::Sender<Out>>,
}

/// All sessions, and how the gateway behaves.
pub struct Gateway {
    /// By session id.
    pub sessions: BTreeMap<String, Session>,
    /// Connections that got HELLO, whether they identified or not.
    pub open: BTreeMap<u64, mpsc::Sender<Out>>,
    next: u64,
    /// Milliseconds between heartbeats.
    pub heartbeat: u64,
    /// Milliseconds every event comes later than what it tells of.
    pub delay: u64,
    /// Every RESUME repeats so many events that were heard already.
    pub overlap: u64,
    /// The next IDENTIFY or RESUME is answered with this: `Close` or op 9.
    pub refuse: VecDeque<Refuse>,
    /// IDENTIFYs so far.
    pub identified: u64,
    /// RESUMEs that went well.
    pub resumed: u64,
    /// IDENTIFYs left today.
    pub starts: u32,
    /// The least time between two IDENTIFYs, in milliseconds; real Discord: 5000.
    pub identify_every: u64,
    /// When one identified last.
    pub last_identify: Option<Instant>,
}

/// What the next IDENTIFY or RESUME gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuse {
    /// A close code.
    Close(u16),
    /// Op 9: may it resume?
    Invalid(bool),
}

impl Default for Gateway {
    fn default() -> Gateway {
        Gateway {
            sessions: BTreeMap::new(),
            open: BTreeMap::new(),
            next: 0,
            heartbeat: 41_250,
            delay: 0,
            overlap: 0,
            refuse: VecDeque::new(),
            identified: 0,
            resumed: 0,
            starts: 1000,
            identify_every: 0,
            last_identify: None,
        }
    }
}

impl Gateway {
    /// A new connection's number.
    pub fn enter(&mut self, out: mpsc::Sender<Out>) -> u64 {
        self.next += 1;
        self.open.insert(self.next, out);
        self.next
    }

    /// Told to every connection.
    pub fn all(&mut self, out: impl Fn() -> Out) {
        for connection in self.open.values() {
            let _ = connection.try_send(out());
        }
    }

    fn when(&self) -> Instant {
        Instant::now() + std::time::Duration::from_millis(self.delay)
    }
}

impl Session {
    /// A session that just identified.
    pub fn new(intents: u64, out: mpsc::Sender<Out>) -> Session {
        Session { intents, seq: 0, kept: VecDeque::new(), lost: false, out: Some(out) }
    }

    /// Numbers an event, keeps it and sends it where there is a connection.
    pub fn dispatch(&mut self, name: &str, data: Value, when: Instant) {
        self.seq += 1;
        let event = json!({"op": 0, "t": name, "s": self.seq, "d": data});
        self.kept.push_back((self.seq, event.clone()));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
            self.lost |= self.out.is_none();
        }
        if self.out.as_ref().is_some_and(|out| out.try_send(Out::Say(event, when)).is_err()) {
            self.out = None; // too slow, or gone: it may resume
        }
    }

    /// What came after a number.
    pub fn since(&self, seq: u64) -> Vec<Value> {
        self.kept.iter().filter(|(number, _)| *number > seq).map(|(_, event)| event.clone()).collect()
    }
}

impl State {
    /// Tells every session that asked for it and may see it.
    pub fn tell(&mut self, name: &'static str, data: Value, place: Place) {
        let guild = match place {
            Place::Guild(id) => Some(id),
            Place::Channel(id) => self.guild_of(id),
            Place::Own => None,
        };
        if guild.and_then(|id| self.guilds.get(&id)).is_some_and(|guild| guild.unavailable)
            && name != "GUILD_DELETE"
        {
            return;
        }
        let seen = match place {
            Place::Channel(id) => self.permissions(id, self.bot.user) & VIEW_CHANNEL != 0,
            Place::Guild(id) => self.member(id, self.bot.user).is_some() || name == "GUILD_DELETE",
            Place::Own => true,
        };
        if !seen {
            return;
        }
        let when = self.gateway.when();
        let (wanted, own) = (intents::of(name), intents::is_own(self.bot.user, name, &data));
        let blank = intents::blanked(self.bot.user, name, &data);
        for session in self.gateway.sessions.values_mut() {
            if wanted != 0 && wanted & session.intents == 0 && !own {
                continue;
            }
            let has_content = session.intents & intents::MESSAGE_CONTENT != 0;
            let data = blank.as_ref().filter(|_| !has_content).unwrap_or(&data).clone();
            session.dispatch(name, data, when);
        }
    }
}
