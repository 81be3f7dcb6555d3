//! RFC 8489 §6.2.1: STUN and TURN over UDP.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use turn::allocation::allocation_manager::Manager;
use webrtc_util::Conn;

use super::Shared;
use crate::listeners::socket::ListenError;

/// Longer than any datagram that is passed on.
const DATAGRAM: usize = 2_048;

/// Opens a port.
///
/// # Errors
/// [`ListenError`]
pub fn bind(address: SocketAddr) -> Result<UdpSocket, ListenError> {
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        UdpSocket::from_std(socket.into())
    };
    open().map_err(|error: io::Error| failed(address.ip(), address.port(), error))
}

/// What the system says, in the operator's words.
pub fn failed(ip: IpAddr, port: u16, error: io::Error) -> ListenError {
    ListenError::of(SocketAddr::new(ip, port), error)
}

/// Hears one socket for ever. Should a datagram bring the library down, the next is heard all the same.
pub async fn serve(shared: Arc<Shared>, socket: Arc<UdpSocket>) {
    let manager = shared.manager();
    loop {
        let heard = tokio::spawn(hear(shared.clone(), manager.clone(), socket.clone()));
        // Dropped with this task, which is how the server closes.
        let guard = AbortOnDrop(heard.abort_handle());
        let ended = heard.await;
        drop(guard);
        tracing::error!(?ended, "the TURN server stumbled over a datagram and goes on");
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn hear(shared: Arc<Shared>, manager: Arc<Manager>, socket: Arc<UdpSocket>) {
    let conn: Arc<dyn Conn + Send + Sync> = socket.clone();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                let datagram = buffer.get(..length).unwrap_or_default();
                shared.heard(&manager, &conn, from, datagram).await;
            }
            // A client that has gone; or something that haste does not help.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => {
                tracing::debug!(%error, "a datagram could not be read");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}
