//! Rialto: a chat server for communities. XMPP at heart, other networks as native rooms.
//!
//! The floors, lowest first; a floor may name those below it, never those above (`ARCHITECTURE.md`):
//! `config` (2, plain values) · `sessions` (3) · `features` (4) · `router` (5) · `muc`, `services` (6) · `listeners` (7) ·
//! `server`, `cli` (8).

pub mod admin;
pub mod certs;
pub mod cli;
pub mod config;
pub mod credentials;
pub mod export;
pub mod features;
pub mod files;
pub mod guards;
pub mod import;
pub mod invites;
pub mod listeners;
pub mod logs;
pub mod metrics;
pub mod muc;
pub mod payloads;
pub mod people;
pub mod public_url;
pub mod random;
pub mod router;
pub mod server;
pub mod services;
pub mod sessions;
pub mod shelf;
