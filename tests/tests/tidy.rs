//! The house is tidy: each check over the whole repository. `BLESS=1` writes README's XEP table anew.

use std::path::{Path, PathBuf};

use rialto_tests::tidy::{self, Finding, Tree, floors, names, places, sizes, support};

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn house() -> Tree {
    let tree = Tree::of_repository(&top()).expect("git lists the repository");
    assert!(tree.rust.len() > 5, "the repository was not read");
    tree
}

fn must_be_tidy(findings: Vec<Finding>) {
    let lines: Vec<_> = findings.iter().map(|finding| format!("  {finding}\n")).collect();
    assert!(lines.is_empty(), "{} findings:\n{}", lines.len(), lines.concat());
}

#[test]
fn nobody_looks_up_and_no_feature_names_another() {
    must_be_tidy(floors::check(&house()));
}

#[test]
fn names_are_the_fields_own() {
    must_be_tidy(names::check(&house()));
}

#[test]
fn everything_stands_in_its_place() {
    must_be_tidy(places::check(&house()));
}

#[test]
fn files_and_functions_can_be_seen_at_once() {
    must_be_tidy(sizes::check(&house()));
}

#[test]
fn what_is_said_to_be_supported_is_there() {
    if std::env::var_os("BLESS").is_some()
        && let Some(readme) = support::readme_made_anew(&house())
    {
        std::fs::write(top().join("README.md"), readme).expect("README.md can be written");
    }
    must_be_tidy(support::check(&house()));
}

#[test]
fn all_checks_are_run_here() {
    let untidy = Tree::made_up(&[(
        "server/src/features/a.rs",
        "use crate::router;\nfn get_a() { panic!() }\n// /ro".to_owned().as_str(),
    )]);
    assert!(tidy::check(&untidy).len() >= 4, "{:?}", tidy::check(&untidy));
}
