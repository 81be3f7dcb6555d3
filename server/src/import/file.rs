//! XEP-0227 §4.1: from a file to its hosts. ejabberd puts each host into a file of its own, which the first one names
//! (XInclude).

use std::path::{Path, PathBuf};

use rialto_xmpp::{Element, ns, parse};

/// The namespace in which one file names another.
const XINCLUDE: &str = "http://www.w3.org/2001/XInclude";
/// Bytes of a file: it is read whole.
const MOST: u64 = 1 << 30;
/// Files that the first one may name.
const FILES: usize = 1_000;

/// Why a file cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The disk.
    #[error("{0} cannot be read: {1}")]
    Read(String, std::io::Error),
    /// It is too large.
    #[error("{0} is larger than 1 GiB: export fewer accounts into one file")]
    Large(String),
    /// Not UTF-8.
    #[error("{0} is no UTF-8 text")]
    Text(String),
    /// Not XML.
    #[error("{0} is no well-formed XML, or is cut off: nothing was imported")]
    Xml(String),
    /// Something else.
    #[error(
        "{0} begins with <{1}/>, not with <server-data xmlns='urn:xmpp:pie:0'/>: it is no export of accounts (XEP-0227)"
    )]
    Other(String, String),
    /// It names a file elsewhere.
    #[error("{0} names \"{1}\", which is no file in the same folder")]
    Elsewhere(String, String),
}

/// All hosts of a file and of those that it names, or of all files of a folder (Prosody has one for each account).
pub(super) fn hosts(path: &Path) -> Result<Vec<Element>, FileError> {
    if !path.is_dir() {
        return of_file(path);
    }
    let broken = |why| FileError::Read(shown(path), why);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(broken)? {
        let file = entry.map_err(broken)?.path();
        if file.extension().is_some_and(|ending| ending == "xml") {
            files.push(file);
        }
    }
    files.sort();
    let mut hosts = Vec::new();
    for file in files {
        hosts.extend(of_file(&file)?);
    }
    Ok(hosts)
}

fn of_file(path: &Path) -> Result<Vec<Element>, FileError> {
    let root = read(path)?;
    // What ejabberd writes for one host.
    if root.is("host", ns::PIE) {
        return Ok(vec![root]);
    }
    if !root.is("server-data", ns::PIE) {
        return Err(FileError::Other(shown(path), root.name().to_owned()));
    }
    let mut hosts = Vec::new();
    for child in root.into_children() {
        if child.is("host", ns::PIE) {
            // A host may be a list of files, one for each account.
            hosts.push(whole(path, child)?);
        } else if child.is("include", XINCLUDE) {
            let (file, host) = included(path, &child)?;
            if !host.is("host", ns::PIE) {
                return Err(FileError::Other(shown(&file), host.name().to_owned()));
            }
            hosts.push(whole(&file, host)?);
        }
        if hosts.len() > FILES {
            return Err(FileError::Large(shown(path)));
        }
    }
    Ok(hosts)
}

/// A host with its included accounts in their place.
fn whole(path: &Path, host: Element) -> Result<Element, FileError> {
    if !host.has("include", XINCLUDE) {
        return Ok(host);
    }
    let mut filled = Element::new("host", ns::PIE).attr_opt("jid", host.get("jid"));
    for child in host.into_children() {
        filled.push(if child.is("include", XINCLUDE) { included(path, &child)?.1 } else { child });
    }
    Ok(filled)
}

fn included(path: &Path, include: &Element) -> Result<(PathBuf, Element), FileError> {
    let name = include.get("href").unwrap_or_default();
    let is_plain = !name.is_empty() && !name.contains(['/', '\\', ':']) && !name.starts_with('.');
    if !is_plain {
        return Err(FileError::Elsewhere(shown(path), name.chars().take(200).collect()));
    }
    let file = path.with_file_name(name);
    let element = read(&file)?;
    Ok((file, element))
}

fn read(path: &Path) -> Result<Element, FileError> {
    let broken = |why| FileError::Read(shown(path), why);
    if std::fs::metadata(path).map_err(broken)?.len() > MOST {
        return Err(FileError::Large(shown(path)));
    }
    let bytes = std::fs::read(path).map_err(broken)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| FileError::Text(shown(path)))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let text = match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest,
        None => text,
    };
    parse::standalone(text).map_err(|_| FileError::Xml(shown(path)))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
