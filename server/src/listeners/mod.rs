//! Sockets: TLS, and what clients say over it until they are sessions.

pub mod c2s;
pub mod tls;
