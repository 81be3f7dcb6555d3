//! RFC 6120 §4.3.2: what a stream is offered at each step.

use rialto_xmpp::{Element, ns};

use super::C2s;

/// In the clear: TLS and nothing else (§5.3.1).
pub fn starttls() -> Vec<Element> {
    vec![Element::new("starttls", ns::TLS).with(Element::new("required", ns::TLS))]
}

/// After the login: a resource first, then what a session can do.
pub fn authenticated(c2s: &C2s) -> Vec<Element> {
    let mut features = vec![
        Element::new("bind", ns::BIND).with(Element::new("required", ns::BIND)),
        // RFC 6121 §1.4: clients of RFC 3921 ask for it, all others see that they need not.
        Element::new("session", ns::SESSION).with(Element::new("optional", ns::SESSION)),
    ];
    features.extend(bound(c2s));
    features
}

/// After a login that has bound a resource (XEP-0386): what a session can do.
pub fn bound(c2s: &C2s) -> Vec<Element> {
    let mut features = vec![Element::new("sm", ns::SM), Element::new("csi", ns::CSI)];
    features.extend(c2s.advertised.load().iter().cloned());
    features
}
