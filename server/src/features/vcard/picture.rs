//! XEP-0398: User Avatar to vCard-Based Avatars Conversion: XEP-0084 ⇄ XEP-0153.
//!
//! What is published as an avatar becomes the photo of the vCard, if everybody may see it; the photo of a vCard becomes
//! an avatar. The server publishes by the account's bare JID, and follows only what clients publish.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rialto_store::pubsub::{Access, Config};
use rialto_xmpp::{BareJid, Condition, Element, Jid, StanzaError, ns};
use sha1::{Digest, Sha1};

use super::Cards;
use crate::features::Left;
use crate::features::pubsub::{Happening, Host, PubSub, Publication, Watcher};

/// A picture.
pub(super) struct Picture {
    /// SHA-1 in hexadecimal digits: its name in both places (XEP-0084 §4.2, XEP-0153 §3.1).
    pub hash: String,
    bytes: Vec<u8>,
    kind: String,
}

/// Follows the metadata node.
pub(super) struct Follower {
    pub cards: Arc<Cards>,
    pub pubsub: Arc<PubSub>,
}

impl Picture {
    /// The picture in a base64 text, blanks in it ignored (XEP-0153 §4.5).
    fn read(text: &str, kind: Option<&str>) -> Option<Picture> {
        let text: String = text.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty())?;
        let hash = Sha1::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let kind = sniffed(&bytes).or(kind.filter(|kind| is_plain(kind))).unwrap_or("image/png").to_owned();
        Some(Picture { hash, bytes, kind })
    }

    /// The photo of a vCard.
    pub(super) fn of_card(card: &Element) -> Option<Picture> {
        let photo = card.child("PHOTO", ns::VCARD)?;
        let kind = photo.child_text("TYPE", ns::VCARD);
        Picture::read(&photo.child_text("BINVAL", ns::VCARD)?, kind.as_deref().map(str::trim))
    }

    fn photo(&self) -> Element {
        let text = |name: &str, text: &str| Element::new(name, ns::VCARD).with_text(text);
        let bytes = STANDARD.encode(&self.bytes);
        Element::new("PHOTO", ns::VCARD).with(text("TYPE", &self.kind)).with(text("BINVAL", &bytes))
    }
}

/// XEP-0153 §5: the bytes say what they are, whatever else is said.
pub(crate) fn sniffed(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

fn is_plain(kind: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'+' | b'.');
    kind.starts_with("image/") && kind.len() <= 64 && kind.bytes().all(plain)
}

/// §4.2: publishes the photo of a vCard, or that there is none any more.
pub(super) fn publish(
    pubsub: &PubSub,
    owner: &BareJid,
    picture: Option<&Picture>,
    left: &mut Left,
) -> Result<(), StanzaError> {
    let (host, by) = (Host::Account(owner), owner.as_jid());
    let open = || Some(Config { access: Access::Open, ..Config::default() });
    let Some(picture) = picture else {
        if pubsub.config(owner.as_str(), ns::AVATAR_METADATA)?.is_none() {
            return Ok(());
        }
        let none = Element::new("metadata", ns::AVATAR_METADATA);
        let (node, payload) = (ns::AVATAR_METADATA, Some(&none));
        return pubsub
            .publish(host, by, &Publication { node, payload, ..Publication::default() }, left)
            .map(drop);
    };
    let id = Some(picture.hash.as_str());
    let bytes = Element::new("data", ns::AVATAR_DATA).with_text(STANDARD.encode(&picture.bytes));
    let first = Publication {
        node: ns::AVATAR_DATA,
        id,
        payload: Some(&bytes),
        config: open(),
        ..Publication::default()
    };
    pubsub.publish(host, by, &first, left)?;
    let info = Element::new("info", ns::AVATAR_METADATA)
        .attr("id", &picture.hash)
        .attr("bytes", picture.bytes.len().to_string())
        .attr("type", &picture.kind);
    let metadata = Element::new("metadata", ns::AVATAR_METADATA).with(info);
    let (node, payload, config) = (ns::AVATAR_METADATA, Some(&metadata), open());
    pubsub
        .publish(host, by, &Publication { node, id, payload, config, ..Publication::default() }, left)
        .map(drop)
}

