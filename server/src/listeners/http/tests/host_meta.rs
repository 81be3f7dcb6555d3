//! XEP-0156 over sockets.

use super::*;

#[tokio::test]
async fn pages_of_any_origin_find_websocket_and_bosh() {
    let server = Server::new().await;
    let port = server.listeners.addresses().iter().find(|(door, _)| *door == Door::Https).unwrap().1.port();
    let json =
        ask(&server, &get("/.well-known/host-meta.json", "Origin: https://elsewhere.example\r\n")).await;
    assert!(json.contains("access-control-allow-origin: *"), "{json}");
    assert!(json.contains(&format!("wss://localhost:{port}/xmpp-websocket")), "{json}");
    let xml = ask(&server, &get("/.well-known/host-meta", "")).await;
    assert!(xml.contains("content-type: application/xrd+xml"), "{xml}");
    assert!(xml.contains(&format!("href='https://localhost:{port}/http-bind'")), "{xml}");
}

#[tokio::test]
async fn behind_a_proxy_the_public_address_is_told_whatever_the_request_says() {
    let choose = |config: &mut crate::config::Config| {
        config.http.public_url = "https://chat.example.org".to_owned();
        config.http.bosh = false;
    };
    let server = Server::configured(|_| {}, choose).await;
    let lie = "X-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n";
    let json = ask(&server, &get("/.well-known/host-meta.json", lie)).await;
    assert!(json.contains("wss://chat.example.org/xmpp-websocket"), "{json}");
    assert!(!json.contains("evil") && !json.contains("http-bind"), "{json}");
    assert!(ask(&server, &get("/http-bind", "")).await.starts_with("HTTP/1.1 404"));
}
