//! What can go wrong: with one batch or read (`StoreError`), and on opening (`OpenError`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a read or a batch failed. Cheap to clone: many tickets can share one failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// An expectation of the batch did not hold; nothing of it was written.
    #[error("the record is no longer what the writer expected")]
    Conflict,
    /// A record is there and cannot be understood.
    #[error("a record of table `{table}` is damaged ({reason}): restore the store from a backup")]
    Corrupt { table: &'static str, reason: Arc<str> },
    /// The disk is full, or nearly: the batch was refused before anything was touched.
    #[error("no room left on the disk that holds the store: free some, nothing needs restarting")]
    Full,
    /// More is waiting than the hard limit of the queue allows.
    #[error("the store is overloaded: too many writes are waiting for the disk")]
    Overloaded,
    /// The store was closed before the batch was written.
    #[error("the store is closed")]
    Closed,
    /// The engine or the disk said no; nothing of the batch counts as written.
    #[error("the store's engine failed: {0}")]
    Engine(Arc<str>),
}

impl StoreError {
    /// An engine's own failure, in its words.
    pub(crate) fn engine(why: impl std::fmt::Display) -> StoreError {
        StoreError::Engine(why.to_string().into())
    }

    /// A record that cannot be understood.
    pub(crate) fn corrupt(table: &'static str, why: impl std::fmt::Display) -> StoreError {
        StoreError::Corrupt { table, reason: why.to_string().into() }
    }
}

/// Why a store does not open. The text says what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "the store in {path} is in use by another process: stop that one first (is a Rialto already running?)"
    )]
    InUse { path: PathBuf },
    /// The operating system refuses access.
    #[error("no permission for the store in {path}: {reason}; give the folder to the user Rialto runs as")]
    Permission { path: PathBuf, reason: String },
    /// It was written by a newer Rialto.
    #[error(
        "the store in {path} has format {found}, this Rialto knows up to {known}: run the newer Rialto that wrote it, \
         or restore a backup made before the upgrade"
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    /// The folder belongs to another engine.
    #[error(
        "the store in {path} was written by the engine `{found}`, the configuration asks for `{wanted}`: set \
         `engine = \"{found}\"`, or convert it with `rialto store migrate`"
    )]
    WrongEngine { path: PathBuf, found: String, wanted: String },
    /// The folder holds something that is not a store of ours.
    #[error(
        "{path} is not empty and not a Rialto store ({reason}): choose an empty folder, or move this one away"
    )]
    Foreign { path: PathBuf, reason: String },
    /// The store is damaged. It is never repaired by forgetting.
    #[error(
        "the store in {path} is damaged: {reason}. Nothing was made anew. Restore the folder from a backup; to start \
         empty instead, move the folder away and start again"
    )]
    Damaged { path: PathBuf, reason: String },
    /// Anything else the operating system says.
    #[error("the store in {path} cannot be opened: {reason}")]
    Io { path: PathBuf, reason: String },
}

impl OpenError {
    /// The operating system's answer, told apart by kind.
    pub(crate) fn io(path: &Path, error: &std::io::Error) -> OpenError {
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => OpenError::Permission { path, reason },
            _ => OpenError::Io { path, reason },
        }
    }

    /// Damage found while opening.
    pub(crate) fn damaged(path: &Path, reason: impl std::fmt::Display) -> OpenError {
        OpenError::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }
}
