//! XEP-0486: MUC Avatars. The room has a vCard; its owners set it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rialto_xmpp::{Condition, Element, Iq, Jid, Presence, PresenceKind, StanzaError, ns};
use sha1::{Digest, Sha1};

use super::affiliation::Affiliation;
use super::effect::{Effect, Turn};
use super::listener::{Listeners, Printed};
use super::room::Room;

/// Bytes of a vCard with its photos; the same as for accounts.
const CARD: usize = 192 * 1024;

/// Photos in it: one image in several formats (§6.1).
const PHOTOS: usize = 4;

impl Room {
    /// §4.2: an owner sets the vCard, or takes it away with an empty one.
    pub(super) fn set_card(&mut self, turn: &mut Turn<'_>, from: &Jid, iq: &Iq) {
        match self.card_set(from, iq) {
            Ok((card, hashes)) => {
                turn.effects.push(Effect::Card(card));
                turn.answer(iq, Ok(None));
                let before = std::mem::replace(&mut self.record_mut().avatar, hashes);
                turn.save();
                self.tell_codes(turn, &[104]);
                if before != self.record.avatar {
                    turn.tell(Printed::new(&self.face().into()), self.occupants.all());
                }
            }
            Err(error) => turn.answer(iq, Err(error)),
        }
    }

    fn card_set(&self, from: &Jid, iq: &Iq) -> Result<(Option<String>, Vec<String>), StanzaError> {
        if self.affiliation(from) != Affiliation::Owner {
            return Err(StanzaError::new(Condition::Forbidden, "Only owners of the room set its picture."));
        }
        let card = iq.payload().ok_or(Condition::BadRequest)?;
        if card.children().next().is_none() {
            return Ok((None, Vec::new()));
        }
        let xml = card.to_xml();
        if xml.len() > CARD {
            let says = format!("This vCard is too large: use a picture that makes it at most {CARD} bytes.");
            return Err(StanzaError::new(Condition::NotAcceptable, says));
        }
        let photos = card.children().filter(|child| child.is("PHOTO", ns::VCARD));
        let data = photos.filter_map(|photo| photo.child_text("BINVAL", ns::VCARD));
        let hashes: Vec<String> = data.map(|data| hash(&data)).collect::<Result<_, _>>()?;
        if hashes.len() > PHOTOS {
            return Err(StanzaError::new(Condition::NotAcceptable, "There are too many pictures in it."));
        }
        Ok((Some(xml), hashes))
    }

    /// §6.2: to whoever enters, before his own presence; clients of before this specification look for it there.
    pub(super) fn show_face(&self, turn: &mut Turn<'_>, to: Listeners) {
        if !self.record.avatar.is_empty() {
            turn.tell(Printed::new(&self.face().into()), to);
        }
    }

    fn face(&self) -> Presence {
        let hash = self.record.avatar.first().map_or("", String::as_str);
        let photo = Element::new("photo", ns::VCARD_UPDATE).with_text(hash);
        let mut presence = Presence::new(PresenceKind::Available, &self.jid, &self.jid)
            .with(Element::new("x", ns::VCARD_UPDATE).with(photo));
        presence.head.to = None;
        presence
    }
}

/// XEP-0153 §3.1: the SHA-1 of the image, in hexadecimal digits.
fn hash(base64: &str) -> Result<String, StanzaError> {
    let plain: String = base64.split_ascii_whitespace().collect();
    let image = STANDARD.decode(plain).ok().filter(|image| !image.is_empty());
    let Some(image) = image else {
        return Err(StanzaError::new(Condition::BadRequest, "The picture in it is no base64."));
    };
    Ok(Sha1::digest(image).iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use crate::muc::effect::Effect;
    use crate::muc::tests::stage::Stage;

    fn sets(stage: &mut Stage, who: &str, inside: &str) -> String {
        stage.asks(who, "set", &format!("<vCard xmlns='vcard-temp'>{inside}</vCard>"))
    }

    fn photo(data: &str) -> String {
        format!("<PHOTO><TYPE>image/png</TYPE><BINVAL>{data}</BINVAL></PHOTO>")
    }

    #[test]
    fn an_owner_gives_the_room_a_face_that_everybody_sees() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        assert!(sets(&mut stage, "romeo", &photo("aGVs\n bG8=")).contains("type='result'"));
        assert!(stage.effects.iter().any(|effect| matches!(effect, Effect::Card(Some(_)))) && stage.saved());
        let hash = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
        let heard = stage.hears("juliet");
        assert!(heard[0].contains("code='104'"), "{heard:?}");
        assert!(
            heard[1].starts_with("<presence from='lounge@rooms.lit'") && heard[1].contains(hash),
            "{heard:?}"
        );
        stage.enters("paris", "paris");
        let heard = stage.hears("paris");
        let own = heard.iter().position(|heard| heard.contains("code='110'")).unwrap();
        assert!(heard[own - 1].contains(hash), "{heard:?}");
        let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
        assert!(stage.asks("paris", "get", info).contains(hash));
        stage.hush();
        assert!(sets(&mut stage, "romeo", "").contains("result"));
        assert!(stage.effects.iter().any(|effect| matches!(effect, Effect::Card(None))));
        assert!(stage.hears("juliet")[1].contains("<photo/>"));
        assert!(!stage.asks("paris", "get", info).contains("avatarhash"));
    }

    #[test]
    fn nobody_else_does_and_no_picture_is_too_large_or_none() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        assert!(sets(&mut stage, "juliet", &photo("aGVsbG8=")).contains("<forbidden"));
        assert!(sets(&mut stage, "romeo", &photo(&"A".repeat(200 * 1024))).contains("<not-acceptable"));
        assert!(sets(&mut stage, "romeo", &photo("no base64!")).contains("<bad-request"));
        assert!(sets(&mut stage, "romeo", &photo("aGVsbG8=").repeat(5)).contains("<not-acceptable"));
        assert!(stage.hears("juliet").is_empty() && stage.room.record.avatar.is_empty());
    }
}
