//! Capabilities of clients without a server.
