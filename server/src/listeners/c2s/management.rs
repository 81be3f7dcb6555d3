//! XEP-0198 §3, §4: enabling stream management, and acknowledging in both directions.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rialto_store::{Store, StoreError, Ticket};
use rialto_xmpp::{Element, StreamCondition, StreamError, ns};

use super::C2s;
use super::resume::{Counted, Entry, Waiting};
use crate::sessions::{Account, AckError, Session};

/// Stream management of one session, while it is on.
pub struct Management {
    /// What was counted of the client's stanzas.
    pub counted: Counted,
    /// Present when the session can be resumed.
    pub entry: Option<Arc<Entry>>,
    acknowledging: Option<Acknowledging>,
    /// Whether an `<r/>` is out that was not answered.
    asked: bool,
}

/// An `<a/>` that waits until what it says is durable.
struct Acknowledging {
    settled: Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>,
    handled: u32,
    /// The last write that it waits for.
    last: Ticket,
    /// Whether the client asked again meanwhile.
    again: bool,
}

/// `<r/>`, as it is appended to a write.
pub const REQUEST: &[u8] = b"<r xmlns='urn:xmpp:sm:3'/>";

/// Stanzas that go out before the client is asked what it got.
const ASK_AFTER: usize = 32;

impl Management {
    /// `<enable/>`: begins to count. The answer is `<enabled/>`.
    pub fn enable(
        c2s: &C2s,
        session: &Arc<Session>,
        account: &Arc<Account>,
        enable: &Element,
    ) -> (Management, Element) {
        let resumable = matches!(enable.get("resume"), Some("true" | "1"));
        let longest = c2s.settings().sessions.hibernation;
        let asked = enable.get("max").and_then(|max| max.parse().ok()).map(Duration::from_secs);
        let hibernation = asked.map_or(longest, |max| max.min(longest));
        let resumable = resumable && !hibernation.is_zero();
        let entry = resumable.then(|| c2s.waiting.register(session, account, hibernation));
        let enabled = match &entry {
            None => Element::new("enabled", ns::SM),
            Some(entry) => Element::new("enabled", ns::SM)
                .attr("id", &entry.key)
                .attr("resume", "true")
                .attr("max", hibernation.as_secs().to_string()),
        };
        (Management::resumed(Counted::default(), entry), enabled)
    }

    /// Goes on where an older connection stopped.
    pub fn resumed(counted: Counted, entry: Option<Arc<Entry>>) -> Management {
        Management { counted, entry, acknowledging: None, asked: false }
    }

    /// A stanza of the client was handled; `ticket` is the last write it led to.
    pub fn handled(&mut self, ticket: Ticket) {
        self.counted.handled = self.counted.handled.wrapping_add(1);
        if ticket != Ticket::NONE {
            let (first, last) = self.counted.unsettled.unwrap_or((ticket, ticket));
            self.counted.unsettled = Some((first.min(ticket), last.max(ticket)));
        }
    }

    /// `<r/>`: the answer is due when all that was handled so far is durable.
    pub fn requested(&mut self, store: &Store) {
        if let Some(acknowledging) = &mut self.acknowledging {
            acknowledging.again = true;
            return;
        }
        let handled = self.counted.handled;
        let (first, last) = self.counted.unsettled.unwrap_or((Ticket::NONE, Ticket::NONE));
        let settled = Box::pin(store.settled_through(first, last));
        self.acknowledging = Some(Acknowledging { settled, handled, last, again: false });
    }

    /// An `<a/>` that may go out now; `None` when nobody waits for one.
    pub fn poll_acknowledge(
        &mut self,
        store: &Store,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Element, StreamError>>> {
        let Some(acknowledging) = &mut self.acknowledging else { return Poll::Ready(None) };
        let Poll::Ready(settled) = acknowledging.settled.as_mut().poll(task) else { return Poll::Pending };
        let Acknowledging { handled, last, again, .. } = *acknowledging;
        self.acknowledging = None;
        self.counted.unsettled = match self.counted.unsettled {
            Some((_, newest)) if settled.is_err() || newest > last => Some((last, newest)),
            _ => None,
        };
        if again {
            self.requested(store);
        }
        Poll::Ready(Some(match settled {
            Ok(()) => Ok(Element::new("a", ns::SM).attr("h", handled.to_string())),
            Err(_) => Err(StreamCondition::InternalServerError.into()),
        }))
    }

    /// `<a/>`: what the client got.
    ///
    /// # Errors
    /// The stream error to end with.
    pub fn acknowledged(&mut self, session: &Session, a: &Element) -> Result<(), StreamError> {
        let h = a.get("h").and_then(|h| h.parse().ok()).ok_or(StreamCondition::BadFormat)?;
        self.asked = false;
        session.outbox.ack(h).map_err(too_high)
    }

    /// Whether the write in hand should end with `<r/>`: enough is waiting, or `now` at the latest.
    pub fn asks(&mut self, unacked: usize, now: bool) -> bool {
        let ask = !self.asked && (unacked >= ASK_AFTER || (now && unacked > 0));
        self.asked |= ask;
        ask
    }

    /// Asks whatever waits: the answer is a sign of life.
    pub fn pinged(&mut self) {
        self.asked = true;
    }

    /// Whether an answer is outstanding.
    pub fn is_asking(&self) -> bool {
        self.asked
    }

    /// The connection is gone for good.
    pub fn ended(&self, waiting: &Waiting) {
        if let Some(entry) = &self.entry {
            entry.ended(waiting, self.counted.handled);
        }
    }
}

/// §4: the client acknowledged what was never sent.
pub fn too_high(error: AckError) -> StreamError {
    let app = Element::new("handled-count-too-high", ns::SM)
        .attr("h", error.handled.to_string())
        .attr("send-count", error.sent.to_string());
    StreamError { condition: StreamCondition::UndefinedCondition, text: None, app: Some(Box::new(app)) }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use rialto_store::{Batch, tables};

    use super::*;

    fn acknowledged(management: &mut Management, store: &Store) -> Option<String> {
        match management.poll_acknowledge(store, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(a))) => Some(a.to_xml()),
            _ => None,
        }
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_before_it_is_durable() {
        let store = Store::memory();
        let mut management = Management::resumed(Counted::default(), None);
        let mut batch = Batch::new();
        batch.put(tables::SERVER, b"key", b"value");
        let ticket = store.enqueue(batch);
        management.handled(ticket);
        management.handled(Ticket::NONE);
        management.requested(&store);
        management.handled(Ticket::NONE);
        store.settled(ticket).await.unwrap();
        let first = acknowledged(&mut management, &store).unwrap();
        assert_eq!(first, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
        assert_eq!(acknowledged(&mut management, &store), None);
    }

    #[test]
    fn the_count_wraps() {
        let counted = Counted { handled: u32::MAX, unsettled: None };
        let mut management = Management::resumed(counted, None);
        management.handled(Ticket::NONE);
        assert_eq!(management.counted.handled, 0);
    }

    #[test]
    fn a_client_is_asked_once_when_enough_waits_or_time_is_up() {
        let mut management = Management::resumed(Counted::default(), None);
        assert!(!management.asks(ASK_AFTER - 1, false));
        assert!(management.asks(1, true));
        assert!(!management.asks(ASK_AFTER, true));
        assert!(!Management::resumed(Counted::default(), None).asks(0, true));
    }
}
