//! XEP-0363 §4: a file name that harms nobody who saves it. The server itself never uses it as a path.

/// The longest name, in bytes; what stands before the ending is cut.
const LONGEST: usize = 120;

/// The longest ending that is kept when a name is cut, in bytes with its dot.
const ENDING: usize = 16;

/// What a file is called that has no name.
const NAMELESS: &str = "file";

/// Names that Windows takes for devices, whatever their ending.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Makes a name harmless: its last part only, without what moves cursors, hides endings or means something to a file
/// system, and not too long. The ending stays.
pub fn harmless(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut clean = String::with_capacity(last.len().min(LONGEST * 2));
    let mut rest = last.chars();
    while let Some(c) = rest.next() {
        match c {
            // Two that decode once too often must not find a path in it.
            '%' if is_escape(rest.as_str()) => clean.push('_'),
            '<' | '>' | ':' | '"' | '|' | '?' | '*' => clean.push('_'),
            c if c.is_control() || is_invisible(c) => {}
            c if c.is_whitespace() => clean.push(' '),
            c => clean.push(c),
        }
    }
    let trimmed = clean.trim_matches(['.', ' ']);
    let cut = cut(trimmed);
    match cut.trim_matches(['.', ' ']) {
        "" => NAMELESS.to_owned(),
        name if is_device(name) => format!("_{name}"),
        name => name.to_owned(),
    }
}

/// For a URL (RFC 3986 §2.3): everything but unreserved characters is percent-encoded.
pub fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn is_escape(after: &str) -> bool {
    after.as_bytes().first_chunk::<2>().is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
}

/// Marks that turn the direction of writing, and others that nobody sees.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// At most [`LONGEST`] bytes, the ending kept.
fn cut(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let ending = name.rfind('.').map(|dot| name.split_at(dot).1).filter(|ending| ending.len() <= ENDING);
    let ending = ending.unwrap_or_default();
    let stem = name.strip_suffix(ending).unwrap_or(name);
    let mut end = LONGEST - ending.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", stem.split_at(end).0.trim_end_matches(['.', ' ']))
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let port = |prefix: &str| {
        let number = stem.strip_prefix(prefix);
        number.is_some_and(|number| number.chars().count() == 1 && !number.starts_with(char::is_alphabetic))
    };
    DEVICES.contains(&stem.as_str()) || port("com") || port("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["très cool.jpg", "100% rose.tar.gz", "花.png", "👨‍👩‍👧.webp", "a-b_c (1).pdf"]
        {
            assert_eq!(harmless(name), name);
        }
    }

    #[test]
    fn no_name_is_a_way_out_of_a_folder() {
        for (name, harmless_name) in [
            ("../../etc/passwd", "passwd"),
            ("/etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("C:\\Windows\\system.ini", "system.ini"),
            ("C:rose.jpg", "C_rose.jpg"),
            ("..", "file"),
            (".", "file"),
            ("", "file"),
            ("a/", "file"),
            (".htaccess", "htaccess"),
            ("%2e%2e%2fetc%2Fpasswd", "_2e_2e_2fetc_2Fpasswd"),
            ("rose.jpg\0.exe", "rose.jpg.exe"),
            ("rose.exe:stream", "rose.exe_stream"),
            ("rose.exe. . .", "rose.exe"),
        ] {
            assert_eq!(harmless(name), harmless_name, "{name:?}");
        }
    }

    #[test]
    fn marks_that_hide_an_ending_are_taken_out() {
        assert_eq!(harmless("rose\u{202e}gpj.exe"), "rosegpj.exe");
        assert_eq!(harmless("a\u{2066}b\u{200f}c\u{feff}.txt\r\nSet-Cookie: x"), "abc.txtSet-Cookie_ x");
    }

    #[test]
    fn what_windows_takes_for_a_device_is_no_device() {
        for name in ["con", "NUL.txt", "com1", "LPT9.tar.gz", "Aux .md", "COM¹"] {
            assert_eq!(harmless(name), format!("_{name}"));
        }
        assert_eq!(harmless("console.log"), "console.log");
        assert_eq!(harmless("coma"), "coma");
    }

    #[test]
    fn a_long_name_is_cut_and_keeps_its_ending() {
        let name = harmless(&format!("{}.jpeg", "ü".repeat(500)));
        assert!(name.len() <= LONGEST && name.ends_with("ü.jpeg"), "{name}");
        assert!(harmless(&".a".repeat(4000)).len() <= LONGEST);
        assert!(harmless(&"x".repeat(100_000)).len() <= LONGEST);
        let ending = harmless(&format!("a.{}", "x".repeat(500)));
        assert_eq!(ending.len(), LONGEST);
    }

    #[test]
    fn a_name_in_a_url_is_ascii() {
        assert_eq!(encoded("très cool#1?.jpg"), "tr%C3%A8s%20cool%231%3F.jpg");
    }
}
