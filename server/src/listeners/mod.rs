//! Floor 7: sockets. Who knocks is let in as far as the limits go, logs in, and lives as a session.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rialto_xmpp::StreamCondition;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::{Config, Network};
use crate::public_url::PublicUrl;
use crate::sessions::End;
pub use c2s::C2s;
use c2s::Peer;
pub use door::Door;
use gate::{Full, Pass};
use http::Http;
use proxy::Behind;
pub use socket::ListenError;

pub mod c2s;
pub mod components;
mod door;
pub mod gate;
pub mod http;
mod proxy;
pub mod settings;
mod socket;
pub mod socks5;
pub mod tls;
pub mod turn;

/// The open doors.
pub struct Listeners {
    c2s: Arc<C2s>,
    addresses: Vec<(Door, SocketAddr)>,
    accepting: Vec<JoinHandle<()>>,
}

/// Numbers of connections, for logs.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The next of them.
fn next_number() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Listeners {
    /// Opens the doors that the configuration names, and lets clients in from now on.
    ///
    /// # Errors
    /// [`ListenError`]: a port cannot be had; nothing is open then.
    pub fn open(c2s: Arc<C2s>, http: Arc<Http>, config: &Config) -> Result<Listeners, ListenError> {
        let (listen, web) = (&config.listen, &config.http);
        let doors = [
            (Door::StartTls, listen.starttls, &listen.addresses),
            (Door::Direct, listen.tls, &listen.addresses),
            (Door::Shared, listen.shared, &listen.addresses),
            (Door::Https, web.tls, &listen.addresses),
            (Door::Http, web.port, &web.addresses),
        ];
        let mut open = Vec::new();
        for (door, port, addresses) in doors {
            if let Some(port) = port {
                open.extend(open_door(door, port, addresses)?);
            }
        }
        let mut listeners = Listeners { c2s, addresses: Vec::new(), accepting: Vec::new() };
        for (door, socket) in open {
            if let Ok(address) = socket.local_addr() {
                tracing::info!(%address, ?door, "listening for clients");
                listeners.addresses.push((door, address));
            }
            let entrance = Arc::new(Entrance {
                c2s: listeners.c2s.clone(),
                http: http.clone(),
                door,
                proxies: listen.proxies.clone(),
                is_proxied: listen.proxy_protocol.contains(&door.port()),
            });
            listeners.accepting.push(tokio::spawn(accept(entrance, socket)));
        }
        if let Some(url) = url_of(&listeners.addresses, config.first_domain()) {
            http.public_url.settle(&url);
            if let Some(registration) = &listeners.c2s.registration {
                registration.explained_at(&http.public_url);
            }
        }
        Ok(listeners)
    }

    /// Where clients are let in; with port 0 in the configuration, this tells which port it became.
    pub fn addresses(&self) -> &[(Door, SocketAddr)] {
        &self.addresses
    }

    /// What the streams share.
    pub fn c2s(&self) -> &Arc<C2s> {
        &self.c2s
    }

    /// Shuts the doors, tells everybody (`system-shutdown`), and waits until all have gone and what they did not get is
    /// kept, but no longer than `patience`. Says whether nobody was left.
    pub async fn close(&self, patience: Duration) -> bool {
        self.accepting.iter().for_each(JoinHandle::abort);
        self.c2s.closing.send_replace(true);
        let sessions = self.c2s.router.accounts.all_sessions();
        let counts = self.c2s.gate.counts();
        tracing::info!(sessions = sessions.len(), connections = counts.live, "closing");
        for session in sessions {
            session.outbox.end(End::Error(StreamCondition::SystemShutdown.into()));
        }
        timeout(patience, self.c2s.gate.empty()).await.is_ok()
    }
}

/// Where the world will find what a server of this configuration serves over HTTP. `None`: it serves nothing, or only the
/// running server knows its ports.
pub fn public_url(config: &Config) -> Option<PublicUrl> {
    let (listen, web) = (&config.listen, &config.http);
    let doors = [(Door::Shared, listen.shared), (Door::Https, web.tls), (Door::Http, web.port)];
    let doors = doors.into_iter().filter_map(|(door, port)| Some((door, port?)));
    let doors: Vec<_> =
        doors.map(|(door, port)| (door, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))).collect();
    let by_doors = url_of(&doors, config.first_domain())?;
    let url = PublicUrl::chosen(&config.http.public_url);
    if doors.iter().all(|(_, address)| address.port() != 0) {
        url.settle(&by_doors);
    }
    url.base().is_some().then_some(url)
}

/// One door, and what lies behind it.
struct Entrance {
    c2s: Arc<C2s>,
    http: Arc<Http>,
    door: Door,
    proxies: Vec<Network>,
    /// Every connection begins with a PROXY header.
    is_proxied: bool,
}

/// How long a proxy may take to say for whom it connects.
const HEADER: Duration = Duration::from_secs(10);

