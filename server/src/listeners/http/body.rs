//! RFC 9110 §6.4: what requests and answers carry, a piece at a time, and never faster than it is wanted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::timeout;

/// What an answer carries.
pub struct Body {
    content: Content,
    /// While it goes out, its connection is not idle.
    busy: Option<Arc<()>>,
}

enum Content {
    Whole(Bytes),
    Read { from: Pin<Box<dyn AsyncRead + Send>>, left: u64 },
}

/// What a request carries, as it arrives.
pub struct Arriving(Incoming);

/// Why the rest of a request does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The connection broke, or what came is no HTTP.
    #[error("the request was cut off")]
    CutOff,
    /// Nothing came for [`STALLED`].
    #[error("the request stalled")]
    Stalled,
    /// There is more than was allowed.
    #[error("the request is too large")]
    TooLarge,
}

/// How long the next piece of a request may take.
pub const STALLED: Duration = Duration::from_secs(30);
/// One piece of what is read from a file.
const PIECE: usize = 64 * 1024;

impl Body {
    /// Nothing.
    pub fn empty() -> Body {
        Body::whole(Bytes::new())
    }

    /// Bytes that are at hand.
    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        Body { content: Content::Whole(bytes.into()), busy: None }
    }

    /// The next `length` bytes of a file or the like. Should it end before, the connection breaks, so that nobody
    /// takes a part for the whole.
    pub fn read(from: impl AsyncRead + Send + 'static, length: u64) -> Body {
        Body { content: Content::Read { from: Box::pin(from), left: length }, busy: None }
    }

    pub(super) fn hold(&mut self, busy: Arc<()>) {
        self.busy = Some(busy);
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.content {
            Content::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Read { left: 0, .. } => Poll::Ready(None),
            Content::Read { from, left } => {
                let want = usize::try_from(*left).map_or(PIECE, |left| left.min(PIECE));
                let mut piece = BytesMut::zeroed(want);
                let mut buffer = ReadBuf::new(&mut piece);
                if let Err(error) = ready!(from.as_mut().poll_read(task, &mut buffer)) {
                    return Poll::Ready(Some(Err(error)));
                }
                let read = buffer.filled().len();
                if read == 0 {
                    return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                }
                *left -= read as u64;
                piece.truncate(read);
                Poll::Ready(Some(Ok(Frame::data(piece.freeze()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.content {
            Content::Whole(bytes) => bytes.len() as u64,
            Content::Read { left, .. } => *left,
        })
    }
}

impl Arriving {
    pub(super) fn new(incoming: Incoming) -> Arriving {
        Arriving(incoming)
    }

    /// How long it will be, where the request says so.
    pub fn length(&self) -> Option<u64> {
        self.0.size_hint().exact()
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`BodyError`]
    pub async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            let frame = std::future::poll_fn(|task| Pin::new(&mut self.0).poll_frame(task));
            match timeout(STALLED, frame).await {
                Err(_) => return Err(BodyError::Stalled),
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => return Err(BodyError::CutOff),
                // Trailers mean nothing here.
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) if !bytes.is_empty() => return Ok(Some(bytes)),
                    _ => {}
                },
            }
        }
    }

    /// All of it, if it is no longer than `limit` and comes within `patience`.
    ///
    /// # Errors
    /// [`BodyError`]
    pub async fn whole(&mut self, limit: usize, patience: Duration) -> Result<Bytes, BodyError> {
        if self.length().is_some_and(|length| length > limit as u64) {
            return Err(BodyError::TooLarge);
        }
        let read = async {
            let mut all = BytesMut::new();
            while let Some(piece) = self.next().await? {
                if all.len() + piece.len() > limit {
                    return Err(BodyError::TooLarge);
                }
                all.extend_from_slice(&piece);
            }
            Ok(all.freeze())
        };
        timeout(patience, read).await.map_err(|_| BodyError::Stalled)?
    }
}
