//! What every engine must do, as tests that run over all of them.

use std::collections::BTreeMap;
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::path::Path;

use super::{Change, Engine, Memory, Pair, Redb, Sled, Span};
use crate::error::StoreError;
use crate::tables::{NICKS, ROOMS, TableId};

const CACHE: u64 = 4 * 1024 * 1024;

fn sled(folder: &Path) -> Box<dyn Engine> {
    Box::new(Sled::open(folder, CACHE).unwrap())
}

fn redb(folder: &Path) -> Box<dyn Engine> {
    let file = folder.join("data.redb");
    Box::new(if file.exists() { Redb::open(&file, CACHE, true) } else { Redb::create(&file, CACHE) }.unwrap())
}

/// Runs a test on each engine, fresh.
fn on_each(test: impl Fn(&dyn Engine)) {
    test(&Memory::default());
    for open in [sled, redb] {
        let folder = tempfile::tempdir().unwrap();
        test(&*open(folder.path()));
    }
}

fn put(engine: &dyn Engine, table: TableId, pairs: &[(&[u8], &[u8])]) {
    let changes: Vec<_> = pairs.iter().map(|(key, value)| Change::Put { table, key, value }).collect();
    engine.commit(&changes).unwrap();
}

fn keys(pairs: Vec<Pair>) -> Vec<Vec<u8>> {
    pairs.into_iter().map(|(key, _)| key.to_vec()).collect()
}

#[test]
fn a_value_is_read_as_it_was_put_and_gone_once_deleted() {
    on_each(|engine| {
        let large = vec![7; 300_000];
        put(engine, ROOMS, &[(b"a", b"1"), (b"empty", b""), (b"", b"no key"), (b"large", &large)]);
        assert_eq!(engine.get(ROOMS, b"a").unwrap().as_deref(), Some(&b"1"[..]));
        assert_eq!(engine.get(ROOMS, b"empty").unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(engine.get(ROOMS, b"").unwrap().as_deref(), Some(&b"no key"[..]));
        assert_eq!(engine.get(ROOMS, b"large").unwrap().as_deref(), Some(&large[..]));
        put(engine, ROOMS, &[(b"a", b"2")]);
        assert_eq!(engine.get(ROOMS, b"a").unwrap().as_deref(), Some(&b"2"[..]));
        engine.commit(&[Change::Delete { table: ROOMS, key: b"a" }]).unwrap();
        engine.commit(&[Change::Delete { table: ROOMS, key: b"never there" }]).unwrap();
        assert_eq!(engine.get(ROOMS, b"a").unwrap(), None);
    });
}

#[test]
fn tables_do_not_see_each_other() {
    on_each(|engine| {
        put(engine, ROOMS, &[(b"a", b"room")]);
        put(engine, NICKS, &[(b"a", b"nick"), (b"b", b"nick")]);
        assert_eq!(engine.get(ROOMS, b"b").unwrap(), None);
        assert_eq!(keys(engine.scan(ROOMS, &Span::all()).unwrap()), [b"a"]);
        assert_eq!(keys(engine.scan(NICKS, &Span::all().reverse()).unwrap()), [b"b", b"a"]);
    });
}

#[test]
fn scans_are_in_the_order_of_bytes_within_bounds_both_ways_and_up_to_the_limit() {
    on_each(|engine| {
        let all: [&[u8]; 7] = [b"", b"\0", b"a", b"a\0", b"ab", b"b", b"\xff\xff"];
        put(engine, ROOMS, &all.map(|key| (key, key)));
        let bounds = |key: &'static [u8]| [Included(key), Excluded(key)];
        let mut starts = vec![Unbounded];
        starts.extend(all.into_iter().chain([&b"aa"[..]]).flat_map(bounds));
        for start in &starts {
            for end in &starts {
                for limit in [0, 1, 3, usize::MAX] {
                    for reverse in [false, true] {
                        let span = Span { start: *start, end: *end, reverse, limit };
                        let found = keys(engine.scan(ROOMS, &span).unwrap());
                        assert_eq!(found, naive(&all, &span), "{span:?}");
                    }
                }
            }
        }
    });
}

fn naive(all: &[&[u8]], span: &Span<'_>) -> Vec<Vec<u8>> {
    let after = |key: &[u8], start: Bound<&[u8]>| match start {
        Included(start) => key >= start,
        Excluded(start) => key > start,
        Unbounded => true,
    };
    let before = |key: &[u8], end: Bound<&[u8]>| match end {
        Included(end) => key <= end,
        Excluded(end) => key < end,
        Unbounded => true,
    };
    let mut found: Vec<Vec<u8>> = all
        .iter()
        .filter(|key| after(key, span.start) && before(key, span.end))
        .map(|key| key.to_vec())
        .collect();
    if span.reverse {
        found.reverse();
    }
    found.truncate(span.limit);
    found
}

#[test]
fn a_commit_whose_expectation_fails_changes_nothing() {
    on_each(|engine| {
        put(engine, ROOMS, &[(b"a", b"1")]);
        let write = Change::Put { table: ROOMS, key: b"b", value: b"2" };
        for (key, value) in [(b"a", None), (b"a", Some(&b"2"[..])), (b"c", Some(&b"1"[..]))] {
            let expect = Change::Expect { table: ROOMS, key, value };
            assert_eq!(engine.commit(&[write, expect]), Err(StoreError::Conflict));
            assert_eq!(engine.commit(&[expect, write]), Err(StoreError::Conflict));
        }
        assert_eq!(engine.get(ROOMS, b"b").unwrap(), None);
        let good = [
            Change::Expect { table: ROOMS, key: b"a", value: Some(b"1") },
            Change::Expect { table: NICKS, key: b"a", value: None },
        ];
        engine.commit(&[good[0], good[1], write]).unwrap();
        assert_eq!(engine.get(ROOMS, b"b").unwrap().as_deref(), Some(&b"2"[..]));
    });
}

#[test]
fn a_reader_never_sees_half_of_a_commit() {
    on_each(|engine| {
        put(engine, ROOMS, &[(b"a", b"0"), (b"b", b"0")]);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..200 {
                    let value = n.to_string();
                    put(engine, ROOMS, &[(b"b", value.as_bytes()), (b"a", value.as_bytes())]);
                }
            });
            // `b` is written before `a` and read after it: it is never older.
            for _ in 0..200 {
                let read = |key| {
                    let value = engine.get(ROOMS, key).unwrap().unwrap();
                    std::str::from_utf8(&value).unwrap().parse::<u32>().unwrap()
                };
                let a = read(b"a");
                assert!(read(b"b") >= a);
            }
        });
    });
}

