//! XEP-0060 §11: the errors of publish-subscribe, each with its own condition.

use rialto_xmpp::{Condition, Element, StanzaError, ns};

/// A condition of the RFC with one of `pubsub#errors`.
pub(super) fn refusal(condition: Condition, own: &'static str) -> StanzaError {
    StanzaError::from(condition).with(Element::new(own, ns::PUBSUB_ERRORS))
}

/// The same, with a sentence for a person.
pub(super) fn explained(condition: Condition, own: &'static str, text: impl Into<String>) -> StanzaError {
    StanzaError::new(condition, text).with(Element::new(own, ns::PUBSUB_ERRORS))
}

/// §11: the service does not do that.
pub(super) fn unsupported(feature: &'static str) -> StanzaError {
    let own = Element::new("unsupported", ns::PUBSUB_ERRORS).attr("feature", feature);
    StanzaError::from(Condition::FeatureNotImplemented).with(own)
}

/// The request names no node.
pub(super) fn node_required() -> StanzaError {
    refusal(Condition::BadRequest, "nodeid-required")
}

/// There is no such node.
pub(super) fn no_node() -> StanzaError {
    Condition::ItemNotFound.into()
}
