//! XEP-0227 §6: files of exports are for their owner alone (mode 0600), and never take the place of another file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rialto_store::Store;

use super::{ExportError, Reader, Whose, write};
use crate::random;

/// How old an export in the folder is that nobody will fetch any more.
const LEFT: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes a file that nobody else may read.
///
/// # Errors
/// There is one, or the disk says no.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes an export for the operator to a new file; says how many accounts are in it. Blocks.
///
/// # Errors
/// [`ExportError`]; there is no file then.
pub fn to_file(store: &Store, whose: &Whose, path: &Path) -> Result<u64, ExportError> {
    let mut file = create(path)?;
    let written = write(store, whose, Reader::Operator, &mut file)
        .and_then(|count| file.sync_all().map(|()| count).map_err(ExportError::from));
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written
}

/// The same, to a new file in a folder of ours, for a command line to fetch. Blocks.
///
/// # Errors
/// [`ExportError`]; there is no file then.
pub fn to_folder(store: &Store, whose: &Whose, folder: &Path) -> Result<(PathBuf, u64), ExportError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    forget(folder);
    let path = folder.join(format!("{}.xml", random::token()));
    let count = to_file(store, whose, &path)?;
    Ok((path, count))
}

/// Copies an export to a new file, and removes the first. Blocks.
///
/// # Errors
/// The disk says no; there is no second file then.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut target = create(to)?;
    let copied = File::open(from)
        .and_then(|mut source| io::copy(&mut source, &mut target))
        .and_then(|_| target.sync_all());
    if copied.is_err() {
        let _ = std::fs::remove_file(to);
    }
    let _ = std::fs::remove_file(from);
    copied
}

/// Removes what a command line that was killed has not fetched.
fn forget(folder: &Path) {
    let too_old = |path: &Path| {
        let written = path.metadata().and_then(|known| known.modified()).ok();
        written.and_then(|at| SystemTime::now().duration_since(at).ok()).is_some_and(|age| age > LEFT)
    };
    let there = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in there.map(|entry| entry.path()).filter(|path| too_old(path)) {
        let _ = std::fs::remove_file(path);
    }
}
