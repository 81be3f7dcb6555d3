//! XEP-0393: Message Styling, read into spans and written from them.

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
    let mut marks: Vec<(usize, bool, (usize, usize), char)> = Vec::new();
    for (index, span) in text.spans().iter().enumerate() {
        let Some(inside) = plain.get(span.range.clone()) else { continue };
        let mark = SPANS.iter().find(|(_, style)| *style == span.style).map(|(mark, _)| *mark);
        let Some(mark) = mark.filter(|mark| shows(plain, span, inside, *mark)) else { continue };
        marks.push((span.range.start, true, (usize::MAX - span.range.len(), usize::MAX - index), mark));
        marks.push((span.range.end, false, (span.range.len(), index), mark));
    }
    // At one place what ends comes before what begins; the inner ends first, the outer begins first. Of two that cover
    // the same text the later in the list is the outer.
    marks.sort_unstable();
    let mut body = String::with_capacity(plain.len() + marks.len());
    let mut from = 0;
    for (at, _, _, mark) in marks {
        body.push_str(plain.get(from..at).unwrap_or_default());
        body.push(mark);
        from = at;
    }
    body.push_str(plain.get(from..).unwrap_or_default());
    body
}

/// Whether a reader would see the span where it is.
fn shows(plain: &str, span: &Span, inside: &str, mark: char) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
    let before = plain.get(..span.range.start).and_then(|text| text.chars().next_back());
    !inside.contains(['\n', mark])
        && edge(inside.chars().next())
        && edge(inside.chars().next_back())
        && before.is_none_or(char::is_whitespace)
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
        for body in ["a *bold* word", "*_both_* here", "`x`", "plain"] {
            assert_eq!(write(&read(body)), body, "{body}");
        }
        let touching = Text::styled("abc", vec![Span { range: 1..2, style: Style::Bold }]);
        assert_eq!(write(&touching), "abc");
    }
}
