//! Formatting codes (Modern IRC, "IRC Formatting") ↔ spans. Colours and reverse are dropped.

use crate::model::{Span, Style, Text};

const BOLD: char = '\u{02}';
const COLOUR: char = '\u{03}';
const HEX_COLOUR: char = '\u{04}';
const RESET: char = '\u{0F}';
const MONOSPACE: char = '\u{11}';
const ITALIC: char = '\u{1D}';
const STRIKE: char = '\u{1E}';
const UNDERLINE: char = '\u{1F}';

/// The codes that switch a style, in the order in which we write them.
const SWITCHES: [(char, Style); 5] = [
    (BOLD, Style::Bold),
    (ITALIC, Style::Italic),
    (UNDERLINE, Style::Underline),
    (STRIKE, Style::Strike),
    (MONOSPACE, Style::Code),
];

/// Bytes that a span may cost beside its text: a code where it begins, one where it ends.
pub const SPAN: usize = 2;

/// What a line with codes says.
pub fn read(line: &str) -> Text {
    let mut plain = String::with_capacity(line.len());
    let mut spans = Vec::new();
    let mut since: [Option<usize>; SWITCHES.len()] = [None; SWITCHES.len()];
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        let place = plain.len();
        match c {
            COLOUR => skip_numbers(&mut rest, 2, |c| c.is_ascii_digit()),
            HEX_COLOUR => skip_numbers(&mut rest, 6, |c| c.is_ascii_hexdigit()),
            RESET => since
                .iter_mut()
                .zip(&SWITCHES)
                .for_each(|(since, (_, style))| end(since, style, place, &mut spans)),
            _ => match since.iter_mut().zip(&SWITCHES).find(|(_, (code, _))| *code == c) {
                Some((since @ None, _)) => *since = Some(place),
                Some((since, (_, style))) => end(since, style, place, &mut spans),
                None => plain.push(c),
            },
        }
    }
    let place = plain.len();
    since.iter_mut().zip(&SWITCHES).for_each(|(since, (_, style))| end(since, style, place, &mut spans));
    Text::styled(plain, spans)
}

/// A text as one line with codes. Line ends become spaces; the codes are open at the end of the line, which ends them.
pub fn write(text: &Text) -> String {
    let mut line = String::with_capacity(text.plain().len() + text.spans().len() * SPAN);
    let mut now = [false; SWITCHES.len()];
    let mut bounds: Vec<usize> =
        text.spans().iter().flat_map(|span| [span.range.start, span.range.end]).collect();
    bounds.extend([0, text.plain().len()]);
    bounds.sort_unstable();
    bounds.dedup();
    for (from, to) in bounds.iter().zip(bounds.iter().skip(1)) {
        for (on, (code, style)) in now.iter_mut().zip(&SWITCHES) {
            let wanted = text
                .spans()
                .iter()
                .any(|s| is(&s.style, style) && s.range.start <= *from && *from < s.range.end);
            if wanted != *on {
                *on = wanted;
                line.push(*code);
            }
        }
        let piece = text.plain().get(*from..*to).unwrap_or_default();
        line.extend(piece.chars().map(|c| if c == '\n' { ' ' } else { c }));
    }
    line
}

/// The line without any codes.
pub fn strip(line: &str) -> String {
    read(line).into_plain()
}

fn is(style: &Style, switch: &Style) -> bool {
    style == switch || matches!((style, switch), (Style::Block { .. }, Style::Code))
}

fn end(since: &mut Option<usize>, style: &Style, place: usize, spans: &mut Vec<Span>) {
    if let Some(start) = since.take().filter(|start| *start < place) {
        spans.push(Span { range: start..place, style: style.clone() });
    }
}

