//! A tiny IRC server for tests: real sockets, people who do what a test says, and faults on demand.
//!
//! People live in the server itself; `heard` is what one of them sees, as in `:rialto PRIVMSG #lounge :<Romeo> hi`.

mod account;
mod client;
mod people;
mod rich;
mod scram;

use client::serve;
use people::State;
pub use scram::ServerScram;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// How long a test waits for something to be heard.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How the server behaves.
#[derive(Clone)]
pub struct Script {
    /// Speak TLS with this certificate.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// What CAP LS offers; told in two lines.
    pub caps: Vec<String>,
    /// The tokens of 005.
    pub isupport: String,
    /// The account and password that SASL PLAIN takes. `sasl` must be among the caps.
    pub account: Option<(String, String)>,
    /// The password that PASS must give.
    pub password: Option<String>,
    /// Nicks that somebody out of sight holds.
    pub taken: Vec<String>,
    /// The host that clients are shown under.
    pub host: String,
    /// Everybody who connects is turned away with this ERROR.
    pub refusal: Option<String>,
    /// Whoever connects is dropped at once.
    pub down: bool,
    /// Has a message of the day.
    pub motd: bool,
    /// The account that the client's certificate belongs to (SASL EXTERNAL).
    pub certified: Option<String>,
    /// Messages with these words are taken and shown to nobody.
    pub swallow: Option<String>,
    /// The link breaks after a line with these words has been taken, before its answer.
    pub cut_after: Option<String>,
}

/// What a server offers that has everything.
pub const RICH: &[&str] = &[
    "account-notify",
    "account-tag",
    "away-notify",
    "batch",
    "cap-notify",
    "chghost",
    "draft/chathistory",
    "draft/message-redaction",
    "draft/multiline=max-bytes=4096,max-lines=24",
    "echo-message",
    "extended-join",
    "invite-notify",
    "labeled-response",
    "message-tags",
    "multi-prefix",
    "no-implicit-names",
    "server-time",
    "setname",
    "standard-replies",
    "userhost-in-names",
];

impl Script {
    /// A server that has everything.
    pub fn rich() -> Script {
        let mut script = Script { caps: RICH.iter().map(|cap| (*cap).into()).collect(), ..Script::default() };
        script
            .isupport
            .push_str(" CHATHISTORY=50 MSGREFTYPES=timestamp,msgid SAFELIST ELIST=MU EXTBAN=$,a MONITOR=100");
        script
    }
}

impl Default for Script {
    fn default() -> Self {
        let caps =
            ["multi-prefix", "away-notify", "extended-join", "account-tag", "message-tags", "cap-notify"];
        Script {
            tls: None,
            caps: caps.map(String::from).into(),
            isupport: "CASEMAPPING=rfc1459 PREFIX=(qaohv)~&@%+ CHANMODES=beI,k,l,imnpst CHANTYPES=# NICKLEN=16 TOPICLEN=300 NETWORK=Fake".into(),
            account: None,
            password: None,
            taken: Vec::new(),
            host: "bridge.example".into(),
            refusal: None,
            down: false,
            motd: true,
            certified: None,
            swallow: None,
            cut_after: None,
        }
    }
}

/// A running server. It ends when it is dropped.
pub struct Fake {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the state, and wakes who waits for it.
    fn with<T>(&self, what: impl FnOnce(&mut State) -> T) -> T {
        let done = what(&mut self.state());
        self.changed.notify_waiters();
        done
    }
}

