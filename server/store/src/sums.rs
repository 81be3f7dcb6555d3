//! A sum over the files of an engine, taken when it is closed and compared when it is opened again.
//!
//! Engines find out about rotten bytes when they read them, and sled steps over a damaged piece of its log as if it had
//! not been written. Comparing all files first costs a fraction of a second for what most servers hold.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Up to this size files are summed without being asked.
pub(crate) const QUICK: u64 = 1024 * 1024 * 1024;

/// Names, lengths and contents of all files below a folder.
pub(crate) fn sum(folder: &Path) -> io::Result<u64> {
    let mut files = files(folder)?;
    files.sort();
    let (mut one, mut other) = (crc32fast::Hasher::new(), crc32fast::Hasher::new_with_initial(0x7269_616c));
    let mut buffer = vec![0; 256 * 1024];
    for file in files {
        let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().into_owned();
        other.update(name.as_bytes());
        let mut file = File::open(&file)?;
        let mut length = 0u64;
        loop {
            let read = file.read(&mut buffer)?;
            let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
            one.update(part);
            length += read as u64;
        }
        other.update(&length.to_le_bytes());
    }
    Ok(u64::from(one.finalize()) << 32 | u64::from(other.finalize()))
}

/// Bytes of all files below a folder.
pub(crate) fn size(folder: &Path) -> u64 {
    let lengths =
        files(folder).unwrap_or_default().into_iter().filter_map(|file| Some(fs::metadata(file).ok()?.len()));
    lengths.sum()
}

/// Waits until no thread of an engine that was let go of still has this file open (and locked).
pub(crate) fn is_let_go(file: &Path, patience: Duration) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        match File::open(file).map(|file| file.try_lock()) {
            Ok(Ok(())) => return true,
            Ok(Err(fs::TryLockError::WouldBlock)) => std::thread::sleep(Duration::from_millis(1)),
            _ => return false,
        }
    }
    false
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_to_any_file_changes_the_sum() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("blobs")).unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("blobs/two"));
        fs::write(&one, "abc").unwrap();
        fs::write(&two, "def").unwrap();
        let before = sum(folder.path()).unwrap();
        assert_eq!(sum(folder.path()).unwrap(), before);
        for (a, b) in [("abd", "def"), ("abcd", "ef"), ("abc", ""), ("", "abcdef")] {
            fs::write(&one, a).unwrap();
            fs::write(&two, b).unwrap();
            assert_ne!(sum(folder.path()).unwrap(), before, "{a} {b}");
        }
        assert_eq!(size(folder.path()), 6);
    }
}
