//! A chunk: neighbouring entries of one owner in one value.
//!
//! `form (1) · count (2) · offline (2) · hidden (2) · last id (16) · length (4) · payload`, little-endian but for ids. The payload is
//! `id (16) · length (4) · entry` over and over, compressed (form 1) or as it is (form 0).

use bytes::Bytes;

use crate::archive::{Flags, flags_of};
use crate::error::StoreError;

const HEAD: usize = 27;
const PLAIN: u8 = 0;
const LZ4: u8 = 1;

/// An id with its entry.
pub(crate) type Row = (u128, Bytes);

/// What the front of a chunk tells without unpacking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Entries.
    pub count: u16,
    /// Entries that came while nobody could be reached.
    pub offline: u16,
    /// Entries that queries do not show.
    pub hidden: u16,
    /// The last id.
    pub last: u128,
    /// Bytes of the payload, unpacked.
    pub length: u32,
}

/// The value that holds these entries; they are in order, at most 65,535, and together no longer than 4 GiB.
pub(crate) fn write(rows: &[Row]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(rows.iter().map(|(_, entry)| entry.len() + 20).sum());
    for (id, entry) in rows {
        payload.extend_from_slice(&id.to_be_bytes());
        payload.extend_from_slice(&(entry.len() as u32).to_le_bytes());
        payload.extend_from_slice(entry);
    }
    let with = |flag: Flags| rows.iter().filter(|(_, entry)| flags_of(entry).contains(flag)).count() as u16;
    let packed = lz4_flex::block::compress(&payload);
    let (form, body) = if packed.len() < payload.len() { (LZ4, &packed) } else { (PLAIN, &payload) };
    let mut value = Vec::with_capacity(HEAD + body.len());
    value.push(form);
    value.extend_from_slice(&(rows.len() as u16).to_le_bytes());
    value.extend_from_slice(&with(Flags::OFFLINE).to_le_bytes());
    value.extend_from_slice(&with(Flags::HIDDEN).to_le_bytes());
    value.extend_from_slice(&rows.last().map_or(0, |(id, _)| *id).to_be_bytes());
    value.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    value.extend_from_slice(body);
    value
}

/// The front of a chunk.
pub(crate) fn head(value: &[u8]) -> Result<Head, StoreError> {
    let read = || {
        Some(Head {
            count: u16::from_le_bytes(value.get(1..3)?.try_into().ok()?),
            offline: u16::from_le_bytes(value.get(3..5)?.try_into().ok()?),
            hidden: u16::from_le_bytes(value.get(5..7)?.try_into().ok()?),
            last: u128::from_be_bytes(value.get(7..23)?.try_into().ok()?),
            length: u32::from_le_bytes(value.get(23..HEAD)?.try_into().ok()?),
        })
    };
    read().ok_or_else(|| damaged("a chunk is cut"))
}

/// The entries of a chunk.
pub(crate) fn read(value: &Bytes) -> Result<Vec<Row>, StoreError> {
    let head = head(value)?;
    let body = value.slice(HEAD.min(value.len())..);
    let payload = match value.first() {
        Some(&PLAIN) => body,
        // The limit keeps a damaged length from asking for all the memory there is: LZ4 packs at most 255 to 1.
        Some(&LZ4) if head.length as usize <= 255 * body.len() => {
            let unpacked = lz4_flex::block::decompress(&body, head.length as usize);
            Bytes::from(unpacked.map_err(|_| damaged("a chunk cannot be unpacked"))?)
        }
        _ => return Err(damaged("a chunk has an unknown form")),
    };
    let rows = rows_of(&payload).ok_or_else(|| damaged("a chunk's entries cannot be read"))?;
    match rows.len() == usize::from(head.count) {
        true => Ok(rows),
        false => Err(damaged("a chunk has not all its entries")),
    }
}

fn rows_of(payload: &Bytes) -> Option<Vec<Row>> {
    let (mut rows, mut at) = (Vec::new(), 0);
    while at < payload.len() {
        let id = u128::from_be_bytes(payload.get(at..at + 16)?.try_into().ok()?);
        let length = u32::from_le_bytes(payload.get(at + 16..at + 20)?.try_into().ok()?) as usize;
        let (start, end) = (at + 20, at + 20 + length);
        if end > payload.len() || rows.last().is_some_and(|(last, _)| *last >= id) {
            return None;
        }
        rows.push((id, payload.slice(start..end)));
        at = end;
    }
    Some(rows)
}

fn damaged(why: &str) -> StoreError {
    StoreError::corrupt("archive", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let entry =
            |n: u8| Bytes::from([&[n & 2, 0, 0, 0][..], "<message/>".repeat(20).as_bytes(), &[n]].concat());
        (1..=30).map(|n| (u128::from(n) << 64, entry(n))).collect()
    }

    #[test]
    fn a_chunk_gives_its_entries_back_and_is_smaller_than_they_were() {
        let value = Bytes::from(write(&rows()));
        assert_eq!(read(&value).unwrap(), rows());
        let head = head(&value).unwrap();
        assert_eq!((head.count, head.offline, head.last), (30, 15, 30 << 64));
        assert!(value.len() < head.length as usize / 3);
    }

    #[test]
    fn what_does_not_get_smaller_is_kept_as_it_is() {
        let rows = vec![(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210, Bytes::from_static(b"ab"))];
        let value = Bytes::from(write(&rows));
        assert_eq!(value.first(), Some(&PLAIN));
        assert_eq!(read(&value).unwrap(), rows);
    }

    #[test]
    fn a_damaged_chunk_is_an_error_and_no_panic() {
        let value = write(&rows());
        for cut in 0..value.len() {
            assert!(read(&Bytes::copy_from_slice(&value[..cut])).is_err(), "cut at {cut}");
        }
        for at in 0..HEAD {
            let mut bad = value.clone();
            bad[at] ^= 0xff;
            let _ = read(&bad.into());
        }
    }
}
