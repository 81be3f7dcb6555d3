//! A batch: changes that happen whole or not at all, already in the form in which the journal writes them.
//!
//! One growing buffer, so that putting a message into two archives costs two copies of its bytes and nothing else.

use bytes::Bytes;

use crate::tables::{self, TableId};

/// Changes that belong together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) ops: Vec<u8>,
    pub(crate) expects: Vec<Expectation>,
}

/// What a key must hold for a batch to be written.
pub(crate) type Expectation = (TableId, Vec<u8>, Option<Vec<u8>>);

impl Batch {
    /// Nothing yet.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.expects.is_empty()
    }

    /// Sets a value.
    pub fn put(&mut self, table: TableId, key: &[u8], value: &[u8]) {
        self.write(Kind::Put, table, key, &[value]);
    }

    /// Removes a key.
    pub fn delete(&mut self, table: TableId, key: &[u8]) {
        self.write(Kind::Delete, table, key, &[]);
    }

    /// Removes every key that begins with `prefix`, whatever is there when the batch is written.
    pub fn delete_prefix(&mut self, table: TableId, prefix: &[u8]) {
        self.write(Kind::DeletePrefix, table, prefix, &[]);
    }

    /// The batch conflicts unless the key has this value (`None`: is absent) when it is written.
    pub fn require(&mut self, table: TableId, key: &[u8], value: Option<&[u8]>) {
        self.expects.push((table, key.to_vec(), value.map(<[u8]>::to_vec)));
    }

    /// Everything of `other`, after what is here.
    pub fn extend(&mut self, other: Batch) {
        self.ops.extend_from_slice(&other.ops);
        self.expects.extend(other.expects);
    }

    /// Sets an entry of an owner's log.
    pub(crate) fn append(&mut self, owner: &[u8], id: u128, entry: &[&[u8]]) {
        self.log(Kind::Append, owner, id, entry);
    }

    /// Removes one entry of an owner's log.
    pub(crate) fn erase(&mut self, owner: &[u8], id: u128) {
        self.log(Kind::Erase, owner, id, &[]);
    }

    /// Removes an owner's entries that are older than `before`, at most `limit` chunks of them.
    pub(crate) fn purge(&mut self, owner: &[u8], before: u128) {
        self.log(Kind::Purge, owner, before, &[]);
    }

    fn log(&mut self, kind: Kind, owner: &[u8], id: u128, entry: &[&[u8]]) {
        let id = id.to_be_bytes();
        match *entry {
            [] => self.write(kind, tables::ARCHIVE, owner, &[&id]),
            [one] => self.write(kind, tables::ARCHIVE, owner, &[&id, one]),
            [first, second] => self.write(kind, tables::ARCHIVE, owner, &[&id, first, second]),
            _ => self.write(kind, tables::ARCHIVE, owner, &[&id, &entry.concat()]),
        }
    }

    fn write(&mut self, kind: Kind, table: TableId, key: &[u8], value: &[&[u8]]) {
        let length: usize = value.iter().map(|part| part.len()).sum();
        self.ops.reserve(10 + key.len() + length);
        self.ops.extend_from_slice(&[kind as u8, table.number()]);
        self.ops.extend_from_slice(&(key.len() as u32).to_le_bytes());
        self.ops.extend_from_slice(key);
        self.ops.extend_from_slice(&(length as u32).to_le_bytes());
        for part in value {
            self.ops.extend_from_slice(part);
        }
    }
}

/// What an operation does, as one byte in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Put = 1,
    Delete = 2,
    DeletePrefix = 3,
    Append = 4,
    Erase = 5,
    Purge = 6,
}

impl Kind {
    fn read(byte: u8) -> Option<Kind> {
        [Kind::Put, Kind::Delete, Kind::DeletePrefix, Kind::Append, Kind::Erase, Kind::Purge]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// One operation, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    pub kind: Kind,
    pub table: TableId,
    pub key: Bytes,
    pub value: Bytes,
}

impl Op {
    /// For operations on logs: the id, and the entry behind it.
    pub fn entry(&self) -> Option<(u128, Bytes)> {
        let id = self.value.get(..16)?.try_into().ok()?;
        Some((u128::from_be_bytes(id), self.value.slice(16..)))
    }
}

/// Reads operations one after another; `None` inside the iterator's end means the bytes are used up, `Err` that they
/// make no sense.
pub(crate) struct Ops {
    rest: Bytes,
}

impl Ops {
    /// The operations in `bytes`.
    pub fn new(bytes: Bytes) -> Ops {
        Ops { rest: bytes }
    }

    fn step(&mut self) -> Option<Op> {
        let head = self.rest.get(..2)?;
        let (kind, table) = (Kind::read(*head.first()?)?, TableId::numbered(*head.get(1)?)?);
        let key = length_at(&self.rest, 2)?;
        let value = length_at(&self.rest, 6 + key)?;
        let end = 10 + key + value;
        if self.rest.len() < end {
            return None;
        }
        let op = self.rest.split_to(end);
        Some(Op { kind, table, key: op.slice(6..6 + key), value: op.slice(10 + key..) })
    }
}

impl Iterator for Ops {
    type Item = Result<Op, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let op = self.step().ok_or("an operation cannot be read");
        if op.is_err() {
            self.rest.clear();
        }
        Some(op)
    }
}

fn length_at(bytes: &[u8], at: usize) -> Option<usize> {
    let length = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_batch_writes_is_read_back() {
        let mut batch = Batch::new();
        batch.put(tables::ROOMS, b"key", b"value");
        batch.delete(tables::NICKS, b"gone");
        batch.append(b"owner", 7, &[b"en", b"try"]);
        let ops: Vec<Op> = Ops::new(batch.ops.into()).map(Result::unwrap).collect();
        assert_eq!(ops.len(), 3);
        assert_eq!(
            (ops[0].kind, &ops[0].key[..], &ops[0].value[..]),
            (Kind::Put, &b"key"[..], &b"value"[..])
        );
        assert_eq!((ops[1].kind, ops[1].table), (Kind::Delete, tables::NICKS));
        assert_eq!(ops[2].entry(), Some((7, Bytes::from_static(b"entry"))));
    }

    #[test]
    fn a_batch_cut_anywhere_is_an_error_and_no_panic() {
        let mut batch = Batch::new();
        batch.append(b"owner", 7, &[b"entry"]);
        for cut in 1..batch.ops.len() {
            let ops: Vec<_> = Ops::new(Bytes::copy_from_slice(&batch.ops[..cut])).collect();
            assert!(matches!(ops[..], [Err(_)]), "cut at {cut}");
        }
    }
}