impl Fake {
    /// Starts on a free port of the loopback address.
    pub async fn start(script: Script) -> io::Result<Fake> {
        Fake::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), script).await
    }

    /// Starts on this address.
    pub async fn start_on(address: SocketAddr, script: Script) -> io::Result<Fake> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { state: Mutex::new(State::new(script)), changed: Notify::new() });
        let listening = tokio::spawn(listen(listener, shared.clone()));
        Ok(Fake { address, shared, listening })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The settings of a bridge to this server, in a hurry: `[bridge.<name>]` without `kind`.
    pub fn settings(&self) -> toml::Table {
        let tls = self.shared.state().script.tls.is_some();
        let mut table = toml::Table::new();
        let hurry = [("interval", 0.01), ("backoff_min", 0.05), ("backoff_max", 0.2), ("refused_wait", 0.5)];
        table.extend(hurry.map(|(key, seconds)| (key.to_owned(), toml::Value::Float(seconds))));
        table.insert("server".into(), self.address.ip().to_string().into());
        table.insert("port".into(), i64::from(self.address.port()).into());
        table.insert("tls".into(), tls.into());
        table
    }

    /// Changes how the server behaves from now on.
    pub fn script(&self, change: impl FnOnce(&mut Script)) {
        self.shared.with(|state| change(&mut state.script));
    }

    /// Somebody enters a channel; he is made, if he is new, and so is the channel.
    pub fn joins(&self, nick: &str, channel: &str) {
        self.shared.with(|state| state.join(nick, channel));
    }

    /// Somebody leaves a channel.
    pub fn parts(&self, nick: &str, channel: &str, reason: &str) {
        self.shared.with(|state| state.part(nick, channel, reason));
    }

    /// Somebody leaves the network.
    pub fn quits(&self, nick: &str, reason: &str) {
        self.shared.with(|state| state.quit(nick, reason));
    }

    /// Somebody is called otherwise.
    pub fn renames(&self, nick: &str, now: &str) {
        self.shared.with(|state| state.rename(nick, now));
    }

    /// Somebody says something, to a channel or to a nick.
    pub fn says(&self, nick: &str, to: &str, words: &str) {
        self.shared.with(|state| state.say("PRIVMSG", nick, to, words));
    }

    /// Somebody says something with client tags: `+reply`, `+draft/react`.
    pub fn says_tagged(&self, nick: &str, to: &str, words: Option<&str>, tags: &[(&str, &str)]) {
        let verb = if words.is_some() { "PRIVMSG" } else { "TAGMSG" };
        let lines = words.into_iter().flat_map(|words| words.split('\n')).map(|line| (false, line.into()));
        let tags = tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        self.shared.with(|state| state.utter(verb, nick, to, lines.collect(), tags));
    }

    /// Somebody takes a message back.
    pub fn redacts(&self, nick: &str, channel: &str, msgid: &str, reason: &str) {
        // A message that is not known any more is taken back already.
        let _ = self.shared.with(|state| state.redact(nick, channel, msgid, reason));
    }

    /// Somebody gives notice.
    pub fn notices(&self, nick: &str, to: &str, words: &str) {
        self.shared.with(|state| state.say("NOTICE", nick, to, words));
    }

    /// Somebody puts somebody out of a channel.
    pub fn kicks(&self, nick: &str, channel: &str, whom: &str, reason: &str) {
        self.shared.with(|state| state.kick(nick, channel, whom, reason));
    }

    /// Somebody sets the topic.
    pub fn topic(&self, nick: &str, channel: &str, topic: &str) {
        self.shared.with(|state| state.topic(nick, channel, topic));
    }

    /// Somebody sets modes: `+o ann`.
    pub fn mode(&self, nick: &str, channel: &str, modes: &str) {
        self.shared.with(|state| state.mode(nick, channel, modes));
    }

    /// Somebody goes away, or comes back.
    pub fn away(&self, nick: &str, reason: Option<&str>) {
        self.shared.with(|state| state.away(nick, reason));
    }

    /// A line, as it is, to all clients.
    pub fn raw(&self, line: &str) {
        self.shared.with(|state| state.tell_clients(line));
    }

    /// All connections break.
    pub fn cut(&self) {
        self.shared.with(State::cut);
    }

    /// Who is in a channel, with ranks: `@ann`.
    pub fn names(&self, channel: &str) -> Vec<String> {
        self.shared.state().names(channel)
    }

    /// All that a person has seen and that was not taken yet.
    pub fn heard(&self, nick: &str) -> Vec<String> {
        self.shared.state().take_heard(nick)
    }

    /// The next thing that a person sees; `None` where nothing comes.
    pub async fn next_heard(&self, nick: &str) -> Option<String> {
        self.wait(|state| state.next_heard(nick)).await
    }

    /// Waits until this person is in this channel.
    pub async fn sees(&self, nick: &str, channel: &str) -> bool {
        self.wait(|state| state.is_in(nick, channel).then_some(())).await.is_some()
    }

    /// All lines that clients sent since the last time.
    pub fn received(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().received)
    }

    /// Waits for a line from a client that begins so.
    pub async fn receives(&self, beginning: &str) -> Option<String> {
        let seen =
            |state: &mut State| state.received.iter().find(|line| line.starts_with(beginning)).cloned();
        self.wait(seen).await
    }

    async fn wait<T>(&self, mut what: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = what(&mut self.shared.state()) {
                return Some(found);
            }
            tokio::time::timeout_at(until, changed).await.ok()?;
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((socket, _)) = listener.accept().await {
        let (down, tls) = {
            let state = shared.state();
            (state.script.down, state.script.tls.clone())
        };
        if down {
            continue;
        }
        let shared = shared.clone();
        tokio::spawn(async move {
            match tls {
                None => serve(socket, shared).await,
                // Who does not finish the handshake is not served.
                Some(config) => match TlsAcceptor::from(config).accept(socket).await {
                    Ok(secured) => serve(secured, shared).await,
                    Err(error) => tracing::debug!(%error, "the handshake failed"),
                },
            }
        });
    }
}
