//! The proxy with real sockets: whole transfers, and whoever wants to abuse it.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rialto_xmpp::{Condition, Jid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Socks5;
use crate::config::Proxy;
use crate::listeners::socket;
use crate::services::bytestreams::{Bytestreams, address};

const SID: &str = "vxf9n471bn46";
const JULIET: &str = "juliet@localhost/balcony";

fn romeo() -> Jid {
    Jid::parse("romeo@localhost/orchard").unwrap()
}

fn open(settings: Proxy) -> (Arc<Bytestreams>, Socks5) {
    let streams = Bytestreams::new(&settings, Jid::parse("proxy.localhost").unwrap(), Weak::new());
    let socket = socket::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let proxy = Socks5::accept_on(vec![socket], streams.clone());
    (streams, proxy)
}

fn hash(sid: &str) -> String {
    address(sid, &romeo(), &Jid::parse(JULIET).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Connects, asks for a stream, and tells the reply's code.
async fn connect(to: SocketAddr, name: &str) -> (TcpStream, u8) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(&[5, 1, 0]).await.unwrap();
    let mut method = [0; 2];
    stream.read_exact(&mut method).await.unwrap();
    assert_eq!(method, [5, 0]);
    let mut request = vec![5, 1, 0, 3, u8::try_from(name.len()).unwrap()];
    request.extend_from_slice(name.as_bytes());
    request.extend_from_slice(&[0, 0]);
    stream.write_all(&request).await.unwrap();
    let mut reply = vec![0; request.len()];
    stream.read_exact(&mut reply).await.unwrap();
    let code = reply[1];
    (reply[0], reply[1]) = (5, 1);
    assert_eq!(reply, request, "address and port come back");
    (stream, code)
}

async fn ended(stream: &mut TcpStream) -> bool {
    let read = timeout(Duration::from_secs(5), stream.read(&mut [0; 16])).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

#[tokio::test]
async fn two_who_are_joined_hear_each_other_and_nobody_else() {
    let (streams, proxy) = open(Proxy::default());
    let at = proxy.addresses()[0];
    let (mut target, code) = connect(at, &hash(SID)).await;
    assert_eq!(code, 0);
    let refused = |result: Result<(), rialto_xmpp::StanzaError>| result.unwrap_err().condition;
    assert_eq!(refused(streams.activate(&romeo(), SID, JULIET)), Condition::NotAllowed);
    let (mut requester, _) = connect(at, &hash(SID)).await;
    let (mut third, code) = connect(at, &hash(SID)).await;
    assert_eq!(code, 2);
    assert!(ended(&mut third).await);
    for (from, sid, to) in [
        ("romeo@localhost/other", SID, JULIET),
        ("romeo@localhost/orchard", "other", JULIET),
        ("romeo@localhost/orchard", SID, "juliet@localhost"),
    ] {
        let from = Jid::parse(from).unwrap();
        assert_eq!(refused(streams.activate(&from, sid, to)), Condition::ItemNotFound);
    }
    streams.activate(&romeo(), SID, JULIET).unwrap();
    assert_eq!(refused(streams.activate(&romeo(), SID, JULIET)), Condition::ItemNotFound);
    let rose: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    let sent = rose.clone();
    let sending = tokio::spawn(async move {
        requester.write_all(&sent).await.unwrap();
        requester.shutdown().await.unwrap();
        let mut thanks = String::new();
        requester.read_to_string(&mut thanks).await.unwrap();
        thanks
    });
    let mut heard = Vec::new();
    target.read_to_end(&mut heard).await.unwrap();
    assert!(heard == rose);
    target.write_all(b"thanks").await.unwrap();
    drop(target);
    assert_eq!(sending.await.unwrap(), "thanks");
    while streams.count() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn who_goes_before_the_stream_is_activated_leaves_its_place() {
    let (streams, proxy) = open(Proxy::default());
    let at = proxy.addresses()[0];
    let (first, _) = connect(at, &hash(SID)).await;
    drop(first);
    loop {
        match streams.activate(&romeo(), SID, JULIET).unwrap_err().condition {
            Condition::ItemNotFound => break,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    let (_one, code) = connect(at, &hash(SID)).await;
    let (_other, also) = connect(at, &hash(SID)).await;
    assert_eq!((code, also), (0, 0));
    streams.activate(&romeo(), SID, JULIET).unwrap();
}

#[tokio::test]
async fn there_are_no_more_connections_and_transfers_than_allowed() {
    let (streams, proxy) = open(Proxy { connections: 5, per_person: 1, ..Proxy::default() });
    let at = proxy.addresses()[0];
    let mut held = Vec::new();
    for sid in ["a", "a", "b", "b"] {
        held.push(connect(at, &hash(sid)).await.0);
    }
    streams.activate(&romeo(), "a", JULIET).unwrap();
    let error = streams.activate(&romeo(), "b", JULIET).unwrap_err();
    assert_eq!(error.condition, Condition::ResourceConstraint);
    held.push(connect(at, &hash("c")).await.0);
    let mut sixth = TcpStream::connect(at).await.unwrap();
    assert!(ended(&mut sixth).await, "a sixth connection is turned away");
    held.truncate(1);
    assert!(ended(&mut held[0]).await, "the other side is gone");
    drop(held);
    while streams.count() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_closing_server_ends_transfers_and_those_who_wait() {
    let (streams, proxy) = open(Proxy::default());
    let at = proxy.addresses()[0];
    let mut held = Vec::new();
    for sid in ["a", "a", "b"] {
        held.push(connect(at, &hash(sid)).await.0);
    }
    streams.activate(&romeo(), "a", JULIET).unwrap();
    streams.closing.send_replace(true);
    for stream in &mut held {
        assert!(ended(stream).await);
    }
}

#[tokio::test]
async fn silence_ends_a_transfer() {
    let (streams, proxy) = open(Proxy { idle: Duration::from_millis(100), ..Proxy::default() });
    let at = proxy.addresses()[0];
    let (mut one, _) = connect(at, &hash(SID)).await;
    let (mut other, _) = connect(at, &hash(SID)).await;
    streams.activate(&romeo(), SID, JULIET).unwrap();
    assert!(ended(&mut one).await && ended(&mut other).await);
}
