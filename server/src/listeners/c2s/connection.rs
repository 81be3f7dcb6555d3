//! RFC 6120 §4: the socket of a session. One small task: it reads until nothing comes, handles what it read, and
//! writes all that waits in one go. While it is idle it holds no buffer.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use rialto_xmpp::framer::{Framer, Piece};
use rialto_xmpp::{Element, StreamCondition, StreamError, ns, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::client::{Client, Heard, Work};
use super::clock::Clock;
use super::management;
use super::talk::{self, Talk};
use crate::sessions::{End, Frame, Taken};

/// A session's connection.
pub struct Connection<S> {
    io: S,
    framer: Framer,
    input: BytesMut,
    /// The protocol side.
    pub client: Client,
    /// The stanza in hand: the next one waits for it (§10.1).
    work: Option<Work>,
    /// What the socket did not take yet, from `written` on.
    output: Vec<u8>,
    written: usize,
    /// The client has closed its side.
    is_leaving: bool,
    end: Option<Ending>,
    clock: Clock,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It broke: the session may be resumed.
    Lost,
    /// One side closed the stream, or broke its rules.
    Closed,
    /// Another connection has taken the session.
    Superseded,
}

/// A connection on its way out.
#[derive(Clone, Copy, Debug)]
struct Ending {
    cut: Cut,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Our last words are not all out.
    Writing,
    /// They are; the socket is told.
    Shutting,
    /// Waits for the client to close as well, so that it has read them.
    Lingering,
    /// Nothing is left to do but to finish the stanza in hand.
    Over,
}

/// Bytes that wait for the client before its next stanza is looked at: it asks faster than it reads.
const CROWDED: usize = 256 * 1024;
/// One read; a TLS record holds no more.
const READ: usize = 16 * 1024;

thread_local! {
    /// Only used inside a poll, never across one: a connection that waits needs no buffer of its own.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Goes on with a connection that has a session now. `first` is written before anything else, also where another
    /// connection takes the session at once.
    pub fn new(talk: Talk<S>, mut client: Client, first: Vec<u8>) -> Connection<S> {
        client.set_scope(talk.scope);
        Connection {
            io: talk.io,
            framer: talk.framer,
            input: talk.input,
            client,
            work: None,
            output: first,
            written: 0,
            is_leaving: false,
            end: None,
            clock: Clock::new(),
        }
    }

    /// Moves as far as it can; ready when the connection is over and the stanza in hand is done.
    pub fn poll(&mut self, task: &mut Context<'_>) -> Poll<Cut> {
        loop {
            let more = self.listen(task);
            self.speak(task);
            // Still crowded means that the socket is full: it wakes us.
            if !more || self.is_crowded() {
                break;
            }
        }
        self.look_at_clock(task);
        match self.end {
            // Its new connection waits for us: no time for a farewell.
            Some(Ending { cut: cut @ Cut::Superseded, .. } | Ending { cut, step: Step::Over })
                if self.work.is_none() =>
            {
                Poll::Ready(cut)
            }
            _ => Poll::Pending,
        }
    }

    /// The connection itself is dropped; what is left is the protocol side.
    pub fn into_client(self) -> Client {
        self.client
    }

    /// Handles what one read gave; says whether there may be more. One that must wait stops it, and so do answers that
    /// nobody has taken yet.
    fn listen(&mut self, task: &mut Context<'_>) -> bool {
        let mut has_read = false;
        loop {
            if let Some(work) = &mut self.work {
                let Poll::Ready(ticket) = work.as_mut().poll(task) else { return false };
                self.work = None;
                self.client.handled(ticket);
            }
            if self.end.is_some() || self.is_leaving {
                return false;
            }
            if self.is_crowded() {
                return true;
            }
            match self.framer.next(&mut self.input) {
                Ok(Some(Piece::Element(bytes))) => match self.client.hear(&bytes) {
                    Heard::Done => {}
                    Heard::Work(work) => self.work = Some(work),
                    Heard::Failed(error) => self.fail(&error),
                },
                Ok(Some(Piece::Close)) => self.closed_by_client(),
                Ok(Some(Piece::Open(_))) => self.fail(&StreamCondition::BadFormat.into()),
                Ok(None) if has_read => return true,
                Ok(None) => match self.read(task) {
                    Poll::Ready(Ok(true)) => {
                        has_read = true;
                        self.clock.hear();
                    }
                    Poll::Ready(Ok(false)) => {
                        self.lose();
                        return false;
                    }
                    Poll::Ready(Err(error)) => match error.downcast::<StreamError>() {
                        // A transport that has rules of its own says what was wrong.
                        Ok(error) => self.fail(&error),
                        Err(_) => {
                            self.lose();
                            return false;
                        }
                    },
                    Poll::Pending => return false,
                },
                Err(error) => self.fail(&error),
            }
        }
    }

    fn is_crowded(&self) -> bool {
        self.client.session.outbox.waiting() > CROWDED
    }

    /// One read into the thread's scratch, copied from there. `false`: the connection is gone.
    fn read(&mut self, task: &mut Context<'_>) -> Poll<io::Result<bool>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.io).poll_read(task, &mut buffer))?;
            let bytes = buffer.filled();
            self.input.extend_from_slice(bytes);
            Poll::Ready(Ok(!bytes.is_empty()))
        })
    }

    /// Writes what waits, and what is said last.
    fn speak(&mut self, task: &mut Context<'_>) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        loop {
            match self.end.map(|end| end.step) {
                Some(Step::Over) => return,
                Some(Step::Lingering) => return self.linger(task),
                Some(Step::Shutting) => {
                    let Poll::Ready(shut) = Pin::new(&mut self.io).poll_shutdown(task) else { return };
                    self.step(if shut.is_ok() { Step::Lingering } else { Step::Over });
                    continue;
                }
                Some(Step::Writing) | None => {}
            }
            match self.write(task) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return self.lose(),
                Poll::Pending => return self.look_past(task),
            }
            if self.end.is_some() {
                self.step(Step::Shutting);
            } else if !self.fill(task) {
                return;
            }
        }
    }

    /// The socket takes nothing. A session that ends, or goes on elsewhere, does not wait for that.
    fn look_past(&mut self, task: &mut Context<'_>) {
        if self.end.is_some() {
            return;
        }
        let outbox = &self.client.session.outbox;
        if let Poll::Ready(left) = outbox.poll_left(self.client.writer, task) {
            self.leave(left);
        }
    }

    /// The last words of a connection whose outbox says that it is over.
    fn leave(&mut self, left: Taken) {
        match left {
            Taken::Frames => {}
            Taken::End(End::Close) => self.finish(Cut::Closed, stream::CLOSE),
            Taken::End(End::Error(error)) => self.finish(Cut::Closed, &last_words(&error)),
            Taken::Superseded => {
                let error = StreamError::new(StreamCondition::Conflict, "Resumed by another connection.");
                self.finish(Cut::Superseded, &last_words(&error));
            }
        }
    }

    /// Gives the socket what it did not take yet. Ready when it has everything; `false`: the connection is gone.
    fn write(&mut self, task: &mut Context<'_>) -> Poll<bool> {
        let written = self.try_write(task);
        match &written {
            Poll::Pending => {
                self.clock.stuck.get_or_insert_with(Instant::now);
            }
            Poll::Ready(_) => self.clock.stuck = None,
        }
        written
    }

    fn try_write(&mut self, task: &mut Context<'_>) -> Poll<bool> {
        while let Some(rest) = self.output.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.io).poll_write(task, rest)) {
                Ok(taken) if taken > 0 => {
                    self.written += taken;
                    self.clock.stuck = None;
                }
                _ => return Poll::Ready(false),
            }
        }
        if self.written > 0 {
            if ready!(Pin::new(&mut self.io).poll_flush(task)).is_err() {
                return Poll::Ready(false);
            }
            (self.output, self.written) = (Vec::new(), 0);
        }
        Poll::Ready(true)
    }

    /// Takes all that waits into one write: an acknowledgement that has become due, and the outbox; `false` when
    /// nothing does.
    fn fill(&mut self, task: &mut Context<'_>) -> bool {
        self.acknowledge(task);
        FRAMES.with_borrow_mut(|frames| {
            let outbox = &self.client.session.outbox;
            let Poll::Ready(taken) = outbox.poll_take(self.client.writer, task, frames) else {
                // An `<a/>` alone goes out too.
                return !self.output.is_empty();
            };
            self.output.reserve_exact(frames.iter().map(Frame::len).sum::<usize>() + 64);
            let stanzas = frames.iter().any(Frame::is_stanza);
            frames.drain(..).for_each(|frame| frame.write(&mut self.output));
            if stanzas {
                self.ask(false);
            }
            self.leave(taken);
            true
        })
    }

    /// XEP-0198 §4: answers the client's `<r/>` once that is true.
    fn acknowledge(&mut self, task: &mut Context<'_>) {
        let Client { c2s, management, .. } = &mut self.client;
        let Some(management) = management else { return };
        while let Poll::Ready(Some(due)) = management.poll_acknowledge(&c2s.router.store, task) {
            match due {
                Ok(a) => a.write(ns::CLIENT, &mut self.output),
                Err(error) => return self.fail(&error),
            }
        }
    }

    /// XEP-0198 §4: asks the client what it got, so that what is remembered for it stays small.
    fn ask(&mut self, now: bool) {
        let Client { c2s, session, management: Some(management), .. } = &mut self.client else { return };
        let unacked = session.outbox.unacked();
        if unacked > c2s.settings().sessions.unacked_queue {
            let text = "Too many stanzas wait for your acknowledgement.";
            session.outbox.end(End::Error(StreamError::new(StreamCondition::ResourceConstraint, text)));
        }
        if management.asks(unacked, now) {
            self.output.extend_from_slice(management::REQUEST);
            self.clock.unasked = None;
            // Who does not answer this is not there: what he did not get wakes his device (XEP-0357) without long delay.
            self.clock.pinged.get_or_insert_with(Instant::now);
        } else if !management.is_asking() && unacked > 0 {
            self.clock.unasked.get_or_insert_with(Instant::now);
        }
    }

    /// §4.4: the client is done; what waits for it goes out before we are done too.
    fn closed_by_client(&mut self) {
        self.is_leaving = true;
        let Client { c2s, session, management, .. } = &mut self.client;
        if let Some(management) = management {
            // XEP-0198 §4: a last word on what was handled, if it is true already.
            management.requested(&c2s.router.store);
        }
        session.outbox.end(End::Close);
    }

    /// The stream ends with an error.
    fn fail(&mut self, error: &StreamError) {
        tracing::debug!(session = self.client.session.number, %error, "stream error");
        self.finish(Cut::Closed, &last_words(error));
    }

    fn finish(&mut self, cut: Cut, last: &[u8]) {
        if self.end.is_none() {
            self.output.extend_from_slice(last);
            self.end = Some(Ending { cut, step: Step::Writing });
            self.clock.ending = Some(Instant::now());
        }
    }

    /// The connection broke. What was said to end it still counts.
    fn lose(&mut self) {
        let cut = self.end.map_or(Cut::Lost, |end| end.cut);
        self.end = Some(Ending { cut, step: Step::Over });
    }

    fn step(&mut self, step: Step) {
        if let Some(end) = &mut self.end {
            end.step = step;
        }
    }

    /// Reads to the client's end and drops it: an early close would reset the connection under our last words.
    fn linger(&mut self, task: &mut Context<'_>) {
        while let Poll::Ready(more) = self.read(task) {
            self.input.clear();
            if !more.unwrap_or(false) {
                return self.step(Step::Over);
            }
        }
    }

    /// Does what is due and sees to it that the task is woken for the next thing.
    fn look_at_clock(&mut self, task: &mut Context<'_>) {
        loop {
            if matches!(self.end, Some(Ending { step: Step::Over, .. })) {
                return;
            }
            let due = self.clock.due(&self.client.c2s.settings());
            self.clock.arm(due);
            let Some(alarm) = &mut self.clock.alarm else { return };
            if alarm.as_mut().poll(task).is_pending() {
                return;
            }
            self.clock.alarm = None;
            if Instant::now() >= due {
                self.on_time();
                self.speak(task);
            }
        }
    }

    fn on_time(&mut self) {
        let c2s = self.client.c2s.clone();
        let (now, settings) = (Instant::now(), c2s.settings());
        if self.clock.is_over(now, &settings) {
            return self.lose();
        }
        if self.clock.must_ask(now) {
            self.clock.unasked = None;
            self.ask(true);
        }
        if self.clock.pinged.is_none() && now >= self.clock.heard + settings.c2s.ping_after {
            self.clock.pinged = Some(now);
            self.ping();
        }
    }

    /// XEP-0199 §4.1, or XEP-0198's own question: any answer shows that somebody is there.
    fn ping(&mut self) {
        if let Some(management) = &mut self.client.management {
            management.pinged();
            self.output.extend_from_slice(management::REQUEST);
            return;
        }
        let jid = &self.client.session.jid;
        let ping = Element::new("iq", ns::CLIENT)
            .attr("type", "get")
            .attr("id", "alive")
            .attr("from", jid.domainpart())
            .attr("to", jid.as_str())
            .with(Element::new("ping", ns::PING));
        self.output.extend_from_slice(&talk::bytes_of(&ping));
    }
}

/// `<stream:error/>` and the end of the stream.
fn last_words(error: &StreamError) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    error.write(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_is_small_beside_its_tls() {
        assert!(size_of::<Connection<Box<u8>>>() <= 512);
    }
}
