//! Certificates on the disk: found, checked, and made where there are none.
//!
//! `certs/<domain>/{fullchain,privkey}.pem` for each domain of accounts. What we did not make is never written to; what
//! does not fit is said with what to do about it.

mod check;
mod issue;

#[cfg(test)]
mod tests;

pub use check::{CertError, Problem};

use crate::config::Config;
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A certificate that fits its domain.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The domain, as A-labels (what SNI carries).
    pub domain: String,
    /// The chain, leaf first.
    pub chain: PathBuf,
    /// The leaf's private key.
    pub private_key: PathBuf,
    /// Both, ready for TLS.
    pub certified: Arc<CertifiedKey>,
    /// The last second it is valid.
    pub until: SystemTime,
    /// The DNS names and addresses it holds.
    pub names: Vec<String>,
    /// Our own CA signed it.
    pub ours: bool,
    /// What happened to it just now.
    pub made: Made,
}

impl Identity {
    /// Whether a name stands on it.
    pub fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|held| check::covers(held, name))
    }
}

/// What `ready` did about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was there and fits.
    Kept,
    /// There was none; now there is.
    New,
    /// It was ours and about to end, or lacked a name; it was made anew.
    Renewed,
}

/// What has to stand on a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The domain of accounts, as A-labels; also the name of its folder.
    pub domain: String,
    /// More names that we like on it: services below the domain, loopback addresses.
    pub also: Vec<String>,
}

/// The certificates that a configuration needs. `kinds` are the names of networks, whose domains may come later.
pub fn wanted(config: &Config, kinds: &[&str]) -> Vec<Wanted> {
    let services = config.all_domains();
    let mut wanted: Vec<Wanted> = Vec::new();
    for domain in &config.domains {
        let below = |name: &&&str| name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'));
        let mut also: Vec<String> = services.iter().filter(below).map(|name| ascii(name)).collect();
        also.extend(kinds.iter().map(|kind| format!("{kind}.{}", ascii(domain))));
        if wanted.is_empty() {
            let elsewhere = |name: &&&str| !config.domains.iter().any(|d| name.ends_with(d.as_str()));
            also.extend(services.iter().filter(elsewhere).map(|name| ascii(name)));
        }
        if domain == "localhost" {
            also.extend(["127.0.0.1".to_owned(), "::1".to_owned()]);
        }
        also.sort();
        also.dedup();
        wanted.push(Wanted { domain: ascii(domain), also });
    }
    wanted
}

/// Finds a certificate for everything that is wanted; makes what is missing, and what of ours is about to end, if
/// `config.certs.make` says so.
///
/// # Errors
/// The first one that does not fit. Nothing that we did not make was changed.
pub fn ready(config: &Config, wanted: &[Wanted], now: SystemTime) -> Result<Vec<Identity>, CertError> {
    wanted.iter().map(|wanted| ready_one(config, wanted, now)).collect()
}

/// As [`ready`], but touches nothing: for `rialto check`.
pub fn look(config: &Config, wanted: &Wanted, now: SystemTime) -> Result<Identity, CertError> {
    let files = Files::of(&config.certs.folder, &wanted.domain);
    check::read(&files, wanted, &issue::ca_file(&config.certs.folder), now)
}

/// By domain, as the TLS listener takes them.
pub fn by_domain(identities: &[Identity]) -> HashMap<String, Arc<CertifiedKey>> {
    let mut map = HashMap::new();
    for identity in identities {
        for name in &identity.names {
            map.entry(name.clone()).or_insert_with(|| identity.certified.clone());
        }
    }
    // The folder's own name wins over a name that another certificate holds too.
    map.extend(identities.iter().map(|identity| (identity.domain.clone(), identity.certified.clone())));
    map
}

/// The certificate of our own CA, if it has been made.
pub fn ca_certificate(folder: &Path) -> Option<PathBuf> {
    Some(issue::ca_file(folder)).filter(|file| file.exists())
}

/// The two files of a domain.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    chain: PathBuf,
    private_key: PathBuf,
}

impl Files {
    fn of(folder: &Path, domain: &str) -> Files {
        let folder = folder.join(domain);
        Files { chain: folder.join("fullchain.pem"), private_key: folder.join("privkey.pem"), folder }
    }
}

fn ready_one(config: &Config, wanted: &Wanted, now: SystemTime) -> Result<Identity, CertError> {
    let folder = &config.certs.folder;
    let files = Files::of(folder, &wanted.domain);
    let found = check::read(&files, wanted, &issue::ca_file(folder), now);
    let made = match &found {
        Ok(identity) if identity.ours && config.certs.make && stale(identity, config, wanted, now) => {
            Made::Renewed
        }
        Ok(_) => return found,
        Err(error) if error.problem == Problem::Missing && config.certs.make => Made::New,
        Err(error) if error.ours && config.certs.make => Made::Renewed,
        Err(_) => return found,
    };
    issue::issue(folder, &files, wanted, now)?;
    let identity = check::read(&files, wanted, &issue::ca_file(folder), now)?;
    Ok(Identity { made, ..identity })
}

fn stale(identity: &Identity, config: &Config, wanted: &Wanted, now: SystemTime) -> bool {
    let left = identity.until.duration_since(now).unwrap_or(Duration::ZERO);
    left < config.certs.renew_before || wanted.also.iter().any(|name| !identity.names.contains(name))
}

/// A domain as A-labels; as it is where that cannot be.
fn ascii(domain: &str) -> String {
    rialto_xmpp::prep::to_ascii(domain).into_owned()
}
