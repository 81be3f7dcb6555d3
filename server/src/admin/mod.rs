//! The admin socket: how the command line talks to a running server.
//!
//! A Unix socket in the data folder, for its owner alone (mode 0600): whoever may open it may administer the server.
//! One JSON object a line, one answer for each command, in their order. `protocol` says what stands in them, `socket`
//! listens, `client` asks.

mod adhoc;
mod blocklists;
mod circles;
pub mod client;
pub mod community;
pub mod desk;
mod exports;
mod invites;
mod links;
mod notices;
mod people;
pub mod protocol;
mod reports;
pub mod rooms;
pub mod socket;
mod uploads;
pub mod users;

pub use client::{AskError, ask};
pub use protocol::{
    Answer, Blocklist, Command, Exported, Link, Refusal, Report, Room, Status, Upload, User, Why,
};
pub use socket::{AdminSocket, Desk, ListenError};
pub use users::Users;

pub(crate) use invites::Inviting;

#[cfg(test)]
mod tests;
