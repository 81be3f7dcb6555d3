//! The socket of the gateway: a WebSocket, in TLS by the names of the certificate, whose messages have a limit.

use crate::discord::settings::Settings;
use crate::network::SettingsError;
use futures_util::{SinkExt, StreamExt};
use reqwest::Url;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};

/// The largest message that Discord may send us, in bytes: a guild of many channels and roles comes in one.
const MOST: usize = 64 << 20;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection to the gateway.
pub(super) struct Socket(WebSocketStream<Box<dyn Stream>>);

/// What comes from the gateway.
pub(super) enum Came {
    /// A payload, as JSON.
    Text(String),
    /// It is over: with this code, where one was said.
    Closed(Option<u16>),
    /// Something without meaning for us.
    Nothing,
}

impl Socket {
    /// Connects. The address is the one that the API told, without parameters.
    pub async fn connect(url: &str, tls: &Arc<ClientConfig>) -> Result<Socket, String> {
        let mut url = Url::parse(url).map_err(|error| format!("the gateway's address is wrong: {error}"))?;
        url.set_query(Some("v=10&encoding=json"));
        if url.path().is_empty() {
            url.set_path("/");
        }
        let secure = match url.scheme() {
            "wss" => true,
            "ws" => false,
            other => return Err(format!("the gateway's address begins with {other}")),
        };
        let host = url.host_str().ok_or("the gateway's address has no host")?.to_owned();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_or_known_default().ok_or("the gateway's address has no port")?;
        let tcp = TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
        // Heartbeats are small and must not wait.
        let _ = tcp.set_nodelay(true);
        let stream: Box<dyn Stream> = if secure {
            let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
            let connector = TlsConnector::from(tls.clone());
            Box::new(connector.connect(name, tcp).await.map_err(|error| error.to_string())?)
        } else {
            Box::new(tcp)
        };
        let config = WebSocketConfig::default().max_message_size(Some(MOST)).max_frame_size(Some(MOST));
        let opened = tokio_tungstenite::client_async_with_config(url.as_str(), stream, Some(config)).await;
        opened.map(|(socket, _)| Socket(socket)).map_err(|error| error.to_string())
    }

    /// What comes next. May be dropped while it waits.
    pub async fn next(&mut self) -> Result<Came, String> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Ok(Came::Text(text.as_str().to_owned())),
            Some(Ok(Message::Close(frame))) => Ok(Came::Closed(frame.map(|frame| frame.code.into()))),
            Some(Ok(_)) => Ok(Came::Nothing),
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(Came::Closed(None)),
        }
    }

    /// Sends a payload.
    pub async fn send(&mut self, payload: &Value) -> Result<(), String> {
        self.0.send(Message::text(payload.to_string())).await.map_err(|error| error.to_string())
    }

    /// Says goodbye. With 1000 the session ends; with another code it may be resumed.
    pub async fn close(&mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
        // Whoever does not hear it sees the connection end.
        let _ = self.0.close(Some(frame)).await;
    }
}

/// TLS towards the gateway: the authorities of browsers, and those of the settings.
pub(super) fn tls(settings: &Settings) -> Result<Arc<ClientConfig>, SettingsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = &settings.ca_file {
        for authority in authorities(file)? {
            roots.add(authority).map_err(|error| SettingsError::new("ca_file", error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingsError { key: None, text: error.to_string() })?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// The authorities that a PEM file holds.
pub(in crate::discord) fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let wrong = |why: String| SettingsError::new("ca_file", format!("{}: {why}", file.display()));
    let all = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))?;
    if all.is_empty() { Err(wrong("holds no certificate".into())) } else { Ok(all) }
}
