//! XEP-0114 §3: the stream of a component, from its header to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rialto_xmpp::framer::{Framer, Piece};
use rialto_xmpp::limits::Limits;
use rialto_xmpp::parse::{self, StreamScope};
use rialto_xmpp::stream::{self, Header};
use rialto_xmpp::{Element, Stanza, StanzaError, StreamCondition, ns};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, timeout};

use super::Entry;
use super::component::Component;
use crate::features::Origin;
use crate::listeners::c2s::talk::{Bounds, Leave, Talk, bytes_of};
use crate::listeners::gate::Pass;
use crate::random;
use crate::router::Router;
use crate::sessions::{End, Frame, Outbox, Taken};

/// How long a component may take to prove itself.
const GREETING: Duration = Duration::from_secs(15);
/// Bytes it may send until then.
const BUDGET: usize = 16 * 1024;
/// Bytes read at a time.
const READ: usize = 16 * 1024;
/// How long a last word may take, and how long a component may refuse to read.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection, from its first byte to its last.
pub(super) async fn serve(door: Arc<Entry>, socket: TcpStream, address: SocketAddr, mut pass: Pass) {
    let bounds =
        Bounds { bytes: BUDGET, until: Instant::now() + GREETING, closing: door.closing.subscribe() };
    let mut talk = Talk::new(socket, bounds);
    talk.content = ns::COMPONENT;
    let mut header = Header { id: Some(random::token()), ..Header::default() };
    let component = match greet(&door, &mut talk, &mut header).await {
        Ok(component) => component,
        Err(leave) => {
            tracing::info!(peer = %address, domain = header.from, ?leave, "a component was not let in");
            return talk.close(&leave, &header).await;
        }
    };
    pass.authenticated();
    let outbox = component.connect();
    // The first in an empty outbox: it is taken.
    let _ = outbox.push(Frame::raw(&b"<handshake/>"[..]));
    tracing::info!(peer = %address, domain = component.domain, "a component is connected");
    talk.goes_on(Limits::SERVER);
    let (mut reader, writer) = talk.io.into_split();
    let mut writing = Writing { writer, out: Vec::new(), at: 0 };
    let mut hearing = Hearing {
        component: &component,
        outbox: &outbox,
        router: &door.router,
        scope: talk.scope,
        framer: talk.framer,
        input: talk.input,
    };
    tokio::select! {
        end = hearing.all(&mut reader) => if let Some(end) = end {
            outbox.end(end);
            // Whether it hears why or not, it is gone.
            let _ = timeout(PATIENCE, writing.all(&outbox)).await;
        },
        () = writing.all(&outbox) => {}
    }
    component.disconnect(&outbox);
    tracing::info!(peer = %address, domain = component.domain, "a component is gone");
}

/// Header, our header, handshake. `header` is ours, for whatever has to be said.
async fn greet(
    door: &Entry,
    talk: &mut Talk<TcpStream>,
    header: &mut Header,
) -> Result<Arc<Component>, Leave> {
    let theirs = talk.header().await?;
    if talk.scope.content != ns::COMPONENT {
        return Err(StreamCondition::InvalidNamespace.into());
    }
    header.from = theirs.to;
    let named = |component: &&Arc<Component>| Some(&component.domain) == header.from.as_ref();
    let component = door.components.iter().find(named).ok_or(StreamCondition::HostUnknown)?;
    talk.open(header, b"").await?;
    // From here on, what has no prefix is read as if a client had said it.
    talk.scope.content = ns::CLIENT;
    let mut handshake = talk.element().await?;
    adopt(&mut handshake);
    if !handshake.is("handshake", ns::CLIENT) {
        return Err(StreamCondition::NotAuthorized.into());
    }
    let id = header.id.as_deref().unwrap_or_default();
    match component.is_proved_by(id, handshake.text().trim()) {
        true => Ok(component.clone()),
        false => Err(StreamCondition::NotAuthorized.into()),
    }
}

/// Stanzas that name the stream's own namespace are those of a client's.
fn adopt(element: &mut Element) {
    if *element.ns() == *ns::COMPONENT {
        element.set_ns(ns::CLIENT);
    }
    element.children_mut().for_each(adopt);
}

