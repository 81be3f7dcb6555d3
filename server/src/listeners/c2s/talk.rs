//! RFC 6120 §4: a stream before its session, one element at a time, within a budget of bytes.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rialto_xmpp::framer::{Framer, Piece};
use rialto_xmpp::limits::Limits;
use rialto_xmpp::parse::{self, StreamScope};
use rialto_xmpp::stream::{self, Header};
use rialto_xmpp::{Element, StreamCondition, StreamError, ns};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A stream that nobody is behind yet.
pub struct Talk<S> {
    /// The socket, in the clear or inside TLS.
    pub io: S,
    /// Bytes that were read and not looked at.
    pub input: BytesMut,
    /// Where the stream stands.
    pub framer: Framer,
    /// What the last stream header put in scope.
    pub scope: StreamScope,
    /// The namespace of the content of our stream (§4.8.2).
    pub content: &'static str,
    bounds: Bounds,
    limits: Limits,
    /// Whether our stream header is out.
    opened: bool,
}

/// How much and how long a client may talk before it has a session.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Bytes that may still come.
    pub bytes: usize,
    /// When it must be done, however little it sends at a time.
    pub until: Instant,
    /// Turns true when the server stops.
    pub closing: watch::Receiver<bool>,
}

/// Why a stream ends before it has a session.
#[derive(Debug)]
pub enum Leave {
    /// The connection broke, or was never worth an answer.
    Gone,
    /// The client closed the stream.
    Closed,
    /// We must say this and close.
    Error(StreamError),
}

impl From<StreamError> for Leave {
    fn from(error: StreamError) -> Leave {
        Leave::Error(error)
    }
}

impl From<StreamCondition> for Leave {
    fn from(condition: StreamCondition) -> Leave {
        Leave::Error(condition.into())
    }
}

impl From<std::io::Error> for Leave {
    /// A transport that has rules of its own says what was wrong.
    fn from(error: std::io::Error) -> Leave {
        error.downcast::<StreamError>().map_or(Leave::Gone, Leave::Error)
    }
}

/// Bytes asked of the socket at a time.
const READ: usize = 2048;
/// How long the client has to read our last words.
const LINGER: Duration = Duration::from_secs(2);

