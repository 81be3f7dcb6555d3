//! RFC 7395, XEP-0124: web clients of our own. What they say goes out as messages, or as requests; what comes is read like
//! a stream.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::tls;

/// Where what is said goes, and where what comes is read.
pub type Ends = (mpsc::Sender<String>, DuplexStream);

/// Things said that may wait, and bytes heard.
const WAITING: usize = 64;
const HEARD: usize = 1 << 20;

/// RFC 7395 §3.1: a WebSocket over TLS; each thing said is one message.
///
/// # Errors
/// Where the server does not agree.
pub async fn websocket(address: SocketAddr) -> Result<Ends, String> {
    let mut tls = connect(address).await?;
    let request = "GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Protocol: xmpp\r\n\r\n";
    tls.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(tls.read_u8().await.map_err(|error| error.to_string())?);
    }
    if !answer.starts_with(b"HTTP/1.1 101 ") {
        return Err(format!("no WebSocket: {}", String::from_utf8_lossy(&answer)));
    }
    let mut socket = WebSocketStream::from_raw_socket(tls, Role::Client, None).await;
    let (says, mut said) = mpsc::channel::<String>(WAITING);
    let (mut heard, reads) = duplex(HEARD);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                text = said.recv() => {
                    let Some(text) = text else { return };
                    if socket.send(Message::text(text)).await.is_err() {
                        return;
                    }
                }
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) if heard.write_all(text.as_bytes()).await.is_ok() => {}
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => {}
                    _ => return,
                },
            }
        }
    });
    Ok((says, reads))
}

/// XEP-0124: requests over TLS, each on a connection of its own; what is heard are their answers, as they come.
pub fn bosh(address: SocketAddr) -> Ends {
    let (says, mut said) = mpsc::channel::<String>(WAITING);
    let (heard, reads) = duplex(HEARD);
    let heard = Arc::new(Mutex::new(heard));
    tokio::spawn(async move {
        while let Some(body) = said.recv().await {
            let heard = heard.clone();
            let head = format!("POST /http-bind HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
            let answer = ask(address, head, body).await;
            tokio::spawn(async move {
                let text = answer.await.unwrap_or_else(|says| format!("<failed>{says}</failed>"));
                let _ = heard.lock().await.write_all(text.as_bytes()).await;
            });
        }
    });
    (says, reads)
}

/// Asks for a path; the answer is heard, and then the end.
pub async fn get(address: SocketAddr, path: &str) -> Result<DuplexStream, String> {
    let (mut heard, reads) = duplex(HEARD);
    let answer = ask(address, format!("GET {path} HTTP/1.1\r\n"), String::new()).await.await?;
    heard.write_all(answer.as_bytes()).await.map_err(|error| error.to_string())?;
    Ok(reads)
}

/// The status that a path has, and what is there.
///
/// # Errors
/// Where the server does not answer as one does.
pub async fn status(address: SocketAddr, path: &str) -> Result<(u16, String), String> {
    match ask(address, format!("GET {path} HTTP/1.1\r\n"), String::new()).await.await {
        Ok(body) => Ok((200, body)),
        Err(answer) => {
            let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
            Ok((status.ok_or_else(|| answer.clone())?, answer))
        }
    }
}

/// Sends a request at once, so that the next one comes later, and gives what waits for its answer's body.
async fn ask(
    address: SocketAddr,
    head: String,
    body: String,
) -> impl Future<Output = Result<String, String>> + Send + 'static {
    let sent = async {
        let mut tls = connect(address).await?;
        let request = format!("{head}Host: localhost\r\nConnection: close\r\n\r\n{body}");
        tls.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
        tls.flush().await.map_err(|error| error.to_string())?;
        Ok::<_, String>(tls)
    };
    let sent = sent.await;
    async move {
        let mut answer = Vec::new();
        // A server need not say goodbye to TLS.
        let _ = sent?.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).map_err(|error| error.to_string())?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
            _ => Err(answer),
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TlsStream<TcpStream>, String> {
    let socket = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
    socket.set_nodelay(true).map_err(|error| error.to_string())?;
    tls::connect(socket, "localhost", false).await
}
