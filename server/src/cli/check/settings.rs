//! What in a sound configuration will surprise its operator.

use super::Finding;
use crate::config::Config;
use crate::files;
use std::net::ToSocketAddrs;

/// Domains, addresses, registration.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let file = config.origin.file.as_ref();
    let file = file
        .map_or_else(|| "no file: the defaults".to_owned(), |file| format!("{} is sound", file.display()));
    let mut findings = vec![Finding::ok("configuration", file)];
    let public: Vec<&String> = config.domains.iter().filter(|domain| !is_local(domain)).collect();
    let loopback = config.listen.addresses.iter().all(std::net::IpAddr::is_loopback);
    if !public.is_empty() && loopback {
        findings.push(Finding::warn(
            "listen",
            "only this machine can reach the server",
            "leave [listen] addresses out, or write [\"0.0.0.0\", \"::\"]",
        ));
    }
    if config.registration.in_band && !loopback {
        findings.push(Finding::warn(
            "registration",
            "everybody who reaches the port can make accounts",
            "set [registration] in_band = false, and make accounts with `rialto user add`",
        ));
    }
    for account in &config.admins {
        if !config.domains.iter().any(|domain| domain == account.domainpart()) {
            findings.push(Finding::warn(
                "admins",
                format!("{account} is no account of this server"),
                "only accounts of its own domains can administer it",
            ));
        }
    }
    for list in &config.guard.lists {
        if let Err(why) = std::fs::File::open(list) {
            findings.push(Finding::warn(
                "guard",
                format!("{} cannot be read: {why}", list.display()),
                "nobody in it is kept away: correct [guard] lists, or the rights of the file",
            ));
        }
    }
    let files = files::raise();
    if !files::suffice(files, config.c2s.connections) {
        findings.push(Finding::warn(
            "files",
            format!(
                "{} files may be open, {} clients may connect",
                files.unwrap_or_default(),
                config.c2s.connections
            ),
            "raise the limit (LimitNOFILE in systemd, ulimit -n), or lower [c2s] connections",
        ));
    }
    findings.extend(public.into_iter().map(|domain| resolves(domain)));
    findings
}

fn is_local(domain: &str) -> bool {
    domain == "localhost" || domain.ends_with(".localhost")
}

/// RFC 6120 §3.2: clients ask for SRV records, then for the domain's own address.
fn resolves(domain: &str) -> Finding {
    let found = (domain, 5222).to_socket_addrs().map(|mut addresses| addresses.next().is_some());
    if found.unwrap_or(false) {
        return Finding::ok("dns", format!("{domain} has an address"));
    }
    Finding::warn(
        "dns",
        format!("{domain} has no address that can be found from here"),
        format!(
            "let it point to this machine, or let SRV records do so: `_xmpp-client._tcp.{domain} SRV 0 5 5222 HOST` and \
             `_xmpps-client._tcp.{domain} SRV 0 5 5223 HOST`"
        ),
    )
}
