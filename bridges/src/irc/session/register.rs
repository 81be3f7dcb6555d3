//! Registration: capabilities (IRCv3 capability-negotiation 302), SASL PLAIN (IRCv3 sasl-3.2, RFC 4616), nick and user.

use super::refusals::End;
use super::{Out, refusals};
use crate::irc::line::{Line, write};
use crate::irc::names::alternative;
use crate::irc::persona::{Persona, Proof};
use crate::irc::settings::Settings;
use crate::network::{Incoming, NetworkError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeSet;

/// What we ask for where it is offered.
const WANTED: &[&str] = &[
    "batch",
    "draft/chathistory",
    "draft/event-playback",
    "draft/message-redaction",
    "draft/multiline",
    "draft/no-implicit-names",
    "echo-message",
    "invite-notify",
    "labeled-response",
    "no-implicit-names",
    "standard-replies",
    "account-notify",
    "account-tag",
    "away-notify",
    "cap-notify",
    "chghost",
    "extended-join",
    "message-tags",
    "multi-prefix",
    "server-time",
    "setname",
    "userhost-in-names",
];

/// Capabilities that are read: a server that offers more is not to be believed.
const OFFERED: usize = 500;

/// Bytes of one piece of an AUTHENTICATE answer (sasl-3.1).
const PIECE: usize = 400;

/// The most bytes and lines of one message, whatever the server says.
const BYTES: usize = 32 * 1024;
const LINES: usize = 100;

/// How many nicks are tried before we wait and begin again.
const NICKS: usize = 20;

/// The talk from the first line until the server knows us, and about capabilities ever after.
#[derive(Debug, Default)]
pub struct Handshake {
    /// What we have been given.
    pub have: BTreeSet<String>,
    /// The account is proven.
    pub proven: bool,
    /// 001 has come.
    pub registered: bool,
    /// The server has said that it will not have us; ERROR says more, or it just hangs up.
    refusal: Option<String>,
    offered: Vec<String>,
    unanswered: usize,
    proving: bool,
    ended: bool,
    multiline: Option<(usize, usize)>,
    nicks: usize,
    longest: Option<usize>,
}

impl Handshake {
    /// The first lines of a connection.
    pub fn begin(settings: &Settings, persona: &Persona, out: &mut Out) {
        out.urgent.push(write(&["CAP", "LS", "302"], None));
        if let Some(password) = &settings.secrets.server {
            out.urgent.push(write(&["PASS"], Some(password)));
        }
        out.urgent.push(write(&["NICK", &persona.nick], None));
        out.urgent.push(write(&["USER", &persona.username, "0", "*"], Some(&persona.realname)));
    }

    /// Takes a line that is about registration; `false` for all others.
    pub fn hear(&mut self, line: &Line, persona: &Persona, out: &mut Out) -> bool {
        match line.verb.as_str() {
            "CAP" => self.cap(line, persona, out),
            "AUTHENTICATE" => self.authenticate(line, persona, out),
            "903" | "907" => {
                self.proven = true;
                self.proving = false;
                self.finish(persona, out);
            }
            "902" | "904" | "905" | "906" | "908" if self.proving => self.failed(line, out),
            "432" | "433" | "436" | "437" if !self.registered => self.next_nick(line, persona, out),
            "463" | "464" | "465" | "466" if !self.registered => self.refusal = Some(line.words()),
            "ERROR" => {
                out.end.get_or_insert_with(|| self.ending(refusals::of_error(&line.words())));
            }
            "001" => {
                self.registered = true;
                self.needs_proof(persona, out);
                return false;
            }
            _ => return false,
        }
        true
    }

    /// Bytes and lines of one message of several lines (draft/multiline).
    pub fn multiline(&self) -> Option<(usize, usize)> {
        self.multiline
    }

    /// What the end of the connection means, by all that was said before.
    pub fn ending(&self, end: End) -> End {
        match (&self.refusal, end) {
            (None, end) => end,
            (Some(first), End::Refused(text)) if !text.contains(first) => {
                End::Refused(format!("{first} {text}"))
            }
            (Some(_), End::Refused(text)) => End::Refused(text),
            (Some(first), End::Lost { error: NetworkError::Down(text), .. }) => {
                End::Refused(format!("{first} ({text})"))
            }
            (Some(first), End::Lost { .. }) => End::Refused(first.clone()),
        }
    }

    fn cap(&mut self, line: &Line, persona: &Persona, out: &mut Out) {
        let named = || line.last().split(' ').filter(|cap| !cap.is_empty());
        match line.arg(1).to_ascii_uppercase().as_str() {
            "LS" => {
                let room = OFFERED.saturating_sub(self.offered.len());
                self.offered.extend(named().take(room).map(String::from));
                if !(line.args.len() > 3 && line.arg(2) == "*") {
                    let offered = std::mem::take(&mut self.offered);
                    self.request(offered.iter().map(String::as_str), persona, out);
                }
            }
            "NEW" => self.request(named(), persona, out),
            "DEL" => self.have.retain(|cap| !named().any(|gone| gone == cap)),
            "ACK" => {
                self.unanswered = self.unanswered.saturating_sub(1);
                for cap in named() {
                    match cap.strip_prefix('-') {
                        Some(gone) => drop(self.have.remove(gone)),
                        None if WANTED.contains(&cap) => drop(self.have.insert(cap.to_owned())),
                        None => {}
                    }
                }
                if named().any(|cap| cap == "sasl") && !self.proven {
                    self.proving = true;
                    out.urgent.push(write(&["AUTHENTICATE", "PLAIN"], None));
                }
                self.finish(persona, out);
            }
            "NAK" => {
                self.unanswered = self.unanswered.saturating_sub(1);
                self.finish(persona, out);
            }
            _ => {}
        }
    }

    /// Asks for what we want of what is offered; SASL by itself, so that its refusal costs nothing else.
    fn request<'a>(&mut self, offered: impl Iterator<Item = &'a str>, persona: &Persona, out: &mut Out) {
        let mut wanted = Vec::new();
        let mut sasl = false;
        for cap in offered {
            let (name, value) = cap.split_once('=').unwrap_or((cap, ""));
            if name == "draft/multiline" {
                self.multiline = several_lines(value);
            }
            if WANTED.contains(&name) && !self.have.contains(name) {
                wanted.push(name);
            }
            let plain = value.is_empty() || value.split(',').any(|way| way.eq_ignore_ascii_case("PLAIN"));
            sasl |= name == "sasl" && plain && persona.proof.is_some() && !self.proven;
        }
        if !wanted.is_empty() {
            self.unanswered += 1;
            out.urgent.push(write(&["CAP", "REQ"], Some(&wanted.join(" "))));
        }
        if sasl {
            self.unanswered += 1;
            out.urgent.push(write(&["CAP", "REQ"], Some("sasl")));
        }
        self.finish(persona, out);
    }

    fn authenticate(&mut self, line: &Line, persona: &Persona, out: &mut Out) {
        let Some(Proof { account, password: Some(password), .. }) = &persona.proof else { return };
        if !self.proving || line.arg(0) != "+" {
            return;
        }
        let answer = STANDARD.encode(format!("{account}\0{account}\0{password}"));
        let mut rest = answer.as_str();
        loop {
            let (piece, more) = rest.split_at(rest.len().min(PIECE)); // holds: base64 is ASCII
            out.urgent.push(write(&["AUTHENTICATE", if piece.is_empty() { "+" } else { piece }], None));
            if piece.len() < PIECE {
                return;
            }
            rest = more;
        }
    }

    /// Speaking under a name that is not proven would be worse than silence.
    fn failed(&mut self, line: &Line, out: &mut Out) {
        self.proving = false;
        let text = format!("the account was refused: {}; look at `sasl` in the configuration", line.words());
        if self.registered {
            out.tell(None, Incoming::Notice(text));
        } else {
            out.end = Some(End::Refused(text));
        }
    }

    /// When nothing is open any more, registration may go on.
    fn finish(&mut self, persona: &Persona, out: &mut Out) {
        if self.unanswered > 0 || self.proving || self.ended || self.registered {
            return;
        }
        if self.needs_proof(persona, out) {
            return;
        }
        self.ended = true;
        out.urgent.push(write(&["CAP", "END"], None));
    }

    /// Ends the connection where the account should be proven but cannot, unless NickServ can be asked.
    fn needs_proof(&self, persona: &Persona, out: &mut Out) -> bool {
        let missing = persona.proof.is_some() && !self.proven && persona.nickserv.is_none();
        if missing && out.end.is_none() {
            let text = "the server does not offer SASL PLAIN at the moment: its services may be away";
            let wait = std::time::Duration::from_secs(30);
            out.end = Some(End::Lost { error: NetworkError::Unauthorized(text.into()), wait });
        }
        missing
    }

    fn next_nick(&mut self, line: &Line, persona: &Persona, out: &mut Out) {
        self.nicks += 1;
        if line.verb == "432" {
            // The server does not say why; the usual reason is the length, and 9 is what every server allows.
            self.longest = Some(9);
        }
        if self.nicks > NICKS {
            out.end = Some(End::down(format!("the server gives us no nick: {}", line.words())));
            return;
        }
        let attempt = if line.verb == "432" && self.nicks == 1 { 0 } else { self.nicks };
        let nick = alternative(&persona.nick, attempt, self.longest.unwrap_or(usize::MAX));
        out.urgent.push(write(&["NICK", &nick], None));
    }
}

/// `max-bytes=4096,max-lines=24`
fn several_lines(value: &str) -> Option<(usize, usize)> {
    let number = |key: &str| {
        let pair = value.split(',').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key));
        pair.and_then(|(_, number)| number.parse::<usize>().ok())
    };
    let lines = number("max-lines").unwrap_or(LINES).min(LINES);
    number("max-bytes").filter(|bytes| *bytes >= 512 && lines > 1).map(|bytes| (bytes.min(BYTES), lines))
}

#[cfg(test)]
mod tests;
