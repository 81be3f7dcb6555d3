//! A component as the router sees it: a domain, and whoever answers for it at the moment.

use std::sync::Arc;

use parking_lot::Mutex;
use rialto_xmpp::{Condition, ErrorKind, Stanza, StanzaError, StreamCondition, StreamError};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::features::Fut;
use crate::router::{Delivery, Service, undelivered};
use crate::sessions::{End, Frame, Outbox};

/// Bytes that may wait for a component. Overflow: its connection ends with `resource-constraint`.
const WAITING: usize = 8 * 1024 * 1024;

/// A domain that a program of somebody's answers for.
pub(super) struct Component {
    /// Its domain.
    pub domain: String,
    secret: Zeroizing<String>,
    connected: Mutex<Option<Arc<Outbox>>>,
}

impl Component {
    /// One that is not connected yet.
    pub fn new(domain: &str, secret: String) -> Component {
        Component { domain: domain.to_owned(), secret: Zeroizing::new(secret), connected: Mutex::new(None) }
    }

    /// §3: whether this is the SHA-1 of the stream's id and the secret, in hexadecimal digits.
    pub fn is_proved_by(&self, id: &str, handshake: &str) -> bool {
        let sum = Sha1::new().chain_update(id).chain_update(self.secret.as_bytes()).finalize();
        let expected: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        expected.as_bytes().ct_eq(handshake.as_bytes()).into()
    }

    /// A connection that has proved itself. An older one ends with `conflict`: it is dead, or a second copy.
    pub fn connect(&self) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox::new(WAITING));
        let older = self.connected.lock().replace(outbox.clone());
        if let Some(older) = older {
            let text = "Another connection answers for this domain now.";
            older.end(End::Error(StreamError::new(StreamCondition::Conflict, text)));
        }
        outbox
    }

    /// The connection is gone. One that came later stays.
    pub fn disconnect(&self, outbox: &Arc<Outbox>) {
        let mut connected = self.connected.lock();
        if connected.as_ref().is_some_and(|current| Arc::ptr_eq(current, outbox)) {
            *connected = None;
        }
    }
}

impl Service for Component {
    /// Never waits for the component: one that is not there is an error at once.
    fn deliver(&self, stanza: Stanza) -> Fut<'_, Delivery> {
        let outbox = self.connected.lock().clone();
        let taken = outbox.is_some_and(|outbox| outbox.push(Frame::stanza(&stanza)).is_ok());
        Box::pin(async move {
            if taken {
                return Ok(());
            }
            let text = "The service behind this address is not connected. Try again later.";
            let error = StanzaError::new(Condition::ServiceUnavailable, text);
            undelivered(stanza, StanzaError { kind: ErrorKind::Wait, ..error })
        })
    }

    fn close(&self) -> Fut<'_, ()> {
        if let Some(outbox) = self.connected.lock().as_ref() {
            outbox.end(End::Error(StreamCondition::SystemShutdown.into()));
        }
        Box::pin(async {})
    }
}
