//! XEP-0198 §5: sessions that outlive their connection, and how a client takes one up again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rialto_store::Ticket;
use rialto_xmpp::{BareJid, Element, StreamCondition, ns};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::C2s;
use super::lifetime;
use super::management;
use super::talk::Leave;
use crate::random;
use crate::sessions::{Account, Attention, Session};

/// Sessions that can be resumed, connected or not.
#[derive(Default)]
pub struct Waiting(Mutex<Table>);

#[derive(Default)]
struct Table {
    entries: HashMap<String, Arc<Entry>>,
    /// The last counts of sessions that are over: they tell a client what need not be sent again.
    over: HashMap<String, (BareJid, u32)>,
    oldest: VecDeque<String>,
}

/// One session that can be resumed.
pub struct Entry {
    /// Unguessable name of the session: the `id` of `<enabled/>`.
    pub key: String,
    /// The session.
    pub session: Arc<Session>,
    /// Its account.
    pub account: Arc<Account>,
    /// How long it waits.
    pub hibernation: Duration,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
enum State {
    Connected,
    Asleep(Counted),
    Over,
}

/// What the server counted of a client's stanzas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Stanzas handled, modulo 2³² (§4).
    pub handled: u32,
    /// Writes that those stanzas led to and that may not be durable yet: the first and the last.
    pub unsettled: Option<(Ticket, Ticket)>,
}

/// A session that a client has taken up again.
pub struct Claim {
    /// What was claimed.
    pub entry: Arc<Entry>,
    /// Where the counting goes on.
    pub counted: Counted,
    /// Number of the writer of the new connection.
    pub writer: u32,
    /// `<resumed/>`: the first thing that the new connection says, whatever happens to it afterwards.
    pub resumed: Element,
}

/// Counts of ended sessions that are remembered. Overflow: the oldest are forgotten.
const REMEMBERED: usize = 4_096;
/// How long the older connection may take to let go of its session.
const LET_GO: Duration = Duration::from_secs(10);

impl Waiting {
    /// A session that can be resumed from now on.
    pub fn register(
        &self,
        session: &Arc<Session>,
        account: &Arc<Account>,
        hibernation: Duration,
    ) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            key: random::token(),
            session: session.clone(),
            account: account.clone(),
            hibernation,
            state: Mutex::new(State::Connected),
            changed: Notify::new(),
        });
        self.0.lock().entries.insert(entry.key.clone(), entry.clone());
        entry
    }

    /// How many sessions could be resumed.
    pub fn len(&self) -> usize {
        self.0.lock().entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The session of this key, if it is this account's.
    fn find(&self, key: &str, account: &BareJid) -> Option<Arc<Entry>> {
        self.0.lock().entries.get(key).filter(|entry| entry.account.jid == *account).cloned()
    }

    /// What an ended session of this account had counted.
    fn last_count(&self, key: &str, account: &BareJid) -> Option<u32> {
        self.0.lock().over.get(key).filter(|(whose, _)| whose == account).map(|(_, handled)| *handled)
    }

    fn forget(&self, entry: &Entry, handled: u32) {
        let mut table = self.0.lock();
        table.entries.remove(&entry.key);
        if table.over.insert(entry.key.clone(), (entry.account.jid.clone(), handled)).is_none() {
            table.oldest.push_back(entry.key.clone());
        }
        while table.oldest.len() > REMEMBERED {
            if let Some(oldest) = table.oldest.pop_front() {
                table.over.remove(&oldest);
            }
        }
    }
}

impl Entry {
    /// Its connection is gone, or was told to go.
    pub fn asleep(&self, counted: Counted) {
        *self.state.lock() = State::Asleep(counted);
        self.changed.notify_waiters();
    }

    /// It will not be resumed any more; says whether this call made it so. A client that was quicker has it.
    pub fn expire(&self, waiting: &Waiting) -> bool {
        let mut state = self.state.lock();
        let State::Asleep(counted) = *state else { return false };
        *state = State::Over;
        drop(state);
        waiting.forget(self, counted.handled);
        true
    }

    /// The session ended while it was connected.
    pub fn ended(&self, waiting: &Waiting, handled: u32) {
        *self.state.lock() = State::Over;
        waiting.forget(self, handled);
        self.changed.notify_waiters();
    }

    /// Takes a sleeping session. `Err(true)`: it is connected; `Err(false)`: it is over.
    fn wake(&self) -> Result<Counted, bool> {
        let mut state = self.state.lock();
        match *state {
            State::Asleep(counted) => {
                *state = State::Connected;
                Ok(counted)
            }
            State::Connected => Err(true),
            State::Over => Err(false),
        }
    }

