//! Rust text, told apart into code, strings and comments.

use std::ops::Range;

/// A string literal: where it begins and what stands between its quotes, escapes untouched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// The line, counted from 1.
    pub line: usize,
    /// What stands between the quotes.
    pub text: String,
}

/// A file of Rust.
pub struct Source {
    /// The text as it is.
    pub text: String,
    /// The text with every comment and every inside of a literal blanked out; same length, same lines.
    pub code: String,
    /// Every string literal outside comments.
    pub literals: Vec<Literal>,
    /// What only tests compile, as ranges of bytes.
    tests: Vec<Range<usize>>,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Source {
    /// Reads a text. Nothing is refused: what does not end, ends with the file.
    pub fn read(text: &str) -> Source {
        let mut lines = vec![0];
        lines.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        let (code, strings) = blank(text);
        let mut source =
            Source { text: text.to_owned(), code, literals: Vec::new(), tests: Vec::new(), lines };
        let literal =
            |range: Range<usize>| Literal { line: source.line(range.start), text: text[range].to_owned() };
        source.literals = strings.into_iter().map(literal).collect();
        source.tests =
            source.code.match_indices("#[cfg(test)]").map(|(at, _)| at..source.item_end(at)).collect();
        source
    }

    /// The line of a byte, counted from 1.
    pub fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|begin| *begin <= at)
    }

    /// The text of a line, counted from 1.
    pub fn line_text(&self, line: usize) -> &str {
        self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default()
    }

    /// How many lines there are.
    pub fn line_count(&self) -> usize {
        self.text.lines().count()
    }

    /// Whether a byte stands in what only tests compile.
    pub fn is_test(&self, at: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&at))
    }

    /// Whether a line stands in what only tests compile.
    pub fn is_test_line(&self, line: usize) -> bool {
        let begin = self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let indent = self.text[begin..].len() - self.text[begin..].trim_start().len();
        self.is_test(begin + indent)
    }

    /// The names in `#[cfg(test)] mod name;`.
    pub fn test_module_files(&self) -> Vec<&str> {
        let named = |range: &Range<usize>| {
            let item = self.code[range.clone()].strip_suffix(';')?;
            let words: Vec<&str> = item.split_whitespace().collect();
            let at = words.iter().position(|word| *word == "mod")?;
            words.get(at + 1).copied()
        };
        self.tests.iter().filter_map(named).collect()
    }

    /// The byte after the `}` that closes the `{` at `open`.
    pub fn closing(&self, open: usize) -> usize {
        let mut depth = 0usize;
        for (at, byte) in self.code.bytes().enumerate().skip(open) {
            match byte {
                b'{' => depth += 1,
                b'}' if depth <= 1 => return at + 1,
                b'}' => depth -= 1,
                _ => {}
            }
        }
        self.code.len()
    }

    /// The first `{` or `;` outside round and square brackets.
    pub fn body_or_end(&self, from: usize) -> Option<(usize, u8)> {
        let mut depth = 0usize;
        for (at, byte) in self.code.bytes().enumerate().skip(from) {
            match byte {
                b'(' | b'[' => depth += 1,
                b')' | b']' => depth = depth.saturating_sub(1),
                b'{' | b';' if depth == 0 => return Some((at, byte)),
                _ => {}
            }
        }
        None
    }

    fn item_end(&self, from: usize) -> usize {
        match self.body_or_end(from) {
            Some((at, b'{')) => self.closing(at),
            Some((at, _)) => at + 1,
            None => self.code.len(),
        }
    }
}

/// Whether a character may stand in a name.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The words of the code with where they begin.
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let bytes = code.as_bytes();
        while from < bytes.len() && !is_word(bytes[from]) {
            from += 1;
        }
        let begin = from;
        while from < bytes.len() && is_word(bytes[from]) {
            from += 1;
        }
        (begin < from).then(|| (begin, &code[begin..from]))
    })
}

