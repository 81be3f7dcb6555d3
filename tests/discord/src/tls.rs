//! The port: HTTP, and HTTPS where there is a certificate; a client's first byte says which.

use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::rest::serve::serve;
use crate::state::State;

/// A TLS record of a handshake begins so.
const HANDSHAKE: u8 = 0x16;

/// Reads a chain and its key.
pub fn acceptor(chain: &str, key: &str) -> Result<TlsAcceptor> {
    let bad = |error: String| Error::new(ErrorKind::InvalidInput, error);
    let chain: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
    let chain = chain.map_err(|error| bad(format!("{error:?}")))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| bad(format!("{error:?}")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| bad(error.to_string()))?.with_no_client_auth();
    let config = builder.with_single_cert(chain, key).map_err(|error| bad(error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Takes connections until it is stopped.
pub async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, state: Arc<Mutex<State>>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((socket, _)) = listener.accept().await else { continue };
        connections.spawn(one(socket, acceptor.clone(), state.clone()));
    }
}

async fn one(socket: TcpStream, acceptor: Option<TlsAcceptor>, state: Arc<Mutex<State>>) {
    let _ = socket.set_nodelay(true);
    let mut first = [0u8];
    if socket.peek(&mut first).await.unwrap_or(0) == 0 {
        return;
    }
    match acceptor {
        Some(acceptor) if first[0] == HANDSHAKE => {
            if let Ok(socket) = acceptor.accept(socket).await {
                serve(socket, state).await;
            }
        }
        _ => serve(socket, state).await,
    }
}
