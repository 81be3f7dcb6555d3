//! Discord's REST API: the one folder that knows serenity. Its routes, its requests and its rate limits are serenity's; the
//! address is ours, so that another server that speaks the protocol can be asked under the same limits.
//!
//! serenity's own client ignores a proxy as long as it obeys limits, sleeps for as long as Discord asks while it holds the
//! limit's lock, and fails on any field that it does not expect. So its limits are asked here around a request of ours, a
//! wait that is longer than our patience is given back instead of slept through, and answers are read by `wire`.

mod calls;

use super::settings::Settings;
use super::snowflake::Id;
use reqwest::header::{CONTENT_LENGTH, DATE, HeaderValue, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serenity::http::{LightMethod, RatelimitInfo, Ratelimiter, Request, Route};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Where serenity believes Discord's API to be.
const SERENITYS: &str = "/api/v10";

/// How often a request is made again that Discord answers with "too fast".
const AGAIN: usize = 8;

/// The largest answer that is read, in bytes.
const ANSWER: usize = 16 << 20;

/// Why a request was not answered as hoped.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    /// Discord says no: HTTP's status, Discord's code (0 where none) and its words.
    #[error("{text} ({status}/{code})")]
    Refused {
        /// HTTP's status.
        status: u16,
        /// Discord's own code.
        code: u64,
        /// Discord's words.
        text: String,
    },
    /// Not yet: nothing was done.
    #[error("Discord asks to wait for {} s", .0.as_secs().max(1))]
    Slow(Duration),
    /// It could not be asked: nothing was done.
    #[error("Discord cannot be reached: {0}")]
    Down(String),
    /// Asked, but the answer was lost: it may have been done.
    #[error("Discord's answer was lost: {0}")]
    Lost(String),
}

impl Failure {
    /// Discord's own code.
    pub fn code(&self) -> u64 {
        if let Failure::Refused { code, .. } = self { *code } else { 0 }
    }

    /// HTTP's status, where there was an answer.
    pub fn status(&self) -> u16 {
        if let Failure::Refused { status, .. } = self { *status } else { 0 }
    }
}

/// A file to be sent along.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    /// Its name.
    pub name: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// A webhook's secret address. No log ever shows it.
#[derive(Clone)]
pub(super) struct Hook {
    /// Its id, which messages tell.
    pub id: Id,
    /// Its token.
    pub token: String,
}

/// Discord's REST API under its rate limits.
pub(super) struct Rest {
    client: Client,
    token: String,
    limits: Ratelimiter,
    /// The address of the API, and the path before the one that a route names.
    base: Option<Url>,
    patience: Duration,
    /// Nothing at all before this: the limit that all requests share.
    all: Mutex<Option<Instant>>,
    /// By how many milliseconds Discord's clock is ahead of ours.
    ahead: AtomicI64,
}

impl Rest {
    /// The API that the settings name. Touches no network.
    pub fn new(settings: &Settings) -> Result<Rest, crate::SettingsError> {
        let wrong = |key: &str, why: &dyn std::fmt::Display| crate::SettingsError::new(key, why.to_string());
        let client = client(settings).map_err(|error| wrong("ca_file", &error))?;
        let token = format!("Bot {}", settings.token.0);
        let base = settings.api_url.as_deref().map(Url::parse).transpose();
        let base = base.map_err(|error| wrong("api_url", &error))?;
        let limits = Ratelimiter::new(client.clone(), token.clone());
        Ok(Rest {
            client,
            token,
            limits,
            base,
            patience: settings.patience,
            all: Mutex::default(),
            ahead: AtomicI64::new(0),
        })
    }

    /// The client, for files.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A time of ours by Discord's clock.
    pub fn there(&self, time: SystemTime) -> SystemTime {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let by = Duration::from_millis(ahead.unsigned_abs());
        let moved = if ahead < 0 { time.checked_sub(by) } else { time.checked_add(by) };
        moved.unwrap_or(time)
    }

    /// What Discord's clock says.
    fn note_clock(&self, response: &Response) {
        let told = response.headers().get(DATE).and_then(|told| told.to_str().ok());
        let there = told.and_then(|told| jiff::fmt::rfc2822::parse(told).ok());
        let Some(there) = there.map(|there| there.timestamp().as_millisecond()) else { return };
        let here = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let ahead = there.saturating_sub(i64::try_from(here).unwrap_or(i64::MAX));
        // A second is all that the header tells.
        self.ahead.store(if ahead.abs() < 2_000 { 0 } else { ahead }, Ordering::Relaxed);
    }

