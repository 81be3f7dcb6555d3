//! XEP-0363 §7: uploaded files over HTTP: PUT into a slot, once; GET and HEAD from then on.

mod disposition;
mod download;
mod range;
mod receive;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::site::{Answer, Request, Response, Site, open_to_scripts, preflight, says};
use crate::services::uploads::{PATH, Uploads};

/// What can be done with a file, all in all.
const METHODS: &str = "GET, HEAD, OPTIONS, PUT";

/// The header fields that scripts of other sites may send (§8).
const HEADERS: &str = "Authorization, Content-Type, Range";

/// What scripts of other sites may see of an answer.
const SEEN: &str = "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag";

/// §9.1: whatever somebody uploaded, a browser runs nothing of it and shows it in no frame.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The site of uploaded files.
pub struct UploadSite(Arc<Uploads>);

impl UploadSite {
    /// The site as a list, for a server that has uploads.
    pub fn all(uploads: Option<&Arc<Uploads>>) -> Vec<Arc<dyn Site>> {
        uploads.map(|uploads| Arc::new(UploadSite(uploads.clone())) as Arc<dyn Site>).into_iter().collect()
    }

    async fn carry_out(&self, mut request: Request) -> Response {
        let path = request.head.uri.path().to_owned();
        let method = request.head.method.clone();
        match (method, id(&path)) {
            (Method::OPTIONS, _) => {
                let mut response = preflight(METHODS, HEADERS);
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(METHODS));
                response
            }
            (Method::GET | Method::HEAD, Some(id)) => download::answer(&self.0, id, &request.head).await,
            (Method::PUT, Some(slot)) => receive::answer(&self.0, slot, &mut request).await,
            (Method::GET | Method::HEAD | Method::PUT, None) => nothing(),
            _ => {
                let mut response =
                    says(StatusCode::METHOD_NOT_ALLOWED, "A file can be uploaded and downloaded.");
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(METHODS));
                response
            }
        }
    }
}

impl Site for UploadSite {
    fn paths(&self) -> &[&'static str] {
        &[PATH]
    }

    fn answer(&self, request: Request) -> Answer<'_> {
        Box::pin(async move {
            let mut response = self.carry_out(request).await;
            open_to_scripts(&mut response);
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(SEEN));
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
            response
        })
    }
}

/// The same for what never was, what is over, what is for somebody else, and what is on its way.
fn nothing() -> Response {
    says(StatusCode::NOT_FOUND, "There is no such file, or not any more.")
}

/// What stands between our path and the name, which is for people and means nothing.
fn id(path: &str) -> Option<&str> {
    let mut parts = path.strip_prefix(PATH)?.split('/');
    let (id, _name) = (parts.next()?, parts.next());
    parts.next().is_none().then_some(id)
}
