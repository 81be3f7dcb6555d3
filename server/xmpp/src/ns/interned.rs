//! A namespace's name as elements hold it.

use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use super::KNOWN;
use super::tail::Tail;

/// A namespace name: one of [`KNOWN`] without allocation, or a shared string. Cloning is cheap.
#[derive(Clone)]
pub struct Ns(Repr);

#[derive(Clone)]
enum Repr {
    Known(&'static str),
    Other(Arc<str>),
}

impl Ns {
    /// The namespace of this name; a known one costs no allocation.
    pub fn new(name: &str) -> Ns {
        match INDEX.get(name) {
            Some(known) => Ns(Repr::Known(known)),
            None => Ns(Repr::Other(name.into())),
        }
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Known(name) => name,
            Repr::Other(name) => name,
        }
    }
}

impl From<&'static str> for Ns {
    fn from(name: &'static str) -> Ns {
        Ns(Repr::Known(name))
    }
}

impl From<&Ns> for Ns {
    fn from(ns: &Ns) -> Ns {
        ns.clone()
    }
}

impl Deref for Ns {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Ns {
    fn eq(&self, other: &Ns) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Ns {}

impl PartialEq<str> for Ns {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Ns {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Ns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

static INDEX: LazyLock<HashSet<&'static str, BuildHasherDefault<Tail>>> =
    LazyLock::new(|| KNOWN.iter().copied().collect());
