//! A client of our own: a socket, TLS, SASL, bind, and nothing that the server could lean on.

use std::net::SocketAddr;
use std::time::Duration;

use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::scram;
use crate::tls::{self, Bindings};
use crate::web::Ends;
use crate::xml::{Event, Unreadable, Xml, next_event};

/// How long anything may take that must come.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Plain or encrypted.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// A stream to the server, at whatever stage.
pub struct Client {
    socket: Option<Box<dyn Socket>>,
    /// Kept apart while the socket is not yet encrypted, for STARTTLS.
    plain: Option<TcpStream>,
    /// Where web clients say things.
    says: Option<mpsc::Sender<String>>,
    input: Vec<u8>,
    /// Of the TLS below, once it is there.
    pub bindings: Bindings,
}

/// What was heard: what it is, and how it was written.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What it is.
    pub event: Event,
    /// As the server wrote it.
    pub text: String,
}

/// Why nothing was heard.
#[derive(Debug)]
pub enum Silence {
    /// Not in the time given.
    Nothing,
    /// The other side has closed the socket.
    Closed,
    /// What came is no XML that a stream may carry.
    Unreadable(String),
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Silence::Nothing => write!(f, "nothing came"),
            Silence::Closed => write!(f, "the socket was closed"),
            Silence::Unreadable(says) => write!(f, "unreadable XML came: {says}"),
        }
    }
}

/// What a step of logging in ran into.
pub type Step<T> = Result<T, String>;