impl Follower {
    /// §4.1: the picture that the metadata names becomes the photo.
    async fn follow(&self, owner: &BareJid, id: Option<String>, left: &mut Left) -> Result<(), StanzaError> {
        let Some(id) = id else { return self.cards.set_photo(owner, None, left).await };
        // §7: a picture that not everybody may see is not put where everybody may.
        let open = |config: Config| config.access == Access::Open;
        if !self.pubsub.config(owner.as_str(), ns::AVATAR_DATA)?.is_some_and(open) {
            return Ok(());
        }
        let item = self.pubsub.item(owner.as_str(), ns::AVATAR_DATA, Some(&id)).await?;
        let picture = item.and_then(|item| {
            let payload = item.payload?;
            let text = payload.is("data", ns::AVATAR_DATA).then(|| payload.text())?;
            Picture::read(&text, None)
        });
        match picture {
            Some(picture) if picture.hash.eq_ignore_ascii_case(&id) => {
                self.cards.set_photo(owner, Some((picture.photo(), picture.hash)), left).await
            }
            Some(_) => Err(StanzaError::new(
                Condition::NotAcceptable,
                "the picture is not the one that its id names",
            )),
            None => Err(Condition::ItemNotFound.into()),
        }
    }
}

impl Watcher for Arc<Follower> {
    fn happened(&self, host: Host<'_>, by: &Jid, happening: &Happening<'_>, left: &mut Left) {
        let Host::Account(owner) = host else { return };
        if by.is_bare() {
            // That was we.
            return;
        }
        let id = match happening {
            Happening::Published { payload: Some(payload), .. }
                if payload.is("metadata", ns::AVATAR_METADATA) =>
            {
                let mut infos =
                    payload.children().filter(|child| child.is("info", ns::AVATAR_METADATA)).peekable();
                let is_any = infos.peek().is_some();
                // §4.1: the one that is not somewhere else.
                let here = infos.find(|info| info.get("url").is_none()).and_then(|info| info.get("id"));
                match (is_any, here) {
                    (true, None) => return,
                    (_, here) => here.map(str::to_owned),
                }
            }
            Happening::Retracted { .. } | Happening::Emptied { .. } => None,
            _ => return,
        };
        let (follower, owner) = (self.clone(), owner.clone());
        left.later(move || {
            Box::pin(async move {
                let mut left = Left::default();
                if let Err(error) = follower.follow(&owner, id, &mut left).await {
                    tracing::info!(account = %owner, %error, "an avatar was not put into the vCard");
                }
                left
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_named_by_its_bytes_and_is_what_they_say() {
        let png = STANDARD.encode(b"\x89PNG\r\n");
        let picture = Picture::read(&format!(" {}\n {} ", &png[..4], &png[4..]), Some("text/html")).unwrap();
        assert_eq!((picture.kind.as_str(), picture.hash.len()), ("image/png", 40));
        let other = Picture::read(&STANDARD.encode(b"?"), Some("image/svg+xml")).unwrap();
        assert_eq!(other.kind, "image/svg+xml");
        assert_eq!(Picture::read(&STANDARD.encode(b"?"), Some("image/'>")).unwrap().kind, "image/png");
        assert!(Picture::read("", None).is_none() && Picture::read("%%%", None).is_none());
    }

    #[test]
    fn a_photo_comes_back_as_the_same_picture() {
        let picture = Picture::read(&STANDARD.encode(b"GIF89a"), None).unwrap();
        let again = Picture::of_card(&Element::new("vCard", ns::VCARD).with(picture.photo())).unwrap();
        assert_eq!((again.hash, again.kind.as_str()), (picture.hash, "image/gif"));
    }
}
