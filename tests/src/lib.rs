//! What the whole server must do: transcripts, tidiness, seeded input and real peers.

pub mod client;
pub mod inputs;
mod scram;
pub mod server;
pub mod talk;
pub mod tidy;
mod tls;
pub mod web;
pub mod xml;
