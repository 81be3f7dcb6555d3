//! Payloads that many specifications share.

pub mod datetime;
pub mod delay;
pub mod form;
pub mod forwarded;
pub mod rsm;
pub mod stanza_id;
