//! XMPP from bytes to stanzas and back: no I/O, no clock, no async (RFC 6120, RFC 7622).
//!
//! Floors 0–1 of the house: `framer`, `parse`, `element`, `write` know XML; `jid`, `stanza`,
//! `error`, `stream` know XMPP; `parts` holds the small payloads that many specifications share.
#![forbid(unsafe_code)]

mod chars;
mod declaration;
pub mod element;
pub mod error;
pub mod framer;
pub mod jid;
pub mod limits;
pub mod ns;
pub mod parse;
pub mod parts;
pub mod prep;
mod scope;
pub mod stanza;
pub mod stream;
mod tag;
mod words;
pub mod write;

pub use element::{Attr, Element, Node};
pub use error::{Condition, ErrorKind, StanzaError, StreamCondition, StreamError};
pub use jid::{BareJid, Jid, JidError};
pub use ns::Ns;
pub use stanza::{Head, Iq, IqKind, Message, MessageKind, Presence, PresenceKind, Stanza};
pub use write::Broadcast;