    async fn get<T: DeserializeOwned>(
        &self,
        route: Route<'_>,
        params: Vec<(&'static str, String)>,
    ) -> Result<T, Failure> {
        read(self.ask(route, LightMethod::Get, Asked { params, ..Asked::default() }).await?).await
    }

    /// Asks, as often as the limits want it.
    async fn ask(
        &self,
        route: Route<'_>,
        method: LightMethod,
        asked: Asked<'_>,
    ) -> Result<Response, Failure> {
        let quiet = |_: RatelimitInfo| {};
        // A form has its own body.
        let body = asked.body.clone().filter(|_| asked.files.is_empty());
        let mut request = Request::new(route, method).body(body);
        if !asked.params.is_empty() {
            request = request.params(Some(asked.params.clone()));
        }
        for _ in 0..AGAIN {
            self.wait_for_all().await?;
            let bucket = route.ratelimiting_bucket();
            let bucket = self.limits.routes().write().await.entry(bucket).or_default().clone();
            {
                let mut limit = bucket.lock().await;
                let left = limit.reset().and_then(|reset| reset.duration_since(SystemTime::now()).ok());
                if let Some(left) = left.filter(|left| limit.remaining() <= 0 && *left > self.patience) {
                    return Err(Failure::Slow(left));
                }
                limit.pre_hook(&request, &quiet).await;
            }
            let mut response = self.send(&request, &asked).await?;
            self.note_clock(&response);
            if response.status() == StatusCode::TOO_MANY_REQUESTS {
                let global = response.headers().contains_key("x-ratelimit-global");
                let told = after(&response);
                if !global {
                    // The bucket learns its numbers. It would sleep for as long as Discord says, under its lock.
                    response.headers_mut().remove(RETRY_AFTER);
                    let _ = bucket.lock().await.post_hook(&response, &request, &quiet, false).await;
                }
                // A proxy before Discord says it in the body alone.
                let wait = match told {
                    Some(wait) => wait,
                    None => in_body(response).await.unwrap_or(Duration::from_secs(1)),
                };
                if global {
                    *self.all.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + wait);
                }
                if wait > self.patience {
                    return Err(Failure::Slow(wait));
                }
                tokio::time::sleep(wait).await;
                continue;
            }
            // Odd numbers in headers are no reason to lose an answer.
            let _ = bucket.lock().await.post_hook(&response, &request, &quiet, false).await;
            return answered(response).await;
        }
        Err(Failure::Slow(self.patience))
    }

    async fn wait_for_all(&self) -> Result<(), Failure> {
        let until = *self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left) = until.and_then(|until| until.checked_duration_since(Instant::now())) else {
            return Ok(());
        };
        if left > self.patience {
            return Err(Failure::Slow(left));
        }
        tokio::time::sleep(left).await;
        Ok(())
    }

    async fn send(&self, request: &Request<'_>, asked: &Asked<'_>) -> Result<Response, Failure> {
        let built = request.clone().build(&self.client, &self.token, None);
        let mut built = built.map_err(|error| Failure::Down(error.to_string()))?;
        if !asked.files.is_empty() {
            built = built.multipart(form(asked));
        }
        let mut built = built.build().map_err(|error| Failure::Down(plain(error)))?;
        if let Some(length) = built.headers().get_all(CONTENT_LENGTH).iter().next_back().cloned() {
            built.headers_mut().insert(CONTENT_LENGTH, length);
        }
        if let Some(reason) = asked.reason.and_then(reason) {
            built.headers_mut().insert("x-audit-log-reason", reason);
        }
        if let Some(path) = asked.path {
            built.url_mut().set_path(&format!("{SERENITYS}{path}"));
        }
        if let Some(base) = &self.base {
            *built.url_mut() = moved(built.url(), base);
        }
        self.client.execute(built).await.map_err(|error| {
            // Where there was no connection, nothing can have been done.
            if error.is_connect() { Failure::Down(plain(error)) } else { Failure::Lost(plain(error)) }
        })
    }
}

/// What is asked beside the route.
#[derive(Default)]
struct Asked<'a> {
    body: Option<Vec<u8>>,
    params: Vec<(&'static str, String)>,
    files: &'a [Upload],
    reason: Option<&'a str>,
    /// Where serenity does not know the route: its path, asked under the limits of another.
    path: Option<&'a str>,
}

