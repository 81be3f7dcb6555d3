//! XEP-0065: SOCKS5 Bytestreams, the proxy: two who cannot reach each other both connect here. `listeners/socks5` has the
//! sockets; here is who waits for whom, and who may join them.

pub mod service;
mod waiting;

use std::any::Any;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use rialto_xmpp::{BareJid, Condition, Element, Jid, StanzaError, ns};
use sha1::{Digest, Sha1};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};

pub use waiting::{Place, Taken};

use crate::config;
use crate::router::Router;
use waiting::{Both, Waiting};

/// The longest stream id.
const LONGEST_SID: usize = 1024;

/// What names a stream on the wire: SHA-1 of its id, its requester and its target (§6.3.2), in binary.
pub type Address = [u8; 20];

/// A connection, and what stays behind when it goes.
pub type Connection = (TcpStream, Box<dyn Any + Send>);

/// What somebody who waits is told when the stream is activated.
pub enum Half {
    /// Give the connection to the other side's task.
    Give(oneshot::Sender<Connection>),
    /// Take the other side's connection, and pass on what both say.
    Take(oneshot::Receiver<Connection>, Transfer),
}

/// A transfer that goes on; dropping it lets its requester begin another.
pub struct Transfer {
    streams: Arc<Bytestreams>,
    requester: BareJid,
}

/// Streams that wait, and transfers that go on.
pub struct Bytestreams {
    settings: config::Proxy,
    domain: Jid,
    router: Weak<Router>,
    waiting: Mutex<Waiting>,
    port: OnceLock<u16>,
    /// `true` once the server closes.
    pub closing: watch::Sender<bool>,
}

impl Bytestreams {
    /// None yet. `domain` is the address of the service.
    pub fn new(settings: &config::Proxy, domain: Jid, router: Weak<Router>) -> Arc<Bytestreams> {
        Arc::new(Bytestreams {
            settings: settings.clone(),
            domain,
            router,
            waiting: Mutex::default(),
            port: OnceLock::new(),
            closing: watch::Sender::new(false),
        })
    }

    /// Clients connect to this port. Told once, when it is open.
    pub fn reached_at(&self, port: u16) {
        let _ = self.port.set(port);
    }

    /// What the operator chose.
    pub fn settings(&self) -> &config::Proxy {
        &self.settings
    }

    /// Somebody connected and wants to be in this stream; `None`: both ends of it are there.
    pub fn wait(&self, address: Address) -> Option<(Place, oneshot::Receiver<Half>)> {
        self.waiting.lock().wait(address)
    }

    /// Somebody does not wait any longer. `false`: too late, the stream is activated at this moment.
    pub fn leave(&self, place: Place) -> bool {
        self.waiting.lock().leave(place)
    }

    /// §6.3.5: joins the two that wait for this stream. `from` is the requester, with the address of its own stream.
    ///
    /// # Errors
    /// `item-not-found`: nobody waits for this stream; `not-allowed`: one side does; `resource-constraint`: the requester
    /// has as many transfers as a person may have; `bad-request`: there can be no such stream.
    pub fn activate(self: &Arc<Self>, from: &Jid, sid: &str, target: &str) -> Result<(), StanzaError> {
        if sid.is_empty() || sid.len() > LONGEST_SID {
            return Err(StanzaError::new(Condition::BadRequest, "A stream has an id, and not a long one."));
        }
        let target = Jid::parse(target.trim());
        let target =
            target.map_err(|_| StanzaError::new(Condition::BadRequest, "The target is no address."))?;
        let address = address(sid, from, &target);
        let requester = from.bare();
        let mut waiting = self.waiting.lock();
        if waiting.transfers(&requester) >= self.settings.per_person {
            let text = "You have as many transfers as one person may have. Try again when one has ended.";
            return Err(StanzaError::new(Condition::ResourceConstraint, text));
        }
        let Both(one, other) = waiting.join(&address).map_err(|taken| match taken {
            Taken::Nobody => StanzaError::new(Condition::ItemNotFound, "Nobody waits for this stream."),
            Taken::One => StanzaError::new(Condition::NotAllowed, "Only one side is connected."),
        })?;
        waiting.begin(&requester);
        drop(waiting);
        let transfer = Transfer { streams: self.clone(), requester };
        let (give, take) = oneshot::channel();
        let told = one.send(Half::Give(give)).is_ok() && other.send(Half::Take(take, transfer)).is_ok();
        if told { Ok(()) } else { Err(Condition::InternalServerError.into()) }
    }

    /// Transfers that go on, of everybody.
    pub fn count(&self) -> usize {
        self.waiting.lock().count()
    }

    /// §5: where to connect.
    fn streamhost(&self) -> Option<Element> {
        let host = match self.settings.host.parse::<IpAddr>() {
            // RFC 5952: the one way of writing it.
            Ok(ip) => ip.to_string(),
            Err(_) => self.settings.host.clone(),
        };
        let port = self.port.get()?.to_string();
        let streamhost = Element::new("streamhost", ns::BYTESTREAMS)
            .attr("host", host)
            .attr("jid", self.domain.as_str())
            .attr("port", port);
        Some(Element::new("query", ns::BYTESTREAMS).with(streamhost))
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.streams.waiting.lock().end(&self.requester);
    }
}

/// §6.3.2: how a stream is named on the wire. The addresses are prepared already.
pub fn address(sid: &str, requester: &Jid, target: &Jid) -> Address {
    Sha1::new()
        .chain_update(sid)
        .chain_update(requester.as_str())
        .chain_update(target.as_str())
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_hash_of_id_requester_and_target() {
        let jid = |text| Jid::parse(text).unwrap();
        let hash = address("vxf9n471bn46", &jid("requester@example.com/foo"), &jid("target@example.org/bar"));
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let whole = Sha1::digest("vxf9n471bn46requester@example.com/footarget@example.org/bar");
        assert_eq!(hash[..], whole[..]);
        assert_eq!(hex.len(), 40);
    }
}
