//! RFC 7395 over sockets: the handshake, the framing, a whole session, and what breaks the rules.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::*;

const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// A web client.
struct Web(WebSocketStream<Box<dyn Socket>>);

impl Web {
    async fn over<S: Socket + 'static>(mut wire: Wire<S>, more: &str) -> Web {
        let request = format!("GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\n{HANDSHAKE}{more}\r\n");
        wire.send(&request).await;
        let answer = wire.until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        // RFC 6455 §1.3 has this very pair.
        assert!(answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        assert!(answer.contains("sec-websocket-protocol: xmpp"), "{answer}");
        let io: Box<dyn Socket> = Box::new(wire.io);
        Web(WebSocketStream::from_raw_socket(io, Role::Client, None).await)
    }

    /// Over TLS, up to the features before the login.
    async fn open(server: &Server) -> Web {
        let wire = server.over_tls(Door::Https, &["http/1.1"]).await.unwrap();
        let mut web = Web::over(wire, "Sec-WebSocket-Protocol: xmpp\r\n").await;
        web.say(OPEN).await;
        assert!(
            web.hear()
                .await
                .starts_with("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='localhost' id='")
        );
        assert!(web.hear().await.contains("<mechanism>PLAIN</mechanism>"));
        web
    }

    async fn session(server: &Server, name: &str) -> Web {
        let mut web = Web::open(server).await;
        web.login(name).await;
        web.say(OPEN).await;
        web.hear().await;
        assert!(web.hear().await.contains("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"));
        let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind>";
        web.say(&format!("<iq xmlns='jabber:client' type='set' id='b'>{bind}</iq>")).await;
        assert!(web.hear().await.contains(&format!("<jid>{name}@localhost/web</jid>")));
        web
    }

    async fn login(&mut self, name: &str) {
        let message = STANDARD.encode(format!("\0{name}\0pencil"));
        let sasl = "urn:ietf:params:xml:ns:xmpp-sasl";
        self.say(&format!("<auth xmlns='{sasl}' mechanism='PLAIN'>{message}</auth>")).await;
        assert_eq!(self.hear().await, format!("<success xmlns='{sasl}'/>"));
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message, whole.
    async fn hear(&mut self) -> String {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(10), self.0.next()).await.expect("silence");
            match next {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Close(_))) | None | Some(Err(Error::ConnectionClosed)) => {
                    return String::new();
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }

