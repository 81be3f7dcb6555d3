//! RFC 7590, XEP-0368: TLS with a certificate per domain, exchanged without a restart; and its channel bindings.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert, ServerConnection};
use rustls::sign::CertifiedKey;
use rustls::{ProtocolVersion, ServerConfig};
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::c2s::sasl::offer::Bindings;

/// XEP-0368 §2: the protocol of clients' streams.
pub const ALPN_CLIENT: &[u8] = b"xmpp-client";
/// XEP-0368 §2: the protocol of servers' streams.
pub const ALPN_SERVER: &[u8] = b"xmpp-server";
/// RFC 9113 §3.1.
pub const ALPN_HTTP_2: &[u8] = b"h2";
/// RFC 7301 §6.
pub const ALPN_HTTP_1: &[u8] = b"http/1.1";

/// Certificates and their keys by domain, in lower case as A-labels (what SNI carries).
pub type Certificates = HashMap<String, Arc<CertifiedKey>>;

/// What every handshake starts from; a reload replaces it whole.
pub struct Tls {
    current: ArcSwap<Generation>,
}

/// One set of certificates. A connection keeps the one it began with, so its channel binding stays true, and no
/// session ticket outlives it.
pub struct Generation {
    /// For streams that began in the clear (RFC 6120 §5): no ALPN is asked for.
    pub starttls: Arc<ServerConfig>,
    /// For connections that begin with TLS: `xmpp-client`, or no ALPN at all.
    pub direct: Arc<ServerConfig>,
    /// For HTTP: HTTP/2, HTTP/1.1, or no ALPN at all.
    pub web: Arc<ServerConfig>,
    /// For a port that all of these share. Without ALPN it is a client of XMPP.
    pub shared: Arc<ServerConfig>,
    names: Arc<Names>,
}

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The map was empty.
    #[error("there is no certificate: put fullchain.pem and privkey.pem into certs/<domain>/")]
    NoCertificate,
    /// The library's own words.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

#[derive(Debug)]
struct Names {
    by_domain: Certificates,
    /// For clients that name no domain, or none of ours (SRV targets): they check the name themselves.
    otherwise: Arc<CertifiedKey>,
}

impl Tls {
    /// TLS with these certificates; `first` names the one for clients that do not say what they want.
    ///
    /// # Errors
    /// [`TlsError`]
    pub fn new(certificates: Certificates, first: &str) -> Result<Tls, TlsError> {
        Ok(Tls { current: ArcSwap::from_pointee(Generation::new(certificates, first)?) })
    }

    /// From the next handshake on, these certificates. Connections that stand are not touched.
    ///
    /// # Errors
    /// [`TlsError`]; the old ones stay in use then.
    pub fn replace(&self, certificates: Certificates, first: &str) -> Result<(), TlsError> {
        self.current.store(Arc::new(Generation::new(certificates, first)?));
        Ok(())
    }

    /// What to begin a handshake with.
    pub fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }
}

impl Generation {
    fn new(by_domain: Certificates, first: &str) -> Result<Generation, TlsError> {
        let otherwise = by_domain.get(first).or_else(|| by_domain.values().next());
        let otherwise = otherwise.cloned().ok_or(TlsError::NoCertificate)?;
        let names = Arc::new(Names { by_domain, otherwise });
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(Generation {
            starttls: Arc::new(server_config(&provider, &names, &[])?),
            direct: Arc::new(server_config(&provider, &names, &[ALPN_CLIENT])?),
            web: Arc::new(server_config(&provider, &names, &[ALPN_HTTP_2, ALPN_HTTP_1])?),
            shared: Arc::new(server_config(
                &provider,
                &names,
                &[ALPN_CLIENT, ALPN_SERVER, ALPN_HTTP_2, ALPN_HTTP_1],
            )?),
            names,
        })
    }

    /// The channel bindings of a connection that was made with this generation, after its handshake.
    pub fn bindings(&self, connection: &ServerConnection) -> Bindings {
        let leaf = self.names.find(connection.server_name()).cert.first();
        let exporter = (connection.protocol_version() == Some(ProtocolVersion::TLSv1_3)).then(|| {
            // RFC 9266 §2. With TLS 1.2 an empty string and none would differ; it is always given.
            connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))
        });
        Bindings {
            exporter: exporter.and_then(Result::ok),
            end_point: leaf.and_then(|leaf| end_point(leaf.as_ref())),
        }
    }
}

impl Names {
    fn find(&self, name: Option<&str>) -> &Arc<CertifiedKey> {
        name.and_then(|name| self.by_domain.get(name)).unwrap_or(&self.otherwise)
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.find(hello.server_name()).clone())
    }
}

fn server_config(
    provider: &Arc<CryptoProvider>,
    names: &Arc<Names>,
    alpn: &[&[u8]],
) -> Result<ServerConfig, rustls::Error> {
    let versions = &[&rustls::version::TLS13, &rustls::version::TLS12];
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions)?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(names.clone());
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    // One ticket is enough for one client. None would make the client's first write wait for a delayed
    // acknowledgement of our last one.
    config.send_tls13_tickets = 1;
    Ok(config)
}

