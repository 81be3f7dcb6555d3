//! What we know of the network and how we answer it. No socket and no clock of its own: lines and times come in, lines and
//! news go out.

mod asks;
mod batches;
mod ears;
mod history;
mod joining;
mod members;
mod memory;
mod modes;
mod operator;
pub(super) mod proof;
mod refusals;
mod regain;
mod register;
mod room;
mod sending;
mod speaking;
mod tagged;
mod talk;

pub use asks::{Ask, Replies, refusal};
pub use refusals::{End, is_crowd};
pub use room::{Stage, Waiter};
pub use sending::{Answer, Part, Sending, Ticket};

use super::isupport::Isupport;
use super::line::{LONGEST_OUT, Line, Source, write};
use super::ours::Place;
use super::persona::Persona;
use super::settings::Settings;
use crate::model::harmless_line;
use crate::network::{Fed, Incoming, NetworkError, RemoteId, Role};
use crate::pace::Bucket;
use asks::Asked;
use batches::Batches;
use register::Handshake;
use room::Room;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The kind's name, in `Author::network` too.
pub const NETWORK: &str = "irc";

/// How long a host may be (RFC 1123 §2.1 as servers limit it), until we know ours.
const HOSTLEN: usize = 63;

/// How long we wait for the end of the MOTD, and for NickServ.
const SETTLING: Duration = Duration::from_secs(10);

/// What a line, or the passing of time, leads to.
#[derive(Debug, Default)]
pub struct Out {
    /// Lines that go at once.
    pub urgent: Vec<String>,
    /// Lines that go in their turn.
    pub paced: Vec<String>,
    /// Lines that go when nothing else does.
    pub idle: Vec<String>,
    /// News for the house.
    pub fed: Vec<Fed>,
    /// A policy of the server that we speak TLS: for so many seconds; 0 ends it (IRCv3 sts).
    pub policy: Option<u64>,
    /// The connection is over.
    pub end: Option<End>,
}

impl Out {
    fn tell(&mut self, room: Option<&RemoteId>, what: Incoming) {
        self.fed.push(Fed { room: room.cloned(), what });
    }
}

/// One network, over all its connections: the rooms stay when a link breaks.
pub struct Session {
    settings: Arc<Settings>,
    persona: Arc<Persona>,
    /// Our connections to this network, this one among them.
    place: Place,
    /// Hears all that happens in its rooms; else only what concerns itself.
    listens: bool,
    /// What the server says of itself.
    pub isupport: Isupport,
    me: Source,
    shake: Handshake,
    phase: Phase,
    rooms: BTreeMap<String, Room>,
    polite: Bucket,
    regain: Option<Instant>,
    ghosted: bool,
    /// How many channels the network has (RPL_LUSERCHANNELS).
    pub channels: Option<usize>,
    names: u64,
    labels: u64,
    born: u128,
    /// The server has given a message a name on this connection.
    names_messages: bool,
    /// What is on its way.
    pub sending: Sending,
    batches: Batches,
    asked: Vec<Asked>,
    /// What marks of an earlier run said.
    kept: BTreeMap<String, String>,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Registering,
    /// The server knows us; NickServ perhaps not yet.
    Settling(Instant),
    Ready,
}

impl Session {
    /// A connection that has not been made. The network's own listens; those of persons do so when they are told.
    pub fn new(settings: Arc<Settings>, persona: Arc<Persona>, place: Place) -> Self {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        Session {
            settings,
            listens: persona.whose.is_none(),
            persona,
            place,
            isupport: Isupport::default(),
            me: Source::default(),
            shake: Handshake::default(),
            phase: Phase::Registering,
            rooms: BTreeMap::new(),
            polite: Bucket::new(3, Duration::from_secs(10)),
            regain: None,
            ghosted: false,
            channels: None,
            names: 0,
            labels: 0,
            born: since.as_millis(),
            names_messages: false,
            sending: Sending::default(),
            batches: Batches::default(),
            asked: Vec::new(),
            kept: BTreeMap::new(),
        }
    }

