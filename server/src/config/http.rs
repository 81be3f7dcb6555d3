//! `[http]`: what is served over HTTP, and where.

use super::value;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::net::IpAddr;

/// `[http]`: WebSocket, BOSH, host-meta, uploads. Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Addresses of this machine for `port`.
    #[serde(deserialize_with = "value::addresses")]
    pub addresses: Vec<IpAddr>,
    /// Port without TLS, for a reverse proxy on this machine. `None`: shut; 0: any free port.
    #[serde(deserialize_with = "value::port")]
    pub port: Option<u16>,
    /// Port with TLS, on the addresses of `[listen]`. `None`: shut; 0: any free port.
    #[serde(deserialize_with = "value::port")]
    pub tls: Option<u16>,
    /// Where the world finds these, if that is not the first domain and the port. Empty: it is.
    #[serde(deserialize_with = "url")]
    pub public_url: String,
    /// Which header of a trusted proxy says who asks.
    pub forwarded: Forwarded,
    /// RFC 7395.
    pub websocket: bool,
    /// XEP-0124, XEP-0206.
    pub bosh: bool,
}

/// How a reverse proxy says whose request it is. The other header may come from anybody, so only one is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forwarded {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`, as nginx, Apache, Caddy and HAProxy write them.
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl Default for Http {
    fn default() -> Self {
        Http {
            addresses: super::Listen::loopback(),
            port: Some(5280),
            tls: Some(5443),
            public_url: String::new(),
            forwarded: Forwarded::XForwardedFor,
            websocket: true,
            bosh: true,
        }
    }
}

/// `https://host` or `https://host:port`, or nothing. A path would have to be known to every proxy.
fn url<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let sound = |host: &str| {
        let host = host.strip_suffix('/').unwrap_or(host);
        !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c))
    };
    if text.is_empty() || rest.is_some_and(sound) {
        return Ok(text);
    }
    Err(D::Error::custom(format!(
        "\"{text}\" is no address of a site; write one like \"https://chat.example.org\""
    )))
}
