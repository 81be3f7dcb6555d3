//! Who hears a room: sessions, addressed once; and stanzas, serialised once.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use rialto_xmpp::{Broadcast, Jid, Stanza, write};

use super::attention::Words;
use crate::sessions::{Frame, Session, Urgency, urgent};

/// A session of an occupant.
pub struct Listener {
    /// Its full JID.
    pub jid: Jid,
    /// The same, as it stands in `to='…'`.
    pub to: Arc<str>,
    /// Where its outbox is, once somebody has looked: not another session that has the same JID later.
    pub session: OnceLock<Weak<Session>>,
}

/// Sessions that get the same.
#[derive(Clone)]
pub enum Listeners {
    /// One.
    One(Arc<Listener>),
    /// Any number; the list is shared.
    Many(Arc<[Arc<Listener>]>),
}

/// A stanza, serialised once for whoever gets it.
#[derive(Clone)]
pub struct Printed {
    broadcast: Arc<Broadcast>,
    /// Who says it: the room or an occupant.
    pub from: Option<Jid>,
    urgency: Urgency,
    words: Words,
}

impl Listener {
    /// The session of this full JID.
    pub fn new(jid: Jid) -> Listener {
        Listener { to: write::escape_attr(jid.as_str()).into(), jid, session: OnceLock::new() }
    }
}

impl Listeners {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Listener>> {
        match self {
            Listeners::One(one) => std::slice::from_ref(one).iter(),
            Listeners::Many(many) => many.iter(),
        }
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        matches!(self, Listeners::Many(many) if many.is_empty())
    }
}

impl Printed {
    /// Serialises a stanza; its `to` is left out.
    pub fn new(stanza: &Stanza) -> Printed {
        let from = stanza.sender().cloned();
        let broadcast = Arc::new(stanza.broadcast());
        Printed { broadcast, from, urgency: urgent(stanza), words: Words::of(stanza) }
    }

    /// For one of those who get it.
    pub fn frame(&self, to: &Listener) -> Frame {
        Frame::addressed(&self.broadcast, &to.to, self.urgency)
    }

    /// Whom it says something to.
    pub fn words(&self) -> Words {
        self.words
    }

    /// What is in it, as it goes over the wire.
    pub fn tail(&self) -> &[u8] {
        &self.broadcast.tail
    }

    /// As one of them gets it.
    pub fn text(&self, to: &Listener) -> String {
        String::from_utf8_lossy(&self.broadcast.addressed(&to.to)).into_owned()
    }

    /// Bytes of the whole stanza, without `to`.
    pub fn bytes(&self) -> usize {
        self.broadcast.head.len() + self.broadcast.tail.len()
    }

    /// Characters of the whole stanza, without `to`.
    pub fn len(&self) -> usize {
        let count = |bytes: &[u8]| bytes.iter().filter(|byte| (**byte & 0xc0) != 0x80).count();
        count(&self.broadcast.head) + count(&self.broadcast.tail)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.broadcast.head.is_empty()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.jid.fmt(f)
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.broadcast.addressed("")))
    }
}
