//! One client of the tiny server: registration, and the commands that a bridge uses.

use super::Shared;
use super::people::{Person, State};
use crate::irc::line::{Inbox, LONGEST_OUT, Line};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// Lines that may wait for a client. One that reads too slowly misses some.
const WAITING: usize = 4096;

/// A client that is not a person yet.
struct Stranger {
    shared: Arc<Shared>,
    to: mpsc::Sender<String>,
    person: Person,
    nick: Option<String>,
    negotiating: bool,
    password: Option<String>,
    proof: String,
    registered: bool,
}

/// Serves one client until it goes.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    shared: Arc<Shared>,
) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (to, mut lines) = mpsc::channel::<String>(WAITING);
    let mut stranger = Stranger {
        shared,
        to,
        person: Person::default(),
        nick: None,
        negotiating: false,
        password: None,
        proof: String::new(),
        registered: false,
    };
    let mut inbox = Inbox::default();
    let mut alive = stranger.admit();
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => if writer.write_all(line.as_bytes()).await.is_err() { break },
                None => break,
            },
            read = reader.read_buf(inbox.space()), if alive => {
                if !matches!(read, Ok(n) if n > 0) {
                    break;
                }
                while let Some(text) = inbox.next_line() {
                    alive = alive && stranger.takes(&text);
                }
            }
            _ = tokio::time::sleep(std::time::Duration::from_millis(50)), if !alive => break,
            _ = gone(&stranger) => break,
        }
    }
    // The other side may be gone already.
    let _ = writer.shutdown().await;
    if let (true, Some(nick)) = (stranger.registered, &stranger.nick) {
        stranger.shared.with(|state| {
            if state.is_client(nick, &stranger.to) {
                state.quit(nick, "Connection closed")
            }
        });
    }
}

/// Ends when the server has cut this client off.
async fn gone(stranger: &Stranger) {
    loop {
        let changed = stranger.shared.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if let (true, Some(nick)) = (stranger.registered, &stranger.nick)
            && !stranger.shared.state().is_client(nick, &stranger.to)
        {
            return;
        }
        changed.await;
    }
}

impl State {
    fn is_client(&mut self, nick: &str, to: &mpsc::Sender<String>) -> bool {
        self.exists(nick) && self.person(nick).client.as_ref().is_some_and(|client| client.same_channel(to))
    }
}

impl Stranger {
    fn admit(&mut self) -> bool {
        let refusal = self.shared.state().script.refusal.clone();
        if let Some(text) = &refusal {
            self.send(&format!("ERROR :{text}"));
        }
        refusal.is_none()
    }

    /// Takes a line; `false` ends the connection.
    fn takes(&mut self, text: &str) -> bool {
        if text.len() + 2 > LONGEST_OUT {
            self.send("ERROR :Request too long");
            return false;
        }
        self.shared.with(|state| state.received.push(text.to_owned()));
        let Some(line) = Line::read(text) else { return true };
        match line.verb.as_str() {
            "CAP" => self.cap(&line),
            "PASS" => self.password = Some(line.last().into()),
            "USER" => self.person.user = format!("~{}", line.arg(0)),
            "NICK" => self.nick(line.arg(0)),
            "AUTHENTICATE" => self.authenticate(line.arg(0)),
            "PING" => self.send(&format!(":fake PONG fake :{}", line.last())),
            "QUIT" => return false,
            verb if self.registered => self.does(verb, &line),
            _ => {}
        }
        self.welcome()
    }

    fn cap(&mut self, line: &Line) {
        match line.arg(0) {
            "LS" => {
                self.negotiating = true;
                let caps = self.shared.state().script.caps.clone();
                let (first, rest) = caps.split_at(caps.len() / 2); // holds: half of a length is within it
                self.send(&format!(":fake CAP * LS * :{}", first.join(" ")));
                self.send(&format!(":fake CAP * LS :{}", rest.join(" ")));
            }
            "REQ" => {
                let caps = self.shared.state().script.caps.clone();
                let offered = |cap: &str| caps.iter().any(|offer| offer.split('=').next() == Some(cap));
                let fits = line.last().split(' ').all(offered);
                if fits {
                    self.person.caps.extend(line.last().split(' ').map(String::from));
                }
                self.send(&format!(":fake CAP * {} :{}", if fits { "ACK" } else { "NAK" }, line.last()));
            }
            _ => self.negotiating = false,
        }
    }

    fn nick(&mut self, nick: &str) {
        let longest = self.shared.state().isupport().nicklen;
        if !crate::irc::names::is_nick(nick) || nick.len() > longest {
            return self.numeric("432", &format!("{nick} :Erroneous nickname"));
        }
        if self.shared.state().exists(nick) {
            return self.numeric("433", &format!("{nick} :Nickname is already in use"));
        }
        match self.nick.replace(nick.into()) {
            Some(old) if self.registered => self.shared.with(|state| state.rename(&old, nick)),
            _ => {}
        }
    }

