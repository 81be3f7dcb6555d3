//! XEP-0363 §7: bytes come into a slot, exactly as many as were asked for, of the type that was promised, once.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use tokio::time::timeout;

use super::super::body::BodyError;
use super::super::site::{Request, Response, says};
use super::nothing;
use crate::services::uploads::{UploadError, Uploads};

/// Bytes of a refused upload that are read all the same.
const IN_VAIN: usize = 4 << 20;

/// How long they may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why an upload ended early.
enum Broken {
    Upload(UploadError),
    Body(BodyError),
}

impl From<UploadError> for Broken {
    fn from(error: UploadError) -> Broken {
        Broken::Upload(error)
    }
}

impl From<BodyError> for Broken {
    fn from(error: BodyError) -> Broken {
        Broken::Body(error)
    }
}

/// Answers PUT.
pub(super) async fn answer(uploads: &Arc<Uploads>, slot: &str, request: &mut Request) -> Response {
    let answer = taken(uploads, slot, request).await;
    // RFC 9110 §10.1.1: who expects to be asked has sent nothing.
    let is_sending = !request.head.headers.contains_key(header::EXPECT);
    if !answer.status().is_success() && is_sending {
        // Whoever is still sending hears the answer only if somebody listens.
        let _ = timeout(PATIENCE, listen(request)).await;
    }
    answer
}

/// Lets a little more come in.
async fn listen(request: &mut Request) {
    let mut heard = 0;
    while let Ok(Some(bytes)) = request.body.next().await {
        heard += bytes.len();
        if heard > IN_VAIN {
            return;
        }
    }
}

async fn taken(uploads: &Arc<Uploads>, slot: &str, request: &mut Request) -> Response {
    if !uploads.awaits(slot) {
        return nothing();
    }
    // How much is to come has to be said before it comes.
    let Some(length) =
        request.body.length().filter(|_| request.head.headers.contains_key(header::CONTENT_LENGTH))
    else {
        return says(StatusCode::LENGTH_REQUIRED, "Say the Content-Length.");
    };
    match receive(uploads, slot, length, request).await {
        Ok(url) => {
            let mut response = says(StatusCode::CREATED, "The file is there.");
            if let Ok(url) = HeaderValue::from_str(&url) {
                response.headers_mut().insert(header::LOCATION, url);
            }
            response
        }
        Err(broken) => refusal(&broken),
    }
}

async fn receive(
    uploads: &Arc<Uploads>,
    slot: &str,
    length: u64,
    request: &mut Request,
) -> Result<String, Broken> {
    let kind = request.head.headers.get(header::CONTENT_TYPE);
    // What is no text is no type either.
    let kind = kind.map(|kind| kind.to_str().unwrap_or("?"));
    let mut arriving = uploads.begin(slot, length, kind).await?;
    while let Some(bytes) = request.body.next().await? {
        arriving.write(&bytes).await?;
    }
    Ok(arriving.finish().await?)
}

fn refusal(broken: &Broken) -> Response {
    let error = match broken {
        Broken::Body(BodyError::Stalled) => {
            return says(StatusCode::REQUEST_TIMEOUT, "The upload stalled. Try again.");
        }
        Broken::Body(_) => return says(StatusCode::BAD_REQUEST, "The upload was cut off. Try again."),
        Broken::Upload(error) => error,
    };
    match error {
        UploadError::Unknown => nothing(),
        UploadError::Busy => says(StatusCode::CONFLICT, "This upload goes on already."),
        UploadError::TooLong => says(
            StatusCode::PAYLOAD_TOO_LARGE,
            "This is more than was asked for. Ask again, with the right size.",
        ),
        UploadError::TooShort => {
            says(StatusCode::BAD_REQUEST, "This is less than was asked for. Ask again, with the right size.")
        }
        UploadError::Type => {
            says(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The Content-Type is not the one that was asked for.")
        }
        UploadError::Over => says(StatusCode::GONE, "This file was to be gone by now."),
        UploadError::Crowded => {
            let mut response =
                says(StatusCode::SERVICE_UNAVAILABLE, "Too many uploads at the moment. Try again.");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
        UploadError::DiskFull => {
            tracing::error!("an upload did not fit on the disk");
            says(StatusCode::INSUFFICIENT_STORAGE, "The server has no room for this file. Try again later.")
        }
        UploadError::Disk(_) | UploadError::Store(_) | UploadError::Source(_) => {
            tracing::error!(%error, "an upload could not be kept");
            says(StatusCode::INTERNAL_SERVER_ERROR, "The file could not be kept. Try again later.")
        }
    }
}
