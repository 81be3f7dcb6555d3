//! Opening a connection: TCP, then TLS, within the time that the settings allow; and how long to wait after a failure.

use super::puppets::Identd;
use super::settings::Settings;
use super::tls::Tls;
use crate::pace::Bucket;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection, with or without TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// How a connection begins: in its turn, and answered for by an ident server.
#[derive(Clone, Default)]
pub struct Route {
    /// Connections that begin one after another.
    pub turn: Option<Arc<tokio::sync::Mutex<Bucket>>>,
    /// Who answers whose connection this is, and the name that is told.
    pub ident: Option<(Arc<Identd>, String)>,
}

/// Connects. The error is for the operator.
pub async fn connect(
    settings: &Settings,
    port: u16,
    tls: Option<&Tls>,
    route: &Route,
) -> Result<Box<dyn Stream>, String> {
    if let Some(turn) = &route.turn {
        turn.lock().await.wait().await;
    }
    let place = format!("{}:{port}", settings.server);
    match tokio::time::timeout(settings.connect_timeout, open(settings, port, tls, route, &place)).await {
        Ok(opened) => opened,
        Err(_) => Err(format!("{place} did not answer within {} s", settings.connect_timeout.as_secs())),
    }
}

async fn open(
    settings: &Settings,
    port: u16,
    tls: Option<&Tls>,
    route: &Route,
    place: &str,
) -> Result<Box<dyn Stream>, String> {
    let address = (settings.server.as_str(), port);
    let socket =
        TcpStream::connect(address).await.map_err(|error| format!("cannot connect to {place}: {error}"))?;
    // A line that waits for company is a line that comes late; where this cannot be set, it comes late.
    let _ = socket.set_nodelay(true);
    let owned = route.ident.as_ref().and_then(|(identd, name)| {
        let (ours, theirs) = (socket.local_addr().ok()?, socket.peer_addr().ok()?);
        Some(identd.owned(ours.port(), theirs, name))
    });
    let socket = Told { socket, _owned: owned };
    let Some(Tls { connector, name }) = tls else { return Ok(Box::new(socket)) };
    let secured = connector.connect(name.clone(), socket).await;
    let secured = secured.map_err(|error| {
        let what = error.to_string();
        let hint = if what.contains("UnknownIssuer") {
            "; if the network has an authority of its own, say its certificate in `ca_file`"
        } else if what.contains("not valid for name") || what.contains("NotValidForName") {
            "; if the server's certificate bears another name, say it in `tls_name`"
        } else {
            ""
        };
        format!("TLS with {place} failed: {what}{hint}")
    })?;
    Ok(Box::new(secured))
}

/// A socket that is answered for as long as it lives.
struct Told {
    socket: TcpStream,
    _owned: Option<super::puppets::Owned>,
}

impl AsyncRead for Told {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, into)
    }
}

impl AsyncWrite for Told {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// The wait before the next try, after so many failures: longer and longer, with chance mixed in, so that not all the
/// world's bridges come back in the same second.
pub fn backoff(settings: &Settings, failures: u32) -> Duration {
    let longest = settings.backoff_min.saturating_mul(1 << failures.min(16)).min(settings.backoff_max);
    let chance = f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX);
    settings.backoff_min + (longest.saturating_sub(settings.backoff_min)).mul_f64(chance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::irc::settings::tests::settings;

    #[test]
    fn waits_grow_to_a_limit_and_differ() {
        let settings = settings("server = 'x'\nbackoff_min = 5\nbackoff_max = 600").unwrap();
        let waits: Vec<f64> = (0..40).map(|n| backoff(&settings, n).as_secs_f64()).collect();
        assert_eq!(waits[0], 5.0);
        assert!(waits.iter().all(|wait| (5.0..=600.0).contains(wait)));
        assert!(waits[1] <= 10.0 && waits[2] <= 20.0);
        assert!(waits[10..].windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let settings = settings(&format!("server = '127.0.0.1'\nport = {port}\ntls = false")).unwrap();
        let error = connect(&settings, port, None, &Route::default()).await.err().unwrap();
        assert!(error.starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let settings =
            settings(&format!("server = '127.0.0.1'\nport = {port}\nconnect_timeout = 0.2")).unwrap();
        let tls = crate::irc::tls::prepare(&settings, None).unwrap();
        let error = connect(&settings, port, tls.as_ref(), &Route::default()).await.err().unwrap();
        assert!(error.contains("did not answer"), "{error}");
    }
}
