//! Tests of rooms that are about more than one act, and what the tests of acts stand on.

pub mod far;
mod host;
mod owner;
mod random;
mod safety;
pub mod stage;
