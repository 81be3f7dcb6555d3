//! XEP-0368 and the PROXY protocol over sockets: who is let in through which door.

use super::*;
use crate::config::{Network, Port};

#[tokio::test]
async fn one_port_serves_whoever_alpn_says_comes() {
    let server = Server::new().await;
    for alpn in [&["xmpp-client"][..], &[]] {
        let mut wire = server.over_tls(Door::Shared, alpn).await.unwrap();
        wire.open().await;
        let features = wire.until("</stream:features>").await;
        assert!(features.contains("<mechanism>SCRAM-SHA-256-PLUS</mechanism>"), "{features}");
    }
    let mut wire = server.over_tls(Door::Shared, &["http/1.1"]).await.unwrap();
    wire.send(&get("/", "")).await;
    assert!(wire.rest().await.contains("you@localhost"));
    let wire = server.over_tls(Door::Shared, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(wire.io.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
}

#[tokio::test]
async fn another_server_is_told_why_it_may_not_come_in() {
    let server = Server::new().await;
    let mut wire = server.over_tls(Door::Shared, &["xmpp-server"]).await.unwrap();
    let refusal = wire.rest().await;
    assert!(refusal.contains("xmlns='jabber:server'"), "{refusal}");
    assert!(refusal.contains("<policy-violation") && refusal.ends_with("</stream:stream>"), "{refusal}");
}

#[tokio::test]
async fn a_protocol_that_is_not_spoken_here_ends_the_handshake() {
    let server = Server::new().await;
    for (door, alpn) in [(Door::Shared, "acme-tls/1"), (Door::Direct, "h2"), (Door::Https, "xmpp-client")] {
        assert!(server.over_tls(door, &[alpn]).await.is_err(), "{door:?} {alpn}");
    }
}

async fn behind(proxies: &[&str]) -> Server {
    let proxies = proxies.iter().map(|network| Network::parse(network).unwrap()).collect();
    let choose = |config: &mut crate::config::Config| {
        config.listen.proxies = proxies;
        config.listen.proxy_protocol = vec![Port::Tls, Port::Http];
    };
    // One stranger from each address, so that it shows whose address counts.
    Server::configured(|settings| settings.unauthenticated_per_address = 1, choose).await
}

async fn asks_as(server: &Server, header: &[u8]) -> String {
    let mut wire = Wire::new(server.tcp(Door::Http).await);
    // Whoever is turned away at once may not even get it.
    let _ = wire.io.write_all(header).await;
    let _ = wire.io.write_all(get("/", "").as_bytes()).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), wire.io.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_proxy_says_who_comes_and_they_are_counted() {
    let server = behind(&["127.0.0.0/8"]).await;
    let of = |last: u8| format!("PROXY TCP4 192.0.2.{last} 192.0.2.100 4711 443\r\n");
    let mut first = server.tcp(Door::Http).await;
    first.write_all(of(1).as_bytes()).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut begin = [0; 15];
    first.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200 OK");
    assert_eq!(asks_as(&server, of(1).as_bytes()).await, "");
    assert!(asks_as(&server, of(2).as_bytes()).await.contains("200 OK"));
}

#[tokio::test]
async fn without_a_header_or_from_a_stranger_nobody_comes_in() {
    let server = behind(&["127.0.0.0/8"]).await;
    assert_eq!(asks_as(&server, b"").await, "");
    assert_eq!(asks_as(&server, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff").await, "");
    let server = behind(&["198.51.100.0/24"]).await;
    assert_eq!(asks_as(&server, b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n").await, "");
}
