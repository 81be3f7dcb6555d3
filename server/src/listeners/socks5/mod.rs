//! XEP-0065: SOCKS5 Bytestreams: where both ends of a stream connect, and wait until it is activated.

mod handshake;
mod relay;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rialto_xmpp::Jid;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::gate::{Gate, Pass};
use super::settings::Settings;
use super::socket;
use crate::config::{C2s, Config};
use crate::features::Hosted;
use crate::router::{Domain, Router};
use crate::services::bytestreams::service::{NAME, Proxy};
use crate::services::bytestreams::{Bytestreams, Half};
use handshake::Reply;

/// How long a client may take to say which stream it means.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// How long it may wait for the stream to be activated.
const ACTIVATION: Duration = Duration::from_secs(120);

/// Connections from one address that are in no transfer yet.
const WAITING_PER_ADDRESS: usize = 20;

/// The open proxy.
pub struct Socks5 {
    streams: Arc<Bytestreams>,
    addresses: Vec<SocketAddr>,
    accepting: Vec<JoinHandle<()>>,
}

impl Socks5 {
    /// Opens the proxy, if the operator wants one, and has the router serve its domain. A port that cannot be had is no
    /// reason for people not to talk: then there is no proxy, and the log says so.
    pub fn open(config: &Config, router: &Arc<Router>) -> Option<Socks5> {
        let port = config.proxy.port?;
        let domain = Jid::parse(&config.proxy.domain).ok()?;
        let sockets = match socket::listen_on_all(port, &config.listen.addresses) {
            Ok(sockets) => sockets,
            Err(error) => {
                tracing::error!(%error, "no proxy for files (XEP-0065): mend this, or set [proxy] port to another or false");
                return None;
            }
        };
        let streams = Bytestreams::new(&config.proxy, domain.clone(), Arc::downgrade(router));
        router.domains.serve(&config.proxy.domain, Domain::Service(Arc::new(Proxy(streams.clone()))));
        router.features.catalogue.host(Hosted { jid: domain, name: NAME.to_owned() });
        Some(Socks5::accept_on(sockets, streams))
    }

    /// Lets clients in from now on.
    fn accept_on(sockets: Vec<TcpListener>, streams: Arc<Bytestreams>) -> Socks5 {
        let addresses: Vec<SocketAddr> =
            sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        if let Some(address) = addresses.first() {
            tracing::info!(%address, "listening for bytestreams");
            streams.reached_at(address.port());
        }
        let proxy = streams.settings();
        let settings = Arc::new(Settings {
            c2s: C2s { connections: proxy.connections, ..C2s::default() },
            unauthenticated: proxy.connections,
            unauthenticated_per_address: WAITING_PER_ADDRESS,
            ..Settings::default()
        });
        let gate = Arc::new(Gate::default());
        let accepting = sockets
            .into_iter()
            .map(|socket| tokio::spawn(accept(socket, gate.clone(), settings.clone(), streams.clone())));
        Socks5 { addresses, accepting: accepting.collect(), streams }
    }

    /// Those who wait, and the transfers that go on.
    pub fn streams(&self) -> &Arc<Bytestreams> {
        &self.streams
    }

    /// Where clients are let in.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl Drop for Socks5 {
    fn drop(&mut self) {
        self.accepting.iter().for_each(JoinHandle::abort);
    }
}

async fn accept(socket: TcpListener, gate: Arc<Gate>, settings: Arc<Settings>, streams: Arc<Bytestreams>) {
    loop {
        let (stream, address) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a bytestream could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Full: whoever comes is turned away, and tries another way.
        let Ok(pass) = gate.admit(address.ip(), &settings) else { continue };
        if socket::prepare(&stream).is_err() {
            continue;
        }
        let streams = streams.clone();
        tokio::spawn(async move {
            let mut closing = streams.closing.subscribe();
            let serving = serve(stream, pass, streams);
            let served = tokio::select! {
                served = serving => served,
                _ = closing.wait_for(|closing| *closing) => Ok(()),
            };
            if let Err(error) = served {
                tracing::debug!(peer = %address, %error, "a bytestream ended early");
            }
        });
    }
}

/// One connection, from its first byte to its last.
async fn serve(mut stream: TcpStream, mut pass: Pass, streams: Arc<Bytestreams>) -> io::Result<()> {
    let Some(request) = timeout(HANDSHAKE, handshake::read(&mut stream)).await?? else { return Ok(()) };
    let waits = request.asked.and_then(|address| streams.wait(address).ok_or(Reply::NotAllowed));
    let (place, mut told) = match waits {
        Ok(waits) => waits,
        Err(reply) => return timeout(HANDSHAKE, request.answer(&mut stream, reply)).await?,
    };
    let answered = timeout(HANDSHAKE, request.answer(&mut stream, Reply::Succeeded)).await;
    if !matches!(answered, Ok(Ok(()))) {
        streams.leave(place);
        return Ok(());
    }
    let half = tokio::select! {
        half = &mut told => half,
        _ = timeout(ACTIVATION, gone(&stream)) => match streams.leave(place) {
            true => return Ok(()),
            // Activated at this very moment.
            false => told.await,
        },
    };
    pass.authenticated();
    match half {
        Ok(Half::Give(give)) => {
            // The other side's task goes on with it; the pass stays until that one has ended.
            let _ = give.send((stream, Box::new(pass)));
            Ok(())
        }
        Ok(Half::Take(take, transfer)) => {
            let (other, _other_pass) = take.await.map_err(io::Error::other)?;
            let relayed = relay::relay(stream, other, streams.settings().idle).await;
            drop(transfer);
            relayed.map(|_| ())
        }
        Err(_) => Ok(()),
    }
}

/// Ready when the client goes away. What it says too early stays in the socket.
async fn gone(stream: &TcpStream) -> io::Result<()> {
    match stream.peek(&mut [0]).await {
        Ok(0) => Ok(()),
        Ok(_) => std::future::pending().await,
        Err(error) => Err(error),
    }
}
