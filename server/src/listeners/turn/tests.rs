//! The server over real sockets, spoken to by hand.

use super::*;
use crate::config::Network;
use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};
use stun::attributes::{
    ATTR_DATA, ATTR_ERROR_CODE, ATTR_NONCE, ATTR_REALM, ATTR_REQUESTED_TRANSPORT, ATTR_USERNAME,
    ATTR_XOR_PEER_ADDRESS, ATTR_XOR_RELAYED_ADDRESS, ATTR_XORMAPPED_ADDRESS,
};
use stun::integrity::MessageIntegrity;
use stun::message::{
    CLASS_INDICATION, CLASS_REQUEST, CLASS_SUCCESS_RESPONSE, METHOD_ALLOCATE, METHOD_BINDING,
    METHOD_CREATE_PERMISSION, METHOD_REFRESH, METHOD_SEND, Message, MessageType, Method, Setter,
};
use stun::textattrs::TextAttribute;
use stun::xoraddr::XorMappedAddress;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket as Socket;
use tokio::time::timeout;

struct Stage {
    server: TurnServer,
    port: u16,
}

/// A client: its socket, and what it says of itself.
struct Client {
    socket: Socket,
    username: String,
    password: String,
    nonce: String,
}

impl Stage {
    fn new(choose: impl FnOnce(&mut Turn)) -> Stage {
        let mut config = Config::default();
        config.turn.public_addresses = vec![Ipv4Addr::LOCALHOST.into()];
        choose(&mut config.turn);
        let shared = Arc::new(Shared::new(&config, &config.turn.public_addresses, "sesame".into()));
        let mut server = TurnServer { addresses: Vec::new(), tasks: Vec::new() };
        let port = server.open_plain(&shared, 0, &[Ipv4Addr::LOCALHOST.into()]).unwrap();
        Stage { server, port }
    }

    async fn client(&self, user: &str, ends_in: i64) -> Client {
        let socket = Socket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(("127.0.0.1", self.port)).await.unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (username, password) = credentials::make(b"sesame", now.saturating_add_signed(ends_in), user);
        Client { socket, username, password, nonce: String::new() }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.close();
    }
}

fn raw(method: Method, attributes: &[(stun::attributes::AttrType, &[u8])]) -> Message {
    let mut message = Message::new();
    message.typ = MessageType::new(method, CLASS_REQUEST);
    message.new_transaction_id().unwrap();
    message.write_header();
    attributes.iter().for_each(|(kind, value)| message.add(*kind, value));
    message
}

fn error_of(answer: &Message) -> Option<u16> {
    let value = answer.get(ATTR_ERROR_CODE).ok()?;
    Some(u16::from(value[2]) * 100 + u16::from(value[3]))
}

fn peer(message: &mut Message, peer: SocketAddr) {
    let address = XorMappedAddress { ip: peer.ip(), port: peer.port() };
    address.add_to_as(message, ATTR_XOR_PEER_ADDRESS).unwrap();
}

impl Client {
    async fn hear(&self) -> Option<Message> {
        let mut buffer = vec![0; 2048];
        let length = timeout(Duration::from_millis(500), self.socket.recv(&mut buffer)).await.ok()?.unwrap();
        let mut answer = Message::new();
        answer.raw = buffer[..length].to_vec();
        answer.decode().unwrap();
        Some(answer)
    }

    async fn ask(&self, message: &Message) -> Message {
        self.socket.send(&message.raw).await.unwrap();
        self.hear().await.expect("an answer")
    }

