//! Links: a room of ours that is one with rooms on other networks.
//!
//! In the room (`words`, `seats`, `relay`) nothing waits: news of a far room is an input, and what people there must hear
//! is an effect. Around it each link has two tasks (`inward`, `outward`), each in its order, and `registry` knows all links.

mod attached;
mod hosts;
mod inward;
#[cfg(test)]
mod link_tests;
mod linked;
mod memory;
mod networks;
mod news;
mod outward;
mod people;
mod registry;
mod relay;
#[cfg(test)]
mod room_tests;
mod seats;
pub mod translate;
mod words;

pub use crate::config::{LinkOptions, Way};
pub use attached::{Attached, BACKLOG, Origin, State as LinkState};
pub use hosts::Hosts;
pub use linked::Linked;
#[cfg(test)]
pub(in crate::muc) use linked::tests::link as a_link;
pub use memory::Memory;
pub use networks::{BadBridge, Connected, Networks};
pub use news::{Deed, Named, News};
pub use people::People;
pub use registry::{LinkError, Links};
pub use relay::{Relayed, Sender};
pub use seats::CROWD;
