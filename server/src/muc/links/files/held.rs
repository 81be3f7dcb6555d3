//! A file that was kept for a message, until the message is: what nobody said needs no file.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rialto_store::rehosted::Rehosted;

use super::Files;

/// The file of a message that is on its way into the room. When the message comes to nothing, the file goes.
pub struct Held {
    files: Arc<Files>,
    /// What is kept of it with the message.
    pub row: Rehosted,
    /// XEP-0300: SHA-256 of it, in base64.
    pub hash: Option<String>,
    settled: AtomicBool,
}

impl Held {
    pub(super) fn new(files: &Arc<Files>, row: Rehosted, hash: Option<String>) -> Arc<Held> {
        Arc::new(Held { files: files.clone(), row, hash, settled: AtomicBool::new(false) })
    }

    /// The message is kept, and the file with it.
    pub(in crate::muc) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let (Some(upload), false) = (self.row.upload.take(), self.settled.load(Ordering::Relaxed)) {
            self.files.clone().remove_later(upload);
        }
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Held) -> bool {
        self.row == other.row
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Held").field(&self.row.upload).finish()
    }
}
