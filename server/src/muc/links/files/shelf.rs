//! Where files of other networks are kept, as links see it: the uploads of this server.

use std::time::SystemTime;

use crate::features::Fut;

/// A place for files that can be had under an address of ours.
pub trait Shelf: Send + Sync + 'static {
    /// Whether its addresses are known yet.
    fn is_open(&self) -> bool;

    /// Bytes of the largest file that it takes.
    fn largest(&self) -> u64;

    /// Keeps a file. The file is whole when its address comes back; the error is for people.
    fn keep(&self, file: File) -> Fut<'_, Result<Shelved, String>>;

    /// Where the file of this id can be had; `None`: there is none, or not any more.
    fn url(&self, id: &str) -> Option<String>;

    /// Removes the file of this id; nothing, where there is none. The error is for the log.
    fn remove<'a>(&'a self, id: &'a str) -> Fut<'a, Result<(), String>>;

    /// All files of an owner. The error is for the log.
    fn owned(&self, owner: &str) -> Result<Vec<Shelved>, String>;
}

/// A file to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Whose it is: an address of any kind.
    pub owner: String,
    /// Its name, whatever it is.
    pub name: String,
    /// `type/subtype`, whatever it is.
    pub kind: String,
    /// All of it.
    pub bytes: Vec<u8>,
    /// It is a picture of somebody, which stays until another one comes.
    pub is_face: bool,
    /// When it must be gone.
    pub before: Option<SystemTime>,
}

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelved {
    /// What it is known by here.
    pub id: String,
    /// Where it can be had.
    pub url: String,
    /// Its name, harmless.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// When it came.
    pub created: SystemTime,
}
