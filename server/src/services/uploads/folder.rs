//! Uploaded files on the disk. A file is whole at its place, or not there at all.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt;

/// Where files stand while they come. In the same file system, so that moving them is one step.
const ARRIVING: &str = "arriving";

/// The length of an id: 128 random bits in hexadecimal.
const ID: usize = 32;

/// The folder of uploaded files.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// A file that is on its way. Dropping it before it is at its place removes it.
#[derive(Debug)]
pub struct Draft {
    /// `None` once it is on the disk.
    file: Option<tokio::fs::File>,
    from: PathBuf,
    to: PathBuf,
    placed: bool,
}

impl Folder {
    /// The folder, made when it is not there, for the server alone. Blocks.
    ///
    /// # Errors
    /// It cannot be made, or not be written to.
    pub fn open(root: &Path) -> io::Result<Folder> {
        DirBuilder::new().recursive(true).mode(0o700).create(root.join(ARRIVING))?;
        Ok(Folder { root: root.to_owned() })
    }

    /// Ids of the files that were on their way when the server ended. Blocks.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn leftovers(&self) -> io::Result<Vec<String>> {
        let entries = std::fs::read_dir(self.root.join(ARRIVING))?;
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        Ok(names.filter(|name| is_id(name)).collect())
    }

    /// Removes a file that was on its way. Blocks.
    ///
    /// # Errors
    /// It is still there.
    pub fn sweep(&self, id: &str) -> io::Result<()> {
        gone(std::fs::remove_file(self.root.join(ARRIVING).join(id)))
    }

    /// A new file begins to come.
    ///
    /// # Errors
    /// The disk says no.
    pub async fn begin(&self, id: &str) -> io::Result<Draft> {
        let (from, to) = (self.root.join(ARRIVING).join(id), self.place(id)?);
        let path = from.clone();
        let made = tokio::task::spawn_blocking(move || {
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
        });
        let file = made.await.map_err(io::Error::other)??;
        Ok(Draft { file: Some(tokio::fs::File::from_std(file)), from, to, placed: false })
    }

    /// A whole file, to be read. `None`: it is not there.
    ///
    /// # Errors
    /// The disk says no.
    pub async fn read(&self, id: &str) -> io::Result<Option<tokio::fs::File>> {
        let Ok(path) = self.place(id) else { return Ok(None) };
        match tokio::fs::File::open(path).await {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a whole file, if it is there. Blocks.
    ///
    /// # Errors
    /// It is still there.
    pub fn remove(&self, id: &str) -> io::Result<()> {
        gone(std::fs::remove_file(self.place(id)?))
    }

    /// Bytes that the disk has left. Blocks.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn free(&self) -> io::Result<u64> {
        let found = rustix::fs::statvfs(&self.root)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Two hundred and fifty-six folders, so that none gets too full.
    fn place(&self, id: &str) -> io::Result<PathBuf> {
        let (shard, _) = id.split_at_checked(2).filter(|_| is_id(id)).ok_or(ErrorKind::InvalidInput)?;
        Ok(self.root.join(shard).join(id))
    }
}

impl Draft {
    /// More of it.
    ///
    /// # Errors
    /// The disk says no: it is full, for example.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(bytes).await,
            None => Err(ErrorKind::BrokenPipe.into()),
        }
    }

    /// All of it is on the disk, though not at its place yet.
    ///
    /// # Errors
    /// The disk says no.
    pub async fn sync(&mut self) -> io::Result<()> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        file.flush().await?;
        file.sync_all().await
    }

    /// Puts it at its place, durably. The draft is for dropping then.
    ///
    /// # Errors
    /// The disk says no; it is nowhere once the draft is dropped.
    pub async fn put(&mut self) -> io::Result<()> {
        let (from, to) = (self.from.clone(), self.to.clone());
        let moved = tokio::task::spawn_blocking(move || place(&from, &to)).await;
        moved.map_err(io::Error::other)??;
        self.placed = true;
        Ok(())
    }
}

impl Draft {
    /// Removes it at once. Blocks.
    pub fn discard(mut self) {
        remove_both(&self.from, &self.to);
        self.placed = true; // nothing is left to be removed
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.placed {
            return;
        }
        let (from, to) = (std::mem::take(&mut self.from), std::mem::take(&mut self.to));
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || remove_both(&from, &to))),
            Err(_) => remove_both(&from, &to),
        }
    }
}

/// Whether this can be the id of a file: only such ever become part of a path.
pub fn is_id(text: &str) -> bool {
    text.len() == ID && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn place(from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().ok_or(ErrorKind::InvalidInput)?;
    let made = DirBuilder::new().mode(0o700).create(folder);
    match made {
        // A new folder has to be found again after a power cut, too.
        Ok(()) => folder.parent().map_or(Ok(()), |root| File::open(root)?.sync_all())?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    std::fs::rename(from, to)?;
    File::open(folder)?.sync_all()
}

fn remove_both(from: &Path, to: &Path) {
    for path in [from, to] {
        if let Err(error) = gone(std::fs::remove_file(path)) {
            tracing::warn!(path = %path.display(), %error, "the rest of an upload could not be removed");
        }
    }
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    const ONE: &str = "00112233445566778899aabbccddeeff";

    fn files(root: &Path) -> usize {
        let folders = std::fs::read_dir(root).unwrap().flatten();
        folders.map(|folder| std::fs::read_dir(folder.path()).unwrap().count()).sum()
    }

    async fn wait_for_files(root: &Path, count: usize) {
        while files(root) != count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_file_is_whole_or_not_there() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        let mut draft = folder.begin(ONE).await.unwrap();
        draft.write(b"what's in ").await.unwrap();
        assert!(folder.read(ONE).await.unwrap().is_none());
        assert_eq!(folder.leftovers().unwrap(), [ONE]);
        draft.write(b"a name").await.unwrap();
        draft.sync().await.unwrap();
        draft.put().await.unwrap();
        drop(draft);
        let mut text = String::new();
        folder.read(ONE).await.unwrap().unwrap().read_to_string(&mut text).await.unwrap();
        assert_eq!((text.as_str(), folder.leftovers().unwrap().len()), ("what's in a name", 0));
        folder.remove(ONE).unwrap();
        folder.remove(ONE).unwrap();
        assert_eq!(files(root.path()), 0);
    }

    #[tokio::test]
    async fn what_does_not_become_whole_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        let mut draft = folder.begin(ONE).await.unwrap();
        draft.write(b"half").await.unwrap();
        assert!(folder.begin(ONE).await.is_err());
        drop(draft);
        wait_for_files(root.path(), 0).await;
        let mut draft = folder.begin(ONE).await.unwrap();
        draft.write(b"killed").await.unwrap();
        std::mem::forget(draft);
        let again = Folder::open(root.path()).unwrap();
        again.sweep(ONE).unwrap();
        assert_eq!(files(root.path()), 0);
    }

    #[tokio::test]
    async fn only_ids_become_paths() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        let upper = ONE.to_uppercase();
        for id in [
            "../../../../../etc/passwd",
            "",
            "..",
            "arriving",
            &ONE[1..],
            &upper,
            "0/112233445566778899aabbccddeeff",
        ] {
            assert!(folder.begin(id).await.is_err(), "{id}");
            assert!(folder.read(id).await.unwrap().is_none() && folder.remove(id).is_err());
        }
        assert!(folder.free().unwrap() > 0);
    }
}
