//! Input of strangers: one function for each place where it comes in, asserting what must hold for whatever comes.
//!
//! `tests/fuzz` feeds them by chance that learns, `tests/seeded.rs` by chance that repeats; both begin with the files of
//! `fuzz/corpus`.

mod irc;
pub mod mutate;
mod xmpp;

pub use irc::{degrade, irc_formatting, irc_line};
pub use xmpp::{framer, jid, parse};

/// A place where input comes in.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Panics where something does not hold.
    pub feed: fn(&[u8]),
    /// What is worth putting into an input.
    pub words: &'static [&'static str],
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "framer", feed: framer, words: xmpp::XML },
    Target { name: "parse", feed: parse, words: xmpp::XML },
    Target { name: "jid", feed: jid, words: xmpp::JID },
    Target { name: "irc-line", feed: irc_line, words: irc::LINE },
    Target { name: "irc-formatting", feed: irc_formatting, words: irc::CODES },
    Target { name: "degrade", feed: degrade, words: irc::CODES },
];
