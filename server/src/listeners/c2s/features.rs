//! RFC 6120 §4.3.2: what a stream is offered at each step.

use std::time::Duration;

use rialto_xmpp::{Element, ns};

use super::C2s;

/// In the clear: TLS and nothing else (§5.3.1).
pub fn starttls() -> Vec<Element> {
    vec![Element::new("starttls", ns::TLS).with(Element::new("required", ns::TLS))]
}

/// XEP-0478 §3.1: the largest element, in bytes, and the longest silence.
pub fn limits(bytes: usize, idle: Duration) -> Element {
    let text = |name: &str, text: String| Element::new(name, ns::STREAM_LIMITS).with_text(text);
    Element::new("limits", ns::STREAM_LIMITS)
        .with(text("max-bytes", bytes.to_string()))
        .with(text("idle-seconds", idle.as_secs().to_string()))
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
    let settings = c2s.settings();
    features.push(limits(settings.c2s.stanza_bytes, settings.c2s.ping_after));
    features.extend(c2s.advertised.load().iter().cloned());
    features
}