    /// With what the marks of an earlier run said.
    pub fn keeping(mut self, kept: BTreeMap<String, String>) -> Self {
        self.kept = kept;
        self
    }

    /// A new connection begins, with TLS or without.
    pub fn begin(&mut self, secure: bool, out: &mut Out) {
        // The rooms are kept by folded name, and a network seldom changes its mind about letters.
        self.isupport = Isupport { casemapping: self.isupport.casemapping, ..Isupport::default() };
        self.me = Source::default();
        self.shake = Handshake::new(secure);
        self.phase = Phase::Registering;
        (self.regain, self.ghosted) = (None, false);
        self.names_messages = false;
        Handshake::begin(&self.settings, &self.persona, out);
    }

    /// The connection is gone. Nobody leaves a room; who waits to join is told.
    pub fn lost(&mut self, error: &NetworkError) {
        self.phase = Phase::Registering;
        self.place.called(None);
        self.sending.lost(error);
        self.forget_batches();
        self.forget_asking(error);
        for room in self.rooms.values_mut() {
            room.out(None);
            room.answer(Err(error.clone()));
        }
    }

    /// What the end of a connection means, by what the server said before.
    pub fn ending(&self, end: End) -> End {
        self.shake.ending(end)
    }

    /// Registered, and ready to join.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// The channel's name on the wire, if we are in it.
    pub fn channel(&self, id: &RemoteId) -> Result<&str, NetworkError> {
        let room = self.rooms.get(&self.fold(id.as_str()));
        match room {
            Some(room) if room.stage == Stage::In => Ok(&room.name),
            Some(_) => Err(NetworkError::Down(format!("we are not in {id} yet"))),
            None => Err(NetworkError::NotFound(format!("{id} is not joined"))),
        }
    }

    /// Our nick, once the server has given us one.
    pub fn nick(&self) -> &str {
        &self.me.nick
    }

    /// The topic is now ours.
    pub fn set_topic(&mut self, id: &RemoteId, topic: &str) {
        let folded = self.fold(id.as_str());
        if let Some(room) = self.rooms.get_mut(&folded) {
            room.topic = Some(topic.into());
        }
    }

    /// The rooms whose topic only operators set, where we are none.
    pub fn locked_topics(&self) -> BTreeSet<RemoteId> {
        let me = self.fold(&self.me.nick);
        let may = |room: &Room| {
            room.people.get(&me).is_some_and(|p| self.isupport.role(&p.modes, false) >= Role::Helper)
        };
        self.rooms
            .values()
            .filter(|room| room.topic_locked && !may(room))
            .map(|room| room.id.clone())
            .collect()
    }

    /// A name for a message that has none: unique on this network, also after a restart.
    pub fn name_message(&mut self) -> RemoteId {
        self.names += 1;
        match self.persona.whose {
            None => format!("{:x}-{:x}", self.born, self.names).into(),
            Some(_) => format!("{:x}.{}-{:x}", self.born, self.place.number(), self.names).into(),
        }
    }

    /// Bytes of text in a PRIVMSG to this channel, as the server will show it to others (RFC 1459 §2.3):
    /// `:nick!user@host PRIVMSG #channel :text`.
    pub fn budget(&self, channel: &str) -> usize {
        LONGEST_OUT.saturating_sub(2 + self.shown_prefix() + " PRIVMSG  :".len() + channel.len())
    }

    /// Bytes of `:nick!user@host`; the most it can be where we do not know it.
    fn shown_prefix(&self) -> usize {
        let or = |known: &str, most: usize| if known.is_empty() { most } else { known.len() };
        let user = or(&self.me.user, self.isupport.userlen.max(10) + 1);
        ":!@".len() + or(&self.me.nick, self.isupport.nicklen) + user + or(&self.me.host, HOSTLEN)
    }

