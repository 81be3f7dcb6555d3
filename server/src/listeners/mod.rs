//! Floor 7: sockets. Who knocks is let in as far as the limits go, logs in, and lives as a session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rialto_xmpp::StreamCondition;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::Listen;
use crate::sessions::End;
pub use c2s::{C2s, Door};
pub use socket::ListenError;

pub mod c2s;
pub mod gate;
pub mod settings;
mod socket;
pub mod tls;

/// The open doors.
pub struct Listeners {
    c2s: Arc<C2s>,
    addresses: Vec<(Door, SocketAddr)>,
    accepting: Vec<JoinHandle<()>>,
}

/// Numbers of connections, for logs.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Listeners {
    /// Opens the doors that the configuration names, and lets clients in from now on.
    ///
    /// # Errors
    /// [`ListenError`]: a port cannot be had; nothing is open then.
    pub fn open(c2s: Arc<C2s>, listen: &Listen) -> Result<Listeners, ListenError> {
        let doors = [(Door::StartTls, listen.starttls), (Door::Direct, listen.tls)];
        let mut open = Vec::new();
        for (door, port) in doors.into_iter().filter_map(|(door, port)| Some((door, port?))) {
            open.extend(open_door(door, port, listen)?);
        }
        let mut listeners = Listeners { c2s, addresses: Vec::new(), accepting: Vec::new() };
        for (door, socket) in open {
            if let Ok(address) = socket.local_addr() {
                tracing::info!(%address, ?door, "listening for clients");
                listeners.addresses.push((door, address));
            }
            listeners.accepting.push(tokio::spawn(accept(listeners.c2s.clone(), door, socket)));
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

/// All addresses of one door. A family that the machine lacks is left out if the other is there.
fn open_door(door: Door, port: u16, listen: &Listen) -> Result<Vec<(Door, TcpListener)>, ListenError> {
    let mut open = Vec::new();
    let mut missing = None;
    for address in &listen.addresses {
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

async fn accept(c2s: Arc<C2s>, door: Door, socket: TcpListener) {
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
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        match c2s.gate.admit(address.ip(), &c2s.settings()) {
            Ok(pass) if socket::prepare(&stream).is_ok() => {
                let counts = c2s.gate.counts();
                tracing::debug!(conn = number, peer = %address, live = counts.live, "connected");
                tokio::spawn(c2s.clone().serve(door, c2s::Peer { number, address, pass }, stream));
            }
            Ok(_) => {}
            Err(full) if c2s.gate.may_complain(Instant::now()) => {
                let counts = c2s.gate.counts();
                tracing::warn!(peer = %address, ?full, ?counts, "connections are turned away");
            }
            Err(_) => {}
        }
    }
}
