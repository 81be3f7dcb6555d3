//! Files: fetched from Discord's own hosts alone, within a size and a time. Their addresses expire; the message still knows
//! the new one.

use super::settings::Settings;
use super::snowflake::Place;
use super::transport::{Rest, Upload};
use super::wire;
use crate::model::Attachment;
use crate::network::{Fetched, NetworkError};
use reqwest::Url;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Where Discord's files lie.
pub(super) const CDN: &str = "https://cdn.discordapp.com";

/// Discord's hosts for files.
const HOSTS: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];

/// How long fetching one file may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Files whose message is remembered.
const SHOWN: usize = 5_000;

/// In which messages files lie: by the path of their address, which stays when the signature behind it expires.
#[derive(Default)]
pub(super) struct Shown {
    at: HashMap<String, Place>,
    order: VecDeque<String>,
}

impl Shown {
    /// The files of a message.
    pub fn note(&mut self, place: Place, message: &wire::Message) {
        let forwarded = message.message_snapshots.iter().flat_map(|snapshot| &snapshot.message.attachments);
        for file in message.attachments.iter().chain(forwarded) {
            let Some(path) = path(&file.url) else { continue };
            if self.at.insert(path.clone(), place).is_none() {
                self.order.push_back(path);
            }
            if self.order.len() > SHOWN
                && let Some(oldest) = self.order.pop_front()
            {
                self.at.remove(&oldest);
            }
        }
    }

    /// The message in which this file lies.
    pub fn place(&self, url: &str) -> Option<Place> {
        self.at.get(&path(url)?).copied()
    }
}

fn path(url: &str) -> Option<String> {
    Url::parse(url).ok().map(|url| url.path().to_owned())
}

/// May this address be fetched? Only Discord's own hosts, and those that the settings name in their place.
fn allowed(url: &str, settings: &Settings) -> Result<Url, NetworkError> {
    let refused = || NetworkError::Forbidden("files are fetched from Discord's own hosts only".into());
    let url = Url::parse(url).map_err(|_| refused())?;
    let host = url.host_str().unwrap_or_default();
    if url.scheme() == "https" && HOSTS.contains(&host) && url.port().is_none() {
        return Ok(url);
    }
    let others = [&settings.cdn_url, &settings.api_url].into_iter().flatten();
    let mut others = others.filter_map(|other| Url::parse(other).ok());
    let same = |other: Url| other.origin() == url.origin() && url.username().is_empty();
    if others.any(same) { Ok(url) } else { Err(refused()) }
}

/// The address that a file of this message has now.
pub(super) fn again(message: &wire::Message, url: &str) -> Option<String> {
    let wanted = path(url)?;
    let forwarded = message.message_snapshots.iter().flat_map(|snapshot| &snapshot.message.attachments);
    let mut files = message.attachments.iter().chain(forwarded);
    files.find(|file| path(&file.url).as_ref() == Some(&wanted)).map(|file| file.url.clone())
}

/// Fetches a file. `again` tells the new address of one whose address has expired.
pub(super) async fn fetch(
    rest: &Rest,
    settings: &Settings,
    url: &str,
    most: u64,
    again: impl AsyncFnOnce() -> Option<String>,
) -> Result<Fetched, NetworkError> {
    let first = get(rest, allowed(url, settings)?, most).await;
    if !matches!(first, Err(NetworkError::NotFound(_))) {
        return first;
    }
    match again().await.filter(|now| now != url) {
        Some(now) => get(rest, allowed(&now, settings)?, most).await,
        None => first,
    }
}

/// A file of ours that goes along with a message, where the settings trust its host and it is not too large.
pub(super) async fn upload(rest: &Rest, settings: &Settings, file: &Attachment) -> Option<Upload> {
    let trusted = settings.upload_from.iter().any(|from| file.url.starts_with(from.as_str()));
    let most = settings.upload_limit;
    if !trusted || file.size.is_some_and(|size| size > most) {
        return None;
    }
    let fetched = get(rest, Url::parse(&file.url).ok()?, most).await.ok()?;
    Some(Upload { name: file.name.clone(), bytes: fetched.bytes })
}

async fn get(rest: &Rest, url: Url, most: u64) -> Result<Fetched, NetworkError> {
    let late = |_| NetworkError::Down("the file did not come in time".into());
    tokio::time::timeout(DEADLINE, all(rest, url, most)).await.map_err(late)?
}

async fn all(rest: &Rest, url: Url, most: u64) -> Result<Fetched, NetworkError> {
    let down = |error: reqwest::Error| NetworkError::Down(error.without_url().to_string());
    let mut response = rest.client().get(url).send().await.map_err(down)?;
    match response.status().as_u16() {
        200 => {}
        401 | 403 | 404 | 410 => return Err(NetworkError::NotFound("the file is not there any more".into())),
        429 => return Err(NetworkError::Slow(Duration::from_secs(5))),
        status => return Err(NetworkError::Down(format!("HTTP status {status}"))),
    }
    if response.content_length().is_some_and(|length| length > most) {
        return Err(NetworkError::TooLarge);
    }
    let told = response.headers().get("content-type").and_then(|told| told.to_str().ok());
    let media_type =
        told.and_then(|told| told.split(';').next()).unwrap_or("application/octet-stream").trim();
    let media_type = media_type.to_ascii_lowercase();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(down)? {
        if bytes.len() as u64 + chunk.len() as u64 > most {
            return Err(NetworkError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Fetched { media_type, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discord::settings::tests::read;

    #[test]
    fn files_are_fetched_from_the_networks_own_hosts_only() {
        let settings = read("token_file = 'token'").unwrap();
        let may = |url: &str| allowed(url, &settings).is_ok();
        assert!(may("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1&hm=2"));
        assert!(may("https://media.discordapp.net/stickers/1.gif"));
        for url in [
            "http://cdn.discordapp.com/a",
            "https://cdn.discordapp.com:8443/a",
            "https://cdn.discordapp.com.evil.test/a",
            "https://evil.test/cdn.discordapp.com",
            "https://cdn.discordapp.com@evil.test/a",
            "file:///etc/passwd",
            "http://127.0.0.1:5280/",
            "nonsense",
        ] {
            assert!(!may(url), "{url}");
        }
        let settings = read("token_file = 'token'\napi_url = 'http://127.0.0.1:7000/api/v10'").unwrap();
        assert!(allowed("http://127.0.0.1:7000/attachments/1", &settings).is_ok());
        assert!(allowed("http://127.0.0.1:7001/attachments/1", &settings).is_err());
    }
}
