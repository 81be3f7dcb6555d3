//! XEP-0357 §5: one push service and node of an account, and the device that enabled it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rialto_xmpp::{BareJid, Element, Jid};
use tokio::time::Instant;

use crate::sessions::{Account, Session};

/// One service and node that an account has enabled.
pub struct Registration {
    /// Whose.
    pub account: BareJid,
    /// The push service.
    pub service: Jid,
    /// Its node; empty: it has none.
    pub node: String,
    /// What every notification carries along.
    pub options: Option<Element>,
    /// How often it rang, and how the service took it. It outlives the account's stay in memory.
    pub gauge: Arc<Mutex<Gauge>>,
    resource: String,
    /// Number of the session that enabled it; 0: that was before the server started.
    session: AtomicU64,
}

/// How a registration does.
#[derive(Debug, Default)]
pub struct Gauge {
    /// Messages since its device was here.
    pub count: u32,
    /// Before this nothing is said but a call.
    pub quiet_until: Option<Instant>,
    /// Whether something is to be said then.
    pub is_due: bool,
    /// Whether it was told of what waits in a session that is asleep.
    pub told: bool,
    /// Failures in a row.
    pub failures: u32,
    /// Who wrote last, and what, if the operator wants it told.
    pub last: (String, Option<String>),
}

/// What an account has enabled: its extension, as long as there is any.
pub struct Registered(Vec<Arc<Registration>>);

impl Registration {
    /// One that no session has enabled since the server started.
    pub fn new(
        account: &BareJid,
        (service, node): (Jid, &str),
        (options, resource): (Option<Element>, &str),
        gauge: Arc<Mutex<Gauge>>,
    ) -> Registration {
        Registration {
            account: account.clone(),
            service,
            node: node.to_owned(),
            options,
            gauge,
            resource: resource.to_owned(),
            session: AtomicU64::new(0),
        }
    }

    /// Whether it is for this service, and this node if one is named.
    pub fn is(&self, service: &Jid, node: Option<&str>) -> bool {
        self.service == *service && node.is_none_or(|node| node == self.node)
    }

    /// This session's device enabled it, and so it is here.
    pub fn belongs_to(&self, session: &Session) {
        self.session.store(session.number, Ordering::Relaxed);
        self.is_here();
        self.gauge.lock().failures = 0;
    }

    /// Its device is here, and gets everything by itself.
    pub fn is_here(&self) {
        let mut gauge = self.gauge.lock();
        (gauge.count, gauge.is_due, gauge.told) = (0, false, false);
    }

    /// Whether this session's device enabled it. A device comes back under the same resource, or enables it anew.
    pub fn is_of(&self, session: &Session) -> bool {
        self.session.load(Ordering::Relaxed) == session.number
            || session.jid.resourcepart() == Some(self.resource.as_str())
    }

    /// The session of its device, if it has one; not one that is about to end.
    pub fn session<'a>(&self, sessions: &'a [Arc<Session>]) -> Option<&'a Arc<Session>> {
        sessions.iter().find(|session| self.is_of(session) && session.outbox.ended().is_none())
    }
}

impl Registered {
    /// Those of an account; often none.
    pub fn of(account: &Account) -> Vec<Arc<Registration>> {
        account.extensions.get::<Registered>().map(|registered| registered.0.clone()).unwrap_or_default()
    }

    /// These, and no others.
    pub fn set(account: &Account, all: Vec<Arc<Registration>>) {
        if all.is_empty() {
            account.extensions.remove::<Registered>();
        } else {
            account.extensions.put(Registered(all));
        }
    }
}
