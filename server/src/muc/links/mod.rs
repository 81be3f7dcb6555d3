//! Links: a room of ours that is one with rooms on other networks.
//!
//! In the room (`words`, `seats`, `relay`) nothing waits: news of a far room is an input, and what people there must hear
//! is an effect. Around it each link has two tasks (`inward`, `outward`), each in its order, and `registry` knows all links.

mod attached;
mod back;
mod filter;
#[cfg(test)]
mod filter_tests;
mod hosts;
mod inward;
mod lane;
#[cfg(test)]
mod link_tests;
mod linked;
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
#[cfg(test)]
mod room_tests;
mod seats;
mod sweep;
pub mod translate;
mod words;

#[cfg(test)]
use crate::config::To;
pub use crate::config::{LinkOptions, Way};
pub use attached::{Attached, Origin, State as LinkState};
pub use hosts::Hosts;
pub use linked::Linked;
#[cfg(test)]
pub(in crate::muc) use linked::tests::link as a_link;
pub use memory::Memory;
pub use networks::{BadBridge, Connected, Networks};
pub use news::{Deed, Named, News};
pub use people::People;
pub use registry::{LinkError, Links};
pub use relay::{Relayed, Returned, Sender};
pub use seats::CROWD;
