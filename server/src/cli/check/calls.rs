//! Calls: whether clients will find a STUN and TURN server, and whether the built-in one answers.

use super::Finding;
use crate::config::Config;
use crate::listeners::turn::public_addresses;
use crate::random;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Tells of the built-in server, or of what is there instead.
pub(super) fn look(config: &Config, runs: bool) -> Vec<Finding> {
    let public = public_addresses(config);
    let elsewhere = config.external_services.iter().any(|service| service.kind.starts_with("turn"));
    let ports: Vec<String> =
        [config.turn.port, config.turn.tls].into_iter().flatten().map(|port| port.to_string()).collect();
    if ports.is_empty() || public.is_empty() {
        return vec![without(config, ports.is_empty(), elsewhere)];
    }
    let shown: Vec<String> = public.iter().map(IpAddr::to_string).collect();
    let (relays, shown) = (&config.turn.relay_ports, shown.join(" and "));
    let text = format!(
        "STUN and TURN on port {}, relays at {shown}, UDP ports {} to {}",
        ports.join(" and "),
        relays.start(),
        relays.end()
    );
    let mut findings = vec![Finding::ok("calls", text)];
    if let Some(port) = config.turn.port.filter(|_| runs) {
        findings.push(asked(&config.listen.addresses, port));
    }
    findings
}

fn without(config: &Config, shut: bool, elsewhere: bool) -> Finding {
    if elsewhere {
        return Finding::ok("calls", "clients are told of a TURN server elsewhere");
    }
    let local = |domain: &String| domain == "localhost" || domain.ends_with(".localhost");
    if config.domains.iter().all(local) {
        return Finding::ok("calls", "the STUN/TURN server stays shut: nobody outside reaches localhost");
    }
    if shut {
        return Finding::warn(
            "calls",
            "the STUN/TURN server is shut, so many calls will not find their way",
            "give [turn] its port again, or name another server as an [[external_service]]",
        );
    }
    Finding::warn(
        "calls",
        "the STUN/TURN server stays shut, because this machine has no public address of its own",
        "behind a router write its address into [turn] public_addresses and let it pass the ports on; or name another \
         server as an [[external_service]]",
    )
}

/// RFC 8489 §6: asks the running server where the question comes from.
fn asked(addresses: &[IpAddr], port: u16) -> Finding {
    let here = addresses.iter().find(|address| address.is_ipv4()).or_else(|| addresses.first());
    let here = match here {
        Some(address) if !address.is_unspecified() => *address,
        Some(address) if address.is_ipv6() => std::net::Ipv6Addr::LOCALHOST.into(),
        _ => std::net::Ipv4Addr::LOCALHOST.into(),
    };
    match answers(SocketAddr::new(here, port)) {
        true => Finding::ok("calls", "the running server answers STUN"),
        false => Finding::warn(
            "calls",
            format!("nobody answers STUN on UDP port {port} of {here}"),
            "restart the server if [turn] has changed; else see its log",
        ),
    }
}

fn answers(server: SocketAddr) -> bool {
    let ask = || {
        let here = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(here).ok()?;
        socket.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        socket.connect(server).ok()?;
        let mut question = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        question.extend(random::bytes::<12>());
        socket.send(&question).ok()?;
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).ok()?;
        (answer.get(..2) == Some(&[1, 1]) && answer.get(8..20) == question.get(8..20)).then_some(length)
    };
    ask().is_some()
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_server_that_nobody_reaches_needs_no_calls_and_one_behind_a_router_hears_what_to_do() {
        assert_eq!(look(&Config::default(), false)[0].level, Level::Ok);
        let mut config = Config { domains: vec!["example.org".into()], ..Config::default() };
        config.turn.public_addresses = vec!["1.1.1.1".parse().unwrap()];
        let finding = &look(&config, false)[0];
        assert!(finding.level == Level::Ok && finding.says.contains("relays at 1.1.1.1"), "{}", finding.says);
        assert!(without(&config, false, false).remedy.unwrap().contains("public_addresses"));
        (config.turn.port, config.turn.tls) = (None, None);
        assert_eq!(look(&config, false)[0].level, Level::Warn);
    }

    #[test]
    fn a_silent_port_is_noticed() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(!answers(silent.local_addr().unwrap()));
    }
}
