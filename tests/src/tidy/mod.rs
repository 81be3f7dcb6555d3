//! Tidiness: what the house promises about its own source, checked by reading it.
//!
//! A check takes a [`Tree`] and gives back [`Finding`]s. It reads Rust with [`source::Source`], which knows strings
//! and comments and nothing else of the language: enough for every rule here, and quick.

pub mod floors;
pub mod names;
pub mod places;
pub mod sizes;
pub mod source;
pub mod support;

use std::fmt;
use std::path::Path;
use std::process::Command;

use source::Source;

/// One thing that is not as the house wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where, from the top of the repository.
    pub path: String,
    /// The line, counted from 1; 0 where the whole file is meant.
    pub line: usize,
    /// What is wrong, as a sentence.
    pub says: String,
}

impl Finding {
    /// A finding at one line of a file.
    pub fn new(path: &str, line: usize, says: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, says: says.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.says),
            line => write!(f, "{}:{line}: {}", self.path, self.says),
        }
    }
}

/// A file of the repository. Those that are no UTF-8 have an empty text.
pub struct File {
    /// From the top of the repository, with `/`.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

/// A Rust file, read.
pub struct Rust {
    /// From the top of the repository, with `/`.
    pub path: String,
    /// The text and what it is made of.
    pub source: Source,
    /// The whole file is compiled for tests only.
    pub test: bool,
}

/// The repository, or a small made-up one.
pub struct Tree {
    /// Every file, in the order of its path.
    pub files: Vec<File>,
    /// The Rust among them.
    pub rust: Vec<Rust>,
}

impl Tree {
    /// The repository that holds `top`: what git tracks there, and what it would track.
    ///
    /// # Errors
    /// Where git does not run or a file cannot be read.
    pub fn of_repository(top: &Path) -> std::io::Result<Tree> {
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(top)
            .output()?;
        if !listed.status.success() {
            return Err(std::io::Error::other(String::from_utf8_lossy(&listed.stderr).into_owned()));
        }
        let mut files = Vec::new();
        for path in String::from_utf8_lossy(&listed.stdout).split_terminator('\0') {
            match std::fs::read(top.join(path)) {
                Ok(bytes) => {
                    let text = String::from_utf8(bytes).unwrap_or_default();
                    files.push(File { path: path.to_owned(), text });
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {} // deleted, not yet committed
                Err(error) => return Err(error),
            }
        }
        Ok(Tree::new(files))
    }

    /// A tree made up of (path, text).
    pub fn made_up(files: &[(&str, &str)]) -> Tree {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        Tree::new(files.iter().map(file).collect())
    }

    fn new(mut files: Vec<File>) -> Tree {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        let read = |file: &File| (file.path.clone(), Source::read(&file.text));
        let read: Vec<_> = files.iter().filter(|file| file.path.ends_with(".rs")).map(read).collect();
        let tests = test_modules(&read);
        let rust = read.into_iter().map(|(path, source)| {
            let test = tests.iter().any(|module| belongs(&path, module)) || for_tests_only(&path);
            Rust { path, source, test }
        });
        Tree { rust: rust.collect(), files }
    }

    /// The text of one file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }
}

/// Every check over the tree.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = floors::check(tree);
    findings.extend(names::check(tree));
    findings.extend(places::check(tree));
    findings.extend(sizes::check(tree));
    findings.extend(support::check(tree));
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    findings
}

/// The folder in which the submodules of a file lie: `a/b.rs` and `a/b/mod.rs` both give `a/b`.
pub(crate) fn module_folder(path: &str) -> &str {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let root = |name: &str| stem.strip_suffix(name).and_then(|rest| rest.strip_suffix('/'));
    root("mod").or_else(|| root("lib")).or_else(|| root("main")).unwrap_or(stem)
}

/// `#[cfg(test)] mod name;` makes a file of its own a test.
fn test_modules(read: &[(String, Source)]) -> Vec<String> {
    let mut modules = Vec::new();
    for (path, source) in read {
        for name in source.test_module_files() {
            modules.push(format!("{}/{name}", module_folder(path)));
        }
    }
    modules
}

fn belongs(path: &str, module: &str) -> bool {
    let rest = path.strip_prefix(module);
    rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// The crate of tests, Cargo's test and bench folders, and what exists to be tested against.
fn for_tests_only(path: &str) -> bool {
    let mut folders: Vec<&str> = path.split('/').collect();
    let name = folders.pop().unwrap_or_default();
    folders.iter().any(|folder| ["tests", "benches", "fake", "contract"].contains(folder))
        || ["fake.rs", "contract.rs", "probe.rs", "loopback.rs"].contains(&name)
        || name.ends_with("_tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_declared_for_tests_is_a_test_file() {
        let tree = Tree::made_up(&[
            ("server/src/a.rs", "#[cfg(test)]\nmod cases;\nmod real;\n"),
            ("server/src/a/cases.rs", ""),
            ("server/src/a/real.rs", ""),
        ]);
        let tests: Vec<_> =
            tree.rust.iter().filter(|file| file.test).map(|file| file.path.as_str()).collect();
        assert_eq!(tests, ["server/src/a/cases.rs"]);
    }

    #[test]
    fn a_finding_says_where_it_is() {
        assert_eq!(Finding::new("a.rs", 3, "is wrong").to_string(), "a.rs:3: is wrong");
        assert_eq!(Finding::new("a.rs", 0, "is wrong").to_string(), "a.rs: is wrong");
    }
}
