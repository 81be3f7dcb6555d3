//! Other networks: their small common language, the door they come through, and the networks themselves.
//!
//! This crate knows no stanza, no JID and no store. `model` is what is said, `network` the door, `degrade` what to do
//! where a network cannot; each folder below is one network and nothing else here knows its words.

#![forbid(unsafe_code)]

mod calendar;
pub mod contract;
pub mod degrade;
pub mod discord;
pub mod irc;
pub mod keys;
pub mod loopback;
pub mod model;
pub mod network;
pub mod pace;
#[cfg(test)]
mod seeded;

pub use model::{Act, Attachment, Author, Event, Message, Reply, Span, Style, Text};
pub use network::{
    About, Capabilities, Fed, Feed, Fetched, Fut, Hat, Identity, Incoming, Kind, Limits, Listed, Member,
    Network, NetworkError, Opening, RemoteId, Role, Sanction, SettingsError,
};

/// The one list of networks that a configuration may name in `[bridge.<name>] kind = "…"`.
pub const KINDS: &[Kind] = &[irc::KIND, discord::KIND];

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}