    /// As a client does: asks, is challenged, and asks again with its credentials.
    async fn ask_signed(&mut self, method: Method, fill: impl Fn(&mut Message)) -> Message {
        if self.nonce.is_empty() {
            let answer = self.ask(&raw(METHOD_ALLOCATE, &[(ATTR_REQUESTED_TRANSPORT, &[17, 0, 0, 0])])).await;
            assert_eq!(error_of(&answer), Some(401));
            self.nonce = String::from_utf8(answer.get(ATTR_NONCE).unwrap()).unwrap();
            assert_eq!(answer.get(ATTR_REALM).unwrap(), b"localhost");
        }
        let mut message = raw(method, &[]);
        fill(&mut message);
        for (attr, text) in
            [(ATTR_USERNAME, &self.username), (ATTR_REALM, &"localhost".into()), (ATTR_NONCE, &self.nonce)]
        {
            TextAttribute { attr, text: text.clone() }.add_to(&mut message).unwrap();
        }
        let key = generate_key(&self.username, &self.password);
        MessageIntegrity(key).add_to(&mut message).unwrap();
        self.ask(&message).await
    }

    async fn allocate(&mut self) -> Message {
        self.ask_signed(METHOD_ALLOCATE, |message| message.add(ATTR_REQUESTED_TRANSPORT, &[17, 0, 0, 0]))
            .await
    }
}

fn generate_key(username: &str, password: &str) -> Vec<u8> {
    turn::auth::generate_auth_key(username, "localhost", password)
}

#[tokio::test]
async fn everybody_is_told_where_he_comes_from() {
    let stage = Stage::new(|_| {});
    let client = stage.client("romeo", 60).await;
    let answer = client.ask(&raw(METHOD_BINDING, &[])).await;
    let mut seen = XorMappedAddress::default();
    seen.get_from_as(&answer, ATTR_XORMAPPED_ADDRESS).unwrap();
    assert_eq!(SocketAddr::new(seen.ip, seen.port), client.socket.local_addr().unwrap());
}

#[tokio::test]
async fn the_same_is_told_over_tcp() {
    let stage = Stage::new(|_| {});
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", stage.port)).await.unwrap();
    for _ in 0..2 {
        stream.write_all(&raw(METHOD_BINDING, &[]).raw).await.unwrap();
        let mut answer = Message::new();
        answer.raw = vec![0; 40];
        stream.read_exact(&mut answer.raw[..]).await.unwrap();
        answer.decode().unwrap();
        assert_eq!(answer.typ, MessageType::new(METHOD_BINDING, CLASS_SUCCESS_RESPONSE));
    }
}

#[tokio::test]
async fn a_relay_passes_words_to_a_peer_that_may_be_reached_and_back() {
    let stage = Stage::new(|turn| turn.private_peers = vec![Network::parse("127.0.0.1").unwrap()]);
    let mut client = stage.client("romeo", 60).await;
    let answer = client.allocate().await;
    assert_eq!(error_of(&answer), None);
    let mut relay = XorMappedAddress::default();
    relay.get_from_as(&answer, ATTR_XOR_RELAYED_ADDRESS).unwrap();
    assert!((49_152..=65_535).contains(&relay.port));
    let friend = Socket::bind("127.0.0.1:0").await.unwrap();
    let address = friend.local_addr().unwrap();
    let answer = client.ask_signed(METHOD_CREATE_PERMISSION, |message| peer(message, address)).await;
    assert_eq!(error_of(&answer), None);
    let mut words = raw(METHOD_SEND, &[(ATTR_DATA, b"hi")]);
    words.set_type(MessageType::new(METHOD_SEND, CLASS_INDICATION));
    peer(&mut words, address);
    client.socket.send(&words.raw).await.unwrap();
    let mut heard = [0; 100];
    let (length, from) = friend.recv_from(&mut heard).await.unwrap();
    assert_eq!((&heard[..length], from.port()), (&b"hi"[..], relay.port));
    friend.send_to(b"ho", from).await.unwrap();
    assert_eq!(client.hear().await.unwrap().get(ATTR_DATA).unwrap(), b"ho");
}

