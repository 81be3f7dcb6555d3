//! XEP-0363 §4, §5: what a client asks for.

use std::time::UNIX_EPOCH;

use rialto_store::uploads::Purpose;
use rialto_xmpp::parts::datetime;
use rialto_xmpp::{Condition, Element, StanzaError, ns};

use super::{Wish, in_micros, media};

/// Reads a `<request/>` of this owner.
///
/// # Errors
/// `bad-request` where it is not as it must be; `not-acceptable` for what would be gone already;
/// `feature-not-implemented` for a purpose that nobody knows.
pub(super) fn read(request: &Element, owner: &str, now: u64) -> Result<Wish, StanzaError> {
    let bad = |text: &str| StanzaError::new(Condition::BadRequest, text);
    let name = request.get("filename").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| bad("The request has no filename."))?.to_owned();
    let size = request.get("size").ok_or_else(|| bad("The request has no size."))?;
    let size = size.parse::<u64>().ok().filter(|size| *size > 0);
    let size = size.ok_or_else(|| bad("The size must be a number of bytes, and more than none."))?;
    let kind = request.get("content-type").filter(|kind| !kind.is_empty());
    if kind.is_some_and(|kind| !media::is_one(kind)) {
        return Err(bad("The content-type is none: write one like image/jpeg."));
    }
    let (purpose, before) = purpose(request, now)?;
    Ok(Wish { owner: owner.to_owned(), name, size, kind: kind.map(str::to_owned), purpose, before })
}

/// §5: without a purpose it is a message's.
fn purpose(request: &Element, now: u64) -> Result<(Purpose, Option<u64>), StanzaError> {
    let Some(purpose) = request.children().find(|child| *child.ns() == *ns::UPLOAD_PURPOSE) else {
        return Ok((Purpose::Message, None));
    };
    match purpose.name() {
        "message" => Ok((Purpose::Message, None)),
        "profile" => Ok((Purpose::Profile, None)),
        "permanent" => Ok((Purpose::Permanent, None)),
        // §5.3: it must say until when.
        "ephemeral" => {
            let before = purpose.get("expire-before").and_then(datetime::parse);
            let before = before.ok_or_else(|| {
                StanzaError::new(
                    Condition::BadRequest,
                    "An ephemeral file needs an expire-before, a DateTime.",
                )
            })?;
            let before = in_micros(before.duration_since(UNIX_EPOCH).unwrap_or_default());
            if before <= now {
                let text = "The expire-before is over already.";
                return Err(StanzaError::new(Condition::NotAcceptable, text));
            }
            Ok((Purpose::Ephemeral, Some(before)))
        }
        _ => Err(StanzaError::new(Condition::FeatureNotImplemented, "Files are not kept for this purpose.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_750_000_000_000_000;

    fn request(attrs: &[(&'static str, &str)]) -> Element {
        attrs
            .iter()
            .fold(Element::new("request", ns::UPLOAD), |request, (name, value)| request.attr(*name, value))
    }

    fn condition(request: &Element) -> Condition {
        read(request, "romeo@localhost", NOW).unwrap_err().condition
    }

    #[test]
    fn a_request_needs_a_name_and_a_size_that_is_one() {
        let good = request(&[("filename", "a.jpg"), ("size", "7"), ("content-type", "image/jpeg")]);
        let wish = read(&good, "romeo@localhost", NOW).unwrap();
        assert_eq!(
            (wish.size, wish.kind.as_deref(), wish.purpose),
            (7, Some("image/jpeg"), Purpose::Message)
        );
        assert_eq!(condition(&request(&[("size", "7")])), Condition::BadRequest);
        assert_eq!(condition(&request(&[("filename", ""), ("size", "7")])), Condition::BadRequest);
        for size in ["", "0", "-1", "1.5", "99999999999999999999999", "seven", " 7"] {
            assert_eq!(
                condition(&request(&[("filename", "a"), ("size", size)])),
                Condition::BadRequest,
                "{size}"
            );
        }
        let bad_type = request(&[("filename", "a"), ("size", "7"), ("content-type", "a/b\r\nX: y")]);
        assert_eq!(condition(&bad_type), Condition::BadRequest);
    }

    #[test]
    fn what_is_to_be_gone_says_when() {
        let with = |purpose: Element| request(&[("filename", "a"), ("size", "7")]).with(purpose);
        let ephemeral = || Element::new("ephemeral", ns::UPLOAD_PURPOSE);
        assert_eq!(condition(&with(ephemeral())), Condition::BadRequest);
        assert_eq!(condition(&with(ephemeral().attr("expire-before", "soon"))), Condition::BadRequest);
        let past = with(ephemeral().attr("expire-before", "1999-01-01T00:00:00Z"));
        assert_eq!(condition(&past), Condition::NotAcceptable);
        let later = with(ephemeral().attr("expire-before", "2099-01-01T00:00:00Z"));
        let wish = read(&later, "romeo@localhost", NOW).unwrap();
        assert_eq!((wish.purpose, wish.before), (Purpose::Ephemeral, Some(4_070_908_800_000_000)));
        assert_eq!(
            condition(&with(Element::new("art", ns::UPLOAD_PURPOSE))),
            Condition::FeatureNotImplemented
        );
    }
}