/// Blanks comments and the insides of literals; gives the insides of string literals.
fn blank(text: &str) -> (String, Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut strings = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let next = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => {
                let end = find(bytes, at, b"\n");
                wipe(&mut code, at..end);
                end
            }
            b'/' if bytes[at..].starts_with(b"/*") => {
                let end = block_comment(bytes, at);
                wipe(&mut code, at..end);
                end
            }
            b'"' => {
                let inside = string(bytes, at);
                wipe(&mut code, inside.clone());
                strings.push(inside.clone());
                inside.end + 1
            }
            b'r' if raw_hashes(bytes, at).is_some() => {
                let hashes = raw_hashes(bytes, at).unwrap_or_default();
                let begin = at + 2 + hashes;
                let end = find(bytes, begin, format!("\"{}", "#".repeat(hashes)).as_bytes());
                wipe(&mut code, begin..end);
                strings.push(begin..end);
                end + 1 + hashes
            }
            b'\'' => match character(bytes, at) {
                Some(end) => {
                    wipe(&mut code, at + 1..end);
                    end + 1
                }
                None => at + 1, // a lifetime
            },
            _ => at + 1,
        };
        at = next.max(at + 1);
    }
    (String::from_utf8(code).unwrap_or_default(), strings)
}

fn wipe(code: &mut [u8], range: Range<usize>) {
    for byte in &mut code[range] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.windows(what.len()).position(|window| window == what).map_or(bytes.len(), |found| from + found)
}

fn block_comment(bytes: &[u8], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0usize);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if bytes[at..].starts_with(b"*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// The inside of the string that begins with the quote at `from`.
fn string(bytes: &[u8], from: usize) -> Range<usize> {
    let mut at = from + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    from + 1..at.min(bytes.len())
}

/// `r"`, `r#"` and so on, where `r` does not end a longer name (`br` may).
fn raw_hashes(bytes: &[u8], at: usize) -> Option<usize> {
    let before = |back: usize| at.checked_sub(back).is_some_and(|at| is_word(bytes[at]));
    if before(1) && (bytes[at - 1] != b'b' || before(2)) {
        return None;
    }
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    (bytes.get(at + 1 + hashes) == Some(&b'"')).then_some(hashes)
}

/// Where the closing quote of a character literal stands; `None` for a lifetime.
fn character(bytes: &[u8], from: usize) -> Option<usize> {
    if bytes.get(from + 1) == Some(&b'\\') {
        return Some(find(bytes, from + 3, b"'")).filter(|end| *end < bytes.len());
    }
    let width = match bytes.get(from + 1)? {
        0..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    };
    (bytes.get(from + 1 + width) == Some(&b'\'')).then_some(from + 1 + width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let source =
            Source::read("let a = \"x // y\"; // panic!\n/* a /* b */ c */ b'\\'' '\"' 'a r#\"q\"w\"#");
        assert_eq!(source.code.lines().next().unwrap().trim_end(), "let a = \"      \";");
        assert!(!source.code.contains("panic") && !source.code.contains('c') && source.code.contains("'a"));
        let texts: Vec<_> =
            source.literals.iter().map(|literal| (literal.line, literal.text.as_str())).collect();
        assert_eq!(texts, [(1, "x // y"), (2, "q\"w")]);
        assert_eq!(source.code.len(), source.text.len());
    }

    #[test]
    fn what_stands_under_cfg_test_is_a_test() {
        let source = Source::read("fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { {} }\n}\nfn c() {}\n");
        let is_test: Vec<_> = (1..=6).map(|line| source.is_test_line(line)).collect();
        assert_eq!(is_test, [false, true, true, true, true, false]);
    }

    #[test]
    fn a_text_that_breaks_off_is_read_to_its_end() {
        for text in ["\"abc", "/* abc", "r#\"abc", "'", "'\\", "b'", "fn a() {", "#[cfg(test)]", "r", "\"\\"]
        {
            Source::read(text);
        }
    }
}
