//! Pictures of our people for other networks: at an address that everybody reaches, that says nothing of whose it is, and
//! that is another one when the picture is.
//!
//! Only what everybody may see anyway is shown: the photo of the vCard (XEP-0054 §3.3), which a picture becomes whose node
//! is open (XEP-0398 §7), and only to rooms that everybody may enter.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use rialto_store::rehosted::{self, Face};
use rialto_store::{Batch, vcard};
use rialto_xmpp::{ns, parse};
use sha1::{Digest, Sha1};

use super::{File, Files, Shelved};
use crate::features::vcard::sniffed;

/// Accounts whose pictures are known without asking the store; when there are more, all are asked for anew.
const KNOWN: usize = 4096;

/// Bytes of the largest picture that is shown.
const LARGEST: usize = 256 * 1024;

/// What is known of pictures.
#[derive(Default)]
pub(super) struct Faces {
    known: Mutex<HashMap<String, Shown>>,
    /// One after another: nobody's picture is kept twice.
    keeping: tokio::sync::Mutex<()>,
}

/// The hash of a picture, and the address that it has.
type Shown = (String, Option<Arc<str>>);

impl Files {
    /// Where the picture of an account lies whose presence names it by this hash (XEP-0153 §3.1), for people of a bridge.
    pub(in crate::muc::links) async fn face(
        &self,
        bridge: &str,
        account: &str,
        hash: &str,
    ) -> Option<Arc<str>> {
        if !self.settings(bridge).avatars {
            return None;
        }
        if let Some((known, url)) = self.faces.known.lock().get(account)
            && known == hash
        {
            return url.clone();
        }
        if !self.shelf.is_open() {
            return None;
        }
        let _one = self.faces.keeping.lock().await;
        let url = self.kept_face(account, hash).await.filter(|url| url.starts_with("https://"));
        let url: Option<Arc<str>> = url.map(Into::into);
        let mut known = self.faces.known.lock();
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(account.to_owned(), (hash.to_owned(), url.clone()));
        url
    }

    async fn kept_face(&self, account: &str, hash: &str) -> Option<String> {
        let before = rehosted::face(&self.store, account).ok()?;
        if let Some(face) = before.as_ref().filter(|face| face.hash == hash)
            && let Some(url) = self.shelf.url(&face.upload)
        {
            return Some(url);
        }
        let (bytes, kind) = self.picture(account, hash)?;
        let name = format!("avatar.{}", kind.trim_start_matches("image/"));
        let file =
            File { owner: account.to_owned(), name, kind: kind.into(), bytes, is_face: true, before: None };
        let Shelved { id, url, .. } = match self.shelf.keep(file).await {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(error, "a picture could not be kept for other networks");
                return None;
            }
        };
        // Who has been told the last address may be about to fetch it; the one before that is of no use any more.
        let last = before.as_ref().and_then(|face| face.before.clone());
        let face = Face { hash: hash.to_owned(), upload: id.clone(), before: before.map(|face| face.upload) };
        let mut batch = Batch::new();
        let noted = rehosted::put_face(&mut batch, account, &face);
        if noted.is_err() || self.store.commit(batch).await.is_err() {
            self.remove(&id).await;
            return None;
        }
        if let Some(last) = last {
            self.remove(&last).await;
        }
        Some(url)
    }

    /// The photo of a vCard, if it is the one of this hash and a picture that every network shows.
    fn picture(&self, account: &str, hash: &str) -> Option<(Vec<u8>, &'static str)> {
        if vcard::photo(&self.store, account).ok()??.as_str() != hash {
            return None;
        }
        let card = vcard::get(&self.store, account).ok()??;
        let card = parse::standalone(std::str::from_utf8(&card).ok()?).ok()?;
        let text = card.child("PHOTO", ns::VCARD)?.child_text("BINVAL", ns::VCARD)?;
        let text: String = text.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(text).ok()?;
        let own: String = Sha1::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let kind = sniffed(&bytes)?;
        (own == hash && bytes.len() <= LARGEST).then_some((bytes, kind))
    }
}
