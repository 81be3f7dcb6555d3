//! A connection over HTTP or HTTPS: the API, the gateway's door, files, and the control path.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::refusals::{NOT_ALLOWED, NOT_FOUND, Refusal, TOO_LARGE, invalid};
use super::{Answer, Call, body, by_webhook_token};
use crate::faults::What;
use crate::limits::{Asked, Scope, Verdict};
use crate::log;
use crate::schema::{self, Operation};
use crate::state::State;
use crate::{cdn, clock, control, gateway};

/// Bytes of a request's body: ten files and some words.
const BODY: usize = 110 << 20;

/// The state, as everybody shares it.
pub type Shared = Arc<Mutex<State>>;
type Reply = Response<Full<Bytes>>;
/// The connection is cut without an answer.
type Cut = std::io::Error;

/// Serves one connection.
pub async fn serve<S>(socket: S, state: Shared)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request| answer(request, state.clone()));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    let _ = connection.with_upgrades().await; // a client that is gone is no fault of ours
}

async fn answer(mut request: Request<Incoming>, state: Shared) -> Result<Reply, Cut> {
    if let Some(key) = request.headers().get("sec-websocket-key").cloned() {
        return Ok(upgrade(&mut request, &key, state));
    }
    let path = request.uri().path().to_owned();
    if path.starts_with("/attachments/") || path.starts_with("/avatars/") || path.starts_with("/emojis/") {
        return Ok(cdn::answer(&state.lock(), &path, request.uri().query().unwrap_or_default()));
    }
    let (parts, incoming) = request.into_parts();
    let read = Limited::new(incoming, BODY).collect().await;
    let Ok(body) = read.map(http_body_util::Collected::to_bytes) else {
        return Ok(reply(TOO_LARGE.status, Some(&TOO_LARGE.json())));
    };
    if let Some(act) = path.strip_prefix("/_fake/") {
        return Ok(control::answer(&state, act, &body).await);
    }
    let Some(path) = path.strip_prefix("/api/v10").or_else(|| path.strip_prefix("/api")) else {
        return Ok(reply(404, Some(&NOT_FOUND.json())));
    };
    let whole = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let asked = Received {
        method: parts.method.as_str().to_owned(),
        path: path.to_owned(),
        query: read_query(parts.uri.query().unwrap_or_default()),
        whole,
        headers: parts.headers,
        body,
    };
    api(asked, &state).await
}

/// A request before it is understood.
struct Received {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    whole: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn content_type(&self) -> &str {
        self.header("content-type").unwrap_or("application/json")
    }
}

async fn api(asked: Received, state: &Shared) -> Result<Reply, Cut> {
    let (operation, names) = match schema::operation(&asked.method, &asked.path) {
        Ok(found) => found,
        Err(there) => {
            let refusal = if there { NOT_ALLOWED } else { NOT_FOUND };
            let mut state = state.lock();
            let what = format!("{} {} is not described, or not in this fake", asked.method, asked.path);
            state.log.violation(what);
            note(&mut state, &asked, "", Value::Null, refusal.status);
            return Ok(reply(refusal.status, Some(&refusal.json())));
        }
    };
    let fault = state.lock().faults.meet(operation.id);
    let names = names.into_iter().map(|(name, text)| (name, decode(&text))).collect();
    match &fault {
        Some(What::CutBefore) => {
            note(&mut state.lock(), &asked, operation.id, Value::Null, 0);
            return Err(cut());
        }
        Some(What::FailBefore(status)) => {
            note(&mut state.lock(), &asked, operation.id, Value::Null, *status);
            return Ok(broken(*status));
        }
        Some(What::RateLimited { retry_after, headers, global }) => {
            let mut state = state.lock();
            note(&mut state, &asked, operation.id, Value::Null, 429);
            state.log.invalid += 1;
            let scope = if *global { Scope::Global } else { Scope::User };
            let mut reply = limited(*retry_after, scope, &[]);
            if !headers {
                for name in ["retry-after", "x-ratelimit-scope", "x-ratelimit-global"] {
                    reply.headers_mut().remove(name);
                }
            }
            return Ok(reply);
        }
        Some(What::SlowBefore(wait)) => tokio::time::sleep(*wait).await,
        _ => {}
    }
    let reply = decide(&asked, &operation, names, &mut state.lock());
    match fault {
        Some(What::CutAfter) => Err(cut()),
        Some(What::FailAfter(status)) => Ok(broken(status)),
        Some(What::SlowAfter(wait)) => {
            tokio::time::sleep(wait).await;
            Ok(reply)
        }
        _ => Ok(reply),
    }
}