/// `NN` or `NN,NN` after a colour code. A comma without digits behind it is text.
fn skip_numbers(rest: &mut std::str::Chars<'_>, most: usize, digit: impl Fn(char) -> bool) {
    let count = |rest: &std::str::Chars<'_>| rest.clone().take(most).take_while(|c| digit(*c)).count();
    let first = count(rest);
    rest.by_ref().take(first).for_each(drop);
    let mut second = rest.clone();
    if first > 0 && second.next() == Some(',') {
        let digits = count(&second);
        if digits > 0 {
            second.by_ref().take(digits).for_each(drop);
            *rest = second;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    fn styled(plain: &str, spans: &[(usize, usize, Style)]) -> Text {
        let span =
            |(from, to, style): &(usize, usize, Style)| Span { range: *from..*to, style: style.clone() };
        Text::styled(plain, spans.iter().map(span).collect())
    }

    #[test]
    fn codes_become_spans() {
        for (line, text) in [
            ("\u{2}good\u{2} night", styled("good night", &[(0, 4, Style::Bold)])),
            ("\u{1d}a\u{1f}b\u{f}c", styled("abc", &[(0, 2, Style::Italic), (1, 2, Style::Underline)])),
            (
                "\u{1e}gone\u{1e} \u{11}code",
                styled("gone code", &[(0, 4, Style::Strike), (5, 9, Style::Code)]),
            ),
            ("\u{2}\u{2}\u{16}x\u{2}", styled("x", &[])),
        ] {
            assert_eq!(read(line), text, "{line:?}");
        }
    }

    #[test]
    fn colours_go_and_take_only_their_own_digits() {
        for (line, plain) in [
            ("\u{3}4red\u{3}", "red"),
            ("\u{3}04,12red", "red"),
            ("\u{3}041 left", "1 left"),
            ("\u{3},1 x", ",1 x"),
            ("\u{3}4,x", ",x"),
            ("\u{4}ff00ff,00ff00hex\u{4}", "hex"),
            ("\u{4}ffxx", "xx"),
            ("\u{3}", ""),
        ] {
            assert_eq!(strip(line), plain, "{line:?}");
        }
    }

    #[test]
    fn spans_become_codes() {
        let text = styled("good night", &[(0, 4, Style::Bold), (2, 10, Style::Italic)]);
        assert_eq!(write(&text), "\u{2}go\u{1d}od\u{2} night");
        assert_eq!(write(&styled("a\nb", &[(0, 3, Style::Block { language: None })])), "\u{11}a b");
        assert_eq!(write(&styled("see", &[(0, 3, Style::Link("https://x".into()))])), "see");
    }

    #[test]
    fn whatever_is_written_is_read_again_and_breaks_no_line() {
        let mut seeded = Seeded::new(11);
        for _ in 0..5000 {
            let plain = seeded.prose(30).replace('\n', " ");
            let spans = (0..seeded.below(5)).map(|_| {
                let (_, style) = seeded.one_of(&SWITCHES);
                let (style, from) = (style.clone(), seeded.below(plain.len() + 1));
                Span { range: from..from + seeded.below(20), style }
            });
            let text = Text::styled(plain.as_str(), spans.collect());
            let line = write(&text);
            assert!(!line.contains(['\r', '\n', '\0', '\u{1}']));
            assert!(line.len() <= text.plain().len() + text.spans().len() * SPAN);
            let again = read(&line);
            assert_eq!(again.plain(), text.plain());
            for at in 0..text.plain().len() {
                let styles = |text: &Text| {
                    SWITCHES.clone().map(|(_, style)| {
                        text.spans().iter().any(|s| s.style == style && s.range.contains(&at))
                    })
                };
                assert_eq!(styles(&again), styles(&text), "{text:?} at {at}");
            }
        }
    }

    #[test]
    fn random_codes_never_break_a_line() {
        let codes = [
            "\u{2}", "\u{3}", "\u{3}12", "\u{4}", "\u{f}", "\u{1}", "\r", "\n", "\0", "\u{1d}", "x", "é",
            ",", "7", "\u{202e}",
        ];
        let mut seeded = Seeded::new(12);
        for _ in 0..5000 {
            let line: String = (0..seeded.below(40)).map(|_| *seeded.one_of(&codes)).collect();
            let out = write(&read(&line));
            assert!(!out.contains(['\r', '\n', '\0', '\u{1}']), "{line:?} became {out:?}");
        }
    }
}
