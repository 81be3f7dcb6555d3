//! Files and pictures: attachments under addresses that expire, avatars and emoji that don't (reference.mdx, "Signed
//! Attachment CDN URLs").

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;

use crate::rest::serve::{put, read_query, reply};
use crate::state::State;

/// A white point.
pub const POINT: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\
                         \xff\xff\xff\x7f\0\x09\xfb\x03\xfd\x05CE\xca\0\0\0\0IEND\xaeB`\x82";

/// Answers for the content network.
pub fn answer(state: &State, path: &str, query: &str) -> Response<Full<Bytes>> {
    if !path.starts_with("/attachments/") {
        return file(Bytes::from_static(POINT), "image/png");
    }
    let query = read_query(query);
    let given = |name: &str| query.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
    let (ex, is, hm) = (given("ex"), given("is"), given("hm"));
    let times = format!("ex={}&is={}", ex.unwrap_or_default(), is.unwrap_or_default());
    let ends = ex.and_then(|ex| u64::from_str_radix(ex, 16).ok()).unwrap_or(0);
    if hm != Some(&state.seal(path, &times)) || ends < state.now() / 1000 {
        return words(404, "This content is no longer available.");
    }
    let id = path.split('/').nth(3).and_then(|id| id.parse().ok());
    match id.and_then(|id| state.files.get(&id)) {
        Some(stored) => file(Bytes::from(stored.bytes.as_ref().clone()), &stored.content_type),
        None => words(404, "This content is no longer available."),
    }
}

fn file(bytes: Bytes, content_type: &str) -> Response<Full<Bytes>> {
    let mut reply = reply(200, None);
    put(reply.headers_mut(), &[("Content-Type", content_type.to_owned())]);
    *reply.body_mut() = Full::new(bytes);
    reply
}

fn words(status: u16, says: &'static str) -> Response<Full<Bytes>> {
    let mut reply = reply(status, None);
    put(reply.headers_mut(), &[("Content-Type", "text/plain;charset=UTF-8".to_owned())]);
    *reply.body_mut() = Full::new(Bytes::from_static(says.as_bytes()));
    reply
}