impl Asked<'_> {
    fn json(body: &Value) -> Self {
        Asked { body: Some(body.to_string().into_bytes()), ..Asked::default() }
    }
}

/// A client for the API and for files: no proxy, no redirects, every name in a certificate checked.
fn client(settings: &Settings) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(settings.request_timeout)
        .connect_timeout(settings.request_timeout);
    if let Some(file) = &settings.ca_file {
        for authority in reqwest::Certificate::from_pem_bundle(&std::fs::read(file)?)? {
            builder = builder.add_root_certificate(authority);
        }
    }
    Ok(builder.build()?)
}

/// The same route on another server: its path is put where ours begins, `/api/v10` if it says none.
fn moved(url: &Url, base: &Url) -> Url {
    let mut there = base.clone();
    let route = url.path().strip_prefix(SERENITYS).unwrap_or(url.path());
    let before = base.path().trim_end_matches('/');
    let before = if before.is_empty() || !before.contains("/api") {
        format!("{before}{SERENITYS}")
    } else {
        before.into()
    };
    there.set_path(&format!("{before}{route}"));
    there.set_query(url.query());
    there
}

/// How long Discord asks us to wait.
fn after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

async fn in_body(response: Response) -> Option<Duration> {
    let told: Value = read(response).await.ok()?;
    Duration::try_from_secs_f64(told.get("retry_after")?.as_f64()?).ok()
}

fn form(asked: &Asked<'_>) -> Form {
    let body = asked.body.clone().unwrap_or_default();
    let mut form = Form::new().text("payload_json", String::from_utf8(body).unwrap_or_default());
    for (number, file) in asked.files.iter().enumerate() {
        form = form
            .part(format!("files[{number}]"), Part::bytes(file.bytes.clone()).file_name(file.name.clone()));
    }
    form
}

/// Up to 512 characters, percent-encoded, for Discord's audit log.
fn reason(reason: &str) -> Option<HeaderValue> {
    let short: String = reason.chars().take(170).collect();
    let mut encoded = String::new();
    for byte in short.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded.truncate(512);
    (!encoded.is_empty()).then(|| HeaderValue::from_str(&encoded).ok()).flatten()
}

async fn answered(response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if status.is_server_error() {
        return Err(Failure::Lost(format!("HTTP status {}", status.as_u16())));
    }
    let told: Value = read(response).await.unwrap_or_default();
    let mut text = told.get("message").and_then(Value::as_str).unwrap_or("no reason given").to_owned();
    if let Some(errors) = told.get("errors") {
        text.push_str(": ");
        text.extend(errors.to_string().chars().take(300));
    }
    let code = told.get("code").and_then(Value::as_u64).unwrap_or_default();
    Err(Failure::Refused { status: status.as_u16(), code, text })
}

/// Reads an answer, within bounds.
async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, Failure> {
    let mut whole = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if whole.len() + chunk.len() <= ANSWER => whole.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(odd("it is too long")),
            Ok(None) => break,
            Err(error) => return Err(Failure::Lost(plain(error))),
        }
    }
    serde_json::from_slice(&whole).map_err(|error| odd(&error.to_string()))
}

fn odd(why: &str) -> Failure {
    Failure::Lost(format!("it cannot be read: {why}"))
}

/// The error without its address, which may hold a webhook's token.
fn plain(error: reqwest::Error) -> String {
    use std::error::Error as _;
    let error = error.without_url();
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_server_is_asked_for_the_same_route() {
        let route = Url::parse("https://discord.com/api/v10/channels/1/messages?limit=2").unwrap();
        for (base, there) in [
            ("http://127.0.0.1:7000", "http://127.0.0.1:7000/api/v10/channels/1/messages?limit=2"),
            ("http://127.0.0.1:7000/", "http://127.0.0.1:7000/api/v10/channels/1/messages?limit=2"),
            ("https://chat.test/api/v10", "https://chat.test/api/v10/channels/1/messages?limit=2"),
            ("https://chat.test/api/v9/", "https://chat.test/api/v9/channels/1/messages?limit=2"),
            ("https://chat.test/discord", "https://chat.test/discord/api/v10/channels/1/messages?limit=2"),
        ] {
            assert_eq!(moved(&route, &Url::parse(base).unwrap()).as_str(), there);
        }
    }

    #[test]
    fn a_reason_fits_in_a_header() {
        assert_eq!(reason("spam\r\nX: é").unwrap(), "spam%0D%0AX%3A%20%C3%A9");
        assert_eq!(reason(""), None);
    }
}
