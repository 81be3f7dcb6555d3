//! One client of the tiny server: registration, and the commands that a bridge uses.

use super::Shared;
use super::account::Exchange;
use super::people::{Person, State};
use crate::irc::line::{Inbox, LONGEST_OUT, Line};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// Lines that may wait for a client. One that reads too slowly misses some.
const WAITING: usize = 4096;

/// The name, the opening line and the lines of a batch that is coming in; each line may go on in the one before it.
type Incoming = (String, Line, Vec<(bool, String)>);

/// A client that is not a person yet.
pub(super) struct Stranger {
    pub(super) shared: Arc<Shared>,
    to: mpsc::Sender<String>,
    pub(super) person: Person,
    nick: Option<String>,
    negotiating: bool,
    password: Option<String>,
    pub(super) exchange: Exchange,
    /// A message of several lines that is coming in: its batch, its target, its tags, its lines.
    batch: Option<Incoming>,
    label: Option<String>,
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
        exchange: Exchange::default(),
        batch: None,
        label: None,
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
        let bare =
            if text.starts_with('@') { text.split_once(' ').map_or("", |(_, bare)| bare) } else { text };
        if bare.len() + 2 > LONGEST_OUT {
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
            verb if self.registered => {
                let nick = self.nick.clone().unwrap_or_default();
                let shared = self.shared.clone();
                let capable = shared.with(|state| state.person(&nick).caps.contains("labeled-response"));
                let mut label = line.label.clone().filter(|_| capable);
                if verb == "BATCH" {
                    // The label of a batch is that of its end.
                    let opens = line.arg(0).starts_with('+');
                    let before = std::mem::replace(&mut self.label, label.take().filter(|_| opens));
                    label = before.filter(|_| !opens);
                }
                if label.is_some() {
                    shared.with(|state| state.hold(&nick));
                }
                self.does(verb, &line);
                if self.is_cut(&line) {
                    return false;
                }
                if let Some(label) = label {
                    shared.with(|state| state.release(&nick, &label));
                }
                return true;
            }
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
            "BATCH" => self.batch(&nick, line),
            "PRIVMSG" | "NOTICE" if line.batch.is_some() => {
                if let Some((_, _, lines)) = &mut self.batch {
                    lines.push((line.concat, line.last().into()));
                }
            }
            "TAGMSG" => self.says("TAGMSG", &nick, line, Vec::new()),
            "CHATHISTORY" | "REDACT" | "LIST" => self.looks_back(verb, &nick, line),
            "KICK" | "MODE" if line.args.len() > 1 && !shared.state().commands(&nick, to) => {
                self.numeric("482", &format!("{to} :You're not channel operator"));
            }
            "MODE" if line.args.len() > 1 => {
                let modes = line.args.get(1..).unwrap_or_default().join(" ");
                shared.with(|state| state.mode(&nick, to, &modes));
            }
            "NAMES" => self.names(to),
            "MONITOR" => {}
            "PART" => shared.with(|state| state.part(&nick, to, line.arg(1))),
            "PRIVMSG" | "NOTICE" if !shared.state().may_speak(&nick, to) => {
                self.numeric("404", &format!("{to} :Cannot send to channel"));
            }
            "PRIVMSG" if !to.starts_with(['#', '&']) && !shared.state().exists(to) => {
                self.numeric("401", &format!("{to} :No such nick/channel"));
            }
            "PRIVMSG" | "NOTICE" => self.says(verb, &nick, line, vec![(false, line.last().into())]),
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
            "WHO" => self.who(to),
            "PONG" => {}
            _ => self.numeric("421", &format!("{verb} :Unknown command")),
        }
    }

    /// What was said, and what there is.
    fn looks_back(&mut self, verb: &str, nick: &str, line: &Line) {
        let (shared, to) = (self.shared.clone(), line.arg(0));
        match verb {
            "CHATHISTORY" => {
                let lines = shared.with(|state| state.history(line));
                lines.iter().for_each(|line| self.send(line.trim_end()));
            }
            "REDACT" => {
                if shared.with(|state| state.redact(nick, to, line.arg(1), line.arg(2))).is_none() {
                    self.send(&format!(
                        ":fake FAIL REDACT UNKNOWN_MSGID {to} {} :no such message",
                        line.arg(1)
                    ));
                }
            }
            _ => {
                let rows = shared.state().listed();
                rows.iter().for_each(|row| self.numeric("322", row));
                self.numeric("323", ":End of LIST");
            }
        }
    }

    fn join(&mut self, nick: &str, channel: &str, key: &str) {
        let bars = self.shared.state().bars(nick, channel, key); // not held while it is answered
        if let Some((numeric, words)) = bars {
            return self.numeric(numeric, &format!("{channel} :{words}"));
        }
        self.shared.with(|state| state.join(nick, channel));
        let topic = self.shared.state().topic_of(channel);
        if let Some((topic, setter)) = topic {
            self.numeric("332", &format!("{channel} :{topic}"));
            self.numeric("333", &format!("{channel} {setter} 1700000000"));
        }
        if !self.shared.with(|state| state.person(nick).caps.contains("no-implicit-names")) {
            self.names(channel);
        }
    }

    fn names(&mut self, channel: &str) {
        let (names, symbol) = {
            let state = self.shared.state();
            let secret = state.flags_of(channel).contains('s');
            (state.names(channel), if secret { '@' } else { '=' })
        };
        for names in names.chunks(20) {
            self.numeric("353", &format!("{symbol} {channel} :{}", names.join(" ")));
        }
        self.numeric("366", &format!("{channel} :End of NAMES"));
    }

    /// Says something with its client tags, where the script does not swallow it.
    fn says(&mut self, verb: &str, nick: &str, line: &Line, words: Vec<(bool, String)>) {
        let mut tags = Vec::new();
        let mut tag = |key: &str, value: &str| tags.push((key.to_owned(), value.to_owned()));
        line.reply.iter().for_each(|to| tag("+reply", to));
        line.react.iter().for_each(|(on, emoji)| {
            tag(if *on { "+draft/react" } else { "+draft/unreact" }, emoji);
        });
        line.typing.iter().for_each(|on| tag("+typing", if *on { "active" } else { "done" }));
        let to = if verb == "TAGMSG" || line.verb != "BATCH" { line.arg(0) } else { line.arg(2) };
        let swallow = self.shared.state().script.swallow.clone();
        if swallow.is_some_and(|what| words.iter().any(|(_, words)| words.contains(&what))) {
            return;
        }
        self.shared.with(|state| state.utter(verb, nick, to, words, tags));
    }

    fn batch(&mut self, nick: &str, line: &Line) {
        match line.arg(0).strip_prefix('+') {
            Some(reference) => self.batch = Some((reference.into(), line.clone(), Vec::new())),
            None => {
                if let Some((_, opening, lines)) = self.batch.take() {
                    self.says("PRIVMSG", nick, &opening, lines);
                }
            }
        }
    }

    /// The cable breaks after this line, and with it its echo.
    fn is_cut(&self, line: &Line) -> bool {
        let state = self.shared.state();
        state.script.cut_after.as_ref().is_some_and(|words| line.last().contains(words))
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

    pub(super) fn numeric(&self, numeric: &str, rest: &str) {
        self.send(&format!(":fake {numeric} {} {rest}", self.nick.as_deref().unwrap_or("*")));
    }

    pub(super) fn send(&self, line: &str) {
        if let Some(nick) = self.nick.as_ref().filter(|_| self.registered)
            && self.shared.with(|state| state.person(nick).hold_back(&format!("{line}\r\n")))
        {
            return;
        }
        // A client that does not read any more has gone.
        let _ = self.to.try_send(format!("{line}\r\n"));
    }
}
