//! Nodes without a server.
