//! XEP-0393: Message Styling, read into spans and written from them.

use std::ops::Range;

use rialto_bridges::model::{Span, Style, Text};

/// §6.2: the characters of span directives and what they mean.
const SPANS: [(char, Style); 4] =
    [('*', Style::Bold), ('_', Style::Italic), ('~', Style::Strike), ('`', Style::Code)];

/// Plain text and spans of a styled body: the directives that take effect are gone from the text.
pub fn read(body: &str) -> Text {
    let mut plain = String::with_capacity(body.len());
    let mut spans = Vec::new();
    let mut lines = body.split('\n').peekable();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let start = plain.len();
            while let Some(inside) = lines.next_if(|inside| *inside != "```") {
                plain.push_str(inside);
                plain.push('\n');
            }
            let closed = lines.next().is_some();
            let end = plain.trim_end_matches('\n').len().max(start);
            let language = Some(language.trim().to_owned()).filter(|language| !language.is_empty());
            spans.push(Span { range: start..end, style: Style::Block { language } });
            if !(closed && lines.peek().is_some()) {
                plain.truncate(end);
            }
            continue;
        }
        let start = plain.len();
        read_line(line.strip_prefix("> ").unwrap_or(line), &mut plain, &mut spans);
        if line.starts_with("> ") {
            spans.push(Span { range: start..plain.len(), style: Style::Quote });
        }
        if lines.peek().is_some() {
            plain.push('\n');
        }
    }
    Text::styled(plain, spans)
}

/// §6.2: spans inside one line. The first directive that has a match wins; inside it spans may nest, but not in code.
fn read_line(line: &str, plain: &mut String, spans: &mut Vec<Span>) {
    let mut rest = line;
    let mut before: Option<char> = None;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let style = SPANS.iter().find(|(mark, _)| *mark == c).map(|(_, style)| style.clone());
        let opens = before
            .is_none_or(|before| before.is_whitespace() || SPANS.iter().any(|(mark, _)| *mark == before));
        if let (Some(style), true, Some(inside)) = (style, opens, matching(after, c)) {
            let start = plain.len();
            if style == Style::Code {
                plain.push_str(inside);
            } else {
                read_line(inside, plain, spans);
            }
            spans.push(Span { range: start..plain.len(), style });
            rest = &after[inside.len() + c.len_utf8()..];
        } else {
            plain.push(c);
            rest = after;
        }
        before = Some(c);
    }
}

/// The text up to the closing directive: not empty, no whitespace at its edges.
fn matching(after: &str, mark: char) -> Option<&str> {
    if after.chars().next().is_none_or(|first| first.is_whitespace() || first == mark) {
        return None;
    }
    let ends = after.match_indices(mark).map(|(at, _)| at);
    let mut closing =
        ends.filter(|at| after[..*at].chars().next_back().is_some_and(|last| !last.is_whitespace()));
    closing.next().map(|at| &after[..at])
}

/// A body that shows the spans to those who read XEP-0393. Spans that could not be read back are left out.
pub fn write(text: &Text) -> String {
    let plain = text.plain();
    let mut body = String::with_capacity(plain.len() + text.spans().len() * 2);
    let mut at = 0;
    for (range, language) in blocks(text) {
        write_lines(text, at..range.start, &mut body);
        if !body.is_empty() && !body.ends_with('\n') {
            body.push('\n');
        }
        // §5.1.1: a block of its own lines.
        body.push_str(&format!("```{}\n", language.unwrap_or_default()));
        body.push_str(plain.get(range.clone()).unwrap_or_default());
        body.push_str("\n```");
        at = range.end;
        if at < plain.len() {
            body.push('\n');
            at += usize::from(plain.as_bytes().get(at) == Some(&b'\n'));
        }
    }
    write_lines(text, at..plain.len(), &mut body);
    body
}

/// Stretches that are blocks of code, in their order, and none within another. What holds a fence itself cannot be one.
fn blocks(text: &Text) -> Vec<(Range<usize>, Option<&str>)> {
    let mut blocks: Vec<(Range<usize>, Option<&str>)> = Vec::new();
    for span in text.spans() {
        if let Style::Block { language } = &span.style
            && text.plain().get(span.range.clone()).is_some_and(|code| !code.contains("```"))
            && blocks.iter().all(|(other, _)| span.range.start >= other.end || span.range.end <= other.start)
        {
            blocks.push((span.range.clone(), language.as_deref()));
        }
    }
    blocks.sort_by_key(|(range, _)| range.start);
    blocks
}

