//! What is said: PRIVMSG, NOTICE, CTCP (Modern IRC, "CTCP") and TOPIC.

use super::room::Room;
use super::{Out, Phase, Session};
use crate::irc::formatting;
use crate::irc::line::{Line, write};
use crate::model::{Act, Author, Event, Message, Reply, Text, harmless_line};
use crate::network::{Incoming, RemoteId};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

impl Session {
    /// Somebody says something, to a channel or to us.
    /// `replay`: it may have been told before.
    pub(super) fn said(&mut self, line: &Line, replay: bool, now: Instant, out: &mut Out) {
        let folded = self.fold(line.arg(0));
        if self.is_ours(&line.source.nick) && self.phase != Phase::Registering {
            return self.said_ourselves(&folded, line); // our own words are never fed back
        }
        if !self.rooms.contains_key(&folded) {
            // Words to a part of a channel (STATUSMSG, `@#channel`) are not for all in the room.
            if self.is_me(line.arg(0)) {
                self.said_to_us(line, now, out);
            }
            return;
        }
        if !replay && self.waits(&folded, line) {
            return;
        }
        let text = line.last();
        let (action, words) = match text.strip_prefix('\u{1}') {
            None => (false, text),
            Some(ctcp) => match ctcp.trim_end_matches('\u{1}').split_once(' ') {
                Some((verb, words)) if verb.eq_ignore_ascii_case("ACTION") => (true, words),
                _ => return self.asked(line, now, out),
            },
        };
        let text = read(words);
        if text.plain().trim().is_empty() || (replay && self.was_said(&folded, line)) {
            return;
        }
        let id = match &line.msgid {
            Some(id) => RemoteId::from(id.as_str()),
            None => self.name_message(),
        };
        let Some(author) = self.rooms.get(&folded).map(|room| self.author(Some(room), line)) else { return };
        let Some(room) = self.rooms.get_mut(&folded) else { return };
        room.writers.remove(&*author.id);
        let reply = line.reply.as_deref().map(|to| answered(room, to));
        room.memory.remember(line.msgid.as_deref(), (&author.id, &author.nick), line.last(), when(line));
        let message = Message { action, reply, ..Message::text(text) };
        let event = Event { author, at: when(line), act: Act::Say(message) };
        out.tell(Some(&room.id), Incoming::Did { id: Some(id), event });
    }

    /// Our own words come back: now we know what they are called.
    fn said_ourselves(&mut self, folded: &str, line: &Line) {
        if self.is_me(&line.source.nick) {
            self.sending.shown(line.label.as_deref(), folded, line.last(), line.msgid.as_deref());
        }
        let known = self.was_said(folded, line);
        if let Some(room) = self.rooms.get_mut(folded).filter(|_| !known) {
            let who = self.isupport.casemapping.fold(&line.source.nick);
            room.memory.remember(line.msgid.as_deref(), (&who, &line.source.nick), line.last(), when(line));
        }
    }

    fn was_said(&self, folded: &str, line: &Line) -> bool {
        let who = self.fold(&line.source.nick);
        let known = |room: &Room| room.memory.knows(line.msgid.as_deref(), &who, line.last(), when(line));
        self.rooms.get(folded).is_some_and(known)
    }

    /// Words to the bridge itself: services are heard, people are told that nobody is here.
    fn said_to_us(&mut self, line: &Line, now: Instant, out: &mut Out) {
        let text = line.last();
        let acted = text.strip_prefix("\u{1}ACTION ").map(|words| words.trim_end_matches('\u{1}'));
        if text.starts_with('\u{1}') && (acted.is_none() || self.persona.whose.is_none()) {
            return self.asked(line, now, out);
        }
        if line.verb == "NOTICE" {
            let service = line.source.nick.to_ascii_lowercase().ends_with("serv");
            if service {
                let said = harmless_line(&plain(text));
                let lower = said.to_ascii_lowercase();
                if ["identified", "logged in", "accepted", "recognized"]
                    .iter()
                    .any(|word| lower.contains(word))
                {
                    self.proven(now, out);
                }
                self.no_regain(&said, now, out);
                if self.persona.whose.is_none() {
                    return out.tell(None, Incoming::Notice(format!("{} says: {said}", line.source.nick)));
                }
            } else if self.persona.whose.is_none() {
                return;
            }
        }
        if let Some(to) = self.persona.whose.clone() {
            let text = formatting::read(acted.unwrap_or(text));
            if text.plain().trim().is_empty() || line.source.user.is_empty() {
                return;
            }
            let message = Message { action: acted.is_some(), ..Message::text(text) };
            let from = self.author(None, line);
            return out.tell(None, Incoming::Whispered { from, to, at: when(line), message });
        }
        if !line.source.user.is_empty() && self.polite.take(now).is_ok() {
            let words = "This is a bridge between rooms: nobody reads private messages here.";
            out.paced.push(write(&["NOTICE", &line.source.nick], Some(words)));
        }
    }

