//! What the configuration says of clients' streams, and the limits that nobody should have to choose.

use std::time::Duration;

use crate::config::{self, Config};

/// Limits and policies of clients' streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `[c2s]`
    pub c2s: config::C2s,
    /// `[sessions]`
    pub sessions: config::Sessions,
    /// Whether accounts have archives.
    pub archives: bool,
    /// XEP-0357: how long a session waits for a client whose device is woken by pushes.
    pub pushed_hibernation: Duration,
    /// Connections that have not logged in, from everywhere.
    pub unauthenticated: usize,
    /// Connections that have not logged in, from one address.
    pub unauthenticated_per_address: usize,
    /// How long a write may take no byte.
    pub write_timeout: Duration,
    /// From the end of one HTTP request, or the beginning of its connection, to the end of the next one's head.
    pub head_timeout: Duration,
}

impl Settings {
    /// As an operator chose.
    pub fn new(config: &Config) -> Settings {
        Settings {
            c2s: config.c2s.clone(),
            sessions: config.sessions.clone(),
            archives: config.archive.enabled,
            pushed_hibernation: config.push.hibernation,
            ..Settings::default()
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            c2s: config::C2s::default(),
            sessions: config::Sessions::default(),
            archives: true,
            pushed_hibernation: config::Push::default().hibernation,
            unauthenticated: 4_000,
            unauthenticated_per_address: 1_000,
            write_timeout: Duration::from_secs(60),
            head_timeout: Duration::from_secs(20),
        }
    }
}
