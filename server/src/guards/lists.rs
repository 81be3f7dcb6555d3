//! Lists of addresses that are kept away: as they are, or as SHA-256, which is how real-time block lists share them.
//!
//! A line is an address, a domain, or 64 hexadecimal digits; what follows it after a blank, and what follows `#`, is for
//! people.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use arc_swap::ArcSwap;
use rialto_xmpp::{BareJid, Jid};
use sha2::{Digest, Sha256};

/// Bytes of one file at most. Overflow: it is not read.
const MOST_BYTES: u64 = 64 << 20;
/// Entries of all files at most. Overflow: the rest is not taken.
const MOST: usize = 1_000_000;

/// SHA-256 of an address or a domain.
pub(super) type Hash = [u8; 32];

/// Addresses and domains that are kept away.
#[derive(Default)]
pub struct Lists(ArcSwap<HashSet<Hash>>);

impl Lists {
    pub(super) fn has(&self, hashes: &[Hash]) -> bool {
        let listed = self.0.load();
        hashes.iter().any(|hash| listed.contains(hash))
    }

    /// How many are listed.
    pub fn len(&self) -> usize {
        self.0.load().len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads these files in place of what was read before. If one cannot be read, nothing changes.
    pub(super) fn read(&self, files: &[PathBuf]) {
        let mut listed = HashSet::new();
        for file in files {
            match text(file) {
                Ok(text) => take(&mut listed, file, &text),
                Err(why) => {
                    let file = file.display();
                    return tracing::error!(
                        "[guard] {file} cannot be read, the lists stay as they were: {why}"
                    );
                }
            }
        }
        if !files.is_empty() {
            tracing::info!(entries = listed.len(), "the lists of [guard] were read");
        }
        self.0.store(listed.into());
    }
}

fn text(file: &Path) -> std::io::Result<String> {
    if std::fs::metadata(file)?.len() > MOST_BYTES {
        return Err(std::io::Error::other("it is larger than 64 MiB"));
    }
    std::fs::read_to_string(file)
}

fn take(listed: &mut HashSet<Hash>, file: &Path, text: &str) {
    let mut wrong = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let Some(word) = line.split_whitespace().next() else { continue };
        if listed.len() >= MOST {
            tracing::warn!("[guard] {}: more than {MOST} entries, the rest is not taken", file.display());
            return;
        }
        match read(word) {
            Some(hash) => drop(listed.insert(hash)),
            None => drop(wrong.get_or_insert(number + 1)),
        }
    }
    if let Some(line) = wrong {
        let file = file.display();
        tracing::warn!("[guard] {file}, line {line}: neither an address nor a SHA-256 in hexadecimal digits");
    }
}

/// An address and its domain.
pub(super) fn hashes(jid: &Jid) -> [Hash; 2] {
    [hash(jid.bare_str()), hash(jid.domainpart())]
}

/// One entry.
pub(super) fn read(word: &str) -> Option<Hash> {
    if word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(word.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        return Some(hash);
    }
    BareJid::parse(word).ok().map(|jid| hash(jid.as_str()))
}

pub(super) fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(lines: &str) -> Lists {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list");
        std::fs::write(&file, lines).unwrap();
        let lists = Lists::default();
        lists.read(&[file]);
        lists
    }

    fn has(lists: &Lists, jid: &str) -> bool {
        lists.has(&hashes(&Jid::parse(jid).unwrap()))
    }

    #[test]
    fn addresses_domains_and_hashes_are_kept_away_and_nobody_else() {
        let hashed: String = hash("tybalt@montague.lit").iter().map(|byte| format!("{byte:02X}")).collect();
        let lists =
            listed(&format!("# spammers\n\nParis@Verona.lit  since spring\nspam.lit # all\n{hashed}\n"));
        assert_eq!(lists.len(), 3);
        for away in ["paris@verona.lit/x", "anybody@spam.lit", "spam.lit", "tybalt@montague.lit/y"] {
            assert!(has(&lists, away), "{away}");
        }
        for other in ["romeo@verona.lit", "verona.lit", "a@not.spam.lit", "romeo@montague.lit"] {
            assert!(!has(&lists, other), "{other}");
        }
    }

    #[test]
    fn a_bad_line_costs_only_itself_and_an_unreadable_file_changes_nothing() {
        let lists = listed("@@@\nparis@verona.lit\n");
        assert!(has(&lists, "paris@verona.lit"));
        lists.read(&[PathBuf::from("/nowhere/at/all")]);
        assert!(has(&lists, "paris@verona.lit"));
        lists.read(&[]);
        assert!(lists.is_empty());
    }
}