    /// Takes a line.
    pub fn hear(&mut self, line: &Line, now: Instant, out: &mut Out) {
        if self.shake.hear(line, &self.persona, out) {
            return;
        }
        self.names_messages |= line.msgid.is_some();
        match line.verb.as_str() {
            "BATCH" => self.batch(line, now, out),
            _ => self.heard(line, now, out),
        }
    }

    /// Takes a line with all that its batches say of it.
    fn heard(&mut self, line: &Line, now: Instant, out: &mut Out) {
        let Some(around) = self.around(line, now, out) else { return };
        let label = line.label.as_deref().or(around.label.as_deref());
        let part_of_answer = self.answers(line, label, &around);
        if around.history.is_some() {
            if !part_of_answer {
                self.replayed(line, now, out);
            }
            return;
        }
        if label.is_some_and(|label| self.settles(line, label)) || !self.concerns_us(line) {
            return;
        }
        match &around.split {
            Some(servers) if line.verb == "QUIT" => {
                let servers = if servers.is_empty() { "*.net *.split".into() } else { servers.clone() };
                self.act_on(&Line { args: vec![servers], ..line.clone() }, now, out);
            }
            _ if line.label.is_none() && around.label.is_some() => {
                self.act_on(&Line { label: around.label, ..line.clone() }, now, out);
            }
            _ => self.act_on(line, now, out),
        }
    }

    /// Is this the whole answer to something of ours that is on its way?
    fn settles(&mut self, line: &Line, label: &str) -> bool {
        if !self.sending.knows(label) || matches!(line.verb.as_str(), "PRIVMSG" | "NOTICE") {
            return false;
        }
        let numeric = line.verb.len() == 3 && line.verb.starts_with(['4', '5']);
        if numeric || line.verb == "FAIL" {
            return self.sending.refused(Some(label), "", asks::as_error(line));
        }
        self.sending.done(label);
        line.verb == "ACK"
    }

