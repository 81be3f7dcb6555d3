//! Registration: capabilities (IRCv3 capability-negotiation 302, sts), the account (IRCv3 sasl-3.2), nick and user.

use super::proof::{self, Proving};
use super::refusals::End;
use super::{Out, refusals};
use crate::irc::line::{Line, write};
use crate::irc::names::alternative;
use crate::irc::persona::Persona;
use crate::irc::settings::Settings;
use crate::model::harmless_line;
use crate::network::{Incoming, NetworkError};
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
    /// How the server lets an account be proven; `None` where it does not say.
    ways: Option<Vec<String>>,
    tried: Vec<&'static str>,
    proving: Option<Proving>,
    secure: bool,
    ended: bool,
    multiline: Option<(usize, usize)>,
    nicks: usize,
    longest: Option<usize>,
}

impl Handshake {
    /// For a connection with TLS, or without.
    pub fn new(secure: bool) -> Self {
        Handshake { secure, ..Handshake::default() }
    }

    /// The first lines of a connection.
    pub fn begin(settings: &Settings, persona: &Persona, out: &mut Out) {
        let webirc =
            settings.puppets.as_ref().and_then(|rules| rules.webirc.as_ref()).zip(persona.webirc.as_ref());
        if let Some((password, [gateway, host, address])) = webirc {
            // Before all else: everything that follows comes from him.
            out.urgent.push(write(&["WEBIRC", password, gateway, host, address], None));
        }
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
            "AUTHENTICATE" => self.authenticate(line, out),
            "903" | "907" => self.accepted(persona, out),
            "908" if self.proving.is_some() => self.ways = Some(ways(line.arg(1))),
            "900" => return self.is_other(line, persona, out),
            "902" | "904" | "905" | "906" if self.proving.is_some() => self.failed(line, persona, out),
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
            (None, end) | (Some(_), end @ End::Secure(_)) => end,
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
                    self.prove(persona, out);
                }
                self.finish(persona, out);
            }
            "NAK" => {
                self.unanswered = self.unanswered.saturating_sub(1);
                if named().nth(1).is_some() {
                    // One of them spoils all: each by itself.
                    for cap in named() {
                        self.unanswered += 1;
                        out.urgent.push(write(&["CAP", "REQ"], Some(cap)));
                    }
                }
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
            match (name, &persona.proof) {
                ("sts", _) => self.policy(value, out),
                ("sasl", Some(proof)) if !self.proven => {
                    self.ways = Some(value).filter(|value| !value.is_empty()).map(ways);
                    sasl |= proof::choose(proof, self.ways.as_deref(), &[]).is_some();
                }
                _ => {}
            }
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

    /// IRCv3 sts: without TLS we come again with it; with TLS we remember that we must.
    fn policy(&mut self, value: &str, out: &mut Out) {
        let number = |key: &str| {
            let pair =
                value.split(',').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key));
            pair.and_then(|(_, number)| number.parse::<u64>().ok())
        };
        match number("port").and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0) {
            Some(port) if !self.secure => out.end = Some(End::Secure(port)),
            _ if self.secure => out.policy = number("duration"),
            _ => {}
        }
    }

    /// Begins to prove the account, with the strongest way that has not been tried.
    fn prove(&mut self, persona: &Persona, out: &mut Out) {
        let Some(proof) = &persona.proof else { return };
        let way = proof::choose(proof, self.ways.as_deref(), &self.tried);
        self.proving = way.and_then(|way| Proving::begin(proof, way));
        if let Some(proving) = &self.proving {
            self.tried.push(proving.mechanism);
            out.urgent.push(write(&["AUTHENTICATE", proving.mechanism], None));
        }
    }

    fn authenticate(&mut self, line: &Line, out: &mut Out) {
        let Some(proving) = &mut self.proving else { return };
        match proving.hear(line.arg(0)) {
            Ok(lines) => out.urgent.extend(lines),
            Err(text) => {
                out.urgent.push(write(&["AUTHENTICATE", "*"], None));
                self.not_proven(text, out);
            }
        }
    }

    fn accepted(&mut self, persona: &Persona, out: &mut Out) {
        match self.proving.take().map(|proving| proving.accepted()) {
            Some(Err(text)) => self.not_proven(text, out),
            _ => {
                self.proven = true;
                self.finish(persona, out);
            }
        }
    }

    /// RPL_LOGGEDIN: a certificate alone may belong to another account than ours. `true` where it does.
    fn is_other(&mut self, line: &Line, persona: &Persona, out: &mut Out) -> bool {
        let by_certificate = self.proving.as_ref().is_some_and(|proving| proving.mechanism == "EXTERNAL");
        let wanted =
            persona.proof.as_ref().map(|proof| proof.account.as_str()).filter(|name| !name.is_empty());
        let other = wanted.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(line.arg(2)));
        if by_certificate && other {
            let text = format!("the certificate belongs to the account {}, not to ours", line.arg(2));
            self.not_proven(&harmless_line(&text), out);
        }
        by_certificate && other
    }

    /// A way that the server does not know is no failure if it says which it knows. All else is: speaking under a name that
    /// is not proven would be worse than silence.
    fn failed(&mut self, line: &Line, persona: &Persona, out: &mut Out) {
        let used = self.proving.take().map(|proving| proving.mechanism).unwrap_or_default();
        let unknown = self.ways.as_ref().is_some_and(|ways| !ways.iter().any(|way| way == used));
        if unknown {
            self.prove(persona, out);
        }
        if self.proving.is_none() {
            self.not_proven(&line.words(), out);
        }
    }

    fn not_proven(&mut self, said: &str, out: &mut Out) {
        self.proving = None;
        let text = format!("the account was refused: {said}; look at `sasl` in the configuration");
        if self.registered {
            out.tell(None, Incoming::Notice(text));
        } else {
            out.end = Some(End::Refused(text));
        }
    }

    /// When nothing is open any more, registration may go on.
    fn finish(&mut self, persona: &Persona, out: &mut Out) {
        if self.unanswered > 0 || self.proving.is_some() || self.ended || self.registered {
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
            let text = "the server does not offer SASL as we need it at the moment: its services may be away";
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
        let longest = self.longest.unwrap_or(usize::MAX);
        let nick = match &persona.fallback {
            Some(known) if self.nicks == 1 && line.verb != "432" && known.len() <= longest => known.clone(),
            _ => alternative(&persona.nick, attempt, longest),
        };
        out.urgent.push(write(&["NICK", &nick], None));
    }
}

/// `PLAIN,EXTERNAL`
fn ways(list: &str) -> Vec<String> {
    list.split(',').filter(|way| !way.is_empty()).map(str::to_ascii_uppercase).take(50).collect()
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
