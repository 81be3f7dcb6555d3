//! `[push]`: waking devices that are away.

use super::value;
use serde::Deserialize;
use std::time::Duration;

/// `[push]`: notifications by the push services that clients enable (XEP-0357). Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Push {
    /// Clients may enable push services.
    pub enabled: bool,
    /// A device is told of messages at most this often; of calls at once.
    #[serde(deserialize_with = "value::duration")]
    pub every: Duration,
    /// Tells the push service who wrote last.
    pub sender: bool,
    /// Tells the push service what was written last, if it is not encrypted.
    pub body: bool,
    /// How long a session waits for a client that has lost its connection and is woken by pushes.
    #[serde(deserialize_with = "value::duration")]
    pub hibernation: Duration,
}

impl Default for Push {
    fn default() -> Self {
        Push {
            enabled: true,
            every: Duration::from_secs(5),
            sender: false,
            body: false,
            hibernation: Duration::from_secs(86_400),
        }
    }
}
