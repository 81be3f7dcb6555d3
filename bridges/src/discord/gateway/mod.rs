//! Discord's gateway: one connection after another, each of which goes on where the last one broke (RESUME).
//!
//! This is not serenity's gateway, for reasons that were measured: that one hands events on in no order, forgets its
//! session with the process, resumes at the wrong address, gives up a session whose heartbeats were lost, takes no
//! certificate authority, and has a TLS library with known holes. The protocol is small.

mod socket;

pub(super) use socket::authorities;

use super::settings::Settings;
use super::transport::{Failure, Rest};
use crate::network::{NetworkError, SettingsError};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use socket::{Came, Socket};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

/// Intents: what we want to hear of. GUILDS, MODERATION, WEBHOOKS, MESSAGES, REACTIONS, TYPING.
const INTENTS: u64 = 1 | 1 << 2 | 1 << 5 | 1 << 9 | 1 << 10 | 1 << 11;
/// Intents that the operator must switch on.
const MEMBERS: u64 = 1 << 1;
const PRESENCES: u64 = 1 << 8;
const CONTENT: u64 = 1 << 15;

/// How long the gateway may take to greet us, or to take us.
const GREETING: Duration = Duration::from_secs(20);

/// A connection that lasted so long was a good one.
const STEADY: Duration = Duration::from_secs(10);

/// What the gateway tells.
#[derive(Debug)]
pub(super) enum Signal {
    /// Something happened. `seq` is its place in the session.
    Event {
        /// The session that it belongs to.
        session: Arc<Resumable>,
        /// Its number.
        seq: u64,
        /// `MESSAGE_CREATE` …
        name: String,
        /// The rest.
        data: Value,
    },
    /// The link is lost.
    Lost(NetworkError),
    /// Discord will not have us: a sentence for the operator.
    Refused(String),
}

/// A session that can be gone on with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resumable {
    /// Its id.
    pub id: String,
    /// Where it can be resumed.
    pub url: String,
}

/// The gateway's task.
pub(super) struct Gateway {
    pub settings: Arc<Settings>,
    pub rest: Arc<Rest>,
    pub out: mpsc::Sender<Signal>,
    /// Payloads that others want to be sent.
    pub asks: mpsc::Receiver<Value>,
    pub closed: watch::Receiver<bool>,
    /// The session to go on with, and the last event of it that was seen.
    pub session: Option<(Arc<Resumable>, u64)>,
    pub tls: Arc<ClientConfig>,
}

/// How a connection ended.
enum End {
    /// It can be made again at once, if it had been good.
    Broken(String),
    /// The session is over; another can be begun at once.
    Ended(String),
    /// Discord will not have us.
    Refused(String),
    /// We want to hear what the operator has not switched on (4013, 4014).
    Switches,
    /// We are closed.
    Closed,
}

/// What a payload was.
enum Told {
    /// Discord has taken us.
    Taken,
    /// A heartbeat was answered.
    Answered,
    /// Something else.
    Other,
}

/// What TLS needs, from the settings.
pub(super) fn tls(settings: &Settings) -> Result<Arc<ClientConfig>, SettingsError> {
    socket::tls(settings)
}

impl Gateway {
    /// Connects again and again until we are closed.
    pub async fn run(mut self) {
        let (mut failures, mut told) = (0, false);
        loop {
            let begun = Instant::now();
            let mut good = false;
            let end = self.connection(&mut good).await;
            if good {
                told = false;
                failures = if begun.elapsed() >= STEADY { 0 } else { failures };
            }
            let (signal, wait) = match end {
                End::Closed => return,
                End::Refused(text) => {
                    self.session = None;
                    (Some(Signal::Refused(text)), self.settings.refused_wait)
                }
                End::Switches => {
                    self.session = None;
                    (Some(Signal::Refused(self.switches().await)), self.settings.refused_wait)
                }
                End::Broken(ref why) | End::Ended(ref why) => {
                    tracing::debug!(why, "the connection to Discord's gateway ended");
                    let why = why.clone();
                    // A connection that was good is made again at once, and nobody need know.
                    let quiet = good || (failures == 0 && matches!(end, End::Ended(_)));
                    let wait = match quiet && failures == 0 {
                        true => Duration::ZERO,
                        false => backoff(&self.settings, failures),
                    };
                    failures += 1;
                    let lost = (!quiet && !told).then_some(Signal::Lost(NetworkError::Down(why)));
                    told |= lost.is_some();
                    (lost, wait)
                }
            };
            if let Some(signal) = signal
                && self.out.send(signal).await.is_err()
            {
                return;
            }
            if !self.rest_for(wait).await {
                return;
            }
        }
    }