#[test]
fn random_commits_end_as_in_a_plain_map() {
    on_each(|engine| {
        let mut map: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut seed = 0x2545_f491_4f6c_dd1du64;
        let mut dice = |bound: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % bound
        };
        for _ in 0..200 {
            let rows: Vec<(Vec<u8>, Option<Vec<u8>>)> = (0..dice(8))
                .map(|_| {
                    let key = vec![dice(4) as u8; dice(6) as usize + 1];
                    (key, (dice(3) > 0).then(|| vec![dice(256) as u8; dice(2000) as usize]))
                })
                .collect();
            let changes: Vec<_> = rows
                .iter()
                .map(|(key, value)| match value {
                    Some(value) => Change::Put { table: ROOMS, key, value },
                    None => Change::Delete { table: ROOMS, key },
                })
                .collect();
            engine.commit(&changes).unwrap();
            for (key, value) in rows {
                match value {
                    Some(value) => map.insert(key, value),
                    None => map.remove(&key),
                };
            }
        }
        let found = engine.scan(ROOMS, &Span::all()).unwrap();
        let found: BTreeMap<_, _> =
            found.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
        assert_eq!(found, map);
    });
}

#[test]
fn what_was_synced_is_there_when_it_is_opened_again() {
    for open in [sled, redb] {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..3u8 {
            let engine = open(folder.path());
            assert_eq!(engine.scan(ROOMS, &Span::all()).unwrap().len(), usize::from(round));
            put(&*engine, ROOMS, &[(&[round], b"value")]);
            engine.sync().unwrap();
        }
    }
}

#[test]
fn large_values_survive_being_written_over_and_opened_again() {
    for open in [sled, redb] {
        let folder = tempfile::tempdir().unwrap();
        let value = |n: u8, round: u8| vec![n ^ round; 60_000 + usize::from(n) * 1000];
        for round in 0..3u8 {
            let engine = open(folder.path());
            for n in 0..40u8 {
                if round > 0 {
                    assert_eq!(engine.get(ROOMS, &[n]).unwrap().as_deref(), Some(&value(n, round - 1)[..]));
                }
                put(&*engine, ROOMS, &[(&[n], &value(n, round))]);
                if n % 10 == 0 {
                    engine.sync().unwrap();
                }
            }
            engine.sync().unwrap();
        }
    }
}
