//! RFC 9110 over sockets: answers, what is refused, and what everybody is told.

use super::*;

#[tokio::test]
async fn the_page_at_the_root_is_there_in_both_versions_of_http() {
    let server = Server::new().await;
    let page = ask(&server, &get("/", "")).await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    for header in
        ["content-type: text/html; charset=utf-8", "x-content-type-options: nosniff", "style-src 'sha256-"]
    {
        assert!(page.contains(header), "{header} is not in {page}");
    }
    let mut wire = server.over_tls(Door::Https, &["http/1.1"]).await.unwrap();
    wire.send(&get("/", "")).await;
    assert!(wire.rest().await.contains("you@localhost"));
    let mut wire = server.over_tls(Door::Https, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(wire.io.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    // RFC 9113 §3.4: the preface and an empty SETTINGS; the server answers with its own.
    wire.io.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame = [0; 9];
    wire.io.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "{frame:?}");
}

#[tokio::test]
async fn what_is_not_there_and_what_is_no_request_is_said_so() {
    let server = Server::new().await;
    for (request, status) in [
        (get("/nothing", ""), "404"),
        (get("/../etc/passwd", ""), "404"),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".into(),
            "405",
        ),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n".into(), "400"),
        ("<stream:stream>\r\n\r\n".into(), "400"),
        (get("/", &"X: y\r\n".repeat(80)), "431"),
        (get("/", &format!("X: {}\r\n", "y".repeat(20_000))), "431"),
    ] {
        let answer = ask(&server, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request} {answer}");
        if status == "404" {
            assert!(answer.contains("content-security-policy: default-src 'none'"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_not_waited_for() {
    let server = Server::start(|settings| settings.head_timeout = Duration::from_millis(200)).await;
    for begun in ["GET / HTTP/1.1\r\nHost: local", ""] {
        let mut wire = Wire::new(server.tcp(Door::Http).await);
        wire.send(begun).await;
        wire.rest().await;
    }
}
