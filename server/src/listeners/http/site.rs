//! RFC 9110: what answers requests, and which of them is asked.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, StatusCode};

use super::body::{Arriving, Body};

/// An answer.
pub type Response = hyper::Response<Body>;

/// An answer on its way.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// A request whose address is known.
pub struct Request {
    /// Method, path, headers.
    pub head: Parts,
    /// What it carries, as it arrives.
    pub body: Arriving,
    /// Who asks: behind a trusted proxy whom the proxy names. The port may be unknown, which is 0.
    pub peer: SocketAddr,
    /// Whether nobody on the way can read along: it came over TLS, to us or to a trusted proxy.
    pub is_private: bool,
    /// Whether it was sent on this machine and by no proxy.
    pub is_local: bool,
    /// Present where the connection may become another one.
    pub upgrade: Option<OnUpgrade>,
}

/// Something that answers requests for its paths.
pub trait Site: Send + Sync {
    /// Paths, each with its slash: one that ends in `/` stands for all below it, but `/` alone for itself.
    fn paths(&self) -> &[&'static str];

    /// The answer; the future is dropped when the asker goes.
    fn answer(&self, request: Request) -> Answer<'_>;
}

/// All sites of a server.
pub struct Sites(Vec<(&'static str, Arc<dyn Site>)>);

impl Sites {
    /// The longest path that fits decides, whatever the order.
    pub fn new(sites: Vec<Arc<dyn Site>>) -> Sites {
        let each = |site: &Arc<dyn Site>| -> Vec<_> {
            site.paths().iter().map(|path| (*path, site.clone())).collect()
        };
        let mut all: Vec<_> = sites.iter().flat_map(each).collect();
        all.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Sites(all)
    }

    /// The site for a path.
    pub fn find(&self, path: &str) -> Option<&Arc<dyn Site>> {
        let fits = |place: &str| match place {
            "/" => path == "/",
            below if below.ends_with('/') => path.starts_with(below),
            exact => path == exact,
        };
        self.0.iter().find(|(place, _)| fits(place)).map(|(_, site)| site)
    }
}

/// An answer that is one line for people.
pub fn says(status: StatusCode, text: &str) -> Response {
    let mut response = carrying(status, "text/plain; charset=utf-8", format!("{text}\n"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        // RFC 9110 §15.5.6 wants the list; sites that allow more say so themselves.
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

/// An answer with a text of this type.
pub fn carrying(status: StatusCode, kind: &'static str, text: impl Into<bytes::Bytes>) -> Response {
    let mut response = Response::new(Body::whole(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Whether it only wants to read.
pub fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The Fetch Standard §3.2: scripts of any page may see this answer. No cookies are asked for, so nothing is given away.
pub fn open_to_scripts(response: &mut Response) {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

/// The Fetch Standard §4.8: the answer to a browser that asks first whether it may.
pub fn preflight(methods: &'static str, headers: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    open_to_scripts(&mut response);
    let allowed: [(HeaderName, &'static str); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, headers),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    for (name, value) in allowed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(&'static [&'static str]);

    impl Site for At {
        fn paths(&self) -> &[&'static str] {
            self.0
        }

        fn answer(&self, _request: Request) -> Answer<'_> {
            Box::pin(async { says(StatusCode::OK, "here") })
        }
    }

    #[test]
    fn the_longest_path_that_fits_decides() {
        let sites =
            Sites::new(vec![Arc::new(At(&["/"])), Arc::new(At(&["/a/"])), Arc::new(At(&["/a/b", "/a/c/"]))]);
        let found = |path: &str| sites.find(path).map(|site| site.paths()[0]);
        assert_eq!(found("/"), Some("/"));
        assert_eq!(found("/a/x"), Some("/a/"));
        assert_eq!(found("/a/b"), Some("/a/b"));
        assert_eq!(found("/a/c/d"), Some("/a/b"));
        assert_eq!((found("/a"), found("/x"), found("")), (None, None, None));
    }
}
