//! XEP-0359: Unique and Stable Stanza IDs.

use crate::element::Element;
use crate::jid::Jid;
use crate::ns;

/// `<stanza-id/>` assigned by `by`.
pub fn stanza_id(id: &str, by: &str) -> Element {
    Element::new("stanza-id", ns::SID).attr("id", id).attr("by", by)
}

/// §3.1 rule 4: removes every `<stanza-id/>` that claims to be by `by`; only it may say so.
pub fn strip(payloads: &mut Vec<Element>, by: &str) {
    payloads.retain(|payload| !(payload.is("stanza-id", ns::SID) && claims(payload, by)));
}

/// Addresses are compared as such: `JULIET@localhost` is who `juliet@localhost` is.
fn claims(payload: &Element, by: &str) -> bool {
    payload.get("by").is_some_and(|it| it == by || Jid::parse(it).is_ok_and(|it| it.as_str() == by))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_id_is_taken_out_however_its_address_is_written() {
        let mut payloads: Vec<Element> = ["juliet@localhost", "JULIET@LocalHost", "romeo@localhost", "@"]
            .map(|by| stanza_id("forged", by))
            .into();
        strip(&mut payloads, "juliet@localhost");
        let left: Vec<_> = payloads.iter().filter_map(|payload| payload.get("by")).collect();
        assert_eq!(left, ["romeo@localhost", "@"]);
    }
}
