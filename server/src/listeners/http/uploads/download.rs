//! RFC 9110 §9.3.1, §13, §14: a file, a part of it, or word that the asker has it already.

use std::io::SeekFrom;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use rialto_store::uploads::Upload;
use tokio::io::AsyncSeekExt;

use super::super::body::Body;
use super::super::site::{Response, says};
use super::range::Part;
use super::{disposition, nothing, range};
use crate::services::uploads::Uploads;

/// How long a file may be kept by whoever downloaded it, in seconds: a year.
const KEPT: u64 = 31_536_000;

/// Answers GET and HEAD.
pub(super) async fn answer(uploads: &Uploads, id: &str, head: &Parts) -> Response {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "an uploaded file could not be read");
        says(StatusCode::INTERNAL_SERVER_ERROR, "The file could not be read. Try again later.")
    };
    let upload = match uploads.find(id) {
        Ok(Some(upload)) => upload,
        Ok(None) => return nothing(),
        Err(error) => return failed(&error),
    };
    let tag = tag(&upload);
    if is_known(&head.headers, &tag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        describe(&mut response, &upload, &tag);
        return response;
    }
    let file = match uploads.read(id).await {
        Ok(Some(file)) => file,
        Ok(None) => return nothing(),
        Err(error) => return failed(&error),
    };
    let part = if head.method == Method::GET { part(&head.headers, &upload, &tag) } else { Part::Whole };
    let mut response = match send(file, part, upload.size, &head.method).await {
        Ok(response) => response,
        Err(error) => return failed(&error),
    };
    describe(&mut response, &upload, &tag);
    response
}

async fn send(
    mut file: tokio::fs::File,
    part: Part,
    size: u64,
    method: &Method,
) -> std::io::Result<Response> {
    let (status, first, length, range) = match part {
        Part::Whole => (StatusCode::OK, 0, size, None),
        Part::Bytes(first, last) => {
            let range = format!("bytes {first}-{last}/{size}");
            (StatusCode::PARTIAL_CONTENT, first, last + 1 - first, Some(range))
        }
        Part::Unsatisfiable => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0, Some(format!("bytes */{size}"))),
    };
    if first > 0 {
        file.seek(SeekFrom::Start(first)).await?;
    }
    let body = if method == Method::HEAD || length == 0 { Body::empty() } else { Body::read(file, length) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(range) = range {
        put(headers, header::CONTENT_RANGE, &range);
    }
    Ok(response)
}

/// What is told of every file. It never changes under its address.
fn describe(response: &mut Response, upload: &Upload, tag: &str) {
    let status = response.status();
    let headers = response.headers_mut();
    put(headers, header::ETAG, tag);
    put(headers, header::CACHE_CONTROL, &format!("private, max-age={}, immutable", left(upload)));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status.is_success() {
        put(headers, header::CONTENT_TYPE, &upload.kind);
        headers.insert(header::CONTENT_DISPOSITION, disposition::of(&upload.name, &upload.kind));
    }
}

/// Seconds that it stays, a year at most.
fn left(upload: &Upload) -> u64 {
    let Some(expires) = upload.expires else { return KEPT };
    let over = UNIX_EPOCH + Duration::from_micros(expires);
    over.duration_since(SystemTime::now()).map_or(0, |left| left.as_secs().min(KEPT))
}

fn tag(upload: &Upload) -> String {
    format!("\"{:x}-{:x}\"", upload.created, upload.size)
}

/// §13.1.2: whether the asker has it already.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let listed = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = listed.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// §13.1.5, §14.2: which part is wanted, unless it would be one of another file.
fn part(headers: &HeaderMap, upload: &Upload, tag: &str) -> Part {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(header::RANGE), headers.get(header::IF_RANGE)) {
        (Some(wanted), None) => range::parse(wanted, upload.size),
        (Some(wanted), Some(only)) if only.as_bytes() == tag.as_bytes() => range::parse(wanted, upload.size),
        _ => Part::Whole,
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
