//! RFC 7194: IRC over TLS. The server's certificate is always checked, name and all.

use super::settings::Settings;
use crate::network::SettingsError;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// How to speak TLS with one server.
#[derive(Clone)]
pub struct Tls {
    /// Makes the handshake.
    pub connector: TlsConnector,
    /// The name that the certificate must bear.
    pub name: ServerName<'static>,
}

/// Reads the authorities. A connection may show a certificate (PEM, with its key). `None` where we speak in the clear and
/// could do nothing else: no certificate could bear the server's name.
pub fn prepare(settings: &Settings, certificate: Option<&str>) -> Result<Option<Tls>, SettingsError> {
    let name = ServerName::try_from(settings.tls_name().to_owned());
    if !settings.tls && name.is_err() {
        return Ok(None);
    }
    let name = name.map_err(|_| {
        let key = if settings.tls_name.is_some() { "tls_name" } else { "server" };
        SettingsError::new(key, format!("{:?} is no name that a certificate could bear", settings.tls_name()))
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingsError::new("tls", error.to_string()))?
        .with_root_certificates(authorities(settings)?);
    let config = match certificate {
        Some(pem) => ours(config, pem)?,
        None => config.with_no_client_auth(),
    };
    Ok(Some(Tls { connector: TlsConnector::from(Arc::new(config)), name }))
}

/// Shows our certificate to who asks for it.
fn ours(
    config: ConfigBuilder<ClientConfig, WantsClientCert>,
    pem: &str,
) -> Result<ClientConfig, SettingsError> {
    let wrong = |text: String| SettingsError::new("sasl.certificate_file", text);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let chain = chain.map_err(|error| wrong(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes());
    let key = key
        .map_err(|_| wrong("there is no key in it; it must hold a certificate and its key in PEM".into()))?;
    if chain.is_empty() {
        return Err(wrong(
            "there is no certificate in it; it must hold a certificate and its key in PEM".into(),
        ));
    }
    config.with_client_auth_cert(chain, key).map_err(|error| wrong(error.to_string()))
}

fn authorities(settings: &Settings) -> Result<RootCertStore, SettingsError> {
    let Some(path) = &settings.ca_file else {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    };
    let wrong = |text: String| SettingsError::new("ca_file", format!("{}: {text}", path.display()));
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        store.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(wrong("there is no certificate in it; it must be a PEM file".into()));
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::irc::settings::tests::settings;

    #[test]
    fn a_private_networks_authorities_must_be_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let with = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let settings =
                settings(&format!("server = 'irc.example'\nca_file = '{}'", path.display())).unwrap();
            prepare(&settings, None)
        };
        let refused = |text: &str| with(text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused("").contains("there is no certificate in it"));
        assert!(
            refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
                .starts_with("ca_file: ")
        );
        let key = rcgen::KeyPair::generate().unwrap();
        let ca =
            rcgen::CertificateParams::new(vec!["irc.example".into()]).unwrap().self_signed(&key).unwrap();
        assert!(with(&ca.pem()).unwrap().is_some());
    }

    #[test]
    fn an_address_is_a_name_too_and_no_tls_is_none() {
        let prepare = |toml: &str| prepare(&settings(toml).unwrap(), None);
        assert!(prepare("server = '::1'").unwrap().is_some());
        assert!(prepare("server = 'a_b..c'\ntls = false").unwrap().is_none());
        assert!(prepare("server = 'x'\ntls = false").unwrap().is_some(), "the server may ask for TLS (sts)");
        assert!(prepare("server = 'x'\ntls_name = 'a b'").is_err());
    }

    #[test]
    fn a_certificate_to_show_comes_with_its_key() {
        let settings = settings("server = 'x'").unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let own = rcgen::CertificateParams::new(vec!["bridge".into()]).unwrap().self_signed(&key).unwrap();
        let whole = own.pem() + &key.serialize_pem();
        assert!(prepare(&settings, Some(&whole)).unwrap().is_some());
        let refused = |pem: &str| {
            prepare(&settings, Some(pem)).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert!(refused(&own.pem()).contains("there is no key in it"));
        assert!(refused(&key.serialize_pem()).contains("there is no certificate in it"));
    }
}