/// RFC 5929 §4.1: the certificate under its own signature's hash; SHA-256 where that is MD5 or SHA-1.
/// `None` for a signature without one hash of its own (Ed25519, RSA-PSS with odd parameters): it is undefined then.
fn end_point(leaf: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(leaf).ok()?;
    match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        // md5, sha1, sha256 with RSA; ECDSA with sha1, sha256
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => Some(Sha256::digest(leaf).to_vec()),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Some(Sha384::digest(leaf).to_vec()),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Some(Sha512::digest(leaf).to_vec()),
        _ => None,
    }
}

/// Looks at certificate files now and then, and calls `reload` when one of them has changed. Never returns.
/// A half-written file makes `reload` fail; it is tried again at the next look.
pub async fn watch(files: Vec<PathBuf>, every: Duration, reload: impl Fn() -> bool + Send + Sync + 'static) {
    let reload = Arc::new(reload);
    let mut seen = look(files.clone()).await;
    loop {
        tokio::time::sleep(every).await;
        let now = look(files.clone()).await;
        if now == seen {
            continue;
        }
        let reload = reload.clone();
        let done = tokio::task::spawn_blocking(move || reload()).await.unwrap_or(false);
        if done {
            seen = now;
        }
    }
}

async fn look(files: Vec<PathBuf>) -> BTreeMap<PathBuf, Option<(SystemTime, u64)>> {
    let look = move || {
        let stamp = |path: &PathBuf| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        files.into_iter().map(|path| (path.clone(), stamp(&path))).collect()
    };
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

#[cfg(test)]
pub mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

    use super::*;

    /// A self-signed certificate for tests.
    pub fn certificate(
        domain: &str,
        algorithm: &'static SignatureAlgorithm,
    ) -> (CertificateDer<'static>, Arc<CertifiedKey>) {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = CertificateParams::new(vec![domain.to_owned()]).unwrap().self_signed(&key).unwrap();
        let der = certificate.der().clone();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing = rustls::crypto::ring::sign::any_supported_type(&private).unwrap();
        (der.clone(), Arc::new(CertifiedKey::new(vec![der], signing)))
    }

    #[test]
    fn the_end_point_takes_the_hash_of_the_signature() {
        let (p256, _) = certificate("localhost", &rcgen::PKCS_ECDSA_P256_SHA256);
        assert_eq!(end_point(&p256), Some(Sha256::digest(&p256).to_vec()));
        let (p384, _) = certificate("localhost", &rcgen::PKCS_ECDSA_P384_SHA384);
        assert_eq!(end_point(&p384), Some(Sha384::digest(&p384).to_vec()));
        let (ed25519, _) = certificate("localhost", &rcgen::PKCS_ED25519);
        assert_eq!((end_point(&ed25519), end_point(b"no certificate")), (None, None));
    }

    #[test]
    fn each_domain_has_its_certificate_and_strangers_get_the_first() {
        let of = |domain| certificate(domain, &rcgen::PKCS_ECDSA_P256_SHA256).1;
        let (a, b) = (of("a.example"), of("b.example"));
        let map = Certificates::from([("a.example".into(), a.clone()), ("b.example".into(), b.clone())]);
        let generation = Generation::new(map, "b.example").unwrap();
        assert!(Arc::ptr_eq(generation.names.find(Some("a.example")), &a));
        assert!(Arc::ptr_eq(generation.names.find(Some("c.example")), &b));
        assert!(Arc::ptr_eq(generation.names.find(None), &b));
        assert!(Tls::new(Certificates::new(), "a.example").is_err());
    }

    #[test]
    fn a_reload_leaves_old_connections_their_generation() {
        let of = || certificate("a.example", &rcgen::PKCS_ECDSA_P256_SHA256).1;
        let map = |key: &Arc<CertifiedKey>| Certificates::from([("a.example".into(), key.clone())]);
        let (old, new) = (of(), of());
        let tls = Tls::new(map(&old), "a.example").unwrap();
        let before = tls.current();
        tls.replace(map(&new), "a.example").unwrap();
        assert!(tls.replace(Certificates::new(), "a.example").is_err());
        assert!(Arc::ptr_eq(before.names.find(Some("a.example")), &old));
        assert!(Arc::ptr_eq(tls.current().names.find(Some("a.example")), &new));
    }

    #[tokio::test]
    async fn a_changed_file_is_noticed_and_a_failed_reload_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fullchain.pem");
        std::fs::write(&file, "one").unwrap();
        let calls = Arc::new(AtomicU32::new(0));
        let count = calls.clone();
        let reload = move || count.fetch_add(1, Ordering::SeqCst) > 0;
        let watching = tokio::spawn(watch(vec![file.clone()], Duration::from_millis(5), reload));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        std::fs::write(&file, "another").unwrap();
        while calls.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        watching.abort();
    }
}
