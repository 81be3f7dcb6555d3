//! RFC 6120: streams of clients, from the socket to the session and back.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use rialto_xmpp::Element;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::gate::{Gate, Pass};
use super::settings::Settings;
use super::tls::Tls;
use crate::router::Router;
use negotiate::{Channel, Entered, Socket, Way};
use resume::Waiting;
use sasl::Authentication;

pub mod bind;
mod bind2;
mod client;
mod clock;
mod connection;
mod features;
mod lifetime;
mod login;
mod management;
pub mod negotiate;
mod offered;
pub mod registration;
pub mod resume;
pub mod sasl;
mod sasl2;
pub(super) mod talk;
#[cfg(test)]
pub(super) mod tests;

/// What all client streams share.
pub struct C2s {
    /// The way of every stanza.
    pub router: Arc<Router>,
    /// Who may log in.
    pub authentication: Arc<Authentication>,
    /// Certificates.
    pub tls: Arc<Tls>,
    settings: ArcSwap<Settings>,
    shelf: offered::Shelf,
    /// The domain that speaks before a client has named one.
    pub domain: Arc<str>,
    /// Further stream features for those who have logged in, such as XEP-0115's `<c/>`.
    pub advertised: ArcSwap<Vec<Element>>,
    /// Makes accounts, where the operator lets people make them (XEP-0077).
    pub registration: Option<Arc<registration::Registration>>,
    /// How many connections there are.
    pub gate: Arc<Gate>,
    /// Sessions that can be resumed.
    pub waiting: Waiting,
    /// Turns true when the server stops.
    pub closing: watch::Sender<bool>,
}

/// The other side of a connection.
pub struct Peer {
    /// Number of the connection; for logs.
    pub number: u64,
    /// Where it comes from.
    pub address: SocketAddr,
    /// Its share of the limits.
    pub pass: Pass,
}

impl C2s {
    /// What client streams share; `domain` speaks for the server before a client has named one.
    pub fn new(
        router: Arc<Router>,
        authentication: Arc<Authentication>,
        tls: Arc<Tls>,
        settings: Settings,
        domain: Arc<str>,
    ) -> C2s {
        C2s {
            router,
            authentication,
            tls,
            settings: ArcSwap::from_pointee(settings),
            shelf: offered::Shelf::default(),
            domain,
            advertised: ArcSwap::default(),
            registration: None,
            gate: Arc::default(),
            waiting: Waiting::default(),
            closing: watch::Sender::new(false),
        }
    }

    /// Limits and policies as they are now.
    pub fn settings(&self) -> Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// Other limits and policies from now on, for connections that stand as well.
    pub fn set_settings(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// Takes a connection to the STARTTLS port through login, and then lives as its session. The login's future, which
    /// is large, has ended by then.
    pub async fn serve_starttls(self: Arc<C2s>, mut peer: Peer, tcp: TcpStream) {
        let entered = Box::pin(negotiate::starttls(&self, &mut peer, tcp)).await;
        self.go_on(peer, entered);
    }

    /// The same where TLS comes first (XEP-0368).
    pub async fn serve_direct(self: Arc<C2s>, mut peer: Peer, tcp: TcpStream) {
        let entered = Box::pin(negotiate::direct(&self, &mut peer, tcp)).await;
        self.go_on(peer, entered);
    }

    /// The same for a connection whose TLS stands, or that another transport carries.
    pub async fn serve_secured(self: Arc<C2s>, mut peer: Peer, socket: Box<dyn Socket>, channel: Channel) {
        let entered = Box::pin(negotiate::secured(&self, &mut peer, socket, &channel)).await;
        self.go_on(peer, entered);
    }

    fn go_on(self: Arc<C2s>, peer: Peer, entered: Option<Entered>) {
        let Some(entered) = entered else { return };
        let way = match entered.way {
            Way::Bound(bound) => lifetime::Lifetime::begin(&self, bound),
            Way::Resumed(claim) => lifetime::Lifetime::resumed(&self, claim),
        };
        tokio::spawn(way.live(self, peer, entered.talk, entered.first));
    }
}
