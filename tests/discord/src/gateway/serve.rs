//! A connection of the gateway: HELLO, IDENTIFY or RESUME, heartbeats, events (events/gateway.mdx).

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::{Out, Refuse, Session, intents};
use crate::state::State;

/// Things to be said that may wait for a slow reader.
const WAITING: usize = 20_000;
/// Sends allowed in a minute.
const SENDS: usize = 120;
/// Longer ones are compressed for those who asked for it.
const COMPRESSED: usize = 1024;
/// What a client may send at once.
const PAYLOAD: usize = 4096;

struct Connection {
    state: Arc<Mutex<State>>,
    out: mpsc::Sender<Out>,
    session: Option<String>,
    compress: bool,
    zombie: bool,
    sends: Vec<Instant>,
}

/// What becomes of a connection after something was read or said.
type Goes = Result<(), Option<(u16, &'static str)>>;

/// Serves one connection until it ends.
pub async fn serve(io: TokioIo<Upgraded>, state: Arc<Mutex<State>>, version: Option<String>) {
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
    if version.is_some_and(|version| version != "10" && version != "9") {
        close(&mut socket, 4012, "Invalid API version.").await;
        return;
    }
    let (out, mut waiting) = mpsc::channel(WAITING);
    let (number, beat) = {
        let mut state = state.lock();
        (state.gateway.enter(out.clone()), state.gateway.heartbeat)
    };
    let mut own = Connection { state, out, session: None, compress: false, zombie: false, sends: Vec::new() };
    let hello = json!({"op": 10, "s": null, "t": null, "d": {"heartbeat_interval": beat, "_trace": []}});
    let mut goes = own.send(&mut socket, &hello).await;
    let silence = Duration::from_millis(beat * 2 + 1000);
    let mut heard = Instant::now();
    while goes.is_ok() {
        goes = tokio::select! {
            order = waiting.recv() => own.obey(&mut socket, order).await,
            message = socket.next() => {
                heard = Instant::now();
                own.hear(&mut socket, message).await
            }
            () = tokio::time::sleep_until((heard + silence).into()) => Err(Some((4009, "Session timed out."))),
        };
    }
    own.leave(number, &goes);
    if let Err(Some((code, reason))) = goes {
        close(&mut socket, code, reason).await;
    }
}

async fn close(socket: &mut WebSocketStream<TokioIo<Upgraded>>, code: u16, reason: &'static str) {
    let _ = socket.close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() })).await;
    let drain = async { while let Some(Ok(_)) = socket.next().await {} };
    let _ = tokio::time::timeout(Duration::from_secs(2), drain).await;
}

impl Connection {
    async fn obey(&mut self, socket: &mut WebSocketStream<TokioIo<Upgraded>>, order: Option<Out>) -> Goes {
        match order {
            Some(Out::Say(value, when)) => {
                tokio::time::sleep_until(when.into()).await;
                self.send(socket, &value).await
            }
            Some(Out::Close(code, reason)) => Err(Some((code, reason))),
            Some(Out::Zombie) => {
                self.zombie = true;
                Ok(())
            }
            Some(Out::Cut) | None => Err(None),
        }
    }

    async fn send(&mut self, socket: &mut WebSocketStream<TokioIo<Upgraded>>, value: &Value) -> Goes {
        if self.zombie {
            return Ok(());
        }
        let text = value.to_string();
        let message = if self.compress && text.len() > COMPRESSED {
            let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
            let packed = zlib.write_all(text.as_bytes()).and_then(|()| zlib.finish());
            Message::binary(packed.map_err(|_| None)?)
        } else {
            Message::text(text)
        };
        socket.send(message).await.map_err(|_| None)
    }

