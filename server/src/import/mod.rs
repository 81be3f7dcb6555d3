//! XEP-0227: accounts that come from another server, or from an export of this one: `rialto import`.
//!
//! A file is read whole, so that a broken one changes nothing. Each account is one batch: it is there with all that was
//! taken, or not at all. What Prosody and ejabberd write otherwise than the specification is taken too, and what has no
//! place here is named. Rooms and services are no part of such files (§2).

mod archive;
mod file;
mod keys;
mod pep;
#[cfg(test)]
mod tests;
mod user;

use std::path::Path;

use rialto_store::accounts::{Accounts, CreateError};
use rialto_store::{Store, StoreError};
use rialto_xmpp::{BareJid, Element, ns};

pub use file::FileError;

/// How it is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Domains of this server; accounts of others are left out.
    pub domains: &'a [String],
    /// Only tell what would be done.
    pub dry: bool,
    /// Take the place of accounts that are there.
    pub overwrite: bool,
}

/// What became of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Its address, or what stood in its place.
    pub address: String,
    /// It is there now, or would be.
    pub done: bool,
    /// What it has, by kind.
    pub has: Vec<(&'static str, usize)>,
    /// What is not quite as it was.
    pub approximated: Vec<String>,
    /// What is not here, or why all of it is not.
    pub left_out: Vec<String>,
}

impl Report {
    fn counts(&mut self, what: &'static str, count: usize) {
        if count > 0 {
            self.has.push((what, count));
        }
    }

    fn refused(address: &str, why: impl Into<String>) -> Report {
        Report { address: address.to_owned(), left_out: vec![why.into()], ..Report::default() }
    }
}

/// Why nothing more was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file; nothing was imported.
    #[error("{0}")]
    File(#[from] FileError),
    /// The store; the accounts that were told of are there.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

/// Imports a file; tells of each account as soon as it is done.
///
/// # Errors
/// [`ImportError`]
pub async fn run(
    store: &Store,
    path: &Path,
    wanted: Wanted<'_>,
    tell: &mut dyn FnMut(Report),
) -> Result<(), ImportError> {
    for host in file::hosts(path)? {
        let domain = host.get("jid").unwrap_or_default().to_owned();
        for child in host.children() {
            if !child.is("user", ns::PIE) {
                let what = format!("<{}/> of {domain}", child.name());
                tell(Report::refused(&what, "only accounts are imported"));
                continue;
            }
            let report = account(store, &domain, child, wanted).await?;
            tell(report);
        }
    }
    Ok(())
}

async fn account(
    store: &Store,
    domain: &str,
    user: &Element,
    wanted: Wanted<'_>,
) -> Result<Report, ImportError> {
    let name = user.get("name").unwrap_or_default();
    let written = format!("{name}@{domain}");
    let Ok(jid) = BareJid::parse(&written) else {
        return Ok(Report::refused(&written, "this is no address of an account"));
    };
    if name.is_empty() || jid.localpart().is_none() {
        return Ok(Report::refused(&written, "this is no address of an account"));
    }
    if !wanted.domains.iter().any(|own| own == jid.domainpart()) {
        let why = format!("{} is not among the `domains` of this server", jid.domainpart());
        return Ok(Report::refused(jid.as_str(), why));
    }
    let accounts = Accounts::new(store);
    let is_there = accounts.get(jid.as_str())?.is_some();
    if is_there && !wanted.overwrite {
        return Ok(Report::refused(
            jid.as_str(),
            "it is there already; --overwrite puts this one in its place",
        ));
    }
    let read = match user::read(store, &jid, user).await {
        Ok(read) => read,
        Err(why) => return Ok(Report::refused(jid.as_str(), why)),
    };
    let mut report = Report { done: true, ..read.report };
    if wanted.dry {
        return Ok(report);
    }
    if is_there {
        accounts.remove(jid.as_str()).await?;
    }
    match accounts.create_with(jid.as_str(), read.credentials, wanted.overwrite, read.batch).await {
        Ok(()) => Ok(report),
        Err(CreateError::Store(error)) => Err(error.into()),
        Err(CreateError::Removed) => {
            let why = "an account of this name was removed once; --overwrite gives the name again";
            Ok(Report::refused(jid.as_str(), why))
        }
        Err(CreateError::Exists) => {
            report.done = false;
            Ok(Report::refused(jid.as_str(), "somebody else has made it just now"))
        }
    }
}
