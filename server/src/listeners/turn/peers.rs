//! RFC 8656 §21.1.1, RFC 6890: whom a relay reaches. Whoever has a relay speaks from this machine: what only this
//! machine, its network, or nobody should reach is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use crate::config::Network;

/// Whom relays reach.
#[derive(Clone, Debug)]
pub struct Peers {
    /// Addresses of this machine, inside and outside. Only other relays are reached there.
    pub own: Vec<IpAddr>,
    /// Ports of relays.
    pub relays: RangeInclusive<u16>,
    /// What the operator lets relays reach although it is not public, or this machine's own.
    pub private: Vec<Network>,
}

impl Peers {
    /// Whether a relay may have anything to do with this address, on whatever port.
    pub fn may_reach(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.private.iter().any(|network| network.contains(address))
            || self.own.contains(&address)
            || is_public(address)
    }

    /// Whether a relay may send there, or hear from there.
    pub fn may_exchange(&self, peer: SocketAddr) -> bool {
        let address = peer.ip().to_canonical();
        if self.private.iter().any(|network| network.contains(address)) {
            return true;
        }
        match self.own.contains(&address) {
            true => self.relays.contains(&peer.port()),
            false => is_public(address),
        }
    }
}

/// RFC 6890: whether packets to this address leave the site and reach one machine.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, RFC 6598, IETF protocols, 6to4 relays, benchmarks, and all from multicast up.
        (0, ..) | (100, 64..=127, _) | (192, 0, 0) | (192, 88, 99) | (198, 18..=19, _) | (224.., ..) => true,
        _ => false,
    };
    !(special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([w, x], [y, z]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(w, x, y, z))
    };
    match (a, b) {
        // RFC 6052: the IPv4 address that a translator makes of it.
        (0x64, 0xff9b) => c == 0 && d == 0 && e == 0 && f == 0 && embedded(g, h),
        // RFC 3056.
        (0x2002, _) => embedded(b, c),
        // RFC 4380 and other protocols of the IETF, RFC 3849, RFC 9637.
        (0x2001, 0..=0x01ff | 0x0db8) | (0x3fff, 0..=0x0fff) => false,
        // RFC 4291: global unicast. All else is loopback, local, multicast or not given to anybody.
        _ => (0x2000..=0x3fff).contains(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_public_is_not_reached() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "2002:a00:1::",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "3fff::1",
            "100::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
            "2002:101:101::",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn of_this_machine_only_relays_are_reached_and_what_the_operator_names() {
        let mut peers =
            Peers { own: vec!["9.9.9.9".parse().unwrap()], relays: 50_000..=60_000, private: Vec::new() };
        let may = |peers: &Peers, peer: &str| peers.may_exchange(peer.parse().unwrap());
        assert!(
            may(&peers, "9.9.9.9:50000") && !may(&peers, "9.9.9.9:22") && !may(&peers, "[::ffff:9.9.9.9]:22")
        );
        assert!(may(&peers, "1.1.1.1:22") && !may(&peers, "127.0.0.1:50000"));
        assert!(
            peers.may_reach("9.9.9.9".parse().unwrap()) && !peers.may_reach("127.0.0.1".parse().unwrap())
        );
        peers.private = vec![Network::parse("127.0.0.0/8").unwrap()];
        assert!(may(&peers, "127.0.0.1:22") && !may(&peers, "10.0.0.1:22"));
        assert!(peers.may_reach("127.0.0.1".parse().unwrap()));
    }
}
