//! RFC 1413: who owns a connection of ours, told to the server that asks about it: a name for each person, and no other word.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How long somebody who asks may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server asks as soon as we connect, perhaps before we know our own port.
const EARLY: Duration = Duration::from_secs(2);

/// The longest question (RFC 1413 §8).
const QUESTION: u64 = 1000;

/// Questions that are answered at one time.
const ASKING: usize = 64;

type Names = Arc<Mutex<HashMap<(u16, SocketAddr), String>>>;

/// The listeners there are: networks may share one.
static LISTENING: LazyLock<Mutex<HashMap<SocketAddr, Weak<Identd>>>> = LazyLock::new(Mutex::default);

/// An ident server.
#[derive(Debug)]
pub struct Identd {
    names: Names,
    listening: JoinHandle<()>,
}

impl Identd {
    /// The server at this address, begun now if there is none. Where it cannot listen, that is said and tried again.
    pub fn at(address: SocketAddr) -> Arc<Identd> {
        let mut all = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = all.get(&address).and_then(Weak::upgrade) {
            return there;
        }
        let names = Names::default();
        let listening = tokio::spawn(listen(address, names.clone()));
        let identd = Arc::new(Identd { names, listening });
        all.insert(address, Arc::downgrade(&identd));
        identd
    }

    /// The connection from our port to that address is this one's, until the answer is dropped.
    pub fn owned(self: &Arc<Identd>, ours: u16, theirs: SocketAddr, name: &str) -> Owned {
        let theirs = plain(theirs);
        self.names().insert((ours, theirs), name.to_owned());
        Owned { identd: self.clone(), pair: (ours, theirs) }
    }

    fn names(&self) -> std::sync::MutexGuard<'_, HashMap<(u16, SocketAddr), String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Identd {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// A connection that is answered for.
#[derive(Debug)]
pub struct Owned {
    identd: Arc<Identd>,
    pair: (u16, SocketAddr),
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.identd.names().remove(&self.pair);
    }
}

async fn listen(address: SocketAddr, names: Names) {
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) => {
                tracing::error!(%address, %error, "the ident server cannot listen; it is tried again. Ports below 1024 need a privilege or a redirection");
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        }
    };
    let places = Arc::new(tokio::sync::Semaphore::new(ASKING));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, from)) => {
                let names = names.clone();
                tokio::spawn(async move {
                    // Who asks too slowly, or goes, is not answered.
                    let _ = tokio::time::timeout(PATIENCE, answer(socket, from, names)).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "nobody could be let in to ask");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(mut socket: TcpStream, from: SocketAddr, names: Names) -> std::io::Result<()> {
    let (reader, mut writer) = socket.split();
    let mut line = String::new();
    BufReader::new(reader.take(QUESTION)).read_line(&mut line).await?;
    let Some((ours, theirs)) = question(&line) else {
        return writer.write_all(b"0 , 0 : ERROR : INVALID-PORT\r\n").await;
    };
    let pair = (ours, plain(SocketAddr::new(from.ip(), theirs)));
    let known = || names.lock().unwrap_or_else(PoisonError::into_inner).get(&pair).cloned();
    let until = tokio::time::Instant::now() + EARLY;
    let mut name = known();
    while name.is_none() && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
        name = known();
    }
    let said = match name {
        Some(name) => format!("{ours} , {theirs} : USERID : UNIX : {name}\r\n"),
        None => format!("{ours} , {theirs} : ERROR : NO-USER\r\n"),
    };
    writer.write_all(said.as_bytes()).await
}

/// `6193, 23`: the port here, then the port of who asks.
fn question(line: &str) -> Option<(u16, u16)> {
    let (ours, theirs) = line.trim().split_once(',')?;
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
    Some((port(ours)?, port(theirs)?))
}

/// IPv4 is IPv4, however the socket writes it.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(address: SocketAddr, from: &str, words: &str) -> String {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        let mut socket = socket.connect(address).await.unwrap();
        socket.write_all(words.as_bytes()).await.unwrap();
        let mut said = String::new();
        socket.read_to_string(&mut said).await.unwrap();
        said
    }

    #[tokio::test]
    async fn only_the_server_at_the_other_end_learns_whose_connection_it_is() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let identd = Identd::at(free);
        assert!(Arc::ptr_eq(&identd, &Identd::at(free)), "networks share a listener");
        let owned = identd.owned(40_001, "127.0.0.1:6667".parse().unwrap(), "uromeo");
        while TcpStream::connect(free).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let told = ask(free, "127.0.0.1", "40001 , 6667\r\n").await;
        assert_eq!(told, "40001 , 6667 : USERID : UNIX : uromeo\r\n");
        let other = ask(free, "127.0.0.2", "40001,6667\r\n").await;
        assert_eq!(other, "40001 , 6667 : ERROR : NO-USER\r\n", "somebody else asks");
        for bad in ["\r\n", "x, y\r\n", "99999, 1\r\n", "0, 0\r\n"] {
            assert!(ask(free, "127.0.0.1", bad).await.contains("INVALID-PORT"), "{bad:?}");
        }
        drop(owned);
        assert!(ask(free, "127.0.0.1", "40001, 6667\r\n").await.contains("NO-USER"));
    }
}
