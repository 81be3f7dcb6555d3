//! Places: what stands at the top of the repository, and no path of one machine anywhere.

use super::{Finding, Tree};

const TOP: &[&str] = &["Cargo.toml", "README.md", "bridges", "certs", "config", "server", "tests"];
const BESIDE: &[&str] = &["Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT"];

/// Folders that exist on one machine and not on the next.
const MACHINE: &[&str] = &["work", "root", "home", "farm", "Users"];

/// The top level, and absolute paths.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = top_level(tree);
    for file in &tree.files {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(folder) = MACHINE.iter().find(|folder| names_folder(line, folder)) {
                let says = format!("holds a path of one machine (below {folder})");
                findings.push(Finding::new(&file.path, number + 1, says));
            }
        }
    }
    findings
}

fn top_level(tree: &Tree) -> Vec<Finding> {
    let mut there: Vec<&str> =
        tree.files.iter().map(|file| file.path.split('/').next().unwrap_or_default()).collect();
    there.sort_unstable();
    there.dedup();
    let odd =
        there.iter().filter(|name| !name.starts_with('.') && !TOP.contains(name) && !BESIDE.contains(name));
    let missing = TOP.iter().filter(|name| !there.contains(name));
    let odd = odd.map(|name| Finding::new(name, 0, "does not belong at the top level"));
    odd.chain(missing.map(|name| Finding::new(name, 0, "is missing at the top level"))).collect()
}

fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = &line[..at];
        let Some(before) = before.strip_suffix('/') else { return false };
        let begins = !before.ends_with(|c: char| c.is_alphanumeric() || "_.~/}$".contains(c));
        let after = line[at + folder.len()..].strip_prefix('/');
        begins && after.is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Vec<(&'static str, &'static str)> {
        let file = |name: &&'static str| (*name, "");
        TOP.iter().chain(BESIDE).map(file).chain([(".gitignore", "")]).collect()
    }

    #[test]
    fn the_top_level_is_exactly_what_was_agreed() {
        assert_eq!(check(&Tree::made_up(&whole())), []);
        let mut more = whole();
        more.push(("docs/index.md", ""));
        more.retain(|(path, _)| *path != "certs");
        let says: Vec<_> = check(&Tree::made_up(&more)).iter().map(ToString::to_string).collect();
        assert_eq!(says, ["docs: does not belong at the top level", "certs: is missing at the top level"]);
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        for folder in MACHINE {
            assert!(names_folder(&format!("see \"/{folder}/me/x\""), folder), "{folder}");
        }
        assert!(!names_folder("https://example.org/home/me", "home"));
        assert!(!names_folder("the /home of", "home"));
    }
}