    async fn hear(
        &mut self,
        socket: &mut WebSocketStream<TokioIo<Upgraded>>,
        message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
    ) -> Goes {
        let text = match message {
            Some(Ok(Message::Text(text))) => text.to_string(),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(()),
            Some(Ok(Message::Binary(_))) => return Err(Some((4002, "Error while decoding payload."))),
            Some(Ok(Message::Close(frame))) => {
                // A client that says 1000 or 1001 gives up its session.
                let over = frame.is_some_and(|frame| [1000, 1001].contains(&u16::from(frame.code)));
                if let Some(session) = self.session.take_if(|_| over) {
                    self.state.lock().gateway.sessions.remove(&session);
                }
                return Err(None);
            }
            Some(Err(_)) | None => return Err(None),
        };
        if self.zombie {
            return Ok(());
        }
        self.count()?;
        let payload: Value =
            serde_json::from_str(&text).map_err(|_| Some((4002, "Error while decoding payload.")))?;
        if text.len() > PAYLOAD {
            return Err(Some((4002, "Payload too large.")));
        }
        match (payload["op"].as_u64(), self.session.is_some()) {
            (Some(1), _) => self.send(socket, &json!({"op": 11, "d": null, "s": null, "t": null})).await,
            (Some(2), false) => self.identify(socket, &payload["d"]).await,
            (Some(6), false) => self.resume(socket, &payload["d"]).await,
            (Some(2 | 6), true) => Err(Some((4005, "Already authenticated."))),
            (Some(3 | 4 | 8 | 31), false) => Err(Some((4003, "Not authenticated."))),
            (Some(8), true) => self.members(&payload["d"]),
            (Some(3 | 4 | 31), true) => Ok(()),
            _ => Err(Some((4001, "Unknown opcode."))),
        }
    }

    /// More than 120 in a minute: 4008.
    fn count(&mut self) -> Goes {
        let now = Instant::now();
        self.sends.retain(|at| now.duration_since(*at) < Duration::from_secs(60));
        self.sends.push(now);
        if self.sends.len() > SENDS { Err(Some((4008, "Rate limited."))) } else { Ok(()) }
    }

    async fn invalid(&mut self, socket: &mut WebSocketStream<TokioIo<Upgraded>>, resumable: bool) -> Goes {
        self.send(socket, &json!({"op": 9, "d": resumable, "s": null, "t": null})).await
    }

    async fn identify(&mut self, socket: &mut WebSocketStream<TokioIo<Upgraded>>, asked: &Value) -> Goes {
        let refused = self.may_identify(asked)?;
        if let Some(resumable) = refused {
            return self.invalid(socket, resumable).await;
        }
        self.compress = asked["compress"] == true;
        let wanted = asked["intents"].as_u64().unwrap_or(0);
        let large = asked["large_threshold"].as_u64().unwrap_or(50);
        let mut state = self.state.lock();
        let id = crate::state::hash(&crate::state::token());
        let ready = state.ready(&id, &asked["shard"]);
        let mut session = Session::new(wanted, self.out.clone());
        let now = Instant::now();
        session.dispatch("READY", ready, now);
        let joined = state.guilds.values().filter(|guild| guild.members.contains_key(&state.bot.user));
        for guild in joined.filter(|guild| !guild.unavailable && wanted & intents::GUILDS != 0) {
            session.dispatch("GUILD_CREATE", state.guild_create(guild, wanted, large), now);
        }
        state.gateway.sessions.insert(id.clone(), session);
        self.session = Some(id);
        Ok(())
    }

    /// `Ok(None)` where it may, op 9's `d` where it has to come again.
    fn may_identify(&mut self, asked: &Value) -> Result<Option<bool>, Option<(u16, &'static str)>> {
        let mut state = self.state.lock();
        let state = &mut *state;
        state.gateway.identified += 1;
        let whole = ["token", "properties", "intents"].iter().all(|key| !asked[*key].is_null());
        let properties = ["os", "browser", "device"].iter().all(|key| asked["properties"][*key].is_string());
        if !whole || !properties {
            state.log.violation("IDENTIFY lacks token, intents or properties".into());
            return Err(Some((4002, "Error while decoding payload.")));
        }
        if !has_token(&asked["token"], &state.bot.token) {
            return Err(Some((4004, "Authentication failed.")));
        }
        let shard = |at: usize| asked["shard"][at].as_u64();
        if asked["shard"].is_array() && shard(0).zip(shard(1)).is_none_or(|(own, all)| own >= all) {
            return Err(Some((4010, "Invalid shard.")));
        }
        match state.gateway.refuse.pop_front() {
            Some(Refuse::Close(code)) => return Err(Some((code, reason(code)))),
            Some(Refuse::Invalid(resumable)) => return Ok(Some(resumable)),
            None => {}
        }
        let wanted = asked["intents"].as_u64().ok_or(Some((4013, "Invalid intent(s).")))?;
        if let Some(code) = intents::refused(wanted, state.bot.privileged) {
            return Err(Some((code, reason(code))));
        }
        let every = Duration::from_millis(state.gateway.identify_every);
        let early = state.gateway.last_identify.is_some_and(|last| last.elapsed() < every);
        state.gateway.last_identify = Some(Instant::now());
        state.gateway.starts = state.gateway.starts.saturating_sub(1);
        Ok((early || state.gateway.starts == 0).then_some(false))
    }

