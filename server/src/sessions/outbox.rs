//! A session's mailbox is its outbox: delivering is one push, and the writer takes all that waits.
//!
//! Limit: `limit` bytes of waiting and unacknowledged frames. Overflow: the session is ended with
//! `resource-constraint`, because a reader this slow would cost everybody memory.

use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use rialto_xmpp::{StreamCondition, StreamError};

use super::Frame;
use super::held::Held;
use super::unacked::{AckError, Unacked};

/// The queue of frames between whoever has something to say and the task that writes to the socket.
pub struct Outbox {
    inner: Mutex<Inner>,
    limit: usize,
}

struct Inner {
    queue: Vec<Frame>,
    /// Frames that can wait while the client is inactive (XEP-0352).
    held: Held,
    bytes: usize,
    inactive: bool,
    /// Present while stream management is on.
    unacked: Option<Unacked>,
    /// Frames at the head of `queue` that were there before stream management was on: they are not counted.
    uncounted: usize,
    end: Option<End>,
    /// Which connection writes; a resumed session has a new one, and the old writer finds out here.
    writer: u32,
    /// The task that writes, while it has nothing to do.
    parked: Option<Waker>,
}

/// How a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The stream is closed politely.
    Close,
    /// The stream is closed with this error.
    Error(StreamError),
}

/// The frame was not taken: the session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// What the writer got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Frames to write.
    Frames,
    /// After the frames that came with it, end the stream so.
    End(End),
    /// Another connection writes for this session now: stop without a word.
    Superseded,
}

impl Outbox {
    /// An outbox that holds at most `limit` bytes.
    pub fn new(limit: usize) -> Outbox {
        let inner = Inner {
            queue: Vec::new(),
            held: Held::default(),
            bytes: 0,
            inactive: false,
            unacked: None,
            uncounted: 0,
            end: None,
            writer: 0,
            parked: None,
        };
        Outbox { inner: Mutex::new(inner), limit }
    }

    /// Puts a frame in; never waits.
    ///
    /// # Errors
    /// [`Refused`] when the session is over, or is now because this was too much.
    pub fn push(&self, frame: Frame) -> Result<(), Refused> {
        let mut inner = self.inner.lock();
        if inner.end.is_some() {
            return Err(Refused);
        }
        let waiting = inner.bytes + inner.unacked.as_ref().map_or(0, Unacked::bytes) + frame.len();
        if waiting > self.limit {
            inner.end = Some(End::Error(StreamError::new(
                StreamCondition::ResourceConstraint,
                "Too much is waiting for you: this connection reads too slowly.",
            )));
            inner.wake();
            return Err(Refused);
        }
        inner.bytes += frame.len();
        if inner.inactive && !frame.is_urgent() {
            inner.bytes -= inner.held.push(frame);
            if !inner.held.is_full() {
                return Ok(());
            }
            inner.release();
        } else {
            inner.release();
            inner.queue.push(frame);
        }
        let parked = inner.parked.take();
        drop(inner);
        // Outside the lock: the woken task begins by taking it.
        if let Some(parked) = parked {
            parked.wake();
        }
        Ok(())
    }

    /// Waits until there is something to write, then moves all of it into `into`. With stream management on, the
    /// stanzas among it are remembered until they are acknowledged. Cancellation-safe: nothing is taken before it returns.
    pub async fn take(&self, writer: u32, into: &mut Vec<Frame>) -> Taken {
        poll_fn(|task| self.poll_take(writer, task, into)).await
    }

    /// [`Outbox::take`] for a task that waits for other things as well.
    pub fn poll_take(&self, writer: u32, task: &Context<'_>, into: &mut Vec<Frame>) -> Poll<Taken> {
        let mut inner = self.inner.lock();
        match inner.take(writer, into) {
            Some(taken) => Poll::Ready(taken),
            None => {
                inner.park(task);
                Poll::Pending
            }
        }
    }

    /// Waits, without taking anything, until the session ends or another connection writes for it.
    pub async fn left(&self, writer: u32) -> Taken {
        poll_fn(|task| self.poll_left(writer, task)).await
    }

    /// [`Outbox::left`] for a task that waits for other things as well.
    pub fn poll_left(&self, writer: u32, task: &Context<'_>) -> Poll<Taken> {
        let mut inner = self.inner.lock();
        if inner.writer != writer {
            return Poll::Ready(Taken::Superseded);
        }
        match inner.end.clone() {
            Some(end) => Poll::Ready(Taken::End(end)),
            None => {
                inner.park(task);
                Poll::Pending
            }
        }
    }

