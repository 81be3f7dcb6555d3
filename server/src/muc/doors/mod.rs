//! The domains that rooms are on, by who may open a room there.

mod bridged;
#[cfg(test)]
mod bridged_tests;
mod native;
pub mod persons;

pub use bridged::Bridged;
pub(in crate::muc) use bridged::refusal;
pub use native::{Native, defaults};