fn write_lines(text: &Text, range: Range<usize>, body: &mut String) {
    let Some(part) = text.plain().get(range.clone()) else { return };
    let mut start = range.start;
    for (number, line) in part.split('\n').enumerate() {
        if number > 0 {
            body.push('\n');
        }
        let line = start..start + line.len();
        start = line.end + 1;
        let within = |span: &Span| span.range.start <= line.start && span.range.end >= line.end;
        // §5.1.3: a quotation is one line after another.
        if text.spans().iter().any(|span| span.style == Style::Quote && within(span)) {
            body.push_str("> ");
        }
        write_line(text, line, body);
    }
}

fn write_line(text: &Text, line: Range<usize>, body: &mut String) {
    let plain = text.plain();
    let mut marks: Vec<(usize, bool, (usize, usize), char)> = Vec::new();
    for (index, span) in text.spans().iter().enumerate() {
        let range = span.range.start.max(line.start)..span.range.end.min(line.end);
        let Some(inside) = plain.get(range.clone()) else { continue };
        let mark = SPANS.iter().find(|(_, style)| *style == span.style).map(|(mark, _)| *mark);
        let Some(mark) =
            mark.filter(|mark| shows(plain.get(line.start..range.start).unwrap_or_default(), inside, *mark))
        else {
            continue;
        };
        marks.push((range.start, true, (usize::MAX - range.len(), usize::MAX - index), mark));
        marks.push((range.end, false, (range.len(), index), mark));
    }
    // At one place what ends comes before what begins; the inner ends first, the outer begins first. Of two that cover
    // the same text the later in the list is the outer.
    marks.sort_unstable();
    let mut from = line.start;
    for (at, _, _, mark) in marks {
        body.push_str(plain.get(from..at).unwrap_or_default());
        body.push(mark);
        from = at;
    }
    body.push_str(plain.get(from..line.end).unwrap_or_default());
}

/// §6: whether a reader would see the span after these words of its line.
fn shows(before: &str, inside: &str, mark: char) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
    !inside.contains(mark)
        && edge(inside.chars().next())
        && edge(inside.chars().next_back())
        && before.chars().next_back().is_none_or(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(body: &str) -> (String, Vec<(String, Style)>) {
        let text = read(body);
        let spans =
            text.spans().iter().map(|span| (text.plain()[span.range.clone()].to_owned(), span.style.clone()));
        (text.plain().to_owned(), spans.collect())
    }

    #[test]
    fn directives_that_take_effect_leave_the_text() {
        let (plain, found) = spans("a *bold* and `co*de*` word");
        assert_eq!(plain, "a bold and co*de* word");
        assert_eq!(found, [("bold".into(), Style::Bold), ("co*de*".into(), Style::Code)]);
    }

    #[test]
    fn what_is_no_directive_stays_as_it_was() {
        for body in ["2 * 3 * 4", "snake_case_name", "* list", "**", "a*b*", "*", "~ ~"] {
            assert_eq!(spans(body), (body.to_owned(), vec![]), "{body}");
        }
    }

    #[test]
    fn blocks_and_quotes_are_lines() {
        let (plain, found) = spans("> to be\nor\n```rust\nfn *a*() {}\n```\nend");
        assert_eq!(plain, "to be\nor\nfn *a*() {}\nend");
        assert_eq!(found[0], ("to be".into(), Style::Quote));
        assert_eq!(found[1], ("fn *a*() {}".into(), Style::Block { language: Some("rust".into()) }));
    }

    #[test]
    fn spans_are_written_so_that_they_are_read_back() {
        for body in [
            "a *bold* word",
            "*_both_* here",
            "`x`",
            "plain",
            "> to be\n> or *not*\nend",
            "see\n```rust\nfn *a*() {}\n```\nend",
            "```\ncode\n```",
        ] {
            assert_eq!(write(&read(body)), body, "{body}");
        }
        let lines = Text::styled("two\nlines", vec![Span { range: 0..9, style: Style::Bold }]);
        assert_eq!(write(&lines), "*two*\n*lines*");
        let fence =
            Text::styled("a ``` b", vec![Span { range: 0..7, style: Style::Block { language: None } }]);
        assert_eq!(write(&fence), "a ``` b");
        let touching = Text::styled("abc", vec![Span { range: 1..2, style: Style::Bold }]);
        assert_eq!(write(&touching), "abc");
    }
}
