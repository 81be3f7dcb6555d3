//! Sections about what is kept: `[store]`, `[archive]`, `[sessions]`.

use super::value;
use rialto_store::{Durability, EngineKind, Settings, Verify};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// `[store]`: the database. Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// Which engine: `sled`, `redb` or `memory`.
    pub engine: EngineKind,
    /// Its folder. Without the key: `store` in the data folder.
    pub path: PathBuf,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// Bytes of memory for what was read.
    #[serde(deserialize_with = "value::bytes")]
    pub cache: usize,
    /// Batches that may wait for the disk before reading from clients pauses.
    pub queue_limit: usize,
    /// How thoroughly the store is read through when it opens.
    pub verify: Verify,
}

impl Store {
    /// As the store takes them.
    pub fn settings(&self) -> Settings {
        Settings {
            engine: self.engine,
            path: self.path.clone(),
            durability: self.durability,
            cache_bytes: self.cache as u64,
            queue_limit: self.queue_limit,
            verify: self.verify,
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        let theirs = Settings::default();
        Store {
            engine: theirs.engine,
            path: PathBuf::new(), // filled in by `Config`, which knows the data folder
            durability: theirs.durability,
            cache: 32 << 20,
            queue_limit: theirs.queue_limit,
            verify: theirs.verify,
        }
    }
}

/// `[archive]`: what people said to each other (XEP-0313). Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Archive {
    /// Whether accounts have archives; what waits for somebody who is away is kept all the same.
    pub enabled: bool,
    /// What an account keeps that has not chosen (XEP-0441 §2.1.1).
    pub default: ArchiveDefault,
    /// How long it is kept; `None`: until somebody removes it.
    #[serde(deserialize_with = "value::duration_or_forever")]
    pub retention: Option<Duration>,
    /// Messages in a page where the client names no number.
    pub page: usize,
    /// Messages in a page at most.
    pub max_page: usize,
    /// Messages that wait for one account (XEP-0160).
    pub offline: usize,
}

impl Default for Archive {
    fn default() -> Self {
        Archive {
            enabled: true,
            default: ArchiveDefault::Always,
            retention: Some(Duration::from_secs(365 * 86_400)),
            page: 50,
            max_page: 250,
            offline: 1000,
        }
    }
}

/// The values of XEP-0313's `default` attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArchiveDefault {
    /// Everything.
    Always,
    /// What comes from and goes to contacts.
    Roster,
    /// Nothing.
    Never,
}

/// `[sessions]`: who is logged in, and what waits for them. New sessions see a reload.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// How long a session with stream management (XEP-0198) waits for its client to come back.
    #[serde(deserialize_with = "value::duration")]
    pub hibernation: Duration,
    /// Stanzas that may wait for the client's acknowledgement.
    pub unacked_queue: usize,
    /// Bytes that may wait for a slow client.
    #[serde(deserialize_with = "value::bytes")]
    pub outbox_bytes: usize,
    /// Holds back what can wait while a client says that nobody looks (XEP-0352).
    pub hold_when_inactive: bool,
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions {
            hibernation: Duration::from_secs(10 * 60),
            unacked_queue: 2_000,
            outbox_bytes: 4 << 20,
            hold_when_inactive: true,
        }
    }
}
