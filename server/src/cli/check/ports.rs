//! The ports: free, or the server's own.

use super::{Finding, Level};
use crate::config::Config;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

/// Tries to listen on each, unless the server does so already.
pub(super) fn look(config: &Config, runs: bool) -> Vec<Finding> {
    let (listen, web) = (&config.listen, &config.http);
    let everywhere = [listen.starttls, listen.tls, listen.shared, web.tls, config.proxy.port];
    let components = listen.components.filter(|_| !config.components.is_empty());
    let elsewhere = [(web.port, &web.addresses), (components, &listen.component_addresses)];
    let doors = everywhere.map(|port| (port, &listen.addresses)).into_iter().chain(elsewhere);
    let doors: Vec<_> = doors.filter_map(|(port, addresses)| Some((port?, addresses))).collect();
    if runs {
        let ports: Vec<String> = doors.iter().map(|(port, _)| port.to_string()).collect();
        return vec![Finding::ok("ports", format!("{} are the running server's", ports.join(" and ")))];
    }
    let all =
        doors.iter().flat_map(|(port, addresses)| addresses.iter().map(|ip| SocketAddr::new(*ip, *port)));
    // Without the proxy people can talk all the same.
    let level = |finding: Finding, address: SocketAddr| match finding.level {
        Level::Error if Some(address.port()) == config.proxy.port => {
            Finding { level: Level::Warn, ..finding }
        }
        _ => finding,
    };
    all.map(|address| level(try_one(address), address)).collect()
}

/// One finding for an address.
fn try_one(address: SocketAddr) -> Finding {
    let why = match TcpListener::bind(address) {
        Ok(_) => return Finding::ok("ports", format!("{address} is free")),
        Err(why) => why,
    };
    let port = address.port();
    match why.kind() {
        // `[::]` takes IPv4 along on some systems: then the other bind finds it taken, and so does the server.
        ErrorKind::AddrInUse => Finding::error(
            "ports",
            format!("{address} is taken by another program"),
            format!(
                "find it with `ss -ltnp 'sport = :{port}'` and stop it, or choose another port in [listen]"
            ),
        ),
        ErrorKind::PermissionDenied => Finding::error(
            "ports",
            format!("{address} is not allowed: ports below 1024 need a right"),
            "use a higher port, or give the program the right: `setcap cap_net_bind_service=+ep $(which rialto)`",
        ),
        _ if address.is_ipv6() && (address.ip().is_unspecified() || address.ip().is_loopback()) => {
            Finding::warn(
                "ports",
                format!("{address} cannot be used ({why}): this machine has no IPv6"),
                "nothing, if that is meant; else leave it out of [listen] addresses",
            )
        }
        _ => Finding::error(
            "ports",
            format!("{address} cannot be used: {why}"),
            "write addresses of this machine into [listen] addresses: `ip address` shows them",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_port_in_use_is_an_error_with_a_way_out() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let finding = try_one(taken.local_addr().unwrap());
        assert_eq!(finding.level, Level::Error);
        assert!(finding.remedy.unwrap().contains("ss -ltnp"));
    }

    #[test]
    fn an_address_of_another_machine_is_an_error() {
        let finding = try_one("192.0.2.1:0".parse().unwrap());
        assert!(finding.says.starts_with("192.0.2.1:0 cannot be used: "), "{}", finding.says);
    }
}
