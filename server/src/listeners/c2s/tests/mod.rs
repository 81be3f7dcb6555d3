//! Whole streams over loopback: a server with its doors open, and a client made of bytes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rialto_store::accounts::{Accounts as Kept, Credential, Hash};
use rialto_store::{Batch, Store, StoreError, tables};
use rialto_xmpp::{BareJid, Stanza};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use sha2::Digest;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::C2s;
use super::sasl::Authentication;
use super::sasl::throttle::Throttle;
use crate::config::{self, Config, Conflict, Listen};
use crate::credentials::{self, ScramHash};
use crate::features::{About, Feature, Features, Fut, Phase, Spec, Turn, Verdict};
use crate::listeners::http::Http;
use crate::listeners::http::site::Site;
use crate::listeners::settings::Settings;
use crate::listeners::tls::{Certificates, Tls, tests::certificate};
use crate::listeners::{Door, Listeners};
use crate::public_url::PublicUrl;
use crate::router::{Directory, Domain, Router};
use crate::sessions::Accounts;

mod binding;
mod login;
mod resumption;
mod streams;

/// A server for `localhost` with romeo and juliet, both with the password `pencil`.
pub struct Server {
    pub listeners: Listeners,
    client: ClientConfig,
    connector: TlsConnector,
    connector_1_2: TlsConnector,
}

struct Everybody(Kept);

/// Every message is written down, as an archive would, and `h` has to wait for that.
struct Records(Store);

static ABOUT: About = About { spec: Spec::Own("records"), disco: &[], iq: &[], at: &[Phase::Outbound] };

impl Feature for Records {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        if let Stanza::Message(message) = &*turn.stanza {
            let mut batch = Batch::new();
            batch.put(tables::SERVER, b"last message", message.body().unwrap_or_default().as_bytes());
            turn.left.wrote(self.0.enqueue(batch));
        }
        Verdict::Next
    }
}

impl Directory for Everybody {
    fn has<'a>(&'a self, jid: &'a BareJid) -> Fut<'a, Result<bool, StoreError>> {
        Box::pin(async { Ok(self.0.get(jid.as_str())?.is_some()) })
    }

    fn remove<'a>(&'a self, _jid: &'a BareJid) -> Fut<'a, Result<bool, StoreError>> {
        Box::pin(async { Ok(false) })
    }
}

/// Deriving keys takes its time; one set does for all.
static PENCIL: LazyLock<BTreeMap<Hash, Credential>> = LazyLock::new(|| {
    let keys = credentials::keys_of("pencil").unwrap().into_iter().map(|(hash, keys)| {
        let hash = match hash {
            ScramHash::Sha1 => Hash::Sha1,
            ScramHash::Sha256 => Hash::Sha256,
            ScramHash::Sha512 => Hash::Sha512,
        };
        let (salt, iterations) = (keys.salt, keys.iterations);
        (hash, Credential { salt, iterations, stored_key: keys.stored_key, server_key: keys.server_key })
    });
    keys.collect()
});

impl Server {
    pub async fn start(change: impl FnOnce(&mut Settings)) -> Server {
        Server::configured(change, |_| {}).await
    }

    /// With other limits, and other doors.
    pub async fn configured(change: impl FnOnce(&mut Settings), choose: impl FnOnce(&mut Config)) -> Server {
        Server::serving(change, choose, Vec::new()).await
    }

    /// With more sites over HTTP.
    pub async fn serving(
        change: impl FnOnce(&mut Settings),
        choose: impl FnOnce(&mut Config),
        sites: Vec<Arc<dyn Site>>,
    ) -> Server {
        let store = Store::memory();
        let accounts = Kept::new(&store);
        for name in ["romeo@localhost", "juliet@localhost"] {
            accounts.create(name, PENCIL.clone(), false).await.unwrap();
        }
        let directory = Arc::new(Everybody(accounts.clone()));
        let features = Features::new(vec![Box::new(Records(store.clone()))]).unwrap();
        let router = Arc::new(Router::new(Arc::new(Accounts::default()), features, store, directory));
        router.domains.serve("localhost", Domain::Accounts);
        let (der, key) = certificate("localhost", &rcgen::PKCS_ECDSA_P256_SHA256);
        let tls = Arc::new(Tls::new(Certificates::from([("localhost".into(), key)]), "localhost").unwrap());
        let mut settings = Settings::default();
        settings.c2s.login_timeout = Duration::from_secs(20);
        change(&mut settings);
        let authentication = Arc::new(Authentication::new(Arc::new(accounts), [5; 32], Throttle::default()));
        let c2s = Arc::new(C2s::new(router, authentication, tls, settings, "localhost".into()));
        let listen = Listen {
            addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            starttls: Some(0),
            tls: Some(0),
            shared: Some(0),
            ..Listen::default()
        };
        let http = config::Http { port: Some(0), tls: Some(0), ..config::Http::default() };
        let mut config = Config { listen, http, ..Config::default() };
        choose(&mut config);
        let http = Http::open(&c2s, &config, PublicUrl::chosen(&config.http.public_url), sites);
        let listeners = Listeners::open(c2s, http, &config).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(der).unwrap();
        let connector = |versions: &[&'static rustls::SupportedProtocolVersion]| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config =
                ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
            let mut config = config.with_root_certificates(roots.clone()).with_no_client_auth();
            config.alpn_protocols = vec![b"xmpp-client".to_vec()];
            config
        };
        let (new, old) = (connector(&[&rustls::version::TLS13]), connector(&[&rustls::version::TLS12]));
        let client = new.clone();
        let (new, old) = (TlsConnector::from(Arc::new(new)), TlsConnector::from(Arc::new(old)));
        Server { listeners, client, connector: new, connector_1_2: old }
    }

