//! The domains that rooms are on, by who may open a room there.

mod native;

pub use native::{Native, defaults};
