//! How clients' streams are kept: limits in bytes, seconds and numbers. All have defaults that suit a small server.

use std::time::Duration;

/// What to do when a client asks for a resource that another session of the account has (RFC 6120 §7.7.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflict {
    /// The older session ends with the stream error `conflict`.
    #[default]
    Replace,
    /// The newcomer gets the stanza error `conflict`.
    Refuse,
    /// The newcomer gets a resource that the server makes.
    Rename,
}

/// Limits and policies of clients' streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// From the connection to the bound resource.
    pub login_timeout: Duration,
    /// Bytes that a client may send before it has logged in.
    pub login_bytes: usize,
    /// Bytes of one stanza after that.
    pub stanza_bytes: usize,
    /// Connections that have not logged in, from everywhere.
    pub unauthenticated: usize,
    /// Connections that have not logged in, from one address.
    pub unauthenticated_per_address: usize,
    /// Connections at the same time.
    pub connections: usize,
    /// Sessions of one account, waiting ones included.
    pub sessions_per_account: usize,
    /// A resource that is taken.
    pub conflict: Conflict,
    /// Whether PLAIN is offered (under TLS).
    pub plain: bool,
    /// How long a session waits for its client to resume it (XEP-0198 §5).
    pub hibernation: Duration,
    /// Stanzas that may wait for the client's acknowledgement; more end the session with `resource-constraint`.
    pub unacked: usize,
    /// Bytes that may wait for a client; more end the session with `resource-constraint`.
    pub outbox_bytes: usize,
    /// Silence after which the client is asked for a sign of life.
    pub ping_after: Duration,
    /// How long it has to give one.
    pub ping_timeout: Duration,
    /// How long a write may take no byte, and how long a closing stream waits for the client's close.
    pub write_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            login_timeout: Duration::from_secs(30),
            login_bytes: 64 << 10,
            stanza_bytes: 256 << 10,
            unauthenticated: 2_000,
            unauthenticated_per_address: 500,
            connections: 20_000,
            sessions_per_account: 10,
            conflict: Conflict::Replace,
            plain: true,
            hibernation: Duration::from_secs(600),
            unacked: 2_000,
            outbox_bytes: 4 << 20,
            ping_after: Duration::from_secs(300),
            ping_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
        }
    }
}
