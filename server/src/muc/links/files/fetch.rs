//! One file from another network, by the network itself, onto our shelf; or why it could not be.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rialto_bridges::model::{Attachment, harmless_line, harmless_nick};
use rialto_bridges::{Fetched, NetworkError};
use rialto_store::rehosted::Rehosted;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};

use super::{File, Files, Held, Shelved};
use crate::muc::links::networks::Connected;

/// How long a network that said no for a moment is given.
const AGAIN: Duration = Duration::from_millis(500);

/// Bytes of a name or a reason that is shown.
const SHOWN: usize = 200;

impl Files {
    /// Whose the files of a bridge are: no account and no room has such an address.
    pub(super) fn owner(over: &Connected) -> String {
        format!("{}@{}", over.name, over.domain)
    }

    /// Takes a file over: it is shown from here afterwards. The error is words to be said in its place.
    pub(super) async fn bring(
        self: &Arc<Self>,
        over: &Connected,
        file: &Attachment,
    ) -> Result<(Attachment, Arc<Held>), (String, Arc<Held>)> {
        let source = source(&file.url).to_owned();
        match self.take(over, file).await {
            Ok((upload, kept, hash)) => {
                let row = Rehosted { upload: Some(upload), source, over: false };
                Ok((kept, Held::new(self, row, Some(hash))))
            }
            Err(why) => {
                tracing::info!(network = %over.name, why, "a file from there was not taken over");
                let row = Rehosted { upload: None, source, over: false };
                Err((instead(file, &why), Held::new(self, row, None)))
            }
        }
    }

    /// The upload, what is shown of it, and its hash.
    async fn take(
        &self,
        over: &Connected,
        file: &Attachment,
    ) -> Result<(String, Attachment, String), String> {
        let settings = self.settings(&over.name);
        let most = (settings.max_size as u64).min(self.shelf.largest());
        let too_large = || format!("it is larger than the {} that are taken over", size(most));
        if file.size.is_some_and(|size| size > most) {
            return Err(too_large());
        }
        let deadline = Instant::now() + settings.deadline;
        let late = |_| format!("it did not come within {} s", settings.deadline.as_secs().max(1));
        let place = timeout_at(deadline, self.places.acquire()).await.map_err(late)?;
        let _place = place.map_err(|_| "the server stops".to_owned())?;
        let fetched = match timeout_at(deadline, patiently(over, &file.url, most)).await.map_err(late)? {
            Ok(fetched) if fetched.bytes.len() as u64 <= most => fetched,
            Ok(_) | Err(NetworkError::TooLarge) => return Err(too_large()),
            Err(error) => return Err(error.to_string()),
        };
        timeout_at(deadline, self.opens()).await.map_err(|_| "nothing is served over HTTP".to_owned())?;
        self.keep(over, file, fetched, settings.total as u64).await
    }

    async fn keep(
        &self,
        over: &Connected,
        file: &Attachment,
        fetched: Fetched,
        total: u64,
    ) -> Result<(String, Attachment, String), String> {
        let (owner, size) = (Files::owner(over), fetched.bytes.len() as u64);
        if !self.has_room(&owner, size, total).await {
            return Err("all files from there together are too large".to_owned());
        }
        let hash = STANDARD.encode(Sha256::digest(&fetched.bytes));
        let media_type = kind(&file.media_type, &fetched.media_type);
        let wanted = File {
            owner,
            name: file.name.clone(),
            kind: media_type.clone(),
            bytes: fetched.bytes,
            is_face: false,
            before: self.before(),
        };
        let Shelved { id, url, name, .. } = self.shelf.keep(wanted).await?;
        let description = file.description.as_ref().map(|text| harmless_line(text));
        let description = description.filter(|text| !text.is_empty());
        Ok((id, Attachment { name, media_type, size: Some(size), url, description }, hash))
    }

    /// Until the addresses of our files are known: a moment after the start.
    pub(super) async fn opens(&self) {
        while !self.shelf.is_open() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// As often as it takes: whoever waits has a deadline.
async fn patiently(over: &Connected, url: &str, most: u64) -> Result<Fetched, NetworkError> {
    loop {
        match over.network.fetch(url, most).await {
            Err(NetworkError::Slow(pause)) => tokio::time::sleep(pause.max(AGAIN)).await,
            Err(NetworkError::Down(_)) => tokio::time::sleep(AGAIN).await,
            done => return done,
        }
    }
}

/// The type that the message named, or else the one that the file came with.
fn kind(named: &str, came: &str) -> String {
    let (named, came) = (named.trim(), came.trim());
    let kind = if named.contains('/') { named } else { came };
    kind.to_ascii_lowercase()
}

/// What is the same each time a file is named: what follows is its signature.
pub(super) fn source(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Words for a file that could not be had. Its address is not among them: it would not last.
fn instead(file: &Attachment, why: &str) -> String {
    let cut = |text: &str| rialto_bridges::degrade::shorten(&harmless_line(text), SHOWN);
    let name = match file.name.trim() {
        "" => "it has no name".to_owned(),
        name => cut(&harmless_nick(name)),
    };
    match file.size {
        Some(bytes) => format!("[a file is not shown here: {name}, {}: {}]", size(bytes), cut(why)),
        None => format!("[a file is not shown here: {name}: {}]", cut(why)),
    }
}

/// So many bytes, for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pitfall_16_what_is_signed_anew_each_time_is_not_what_a_file_is_known_by() {
        assert_eq!(source("https://cdn.test/a/1/cat.png?ex=1&is=2&hm=3"), "https://cdn.test/a/1/cat.png");
        assert_eq!(source("https://cdn.test/a"), "https://cdn.test/a");
    }

    #[test]
    fn words_for_a_file_name_it_and_say_why_and_do_not_lead_there() {
        let file = Attachment {
            name: "\u{202e}gnp.\ncat".into(),
            media_type: String::new(),
            size: Some(30 << 20),
            url: "https://cdn.test/cat.png?hm=3".into(),
            description: None,
        };
        let said = instead(&file, "it is\r\nlarge");
        assert!(said.contains("30 MiB: it is large]") && !said.contains("cdn.test"), "{said}");
        assert!(!said.contains('\n') && !said.contains('\r'), "{said}");
    }

    #[test]
    fn a_type_that_is_none_is_what_came() {
        assert_eq!(kind("", "IMAGE/png"), "image/png");
        assert_eq!(kind("image/webp", "application/octet-stream"), "image/webp");
    }
}
