//! RFC 7239, and X-Forwarded-For before it: whose request a reverse proxy passes on.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;

use crate::config::{Forwarded, Network};

/// Who asks, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Where from; the port is 0 where only a proxy knows it.
    pub peer: SocketAddr,
    /// Whether TLS covers the way from there.
    pub is_private: bool,
    /// Whether a trusted proxy passed it on.
    pub is_forwarded: bool,
}

/// Who asks. `connection` is what is known of the connection itself; headers count only if that is a trusted proxy's,
/// and then from the end on, because everything before what the proxy wrote may be a lie.
pub fn asker(connection: Asker, headers: &HeaderMap, trusted: &[Network], header: Forwarded) -> Asker {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(connection.peer.ip()) {
        return connection;
    }
    let hops = match header {
        Forwarded::XForwardedFor => x_forwarded(headers),
        Forwarded::Forwarded => forwarded(headers),
    };
    let mut asker = connection;
    for hop in hops.into_iter().rev() {
        // RFC 7239 §6.2, §6.3: `unknown` and made-up names are nobody we could tell from another.
        let Some(address) = hop.address else { break };
        asker = Asker { peer: SocketAddr::new(address, 0), is_private: hop.is_private, is_forwarded: true };
        if !is_trusted(address) {
            break;
        }
    }
    asker
}

struct Hop {
    address: Option<IpAddr>,
    is_private: bool,
}

fn x_forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let proto = values(headers, "x-forwarded-proto").last().map(|proto| proto.eq_ignore_ascii_case("https"));
    let is_private = proto.unwrap_or(false);
    let hops = values(headers, "x-forwarded-for");
    hops.into_iter().map(|hop| Hop { address: address(hop), is_private }).collect()
}

/// §4: `for=192.0.2.43;proto=https, for="[2001:db8::1]:4711"`.
fn forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let hop = |element: &str| {
        let mut hop = Hop { address: None, is_private: false };
        for pair in element.split(';') {
            let Some((name, value)) = pair.trim().split_once('=') else { continue };
            let value = value.trim_matches('"');
            match name.to_ascii_lowercase().as_str() {
                "for" => hop.address = address(value),
                "proto" => hop.is_private = value.eq_ignore_ascii_case("https"),
                _ => {}
            }
        }
        hop
    };
    values(headers, "forwarded").into_iter().map(hop).collect()
}

/// All elements of a header's lists, in order. One that is no text ends the list: what stands before it is unknown.
fn values<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    let mut all = Vec::new();
    for value in headers.get_all(name) {
        match value.to_str() {
            Ok(text) => all.extend(text.split(',').map(str::trim)),
            Err(_) => all.clear(),
        }
    }
    all
}

/// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: Option<IpAddr> = text.parse().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.or_else(bare).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn asks(from: &str, header: Forwarded, pairs: &[(&'static str, &'static str)]) -> (String, bool) {
        let trusted = ["127.0.0.1", "10.0.0.0/8"].map(|network| Network::parse(network).unwrap());
        let peer = SocketAddr::new(from.parse().unwrap(), 4711);
        let connection = Asker { peer, is_private: false, is_forwarded: false };
        let asker = asker(connection, &headers(pairs), &trusted, header);
        (asker.peer.ip().to_string(), asker.is_private)
    }

    #[test]
    fn a_stranger_names_nobody_but_itself() {
        let forged = [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https")];
        assert_eq!(asks("192.0.2.1", Forwarded::XForwardedFor, &forged), ("192.0.2.1".into(), false));
        let forged = [("forwarded", "for=198.51.100.7;proto=https")];
        assert_eq!(asks("192.0.2.1", Forwarded::Forwarded, &forged), ("192.0.2.1".into(), false));
    }

    #[test]
    fn what_stands_before_the_last_stranger_is_not_believed() {
        let said =
            [("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.0.0.2"), ("x-forwarded-proto", "https")];
        assert_eq!(asks("127.0.0.1", Forwarded::XForwardedFor, &said), ("198.51.100.7".into(), true));
    }

    #[test]
    fn only_the_header_that_the_proxy_writes_is_read() {
        let said = [("x-forwarded-for", "198.51.100.7"), ("forwarded", "for=203.0.113.9;proto=https")];
        assert_eq!(asks("127.0.0.1", Forwarded::XForwardedFor, &said), ("198.51.100.7".into(), false));
        assert_eq!(asks("127.0.0.1", Forwarded::Forwarded, &said), ("203.0.113.9".into(), true));
    }

    #[test]
    fn an_address_may_have_a_port_and_brackets() {
        let said = [("forwarded", "For=\"[2001:db8::1]:4711\";Proto=HTTPS")];
        assert_eq!(asks("127.0.0.1", Forwarded::Forwarded, &said), ("2001:db8::1".into(), true));
        for text in ["192.0.2.1", "192.0.2.1:80", "::ffff:192.0.2.1"] {
            assert_eq!(address(text).unwrap().to_string(), "192.0.2.1", "{text}");
        }
    }

    #[test]
    fn a_name_that_is_no_address_leaves_the_proxy() {
        let said = [("x-forwarded-for", "198.51.100.7, unknown"), ("x-forwarded-proto", "https")];
        assert_eq!(asks("127.0.0.1", Forwarded::XForwardedFor, &said), ("127.0.0.1".into(), false));
    }
}
