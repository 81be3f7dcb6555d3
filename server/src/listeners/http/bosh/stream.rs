//! XEP-0206: a session, as the bytes that a TCP connection would carry.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::session::Session;
use super::sessions::Sessions;

/// The stream of a session, which ends with it.
pub struct BoshStream {
    session: Arc<Session>,
    sessions: Arc<Sessions>,
    /// The time at which a request has waited long enough, or the client has been away too long.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl BoshStream {
    /// Of this session, which is among those.
    pub fn new(session: &Arc<Session>, sessions: &Arc<Sessions>) -> BoshStream {
        BoshStream { session: session.clone(), sessions: sessions.clone(), alarm: None }
    }

    /// Wakes the task when something is due.
    fn poll_alarm(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.session.due() else { return Poll::Pending };
        match &mut self.alarm {
            Some(alarm) if alarm.deadline() == due => {}
            Some(alarm) => alarm.as_mut().reset(due),
            None => self.alarm = Some(Box::pin(tokio::time::sleep_until(due))),
        }
        match &mut self.alarm {
            Some(alarm) => alarm.as_mut().poll(task),
            None => Poll::Pending,
        }
    }
}

impl AsyncRead for BoshStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.session.poll_read(task, buffer).is_ready() {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_alarm(task));
            self.session.look();
        }
    }
}

impl AsyncWrite for BoshStream {
    fn poll_write(self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(self.session.poll_write(task, bytes));
        Poll::Ready(written.ok_or_else(|| io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _task: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.session.flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _task: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.session.flush();
        Poll::Ready(Ok(()))
    }
}

impl Drop for BoshStream {
    fn drop(&mut self) {
        self.sessions.remove(&self.session.sid);
        self.session.end();
    }
}
