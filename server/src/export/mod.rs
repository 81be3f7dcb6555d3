//! XEP-0227: Portable Import/Export Format for XMPP-IM Servers: what is kept of accounts, as one XML file.
//!
//! It is written piece by piece, archives page by page: what is in memory at once does not grow with the archive. What
//! changes meanwhile stands in it as it was or as it is. Blocking lists (XEP-0191) and the preferences of archives
//! (XEP-0441) stand in their own namespaces, which §4 allows. Rooms and services are no part of it (§2), and keys of
//! passwords (§4.3) are for the operator alone.

mod archive;
mod file;
mod own;
mod paper;
mod pep;
#[cfg(test)]
mod tests;
mod user;

use std::collections::BTreeSet;
use std::io::{self, Write};

use rialto_store::accounts::Accounts;
use rialto_store::{Store, StoreError};
use rialto_xmpp::{BareJid, ns};

pub use file::{copy, create, to_file, to_folder};
pub use own::OwnExport;

use paper::Paper;

/// Accounts read at a time.
const PAGE: usize = 256;

/// Why an export was not finished.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The account is not there, or not any more.
    #[error("there is no account {0}")]
    Unknown(BareJid),
    /// The store.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// Something in the store cannot be read.
    #[error("what is kept of {0} cannot be read: {1}")]
    Damaged(BareJid, &'static str),
    /// The file.
    #[error("the file cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Everybody.
    All,
    /// One account.
    One(BareJid),
}

/// Who will read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The operator, who moves accounts: with the keys of their passwords.
    Operator,
    /// The person herself: without.
    Person,
}

/// Writes an export, and says how many accounts are in it. Blocks; sees what has settled in the store.
///
/// # Errors
/// [`ExportError`]; what is written by then is no export.
pub fn write(store: &Store, whose: &Whose, reader: Reader, out: &mut dyn Write) -> Result<u64, ExportError> {
    let mut paper = Paper::new(out);
    paper.text("<?xml version='1.0' encoding='UTF-8'?>\n")?;
    paper.open("server-data", ns::PIE, "", &[])?;
    let mut count = 0;
    match whose {
        Whose::One(jid) => {
            paper.open("host", ns::PIE, ns::PIE, &[("jid", jid.domainpart())])?;
            if !user::write(store, jid, reader, &mut paper)? {
                return Err(ExportError::Unknown(jid.clone()));
            }
            paper.close("host")?;
            count = 1;
        }
        Whose::All => {
            for domain in domains(store)? {
                count += host(store, &domain, reader, &mut paper)?;
            }
        }
    }
    paper.close("server-data")?;
    paper.finish()?;
    Ok(count)
}

/// §4.1: one domain with its accounts.
fn host(store: &Store, domain: &str, reader: Reader, paper: &mut Paper<'_>) -> Result<u64, ExportError> {
    let mut count = 0;
    paper.open("host", ns::PIE, ns::PIE, &[("jid", domain)])?;
    each_account(store, |jid| {
        if jid.domainpart() == domain {
            count += u64::from(user::write(store, jid, reader, paper)?);
        }
        Ok(())
    })?;
    paper.close("host")?;
    Ok(count)
}

/// The domains that have accounts, also those that are served no more.
fn domains(store: &Store) -> Result<BTreeSet<String>, ExportError> {
    let mut found = BTreeSet::new();
    each_account(store, |jid| {
        if !found.contains(jid.domainpart()) {
            found.insert(jid.domainpart().to_owned());
        }
        Ok(())
    })?;
    Ok(found)
}

/// Shows all accounts, one by one.
fn each_account(
    store: &Store,
    mut show: impl FnMut(&BareJid) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let accounts = Accounts::new(store);
    let mut after: Option<String> = None;
    loop {
        let page = accounts.list(after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        for jid in page.iter().filter_map(|(name, _)| BareJid::parse(name).ok()) {
            show(&jid)?;
        }
    }
}