    /// The writer in charge must stop: another connection will write for this session.
    pub fn supersede(&self) {
        let mut inner = self.inner.lock();
        inner.writer = inner.writer.wrapping_add(1);
        inner.wake();
    }

    /// What [`Outbox::take`] would give, if it need not wait.
    pub fn try_take(&self, writer: u32, into: &mut Vec<Frame>) -> Option<Taken> {
        self.inner.lock().take(writer, into)
    }

    /// Bytes that wait for the writer; what is held for an inactive client does not count.
    pub fn waiting(&self) -> usize {
        let inner = self.inner.lock();
        if inner.queue.is_empty() { 0 } else { inner.bytes }
    }

    /// Bytes that still fit in.
    pub fn room(&self) -> usize {
        let inner = self.inner.lock();
        let waiting = inner.bytes + inner.unacked.as_ref().map_or(0, Unacked::bytes);
        self.limit.saturating_sub(waiting)
    }

    /// Ends the session; the first end said is the one that counts.
    pub fn end(&self, end: End) {
        let mut inner = self.inner.lock();
        inner.end.get_or_insert(end);
        inner.wake();
    }

    /// How the session ends, if it does.
    pub fn ended(&self) -> Option<End> {
        self.inner.lock().end.clone()
    }

    /// XEP-0352: while inactive, what can wait is held; becoming active releases it.
    pub fn set_inactive(&self, inactive: bool) {
        let mut inner = self.inner.lock();
        inner.inactive = inactive;
        if !inactive {
            inner.release();
        }
        if !inner.queue.is_empty() {
            inner.wake();
        }
    }

    /// Whether the client said that nobody looks at it.
    pub fn is_inactive(&self) -> bool {
        self.inner.lock().inactive
    }

    /// XEP-0198 §3: after `enabled`, which goes out behind what waits already, stanzas are counted and remembered until
    /// they are acknowledged.
    ///
    /// # Errors
    /// As [`Outbox::push`].
    pub fn manage(&self, enabled: Frame) -> Result<(), Refused> {
        self.push(enabled)?;
        let mut inner = self.inner.lock();
        if inner.unacked.is_none() {
            inner.uncounted = inner.queue.len();
            inner.unacked = Some(Unacked::default());
        }
        Ok(())
    }

    /// The same for a session that begins with stream management: all that was or is put in here counts, because the
    /// client hears of it before anything else.
    pub fn manage_from_start(&self) {
        let mut inner = self.inner.lock();
        inner.uncounted = 0;
        inner.unacked.get_or_insert_default();
    }

    /// Whether stream management is on.
    pub fn is_managed(&self) -> bool {
        self.inner.lock().unacked.is_some()
    }

    /// Stanzas that wait for an acknowledgement.
    pub fn unacked(&self) -> usize {
        self.inner.lock().unacked.as_ref().map_or(0, Unacked::len)
    }

    /// XEP-0198 `<a/>`: the client handled `h` stanzas.
    ///
    /// # Errors
    /// [`AckError`], to end the stream with.
    pub fn ack(&self, h: u32) -> Result<(), AckError> {
        match &mut self.inner.lock().unacked {
            Some(unacked) => unacked.ack(h),
            None => Ok(()),
        }
    }

    /// Number of the writer in charge.
    pub fn writer(&self) -> u32 {
        self.inner.lock().writer
    }

    /// XEP-0198 §5: another connection takes over after the client handled `h`. What was not acknowledged goes out
    /// before what has waited since. The old writer stops. Returns the new writer's number.
    ///
    /// The `<resumed/>` is that connection's own affair: in here it would fall to whoever takes the session next.
    ///
    /// # Errors
    /// [`AckError`]; nothing changes then.
    pub fn resume(&self, h: u32) -> Result<u32, AckError> {
        let mut inner = self.inner.lock();
        let Some(mut unacked) = inner.unacked.take() else {
            return Err(AckError { handled: h, sent: 0 });
        };
        if let Err(error) = unacked.ack(h) {
            inner.unacked = Some(unacked);
            return Err(error);
        }
        let again = unacked.take();
        inner.unacked = Some(unacked);
        inner.inactive = false;
        inner.release();
        inner.bytes += again.iter().map(Frame::len).sum::<usize>();
        let later = mem::take(&mut inner.queue);
        inner.queue = again.into_iter().chain(later).collect();
        inner.writer = inner.writer.wrapping_add(1);
        inner.wake();
        Ok(inner.writer)
    }

