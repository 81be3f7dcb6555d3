//! RFC 7395 §3.3: a WebSocket of one element a message, as the bytes that a TCP connection would carry.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use rialto_xmpp::limits::Limits;
use rialto_xmpp::parse::{self, StreamScope};
use rialto_xmpp::stream::Header;
use rialto_xmpp::{Element, StreamCondition, StreamError, ns};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::metered::Metered;
use crate::listeners::http::cut::{Cutter, Said, closing, one, opening};

/// A client's stream over a WebSocket.
pub struct WebStream<S> {
    socket: WebSocketStream<Metered<S>>,
    /// What the client said, as a stream, as far as nobody has read it.
    input: BytesMut,
    cutter: Cutter,
    limits: Limits,
    /// The largest stanza after the login.
    stanza_bytes: usize,
    /// The client has opened its stream and need not do so again.
    is_open: bool,
    /// The client has broken the rules and is not heard any more.
    is_refused: bool,
}

/// Read at a time; a WebSocket keeps its buffer while it is idle.
const READ: usize = 4 * 1024;
/// Bytes of messages that are gathered for one write.
const GATHERED: usize = 16 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> WebStream<S> {
    /// A WebSocket whose handshake is done. Before the login it may send `login_bytes`, framing and all.
    pub async fn new(io: S, login_bytes: usize, stanza_bytes: usize) -> WebStream<S> {
        let limits = Limits::UNAUTHENTICATED;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ)
            .write_buffer_size(GATHERED)
            .max_message_size(Some(stanza_bytes))
            .max_frame_size(Some(stanza_bytes));
        let io = Metered { io, left: Some(login_bytes) };
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        WebStream {
            socket,
            input: BytesMut::new(),
            cutter: Cutter::default(),
            limits,
            stanza_bytes,
            is_open: false,
            is_refused: false,
        }
    }

    /// One message of the client becomes bytes of its stream.
    fn hear(&mut self, text: &Utf8Bytes) -> Result<(), StreamError> {
        let element = one(text.as_str(), self.limits)?;
        if (element.starts_with(b"<open") || element.starts_with(b"<close"))
            && let Some(framing) = framing(&element)?
        {
            return self.frame(&framing);
        }
        self.input.extend_from_slice(&element);
        Ok(())
    }

    /// §3.4, §3.6: the stream begins or ends. Where else the client may go (`see-other-uri`) is no matter to us.
    fn frame(&mut self, framing: &Element) -> Result<(), StreamError> {
        match framing.name() {
            "open" if !self.is_open => {
                self.is_open = true;
                let value = |name: &str| framing.get(name).map(str::to_owned);
                let header = Header {
                    from: value("from"),
                    to: value("to"),
                    id: None,
                    lang: framing.lang().map(str::to_owned),
                    version: value("version"),
                };
                opening(&header, &mut self.input);
            }
            "close" if self.is_open => closing(&mut self.input),
            _ => return Err(StreamCondition::BadFormat.into()),
        }
        Ok(())
    }

    /// What we say becomes messages.
    fn say(&mut self, said: Said) -> io::Result<()> {
        let message = match said {
            Said::Open(header) => {
                let open = Element::new("open", ns::FRAMING)
                    .attr_opt("from", header.from)
                    .attr_opt("to", header.to)
                    .attr_opt("id", header.id)
                    .attr_opt("version", header.version);
                // `xml:lang` is all ours.
                let xml = open.to_xml();
                xml.strip_suffix("/>").map_or(xml.clone(), |open| format!("{open} xml:lang='en'/>")).into()
            }
            Said::Close => Element::new("close", ns::FRAMING).to_xml().into(),
            Said::Element(element) => {
                if element.starts_with(b"<success ") {
                    self.authenticated(&element);
                }
                Utf8Bytes::try_from(element).map_err(|_| io::ErrorKind::InvalidData)?
            }
        };
        Pin::new(&mut self.socket).start_send(Message::Text(message)).map_err(broken)
    }

    /// The client has logged in: there is room for ordinary stanzas. RFC 6120 §6.4.6: after SASL's own `<success/>` its
    /// stream begins again (§3.7).
    fn authenticated(&mut self, success: &[u8]) {
        self.limits = Limits { bytes: self.stanza_bytes, ..Limits::CLIENT };
        self.socket.get_mut().left = None;
        let declares =
            |namespace: &str| success.windows(namespace.len()).any(|part| part == namespace.as_bytes());
        if declares(ns::SASL) {
            self.is_open = false;
        }
    }

    fn refuse(&mut self, error: StreamError) -> Poll<io::Result<()>> {
        self.is_refused = true;
        Poll::Ready(Err(io::Error::other(error)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.input.is_empty() {
                let taken = this.input.len().min(buffer.remaining());
                buffer.put_slice(&this.input.split_to(taken));
                if !this.input.has_remaining() {
                    this.input = BytesMut::new();
                }
                return Poll::Ready(Ok(()));
            }
            let message = match ready!(Pin::new(&mut this.socket).poll_next(task)) {
                Some(Ok(message)) => message,
                // RFC 6455 §7.1.4: a WebSocket that ends without `<close/>` has broken (§3.6.1).
                None | Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => {
                    return Poll::Ready(Ok(()));
                }
                Some(Err(Error::Capacity(CapacityError::MessageTooLong { max_size, .. })))
                    if !this.is_refused =>
                {
                    let text = format!("One stanza may have at most {max_size} bytes here.");
                    return this.refuse(StreamError::new(StreamCondition::PolicyViolation, text));
                }
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
            };
            let heard = match message {
                _ if this.is_refused => Ok(()),
                Message::Text(text) => this.hear(&text),
                Message::Binary(_) => {
                    let text = "Only text messages are XMPP.";
                    Err(StreamError::new(StreamCondition::BadFormat, text))
                }
                // §3.8: a sign of life, as white space would be.
                Message::Ping(_) | Message::Pong(_) => {
                    this.input.extend_from_slice(b" ");
                    Ok(())
                }
                Message::Close(_) | Message::Frame(_) => Ok(()),
            };
            if let Err(error) = heard {
                return this.refuse(error);
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // What was said before is out first: one write is all that can be gathered here.
        ready!(Pin::new(&mut self.socket).poll_ready(task)).map_err(broken)?;
        self.cutter.feed(bytes);
        while let Some(said) = self.cutter.next() {
            self.say(said)?;
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(task).map_err(broken)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(task).map_err(broken)
    }
}

/// `<open/>` or `<close/>` if it is one of RFC 7395.
fn framing(element: &Bytes) -> Result<Option<Element>, StreamError> {
    let nothing = StreamScope { content: "", prefixes: Vec::new() };
    let element = parse::element(element, &nothing, &Limits::UNAUTHENTICATED)?;
    Ok((*element.ns() == *ns::FRAMING).then_some(element))
}

fn broken(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}