    /// Waits; false where we were closed meanwhile.
    async fn rest_for(&mut self, wait: Duration) -> bool {
        tokio::select! {
            () = sleep(wait) => true,
            () = over(&mut self.closed) => false,
        }
    }

    /// One connection, from its beginning to its end. `good` is set when Discord has taken us.
    async fn connection(&mut self, good: &mut bool) -> End {
        let mut closed = self.closed.clone();
        if *closed.borrow() {
            return End::Closed;
        }
        let begun = tokio::select! {
            begun = self.begin() => begun,
            () = over(&mut closed) => return End::Closed,
        };
        let (mut socket, interval) = match begun {
            Ok(begun) => begun,
            Err(end) => return end,
        };
        // The first heartbeat comes after a part of the interval, so that not all come at once after an outage.
        let mut beat = Instant::now() + interval.mul_f64(chance());
        let out = self.out.clone();
        let (mut answered, mut starved) = (true, false);
        loop {
            tokio::select! {
                () = over(&mut closed) => {
                    // Not 1000: the session lives on, and the next run resumes it.
                    socket.close(4000).await;
                    return End::Closed;
                }
                () = tokio::time::sleep_until(beat) => {
                    // While the house is slow we read nothing: then no answer is no sign.
                    starved |= out.capacity() == 0;
                    if !answered && !std::mem::take(&mut starved) {
                        socket.close(4000).await;
                        return End::Broken("heartbeats were not answered".into());
                    }
                    if let Err(why) = socket.send(&self.heartbeat()).await {
                        return End::Broken(why);
                    }
                    answered = false;
                    beat = Instant::now() + interval;
                }
                Some(ask) = self.asks.recv() => {
                    if let Err(why) = socket.send(&ask).await {
                        return End::Broken(why);
                    }
                }
                came = async { (out.reserve().await.is_ok(), socket.next().await) } => {
                    let payload = match came.1 {
                        Ok(Came::Text(text)) => text,
                        Ok(Came::Nothing) => continue,
                        Ok(Came::Closed(code)) => return self.closed_by(code),
                        Err(why) => return End::Broken(why),
                    };
                    match self.payload(&payload, &mut socket).await {
                        Ok(Told::Taken) => *good = true,
                        Ok(Told::Answered) => answered = true,
                        Ok(Told::Other) => {}
                        Err(end) => return end,
                    }
                }
            }
        }
    }

    /// One payload.
    async fn payload(&mut self, text: &str, socket: &mut Socket) -> Result<Told, End> {
        let Ok(payload) = serde_json::from_str::<Payload>(text) else { return Ok(Told::Other) };
        match payload.op {
            0 => {
                let taken = matches!(payload.t.as_deref(), Some("READY" | "RESUMED"));
                if !self.event(payload).await {
                    return Err(End::Closed);
                }
                return Ok(if taken { Told::Taken } else { Told::Other });
            }
            1 => socket.send(&self.heartbeat()).await.map_err(End::Broken)?,
            7 => {
                socket.close(4000).await;
                return Err(End::Broken("Discord asks for a new connection".into()));
            }
            9 => return Err(self.invalid(&payload.d, socket).await),
            11 => return Ok(Told::Answered),
            _ => {}
        }
        Ok(Told::Other)
    }

