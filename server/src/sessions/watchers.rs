//! Who may know whether an account is here (RFC 6121 §3.1): those with a subscription to its presence.

use std::collections::HashSet;

use parking_lot::RwLock;

/// Bare JIDs with a subscription `from` or `both`. An extension of the account, kept by the roster, read by every
/// feature that must not tell strangers (XEP-0012 §4, XEP-0030 §8).
#[derive(Default)]
pub struct Watchers(RwLock<HashSet<Box<str>>>);

impl Watchers {
    /// Whether this bare JID may know.
    pub fn has(&self, bare: &str) -> bool {
        self.0.read().contains(bare)
    }

    /// From now on this bare JID may know, or may not.
    pub fn set(&self, bare: &str, may: bool) {
        let mut watchers = self.0.write();
        if may {
            watchers.insert(bare.into());
        } else {
            watchers.remove(bare);
        }
    }
}
