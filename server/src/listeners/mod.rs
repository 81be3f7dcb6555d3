//! Sockets: TLS, and what clients say over it until they are sessions.

pub mod c2s;
pub mod gate;
pub mod settings;
pub mod tls;
mod token;