    /// Connects, is greeted, and goes on with the session or begins one.
    async fn begin(&mut self) -> Result<(Socket, Duration), End> {
        let url = match &self.session {
            Some((session, _)) if !session.url.is_empty() => session.url.clone(),
            _ => match self.rest.gateway().await {
                Ok(url) => url,
                Err(Failure::Refused { status: 401, .. }) => return Err(End::Refused(wrong_token())),
                Err(failure) => return Err(End::Broken(failure.to_string())),
            },
        };
        let late = |_| End::Broken("the gateway does not answer".into());
        let socket = timeout(self.settings.request_timeout, Socket::connect(&url, &self.tls)).await;
        let socket = socket.map_err(late)?;
        let mut socket = socket.map_err(|why| {
            // The address to resume at may be gone; the other one always is good.
            if let Some((session, seq)) = &self.session {
                let anywhere = Resumable { url: String::new(), ..Resumable::clone(session) };
                self.session = Some((Arc::new(anywhere), *seq));
            }
            End::Broken(why)
        })?;
        let hello = async {
            loop {
                match socket.next().await {
                    Ok(Came::Text(text)) => break Ok(text),
                    Ok(Came::Nothing) => {}
                    Ok(Came::Closed(code)) => break Err(code),
                    Err(_) => break Err(None),
                }
            }
        };
        let hello = match timeout(GREETING, hello).await.map_err(late)? {
            Ok(hello) => hello,
            Err(code) => return Err(self.closed_by(code)),
        };
        let hello: Payload = serde_json::from_str(&hello).map_err(|error| End::Broken(error.to_string()))?;
        let interval = hello.d.get("heartbeat_interval").and_then(Value::as_u64).filter(|_| hello.op == 10);
        let interval = interval.ok_or_else(|| End::Broken("the gateway did not greet us".into()))?;
        let first = match &self.session {
            Some((session, seq)) => json!({ "op": 6, "d": {
                "token": self.settings.token.0, "session_id": session.id, "seq": seq } }),
            None => json!({ "op": 2, "d": {
                "token": self.settings.token.0, "intents": intents(&self.settings), "compress": false,
                "large_threshold": 250, "properties": {
                    "os": std::env::consts::OS, "browser": "rialto", "device": "rialto" } } }),
        };
        socket.send(&first).await.map_err(End::Broken)?;
        Ok((socket, Duration::from_millis(interval.clamp(50, 600_000))))
    }

    /// Which switches are off: the application itself knows, else all that we need are named.
    async fn switches(&self) -> String {
        let flags = self.rest.application().await.ok().and_then(|told| told.get("flags")?.as_u64());
        let missing = flags.and_then(|flags| super::heard::missing_switches(flags, &self.settings));
        missing.unwrap_or_else(|| switches(&self.settings))
    }

    fn heartbeat(&self) -> Value {
        json!({ "op": 1, "d": self.session.as_ref().map(|(_, seq)| seq) })
    }

    /// Passes an event on; false where nobody listens any more.
    async fn event(&mut self, payload: Payload) -> bool {
        let (Some(name), Some(seq)) = (payload.t, payload.s) else { return true };
        if name == "READY" {
            let text = |key: &str| payload.d.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let session = Resumable { id: text("session_id"), url: text("resume_gateway_url") };
            self.session = Some((Arc::new(session), seq));
        }
        let Some((session, last)) = &mut self.session else { return true };
        *last = seq;
        let event = Signal::Event { session: session.clone(), seq, name, data: payload.d };
        self.out.send(event).await.is_ok()
    }

    /// Op 9: the session is over, or is to be resumed on another connection.
    async fn invalid(&mut self, resumable: &Value, socket: &mut Socket) -> End {
        socket.close(4000).await;
        if resumable.as_bool() != Some(true) {
            self.session = None;
            // Discord wants one to five seconds before a new session is begun.
            let wait = Duration::from_secs(1) + Duration::from_secs(2).mul_f64(chance());
            if !self.rest_for(wait).await {
                return End::Closed;
            }
        }
        End::Ended("Discord has ended the session".into())
    }