/// What a component says.
struct Hearing<'a> {
    component: &'a Component,
    outbox: &'a Outbox,
    router: &'a Arc<Router>,
    scope: StreamScope,
    framer: Framer,
    input: BytesMut,
}

impl Hearing<'_> {
    /// All of it, each stanza routed before the next is read. `None`: the connection is broken.
    async fn all(&mut self, reader: &mut OwnedReadHalf) -> Option<End> {
        loop {
            match self.framer.next(&mut self.input) {
                Ok(Some(Piece::Element(bytes))) => {
                    let element = parse::element(&bytes, &self.scope, &Limits::SERVER);
                    if let Err(leave) = self.stanza(element.map_err(End::Error)).await {
                        return Some(leave);
                    }
                }
                Ok(Some(Piece::Close)) => return Some(End::Close),
                Ok(Some(Piece::Open(_))) => return Some(End::Error(StreamCondition::BadFormat.into())),
                Ok(None) => {
                    self.input.reserve(READ);
                    if !matches!(reader.read_buf(&mut self.input).await, Ok(1..)) {
                        return None;
                    }
                }
                Err(error) => return Some(End::Error(error)),
            }
        }
    }

    async fn stanza(&self, element: Result<Element, End>) -> Result<(), End> {
        let mut element = element?;
        adopt(&mut element);
        let head = ["id", "from", "type"].map(|name| element.get(name).map(str::to_owned));
        let name = element.name().to_owned();
        let stanza = match Stanza::read(element) {
            Ok(stanza) => stanza,
            Err(Some(error)) => {
                if let Some(reply) = refusal(&self.component.domain, &name, head, &error) {
                    // A full outbox ends the stream by itself.
                    let _ = self.outbox.push(Frame::raw(bytes_of(&reply)));
                }
                return Ok(());
            }
            Err(None) => return Err(End::Error(StreamCondition::UnsupportedStanzaType.into())),
        };
        // §2: `from` is in the component's domain, and `to` is there.
        if stanza.sender().is_none_or(|from| from.domainpart() != self.component.domain) {
            return Err(End::Error(StreamCondition::InvalidFrom.into()));
        }
        if stanza.to().is_none() {
            return Err(End::Error(StreamCondition::ImproperAddressing.into()));
        }
        self.router.route(Origin::Server, stanza).await;
        Ok(())
    }
}

/// `None` where there is nobody to tell, or an error or an answer must not be answered (RFC 6120 §8.3.1).
fn refusal(domain: &str, name: &str, head: [Option<String>; 3], error: &StanzaError) -> Option<Element> {
    let [id, from, kind] = head;
    if matches!(kind.as_deref(), Some("error" | "result")) {
        return None;
    }
    let reply = Element::new(name, ns::CLIENT).attr("type", "error").attr_opt("id", id).attr("from", domain);
    Some(reply.attr("to", from?).with(error.to_element()))
}

/// What a component is told.
struct Writing {
    writer: OwnedWriteHalf,
    out: Vec<u8>,
    /// Bytes of `out` that are written: being interrupted loses none and repeats none.
    at: usize,
}

impl Writing {
    /// Writes what waits until the stream ends. Cancellation-safe.
    async fn all(&mut self, outbox: &Outbox) {
        let mut frames: Vec<Frame> = Vec::new();
        loop {
            if !self.flush().await {
                return;
            }
            let taken = outbox.take(0, &mut frames).await;
            frames.drain(..).for_each(|frame| frame.write(&mut self.out));
            match taken {
                Taken::Frames => {}
                Taken::Superseded => return,
                Taken::End(end) => {
                    match end {
                        End::Close => self.out.extend_from_slice(stream::CLOSE),
                        End::Error(error) => error.write(&mut self.out),
                    }
                    self.flush().await;
                    // What is on its way is written all the same.
                    let _ = self.writer.shutdown().await;
                    return;
                }
            }
        }
    }

    /// Says whether the component still takes what it is told.
    async fn flush(&mut self) -> bool {
        while let Some(rest) = self.out.get(self.at..).filter(|rest| !rest.is_empty()) {
            match timeout(PATIENCE, self.writer.write(rest)).await {
                Ok(Ok(written @ 1..)) => self.at += written,
                _ => return false,
            }
        }
        self.out.clear();
        self.at = 0;
        // Given back after a flood.
        self.out.shrink_to(64 * 1024);
        true
    }
}
