//! The certificate of each domain: there, fitting, and not about to end.

use super::Finding;
use crate::certs::{self, Identity, Problem};
use crate::config::Config;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

/// One finding or more for each domain.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let now = SystemTime::now();
    let mut findings = Vec::new();
    for wanted in certs::wanted(config, &[]) {
        match certs::look(config, &wanted, now) {
            Ok(identity) => {
                findings.push(time_left(config, &identity, now));
                findings.extend(open_key(&identity));
                findings.extend(services(&identity, &wanted.also));
            }
            Err(error) if error.problem == Problem::Missing && config.certs.make => {
                let says = format!("none for {} yet; the next start makes one", error.domain);
                findings.push(Finding::ok("certificates", says));
            }
            Err(error) if error.may_be_made_anew() && config.certs.make => {
                findings
                    .push(Finding::ok("certificates", format!("{error}; the next start does so by itself")));
            }
            Err(error) => {
                let text = error.to_string();
                let (says, remedy) = text.split_once(": ").unwrap_or((&text, "see certs/README.md"));
                findings.push(Finding::error("certificates", says, remedy));
            }
        }
    }
    findings
}

fn time_left(config: &Config, identity: &Identity, now: SystemTime) -> Finding {
    let left = identity.until.duration_since(now).unwrap_or(Duration::ZERO);
    let days = left.as_secs() / 86_400;
    let by = if identity.ours { "made here" } else { "from elsewhere" };
    let says = format!("{} has one, {by}, for {days} more days", identity.domain);
    if left >= config.certs.renew_before {
        return Finding::ok("certificates", says);
    }
    if identity.ours && config.certs.make {
        return Finding::ok("certificates", format!("{says}; it is made anew at the next start"));
    }
    Finding::warn("certificates", says, format!("renew it and replace {}", identity.chain.display()))
}

fn open_key(identity: &Identity) -> Option<Finding> {
    let key = identity.private_key.display();
    let mode = std::fs::metadata(&identity.private_key).ok()?.permissions().mode();
    (mode & 0o007 != 0).then(|| {
        Finding::warn(
            "certificates",
            format!("everybody on this machine can read {key}"),
            format!("chmod o= {key}"),
        )
    })
}

/// Clients need the domain alone; other servers ask for the services by their own names.
fn services(identity: &Identity, also: &[String]) -> Option<Finding> {
    let missing: Vec<&str> = also.iter().map(String::as_str).filter(|name| !identity.covers(name)).collect();
    (!identity.ours && !missing.is_empty()).then(|| {
        Finding::warn(
            "certificates",
            format!("the one of {} does not name {}", identity.domain, missing.join(", ")),
            "add these names when you renew it: other servers will ask for them",
        )
    })
}
