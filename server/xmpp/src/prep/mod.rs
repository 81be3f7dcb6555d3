//! RFC 7622 §3: how the parts of an address are prepared, with a fast path for plain ASCII.

mod domain;
mod escaping;
mod local;
mod nick;
mod resource;
mod unseen;

use std::borrow::Cow;

pub use domain::{domainpart, to_ascii};
pub use escaping::{escape, unescape};
pub use local::localpart;
pub use nick::{alike, likeness};
pub use resource::{clean_resourcepart, resourcepart};

use crate::jid::{JidError, MAX_PART};

/// Longest text that is looked at with tables; normalising never makes a text four times shorter.
const MAX_RAW: usize = 4 * MAX_PART;

/// §3.1: no part is empty or longer than 1023 bytes.
fn bounded(part: Cow<'_, str>) -> Result<Cow<'_, str>, JidError> {
    match part.len() {
        0 => Err(JidError::Empty),
        1..=MAX_PART => Ok(part),
        _ => Err(JidError::TooLong),
    }
}
