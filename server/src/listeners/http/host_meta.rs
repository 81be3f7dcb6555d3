//! XEP-0156: Discovering Alternative XMPP Connection Methods: `/.well-known/host-meta`, as XML and as JSON.

use hyper::{Method, StatusCode};
use rialto_xmpp::Element;

use super::site::{Answer, Request, Response, Site, carrying, open_to_scripts, preflight, reads, says};
use super::{bosh, websocket};
use crate::config::Config;
use crate::public_url::PublicUrl;

/// Tells where WebSocket and BOSH are.
pub struct HostMeta {
    url: PublicUrl,
    websocket: bool,
    bosh: bool,
}

/// RFC 6415, with a dot: where each of them is.
const XML: &str = "/.well-known/host-meta";
const JSON: &str = "/.well-known/host-meta.json";

/// OASIS XRD 1.0.
const XRD: &str = "http://docs.oasis-open.org/ns/xri/xrd-1.0";

impl HostMeta {
    /// What the configuration has open.
    pub fn new(config: &Config, url: &PublicUrl) -> HostMeta {
        HostMeta { url: url.clone(), websocket: config.http.websocket, bosh: config.http.bosh }
    }

    /// §3.1: each way in and its address; only such as are protected by TLS.
    fn links(&self) -> Vec<(&'static str, String)> {
        if !self.url.base().is_some_and(|base| base.starts_with("https://")) {
            return Vec::new();
        }
        let websocket = self.websocket.then(|| self.url.web_socket_at(websocket::PATH)).flatten();
        let bosh = self.bosh.then(|| self.url.at(bosh::PATH)).flatten();
        let websocket = websocket.map(|url| (rialto_xmpp::ns::ALT_WEBSOCKET, url));
        websocket.into_iter().chain(bosh.map(|url| (rialto_xmpp::ns::ALT_XBOSH, url))).collect()
    }

    fn xml(&self) -> String {
        let link = |(rel, href)| Element::new("Link", XRD).attr("rel", rel).attr("href", href);
        let all = Element::new("XRD", XRD).with_all(self.links().into_iter().map(link));
        format!("<?xml version='1.0' encoding='utf-8'?>\n{}\n", all.to_xml())
    }

    fn json(&self) -> String {
        let links = self.links();
        let link = |(rel, href): &(&str, String)| serde_json::json!({ "rel": rel, "href": href });
        format!("{}\n", serde_json::json!({ "links": links.iter().map(link).collect::<Vec<_>>() }))
    }

    fn tell(&self, request: &Request) -> Response {
        if request.head.method == Method::OPTIONS {
            return preflight("GET, HEAD, OPTIONS", "Accept, Content-Type");
        }
        if !reads(&request.head.method) {
            return says(StatusCode::METHOD_NOT_ALLOWED, "This can only be read.");
        }
        // RFC 6415 §3: one who wants JSON may also ask for it.
        let accept = request.head.headers.get(hyper::header::ACCEPT).and_then(|accept| accept.to_str().ok());
        let wants_json = accept.is_some_and(|accept| accept.contains("application/json"));
        let mut response = match request.head.uri.path() == JSON || wants_json {
            true => carrying(StatusCode::OK, "application/json", self.json()),
            false => carrying(StatusCode::OK, "application/xrd+xml; charset=utf-8", self.xml()),
        };
        open_to_scripts(&mut response);
        response
    }
}

impl Site for HostMeta {
    fn paths(&self) -> &[&'static str] {
        &[XML, JSON]
    }

    fn answer(&self, request: Request) -> Answer<'_> {
        Box::pin(async move { self.tell(&request) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_in_is_told_at_its_public_address() {
        let config = Config::default();
        let meta = HostMeta::new(&config, &PublicUrl::chosen("https://chat.example.org"));
        let xml = meta.xml();
        assert!(xml.contains(
            "<Link rel='urn:xmpp:alt-connections:websocket' href='wss://chat.example.org/xmpp-websocket'/>"
        ));
        let json: serde_json::Value = serde_json::from_str(&meta.json()).unwrap();
        assert_eq!(json["links"][1]["rel"], "urn:xmpp:alt-connections:xbosh");
        assert_eq!(json["links"][1]["href"], "https://chat.example.org/http-bind");
    }

    #[test]
    fn what_has_no_tls_is_not_told() {
        let meta = HostMeta::new(&Config::default(), &PublicUrl::chosen("http://localhost:5280"));
        assert_eq!(meta.json(), "{\"links\":[]}\n");
    }
}