    /// What the client may not have got, oldest first; it stays where it is.
    pub fn not_got(&self) -> Vec<Frame> {
        let inner = self.inner.lock();
        let sent = inner.unacked.iter().flat_map(Unacked::iter);
        sent.chain(&inner.queue).cloned().collect()
    }

    /// Takes everything out that the client may not have got, oldest first: the session is over for good.
    pub fn drain(&self) -> Vec<Frame> {
        let mut inner = self.inner.lock();
        inner.end.get_or_insert(End::Close);
        inner.release();
        let mut all = inner.unacked.as_mut().map(Unacked::take).unwrap_or_default();
        all.append(&mut inner.queue);
        inner.bytes = 0;
        all
    }
}

impl Inner {
    fn take(&mut self, writer: u32, into: &mut Vec<Frame>) -> Option<Taken> {
        if self.writer != writer {
            return Some(Taken::Superseded);
        }
        let end = self.end.clone();
        if self.queue.is_empty() && end.is_none() {
            return None;
        }
        let mut queue = mem::take(&mut self.queue);
        let taken: usize = queue.iter().map(Frame::len).sum();
        self.bytes -= taken;
        if let Some(unacked) = &mut self.unacked {
            queue.iter().skip(self.uncounted).for_each(|frame| unacked.sent(frame));
        }
        self.uncounted = 0;
        into.append(&mut queue);
        Some(end.map_or(Taken::Frames, Taken::End))
    }

    fn park(&mut self, task: &Context<'_>) {
        match &mut self.parked {
            Some(parked) => parked.clone_from(task.waker()),
            None => self.parked = Some(task.waker().clone()),
        }
    }

    fn wake(&mut self) {
        if let Some(parked) = self.parked.take() {
            parked.wake();
        }
    }

    /// What was held goes out before anything newer.
    fn release(&mut self) {
        if !self.held.is_empty() {
            self.held.release(&mut self.queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::{Jid, Message, MessageKind, Presence, PresenceKind};

    fn words(id: &str) -> Frame {
        let jid = Jid::parse("a@b").unwrap();
        let mut message = Message::new(MessageKind::Chat, &jid, &jid);
        message.head.id = Some(id.into());
        Frame::stanza(&message.into())
    }

    fn presence() -> Frame {
        let jid = Jid::parse("a@b").unwrap();
        Frame::stanza(&Presence::new(PresenceKind::Available, &jid, &jid).into())
    }

    fn taken(outbox: &Outbox, writer: u32) -> Vec<String> {
        let mut frames = Vec::new();
        outbox.try_take(writer, &mut frames);
        frames.iter().map(|frame| String::from_utf8_lossy(&frame.to_bytes()).into_owned()).collect()
    }

    #[test]
    fn what_can_wait_is_held_and_goes_out_in_order_before_what_cannot() {
        let outbox = Outbox::new(10_000);
        outbox.set_inactive(true);
        outbox.push(presence()).unwrap();
        assert!(taken(&outbox, 0).is_empty());
        outbox.push(words("1")).unwrap();
        let all = taken(&outbox, 0);
        assert!(all.len() == 2 && all[0].starts_with("<presence") && all[1].contains("id='1'"), "{all:?}");
    }

    #[test]
    fn a_reader_that_is_too_slow_is_ended() {
        let outbox = Outbox::new(words("1").len() + 1);
        outbox.push(words("1")).unwrap();
        assert_eq!(outbox.push(words("2")), Err(Refused));
        assert!(
            matches!(outbox.ended(), Some(End::Error(error)) if error.condition == StreamCondition::ResourceConstraint)
        );
    }

    #[test]
    fn a_resumed_session_sends_what_was_not_acknowledged_once_and_in_order() {
        let outbox = Outbox::new(10_000);
        outbox.push(words("0")).unwrap();
        outbox.manage(Frame::raw("<enabled/>")).unwrap();
        ["1", "2", "3"].iter().for_each(|id| outbox.push(words(id)).unwrap());
        assert_eq!(taken(&outbox, 0).len(), 5);
        outbox.push(words("4")).unwrap();
        let writer = outbox.resume(1).unwrap();
        let all = taken(&outbox, writer);
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all[0].contains("id='2'") && all[1].contains("id='3'") && all[2].contains("id='4'"));
        assert_eq!(outbox.try_take(0, &mut Vec::new()), Some(Taken::Superseded));
        assert_eq!((outbox.unacked(), outbox.ack(4)), (3, Ok(())));
    }
}