    async fn resume(&mut self, socket: &mut WebSocketStream<TokioIo<Upgraded>>, asked: &Value) -> Goes {
        if self.may_resume(asked)? {
            return Ok(());
        }
        self.invalid(socket, false).await
    }

    /// What was missed, RESUMED and what comes from now on are one queue: nothing falls between.
    fn may_resume(&mut self, asked: &Value) -> Result<bool, Option<(u16, &'static str)>> {
        let mut state = self.state.lock();
        let state = &mut *state;
        if !has_token(&asked["token"], &state.bot.token) {
            return Err(Some((4004, "Authentication failed.")));
        }
        match state.gateway.refuse.pop_front() {
            Some(Refuse::Close(code)) => return Err(Some((code, reason(code)))),
            Some(Refuse::Invalid(_)) => return Ok(false),
            None => {}
        }
        let id = asked["session_id"].as_str().unwrap_or_default();
        let overlap = state.gateway.overlap;
        let Some(session) = state.gateway.sessions.get_mut(id).filter(|session| !session.lost) else {
            return Ok(false);
        };
        let seq = asked["seq"].as_u64().filter(|seq| *seq <= session.seq);
        let seq = seq.ok_or(Some((4007, "Invalid seq.")))?;
        if let Some(other) = session.out.take() {
            let _ = other.try_send(Out::Cut);
        }
        self.session = Some(id.to_owned());
        for event in session.since(seq.saturating_sub(overlap)) {
            let _ = self.out.try_send(Out::Say(event, Instant::now()));
        }
        session.out = Some(self.out.clone());
        session.dispatch("RESUMED", json!({"_trace": []}), Instant::now());
        state.gateway.resumed += 1;
        Ok(true)
    }

    fn members(&mut self, asked: &Value) -> Goes {
        let mut state = self.state.lock();
        let Some(id) = self.session.clone() else { return Ok(()) };
        let wanted = state.gateway.sessions.get(&id).map_or(0, |session| session.intents);
        let Some((_, chunks)) = state.chunks(asked, wanted) else { return Ok(()) };
        if let Some(session) = state.gateway.sessions.get_mut(&id) {
            for chunk in chunks {
                session.dispatch("GUILD_MEMBERS_CHUNK", chunk, Instant::now());
            }
        }
        Ok(())
    }

    /// The session stays for a RESUME, unless it was closed in a way that ends it.
    fn leave(&mut self, number: u64, goes: &Goes) {
        let mut state = self.state.lock();
        state.gateway.open.remove(&number);
        let Some(id) = self.session.take() else { return };
        let ends = matches!(goes, Err(Some((4004 | 4007 | 4009..=4014, _))));
        if ends {
            state.gateway.sessions.remove(&id);
        } else if let Some(session) = state.gateway.sessions.get_mut(&id)
            && session.out.as_ref().is_some_and(|out| out.same_channel(&self.out))
        {
            session.out = None;
        }
    }
}

/// serenity sends it with `Bot ` before it, as Discord takes it, too.
fn has_token(given: &Value, token: &str) -> bool {
    given.as_str().is_some_and(|given| given.trim_start_matches("Bot ") == token)
}

/// What a close code says.
pub fn reason(code: u16) -> &'static str {
    match code {
        4004 => "Authentication failed.",
        4007 => "Invalid seq.",
        4008 => "Rate limited.",
        4009 => "Session timed out.",
        4013 => "Invalid intent(s).",
        4014 => "Disallowed intent(s).",
        _ => "Unknown error.",
    }
}
