//! HTTP, WebSocket and BOSH over sockets: a server with its doors open, and clients made of bytes.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::listeners::Door;
use crate::listeners::c2s::tests::{Server, Wire};

mod bosh;
mod doors;
mod host_meta;
mod web;
mod websocket;

/// A request without a body.
fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n")
}

/// What a plain request is answered with.
async fn ask(server: &Server, request: &str) -> String {
    let mut wire = Wire::new(server.tcp(Door::Http).await);
    wire.send(request).await;
    wire.rest().await
}

#[tokio::test]
async fn a_server_that_stops_waits_for_no_idle_connection() {
    let server = Server::new().await;
    let mut idle = server.tcp(Door::Http).await;
    let mut kept = Wire::new(server.tcp(Door::Http).await);
    kept.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    kept.until("</html>").await;
    assert!(server.listeners.close(Duration::from_secs(5)).await);
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
    drop(idle.write_all(b"x").await);
}
