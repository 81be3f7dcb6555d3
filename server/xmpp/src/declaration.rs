//! RFC 6120 §11.4, §11.6: the XML declaration a stream may begin with: version 1.0, encoding UTF-8.

use crate::error::{StreamCondition, StreamError};
use crate::framer::is_space;

/// Checks `<?xml … ?>`.
///
/// # Errors
/// `unsupported-encoding` for another encoding than UTF-8, `not-well-formed` for all else.
pub(crate) fn check(declaration: &[u8]) -> Result<(), StreamError> {
    let bad = || StreamError::from(StreamCondition::NotWellFormed);
    let text = std::str::from_utf8(declaration).map_err(|_| bad())?;
    let inner = text.strip_prefix("<?xml").and_then(|rest| rest.strip_suffix("?>")).ok_or_else(bad)?;
    let (version, rest) = field(inner, "version").ok_or_else(bad)?;
    if version != "1.0" {
        return Err(bad());
    }
    let (encoding, rest) = match field(rest, "encoding") {
        Some((encoding, rest)) => (Some(encoding), rest),
        None => (None, rest),
    };
    let rest = match field(rest, "standalone") {
        Some(("yes" | "no", rest)) => rest,
        Some(_) => return Err(bad()),
        None => rest,
    };
    if !rest.bytes().all(is_space) {
        return Err(bad());
    }
    match encoding {
        Some(encoding) if !encoding.eq_ignore_ascii_case("utf-8") => {
            Err(StreamCondition::UnsupportedEncoding.into())
        }
        _ => Ok(()),
    }
}

/// ` name = 'value'` at the beginning of `text`: the value and what is left.
fn field<'t>(text: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let space = |c: char| u8::try_from(c).is_ok_and(is_space);
    let rest = text.strip_prefix(space)?.trim_start_matches(space).strip_prefix(name)?;
    let rest = rest.trim_start_matches(space).strip_prefix('=')?.trim_start_matches(space);
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    rest.get(1..)?.split_once(quote)
}