    /// Takes the session, from its older connection if that still seems to live.
    async fn take(&self) -> Option<Counted> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.wake() {
                Ok(counted) => return Some(counted),
                Err(false) => return None,
                Err(true) => self.session.outbox.supersede(),
            }
            timeout(LET_GO, changed).await.ok()?;
        }
    }
}

/// `<resume previd h/>` of an account that has logged in.
///
/// # Errors
/// Outside: the stream must end. Inside: the `<failed/>` to answer with; the client may bind instead.
pub async fn resume(
    c2s: &Arc<C2s>,
    account: &BareJid,
    request: &Element,
) -> Result<Result<Claim, Element>, Leave> {
    let previous = request.get("previd").unwrap_or_default();
    let Some(h) = request.get("h").and_then(|h| h.parse().ok()) else {
        return Err(StreamCondition::BadFormat.into());
    };
    let gone = || Ok(Err(failed("item-not-found", c2s.waiting.last_count(previous, account))));
    let Some(entry) = c2s.waiting.find(previous, account) else { return gone() };
    let Some(counted) = entry.take().await else { return gone() };
    // House rule: what is acknowledged is durable, and `h` acknowledges.
    if let Some((first, last)) = counted.unsettled
        && c2s.router.store.settled_through(first, last).await.is_err()
    {
        give_up(c2s, &entry, counted).await;
        return Err(StreamCondition::InternalServerError.into());
    }
    let resumed =
        Element::new("resumed", ns::SM).attr("previd", &entry.key).attr("h", counted.handled.to_string());
    match entry.session.outbox.resume(h) {
        Ok(writer) => {
            // XEP-0352 §5.2: a resumed stream begins active.
            entry.session.set_attention(Attention::Full);
            let counted = Counted { unsettled: None, ..counted };
            Ok(Ok(Claim { entry, counted, writer, resumed }))
        }
        Err(error) => {
            give_up(c2s, &entry, counted).await;
            Err(management::too_high(error).into())
        }
    }
}

/// A session that was taken and cannot be gone on with.
async fn give_up(c2s: &Arc<C2s>, entry: &Entry, counted: Counted) {
    entry.ended(&c2s.waiting, counted.handled);
    lifetime::forget(c2s, &entry.account, &entry.session).await;
}

/// `<failed/>` with a stanza error's condition (§3, §5).
pub fn failed(condition: &'static str, h: Option<u32>) -> Element {
    let failed = Element::new("failed", ns::SM).attr_opt("h", h.map(|h| h.to_string()));
    failed.with(Element::new(condition, ns::STANZA_ERRORS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asleep(waiting: &Waiting) -> Arc<Entry> {
        let jid = BareJid::parse("romeo@localhost").unwrap();
        let session = Arc::new(Session::new(jid.with_resource("orchard").unwrap(), 1000));
        let entry = waiting.register(&session, &Arc::new(Account::new(jid)), Duration::from_secs(1));
        entry.asleep(Counted { handled: 7, unsettled: None });
        entry
    }

    #[test]
    fn only_the_owner_finds_a_session_and_its_last_count() {
        let waiting = Waiting::default();
        let entry = asleep(&waiting);
        let (romeo, juliet) =
            (BareJid::parse("romeo@localhost").unwrap(), BareJid::parse("juliet@localhost").unwrap());
        assert!(waiting.find(&entry.key, &romeo).is_some());
        assert!(waiting.find(&entry.key, &juliet).is_none());
        assert!(entry.expire(&waiting));
        assert!(!entry.expire(&waiting));
        assert!(waiting.find(&entry.key, &romeo).is_none());
        assert_eq!(waiting.last_count(&entry.key, &romeo), Some(7));
        assert_eq!(waiting.last_count(&entry.key, &juliet), None);
    }

    #[test]
    fn a_session_is_woken_once_and_not_after_its_time() {
        let waiting = Waiting::default();
        let entry = asleep(&waiting);
        assert_eq!(entry.wake(), Ok(Counted { handled: 7, unsettled: None }));
        assert_eq!(entry.wake(), Err(true));
        assert!(!entry.expire(&waiting));
        entry.ended(&waiting, 8);
        assert_eq!(entry.wake(), Err(false));
    }

    #[test]
    fn counts_of_ended_sessions_are_few() {
        let waiting = Waiting::default();
        let first = asleep(&waiting);
        first.ended(&waiting, 1);
        (0..REMEMBERED).for_each(|_| asleep(&waiting).ended(&waiting, 1));
        assert_eq!(waiting.last_count(&first.key, &first.account.jid), None);
        assert_eq!(waiting.0.lock().over.len(), REMEMBERED);
    }
}
