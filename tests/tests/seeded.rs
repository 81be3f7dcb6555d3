//! What fuzzing feeds, fed a little each time: the corpus as it is, and 10,000 mutations of it from a seed.
//!
//! `SEED=7 cargo test --test seeded` plays other mutations.

use std::path::Path;

use rialto_tests::inputs::mutate::Dice;
use rialto_tests::inputs::{TARGETS, Target};

const MUTATIONS: usize = 10_000;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.into_iter().map(|path| std::fs::read(path).expect("the corpus can be read")).collect()
}

fn feed(target: &Target, input: &[u8], which: &str) {
    let fed = std::panic::catch_unwind(|| (target.feed)(input));
    assert!(fed.is_ok(), "{} breaks at {which}: {:?}", target.name, String::from_utf8_lossy(input));
}

fn play(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of that name");
    let corpus = corpus(name);
    for (number, input) in corpus.iter().enumerate() {
        feed(target, input, &format!("input {number} of the corpus"));
    }
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut dice = Dice::new(seed);
    for number in 0..MUTATIONS {
        let input = dice.mutation(&corpus, target.words);
        feed(target, &input, &format!("mutation {number} of seed {seed}"));
    }
}

#[test]
fn every_target_has_a_corpus() {
    TARGETS.iter().for_each(|target| assert!(corpus(target.name).len() >= 3, "{}", target.name));
}

#[test]
fn streams_are_cut_the_same_in_all_sizes() {
    play("framer");
}

#[test]
fn what_is_read_is_written_to_be_read_again() {
    play("parse");
}

#[test]
fn addresses_stay_what_they_are() {
    play("jid");
}

#[test]
fn lines_of_irc_hold_no_second_line() {
    play("irc-line");
}

#[test]
fn codes_of_irc_never_stay_in_the_words() {
    play("irc-formatting");
}

#[test]
fn what_goes_to_a_network_fits_there() {
    play("degrade");
}
