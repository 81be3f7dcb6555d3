//! One connected resource of an account (RFC 6120 §7, RFC 6121 §4).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI16, AtomicU8, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rialto_xmpp::{Jid, Presence};

use super::{Extensions, Frame, Outbox, Refused};

/// A connected resource. It lives until it is unbound, over several connections if it is resumed (XEP-0198).
pub struct Session {
    /// Full JID.
    pub jid: Jid,
    /// Unique in this process; for logs.
    pub number: u64,
    /// When it began, in seconds since 1970.
    pub since: u64,
    /// What waits for its client.
    pub outbox: Outbox,
    /// What the features know about it.
    pub extensions: Extensions,
    guarded: AtomicBool,
    priority: AtomicI16,
    attention: AtomicU8,
    /// Microseconds since 1970.
    takes_since: AtomicU64,
    presence: Mutex<Option<Arc<Presence>>>,
}

/// Who looks at what a session gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// Somebody may.
    Full,
    /// XEP-0352: the client says that nobody does.
    Inactive,
    /// XEP-0198 §5: the client has lost its connection and may come back.
    Asleep,
}

/// Priority of a session that has not sent available presence.
pub const UNAVAILABLE: i16 = i16::MIN;

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Session {
    /// A session that is not available yet; its outbox holds at most `limit` bytes.
    pub fn new(jid: Jid, limit: usize) -> Session {
        Session {
            jid,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            since: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            outbox: Outbox::new(limit),
            extensions: Extensions::default(),
            guarded: AtomicBool::new(false),
            priority: AtomicI16::new(UNAVAILABLE),
            attention: AtomicU8::new(Attention::Full as u8),
            takes_since: AtomicU64::new(0),
            presence: Mutex::new(None),
        }
    }

    /// Puts a frame into its outbox.
    ///
    /// # Errors
    /// [`Refused`] when the session is over.
    pub fn send(&self, frame: Frame) -> Result<(), Refused> {
        self.outbox.push(frame)
    }

    /// Whether its account blocks anybody ([`super::Account::is_guarded`]).
    pub fn is_guarded(&self) -> bool {
        self.guarded.load(Ordering::Acquire)
    }

    pub(super) fn set_guarded(&self, guarded: bool) {
        self.guarded.store(guarded, Ordering::Release);
    }

    /// Who looks at it.
    pub fn attention(&self) -> Attention {
        match self.attention.load(Ordering::Relaxed) {
            0 => Attention::Full,
            1 => Attention::Inactive,
            _ => Attention::Asleep,
        }
    }

    /// Somebody looks at it, or nobody. What waits goes out when somebody does; a client that is asleep gets everything
    /// when it comes back.
    pub fn set_attention(&self, attention: Attention) {
        self.attention.store(attention as u8, Ordering::Relaxed);
        self.outbox.set_inactive(attention == Attention::Inactive);
    }

    /// RFC 6121 §4.2: whether it has sent available presence.
    pub fn is_available(&self) -> bool {
        self.priority.load(Ordering::Acquire) != UNAVAILABLE
    }

    /// Whether messages to the bare JID are for it (RFC 6121 §8.5.2.1.1: available, priority not negative).
    pub fn takes_bare(&self) -> bool {
        self.priority.load(Ordering::Acquire) >= 0
    }

    /// Since when messages to the bare JID have been for it, in microseconds since 1970; `None` while they are not.
    pub fn takes_since(&self) -> Option<u64> {
        self.takes_bare().then(|| self.takes_since.load(Ordering::Acquire))
    }

    /// Its priority; [`UNAVAILABLE`] before it is available.
    pub fn priority(&self) -> i16 {
        self.priority.load(Ordering::Acquire)
    }

    /// Its last available presence, as it was stamped.
    pub fn presence(&self) -> Option<Arc<Presence>> {
        self.presence.lock().clone()
    }

    /// Remembers its presence; `None` makes it unavailable.
    pub fn set_presence(&self, presence: Option<Arc<Presence>>) {
        let priority = presence.as_ref().map_or(UNAVAILABLE, |presence| presence.priority().into());
        *self.presence.lock() = presence;
        if priority >= 0 && !self.takes_bare() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.takes_since.store(u64::try_from(now.as_micros()).unwrap_or(u64::MAX), Ordering::Release);
        }
        self.priority.store(priority, Ordering::Release);
    }
}
