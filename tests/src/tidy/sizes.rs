//! Sizes and first lines: a room one can see across.

use super::source::{is_word, words};
use super::{Finding, Rust, Tree};

const FILE: usize = 500;
const FUNCTION: usize = 60;
const PARAMETERS: usize = 5;

/// Files of at most 500 lines that say first what they are, functions of at most 60.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust.iter().flat_map(check_file).collect()
}

fn check_file(file: &Rust) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = file.source.line_count();
    if lines > FILE {
        findings.push(Finding::new(&file.path, 0, format!("has {lines} lines, more than {FILE}")));
    }
    let first = file.source.line_text(1);
    let said = first.strip_prefix("//! ").is_some_and(|what| what.trim().len() > 3);
    if !said && !file.path.ends_with("/build.rs") {
        findings.push(Finding::new(&file.path, 1, "the first line must say what the file is: //! …"));
    }
    if first.contains("(skeleton)") {
        findings.push(Finding::new(&file.path, 1, "is still a skeleton"));
    }
    for function in functions(file) {
        if function.lines > FUNCTION {
            let says = format!("fn {} has {} lines, more than {FUNCTION}", function.name, function.lines);
            findings.push(Finding::new(&file.path, function.line, says));
        }
        if function.parameters > PARAMETERS {
            let says = format!("fn {} takes {}, more than {PARAMETERS}", function.name, function.parameters);
            findings.push(Finding::new(&file.path, function.line, says));
        }
    }
    findings
}

struct Function {
    name: String,
    line: usize,
    /// Lines of code between its braces: no blank ones, no comments.
    lines: usize,
    /// Without `self`.
    parameters: usize,
}

fn functions(file: &Rust) -> Vec<Function> {
    let source = &file.source;
    let mut found = Vec::new();
    let mut after_fn = None;
    for (at, word) in words(&source.code) {
        // In the type `fn(Head)` a bracket stands between.
        let named = after_fn.is_some_and(|end: usize| source.code[end..at].trim().is_empty());
        after_fn = (word == "fn").then_some(at + word.len());
        if !named || !word.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            continue;
        }
        let Some((open, b'{')) = source.body_or_end(at) else { continue };
        let body = &source.code[open + 1..source.closing(open).saturating_sub(1).max(open + 1)];
        let lines = body.lines().filter(|line| !line.trim().is_empty()).count();
        let parameters = parameters(&source.code[at + word.len()..open]);
        found.push(Function { name: word.to_owned(), line: source.line(at), lines, parameters });
    }
    found
}

/// Counts the parameters in `<T: Fn(A, B)>(&self, a: A, b: (B, C)) -> D`.
fn parameters(signature: &str) -> usize {
    let Some(open) = parameter_list(signature) else { return 0 };
    let mut depth = 0i32;
    let mut count = 0;
    let mut piece = String::new();
    let mut before = ' ';
    for byte in signature[open..].chars() {
        match byte {
            '(' | '[' | '{' | '<' => depth += 1,
            '>' if before == '-' => {} // an arrow
            ')' | ']' | '}' | '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && byte == ',') {
            count += usize::from(!piece.trim_matches(|c: char| c == '(' || c.is_whitespace()).is_empty());
            count -= usize::from(is_self(&piece));
            piece.clear();
        } else {
            piece.push(byte);
        }
        if depth == 0 {
            break;
        }
        before = byte;
    }
    count
}

fn parameter_list(signature: &str) -> Option<usize> {
    let mut depth = 0i32;
    let mut before = ' ';
    for (at, byte) in signature.char_indices() {
        match byte {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            '(' if depth == 0 => return Some(at),
            _ => {}
        }
        before = byte;
    }
    None
}

fn is_self(parameter: &str) -> bool {
    let name = parameter.split(':').next().unwrap_or_default();
    name.bytes().filter(|byte| is_word(*byte)).map(char::from).collect::<String>().ends_with("self")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str) -> Vec<String> {
        check(&Tree::made_up(&[("server/src/a.rs", text)])).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(says(&format!("//! A file.\n{}", "\n".repeat(500))), ["has 501 lines, more than 500"]);
        assert_eq!(says(&format!("//! A file.\n{}", "\n".repeat(499))), [""; 0]);
    }

    #[test]
    fn a_file_that_does_not_say_what_it_is_is_found() {
        assert_eq!(says("use a;\n"), ["the first line must say what the file is: //! …"]);
        assert_eq!(says("//!\n"), ["the first line must say what the file is: //! …"]);
    }

    #[test]
    fn a_long_function_is_found_and_comments_are_not_counted() {
        let body = |lines: usize| format!("//! A file.\nfn long() {{\n{}}}\n", "    a();\n".repeat(lines));
        assert_eq!(says(&body(61)), ["fn long has 61 lines, more than 60"]);
        assert_eq!(says(&body(60)), [""; 0]);
        let commented = format!("//! A file.\nfn long() {{\n{}}}\n", "    // why\n\n".repeat(61));
        assert_eq!(says(&commented), [""; 0]);
        let pointer = format!(
            "//! A file.\nstruct A(fn(Head));\nimpl A {{\n{}}}\n",
            "    const A: u8 = 1;\n".repeat(61)
        );
        assert_eq!(says(&pointer), [""; 0]);
    }

    #[test]
    fn six_parameters_are_too_many() {
        let taken = "<F: Fn(A, B) -> C>(&mut self, a: (A, B), b: [u8; 2], c: Map<K, V>, d: F, e: E)";
        assert_eq!(says(&format!("//! A file.\nfn many{taken} {{}}\n")), [""; 0]);
        let more = taken.replace("e: E", "e: E, f: &'static str,");
        assert_eq!(says(&format!("//! A file.\nfn many{more} {{}}\n")), ["fn many takes 6, more than 5"]);
    }
}
