//! One line of IRC: bytes in bounds, bytes to characters, characters to words, and the one way back out.
//!
//! Parsing is that of the `irc` package, taken without its default features: its own client has no SASL, no line limit and
//! no reconnect, while its protocol types bring only a handful of small packages that a server with tokio has anyway.

use super::when;
use crate::model::harmless_line;
use irc::proto::{self, Command, Prefix};
use std::time::SystemTime;

/// The longest line taken in, in bytes: message tags may have 8191 of them (IRCv3 message-tags).
pub const LONGEST_IN: usize = 8191 + 512;

/// The longest line that goes out, in bytes, with its end (RFC 1459 §2.3). Some servers close the link on more.
pub const LONGEST_OUT: usize = 512;

/// The longest name of a message, a batch or a label that is kept, in bytes.
const NAME: usize = 200;

/// One line from the server.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    /// The server's clock (IRCv3 server-time).
    pub at: Option<SystemTime>,
    /// The message's name (IRCv3 message-ids).
    pub msgid: Option<String>,
    /// The account of who sent it (IRCv3 account-tag).
    pub account: Option<String>,
    /// What we called the line that this answers (IRCv3 labeled-response).
    pub label: Option<String>,
    /// The batch that it belongs to (IRCv3 batch).
    pub batch: Option<String>,
    /// It goes on in the line before it (draft/multiline-concat).
    pub concat: bool,
    /// The message that it answers (client tag reply).
    pub reply: Option<String>,
    /// A reaction, and whether it is made or taken back (client tag react).
    pub react: Option<(bool, String)>,
    /// Its sender is writing, or no more (client tag typing).
    pub typing: Option<bool>,
    /// Who sent it.
    pub source: Source,
    /// The command or numeric, in capitals.
    pub verb: String,
    /// What follows.
    pub args: Vec<String>,
}

/// Who sent a line: a person, or a server under `nick` alone. Empty where the line does not say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Source {
    /// The nick, or the server's name.
    pub nick: String,
    /// The user name.
    pub user: String,
    /// The host.
    pub host: String,
}

impl Source {
    /// `user@host`, where both are known.
    pub fn address(&self) -> Option<String> {
        (!self.user.is_empty() && !self.host.is_empty()).then(|| format!("{}@{}", self.user, self.host))
    }
}

impl Line {
    /// Reads a line without its end. `None` for what is no line of IRC.
    pub fn read(text: &str) -> Option<Line> {
        let text = text.trim_start_matches(' ');
        let mut message: proto::Message = text.parse().ok()?;
        let mut line = Line::default();
        for proto::message::Tag(key, value) in message.tags.take().unwrap_or_default() {
            line.tag(&key, value.unwrap_or_default());
        }
        line.source = match message.prefix.take() {
            Some(Prefix::Nickname(nick, user, host)) => Source { nick, user, host },
            Some(Prefix::ServerName(nick)) => Source { nick, ..Source::default() },
            None => Source::default(),
        };
        (line.verb, line.args) = match message.command {
            Command::Response(response, args) => (format!("{:03}", response as u16), args),
            Command::Raw(verb, args) => (verb.to_ascii_uppercase(), args),
            Command::PRIVMSG(target, text) => ("PRIVMSG".into(), vec![target, text]),
            _ => words(text)?,
        };
        (!line.verb.is_empty()).then_some(line)
    }

    fn tag(&mut self, key: &str, value: String) {
        let named = |value: String| Some(value).filter(|name| !name.is_empty() && name.len() <= NAME);
        match key {
            "time" => self.at = when::read(&value),
            "msgid" | "draft/msgid" => self.msgid = named(value),
            "account" => self.account = Some(value).filter(|account| !account.is_empty()),
            "label" => self.label = named(value),
            "batch" => self.batch = named(value),
            "draft/multiline-concat" => self.concat = true,
            "+reply" | "+draft/reply" => self.reply = named(value).or(self.reply.take()),
            "+draft/react" => self.react = named(value).map(|emoji| (true, emoji)),
            "+draft/unreact" => self.react = named(value).map(|emoji| (false, emoji)),
            "+typing" | "+draft/typing" => self.typing = Some(value == "active"),
            _ => {}
        }
    }