    fn authenticate(&mut self, piece: &str) {
        if piece == "PLAIN" {
            return self.send("AUTHENTICATE +");
        }
        self.proof.push_str(piece.trim_matches('+'));
        if piece.len() == 400 {
            return;
        }
        let proof = STANDARD.decode(std::mem::take(&mut self.proof)).unwrap_or_default();
        let account = self.shared.state().script.account.clone();
        match account.filter(|(user, password)| proof == format!("{user}\0{user}\0{password}").as_bytes()) {
            Some((user, _)) => {
                self.numeric("900", &format!("x!x@x {user} :You are now logged in"));
                self.person.account = Some(user);
                self.numeric("903", ":SASL authentication successful");
            }
            None => self.numeric("904", ":SASL authentication failed"),
        }
    }

    /// When all is said, the client becomes a person. `false` where it may not.
    fn welcome(&mut self) -> bool {
        let Some(nick) = self.nick.clone() else { return true };
        if self.registered || self.negotiating || self.person.user.is_empty() {
            return true;
        }
        let script = self.shared.state().script.clone();
        if script.password != self.password && script.password.is_some() {
            self.numeric("464", ":Password incorrect");
            self.send("ERROR :Bad password");
            return false;
        }
        self.registered = true;
        let mut person = std::mem::take(&mut self.person);
        (person.nick, person.host, person.client) = (nick.clone(), script.host, Some(self.to.clone()));
        self.shared.with(|state| state.welcome(person));
        self.numeric("001", &format!(":Welcome {nick}"));
        self.numeric("005", &format!("{} :are supported by this server", script.isupport));
        if script.motd {
            self.numeric("375", ":- Message of the day -");
            self.numeric("372", ":- good night");
            self.numeric("376", ":End of MOTD");
        } else {
            self.numeric("422", ":MOTD is missing");
        }
        true
    }

    fn does(&mut self, verb: &str, line: &Line) {
        let nick = self.nick.clone().unwrap_or_default();
        let shared = self.shared.clone();
        let to = line.arg(0);
        match verb {
            "JOIN" => {
                let mut keys = line.arg(1).split(',');
                to.split(',').for_each(|channel| self.join(&nick, channel, keys.next().unwrap_or_default()));
            }
            "PART" => shared.with(|state| state.part(&nick, to, line.arg(1))),
            "PRIVMSG" | "NOTICE" if !shared.state().may_speak(&nick, to) => {
                self.numeric("404", &format!("{to} :Cannot send to channel"));
            }
            "PRIVMSG" if !to.starts_with(['#', '&']) && !shared.state().exists(to) => {
                self.numeric("401", &format!("{to} :No such nick/channel"));
            }
            "PRIVMSG" | "NOTICE" => shared.with(|state| state.say(verb, &nick, to, line.last())),
            "TOPIC" if !shared.state().may_set_topic(&nick, to) => {
                self.numeric("482", &format!("{to} :You're not channel operator"));
            }
            "TOPIC" => shared.with(|state| state.topic(&nick, to, line.last())),
            "KICK" => shared.with(|state| state.kick(&nick, to, line.arg(1), line.arg(2))),
            "MODE" if line.args.len() == 1 => {
                let flags = shared.state().flags_of(to);
                self.numeric("324", &format!("{to} +{flags}"));
            }
            "USERHOST" => {
                let (user, host) =
                    shared.with(|state| (state.person(&nick).user.clone(), state.person(&nick).host.clone()));
                self.numeric("302", &format!(":{nick}=+{user}@{host}"));
            }
            "NAMES" => self.names(to),
            "WHO" => self.who(to),
            "PONG" => {}
            _ => self.numeric("421", &format!("{verb} :Unknown command")),
        }
    }

    fn join(&mut self, nick: &str, channel: &str, key: &str) {
        if let Some((numeric, words)) = self.shared.state().bars(nick, channel, key) {
            return self.numeric(numeric, &format!("{channel} :{words}"));
        }
        self.shared.with(|state| state.join(nick, channel));
        let topic = self.shared.state().topic_of(channel);
        if let Some((topic, setter)) = topic {
            self.numeric("332", &format!("{channel} :{topic}"));
            self.numeric("333", &format!("{channel} {setter} 1700000000"));
        }
        self.names(channel);
    }

    fn names(&mut self, channel: &str) {
        let names = self.shared.state().names(channel);
        for names in names.chunks(20) {
            self.numeric("353", &format!("= {channel} :{}", names.join(" ")));
        }
        self.numeric("366", &format!("{channel} :End of NAMES"));
    }

    fn who(&mut self, channel: &str) {
        let rows: Vec<String> = self.shared.with(|state| {
            let keys = state.members(channel);
            let row = |p: &Person| {
                let here = if p.away.is_some() { "G" } else { "H" };
                format!("{channel} {} {} fake {} {here} :0 Real Name", p.user, p.host, p.nick)
            };
            keys.iter().map(|key| row(state.person(key))).collect()
        });
        rows.iter().for_each(|row| self.numeric("352", row));
        self.numeric("315", &format!("{channel} :End of WHO"));
    }

    fn numeric(&self, numeric: &str, rest: &str) {
        self.send(&format!(":fake {numeric} {} {rest}", self.nick.as_deref().unwrap_or("*")));
    }

    fn send(&self, line: &str) {
        // A client that does not read any more has gone.
        let _ = self.to.try_send(format!("{line}\r\n"));
    }
}
