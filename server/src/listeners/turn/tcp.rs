//! RFC 8489 §6.2.2, RFC 8656 §3.1, §12.5: STUN and TURN over TCP and TLS: the same messages, one after another.
//!
//! Limits: [`CLIENTS`] connections, [`OF_ONE`] of an address; [`IDLE`] of silence; [`WAITING`] messages that wait for a
//! slow reader (overflow: the newest is dropped, as a network does).

use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use webrtc_util::Conn;

use super::Shared;
use crate::listeners::tls::Tls;

/// Connections of everybody.
const CLIENTS: usize = 2_000;
/// Connections of one address.
const OF_ONE: usize = 50;
/// How long nothing may be said.
const IDLE: Duration = Duration::from_secs(600);
/// How long a handshake, and the first message after it, may take.
const BEGINNING: Duration = Duration::from_secs(10);
/// Messages that wait to be written.
const WAITING: usize = 256;
/// The longest message.
const LONGEST: usize = 16 << 10;

/// Connections of each address.
#[derive(Default)]
pub struct Clients(Mutex<HashMap<IpAddr, usize>>);

struct Seat(Arc<Clients>, IpAddr);

impl Clients {
    fn take(self: &Arc<Clients>, address: IpAddr) -> Option<Seat> {
        let mut clients = self.0.lock();
        let all: usize = clients.values().sum();
        let own = clients.entry(address).or_default();
        if all >= CLIENTS || *own >= OF_ONE {
            return None;
        }
        *own += 1;
        Some(Seat(self.clone(), address))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut clients = self.0.0.lock();
        if let Some(own) = clients.get_mut(&self.1) {
            *own -= 1;
            if *own == 0 {
                clients.remove(&self.1);
            }
        }
    }
}

/// Lets clients in, for ever.
pub async fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    clients: Arc<Clients>,
) {
    let mut talks = tokio::task::JoinSet::new();
    loop {
        while talks.try_join_next().is_some() {}
        let Ok((stream, from)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Some(seat) = clients.take(from.ip()) else { continue };
        let _ = stream.set_nodelay(true);
        let (shared, tls) = (shared.clone(), tls.clone());
        talks.spawn(async move {
            let _seat = seat;
            welcome(shared, stream, from, tls).await;
        });
    }
}

async fn welcome(shared: Arc<Shared>, stream: TcpStream, from: SocketAddr, tls: Option<Arc<Tls>>) {
    let Ok(here) = stream.local_addr() else { return };
    match tls {
        None => talk(&shared, stream, (from, here)).await,
        Some(tls) => {
            let acceptor = TlsAcceptor::from(tls.current().starttls.clone());
            if let Ok(Ok(stream)) = timeout(BEGINNING, acceptor.accept(stream)).await {
                Box::pin(talk(&shared, stream, (from, here))).await;
            }
        }
    }
}

/// One connection: its relays live as long as it does.
async fn talk<S: AsyncRead + AsyncWrite>(
    shared: &Arc<Shared>,
    stream: S,
    (from, here): (SocketAddr, SocketAddr),
) {
    let (mut reader, mut writer) = split(stream);
    let (sender, mut waiting) = mpsc::channel::<Vec<u8>>(WAITING);
    let conn: Arc<dyn Conn + Send + Sync> = Arc::new(Stream { sender, from, here });
    let manager = shared.manager();
    let reading = async {
        let mut patience = BEGINNING;
        while let Ok(Some(message)) = timeout(patience, next(&mut reader)).await {
            shared.heard(&manager, &conn, from, &message).await;
            patience = IDLE;
        }
    };
    let writing = async {
        while let Some(message) = waiting.recv().await {
            if !matches!(timeout(BEGINNING, writer.write_all(&message)).await, Ok(Ok(()))) {
                break;
            }
        }
    };
    tokio::select! {
        () = reading => {}
        () = writing => {}
    }
    let _ = manager.close().await;
}

/// RFC 8656 §12.5: the next message. `None`: there is none, or it is none of these protocols.
async fn next<R: AsyncRead + Unpin>(reader: &mut R) -> Option<Vec<u8>> {
    let mut message = vec![0; 4];
    reader.read_exact(&mut message).await.ok()?;
    let (kind, length) = match message.as_slice() {
        [kind, _, high, low] => (*kind, usize::from(u16::from_be_bytes([*high, *low]))),
        _ => return None,
    };
    // RFC 8656 §12.4, §12.5: channel data is padded in streams; its length does not say so.
    let rest = match kind {
        0..=3 => 16 + length,
        0x40..=0x7f => length.next_multiple_of(4),
        _ => return None,
    };
    if rest > LONGEST {
        return None;
    }
    message.resize(4 + rest, 0);
    reader.read_exact(message.get_mut(4..)?).await.ok()?;
    Some(message)
}

/// A connection, as the library sees it.
struct Stream {
    sender: mpsc::Sender<Vec<u8>>,
    from: SocketAddr,
    here: SocketAddr,
}

#[async_trait]
impl Conn for Stream {
    async fn connect(&self, _: SocketAddr) -> Result<(), webrtc_util::Error> {
        Ok(())
    }

    async fn recv(&self, _: &mut [u8]) -> Result<usize, webrtc_util::Error> {
        Err(webrtc_util::Error::ErrUseClosedNetworkConn)
    }

    async fn recv_from(&self, _: &mut [u8]) -> Result<(usize, SocketAddr), webrtc_util::Error> {
        Err(webrtc_util::Error::ErrUseClosedNetworkConn)
    }

    async fn send(&self, message: &[u8]) -> Result<usize, webrtc_util::Error> {
        self.send_to(message, self.from).await
    }

    async fn send_to(&self, message: &[u8], _: SocketAddr) -> Result<usize, webrtc_util::Error> {
        let _ = self.sender.try_send(message.to_vec());
        Ok(message.len())
    }

    fn local_addr(&self) -> Result<SocketAddr, webrtc_util::Error> {
        Ok(self.here)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        Some(self.from)
    }

    async fn close(&self) -> Result<(), webrtc_util::Error> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_are_told_apart_in_a_stream() {
        let stun = [[0, 1, 0, 4].as_slice(), &[7; 20]].concat();
        let data = [[0x40, 1, 0, 5].as_slice(), &[8; 8]].concat();
        let stream = [stun.as_slice(), &data, b"GET / HTTP/1.1"].concat();
        let mut reader = stream.as_slice();
        assert_eq!(next(&mut reader).await, Some(stun));
        assert_eq!(next(&mut reader).await, Some(data));
        assert_eq!(next(&mut reader).await, None);
        assert_eq!(next(&mut [0u8, 1, 0xff, 0xff, 0].as_slice()).await, None);
    }

    #[test]
    fn nobody_takes_all_connections() {
        let clients = Arc::new(Clients::default());
        let one = "1.1.1.1".parse().unwrap();
        let seats: Vec<Seat> = (0..OF_ONE).filter_map(|_| clients.take(one)).collect();
        assert!(seats.len() == OF_ONE && clients.take(one).is_none());
        assert!(clients.take("1.1.1.2".parse().unwrap()).is_some());
        drop(seats);
        assert!(clients.take(one).is_some());
    }
}
