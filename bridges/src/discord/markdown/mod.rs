//! Discord's markdown and its names in angle brackets ↔ spans.
//!
//! Read with a small parser rather than a chain of replacements: what is code stays code, what is escaped stays words, and
//! an address keeps its underscores. Written so that nothing that was words on another network becomes markup here, and
//! nobody is alerted but those whom a span means.

mod inline;
mod names;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub use names::Names;
pub use read::read;
pub use write::write;

/// What is invisible between two characters that must not meet.
const BREAK: char = '\u{200B}';