    fn act_on(&mut self, line: &Line, now: Instant, out: &mut Out) {
        match line.verb.as_str() {
            "PING" => out.urgent.push(write(&["PONG"], Some(line.last()))),
            "001" => self.welcomed(line, now),
            "005" => self.learn(line.args.get(1..line.args.len().max(2) - 1).unwrap_or_default()),
            "376" | "422" => self.settle(now, out),
            "900" => self.proven(now, out),
            "302" => self.learn_own_host(line),
            "396" => self.me.host = line.arg(1).rsplit('@').next().unwrap_or_default().into(),
            "PONG" => self.answered(line.last()),
            "PRIVMSG" | "NOTICE" => self.said(line, false, now, out),
            "TAGMSG" | "REDACT" => self.tagged(line, false, now, out),
            "FAIL" if line.arg(0) == "CHATHISTORY" => self.no_history(now, out),
            "TOPIC" | "331" | "332" | "333" => self.topic(line, out),
            "JOIN" | "PART" | "KICK" | "QUIT" | "NICK" | "353" | "366" => self.moved(line, now, out),
            "254" => self.channels = line.arg(1).parse().ok(),
            "731" => self.nick_is_free(line.last(), out),
            "INVITE" => self.invited(line, now, out),
            "AWAY" | "ACCOUNT" | "CHGHOST" | "352" | "354" => self.changed(line, out),
            "MODE" | "324" => self.mode(line, now, out),
            "FAIL" | "WARN" => out.tell(
                None,
                Incoming::Notice(harmless_line(&format!("{}: {}", line.verb, line.args.join(" ")))),
            ),
            numeric => self.refused(numeric, line, now, out),
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant, out: &mut Out) {
        if matches!(self.phase, Phase::Settling(until) if until <= now) {
            self.ready(now, out);
        }
        if self.phase != Phase::Ready {
            return;
        }
        self.give_up_joins(now, out);
        self.join_due(now, out, false);
        self.forget_the_split(now, out);
        self.close_forgotten(now, out);
        self.give_up_asking(now);
        self.give_up_history(now, out);
        self.stop_writing(now, out);
        if let Some(word) = self.sending.overdue(now) {
            out.urgent.push(write(&["PING"], Some(&word)));
        }
        self.try_nick(now, out);
    }

    fn learn(&mut self, tokens: &[String]) {
        let before = self.isupport.casemapping;
        self.isupport.learn(tokens);
        let mapping = self.isupport.casemapping;
        if mapping != before {
            let rooms = std::mem::take(&mut self.rooms);
            self.rooms = rooms.into_values().map(|room| (mapping.fold(room.id.as_str()), room)).collect();
        }
    }

    fn welcomed(&mut self, line: &Line, now: Instant) {
        self.me.nick = line.arg(0).into();
        self.place.called(Some(line.arg(0)));
        self.phase = Phase::Settling(now + SETTLING);
    }

    /// The server has said all it has to say; NickServ comes next.
    fn settle(&mut self, now: Instant, out: &mut Out) {
        if !matches!(self.phase, Phase::Settling(_)) {
            return;
        }
        out.idle.push(write(&["USERHOST", &self.me.nick], None));
        match &self.persona.nickserv {
            Some((account, password)) if !self.shake.proven => {
                // Under another nick than ours, or for another account, services must be told which.
                let other = account.as_ref().or(Some(&self.persona.nick).filter(|nick| !self.is_me(nick)));
                let who = other.map(|account| format!("{account} ")).unwrap_or_default();
                out.urgent.push(write(&["PRIVMSG", "NickServ"], Some(&format!("IDENTIFY {who}{password}"))));
                self.phase = Phase::Settling(now + SETTLING);
            }
            _ => self.ready(now, out),
        }
    }

    /// Services know us.
    fn proven(&mut self, now: Instant, out: &mut Out) {
        if matches!(self.phase, Phase::Settling(_)) && self.persona.nickserv.is_some() {
            self.ready(now, out);
        }
    }

    fn ready(&mut self, now: Instant, out: &mut Out) {
        self.phase = Phase::Ready;
        self.want_nick_back(now, out);
        self.join_due(now, out, true);
    }

    /// A numeric that says no: to a JOIN, or to something that we did in a room.
    fn refused(&mut self, numeric: &str, line: &Line, now: Instant, out: &mut Out) {
        let folded = self.fold(line.arg(1));
        let Some(room) = self.rooms.get(&folded) else { return };
        match refusals::of_join(numeric, room.id.as_str(), &line.words()) {
            Some(error) if matches!(room.stage, Stage::Joining(_)) => self.put_out(&folded, error, now, out),
            _ if refusals::is_of_act(numeric)
                && self.sending.refused(None, &folded, asks::as_error(line)) => {}
            _ if refusals::is_of_act(numeric) => {
                let text = format!("{}: {}", room.id, line.words());
                out.tell(Some(&room.id), Incoming::Notice(text));
            }
            _ => {}
        }
    }

    /// RPL_USERHOST: `nick=+user@host`.
    fn learn_own_host(&mut self, line: &Line) {
        for reply in line.last().split_whitespace() {
            let Some((nick, address)) = reply.split_once('=') else { continue };
            let address = address.trim_start_matches(['+', '-']);
            if let Some((user, host)) =
                address.split_once('@').filter(|_| self.is_me(nick.trim_end_matches('*')))
            {
                (self.me.user, self.me.host) = (user.into(), host.into());
            }
        }
    }

    /// A room's name, as all spellings have it in common.
    pub fn folded(&self, room: &RemoteId) -> String {
        self.fold(room.as_str())
    }

    fn fold(&self, name: &str) -> String {
        self.isupport.casemapping.fold(name)
    }

    fn is_me(&self, nick: &str) -> bool {
        self.isupport.casemapping.same(nick, &self.me.nick)
    }
}

#[cfg(test)]
mod odd;
#[cfg(test)]
pub(crate) mod tests;