impl Talk<TcpStream> {
    /// The TLS handshake. What the client sent before is forgotten (§5.4.3.3): nobody vouches for it.
    ///
    /// # Errors
    /// [`Leave::Gone`]: the handshake failed, and TLS itself said why.
    pub async fn secure(
        mut self,
        config: Arc<ServerConfig>,
    ) -> Result<(Box<TlsStream<TcpStream>>, Bounds), Leave> {
        let handshake = TlsAcceptor::from(config).accept(self.io);
        let handshake = tokio::select! {
            handshake = timeout_at(self.bounds.until, Box::pin(handshake)) => handshake,
            // Nobody can be told anything here: a server that stops does not wait for it.
            _ = self.bounds.closing.wait_for(|closing| *closing) => return Err(Leave::Gone),
        };
        Ok((Box::new(handshake.map_err(|_| Leave::Gone)??), self.bounds))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    /// A connection on which nothing was said.
    pub fn new(io: S, bounds: Bounds) -> Talk<S> {
        let limits = Limits::UNAUTHENTICATED;
        let scope = StreamScope { content: ns::CLIENT, prefixes: Vec::new() };
        let framer = Framer::new(limits);
        Talk { io, input: BytesMut::new(), framer, scope, content: ns::CLIENT, bounds, limits, opened: false }
    }

    /// Whether something came after the last element, but for whitespace.
    pub fn has_more(&self) -> bool {
        self.input.iter().any(|byte| !byte.is_ascii_whitespace())
    }

    /// The client has logged in: there is room for ordinary stanzas from now on.
    pub fn goes_on(&mut self, limits: Limits) {
        self.limits = limits;
        self.framer.set_limits(limits);
    }

    /// The same where a new stream begins (RFC 6120 §6.4.6).
    pub fn restarts(&mut self, limits: Limits) {
        self.goes_on(limits);
        self.framer.restart();
        self.opened = false;
    }

    /// The client's stream header (§4.7).
    ///
    /// # Errors
    /// [`Leave`]
    pub async fn header(&mut self) -> Result<Header, Leave> {
        match self.piece().await? {
            Piece::Open(open) => {
                let (header, scope) = parse::header(&open)?;
                self.scope = scope;
                Ok(header)
            }
            Piece::Element(_) | Piece::Close => Err(StreamCondition::BadFormat.into()),
        }
    }

    /// The next element inside the stream.
    ///
    /// # Errors
    /// [`Leave`]
    pub async fn element(&mut self) -> Result<Element, Leave> {
        match self.piece().await? {
            Piece::Element(bytes) => Ok(parse::element(&bytes, &self.scope, &self.limits)?),
            Piece::Close => Err(Leave::Closed),
            Piece::Open(_) => Err(StreamCondition::BadFormat.into()),
        }
    }

    async fn piece(&mut self) -> Result<Piece, Leave> {
        loop {
            if let Some(piece) = self.framer.next(&mut self.input)? {
                return Ok(piece);
            }
            if self.read().await? == 0 {
                return Err(Leave::Gone);
            }
        }
    }

    async fn read(&mut self) -> Result<usize, Leave> {
        if self.bounds.bytes == 0 {
            let text = "Too many bytes before the login was done.";
            return Err(StreamError::new(StreamCondition::PolicyViolation, text).into());
        }
        self.input.reserve(READ);
        let mut io = (&mut self.io).take(self.bounds.bytes as u64);
        let read = tokio::select! {
            read = timeout_at(self.bounds.until, io.read_buf(&mut self.input)) => read,
            _ = self.bounds.closing.wait_for(|closing| *closing) => {
                return Err(StreamCondition::SystemShutdown.into());
            }
        };
        let text = "The login took too long.";
        let read = read.map_err(|_| StreamError::new(StreamCondition::ConnectionTimeout, text))??;
        self.bounds.bytes -= read;
        Ok(read)
    }

    /// Says that our stream begins, and what it offers (§4.3.2, written already), in one write.
    ///
    /// # Errors
    /// [`Leave::Gone`]
    pub async fn open(&mut self, header: &Header, features: &[u8]) -> Result<(), Leave> {
        let mut out = Vec::with_capacity(256 + features.len());
        header.write(self.content, &mut out);
        out.extend_from_slice(features);
        self.opened = true;
        self.write(&out).await
    }

    /// Says one element.
    ///
    /// # Errors
    /// [`Leave::Gone`]
    pub async fn say(&mut self, element: &Element) -> Result<(), Leave> {
        let mut out = Vec::with_capacity(256);
        element.write(ns::CLIENT, &mut out);
        self.write(&out).await
    }

    /// Writes bytes that are ready.
    ///
    /// # Errors
    /// [`Leave::Gone`]
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Leave> {
        let write = async {
            self.io.write_all(bytes).await?;
            self.io.flush().await
        };
        Ok(timeout_at(self.bounds.until, write).await.map_err(|_| Leave::Gone)??)
    }

    /// Ends the stream as `leave` says. An error before our header brings the header with it (§4.9.1.2).
    pub async fn close(&mut self, leave: &Leave, header: &Header) {
        let mut out = Vec::with_capacity(512);
        match leave {
            Leave::Gone => return,
            Leave::Closed => out.extend_from_slice(stream::CLOSE),
            Leave::Error(error) => {
                if !self.opened {
                    header.write(self.content, &mut out);
                }
                error.write(&mut out);
            }
        }
        let last_words = async {
            self.io.write_all(&out).await?;
            self.io.shutdown().await?;
            self.drain().await
        };
        // Whether it heard them or not, it is gone.
        let _ = timeout(LINGER, last_words).await;
    }

    /// Reads what is on its way, so that our last words are not lost to a reset.
    async fn drain(&mut self) -> std::io::Result<()> {
        let mut rest: usize = 64 << 10;
        loop {
            self.input.clear();
            self.input.reserve(READ);
            let read = self.io.read_buf(&mut self.input).await?;
            rest = rest.saturating_sub(read);
            if read == 0 || rest == 0 {
                return Ok(());
            }
        }
    }
}

/// An element as bytes for the stream.
pub fn bytes_of(element: &Element) -> Bytes {
    let mut out = Vec::with_capacity(256);
    element.write(ns::CLIENT, &mut out);
    out.into()
}
