//! XML 1.0 §2.2, §2.3, §2.11, §4.1: characters, names, line ends and references.

use memchr::{memchr, memchr_iter};

use crate::error::{StreamCondition, StreamError};

/// §2.3: white space.
pub(crate) const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// §2.2: refuses what no document may hold: control characters, U+FFFE and U+FFFF. The bytes are UTF-8.
pub(crate) fn check(bytes: &[u8]) -> Result<(), StreamError> {
    let forbidden = |byte: u8| byte < 0x20 && byte != b'\t' && byte != b'\n' && byte != b'\r';
    // No early end: so it runs many bytes at a time.
    let control = bytes.iter().fold(false, |found, byte| found | forbidden(*byte));
    let noncharacter = |at: usize| matches!(bytes.get(at + 1..at + 3), Some([0xbf, 0xbe | 0xbf]));
    if control || memchr_iter(0xef, bytes).any(noncharacter) {
        return Err(StreamCondition::NotWellFormed.into());
    }
    Ok(())
}

/// §2.2: one character, as a reference may name it.
fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// What a byte may be, for the loops over names and values.
const NAME: u8 = 1;
const NAME_START: u8 = 2;
/// In an attribute value: `<`, `&` and white space other than the space.
const SPECIAL: u8 = 4;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut at = 0;
    while at < classes.len() {
        let byte = at as u8;
        classes[at] = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => NAME | NAME_START,
            b'0'..=b'9' | b'-' | b'.' => NAME,
            b'<' | b'&' | b'\t' | b'\r' | b'\n' => SPECIAL,
            _ => 0,
        };
        at += 1;
    }
    classes
}

fn is(byte: u8, class: u8) -> bool {
    CLASS[usize::from(byte)] & class != 0
}

/// Whether an attribute value is not its own text.
pub(crate) fn is_special(value: &str) -> bool {
    value.bytes().any(|byte| is(byte, SPECIAL))
}

/// Namespaces §3: a name without a colon.
pub(crate) fn is_ncname(name: &str) -> bool {
    if name.bytes().all(|byte| is(byte, NAME)) {
        return name.bytes().next().is_some_and(|byte| is(byte, NAME_START));
    }
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

/// §2.3: letters that both the fourth and the fifth edition take for names: many clients' readers know only the
/// fourth, and a name they refuse would end their streams.
fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{131}'
        | '\u{134}'..='\u{13e}' | '\u{141}'..='\u{148}' | '\u{14a}'..='\u{17e}' | '\u{180}'..='\u{1c3}'
        | '\u{388}'..='\u{38a}' | '\u{38e}'..='\u{3a1}' | '\u{3a3}'..='\u{3ce}' | '\u{401}'..='\u{40c}'
        | '\u{40e}'..='\u{44f}' | '\u{451}'..='\u{45c}' | '\u{45e}'..='\u{481}' | '\u{5d0}'..='\u{5ea}'
        | '\u{621}'..='\u{63a}' | '\u{641}'..='\u{64a}' | '\u{3041}'..='\u{3094}' | '\u{30a1}'..='\u{30fa}'
        | '\u{4e00}'..='\u{9fa5}' | '\u{ac00}'..='\u{d7a3}')
}

/// §2.3: what may follow the first letter.
fn is_name_char(c: char) -> bool {
    is_name_start(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{345}')
}

/// §4.1, §4.6: what stands between `&` and `;`.
///
/// # Errors
/// `restricted-xml` for any entity that is not predefined (RFC 6120 §11.1), `not-well-formed` for no reference at all.
pub(crate) fn reference(name: &str) -> Result<char, StreamError> {
    match name {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "apos" => return Ok('\''),
        "quot" => return Ok('"'),
        _ => {}
    }
    if is_ncname(name) {
        return Err(StreamCondition::RestrictedXml.into());
    }
    name.strip_prefix('#').and_then(character).ok_or_else(|| StreamCondition::NotWellFormed.into())
}

/// A character by its number, decimal or `x` and hexadecimal.
fn character(number: &str) -> Option<char> {
    let (digits, radix) = match number.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    // `from_str_radix` would take a sign.
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let code = u32::from_str_radix(digits, radix).ok()?;
    char::from_u32(code).filter(|c| is_char(*c))
}

/// §2.11: appends character data with every line end as `\n`.
pub(crate) fn push_lines(raw: &str, out: &mut String) {
    if memchr(b'\r', raw.as_bytes()).is_none() {
        out.push_str(raw);
        return;
    }
    let mut lines = raw.split('\r');
    out.push_str(lines.next().unwrap_or_default());
    for line in lines {
        out.push('\n');
        out.push_str(line.strip_prefix('\n').unwrap_or(line));
    }
}

/// §3.3.3: an attribute value with its references resolved and its white space made spaces.
///
/// # Errors
/// As [`reference`].
pub(crate) fn attribute_value(raw: &str) -> Result<String, StreamError> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\r', '\n']) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        rest = match special.strip_prefix('&') {
            Some(named) => {
                let (name, after) = named.split_once(';').ok_or(StreamCondition::NotWellFormed)?;
                out.push(reference(name)?);
                after
            }
            None => {
                out.push(' ');
                special.strip_prefix("\r\n").or_else(|| special.get(1..)).unwrap_or_default()
            }
        };
    }
    out.push_str(rest);
    Ok(out)
}
