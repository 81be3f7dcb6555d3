//! RFC 6838 §4.2: media types of files, as far as the server looks at them.

/// What a file is whose uploader said nothing (XEP-0363 §7).
pub const UNKNOWN: &str = "application/octet-stream";

/// The longest type with its parameters.
const LONGEST: usize = 127;

/// What a browser may show in its own window: nothing in it can run. Everything else is saved.
const SHOWN: &[&str] = &[
    "audio/aac",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/opus",
    "audio/wav",
    "audio/webm",
    "audio/x-m4a",
    "audio/x-wav",
    "image/apng",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/jpeg",
    "image/jxl",
    "image/png",
    "image/webp",
    "video/mp4",
    "video/ogg",
    "video/quicktime",
    "video/webm",
];

/// Whether this is a media type that can stand in a header: `type/subtype`, perhaps with parameters.
pub fn is_one(text: &str) -> bool {
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let is_named =
        essence.trim_end().split_once('/').is_some_and(|(kind, sub)| is_name(kind) && is_name(sub));
    is_named && text.len() <= LONGEST && parameters.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether two types are the same but for parameters and case.
pub fn are_alike(one: &str, other: &str) -> bool {
    essence(one).eq_ignore_ascii_case(essence(other))
}

/// Whether a browser may show it instead of saving it.
pub fn is_shown(kind: &str) -> bool {
    SHOWN.iter().any(|shown| shown.eq_ignore_ascii_case(essence(kind)))
}

fn essence(kind: &str) -> &str {
    kind.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_two_names_and_nothing_that_breaks_a_header() {
        for good in ["image/jpeg", "text/plain; charset=utf-8", "application/vnd.x+json", "video/x-matroska"]
        {
            assert!(is_one(good), "{good}");
        }
        let long = format!("image/{}", "x".repeat(200));
        for bad in [
            "",
            "image",
            "image/",
            "/x",
            "a/b/c",
            "a/b\r\nX: y",
            "a/b;\r\n",
            "ä/b",
            "a b/c",
            "a/b; \u{7f}",
            &long,
        ] {
            assert!(!is_one(bad), "{bad:?}");
        }
    }

    #[test]
    fn only_what_cannot_run_is_shown() {
        assert!(is_shown("image/png") && is_shown("Image/PNG; q=1") && is_shown("video/mp4"));
        for kind in [
            "image/svg+xml",
            "text/html",
            "application/xhtml+xml",
            "application/pdf",
            "text/xml",
            "text/plain",
            "",
        ] {
            assert!(!is_shown(kind), "{kind}");
        }
        assert!(are_alike("image/jpeg", "IMAGE/JPEG; x=y") && !are_alike("image/jpeg", "image/png"));
    }
}
