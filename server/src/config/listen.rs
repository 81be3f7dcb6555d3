//! Sections about doors: `[listen]`, `[certs]`, `[c2s]`, `[registration]`.

use super::network::{self, Network};
use super::value;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

/// `[listen]`: where clients knock. Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Addresses of this machine. Without the key: loopback where every domain is `localhost`, else all of them.
    #[serde(deserialize_with = "value::addresses")]
    pub addresses: Vec<IpAddr>,
    /// Port for clients that begin in the clear and ask for TLS (RFC 6120 §5). `None`: shut; 0: any free port.
    #[serde(deserialize_with = "value::port")]
    pub starttls: Option<u16>,
    /// Port for clients that begin with TLS (XEP-0368). `None`: shut; 0: any free port.
    #[serde(deserialize_with = "value::port")]
    pub tls: Option<u16>,
    /// Port with TLS that clients, browsers and servers share: ALPN says who comes. `None`: shut; 0: any free port.
    #[serde(deserialize_with = "value::port")]
    pub shared: Option<u16>,
    /// Port for external components (XEP-0114), open when there is any. `None`: shut; 0: any free port.
    #[serde(deserialize_with = "value::port")]
    pub components: Option<u16>,
    /// Addresses of this machine for that: what components say is not encrypted.
    #[serde(deserialize_with = "value::addresses")]
    pub component_addresses: Vec<IpAddr>,
    /// Proxies in front of this server, which may say on whose behalf they connect.
    #[serde(deserialize_with = "network::networks")]
    pub proxies: Vec<Network>,
    /// Ports on which every connection begins with a PROXY header, and comes from one of `proxies`.
    pub proxy_protocol: Vec<Port>,
    /// How long a stopping server waits for clients to take their leave.
    #[serde(deserialize_with = "value::duration")]
    pub shutdown_timeout: Duration,
}

/// A port, as the configuration names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Port {
    /// `[listen] starttls`
    StartTls,
    /// `[listen] tls`
    Tls,
    /// `[listen] shared`
    Shared,
    /// `[http] port`
    Http,
    /// `[http] tls`
    Https,
}

impl Listen {
    /// Loopback, both versions.
    pub fn loopback() -> Vec<IpAddr> {
        vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
    }

    /// Every address of this machine, both versions.
    pub fn everywhere() -> Vec<IpAddr> {
        vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)]
    }
}

impl Default for Listen {
    fn default() -> Self {
        Listen {
            addresses: Vec::new(), // filled in by `Config`, which knows the domains
            starttls: Some(5222),
            tls: Some(5223),
            shared: None,
            components: Some(5347),
            component_addresses: Listen::loopback(),
            proxies: ["127.0.0.1", "::1"].into_iter().filter_map(Network::parse).collect(),
            proxy_protocol: Vec::new(),
            shutdown_timeout: Duration::from_secs(5),
        }
    }
}

/// `[certs]`: where certificates lie. Needs a restart; the files themselves are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Certs {
    /// Holds `<domain>/fullchain.pem` and `<domain>/privkey.pem`.
    pub folder: PathBuf,
    /// Makes what is missing there, signed by a CA of its own that lies there too.
    pub make: bool,
    /// How long before its end a certificate that we made is made anew, and others are warned about.
    #[serde(deserialize_with = "value::duration")]
    pub renew_before: Duration,
}

impl Default for Certs {
    fn default() -> Self {
        Certs { folder: PathBuf::from("certs"), make: true, renew_before: Duration::from_secs(30 * 86_400) }
    }
}

/// What happens when a client asks for a resource that is taken (RFC 6120 §7.7.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Conflict {
    /// The old session ends.
    Replace,
    /// The new one is refused.
    Refuse,
    /// The new one gets another resource.
    Rename,
}

/// `[c2s]`: clients. New connections see a reload.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct C2s {
    /// From the first byte until a resource is bound.
    #[serde(deserialize_with = "value::duration")]
    pub login_timeout: Duration,
    /// All that a client may send before it has logged in.
    #[serde(deserialize_with = "value::bytes")]
    pub login_bytes: usize,
    /// The largest stanza of a client that has logged in.
    #[serde(deserialize_with = "value::bytes")]
    pub stanza_bytes: usize,
    /// Silence after which a client is asked whether it is still there.
    #[serde(deserialize_with = "value::duration")]
    pub ping_after: Duration,
    /// How long it has to answer.
    #[serde(deserialize_with = "value::duration")]
    pub ping_timeout: Duration,
    /// A resource that is taken.
    pub conflict: Conflict,
    /// Sessions of one account, hibernating ones included.
    pub sessions_per_account: usize,
    /// Connections at the same time.
    pub connections: usize,
    /// Failed logins of one account, and twice as many of one address, within `failures_within`, until it must wait.
    pub failures: u32,
    /// See `failures`.
    #[serde(deserialize_with = "value::duration")]
    pub failures_within: Duration,
    /// Offers SASL PLAIN, under TLS.
    pub plain: bool,
    /// How long a token that stands in for the password is good (XEP-0484); 0: there are none.
    #[serde(deserialize_with = "value::duration")]
    pub token_lifetime: Duration,
}

impl Default for C2s {
    fn default() -> Self {
        C2s {
            login_timeout: Duration::from_secs(60),
            login_bytes: 64 << 10,
            stanza_bytes: 256 << 10,
            ping_after: Duration::from_secs(5 * 60),
            ping_timeout: Duration::from_secs(60),
            conflict: Conflict::Replace,
            sessions_per_account: 20,
            connections: 10_000,
            failures: 10,
            failures_within: Duration::from_secs(10 * 60),
            plain: true,
            token_lifetime: Duration::from_secs(21 * 86_400),
        }
    }
}

/// `[registration]`: accounts that people make themselves (XEP-0077). Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registration {
    /// Whoever reaches the port may make an account.
    pub in_band: bool,
    /// Accounts made from one address in an hour; 0: as many as it likes.
    pub per_hour: u32,
}

impl Default for Registration {
    fn default() -> Self {
        Registration { in_band: false, per_hour: 5 }
    }
}