/// All addresses of one door. A family that the machine lacks is left out if the other is there.
fn open_door(door: Door, port: u16, addresses: &[IpAddr]) -> Result<Vec<(Door, TcpListener)>, ListenError> {
    let mut open = Vec::new();
    let mut missing = None;
    for address in addresses {
        match socket::listen(SocketAddr::new(*address, port)) {
            Ok(socket) => open.push((door, socket)),
            Err(error) if socket::is_missing_family(&error) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if open.is_empty() => Err(error),
        _ => Ok(open),
    }
}

/// Where browsers find this server, when nobody has said so: with TLS if there is such a door.
fn url_of(doors: &[(Door, SocketAddr)], domain: &str) -> Option<String> {
    let port =
        |wanted: Door| doors.iter().find(|(door, _)| *door == wanted).map(|(_, address)| address.port());
    let domain = rialto_xmpp::prep::to_ascii(domain);
    match (port(Door::Https).or(port(Door::Shared)), port(Door::Http)) {
        (Some(443), _) => Some(format!("https://{domain}")),
        (Some(port), _) => Some(format!("https://{domain}:{port}")),
        (None, Some(80)) => Some(format!("http://{domain}")),
        (None, Some(port)) => Some(format!("http://{domain}:{port}")),
        (None, None) => None,
    }
}

async fn accept(entrance: Arc<Entrance>, socket: TcpListener) {
    loop {
        let (stream, address) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // No file descriptors left, or the client was gone before us: neither is helped by haste.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let number = next_number();
        if entrance.is_proxied {
            if let Some(pass) = entrance.admit_proxy(address) {
                tokio::spawn(entrance.clone().behind_proxy(number, (address, pass), stream));
            }
        } else if let Some(pass) = entrance.admit(number, address)
            && socket::prepare(&stream).is_ok()
        {
            tokio::spawn(entrance.clone().lead(Peer { number, address, pass }, stream));
        }
    }
}

impl Entrance {
    async fn lead(self: Arc<Entrance>, peer: Peer, stream: TcpStream) {
        self.door.lead(self.c2s.clone(), self.http.clone(), peer, stream).await;
    }

    fn admit(&self, number: u64, address: SocketAddr) -> Option<Pass> {
        let c2s = &self.c2s;
        let admitted = match self.trusts(address) && self.door.is_http() {
            // Its headers say who asks, and those are counted where they stay.
            true => c2s.gate.admit_proxy(&c2s.settings()),
            false => c2s.gate.admit(address.ip(), &c2s.settings()),
        };
        let pass = self.or_complain(address, admitted)?;
        tracing::debug!(conn = number, peer = %address, live = c2s.gate.counts().live, "connected");
        Some(pass)
    }

    /// Only proxies that are known may connect where a header says who comes.
    fn admit_proxy(&self, address: SocketAddr) -> Option<Pass> {
        if !self.trusts(address) {
            if self.c2s.gate.may_complain(Instant::now()) {
                tracing::warn!(peer = %address, "is not among `proxies` in [listen], and is turned away");
            }
            return None;
        }
        self.or_complain(address, self.c2s.gate.admit_proxy(&self.c2s.settings()))
    }

    fn or_complain(&self, address: SocketAddr, admitted: Result<Pass, Full>) -> Option<Pass> {
        let gate = &self.c2s.gate;
        let full = match admitted {
            Ok(pass) => return Some(pass),
            Err(full) => full,
        };
        if gate.may_complain(Instant::now()) {
            let counts = gate.counts();
            tracing::warn!(peer = %address, ?full, ?counts, "connections are turned away");
        }
        None
    }

    fn trusts(&self, address: SocketAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(address.ip()))
    }

    /// Reads for whom the proxy connects, and goes on as if they had done so themselves.
    async fn behind_proxy(
        self: Arc<Entrance>,
        number: u64,
        (proxy, pass): (SocketAddr, Pass),
        mut stream: TcpStream,
    ) {
        let mut closing = self.c2s.closing.subscribe();
        let header = tokio::select! {
            header = timeout(HEADER, proxy::read(&mut stream)) => header,
            _ = closing.wait_for(|closing| *closing) => return,
        };
        let address = match header {
            Ok(Ok(Behind::Address(address))) => address,
            Ok(Ok(Behind::Nobody)) => proxy,
            Ok(Err(error)) => return tracing::debug!(conn = number, peer = %proxy, %error, "turned away"),
            Err(_) => {
                return tracing::debug!(conn = number, peer = %proxy, "turned away: no PROXY header in time");
            }
        };
        drop(pass);
        if let Some(pass) = self.admit(number, address)
            && socket::prepare(&stream).is_ok()
        {
            self.lead(Peer { number, address, pass }, stream).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_world_finds_a_server_that_does_not_run_is_known_if_its_ports_are() {
        let url = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            public_url(&config).and_then(|url| url.at("/"))
        };
        assert_eq!(url(|_| {}).as_deref(), Some("https://localhost:5443/"));
        assert_eq!(url(|config| config.http.tls = None).as_deref(), Some("http://localhost:5280/"));
        assert_eq!(url(|config| config.http.tls = Some(0)), None);
        let chosen = url(|config| config.http.public_url = "https://chat.example.org".into());
        assert_eq!(chosen.as_deref(), Some("https://chat.example.org/"));
        let nothing = url(|config| {
            (config.http.tls, config.http.port) = (None, None);
            config.http.public_url = "https://chat.example.org".into();
        });
        assert_eq!(nothing, None);
    }
}
