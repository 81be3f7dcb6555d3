//! The only place that knows both languages: XMPP's payloads and the acts of the bridges.

mod inward;
mod outward;
mod styling;

pub use inward::payloads;
pub use outward::{Known, act};
