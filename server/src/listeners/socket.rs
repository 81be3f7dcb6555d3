//! Listening sockets and their options, and what to do when a port cannot be had.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

/// Why a port cannot be listened on, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has it.
    #[error(
        "port {} on {} is in use: stop the program that has it (`ss -ltnp` names it; another Rialto?), or choose \
         another port in [listen]", .0.port(), .0.ip()
    )]
    InUse(SocketAddr),
    /// Ports below 1024 are for those who may.
    #[error(
        "port {} may not be opened by this user: choose one above 1023 in [listen], or give the service \
         CAP_NET_BIND_SERVICE", .0.port()
    )]
    Forbidden(SocketAddr),
    /// The machine has no such address.
    #[error("{} is no address of this machine: correct `addresses` in [listen]", .0.ip())]
    NoSuchAddress(SocketAddr),
    /// Anything else.
    #[error("port {} on {} cannot be opened: {error}", address.port(), address.ip())]
    Other {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
}

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Listens on an address.
///
/// # Errors
/// [`ListenError`]
pub fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    open(address).map_err(|error| ListenError::of(address, error))
}

impl ListenError {
    /// What the system says of an address.
    pub fn of(address: SocketAddr, error: io::Error) -> ListenError {
        match error.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(address),
            io::ErrorKind::PermissionDenied => ListenError::Forbidden(address),
            io::ErrorKind::AddrNotAvailable => ListenError::NoSuchAddress(address),
            _ => ListenError::Other { address, error },
        }
    }
}

/// Listens on one port of several addresses; with port 0 the first decides which. A family that the machine lacks is left
/// out if another is there.
///
/// # Errors
/// [`ListenError`]; nothing is open then.
pub fn listen_on_all(mut port: u16, addresses: &[IpAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let (mut open, mut missing) = (Vec::<TcpListener>::new(), None);
    for address in addresses {
        match listen(SocketAddr::new(*address, port)) {
            Ok(socket) => {
                port = socket.local_addr().map_or(port, |address| address.port());
                open.push(socket);
            }
            Err(error) if is_missing_family(&error) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if open.is_empty() => Err(error),
        _ => Ok(open),
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // `0.0.0.0` and `[::]` are two sockets, whatever the system's default.
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for the connections of the last run to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Options of an accepted connection: small writes at once, and a look now and then whether the other side lives.
///
/// # Errors
/// The connection is gone already.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(120))
        .with_interval(Duration::from_secs(30))
        .with_retries(4);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Whether the system has no IPv6 (or IPv4) at all, so that an address of it can be left out.
pub fn is_missing_family(error: &ListenError) -> bool {
    match error {
        ListenError::Other { error, .. } => error.raw_os_error() == Some(libc::EAFNOSUPPORT),
        ListenError::NoSuchAddress(address) => address.is_ipv6(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_named_with_what_to_do() {
        let first = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        let error = listen(address).unwrap_err();
        assert!(matches!(error, ListenError::InUse(_)));
        let text = error.to_string();
        assert!(text.contains(&format!("port {} on 127.0.0.1 is in use", address.port())), "{text}");
        assert!(text.contains("[listen]"), "{text}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_said_to_be_one() {
        let error = listen("192.0.2.1:0".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("192.0.2.1 is no address of this machine"), "{error}");
    }
}