impl Client {
    /// A bare socket.
    ///
    /// # Errors
    /// Where there is nobody.
    pub async fn connect(address: SocketAddr) -> Step<Client> {
        let socket = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
        socket.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Client {
            socket: None,
            plain: Some(socket),
            says: None,
            input: Vec::new(),
            bindings: Bindings::default(),
        })
    }

    /// XEP-0368: TLS first, or RFC 6120 §5.4.3: the handshake after `<proceed/>`.
    ///
    /// # Errors
    /// Where the handshake fails.
    pub async fn start_tls(&mut self, domain: &str, direct: bool) -> Step<()> {
        let plain = self.plain.take().ok_or("the stream is encrypted already")?;
        self.input.clear();
        let socket = tokio::time::timeout(PATIENCE, tls::connect(plain, domain, direct)).await;
        let socket = socket.map_err(|_| "the TLS handshake does not end")??;
        self.bindings = Bindings::of(&socket)?;
        self.socket = Some(Box::new(socket));
        Ok(())
    }

    /// A web client, which says things one by one.
    pub fn web((says, reads): Ends) -> Client {
        Client { says: Some(says), ..Client::reading(reads) }
    }

    /// What only can be read.
    pub fn reading(reads: DuplexStream) -> Client {
        let socket: Box<dyn Socket> = Box::new(reads);
        Client {
            socket: Some(socket),
            plain: None,
            says: None,
            input: Vec::new(),
            bindings: Bindings::default(),
        }
    }

    /// Sends a text as it is.
    ///
    /// # Errors
    /// Where the socket is gone.
    pub async fn send(&mut self, text: &str) -> Step<()> {
        if let Some(says) = &self.says {
            return says.send(text.to_owned()).await.map_err(|_| "the connection is gone".to_owned());
        }
        let write = async {
            match (&mut self.socket, &mut self.plain) {
                (Some(socket), _) => {
                    socket.write_all(text.as_bytes()).await?;
                    socket.flush().await
                }
                (None, Some(plain)) => plain.write_all(text.as_bytes()).await,
                (None, None) => Err(std::io::ErrorKind::NotConnected.into()),
            }
        };
        let written = tokio::time::timeout(PATIENCE, write).await.map_err(|_| "the server reads no more")?;
        written.map_err(|error: std::io::Error| error.to_string())
    }

    /// The next thing of the stream.
    ///
    /// # Errors
    /// Where none comes.
    pub async fn next(&mut self, patience: Duration) -> Result<Heard, Silence> {
        let until = tokio::time::Instant::now() + patience;
        loop {
            if let Some(heard) = self.read_input()? {
                return Ok(heard);
            }
            let mut buffer = [0; 8192];
            let read = async {
                match (&mut self.socket, &mut self.plain) {
                    (Some(socket), _) => socket.read(&mut buffer).await,
                    (None, Some(plain)) => plain.read(&mut buffer).await,
                    (None, None) => Ok(0),
                }
            };
            match tokio::time::timeout_at(until, read).await {
                Err(_) => return Err(Silence::Nothing),
                Ok(Ok(0) | Err(_)) => return Err(Silence::Closed),
                Ok(Ok(count)) => self.input.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn read_input(&mut self) -> Result<Option<Heard>, Silence> {
        let text = match std::str::from_utf8(&self.input) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&self.input[..error.valid_up_to()]).unwrap_or_default(),
        };
        if text.trim().is_empty() {
            return Ok(None);
        }
        match next_event(text) {
            Ok((event, used)) => {
                let text = text[..used].trim().to_owned();
                self.input.drain(..used);
                Ok(Some(Heard { event, text }))
            }
            Err(Unreadable::Incomplete) => Ok(None),
            Err(Unreadable::Wrong(says)) => Err(Silence::Unreadable(format!("{says} in: {text}"))),
        }
    }

    /// The next thing, which must be an element of that name.
    async fn element(&mut self, name: &str) -> Step<Xml> {
        match self.next(PATIENCE).await {
            Ok(Heard { event: Event::Element(xml), .. }) if xml.name == name => Ok(xml),
            Ok(other) => Err(format!("<{name}/> should come, but: {}", other.text)),
            Err(silence) => Err(format!("<{name}/> should come, but {silence}")),
        }
    }

    /// Opens a stream and gives the server's features.
    ///
    /// # Errors
    /// Where anything else comes.
    pub async fn open(&mut self, domain: &str) -> Step<Xml> {
        self.send(&header(domain)).await?;
        match self.next(PATIENCE).await {
            Ok(Heard { event: Event::Header(_), .. }) => {}
            Ok(other) => return Err(format!("a stream header should come, but: {}", other.text)),
            Err(silence) => return Err(format!("a stream header should come, but {silence}")),
        }
        self.element("features").await
    }

    /// XEP-0114 §3: the stream of a component, up to the handshake.
    ///
    /// # Errors
    /// What the server did instead.
    pub async fn component(address: SocketAddr, domain: &str, secret: &str) -> Step<Client> {
        let mut client = Client::connect(address).await?;
        let stream = crate::xml::STREAM;
        let header =
            format!("<stream:stream xmlns='jabber:component:accept' xmlns:stream='{stream}' to='{domain}'>");
        client.send(&header).await?;
        let id = match client.next(PATIENCE).await {
            Ok(Heard { event: Event::Header(xml), .. }) => xml.get("id").unwrap_or_default().to_owned(),
            Ok(other) => return Err(format!("a stream header should come, but: {}", other.text)),
            Err(silence) => return Err(format!("a stream header should come, but {silence}")),
        };
        let proof = Sha1::new().chain_update(id).chain_update(secret).finalize();
        let proof: String = proof.iter().map(|byte| format!("{byte:02x}")).collect();
        client.send(&format!("<handshake>{proof}</handshake>")).await?;
        client.element("handshake").await?;
        Ok(client)
    }

    /// Connects, encrypts and authenticates, up to the features of the authenticated stream.
    ///
    /// # Errors
    /// What the server did instead of going on.
    pub async fn authenticate(address: SocketAddr, account: &str, password: &str) -> Step<(Client, Xml)> {
        let (localpart, domain) = account.split_once('@').ok_or("an account has an @")?;
        let mut client = Client::connect(address).await?;
        client.open(domain).await?;
        client.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await?;
        client.element("proceed").await?;
        client.start_tls(domain, false).await?;
        let features = client.open(domain).await?;
        if features.child("mechanisms").is_none() {
            return Err("no SASL mechanisms are offered after TLS".into());
        }
        client.scram(localpart, password).await?;
        let features = client.open(domain).await?;
        Ok((client, features))
    }

    /// RFC 7677: SCRAM-SHA-256, without channel binding.
    async fn scram(&mut self, localpart: &str, password: &str) -> Step<()> {
        let exchange = scram::Exchange::new(localpart, password);
        let first = scram::base64(&exchange.first());
        let sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";
        self.send(&format!("<auth {sasl} mechanism='SCRAM-SHA-256'>{first}</auth>")).await?;
        let challenge = self.element("challenge").await?.text();
        let answer = exchange.answer(&challenge)?;
        self.send(&format!("<response {sasl}>{}</response>", scram::base64(&answer.last))).await?;
        let success = self.element("success").await?.text();
        answer.check(&success)
    }

    /// RFC 6120 §7: binds a resource and gives the full JID.
    ///
    /// # Errors
    /// What the server did instead.
    pub async fn bind(&mut self, resource: Option<&str>) -> Step<String> {
        let resource =
            resource.map(|resource| format!("<resource>{resource}</resource>")).unwrap_or_default();
        let bind = format!("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>{resource}</bind>");
        self.send(&format!("<iq type='set' id='bind'>{bind}</iq>")).await?;
        let result = self.element("iq").await?;
        let jid = result.child("bind").and_then(|bind| bind.child("jid")).map(Xml::text);
        jid.ok_or_else(|| format!("binding failed: {result:?}"))
    }

    /// Closes the stream and waits for the other side to do the same; what still comes is not read.
    ///
    /// # Errors
    /// Where the other side does not close its stream.
    pub async fn close(mut self) -> Step<()> {
        self.send("</stream:stream>").await?;
        loop {
            match self.next(PATIENCE).await {
                Ok(Heard { event: Event::Close, .. }) | Err(Silence::Closed) => return Ok(()),
                Ok(_) => {}
                Err(silence) => return Err(format!("the stream should be closed, but {silence}")),
            }
        }
    }
}

/// The header of a client's stream.
pub fn header(domain: &str) -> String {
    header_of(domain, "")
}

/// The same of a client that says whose stream it will be.
pub fn header_from(domain: &str, account: &str) -> String {
    header_of(domain, &format!(" from='{account}'"))
}

fn header_of(domain: &str, from: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='{}'{from} to='{domain}' version='1.0'>",
        crate::xml::STREAM
    )
}
