//! RFC 8656 §7.2, §11: the sockets of relays. What passes is counted, and goes only where it may.

use std::any::Any;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::time::Instant;
use turn::relay::RelayAddressGenerator;
use webrtc_util::Conn;

use super::peers::Peers;
use crate::random;

/// Makes sockets of relays.
#[derive(Clone)]
pub struct Relays {
    /// Where peers reach this machine, in each family.
    pub public: Vec<IpAddr>,
    /// Whom they reach.
    pub peers: Arc<Peers>,
    /// Bytes in a second, each way.
    pub rate: usize,
}

/// Ports that are tried before there is said to be none.
const TRIES: usize = 20;

#[async_trait]
impl RelayAddressGenerator for Relays {
    fn validate(&self) -> Result<(), turn::Error> {
        Ok(())
    }

    async fn allocate_conn(
        &self,
        use_ipv4: bool,
        requested_port: u16,
    ) -> Result<(Arc<dyn Conn + Send + Sync>, SocketAddr), turn::Error> {
        let public = self.public.iter().find(|address| address.is_ipv4() == use_ipv4);
        let public = *public.ok_or(turn::Error::ErrRelayAddressInvalid)?;
        let here = if use_ipv4 { Ipv4Addr::UNSPECIFIED.into() } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
        for _ in 0..TRIES {
            let port = if requested_port == 0 { self.any_port() } else { requested_port };
            let Ok(socket) = UdpSocket::bind(SocketAddr::new(here, port)).await else { continue };
            let [sent, heard] = [Mutex::new(Bucket::new(self.rate)), Mutex::new(Bucket::new(self.rate))];
            let relay = Relay { socket, peers: self.peers.clone(), sent, heard };
            return Ok((Arc::new(relay), SocketAddr::new(public, port)));
        }
        Err(turn::Error::ErrMaxRetriesExceeded)
    }
}

impl Relays {
    /// RFC 8656 §7.2: a port that nobody can guess.
    fn any_port(&self) -> u16 {
        let (first, last) = (u32::from(*self.peers.relays.start()), u32::from(*self.peers.relays.end()));
        let port = first + u32::from_le_bytes(random::bytes::<4>()) % (last - first + 1);
        u16::try_from(port).unwrap_or(*self.peers.relays.start())
    }
}

/// One relay's socket. What may not pass is dropped without a word, as a network does.
struct Relay {
    socket: UdpSocket,
    peers: Arc<Peers>,
    sent: Mutex<Bucket>,
    heard: Mutex<Bucket>,
}

#[async_trait]
impl Conn for Relay {
    async fn connect(&self, _: SocketAddr) -> Result<(), webrtc_util::Error> {
        Err(webrtc_util::Error::ErrNoRemAddr)
    }

    async fn recv(&self, _: &mut [u8]) -> Result<usize, webrtc_util::Error> {
        Err(webrtc_util::Error::ErrNoRemAddr)
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), webrtc_util::Error> {
        loop {
            match self.socket.recv_from(buffer).await {
                Ok((length, peer)) if self.peers.may_exchange(peer) && self.heard.lock().take(length) => {
                    return Ok((length, peer));
                }
                Ok(_) => {}
                // ICMP says that a peer is not there: others may be.
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn send(&self, _: &[u8]) -> Result<usize, webrtc_util::Error> {
        Err(webrtc_util::Error::ErrNoRemAddr)
    }

    async fn send_to(&self, buffer: &[u8], peer: SocketAddr) -> Result<usize, webrtc_util::Error> {
        if self.peers.may_exchange(peer) && self.sent.lock().take(buffer.len()) {
            // A peer that cannot be reached is no failure of the relay.
            let _ = self.socket.send_to(buffer, peer).await;
        }
        Ok(buffer.len())
    }

    fn local_addr(&self) -> Result<SocketAddr, webrtc_util::Error> {
        Ok(self.socket.local_addr()?)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    async fn close(&self) -> Result<(), webrtc_util::Error> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}

/// So many bytes in a second, and those of one second at once.
pub struct Bucket {
    rate: f64,
    left: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub fn new(rate: usize) -> Bucket {
        Bucket { rate: rate as f64, left: rate as f64, at: Instant::now() }
    }

    /// Takes so much, if it is there.
    pub fn take(&mut self, much: usize) -> bool {
        let now = Instant::now();
        self.left = self.rate.min(self.left + self.rate * (now - self.at).as_secs_f64());
        self.at = now;
        let enough = self.left >= much as f64;
        if enough {
            self.left -= much as f64;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_what_is_in_it() {
        let mut bucket = Bucket::new(1000);
        assert!(bucket.take(600) && !bucket.take(600) && bucket.take(300));
    }

    #[tokio::test]
    async fn a_relay_reaches_public_peers_only_and_says_nothing_about_the_others() {
        let listener = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let mut peers = Peers { own: Vec::new(), relays: 40_000..=60_000, private: Vec::new() };
        let relays = |peers: &Peers| Relays {
            public: vec!["127.0.0.1".parse().unwrap()],
            peers: Arc::new(peers.clone()),
            rate: 1000,
        };
        let (refusing, _) = relays(&peers).allocate_conn(true, 0).await.unwrap();
        peers.private = vec![crate::config::Network::parse("127.0.0.1").unwrap()];
        let (allowing, address) = relays(&peers).allocate_conn(true, 0).await.unwrap();
        assert!(peers.relays.contains(&address.port()));
        assert_eq!(refusing.send_to(b"secret", to).await.unwrap(), 6);
        assert_eq!(allowing.send_to(b"hi", to).await.unwrap(), 2);
        let mut heard = [0; 10];
        let (length, _) = listener.recv_from(&mut heard).await.unwrap();
        assert_eq!(&heard[..length], b"hi");
        assert!(relays(&peers).allocate_conn(false, 0).await.is_err(), "there is no IPv6");
    }
}