    /// What a close code means for us.
    fn closed_by(&mut self, code: Option<u16>) -> End {
        match code {
            Some(4004) => End::Refused(wrong_token()),
            Some(4013 | 4014) => End::Switches,
            Some(code @ 4010..=4012) => End::Refused(format!(
                "Discord refuses the connection with code {code}; this needs a newer Rialto"
            )),
            Some(code @ (4003 | 4007 | 4009)) => {
                self.session = None;
                End::Ended(format!("Discord has ended the session with code {code}"))
            }
            Some(code) => End::Broken(format!("Discord has closed the connection with code {code}")),
            None => End::Broken("Discord has closed the connection".into()),
        }
    }
}

/// Waits until we are closed.
async fn over(closed: &mut watch::Receiver<bool>) {
    // Whoever could close us is gone: that is as good.
    let _ = closed.wait_for(|closed| *closed).await;
}

#[derive(Deserialize)]
struct Payload {
    op: u64,
    #[serde(default)]
    d: Value,
    s: Option<u64>,
    t: Option<String>,
}

/// What we want to hear of.
fn intents(settings: &Settings) -> u64 {
    let some = |on: bool, bits: u64| if on { bits } else { 0 };
    INTENTS | CONTENT | some(settings.members, MEMBERS) | some(settings.presence, PRESENCES)
}

fn wrong_token() -> String {
    "Discord does not accept the bot's token. Make a new one at https://discord.com/developers/applications (your \
     application, Bot, Reset Token), write it into the file or variable that the bridge names, and restart or reload."
        .into()
}

/// What to switch on where the bot may not hear what it wants to.
pub(super) fn switches(settings: &Settings) -> String {
    let mut wanted = vec!["\"Message Content Intent\""];
    if settings.members {
        wanted.push("\"Server Members Intent\"");
    }
    if settings.presence {
        wanted.push("\"Presence Intent\"");
    }
    switch_on(&wanted)
}

/// The sentence about these switches.
pub(super) fn switch_on(names: &[&str]) -> String {
    format!(
        "Discord does not let the bot hear everything. Open https://discord.com/developers/applications, your \
         application, Bot, Privileged Gateway Intents, and switch on {}; then restart or reload.",
        names.join(" and ")
    )
}

/// Longer after each failure, with chance mixed in, so that not all come back at once.
fn backoff(settings: &Settings, failures: u32) -> Duration {
    let longest = settings.backoff_min.saturating_mul(1 << failures.min(16)).min(settings.backoff_max);
    longest.mul_f64(0.5 + chance() / 2.0)
}

/// Between 0 and 1.
fn chance() -> f64 {
    let mut bytes = [0; 2];
    // Without randomness of the system the middle does as well.
    if getrandom::fill(&mut bytes).is_err() {
        return 0.5;
    }
    f64::from(u16::from_le_bytes(bytes)) / 65536.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_switches_that_are_needed_are_asked_for() {
        let settings =
            crate::discord::settings::tests::read("token_file = 'token'\nmembers = false").unwrap();
        assert_eq!(intents(&settings) & (MEMBERS | PRESENCES | CONTENT), CONTENT);
        let told = switches(&settings);
        assert!(told.contains("\"Message Content Intent\"") && !told.contains("Members"), "{told}");
        let settings = crate::discord::settings::tests::read("token_file = 'token'").unwrap();
        assert!(switches(&settings).contains("\"Message Content Intent\" and \"Server Members Intent\""));
    }

    #[test]
    fn waits_grow_up_to_the_longest() {
        let text = "token_file = 'token'\nbackoff_min = 1\nbackoff_max = 60";
        let settings = crate::discord::settings::tests::read(text).unwrap();
        assert!(backoff(&settings, 0) <= Duration::from_secs(1));
        assert!(backoff(&settings, 40) > Duration::from_secs(29));
        assert!(backoff(&settings, 40) <= Duration::from_secs(60));
    }
}
