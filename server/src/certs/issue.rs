//! A CA of our own, for those who have no certificate yet, and the certificates that it signs.

use super::{CertError, Files, Problem, Wanted};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long our CA lasts.
const CA_DAYS: u32 = 3650;
/// How long what it signs lasts: some clients refuse more than 398 days.
const LEAF_DAYS: u32 = 397;

/// The certificate of our CA: what people trust.
pub(super) fn ca_file(folder: &Path) -> PathBuf {
    folder.join("ca.pem")
}

fn ca_key_file(folder: &Path) -> PathBuf {
    folder.join("ca.key")
}

/// Makes a certificate, and the CA before it if there is none. Replaces both files of the domain.
pub(super) fn issue(folder: &Path, files: &Files, wanted: &Wanted, now: SystemTime) -> Result<(), CertError> {
    let error = |file: &Path, why: String| CertError {
        domain: wanted.domain.clone(),
        file: file.to_owned(),
        problem: Problem::CannotMake(why),
        ours: false,
    };
    let library = |why: rcgen::Error| error(&files.chain, why.to_string());
    std::fs::create_dir_all(&files.folder)
        .map_err(|why| error(&files.chain, format!("{} cannot be made: {why}", files.folder.display())))?;
    let issuer = ca(folder, now).map_err(|why| error(&ca_file(folder), why))?;
    let mut names = vec![wanted.domain.clone()];
    names.extend(wanted.also.iter().filter(|name| **name != wanted.domain).cloned());
    let mut params = CertificateParams::new(names).map_err(library)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, &wanted.domain);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    valid_for(&mut params, now, LEAF_DAYS);
    let key = KeyPair::generate().map_err(library)?;
    let certificate = params.signed_by(&key, &issuer).map_err(library)?;
    let write = |file: &Path, text: &str, mode: u32| {
        replace(file, text, mode)
            .map_err(|why| error(file, format!("{} cannot be written: {why}", file.display())))
    };
    write(&files.private_key, &zeroize::Zeroizing::new(key.serialize_pem()), 0o600)?;
    write(&files.chain, &certificate.pem(), 0o644)
}

fn ca(folder: &Path, now: SystemTime) -> Result<Issuer<'static, KeyPair>, String> {
    let (file, key_file) = (ca_file(folder), ca_key_file(folder));
    let together = format!("keep {} and {} together, or move both away", file.display(), key_file.display());
    match (read(&file)?, read(&key_file)?) {
        (Some(certificate), Some(key)) => {
            let key = KeyPair::from_pem(&key)
                .map_err(|why| format!("{}: {why}; {together}", key_file.display()))?;
            ca_is_sound(&certificate, &key, now)
                .map_err(|why| format!("{} {why}; {together}", file.display()))?;
            Issuer::from_ca_cert_pem(&certificate, key)
                .map_err(|why| format!("{}: {why}; {together}", file.display()))
        }
        (None, None) => new_ca(folder, now),
        (Some(_), None) => Err(format!("{} is missing; {together}", key_file.display())),
        (None, Some(_)) => Err(format!("{} is missing; {together}", file.display())),
    }
}

fn ca_is_sound(certificate: &str, key: &KeyPair, now: SystemTime) -> Result<(), String> {
    let (_, pem) =
        x509_parser::pem::parse_x509_pem(certificate.as_bytes()).map_err(|_| "is no certificate")?;
    let parsed = pem.parse_x509().map_err(|_| "is no certificate")?;
    if parsed.public_key().subject_public_key.data.as_ref() != key.public_key_raw() {
        return Err("does not go with its key".to_owned());
    }
    let end = parsed.validity().not_after.timestamp();
    let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs().cast_signed());
    if end < now { Err(format!("ended on {}", super::check::day(end))) } else { Ok(()) }
}

fn new_ca(folder: &Path, now: SystemTime) -> Result<Issuer<'static, KeyPair>, String> {
    let mut params = CertificateParams::default();
    let mut mark = [0; 4];
    getrandom::fill(&mut mark).map_err(|why| why.to_string())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    // Two of them in one trust store must be told apart.
    let name = format!("Rialto local CA {:08x}", u32::from_be_bytes(mark));
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid_for(&mut params, now, CA_DAYS);
    let key = KeyPair::generate().map_err(|why| why.to_string())?;
    let certificate = params.self_signed(&key).map_err(|why| why.to_string())?.pem();
    let write = |file: PathBuf, text: &str, mode: u32| {
        replace(&file, text, mode).map_err(|why| format!("{} cannot be written: {why}", file.display()))
    };
    write(ca_key_file(folder), &zeroize::Zeroizing::new(key.serialize_pem()), 0o600)?;
    write(ca_file(folder), &certificate, 0o644)?;
    Ok(Issuer::new(params, key))
}

fn read(file: &Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(format!("{} cannot be read: {why}", file.display())),
    }
}

/// Writes beside the file and then puts it in its place, so that nobody ever reads half of it.
fn replace(file: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    match std::fs::remove_file(&beside) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    let mut open = std::fs::OpenOptions::new();
    let mut written = open.write(true).create_new(true).mode(mode).open(&beside)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    std::fs::rename(&beside, file)
}

/// From the day before, because clocks differ.
fn valid_for(params: &mut CertificateParams, now: SystemTime, days: u32) {
    let day = Duration::from_secs(24 * 60 * 60);
    let date = |moment: SystemTime| {
        let moment = jiff::Timestamp::try_from(moment).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = date(now - day);
    params.not_after = date(now + day * days);
}
