//! Sections about calls: `[turn]`, the built-in STUN/TURN server; `[[external_service]]`, others.

use super::network::{self, Network};
use super::value;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// `[turn]`: the STUN/TURN server that is built in (RFC 8489, RFC 8656). Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// Port for UDP and TCP. `None`: shut; 0: any free one.
    #[serde(deserialize_with = "value::port")]
    pub port: Option<u16>,
    /// Port where TLS comes first. `None`: shut; 0: any free one.
    #[serde(deserialize_with = "value::port")]
    pub tls: Option<u16>,
    /// Where peers reach this machine, one of each family. Empty: its own addresses, if they are public.
    #[serde(deserialize_with = "value::addresses")]
    pub public_addresses: Vec<IpAddr>,
    /// Ports of relays.
    #[serde(deserialize_with = "ports")]
    pub relay_ports: RangeInclusive<u16>,
    /// Networks that relays reach although they are not public, or this machine's own.
    #[serde(deserialize_with = "network::networks")]
    pub private_peers: Vec<Network>,
    /// How long credentials are good.
    #[serde(deserialize_with = "value::duration")]
    pub credentials: Duration,
    /// Relays of one person at the same time.
    pub relays_per_user: usize,
    /// Relays of everybody.
    pub relays: usize,
    /// Bytes in a second that one relay passes on, each way.
    #[serde(deserialize_with = "value::bytes")]
    pub bytes_per_second: usize,
}

impl Default for Turn {
    fn default() -> Self {
        Turn {
            port: Some(3478),
            tls: Some(5349),
            public_addresses: Vec::new(),
            relay_ports: 49_152..=65_535,
            private_peers: Vec::new(),
            credentials: Duration::from_secs(12 * 3_600),
            relays_per_user: 10,
            relays: 1_000,
            bytes_per_second: 1 << 20,
        }
    }
}

/// `[[external_service]]`: a service of somebody else's that clients are told of (XEP-0215). Needs a restart.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalService {
    /// `stun`, `turn`, `turns` …
    #[serde(rename = "type")]
    pub kind: String,
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `udp` or `tcp`.
    #[serde(default = "udp")]
    pub transport: String,
    /// Shared with the service: makes credentials that end (coturn's `static-auth-secret`).
    #[serde(default)]
    pub secret: Option<String>,
    /// Without a secret: a name that is always good …
    #[serde(default)]
    pub username: Option<String>,
    /// … and its password.
    #[serde(default)]
    pub password: Option<String>,
}

/// Without its secrets.
impl fmt::Debug for ExternalService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalService({} {}:{}/{})", self.kind, self.host, self.port, self.transport)
    }
}

fn udp() -> String {
    "udp".to_owned()
}

/// Ports as in `"49152-65535"`; at least a hundred, all above 1023.
fn ports<'de, D: Deserializer<'de>>(from: D) -> Result<RangeInclusive<u16>, D::Error> {
    let text = String::deserialize(from)?;
    let read = || {
        let (first, last) = text.split_once('-')?;
        let ports = first.trim().parse::<u16>().ok()?..=last.trim().parse().ok()?;
        (*ports.start() > 1023 && ports.len() >= 100).then_some(ports)
    };
    read().ok_or_else(|| {
        D::Error::custom(format!(
            "\"{text}\" are no ports for relays; write at least a hundred above 1023, like \"49152-65535\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_relays_are_many_and_high() {
        let read = |text: &str| {
            toml::from_str::<Turn>(&format!("relay_ports = \"{text}\"")).map(|turn| turn.relay_ports)
        };
        assert_eq!(read("50000-50099").unwrap(), 50_000..=50_099);
        for text in ["50000-50098", "1000-2000", "50000", "x-y", "60000-50000"] {
            assert!(read(text).unwrap_err().message().contains("no ports for relays"), "{text}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let service = "type = \"turn\"\nhost = \"turn.example\"\nport = 3478\nsecret = \"sesame\"";
        let service: ExternalService = toml::from_str(service).unwrap();
        assert_eq!(format!("{service:?}"), "ExternalService(turn turn.example:3478/udp)");
    }
}
