//! RFC 6120 §13.12: a connection that may send so much and no more, until it has logged in.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rialto_xmpp::{StreamCondition, StreamError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection and what it may still send.
pub struct Metered<S> {
    /// The connection.
    pub io: S,
    /// Bytes that may still come; `None`: any number.
    pub left: Option<usize>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(task, buffer))?;
        if let Some(left) = &mut self.left {
            let read = buffer.filled().len() - before;
            let Some(rest) = left.checked_sub(read) else {
                let text = "Too many bytes before the login was done.";
                let error = StreamError::new(StreamCondition::PolicyViolation, text);
                return Poll::Ready(Err(io::Error::other(error)));
            };
            *left = rest;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(task)
    }
}
