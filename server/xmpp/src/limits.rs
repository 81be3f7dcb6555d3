//! How much of anything one stanza may hold (RFC 6120 §13.12).

/// Limits of the framer and the parser. All are checked before memory is given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one top-level element.
    pub bytes: usize,
    /// Elements inside one another.
    pub depth: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// Elements in one stanza.
    pub elements: usize,
}

impl Limits {
    /// For a stream whose other side has not said who it is.
    pub const UNAUTHENTICATED: Limits = Limits { bytes: 8 * 1024, depth: 8, attributes: 16, elements: 32 };
    /// For a client that has logged in.
    pub const CLIENT: Limits = Limits { bytes: 256 * 1024, depth: 64, attributes: 64, elements: 4_096 };
    /// For another server or a component.
    pub const SERVER: Limits = Limits { bytes: 512 * 1024, depth: 64, attributes: 64, elements: 8_192 };
}
