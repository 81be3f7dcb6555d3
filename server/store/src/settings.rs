//! The `[store]` section of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where and how things are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which engine holds the data.
    pub engine: EngineKind,
    /// The folder of the store, made when it is not there.
    pub path: PathBuf,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// Bytes of memory the engine may use to cache what it reads.
    pub cache_bytes: u64,
    /// How many batches may wait for the disk before reading from clients pauses. Eight times as many are refused.
    pub queue_limit: usize,
    /// How thoroughly the data is read through when the store opens.
    pub verify: Verify,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            engine: EngineKind::Sled,
            path: PathBuf::from("data/store"),
            durability: Durability::Commit,
            cache_bytes: 32 * 1024 * 1024,
            queue_limit: 8192,
            verify: Verify::Auto,
        }
    }
}

/// The engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// Nothing survives the process; for tests.
    Memory,
    /// The default: cheap writes.
    Sled,
    /// Fast reads, one file, a stable format.
    Redb,
}

impl EngineKind {
    /// The word used in the configuration and in the store's marker file.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Memory => "memory",
            EngineKind::Sled => "sled",
            EngineKind::Redb => "redb",
        }
    }
}

/// What "acknowledged" means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// On the disk (`fdatasync`) before anyone is told: survives a power cut.
    Commit,
    /// Handed to the operating system, on the disk within 100 ms: survives a killed process, not a power cut.
    Relaxed,
}

/// How much is read through on opening, to find damage before anyone depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// Everything, while the store is small enough that nobody notices (up to 64 MiB); else the marks only.
    Auto,
    /// Everything, however long it takes.
    Always,
    /// Only the marks: format, engine, sequence numbers, journal.
    Never,
}
