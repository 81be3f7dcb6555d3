//! Uploads over sockets, header by header.

use std::sync::Arc;
use std::time::Duration;

use rialto_store::Store;
use rialto_store::uploads::Purpose;
use tokio::io::AsyncWriteExt;

use super::UploadSite;
use crate::config;
use crate::listeners::Door;
use crate::listeners::c2s::tests::{Server, Wire};
use crate::public_url::PublicUrl;
use crate::services::uploads::{Slot, Uploads, Wish};

struct Stage {
    server: Server,
    uploads: Arc<Uploads>,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            config::Upload { folder: folder.path().into(), keep_free: 0, ..config::Upload::default() };
        let url = PublicUrl::chosen("https://localhost");
        let uploads = Uploads::open(&settings, &Store::memory(), &url).await.unwrap();
        let server = Server::serving(|_| {}, |_| {}, UploadSite::all(Some(&uploads))).await;
        Stage { server, uploads, folder }
    }

    async fn slot(&self, name: &str, kind: Option<&str>, size: u64) -> Slot {
        let (owner, name, kind) = ("romeo@localhost".into(), name.into(), kind.map(str::to_owned));
        let wish = Wish { owner, name, size, kind, purpose: Purpose::Message, before: None };
        self.uploads.slot(wish).await.unwrap()
    }

    /// A file that is there, and its path.
    async fn file(&self, name: &str, kind: Option<&str>, bytes: &str) -> String {
        let slot = self.slot(name, kind, bytes.len() as u64).await;
        let answer = self.put(path(&slot.put), "", bytes).await;
        assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
        path(&slot.get).to_owned()
    }

    async fn put(&self, path: &str, more: &str, bytes: &str) -> String {
        let length = if more.contains("Content-Length") {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", bytes.len())
        };
        self.ask(&format!("PUT {path} HTTP/1.1\r\nHost: localhost\r\n{length}{more}\r\n{bytes}")).await
    }

    async fn get(&self, path: &str, more: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n")).await
    }

    async fn ask(&self, request: &str) -> String {
        let mut wire = Wire::new(self.server.tcp(Door::Http).await);
        let closing = request.replacen("Host:", "Connection: close\r\nHost:", 1);
        wire.send(&closing).await;
        wire.rest().await
    }

    async fn is_empty(&self) {
        let files = || {
            let folders = std::fs::read_dir(self.folder.path()).unwrap().flatten();
            folders.map(|folder| std::fs::read_dir(folder.path()).unwrap().count()).sum::<usize>()
        };
        while files() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn path(url: &str) -> &str {
    url.strip_prefix("https://localhost").unwrap()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn a_picture_comes_back_with_everything_that_keeps_browsers_safe() {
    let stage = Stage::new().await;
    let file = stage.file("très cool.png", Some("image/png"), "not a png").await;
    let answer = stage.get(&file, "").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nnot a png"), "{answer}");
    for header in [
        "content-type: image/png\r\n",
        "content-length: 9\r\n",
        "content-disposition: inline; filename=\"tr_s cool.png\"; filename*=UTF-8''tr%C3%A8s%20cool.png\r\n",
        "x-content-type-options: nosniff\r\n",
        "content-security-policy: default-src 'none'; frame-ancestors 'none'; sandbox\r\n",
        "cross-origin-resource-policy: cross-origin\r\n",
        "access-control-allow-origin: *\r\n",
        "accept-ranges: bytes\r\n",
        "cache-control: private, max-age=",
        "etag: \"",
    ] {
        assert!(answer.contains(header), "{header} is not in {answer}");
    }
    let head = stage.ask(&format!("HEAD {file} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
    assert!(head.contains("content-length: 9\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let page = stage.file("page.html", Some("text/html"), "<script>alert(1)</script>").await;
    let answer = stage.get(&page, "").await;
    assert!(answer.contains("content-disposition: attachment; filename=\"page.html\""), "{answer}");
    let bare = file.rsplit_once('/').unwrap().0;
    for other_name in [format!("{bare}/other.exe"), bare.to_owned(), format!("{bare}/")] {
        let answer = stage.get(&other_name, "").await;
        assert!(
            answer.contains("filename=\"tr_s cool.png\""),
            "the name in the address means nothing: {answer}"
        );
    }
}

#[tokio::test]
async fn parts_are_given_as_asked() {
    let stage = Stage::new().await;
    let file = stage.file("digits.bin", None, "0123456789").await;
    for (range, code, content_range, bytes) in [
        ("bytes=2-4", "206", "bytes 2-4/10", "234"),
        ("bytes=8-", "206", "bytes 8-9/10", "89"),
        ("bytes=-1", "206", "bytes 9-9/10", "9"),
        ("bytes=10-", "416", "bytes */10", ""),
        ("bytes=0-1,3-4", "200", "", "0123456789"),
        ("bytes=4-2", "200", "", "0123456789"),
    ] {
        let answer = stage.get(&file, &format!("Range: {range}\r\n")).await;
        assert_eq!(status(&answer), code, "{range} {answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{bytes}")), "{range} {answer}");
        let wanted = format!("content-range: {content_range}\r\n");
        assert_eq!(answer.contains("content-range"), !content_range.is_empty());
        assert!(content_range.is_empty() || answer.contains(&wanted), "{range} {answer}");
    }
    let answer = stage.get(&file, "").await;
    let tag = answer.split("etag: ").nth(1).unwrap().split("\r\n").next().unwrap();
    assert_eq!(status(&stage.get(&file, &format!("If-None-Match: W/\"x\", {tag}\r\n")).await), "304");
    assert_eq!(status(&stage.get(&file, "If-None-Match: \"x\"\r\n").await), "200");
    let same = format!("Range: bytes=0-0\r\nIf-Range: {tag}\r\n");
    assert_eq!(status(&stage.get(&file, &same).await), "206");
    assert_eq!(status(&stage.get(&file, "Range: bytes=0-0\r\nIf-Range: \"x\"\r\n").await), "200");
}

#[tokio::test]
async fn an_upload_is_as_long_and_of_the_type_that_was_said_and_comes_once() {
    let stage = Stage::new().await;
    let slot = stage.slot("rose.jpg", Some("image/jpeg"), 4).await;
    let put = path(&slot.put);
    assert_eq!(status(&stage.put(put, "", "roses").await), "413");
    assert_eq!(status(&stage.put(put, "", "ros").await), "400");
    assert_eq!(status(&stage.put(put, "Content-Type: text/html\r\n", "rose").await), "415");
    let chunked = "Transfer-Encoding: chunked\r\nX-No: Content-Length\r\n";
    assert_eq!(status(&stage.put(put, chunked, "4\r\nrose\r\n0\r\n\r\n").await), "411");
    assert_eq!(status(&stage.get(path(&slot.get), "").await), "404");
    stage.is_empty().await;
    let answer = stage.put(put, "Content-Type: image/jpeg\r\nAuthorization: Basic xyz\r\n", "rose").await;
    assert_eq!(status(&answer), "201", "{answer}");
    assert!(answer.contains(&format!("location: {}\r\n", slot.get)), "{answer}");
    assert_eq!(status(&stage.put(put, "", "rose").await), "404");
    assert_eq!(status(&stage.put(path(&slot.get), "", "rose").await), "404", "who may read may not write");
    assert!(stage.get(path(&slot.get), "").await.ends_with("\r\n\r\nrose"));
}

#[tokio::test]
async fn an_upload_that_is_cut_off_leaves_nothing_and_can_begin_anew() {
    let stage = Stage::new().await;
    let slot = stage.slot("rose.jpg", None, 1000).await;
    let put = path(&slot.put);
    let mut tcp = stage.server.tcp(Door::Http).await;
    let half = format!("PUT {put} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nro");
    tcp.write_all(half.as_bytes()).await.unwrap();
    while std::fs::read_dir(stage.folder.path().join("arriving")).unwrap().count() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(status(&stage.put(put, "", &"x".repeat(1000)).await), "409", "somebody uploads there");
    drop(tcp);
    stage.is_empty().await;
    assert_eq!(status(&stage.get(path(&slot.get), "").await), "404");
    let mut answer = String::new();
    while status(&answer) != "201" {
        answer = stage.put(put, "", &"x".repeat(1000)).await;
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_is_somebody_elses_look_the_same() {
    let stage = Stage::new().await;
    let slot = stage.slot("rose.jpg", None, 4).await;
    let file = stage.file("a.bin", None, "a").await;
    let unknown = stage.get("/upload/00112233445566778899aabbccddeeff/a", "").await;
    assert_eq!(status(&unknown), "404");
    let same = |answer: String| {
        answer.split("\r\n").filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n")
    };
    for path in [
        path(&slot.get),
        path(&slot.put),
        "/upload/",
        "/upload/x",
        "/upload/../../../../etc/passwd",
        "/upload/%2e%2e/%2e%2e/etc/passwd",
        "/upload/..%2f..%2fetc%2fpasswd",
        "/upload/arriving/x",
        &format!("{file}/more"),
        &file.to_uppercase().replace("/UPLOAD", "/upload"),
    ] {
        assert_eq!(same(stage.get(path, "").await), same(unknown.clone()), "{path}");
    }
    let put = stage.put("/upload/00112233445566778899aabbccddeeff/a", "", "rose").await;
    assert_eq!(same(put), same(unknown));
}

#[tokio::test]
async fn browsers_are_told_what_other_sites_may_do() {
    let stage = Stage::new().await;
    let slot = stage.slot("rose.jpg", None, 4).await;
    let asks = "Origin: https://example.org\r\nAccess-Control-Request-Method: PUT\r\n\
                Access-Control-Request-Headers: authorization,content-type\r\n";
    let preflight =
        stage.ask(&format!("OPTIONS {} HTTP/1.1\r\nHost: localhost\r\n{asks}\r\n", path(&slot.put))).await;
    assert_eq!(status(&preflight), "204", "{preflight}");
    for header in [
        "access-control-allow-origin: *\r\n",
        "access-control-allow-methods: GET, HEAD, OPTIONS, PUT\r\n",
        "access-control-allow-headers: Authorization, Content-Type, Range\r\n",
    ] {
        assert!(preflight.contains(header), "{header} is not in {preflight}");
    }
    for method in ["POST", "DELETE", "PATCH", "MKCOL"] {
        let answer = stage
            .ask(&format!(
                "{method} {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
                path(&slot.put)
            ))
            .await;
        assert_eq!(status(&answer), "405", "{answer}");
        assert!(answer.contains("allow: GET, HEAD, OPTIONS, PUT\r\n"), "{answer}");
    }
}
