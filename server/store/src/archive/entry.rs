//! One archived stanza: its layout, and what is asked of it. Reading one copies nothing.

use std::ops::{BitAnd, BitOr};

use bytes::Bytes;

use super::Id;

/// What is known of an entry beside its stanza. The bits of `CALLER` are the caller's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// Nothing.
    pub const NONE: Flags = Flags(0);
    /// Not shown to queries: kept for delivery only, and removed after it.
    pub const HIDDEN: Flags = Flags(1);
    /// Nobody could be reached when it came; delivered when somebody comes (XEP-0160).
    pub const OFFLINE: Flags = Flags(2);
    /// Sent by the owner of the archive.
    pub const SENT: Flags = Flags(4);
    /// Of type groupchat.
    pub const GROUPCHAT: Flags = Flags(8);
    /// The stanza is what is left of one that was retracted (XEP-0424, XEP-0425).
    pub const TOMBSTONE: Flags = Flags(16);
    /// Bits the store never looks at.
    pub const CALLER: Flags = Flags(0xff00);

    /// Whether all of `other` are set.
    pub fn contains(self, other: Flags) -> bool {
        self & other == other
    }

    /// Without those of `other`.
    #[must_use]
    pub fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitAnd for Flags {
    type Output = Flags;

    fn bitand(self, other: Flags) -> Flags {
        Flags(self.0 & other.0)
    }
}

/// An entry to be archived.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The JID of the other party: full where known. Empty: the entry is not found by `with` (rooms).
    pub with: &'a str,
    /// What is known of it.
    pub flags: Flags,
    /// The stanza's XML.
    pub stanza: &'a [u8],
}

/// Bytes before the JID.
const HEAD: usize = 4;

impl Draft<'_> {
    /// The bytes in front of the stanza: flags, length of the JID, the JID.
    pub(crate) fn head(&self) -> Vec<u8> {
        // RFC 7622 §3.1: a JID has at most 3071 bytes; what is longer is none.
        let with = if self.with.len() > 3071 { "" } else { self.with };
        let mut head = Vec::with_capacity(HEAD + with.len());
        head.extend_from_slice(&self.flags.0.to_le_bytes());
        head.extend_from_slice(&(with.len() as u16).to_le_bytes());
        head.extend_from_slice(with.as_bytes());
        head
    }
}

/// An archived stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id, which tells when it was archived.
    pub id: Id,
    bytes: Bytes,
}

impl Entry {
    /// Reads an entry; `None`: it is damaged.
    pub(crate) fn read(id: u128, bytes: Bytes) -> Option<Entry> {
        let (_, with) = head_of(&bytes)?;
        std::str::from_utf8(with).ok()?;
        Some(Entry { id: Id(id), bytes })
    }

    /// What is known of it.
    pub fn flags(&self) -> Flags {
        flags_of(&self.bytes)
    }

    /// The JID of the other party, as it was given.
    pub fn with(&self) -> &str {
        let with = head_of(&self.bytes).map_or(&[][..], |(_, with)| with);
        std::str::from_utf8(with).unwrap_or_default()
    }

    /// The bare JID of the other party.
    pub fn with_bare(&self) -> &str {
        bare(self.with())
    }

    /// The stanza's XML; shares the memory of the entry.
    pub fn stanza(&self) -> Bytes {
        let at = HEAD + self.with().len();
        self.bytes.slice(at.min(self.bytes.len())..)
    }

    /// When it was archived: microseconds since 1970.
    pub fn at(&self) -> u64 {
        self.id.at()
    }

    /// As something to be archived, to write it anew with changes.
    pub fn draft<'a>(&'a self, stanza: &'a [u8]) -> Draft<'a> {
        Draft { with: self.with(), flags: self.flags(), stanza }
    }
}

/// The flags of an entry's bytes.
pub(crate) fn flags_of(bytes: &[u8]) -> Flags {
    let flags = bytes.get(..2).and_then(|bytes| bytes.try_into().ok());
    Flags(flags.map_or(0, u16::from_le_bytes))
}

/// The bare JID of the other party in an entry's bytes.
pub(crate) fn bare_of(bytes: &[u8]) -> &[u8] {
    let with = head_of(bytes).map_or(&[][..], |(_, with)| with);
    let end = with.iter().position(|byte| *byte == b'/').unwrap_or(with.len());
    with.get(..end).unwrap_or_default()
}

/// A JID without its resourcepart.
pub(crate) fn bare(jid: &str) -> &str {
    jid.split_once('/').map_or(jid, |(bare, _)| bare)
}

fn head_of(bytes: &[u8]) -> Option<(Flags, &[u8])> {
    let length = u16::from_le_bytes(bytes.get(2..HEAD)?.try_into().ok()?);
    Some((flags_of(bytes), bytes.get(HEAD..HEAD + usize::from(length))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_gives_back_what_was_archived() {
        let flags = Flags::OFFLINE | Flags(0x0100);
        let draft = Draft { with: "juliet@localhost/balcony", flags, stanza: b"<message/>" };
        let bytes = [&draft.head()[..], draft.stanza].concat();
        assert_eq!(bare_of(&bytes), b"juliet@localhost");
        let entry = Entry::read(9, bytes.into()).unwrap();
        assert_eq!((entry.with(), entry.with_bare()), ("juliet@localhost/balcony", "juliet@localhost"));
        assert_eq!((entry.flags(), &entry.stanza()[..]), (flags, &b"<message/>"[..]));
        assert!(entry.flags().contains(Flags::OFFLINE) && !entry.flags().contains(Flags::HIDDEN));
    }

    #[test]
    fn a_damaged_entry_is_none() {
        for bytes in [&b""[..], b"\0\0\x05\0abc", b"\0\0\x01\0\xff"] {
            assert_eq!(Entry::read(1, Bytes::copy_from_slice(bytes)), None);
        }
    }
}