fn decide(
    asked: &Received,
    operation: &Operation,
    names: Vec<(&'static str, String)>,
    state: &mut State,
) -> Reply {
    let reason = asked.header("x-audit-log-reason").map(decode);
    let query = asked.query.clone();
    let mut call =
        Call { operation: operation.id, names, query, body: Value::Null, files: Vec::new(), reason };
    let allowed = state.authorized(operation.id, Some(&call), asked.header("authorization"));
    let parsed = body::read(asked.content_type(), &asked.body);
    let parsed = allowed.and(parsed).map(|(json, files)| {
        call.files = files;
        call.body = json.clone().unwrap_or(Value::Null);
        json
    });
    let verdict = match &parsed {
        Err(refusal) if refusal.status == 401 => Verdict::default(),
        _ => count(state, &call),
    };
    if let Some((wait, scope)) = verdict.refused {
        if scope != Scope::Shared {
            state.log.invalid += 1;
        }
        note(state, asked, operation.id, call.body, 429);
        return limited(wait, scope, &verdict.headers);
    }
    let outcome = parsed.and_then(|json| {
        described(state, operation, &call, asked, json.as_ref())?;
        state.carry_out(&call)
    });
    let (status, json) = match outcome {
        Ok(Answer { status, body }) => (status, body),
        Err(refusal) => (refusal.status, Some(refused(&refusal))),
    };
    if status < 500 {
        for it in operation.answer(status, json.as_ref()) {
            let what = format!("our answer to {}: {} {}", operation.id, it.at.join("."), it.says);
            state.log.violation(what);
        }
    }
    if [401, 403, 429].contains(&status) {
        state.log.invalid += 1;
    }
    let files = call.files.iter().map(|file| (file.filename.clone(), file.bytes.len())).collect();
    note_with(state, asked, operation.id, (call.body, files), status);
    let mut reply = reply(status, json.as_ref());
    put(reply.headers_mut(), &verdict.headers);
    date(&mut reply, state.now());
    reply
}

fn refused(refusal: &Refusal) -> Value {
    let mut json = refusal.json();
    if refusal.status == 429 {
        json["retry_after"] = json!(1.0);
        json["global"] = json!(false);
    }
    json
}

/// Is the request as the description has it? If not, it is noted and refused, but for fields that nobody knows: these are
/// only noted, as Discord ignores them.
fn described(
    state: &mut State,
    operation: &Operation,
    call: &Call,
    asked: &Received,
    json: Option<&Value>,
) -> Result<(), Refusal> {
    let kind = asked.content_type().split(';').next().unwrap_or_default().trim();
    let mut wrong = operation.query(&call.query);
    if json.is_some() || call.files.is_empty() {
        wrong.extend(operation.body(kind, json));
    }
    for it in &wrong {
        let what = format!("{}: {} {} ({})", operation.id, it.at.join("."), it.says, it.code);
        state.log.violation(what);
    }
    if asked.header("user-agent").is_none_or(str::is_empty) {
        state.log.violation(format!("{}: no User-Agent", operation.id));
    }
    wrong.retain(|it| it.code != "UNKNOWN_FIELD");
    if wrong.is_empty() { Ok(()) } else { Err(invalid(&wrong)) }
}

fn count(state: &mut State, call: &Call) -> Verdict {
    let by_webhook = by_webhook_token(call.operation);
    let resource = ["webhook_id", "channel_id", "guild_id"].iter().map(|name| call.name(name));
    let mut resource = resource.into_iter().find(|it| !it.is_empty()).unwrap_or_default().to_owned();
    if by_webhook {
        resource = format!("{resource}/{}", call.name("webhook_token"));
    }
    let hook = call.id("webhook_id").ok().and_then(|id| state.webhooks.get(&id));
    let asked = Asked {
        operation: call.operation,
        resource: &resource,
        counts_globally: !by_webhook,
        renames: call.operation == "update_channel"
            && (call.body.get("name").is_some() || call.body.get("topic").is_some()),
        webhook_channel: hook.filter(|_| call.operation == "execute_webhook").map(|hook| hook.channel),
    };
    let now = state.now();
    state.limits.ask(&asked, now)
}

fn note(state: &mut State, asked: &Received, operation: &str, body: Value, status: u16) {
    note_with(state, asked, operation, (body, Vec::new()), status);
}

fn note_with(
    state: &mut State,
    asked: &Received,
    operation: &str,
    (body, files): (Value, Vec<(String, usize)>),
    status: u16,
) {
    let request = log::Request {
        method: asked.method.clone(),
        path: asked.whole.clone(),
        operation: operation.to_owned(),
        body,
        files,
        reason: asked.header("x-audit-log-reason").map(decode),
        at: state.now(),
        status,
    };
    state.log.request(request);
}

/// An answer with JSON.
pub fn reply(status: u16, json: Option<&Value>) -> Reply {
    let bytes = json.map(|json| Bytes::from(json.to_string())).unwrap_or_default();
    let mut reply = Response::new(Full::new(bytes));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if json.is_some() {
        put(reply.headers_mut(), &[("Content-Type", "application/json".to_owned())]);
    }
    reply
}

/// What a balancer says when what is behind it is broken.
fn broken(status: u16) -> Reply {
    match status {
        502..=504 => {
            let mut reply = reply(status, None);
            *reply.body_mut() =
                Full::new(Bytes::from_static(b"<html><body><h1>Bad Gateway</h1></body></html>"));
            put(reply.headers_mut(), &[("Content-Type", "text/html".to_owned())]);
            reply
        }
        _ => reply(status, Some(&json!({"message": "500: Internal Server Error", "code": 0}))),
    }
}

fn limited(wait: f64, scope: Scope, headers: &[(&'static str, String)]) -> Reply {
    let global = scope == Scope::Global;
    let message = if scope == Scope::Shared {
        "The resource is being rate limited."
    } else {
        "You are being rate limited."
    };
    let wait = (wait * 1000.0).ceil() / 1000.0;
    let body = json!({"message": message, "retry_after": wait, "global": global, "code": 0});
    let mut reply = reply(429, Some(&body));
    put(reply.headers_mut(), headers);
    let scope = match scope {
        Scope::User => "user",
        Scope::Global => "global",
        Scope::Shared => "shared",
    };
    put(
        reply.headers_mut(),
        &[("Retry-After", wait.ceil().to_string()), ("X-RateLimit-Scope", scope.to_owned())],
    );
    if global {
        put(reply.headers_mut(), &[("X-RateLimit-Global", "true".to_owned())]);
    }
    reply
}

/// Sets headers.
pub fn put(headers: &mut HeaderMap, all: &[(&'static str, String)]) {
    for (name, value) in all {
        let name = HeaderName::from_bytes(name.to_lowercase().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
}

fn date(reply: &mut Reply, now: u64) {
    put(reply.headers_mut(), &[("Date", clock::http_date(now))]);
}

fn cut() -> Cut {
    std::io::Error::other("cut on purpose")
}

fn upgrade(request: &mut Request<Incoming>, key: &HeaderValue, state: Shared) -> Reply {
    let query = read_query(request.uri().query().unwrap_or_default());
    let version = query.into_iter().find(|(name, _)| name == "v").map(|(_, version)| version);
    let upgrading = hyper::upgrade::on(&mut *request);
    tokio::spawn(async move {
        let upgraded = tokio::time::timeout(Duration::from_secs(10), upgrading).await;
        if let Ok(Ok(upgraded)) = upgraded {
            gateway::serve::serve(TokioIo::new(upgraded), state, version).await;
        }
    });
    let mut reply = reply(101, None);
    let accept = derive_accept_key(key.as_bytes());
    let headers = [
        ("Upgrade", "websocket".to_owned()),
        ("Connection", "Upgrade".to_owned()),
        ("Sec-WebSocket-Accept", accept),
    ];
    put(reply.headers_mut(), &headers);
    reply
}

/// A query as pairs, decoded.
pub fn read_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(a, b)| (decode(a), decode(b)))
        .collect()
}

/// Percent-encoding undone.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let ahead = rest.clone().take(2).map(|it| (it as char).to_digit(16));
        let digits: Option<Vec<u32>> = ahead.collect();
        match digits {
            Some(digits) if byte == b'%' && digits.len() == 2 => {
                bytes.push(u8::try_from(digits[0] * 16 + digits[1]).unwrap_or(b'?'));
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