    /// The argument at this place, or nothing.
    pub fn arg(&self, at: usize) -> &str {
        self.args.get(at).map_or("", String::as_str)
    }

    /// The last argument as words to show: no codes, nothing that harms.
    pub fn words(&self) -> String {
        harmless_line(&super::formatting::strip(self.last()))
    }

    /// The last argument, or nothing.
    pub fn last(&self) -> &str {
        self.args.last().map_or("", String::as_str)
    }
}

/// The words of a line whose typed form forgets some: which argument a mode had, for one.
fn words(text: &str) -> Option<(String, Vec<String>)> {
    let mut rest = text;
    for mark in ['@', ':'] {
        if rest.starts_with(mark) {
            rest = rest.split_once(' ')?.1.trim_start_matches(' ');
        }
    }
    let (middle, last) = match rest.split_once(" :") {
        Some((middle, last)) => (middle, Some(last)),
        None => (rest, None),
    };
    let mut words = middle.split(' ').filter(|word| !word.is_empty());
    let verb = words.next()?.to_ascii_uppercase();
    Some((verb, words.chain(last).map(String::from).collect()))
}

/// Makes a line to send: words, and a last argument that may hold spaces. The only way a line is made: whatever comes in,
/// exactly one line goes out, of at most 512 bytes.
pub fn write(words: &[&str], last: Option<&str>) -> String {
    let mut line = String::new();
    for word in words {
        let mut word: String = word.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
        if word.is_empty() || word.starts_with(':') {
            word.insert(0, '*');
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if let Some(last) = last {
        line.push_str(" :");
        line.extend(last.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')));
    }
    line.truncate(line.floor_char_boundary(LONGEST_OUT - 2));
    line.push_str("\r\n");
    line
}

/// The line with tags before it (IRCv3 message-tags). They do not count among its 512 bytes; ours are few and short.
pub fn tagged(tags: &[(&str, &str)], line: &str) -> String {
    let mut whole = String::new();
    for (key, value) in tags {
        whole.push(if whole.is_empty() { '@' } else { ';' });
        whole.push_str(key);
        if !value.is_empty() {
            whole.push('=');
        }
        for c in value.chars() {
            match c {
                ';' => whole.push_str("\\:"),
                ' ' => whole.push_str("\\s"),
                '\\' => whole.push_str("\\\\"),
                '\r' => whole.push_str("\\r"),
                '\n' => whole.push_str("\\n"),
                '\0' => {}
                c => whole.push(c),
            }
        }
    }
    if !whole.is_empty() {
        whole.push(' ');
    }
    whole + line
}

/// Bytes as text: UTF-8 where they are, else windows-1252, which holds all of Latin-1's letters and fits any bytes.
pub fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.replace('\0', ""),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.replace('\0', ""),
    }
}

/// Bytes from the socket, until they are lines. Lines that are too long are left out whole.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    looked: usize,
    skipping: bool,
}

impl Inbox {
    /// Where the socket's bytes go.
    pub fn space(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The next whole line, without its end. Empty lines are skipped.
    pub fn next_line(&mut self) -> Option<String> {
        loop {
            let fresh = self.bytes.get(self.looked..).unwrap_or_default();
            let Some(end) = fresh.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.looked = self.bytes.len();
                if self.bytes.len() > LONGEST_IN {
                    self.skipping = true;
                    self.bytes.clear();
                    self.looked = 0;
                }
                return None;
            };
            let end = self.looked + end;
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            self.looked = 0;
            let line = line.get(..end).unwrap_or_default();
            if !std::mem::take(&mut self.skipping) && !line.is_empty() && line.len() <= LONGEST_IN {
                return Some(decode(line));
            }
        }
    }
}

#[cfg(test)]
mod tests;
