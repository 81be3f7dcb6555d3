//! XEP-0359: Unique and Stable Stanza IDs.

use crate::element::Element;
use crate::ns;

/// `<stanza-id/>` assigned by `by`.
pub fn stanza_id(id: &str, by: &str) -> Element {
    Element::new("stanza-id", ns::SID).attr("id", id).attr("by", by)
}

/// §3.1 rule 4: removes every `<stanza-id/>` that claims to be by `by`; only it may say so.
pub fn strip(payloads: &mut Vec<Element>, by: &str) {
    payloads.retain(|payload| !(payload.is("stanza-id", ns::SID) && payload.get("by") == Some(by)));
}

/// The id that `by` assigned.
pub fn assigned<'a>(payloads: &'a [Element], by: &str) -> Option<&'a str> {
    let mut ids = payloads.iter().filter(|payload| payload.is("stanza-id", ns::SID));
    ids.find(|id| id.get("by") == Some(by)).and_then(|id| id.get("id"))
}

/// The id that the sender chose.
pub fn origin_id(payloads: &[Element]) -> Option<&str> {
    payloads.iter().find(|payload| payload.is("origin-id", ns::SID)).and_then(|id| id.get("id"))
}
