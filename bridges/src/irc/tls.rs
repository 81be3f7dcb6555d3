//! RFC 7194: IRC over TLS. The server's certificate is always checked, name and all.

use super::settings::Settings;
use crate::network::SettingsError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
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

/// Reads the authorities; `None` where the settings say to speak in the clear.
pub fn prepare(settings: &Settings) -> Result<Option<Tls>, SettingsError> {
    if !settings.tls {
        return Ok(None);
    }
    let name = ServerName::try_from(settings.tls_name().to_owned()).map_err(|_| {
        let key = if settings.tls_name.is_some() { "tls_name" } else { "server" };
        SettingsError::new(key, format!("{:?} is no name that a certificate could bear", settings.tls_name()))
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingsError::new("tls", error.to_string()))?
        .with_root_certificates(authorities(settings)?)
        .with_no_client_auth();
    Ok(Some(Tls { connector: TlsConnector::from(Arc::new(config)), name }))
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
            prepare(&settings(&format!("server = 'irc.example'\nca_file = '{}'", path.display())).unwrap())
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
        assert!(prepare(&settings("server = '::1'").unwrap()).unwrap().is_some());
        assert!(prepare(&settings("server = 'x'\ntls = false").unwrap()).unwrap().is_none());
        assert!(prepare(&settings("server = 'x'\ntls_name = 'a b'").unwrap()).is_err());
    }
}
