//! RFC 6120: streams of clients.

pub mod sasl;
