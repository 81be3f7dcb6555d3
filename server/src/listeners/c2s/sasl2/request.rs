//! XEP-0388 §2.3: what a client asks for with its login.

use rialto_xmpp::{Element, ns};

use super::super::bind2;
use super::super::sasl::AuthError;
use super::super::sasl::fast::{ClientId, Use};
use super::{Refusal, upgrade};
use crate::credentials::ScramHash;

/// `<authenticate/>`, read. What is wrong in itself is refused before anything is tried.
pub struct Request {
    /// The name of the mechanism.
    pub mechanism: String,
    /// `<initial-response/>`, still in base64; `None`: there is none.
    pub initial: Option<String>,
    /// Who the client says to be, among those of the account.
    pub client: Option<ClientId>,
    /// XEP-0198: `<resume/>`.
    pub resume: Option<Element>,
    /// XEP-0386: `<bind/>`.
    pub bind: Option<bind2::Request>,
    /// XEP-0484: `<fast/>`; the proof is one of a token.
    pub fast: Option<Use>,
    /// XEP-0484: `<request-token/>`, by the name of its mechanism.
    pub token: Option<String>,
    /// XEP-0480: keys that the client can make.
    pub upgrades: Vec<ScramHash>,
    /// XEP-0509: which features the client goes by.
    pub version: Option<String>,
}

impl Request {
    /// Reads it. Elements that are not known ask for nothing.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn read(element: &Element) -> Result<Request, Refusal> {
        let bad = |text: &str| Refusal::saying(AuthError::MalformedRequest, text);
        let client = match element.child("user-agent", ns::SASL2).and_then(|agent| agent.get("id")) {
            Some(id) => {
                Some(ClientId::of(id).ok_or_else(|| bad("The id of the user-agent is empty or too long."))?)
            }
            None => None,
        };
        let resume = element.child("resume", ns::SM);
        if resume.is_some_and(|resume| resume.get("h").and_then(|h| h.parse::<u32>().ok()).is_none()) {
            return Err(bad("The h of resume is no number."));
        }
        let bind = match element.child("bind", ns::BIND2) {
            Some(bind) => {
                let bind = bind2::Request::read(bind);
                Some(bind.ok_or_else(|| bad("The tag of bind cannot be part of a resource."))?)
            }
            None => None,
        };
        let fast = match element.child("fast", ns::FAST) {
            Some(fast) => Some(use_of(fast).ok_or_else(|| bad("The count of fast is no number."))?),
            None => None,
        };
        let token = element.child("request-token", ns::FAST).and_then(|token| token.get("mechanism"));
        let upgrades = element.children().filter(|child| child.is("upgrade", ns::SASL_UPGRADE));
        let version = element.child("config-version", ns::PIPELINING);
        Ok(Request {
            mechanism: element.get("mechanism").unwrap_or_default().to_owned(),
            initial: element.child_text("initial-response", ns::SASL2),
            client,
            resume: resume.cloned(),
            bind,
            fast,
            token: token.map(str::to_owned),
            upgrades: upgrades.filter_map(|child| upgrade::hash_of(child.text().trim())).collect(),
            version: version.map(|version| version.get("value").unwrap_or_default().to_owned()),
        })
    }
}

/// `<fast count invalidate/>`
fn use_of(fast: &Element) -> Option<Use> {
    let count = match fast.get("count") {
        Some(count) => Some(count.parse().ok()?),
        None => None,
    };
    Some(Use { count, invalidate: matches!(fast.get("invalidate"), Some("1" | "true")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authenticate(child: Element) -> Element {
        Element::new("authenticate", ns::SASL2).attr("mechanism", "PLAIN").with(child)
    }

    #[test]
    fn what_is_wrong_in_itself_is_refused_before_anything_is_tried() {
        let long = "x".repeat(129);
        let tag =
            |tag: &str| Element::new("bind", ns::BIND2).with(Element::new("tag", ns::BIND2).with_text(tag));
        let agent = |id: &str| Element::new("user-agent", ns::SASL2).attr("id", id);
        let resume = |h: &str| Element::new("resume", ns::SM).attr("h", h).attr("previd", "x");
        let fast = |count: &str| Element::new("fast", ns::FAST).attr("count", count);
        for wrong in [
            tag("a\u{7f}b"),
            tag(&"x".repeat(2000)),
            agent(""),
            agent(&long),
            resume("many"),
            resume("-1"),
            Element::new("resume", ns::SM),
            fast("-1"),
            fast(""),
            fast("one"),
        ] {
            let refusal = Request::read(&authenticate(wrong.clone())).err().unwrap();
            assert_eq!(refusal.error, AuthError::MalformedRequest, "{}", wrong.to_xml());
        }
    }

    #[test]
    fn what_is_not_there_is_not_asked_for() {
        let request = Request::read(&Element::new("authenticate", ns::SASL2)).unwrap_or_else(|_| panic!());
        assert!(request.client.is_none() && request.bind.is_none() && request.resume.is_none());
        assert!(request.initial.is_none() && request.fast.is_none() && request.token.is_none());
        let unknown = Request::read(&authenticate(Element::new("dance", "urn:example")));
        assert!(unknown.is_ok());
        let empty = authenticate(Element::new("initial-response", ns::SASL2));
        assert_eq!(Request::read(&empty).ok().unwrap().initial.as_deref(), Some(""));
    }
}