    pub async fn new() -> Server {
        Server::start(|_| {}).await
    }

    /// A connection through one of the doors, as it is.
    pub async fn tcp(&self, door: Door) -> TcpStream {
        let (_, address) = self.listeners.addresses().iter().find(|(found, _)| *found == door).unwrap();
        TcpStream::connect(address).await.unwrap()
    }

    /// A connection in the clear.
    pub async fn clear(&self) -> Wire<TcpStream> {
        Wire::new(self.tcp(Door::StartTls).await)
    }

    /// A connection with direct TLS, before its stream header.
    pub async fn direct(&self) -> Wire<TlsStream<TcpStream>> {
        self.connect_tls(self.tcp(Door::Direct).await, false).await
    }

    async fn connect_tls(&self, tcp: TcpStream, old: bool) -> Wire<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        let connector = if old { &self.connector_1_2 } else { &self.connector };
        Wire::new(connector.connect(name, tcp).await.unwrap())
    }

    /// A connection through one of the doors, with TLS and this ALPN.
    pub async fn over_tls(&self, door: Door, alpn: &[&str]) -> std::io::Result<Wire<TlsStream<TcpStream>>> {
        let mut config = self.client.clone();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        let tcp = self.tcp(door).await;
        Ok(Wire::new(TlsConnector::from(Arc::new(config)).connect(name, tcp).await?))
    }

    /// A connection that asked for TLS.
    pub async fn upgraded(&self, old: bool) -> Wire<TlsStream<TcpStream>> {
        let mut clear = self.clear().await;
        clear.open().await;
        clear.until("</stream:features>").await;
        clear.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
        clear.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
        self.connect_tls(clear.io, old).await
    }

    /// Somebody who has logged in and sees the features of a session.
    pub async fn logged_in(&self, name: &str) -> Wire<TlsStream<TcpStream>> {
        let mut wire = self.direct().await;
        wire.open().await;
        wire.until("</stream:features>").await;
        wire.plain(name, "pencil").await;
        wire.until("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
        wire.open().await;
        wire.until("</stream:features>").await;
        wire
    }

    /// Somebody with a session.
    pub async fn session(&self, name: &str, resource: &str) -> Wire<TlsStream<TcpStream>> {
        let mut wire = self.logged_in(name).await;
        wire.bind(resource).await;
        wire.until(&format!("<jid>{name}@localhost/{resource}</jid></bind></iq>")).await;
        wire
    }
}

/// A client that writes bytes and waits for bytes.
pub struct Wire<S> {
    pub io: S,
    heard: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn new(io: S) -> Wire<S> {
        Wire { io, heard: String::new() }
    }

    pub async fn send(&mut self, text: &str) {
        self.io.write_all(text.as_bytes()).await.unwrap();
        self.io.flush().await.unwrap();
    }

    pub async fn open(&mut self) {
        self.open_to("to='localhost' version='1.0'").await;
    }

    pub async fn open_to(&mut self, attributes: &str) {
        self.send(&format!(
            "<?xml version='1.0'?><stream:stream {attributes} xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        ))
        .await;
    }

    /// Everything up to and with `what`; fails when it does not come.
    pub async fn until(&mut self, what: &str) -> String {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        let (mut looked_at, mut buffer) = (0, vec![0; 64 * 1024]);
        loop {
            if let Some(at) = self.heard[looked_at..].find(what) {
                let rest = self.heard.split_off(looked_at + at + what.len());
                return std::mem::replace(&mut self.heard, rest);
            }
            looked_at = self.heard.floor_char_boundary(self.heard.len().saturating_sub(what.len()));
            let read = tokio::time::timeout_at(deadline, self.io.read(&mut buffer)).await;
            match read {
                Ok(Ok(read)) if read > 0 => {
                    self.heard.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
                }
                other => {
                    panic!("no {what:?} ({other:?}) in {}", self.heard.chars().take(2000).collect::<String>())
                }
            }
        }
    }

    /// The rest, until the server closes the connection.
    pub async fn rest(&mut self) -> String {
        let mut buffer = Vec::new();
        let read = timeout(Duration::from_secs(10), self.io.read_to_end(&mut buffer)).await;
        // A server need not say goodbye to TLS to somebody who sent nonsense.
        let _ = read.expect("the connection stays open");
        self.heard.push_str(&String::from_utf8(buffer).unwrap());
        std::mem::take(&mut self.heard)
    }

    /// Nothing comes for a while.
    pub async fn silence(&mut self) {
        let mut buffer = [0; 4096];
        let read = timeout(Duration::from_millis(200), self.io.read(&mut buffer)).await;
        assert!(read.is_err() && self.heard.is_empty(), "{:?} {read:?}", self.heard);
    }

    pub async fn plain(&mut self, name: &str, password: &str) {
        let message = STANDARD.encode(format!("\0{name}\0{password}"));
        let auth =
            format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>");
        self.send(&auth).await;
    }

    pub async fn bind(&mut self, resource: &str) {
        let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>";
        self.send(&format!("<iq type='set' id='b'>{bind}<resource>{resource}</resource></bind></iq>")).await;
    }
}

impl Wire<TlsStream<TcpStream>> {
    /// The client's own view of a channel binding.
    pub fn binding(&self, name: &str) -> Vec<u8> {
        let connection = self.io.get_ref().1;
        match name {
            "tls-exporter" => {
                assert_eq!(connection.protocol_version(), Some(ProtocolVersion::TLSv1_3));
                let label = b"EXPORTER-Channel-Binding";
                connection.export_keying_material(vec![0; 32], label, Some(b"")).unwrap()
            }
            _ => sha2::Sha256::digest(&connection.peer_certificates().unwrap()[0]).to_vec(),
        }
    }
}
