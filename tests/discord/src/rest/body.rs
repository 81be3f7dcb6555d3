//! Bodies: JSON, and forms with `payload_json` and `files[n]` (reference.mdx, "Uploading Files").

use bytes::Bytes;
use serde_json::Value;

use super::refusals::{BAD_JSON, Refusal, field};

/// A file of a form.
#[derive(Debug)]
pub struct Upload {
    /// The `n` of `files[n]`.
    pub number: u64,
    /// Its name.
    pub filename: String,
    /// As the form says, or guessed from the name.
    pub content_type: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Reads a body; its JSON is null where there is none.
pub fn read(content_type: &str, body: &Bytes) -> Result<(Option<Value>, Vec<Upload>), Refusal> {
    if body.is_empty() {
        return Ok((None, Vec::new()));
    }
    if let Some(boundary) = content_type.strip_prefix("multipart/form-data").and_then(boundary) {
        return form(body, &boundary);
    }
    let json = serde_json::from_slice(body).map_err(|_| BAD_JSON)?;
    Ok((Some(json), Vec::new()))
}

fn boundary(parameters: &str) -> Option<String> {
    let (_, rest) = parameters.split_once("boundary=")?;
    Some(rest.split(';').next()?.trim().trim_matches('"').to_owned())
}

fn form(body: &[u8], boundary: &str) -> Result<(Option<Value>, Vec<Upload>), Refusal> {
    let bad = || field("payload_json", "MULTIPART_INVALID", "the form cannot be read");
    let mark = format!("--{boundary}");
    let (mut json, mut files) = (None, Vec::new());
    let mut rest = body.strip_prefix(mark.as_bytes()).ok_or_else(bad)?;
    let between = format!("\r\n{mark}");
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let end = find(part, between.as_bytes()).ok_or_else(bad)?;
        let (part, after) = part.split_at(end);
        rest = &after[between.len()..];
        let head = find(part, b"\r\n\r\n").ok_or_else(bad)?;
        let (headers, content) = (String::from_utf8_lossy(&part[..head]), &part[head + 4..]);
        let name = parameter(&headers, "name").ok_or_else(bad)?;
        if name == "payload_json" {
            json = Some(serde_json::from_slice(content).map_err(|_| BAD_JSON)?);
        } else if let Some(number) = numbered(&name) {
            let filename = parameter(&headers, "filename").ok_or_else(bad)?;
            let filename = harmless(&filename);
            let content_type = kind(&filename).to_owned();
            files.push(Upload { number, filename, content_type, bytes: content.to_vec() });
        } else {
            return Err(field(&name, "UNKNOWN_FIELD", "no such part"));
        }
    }
    Ok((json, files))
}

/// `files[3]`; `file` and `file3` as older clients have it.
fn numbered(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("files[").and_then(|rest| rest.strip_suffix(']'));
    match digits.or_else(|| name.strip_prefix("file"))? {
        "" => Some(0),
        digits => digits.parse().ok(),
    }
}

fn parameter(headers: &str, name: &str) -> Option<String> {
    let begin = format!("{name}=\"");
    let line = headers.lines().find(|line| line.to_lowercase().starts_with("content-disposition:"))?;
    let at = line.match_indices(&begin).find(|(at, _)| line[..*at].ends_with([' ', ';']))?.0;
    let value = &line[at + begin.len()..];
    let mut text = String::new();
    let mut escaped = false;
    for c in value.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => break,
            other => {
                text.push(other);
                escaped = false;
            }
        }
    }
    Some(text.replace("%22", "\"").replace("%0D", "").replace("%0A", ""))
}

/// Discord leaves letters, digits, `_`, `-` and `.`; all else becomes `_`.
pub fn harmless(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

/// The kind that a name's ending stands for.
pub fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("mp4") => "video/mp4",
        Some("webm") => "video/webm",
        Some("ogg") => "audio/ogg",
        Some("mp3") => "audio/mpeg",
        Some("txt") => "text/plain; charset=utf-8",
        Some("json") => "application/json",
        Some("pdf") => "application/pdf",
        _ => "application/octet-stream",
    }
}

/// Width and height of a PNG or GIF.
pub fn pixels(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        return Some((number(16)?, number(20)?));
    }
    let number = |at: usize| Some(u32::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    if bytes.starts_with(b"GIF8") { Some((number(6)?, number(8)?)) } else { None }
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_words_and_files() {
        let form = "--b\r\nContent-Disposition: form-data; name=\"files[1]\"; filename=\"../a b.png\"\r\n\r\n\r\n--x\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{\"content\":\"hi\"}\r\n--b--\r\n";
        let body = Bytes::from(form);
        let (json, files) = read("multipart/form-data; boundary=b", &body).expect("a form");
        assert_eq!(json.expect("words")["content"], "hi");
        assert_eq!((files[0].number, files[0].filename.as_str()), (1, "_a_b.png"));
        assert_eq!(files[0].bytes, b"\r\n--x");
        assert!(read("multipart/form-data; boundary=c", &body).is_err());
        assert!(read("application/json", &Bytes::from("{")).is_err());
    }
}
