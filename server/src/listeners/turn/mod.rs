//! RFC 8489, RFC 8656: the STUN/TURN server that is built in, so that calls find their way. The `turn` crate keeps relays
//! and speaks the protocol; what may be asked, by whom, and where relays reach is decided here.
//!
//! Limits: requests of an address (`door`), relays of a person and of all, bytes of a relay (`[turn]`), connections
//! (`tcp`). Relays reach public addresses only (`peers`).

mod door;
mod peers;
mod relay;
mod tcp;
mod udp;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rialto_store::server::{Purpose, secret};
use rialto_store::{Store, StoreError};
use stun::message::is_message;
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use turn::allocation::allocation_manager::{Manager, ManagerConfig};
use turn::allocation::five_tuple::FiveTuple;
use turn::proto::PROTO_UDP;
use turn::proto::chandata::ChannelData;
use turn::server::request::Request;
use webrtc_util::Conn;

use super::socket::{self, ListenError};
use super::tls::Tls;
use crate::config::{Config, Turn};
use crate::features::extdisco::{BuiltIn, Service, credentials};
use door::{Admitted, Door, Keys};
use peers::Peers;
pub use peers::is_public;
use relay::Relays;

/// The server, open.
pub struct TurnServer {
    addresses: Vec<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

/// Why it does not open.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// A port.
    #[error("[turn] {0}")]
    Listen(#[from] ListenError),
    /// The store.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

/// What all its sockets share.
pub struct Shared {
    realm: String,
    secret: Vec<u8>,
    limits: Turn,
    door: Door,
    peers: Arc<Peers>,
    relays: Relays,
    managers: Mutex<Vec<Weak<Manager>>>,
}

/// RFC 8656 §12: how long a channel is bound.
const CHANNEL: Duration = Duration::from_secs(600);

impl TurnServer {
    /// Opens what the configuration names, and tells `built_in`. Nothing is opened on a machine that nobody reaches.
    ///
    /// # Errors
    /// [`TurnError`]; nothing is open then.
    pub async fn open(
        config: &Config,
        store: &Store,
        tls: &Arc<Tls>,
        built_in: &BuiltIn,
    ) -> Result<TurnServer, TurnError> {
        let mut server = TurnServer { addresses: Vec::new(), tasks: Vec::new() };
        let public = public_addresses(config);
        if public.is_empty() {
            return Ok(server);
        }
        let key = secret(store, Purpose::Turn).await?;
        let shared = Arc::new(Shared::new(config, &public, credentials::text_of(&key)));
        let mut services = Vec::new();
        if let Some(port) = config.turn.port {
            let port = server.open_plain(&shared, port, &config.listen.addresses)?;
            for host in &public {
                let service = |kind, transport| Service { kind, host: host.to_string(), port, transport };
                services.extend([service("stun", "udp"), service("turn", "udp"), service("turn", "tcp")]);
            }
        }
        if let Some(port) = config.turn.tls {
            let port = server.open_tcp(&shared, port, &config.listen.addresses, Some(tls))?;
            let host = config.first_domain().to_owned();
            services.push(Service { kind: "turns", host, port, transport: "tcp" });
        }
        for address in &server.addresses {
            tracing::info!(%address, "listening for STUN and TURN");
        }
        built_in.store(Arc::new(services));
        Ok(server)
    }

    /// Where it is open.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Closes its doors; relays end.
    pub fn close(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }

    /// UDP and TCP on the same port. A family that the machine lacks is left out.
    fn open_plain(
        &mut self,
        shared: &Arc<Shared>,
        port: u16,
        addresses: &[IpAddr],
    ) -> Result<u16, TurnError> {
        let mut port = port;
        for address in addresses {
            match udp::bind(SocketAddr::new(*address, port)) {
                Ok(socket) => {
                    let address = socket.local_addr().map_err(|error| udp::failed(*address, port, error))?;
                    port = address.port();
                    self.addresses.push(address);
                    self.tasks.push(tokio::spawn(udp::serve(shared.clone(), Arc::new(socket))));
                }
                Err(error) if socket::is_missing_family(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.open_tcp(shared, port, addresses, None)
    }

    fn open_tcp(
        &mut self,
        shared: &Arc<Shared>,
        port: u16,
        addresses: &[IpAddr],
        tls: Option<&Arc<Tls>>,
    ) -> Result<u16, TurnError> {
        let mut port = port;
        let clients = Arc::new(tcp::Clients::default());
        for address in addresses {
            match socket::listen(SocketAddr::new(*address, port)) {
                Ok(listener) => {
                    let address =
                        listener.local_addr().map_err(|error| udp::failed(*address, port, error))?;
                    port = address.port();
                    self.addresses.push(address);
                    let accepting = tcp::accept(shared.clone(), listener, tls.cloned(), clients.clone());
                    self.tasks.push(tokio::spawn(accepting));
                }
                Err(error) if socket::is_missing_family(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(port)
    }
}

impl Shared {
    fn new(config: &Config, public: &[IpAddr], secret: String) -> Shared {
        let turn = &config.turn;
        let mut own = own_addresses();
        own.extend(public.iter().chain(&config.listen.addresses).map(IpAddr::to_canonical));
        let (relays, private) = (turn.relay_ports.clone(), turn.private_peers.clone());
        let peers = Arc::new(Peers { own, relays, private });
        Shared {
            realm: config.first_domain().to_owned(),
            secret: secret.into_bytes(),
            limits: turn.clone(),
            door: Door::new(),
            relays: Relays { public: public.to_vec(), peers: peers.clone(), rate: turn.bytes_per_second },
            peers,
            managers: Mutex::default(),
        }
    }

    /// Keeps the relays of one socket.
    fn manager(&self) -> Arc<Manager> {
        let config =
            ManagerConfig { relay_addr_generator: Box::new(self.relays.clone()), alloc_close_notify: None };
        let manager = Arc::new(Manager::new(config));
        let mut managers = self.managers.lock();
        managers.retain(|other| other.strong_count() > 0);
        managers.push(Arc::downgrade(&manager));
        manager
    }

    fn managers(&self) -> Vec<Arc<Manager>> {
        self.managers.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// One datagram, or what is one in a stream.
    async fn heard(
        self: &Arc<Shared>,
        manager: &Arc<Manager>,
        conn: &Arc<dyn Conn + Send + Sync>,
        from: SocketAddr,
        datagram: &[u8],
    ) {
        let Ok(dst_addr) = conn.local_addr() else { return };
        let mut nonces = HashMap::new();
        if !ChannelData::is_channel_data(datagram) {
            if !is_message(datagram) {
                return;
            }
            let tuple = FiveTuple { protocol: PROTO_UDP, src_addr: from, dst_addr };
            match self.admit(manager, tuple, datagram).await {
                Admitted::Yes(nonce) => nonces.extend(nonce.map(|nonce| (nonce, Instant::now()))),
                Admitted::Answer(answer) => {
                    let _ = conn.send_to(&answer, from).await;
                    return;
                }
                Admitted::No => return,
            }
        }
        let mut request = Request {
            conn: conn.clone(),
            src_addr: from,
            buff: datagram.to_vec(),
            allocation_manager: manager.clone(),
            nonces: Arc::new(AsyncMutex::new(nonces)),
            auth_handler: Arc::new(Keys(self.clone())),
            realm: self.realm.clone(),
            channel_bind_timeout: CHANNEL,
        };
        if let Err(error) = request.handle_request().await {
            tracing::trace!(%from, %error, "a TURN request was not done");
        }
    }
}

/// Where peers reach this machine: what the operator says, else its own addresses, if they are public and the server
/// listens on more than loopback.
pub fn public_addresses(config: &Config) -> Vec<IpAddr> {
    if !config.turn.public_addresses.is_empty() {
        return config.turn.public_addresses.clone();
    }
    if config.listen.addresses.iter().all(IpAddr::is_loopback) {
        return Vec::new();
    }
    // Connecting a UDP socket sends nothing: it tells which address would be sent from.
    let from = |here: &str, there: &str| {
        let socket = UdpSocket::bind(here).ok()?;
        socket.connect(there).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let own = [from("0.0.0.0:0", "192.0.2.1:9"), from("[::]:0", "[2001:db8::1]:9")];
    own.into_iter().flatten().filter(|address| is_public(*address)).collect()
}

/// Addresses of this machine's interfaces.
fn own_addresses() -> Vec<IpAddr> {
    let interfaces = webrtc_util::ifaces::ifaces().unwrap_or_default();
    interfaces.iter().filter_map(|interface| Some(interface.addr?.ip().to_canonical())).collect()
}

#[cfg(test)]
mod tests;
