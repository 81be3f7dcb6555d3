//! Does a certificate fit? RFC 6125 §6.4 for its name, RFC 5280 §4.1.2.5 for its time, and the key that goes with it.

use super::{Files, Identity, Made, Wanted};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

/// A certificate that does not fit. The text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertError {
    /// The domain it was wanted for.
    pub domain: String,
    /// The file that the problem is in.
    pub file: PathBuf,
    /// What is wrong.
    pub problem: Problem,
    /// We made it, so it may be made anew.
    pub(super) ours: bool,
}

/// What can be wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Neither file is there.
    Missing,
    /// One of the two is there and this one is not.
    Half,
    /// It cannot be read, with the system's reason.
    Unreadable(String),
    /// It is no PEM of the right kind.
    Broken(String),
    /// The private key belongs to another certificate.
    KeyMismatch,
    /// It ended on that day.
    Expired(String),
    /// It begins on that day.
    NotYet(String),
    /// It is for other names.
    WrongName(Vec<String>),
    /// It could not be made, with the reason.
    CannotMake(String),
}

impl fmt::Display for CertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CertError { domain, .. } = self;
        let file = self.file.display();
        let folder = self.file.parent().unwrap_or(Path::new(".")).display();
        match &self.problem {
            Problem::Missing => write!(
                f,
                "there is no certificate for {domain}: put fullchain.pem and privkey.pem into {folder}/, or set \
                 [certs] make = true to have one made that people must trust by hand"
            ),
            Problem::Half => write!(
                f,
                "{file} is missing, while the other file is there: put it beside it, or move the other one away"
            ),
            Problem::Unreadable(why) => {
                write!(f, "{file} cannot be read ({why}): give it to the user that Rialto runs as")
            }
            Problem::Broken(why) => write!(f, "{file} {why}: put a whole one there, or move it away"),
            Problem::KeyMismatch => write!(
                f,
                "{file} is not the key of fullchain.pem beside it: put both files of one certificate there"
            ),
            Problem::Expired(day) => write!(f, "{file} ended on {day}: renew it and put the new files there"),
            Problem::NotYet(day) => {
                write!(f, "{file} begins on {day}: set this machine's clock, or put another one there")
            }
            Problem::WrongName(names) => write!(
                f,
                "{file} is not for {domain} but for {}: get one that names {domain}",
                if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
            ),
            Problem::CannotMake(why) => write!(f, "no certificate for {domain} can be made: {why}"),
        }
    }
}

impl std::error::Error for CertError {}

impl CertError {
    /// We made it, so the next start may make it anew.
    pub fn may_be_made_anew(&self) -> bool {
        self.ours
    }
}

/// Reads both files and checks what is in them.
pub(super) fn read(
    files: &Files,
    wanted: &Wanted,
    ca: &Path,
    now: SystemTime,
) -> Result<Identity, CertError> {
    let error = |file: &Path, problem: Problem| CertError {
        domain: wanted.domain.clone(),
        file: file.to_owned(),
        problem,
        ours: false,
    };
    match (exists(&files.chain), exists(&files.private_key)) {
        (false, false) => return Err(error(&files.chain, Problem::Missing)),
        (false, true) => return Err(error(&files.chain, Problem::Half)),
        (true, false) => return Err(error(&files.private_key, Problem::Half)),
        (true, true) => {}
    }
    let chain = chain(&files.chain).map_err(|problem| error(&files.chain, problem))?;
    let certified =
        certified(&files.private_key, chain.clone()).map_err(|problem| error(&files.private_key, problem))?;
    let leaf = chain.first().map(AsRef::as_ref).unwrap_or_default();
    let (_, leaf) = X509Certificate::from_der(leaf)
        .map_err(|why| error(&files.chain, Problem::Broken(format!("holds no certificate ({why})"))))?;
    let ours = signed_by(&leaf, ca);
    let names = names(&leaf);
    if let Some(problem) = wrong_time(&leaf, now) {
        return Err(CertError { ours, ..error(&files.chain, problem) });
    }
    if !names.iter().any(|name| covers(name, &wanted.domain)) {
        return Err(error(&files.chain, Problem::WrongName(names)));
    }
    Ok(Identity {
        domain: wanted.domain.clone(),
        chain: files.chain.clone(),
        private_key: files.private_key.clone(),
        certified,
        until: moment(leaf.validity().not_after.timestamp()),
        names,
        ours,
        made: Made::Kept,
    })
}

/// RFC 6125 §6.4: `*.` stands for exactly one label.
pub(super) fn covers(name: &str, domain: &str) -> bool {
    if name.eq_ignore_ascii_case(domain) {
        return true;
    }
    let rest = name.strip_prefix("*.").zip(domain.split_once('.'));
    rest.is_some_and(|(pattern, (_, parent))| pattern.eq_ignore_ascii_case(parent))
}

/// Files that exist but may not be looked at count as there: nothing is made in their place.
fn exists(file: &Path) -> bool {
    !matches!(std::fs::symlink_metadata(file), Err(why) if why.kind() == std::io::ErrorKind::NotFound)
}

fn bytes(file: &Path) -> Result<Vec<u8>, Problem> {
    std::fs::read(file).map_err(|why| Problem::Unreadable(why.to_string()))
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let bytes = bytes(file)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(Problem::Broken("holds no PEM certificate".to_owned())),
        Err(why) => Err(Problem::Broken(format!("is no PEM file ({why})"))),
    }
}

fn certified(file: &Path, chain: Vec<CertificateDer<'static>>) -> Result<Arc<CertifiedKey>, Problem> {
    let bytes = zeroize::Zeroizing::new(bytes(file)?);
    let key = PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|_| Problem::Broken("holds no PEM private key".to_owned()))?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|_| Problem::Broken("holds a private key of a kind that is not known here".to_owned()))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(Arc::new(certified)),
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(Problem::KeyMismatch)
        }
        Err(why) => Err(Problem::Broken(format!("does not go with fullchain.pem ({why})"))),
    }
}

fn wrong_time(leaf: &X509Certificate<'_>, now: SystemTime) -> Option<Problem> {
    let (begin, end) = (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
    if moment(end) < now {
        return Some(Problem::Expired(day(end)));
    }
    (moment(begin) > now).then(|| Problem::NotYet(day(begin)))
}

/// Its issuer and the issuer's key are those of our CA. Only decides whether the file may be made anew.
fn signed_by(leaf: &X509Certificate<'_>, ca: &Path) -> bool {
    let Ok(ca) = chain(ca) else { return false };
    let Some(Ok((_, ca))) = ca.first().map(|ca| X509Certificate::from_der(ca.as_ref())) else { return false };
    let authority = leaf.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0),
        _ => None,
    });
    let subject = ca.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    });
    leaf.issuer() == ca.subject() && authority.is_some() && authority == subject
}

/// RFC 6125 §1.8: only the alternative names count; a common name alone is no identity.
fn names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternative)) = leaf.subject_alternative_name() else { return Vec::new() };
    let names = alternative.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(octets) => {
            let four = <[u8; 4]>::try_from(*octets).map(IpAddr::from);
            let sixteen = <[u8; 16]>::try_from(*octets).map(IpAddr::from);
            four.or(sixteen).ok().map(|address| address.to_string())
        }
        _ => None,
    });
    names.collect()
}

fn moment(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// The day of a moment, as `2026-03-01`.
pub(super) fn day(seconds: i64) -> String {
    let moment = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.strftime("%Y-%m-%d").to_string()
}
