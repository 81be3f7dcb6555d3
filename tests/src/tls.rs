//! TLS for the tests' own client: it encrypts and believes everything. What certificates are worth is tested where
//! they are made.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The handshake; `direct` asks for XMPP by ALPN as XEP-0368 wants.
///
/// # Errors
/// Where the handshake fails.
pub async fn connect(socket: TcpStream, domain: &str, direct: bool) -> Result<TlsStream<TcpStream>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Believer(provider.clone()));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    if direct {
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
    }
    let name = ServerName::try_from(domain.to_owned()).map_err(|error| error.to_string())?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
    connected.map_err(|error| format!("TLS: {error}"))
}

/// What either side of a TLS connection knows, and nobody between them (RFC 5056).
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// RFC 9266 `tls-exporter`.
    pub exporter: Vec<u8>,
    /// RFC 5929 §4 `tls-server-end-point`, of a certificate that is signed with SHA-256.
    pub end_point: Vec<u8>,
}

impl Bindings {
    /// Of a connection whose handshake is done.
    ///
    /// # Errors
    /// Where TLS gives none.
    pub fn of(stream: &TlsStream<TcpStream>) -> Result<Bindings, String> {
        let connection = stream.get_ref().1;
        let exporter = connection.export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", Some(b""));
        let leaf = connection.peer_certificates().and_then(|chain| chain.first());
        Ok(Bindings {
            exporter: exporter.map_err(|error| error.to_string())?,
            end_point: leaf.map(|leaf| Sha256::digest(leaf).to_vec()).unwrap_or_default(),
        })
    }
}

/// Believes every certificate, but not a handshake that was not signed with it.
#[derive(Debug)]
struct Believer(Arc<CryptoProvider>);

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
