//! RFC 6121 §4.6: presence to somebody by name: rooms, gateways, strangers.

use parking_lot::Mutex;
use rialto_xmpp::{Condition, Jid, StanzaError};

use crate::features::{Turn, Verdict};
use crate::sessions::{Account, Session};

/// To whom a session has shown itself; an extension of the session.
#[derive(Default)]
struct Directed(Mutex<Vec<Jid>>);

/// Overflow: the next one is refused.
const LIMIT: usize = 1000;

/// §4.6.3: who got available presence will get the unavailable one.
pub fn sent(account: &Account, session: &Session, to: &Jid, available: bool) -> Verdict {
    if to.bare_str() == account.jid.as_str() {
        return Verdict::Next;
    }
    if !available {
        if let Some(directed) = session.extensions.get::<Directed>() {
            directed.0.lock().retain(|target| target != to);
        }
        return Verdict::Next;
    }
    let directed = session.extensions.or_insert_with(Directed::default);
    let mut targets = directed.0.lock();
    if targets.contains(to) {
        return Verdict::Next;
    }
    if targets.len() >= LIMIT {
        let text = "You are in too many rooms at once: leave some first.";
        return Verdict::Refuse(Box::new(StanzaError::new(Condition::ResourceConstraint, text)));
    }
    targets.push(to.clone());
    Verdict::Next
}

/// §4.6.3: who answers with an error is not there, and is told nothing at the end.
pub fn failed(turn: &Turn<'_>) {
    let Some(from) = &turn.stanza.head().from else { return };
    for session in turn.takers {
        if let Some(directed) = session.extensions.get::<Directed>() {
            directed.0.lock().retain(|target| target != from);
        }
    }
}

/// Takes out to whom the session has shown itself.
pub fn take(session: &Session) -> Vec<Jid> {
    take_if(session, |_| true)
}

/// The same of those that `gone` says yes to.
pub fn take_if(session: &Session, gone: impl Fn(&Jid) -> bool) -> Vec<Jid> {
    let Some(directed) = session.extensions.get::<Directed>() else { return Vec::new() };
    directed.0.lock().extract_if(.., |jid| gone(jid)).collect()
}
