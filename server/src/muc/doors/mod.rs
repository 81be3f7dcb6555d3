//! The domains that rooms are on, by who may open a room there.

mod bridged;
#[cfg(test)]
mod bridged_tests;
mod native;

pub use bridged::Bridged;
pub use native::{Native, defaults};
