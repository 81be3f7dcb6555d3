//! An account that is in memory: its sessions, and what the features know about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rialto_xmpp::BareJid;

use super::{Extensions, Session};

/// An account in memory. Its extensions are filled by the features' `load` before anybody sees it.
pub struct Account {
    /// Bare JID.
    pub jid: BareJid,
    /// What the features know about it.
    pub extensions: Extensions,
    guarded: AtomicBool,
    sessions: ArcSwap<Vec<Arc<Session>>>,
    /// Writers of `sessions` go one after another.
    change: Mutex<()>,
}

impl Account {
    /// An account without sessions.
    pub fn new(jid: BareJid) -> Account {
        Account {
            jid,
            extensions: Extensions::default(),
            guarded: AtomicBool::new(false),
            sessions: ArcSwap::default(),
            change: Mutex::new(()),
        }
    }

    /// Whether it blocks anybody (XEP-0191). Those who block nobody pay no more than this for it.
    pub fn is_guarded(&self) -> bool {
        self.guarded.load(Ordering::Acquire)
    }

    /// From now on it blocks somebody, or nobody any more.
    pub fn guard(&self, guarded: bool) {
        let _one = self.change.lock();
        self.guarded.store(guarded, Ordering::Release);
        self.sessions.load().iter().for_each(|session| session.set_guarded(guarded));
    }

    /// Its sessions, available or not, as they are now.
    pub fn sessions(&self) -> Arc<Vec<Arc<Session>>> {
        self.sessions.load_full()
    }

    /// The session of this resourcepart.
    pub fn session(&self, resource: &str) -> Option<Arc<Session>> {
        self.sessions.load().iter().find(|session| session.jid.resourcepart() == Some(resource)).cloned()
    }

    /// Adds a session unless its resourcepart is taken; says whether it did.
    pub fn add(&self, session: Arc<Session>) -> bool {
        let _one = self.change.lock();
        let before = self.sessions.load_full();
        if before.iter().any(|other| other.jid == session.jid) {
            return false;
        }
        session.set_guarded(self.is_guarded());
        let after = before.iter().cloned().chain([session]).collect();
        self.sessions.store(Arc::new(after));
        true
    }

    /// Takes this very session out (not another one of the same name); says whether it was there.
    pub fn remove(&self, session: &Arc<Session>) -> bool {
        let _one = self.change.lock();
        let before = self.sessions.load_full();
        let after: Vec<_> = before.iter().filter(|other| !Arc::ptr_eq(other, session)).cloned().collect();
        let was_there = after.len() < before.len();
        self.sessions.store(Arc::new(after));
        was_there
    }
}
