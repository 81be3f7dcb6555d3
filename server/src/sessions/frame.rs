//! What stands in an outbox: bytes ready for the wire, shared where many get the same.

use std::sync::Arc;

use bytes::Bytes;
use rialto_xmpp::{Broadcast, Stanza};

use super::urgency::{Urgency, urgent};

/// A serialised stanza or other top-level element. Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct Frame {
    body: Body,
    counted: bool,
    urgency: Urgency,
}

#[derive(Clone, Debug)]
enum Body {
    Whole(Bytes),
    Addressed(Arc<Broadcast>, Arc<str>),
}

impl Frame {
    /// A stanza, serialised now.
    pub fn stanza(stanza: &Stanza) -> Frame {
        Frame { body: Body::Whole(stanza.to_bytes()), counted: true, urgency: urgent(stanza) }
    }

    /// A stanza serialised before, for one of its recipients. `to` is escaped for an attribute already
    /// ([`rialto_xmpp::write::escape_attr`]); `urgency` is [`urgent`] of the stanza.
    pub fn addressed(broadcast: &Arc<Broadcast>, to: &Arc<str>, urgency: impl Into<Urgency>) -> Frame {
        Frame { body: Body::Addressed(broadcast.clone(), to.clone()), counted: true, urgency: urgency.into() }
    }

    /// A stanza that is ready for the wire; `urgency` is [`urgent`] of it.
    pub fn ready(bytes: impl Into<Bytes>, urgency: impl Into<Urgency>) -> Frame {
        Frame { body: Body::Whole(bytes.into()), counted: true, urgency: urgency.into() }
    }

    /// Something that is no stanza: not counted by XEP-0198 and never held back.
    pub fn raw(bytes: impl Into<Bytes>) -> Frame {
        Frame { body: Body::Whole(bytes.into()), counted: false, urgency: Urgency::Now }
    }

    /// The same, as urgent as this.
    pub fn with(self, urgency: Urgency) -> Frame {
        Frame { urgency, ..self }
    }

    /// Length on the wire, in bytes.
    pub fn len(&self) -> usize {
        match &self.body {
            Body::Whole(bytes) => bytes.len(),
            Body::Addressed(broadcast, to) => broadcast.head.len() + to.len() + broadcast.tail.len() + 6,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether XEP-0198 counts it.
    pub fn is_stanza(&self) -> bool {
        self.counted
    }

    /// Whether XEP-0352 lets it through at once.
    pub fn is_urgent(&self) -> bool {
        self.urgency == Urgency::Now
    }

    /// How long it may wait for an inactive client.
    pub fn urgency(&self) -> Urgency {
        self.urgency
    }

    /// What two frames have in common of which only the newer one matters: which stanza it is, and its sender. It is
    /// read from the bytes, because hardly any frame is asked for it.
    pub fn subject(&self) -> Option<Box<[u8]>> {
        let start = match &self.body {
            Body::Whole(bytes) => &bytes[..],
            Body::Addressed(broadcast, _) => &broadcast.head[..],
        };
        let from = memchr::memmem::find(start, b" from='")? + 7;
        let length = memchr::memchr(b'\'', start.get(from..)?)?;
        start.get(..from + length).map(Into::into)
    }

    /// Appends it as it goes over the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        match &self.body {
            Body::Whole(bytes) => out.extend_from_slice(bytes),
            Body::Addressed(broadcast, to) => broadcast.write_addressed(to, out),
        }
    }

    /// As it goes over the wire, in one piece.
    pub fn to_bytes(&self) -> Bytes {
        match &self.body {
            Body::Whole(bytes) => bytes.clone(),
            Body::Addressed(broadcast, to) => broadcast.addressed(to).into(),
        }
    }
}
