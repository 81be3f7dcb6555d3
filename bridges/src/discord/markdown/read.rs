//! From markdown to text and spans: the lines and blocks of a message.

use super::inline::Inline;
use super::names::Names;
use crate::model::{Span, Style, Text};

/// The longest message that is read, in bytes: Discord's own limit is 4,000 characters.
const LONGEST: usize = 16_384;

/// What a message says. Never fails: what is no markup is words.
pub fn read(content: &str, names: &dyn Names) -> Text {
    let content = content.get(..content.floor_char_boundary(LONGEST)).unwrap_or_default();
    let mut into = Inline::new(names);
    let mut rest = content;
    while !rest.is_empty() {
        rest = block(rest, &mut into);
    }
    let (mut plain, spans) = into.done();
    let end = plain.trim_end_matches('\n').len();
    plain.truncate(end);
    Text::styled(plain, spans)
}

/// One block from the beginning of a line; gives what follows it.
fn block<'a>(text: &'a str, into: &mut Inline<'_>) -> &'a str {
    let start = into.len();
    if let Some(all) = text.strip_prefix(">>> ") {
        into.words(all, 0);
        into.span(start, Style::Quote);
        return "";
    }
    if text.starts_with("> ") || text == ">" || text.starts_with(">\n") {
        return quote(text, into);
    }
    if let Some((line, rest)) = heading(text) {
        into.words(line, 0);
        into.span(start, Style::Bold);
        return next_line(rest, into);
    }
    if let Some(small) = text.strip_prefix("-# ") {
        let (line, rest) = line(small);
        into.words(line, 0);
        return next_line(rest, into);
    }
    let (run, rest) = run(text);
    into.words(run, 0);
    rest
}

/// Lines of a quotation that stand together.
fn quote<'a>(text: &'a str, into: &mut Inline<'_>) -> &'a str {
    let mut inside = String::new();
    let mut rest = text;
    let mut ended = false;
    while let Some(quoted) = rest.strip_prefix('>').and_then(|after| {
        after.strip_prefix(' ').or_else(|| (after.is_empty() || after.starts_with('\n')).then_some(after))
    }) {
        let (words, after) = line(quoted);
        if !inside.is_empty() || rest.len() != text.len() {
            inside.push('\n');
        }
        inside.push_str(words);
        ended = after.is_none();
        rest = after.unwrap_or_default();
        if ended {
            break;
        }
    }
    let start = into.len();
    into.words(&inside, 0);
    into.span(start, Style::Quote);
    next_line((!ended).then_some(rest), into)
}

fn heading(text: &str) -> Option<(&str, Option<&str>)> {
    let words = ["# ", "## ", "### "].iter().find_map(|mark| text.strip_prefix(mark))?;
    let (words, rest) = line(words);
    (!words.trim().is_empty()).then_some((words, rest))
}

/// A line, and what follows its end, if it has one.
fn line(text: &str) -> (&str, Option<&str>) {
    text.split_once('\n').map_or((text, None), |(line, rest)| (line, Some(rest)))
}

fn next_line<'a>(rest: Option<&'a str>, into: &mut Inline<'_>) -> &'a str {
    if rest.is_some() {
        into.line();
    }
    rest.unwrap_or_default()
}

/// Lines without a mark at their beginning: spans may go over several of them. A mark within a fence is code.
fn run(text: &str) -> (&str, &str) {
    let mut at = 0;
    loop {
        let line_end = text.get(at..).and_then(|rest| rest.find('\n')).map(|found| at + found);
        let fence = text.get(at..).and_then(|rest| rest.find("```")).map(|found| at + found);
        if let Some(open) = fence.filter(|open| line_end.is_none_or(|end| *open < end))
            && let Some(close) = text.get(open + 3..).and_then(|rest| rest.find("```"))
        {
            at = open + 3 + close + 3;
            continue;
        }
        let Some(end) = line_end else { return (text, "") };
        let next = text.get(end + 1..).unwrap_or_default();
        if marked(next) {
            return text.split_at(end + 1);
        }
        at = end + 1;
    }
}

fn marked(text: &str) -> bool {
    ["> ", ">>> ", ">\n", "# ", "## ", "### ", "-# "].iter().any(|mark| text.starts_with(mark)) || text == ">"
}

impl Inline<'_> {
    /// A span over what was read since.
    fn span(&mut self, start: usize, style: Style) {
        let range = start..self.len();
        self.spans.push(Span { range, style });
    }
}
