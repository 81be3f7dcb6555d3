//! The section `[guard]`: what strangers may do.

use super::value;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// `[guard]`: what people may do to others who do not know them. Reloaded.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guard {
    /// Files with addresses and domains that are kept away, plain or as SHA-256.
    pub lists: Vec<PathBuf>,
    /// In how much time the following numbers count.
    #[serde(deserialize_with = "value::duration")]
    pub within: Duration,
    /// People that one may write to who do not know him; 0: as many as he likes, here and in the following.
    pub recipients: u32,
    /// Messages to one who does not know him and does not answer.
    pub unanswered: u32,
    /// Subscription requests (RFC 6121 §3.1) of one person.
    pub requests: u32,
    /// Invitations of one person into rooms.
    pub invitations: u32,
    /// What one account takes of all strangers together.
    pub strangers: u32,
}

impl Default for Guard {
    fn default() -> Self {
        Guard {
            lists: Vec::new(),
            within: Duration::from_secs(10 * 60),
            recipients: 30,
            unanswered: 100,
            requests: 30,
            invitations: 30,
            strangers: 200,
        }
    }
}