    /// A stream error, the end of the stream, and the end of the connection.
    async fn ends_with(&mut self, condition: &str) {
        let error = self.hear().await;
        assert!(
            error.starts_with("<stream:error xmlns:stream='http://etherx.jabber.org/streams'>"),
            "{error}"
        );
        assert!(error.contains(&format!("<{condition} ")), "{condition} is not in {error}");
        assert_eq!(self.hear().await, "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
        assert_eq!(self.hear().await, "");
    }
}

#[tokio::test]
async fn a_session_over_websocket_is_one_like_any_other() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo").await;
    let mut wire = server.session("juliet", "balcony").await;
    web.say("<message xmlns='jabber:client' to='juliet@localhost/balcony'><body>hush</body></message>").await;
    wire.until("<body>hush</body></message>").await;
    wire.send("<message to='romeo@localhost/web'><body>who's there</body></message>").await;
    let heard = web.hear().await;
    assert!(heard.starts_with("<message xmlns='jabber:client' "), "{heard}");
    web.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>").await;
    assert_eq!(web.hear().await, "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
    assert_eq!(web.hear().await, "");
}

#[tokio::test]
async fn a_session_is_resumed_on_another_websocket() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo").await;
    web.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").await;
    let enabled = web.hear().await;
    let id = enabled.split("id='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    drop(web);
    let mut wire = server.session("juliet", "balcony").await;
    wire.send("<message to='romeo@localhost/web'><body>missed</body></message>").await;
    let mut web = Web::open(&server).await;
    web.login("romeo").await;
    web.say(OPEN).await;
    web.hear().await;
    web.hear().await;
    web.say(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='0'/>")).await;
    assert!(web.hear().await.starts_with("<resumed "));
    assert!(web.hear().await.contains("<body>missed</body>"));
}

#[tokio::test]
async fn a_message_may_come_in_fragments_with_pings_between() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo").await;
    let iq = "<iq xmlns='jabber:client' type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>";
    let (begin, end) = iq.split_at(40);
    let frame = |text: &str, code: Data, last: bool| {
        Message::Frame(Frame::message(text.to_owned(), OpCode::Data(code), last))
    };
    web.0.send(frame(begin, Data::Text, false)).await.unwrap();
    web.0.send(Message::Ping("still there".into())).await.unwrap();
    web.0.send(frame(end, Data::Continue, true)).await.unwrap();
    assert!(matches!(web.0.next().await, Some(Ok(Message::Pong(_)))));
    assert!(web.hear().await.contains("id='s'"));
}

#[tokio::test]
async fn what_is_no_single_element_ends_the_stream() {
    let server = Server::new().await;
    for (message, condition) in [
        (Message::text("<presence xmlns='jabber:client'/><presence xmlns='jabber:client'/>"), "bad-format"),
        (Message::text("<presence xmlns='jabber:client'>"), "not-well-formed"),
        (Message::text(" "), "bad-format"),
        (Message::binary("<presence xmlns='jabber:client'/>"), "bad-format"),
        (Message::text("<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"), "restricted-xml"),
        (Message::text(OPEN), "bad-format"),
        (Message::text("</stream:stream>"), "not-well-formed"),
        (
            Message::text(format!(
                "<message xmlns='jabber:client'><body>{}</body></message>",
                "x".repeat(300_000)
            )),
            "policy-violation",
        ),
    ] {
        let mut web = Web::session(&server, "romeo").await;
        web.0.send(message).await.unwrap();
        web.ends_with(condition).await;
    }
}

#[tokio::test]
async fn before_the_login_little_may_be_said() {
    let server = Server::new().await;
    let mut web = Web::open(&server).await;
    web.say(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{}</auth>", "x".repeat(9_000))).await;
    web.ends_with("policy-violation").await;
    let mut web = Web::open(&server).await;
    let text = format!("<a xmlns='b'>{}</a>", "x".repeat(200_000));
    // It may be cut off before all of it is out.
    let _ = web.0.send(Message::text(text)).await;
    web.ends_with("policy-violation").await;
}

#[tokio::test]
async fn a_stranger_domain_gets_an_open_and_the_reason() {
    let server = Server::new().await;
    let wire = server.over_tls(Door::Https, &["http/1.1"]).await.unwrap();
    let mut web = Web::over(wire, "Sec-WebSocket-Protocol: chat, xmpp\r\n").await;
    web.say("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='elsewhere.example' version='1.0'/>").await;
    assert!(web.hear().await.starts_with("<open "));
    web.ends_with("host-unknown").await;
}

#[tokio::test]
async fn a_handshake_that_is_none_is_refused() {
    let server = Server::new().await;
    let xmpp = "Sec-WebSocket-Protocol: xmpp\r\n";
    for (headers, status) in [
        (HANDSHAKE.to_owned(), "400"),
        (format!("{HANDSHAKE}Sec-WebSocket-Protocol: chat\r\n"), "400"),
        (format!("{}{xmpp}", HANDSHAKE.replace("Version: 13", "Version: 8")), "426"),
        (format!("{}{xmpp}", HANDSHAKE.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=")), "400"),
        (xmpp.to_owned(), "426"),
    ] {
        let mut wire = Wire::new(server.tcp(Door::Http).await);
        wire.send(&format!("GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")).await;
        let answer = wire.until("\r\n\r\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{headers} {answer}");
    }
}

#[tokio::test]
async fn a_password_is_not_asked_for_in_the_clear() {
    let server = Server::new().await;
    for (proto, has_plain) in
        [("", false), ("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n", true)]
    {
        let wire = Wire::new(server.tcp(Door::Http).await);
        let mut web = Web::over(wire, &format!("Sec-WebSocket-Protocol: xmpp\r\n{proto}")).await;
        web.say(OPEN).await;
        web.hear().await;
        let features = web.hear().await;
        assert!(
            features.contains("<mechanism>SCRAM-SHA-256</mechanism>") && !features.contains("-PLUS"),
            "{features}"
        );
        assert_eq!(features.contains("<mechanism>PLAIN</mechanism>"), has_plain, "{features}");
    }
    // A proxy that was not reached over TLS either.
    let mut wire = Wire::new(server.tcp(Door::Http).await);
    let more = "Sec-WebSocket-Protocol: xmpp\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n";
    wire.send(&format!("GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\n{HANDSHAKE}{more}\r\n")).await;
    assert!(wire.until("\r\n\r\n").await.starts_with("HTTP/1.1 403 "));
}

#[tokio::test]
async fn a_server_that_stops_says_so_to_web_clients() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo").await;
    let (closed, ()) =
        tokio::join!(server.listeners.close(Duration::from_secs(5)), web.ends_with("system-shutdown"));
    drop(web);
    assert!(closed);
}

#[tokio::test]
async fn a_websocket_that_is_closed_without_a_word_can_be_resumed() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo").await;
    web.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").await;
    let enabled = web.hear().await;
    let id = enabled.split("id='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    // §3.6.1: RFC 6455's own close is no `<close/>`.
    web.0.close(None).await.unwrap();
    assert_eq!(web.hear().await, "");
    let mut web = Web::open(&server).await;
    web.login("romeo").await;
    web.say(OPEN).await;
    web.hear().await;
    web.hear().await;
    web.say(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='0'/>")).await;
    assert!(web.hear().await.starts_with("<resumed "));
}