    /// CTCP VERSION and PING are answered, seldom; all else is not.
    fn asked(&mut self, line: &Line, now: Instant, out: &mut Out) {
        if line.verb != "PRIVMSG" || line.source.user.is_empty() {
            return;
        }
        let query = line.last().trim_matches('\u{1}');
        let (verb, rest) = query.split_once(' ').unwrap_or((query, ""));
        let answer = match verb.to_ascii_uppercase().as_str() {
            "VERSION" => format!("VERSION Rialto {}", env!("CARGO_PKG_VERSION")),
            "PING" => {
                format!("PING {}", rest.chars().filter(|c| !c.is_control()).take(32).collect::<String>())
            }
            _ => return,
        };
        if self.polite.take(now).is_ok() {
            out.paced.push(write(&["NOTICE", &line.source.nick], Some(&format!("\u{1}{answer}\u{1}"))));
        }
    }

    /// TOPIC, and 331, 332, 333 while joining.
    pub(super) fn topic(&mut self, line: &Line, out: &mut Out) {
        let channel = line.arg(if line.verb == "TOPIC" { 0 } else { 1 });
        let folded = self.fold(channel);
        let topic = harmless_line(&plain(line.last()));
        let mine = self.is_ours(&line.source.nick);
        let author = self.author(self.rooms.get(&folded), line);
        let server = line.source.nick.as_str();
        let Some(room) = self.rooms.get_mut(&folded) else { return };
        match line.verb.as_str() {
            "TOPIC" if mine => room.topic = Some(topic),
            "TOPIC" => told_topic(room, Some((topic, Some(author), when(line))), out),
            "332" => {
                room.new_topic =
                    Some((topic, Some(Author::new(server, server, super::NETWORK)), SystemTime::now()))
            }
            "333" => {
                let nick = line.arg(2).split('!').next().unwrap_or_default();
                let id = self.isupport.casemapping.fold(nick);
                let at =
                    line.arg(3).parse().ok().and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
                if let Some((_, author, when)) = &mut room.new_topic {
                    *author =
                        Some(Author::new(id.as_str(), nick, super::NETWORK)).filter(|_| !nick.is_empty());
                    *when = at.unwrap_or(*when);
                }
            }
            _ => room.new_topic = None,
        }
    }
}

/// Tells the topic, if the house does not know it. None at all is told only where there was one.
pub(super) fn told_topic(
    room: &mut Room,
    topic: Option<(String, Option<Author>, SystemTime)>,
    out: &mut Out,
) {
    let (topic, author, at) = topic.unwrap_or_else(|| (String::new(), None, SystemTime::now()));
    let known = room.topic.replace(topic.clone());
    if known.unwrap_or_default() == topic {
        return;
    }
    let author = author.unwrap_or_else(|| Author::new(room.name.as_str(), &room.name, super::NETWORK));
    let event = Event { author, at: at.min(SystemTime::now()), act: Act::Subject(topic) };
    out.tell(Some(&room.id), Incoming::Did { id: None, event });
}

/// What a message answers, as far as we know it.
fn answered(room: &Room, to: &str) -> Reply<RemoteId> {
    let said = room.memory.of(to);
    let nick = said.map_or("someone", |said| said.nick.as_str());
    let nick = Author::new("", nick, super::NETWORK).nick;
    let excerpt = said.map(|said| read(&said.excerpt).into_plain()).unwrap_or_default();
    Reply { to: to.into(), nick, excerpt }
}

/// Words with their codes; these end with their line.
fn read(words: &str) -> Text {
    let mut text = Text::default();
    for (number, line) in words.split('\n').enumerate() {
        if number > 0 {
            text.push(&"\n".into());
        }
        text.push(&formatting::read(line));
    }
    text
}

/// Words without formatting codes.
pub(super) fn plain(text: &str) -> String {
    formatting::strip(text)
}

/// The server's time, but never the future: a clock may be wrong.
fn when(line: &Line) -> SystemTime {
    let now = SystemTime::now();
    line.at.map_or(now, |at| at.min(now))
}