#[tokio::test]
async fn nobody_reaches_this_machine_or_its_network_through_a_relay() {
    let stage = Stage::new(|_| {});
    let mut client = stage.client("romeo", 60).await;
    assert_eq!(error_of(&client.allocate().await), None);
    for address in ["10.0.0.1:80", "169.254.169.254:80", "192.168.0.1:22", "0.0.0.0:1"] {
        let address = address.parse().unwrap();
        let answer = client.ask_signed(METHOD_CREATE_PERMISSION, |message| peer(message, address)).await;
        assert_eq!(error_of(&answer), Some(403), "{address}");
    }
    // A good peer does not cover a bad one.
    let answer = client
        .ask_signed(METHOD_CREATE_PERMISSION, |message| {
            peer(message, "1.1.1.1:1".parse().unwrap());
            peer(message, "10.0.0.1:1".parse().unwrap());
        })
        .await;
    assert_eq!(error_of(&answer), Some(403));
    // Of this machine's own addresses, which other relays have, only relays are reached.
    let service = Socket::bind("127.0.0.1:0").await.unwrap();
    let address = service.local_addr().unwrap();
    if (49_152..=65_535).contains(&address.port()) {
        return;
    }
    let answer = client.ask_signed(METHOD_CREATE_PERMISSION, |message| peer(message, address)).await;
    assert_eq!(error_of(&answer), None);
    let mut words = raw(METHOD_SEND, &[(ATTR_DATA, b"hi")]);
    words.set_type(MessageType::new(METHOD_SEND, CLASS_INDICATION));
    peer(&mut words, address);
    client.socket.send(&words.raw).await.unwrap();
    assert!(timeout(Duration::from_millis(200), service.recv_from(&mut [0; 10])).await.is_err());
}

#[tokio::test]
async fn who_has_no_credentials_or_old_or_forged_ones_gets_no_relay() {
    let stage = Stage::new(|_| {});
    let mut expired = stage.client("romeo", -5).await;
    assert_eq!(error_of(&expired.allocate().await), Some(401));
    let mut wrong = stage.client("romeo", 60).await;
    wrong.password = "sesame".into();
    assert_eq!(error_of(&wrong.allocate().await), Some(401));
    let mut longer = stage.client("romeo", 60).await;
    longer.username = format!("9{}", longer.username);
    assert_eq!(error_of(&longer.allocate().await), Some(401), "the end is part of what is signed");
    let mut forged = stage.client("romeo", 60).await;
    forged.nonce = "ffffffff.AAAAAAAAAAAAAAAAAAAAAA".into();
    assert_eq!(error_of(&forged.allocate().await), Some(438));
    let mut none = stage.client("romeo", 60).await;
    assert_eq!(error_of(&none.ask_signed(METHOD_REFRESH, |_| {}).await), Some(437));
}

#[tokio::test]
async fn nobody_has_more_relays_than_he_may_nor_all_together() {
    let stage = Stage::new(|turn| (turn.relays_per_user, turn.relays) = (1, 2));
    let mut clients = Vec::new();
    for (user, expected) in [("romeo", None), ("romeo", Some(486)), ("juliet", None), ("paris", Some(508))] {
        let mut client = stage.client(user, 60).await;
        assert_eq!(error_of(&client.allocate().await), expected, "{user}");
        clients.push(client);
    }
}

#[tokio::test]
async fn rubbish_is_not_answered_and_does_no_harm() {
    let stage = Stage::new(|_| {});
    let client = stage.client("romeo", 60).await;
    let mut cut = raw(METHOD_ALLOCATE, &[(ATTR_REQUESTED_TRANSPORT, &[17, 0, 0, 0])]).raw;
    cut.truncate(22);
    for rubbish in [&b""[..], b"hello", &[0x40, 0, 0, 4, 1, 2, 3, 4], &[0; 20], &cut] {
        client.socket.send(rubbish).await.unwrap();
    }
    let answer = client.ask(&raw(METHOD_BINDING, &[])).await;
    assert_eq!(answer.typ, MessageType::new(METHOD_BINDING, CLASS_SUCCESS_RESPONSE));
}
