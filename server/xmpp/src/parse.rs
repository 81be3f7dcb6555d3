//! RFC 6120 §11, Namespaces in XML 1.0: one framed slice to an element, strictly.

use bytes::Bytes;

use crate::element::Element;
use crate::error::{StreamCondition, StreamError};
use crate::limits::Limits;
use crate::stream::Header;

/// What the stream header put in scope: its content namespace and its prefixes.
#[derive(Clone, Debug)]
pub struct StreamScope {
    /// `jabber:client`, `jabber:server` or `jabber:component:accept`; elements in it are read as `jabber:client`.
    pub content: &'static str,
    /// Prefixes declared on the header, and their namespaces.
    pub prefixes: Vec<(String, String)>,
}

/// Reads the start tag of a stream.
///
/// # Errors
/// The stream error to end with: `invalid-namespace`, `bad-namespace-prefix`, `not-well-formed` …
pub fn header(_open: &Bytes) -> Result<(Header, StreamScope), StreamError> {
    Err(StreamCondition::NotWellFormed.into())
}

/// Reads one top-level element.
///
/// # Errors
/// The stream error to end with.
pub fn element(_bytes: &Bytes, _scope: &StreamScope, _limits: &Limits) -> Result<Element, StreamError> {
    Err(StreamCondition::NotWellFormed.into())
}

/// Reads an element that stands on its own (from the store, from a test).
///
/// # Errors
/// `not-well-formed` and its kin.
pub fn standalone(_xml: &str) -> Result<Element, StreamError> {
    Err(StreamCondition::NotWellFormed.into())
}
