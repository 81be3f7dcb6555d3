//! Links: a room of ours that is one with rooms on other networks.
//!
//! In the room (`words`, `seats`, `relay`) nothing waits: news of a far room is an input, and what people there must hear
//! is an effect. Around it each link has two tasks (`inward`, `outward`), each in its order, and `registry` knows all links.

mod attached;
mod back;
mod bans;
#[cfg(test)]
mod command_tests;
pub mod commands;
mod echo;
#[cfg(test)]
mod far_tests;
mod files;
mod filter;
#[cfg(test)]
mod filter_tests;
mod flow;
mod hosts;
mod inward;
mod kept;
#[cfg(test)]
mod kept_tests;
mod lane;
#[cfg(test)]
mod link_tests;
mod linked;
mod lookalike;
mod mark;
mod memory;
mod networks;
mod news;
#[cfg(test)]
mod outbox_tests;
mod outward;
mod parts;
mod people;
mod registry;
mod relay;
mod relays;
mod reload;
#[cfg(test)]
mod reload_tests;
mod restore;
#[cfg(test)]
mod room_tests;
mod sanction;
mod seated;
mod seats;
mod sweep;
pub mod translate;
mod words;

#[cfg(test)]
use crate::config::To;
pub use crate::config::{LinkOptions, Way};
pub use rialto_bridges::Author;

pub use attached::{Attached, Origin, State as LinkState};
pub use bans::FarBan;
pub use files::{File, Files, Held, Shelf, Shelved, told};
pub use hosts::Hosts;
pub use linked::Linked;
#[cfg(test)]
pub(in crate::muc) use linked::tests::link as a_link;
pub use mark::Token;
pub use memory::Memory;
pub use networks::{Connected, Networks, NotOpened};
pub use news::{Deed, Named, News};
pub use people::People;
pub use registry::{LinkError, Links};
pub use relay::{Relayed, Returned, Sender};
pub use sanction::Decided;
pub use seated::Seated;
pub use seats::CROWD;
