//! The only place that knows both languages: XMPP's payloads and the acts of the bridges.

mod file;
mod inward;
mod outward;
mod styling;

pub use file::prove;
pub use inward::payloads;
pub use outward::{Known, act};
