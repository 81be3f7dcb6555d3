//! Cutting text into messages that fit: on line ends, else spaces, else graphemes, else characters.

use crate::model::Text;
use crate::network::Limits;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// No message is cut to fewer bytes than one character may have.
const LEAST: usize = 4;

/// The text in parts that each keep the limits. Where lines are cut from one another, blank ones are dropped; the line
/// end or space at a cut is dropped; all else stays. Never more than `limits.parts` parts: then the last one says how
/// much is missing.
pub fn cut(text: &Text, limits: &Limits) -> Vec<Text> {
    let mut parts: Vec<Text> = Vec::new();
    let mut rest = 0..text.plain().len();
    while !rest.is_empty() {
        if parts.len() + 1 >= limits.parts.max(1) {
            parts.push(last(text, rest, limits));
            break;
        }
        let (part, next) = first(text, rest.clone(), limits);
        if !text.plain().get(part.clone()).unwrap_or_default().trim().is_empty() {
            parts.push(text.slice(part));
        }
        rest.start = next.max(rest.start + 1);
    }
    parts
}

/// The text, cut on a grapheme with `…` at its end where it has more bytes than that.
pub fn shorten(text: &str, bytes: usize) -> String {
    const MORE: &str = "…";
    if text.len() <= bytes {
        return text.into();
    }
    let end = within(text, bytes.saturating_sub(MORE.len()));
    format!("{}{MORE}", text.get(..end).unwrap_or_default())
}

/// The part that begins here, and where the next begins.
fn first(text: &Text, rest: Range<usize>, limits: &Limits) -> (Range<usize>, usize) {
    let start = rest.start;
    let left = text.plain().get(rest).unwrap_or_default();
    let lines = left.match_indices('\n').nth(limits.lines.max(1) - 1).map_or(left.len(), |(at, _)| at);
    let bytes = room(text, start, lines, limits);
    if lines <= bytes {
        return (start..start + lines, start + lines + 1);
    }
    let end = within(left, bytes);
    let fits = left.get(..end).unwrap_or_default();
    let (end, skip) = match fits.rfind('\n').or_else(|| fits.rfind(' ').filter(|at| *at >= end / 2)) {
        _ if left.get(end..).unwrap_or_default().starts_with([' ', '\n']) => (end, 1),
        Some(at) if !fits.get(..at).unwrap_or_default().trim().is_empty() => (at, 1),
        _ => (end, 0),
    };
    (start..start + end, start + end + skip)
}

/// All that is left, in one part: with a word about what is missing if it does not fit.
fn last(text: &Text, rest: Range<usize>, limits: &Limits) -> Text {
    let left = text.plain().get(rest.clone()).unwrap_or_default();
    let (part, next) = first(text, rest.clone(), limits);
    if next >= rest.end || left.trim().is_empty() {
        return text.slice(part);
    }
    let lines = left.lines().filter(|line| !line.trim().is_empty()).count();
    let note = match lines {
        1 => " … (the rest is too long to be shown here)".to_owned(),
        lines => format!(" … ({lines} lines more are not shown here)"),
    };
    if lines > 1 {
        return note.trim_start().into();
    }
    let less = Limits { bytes: limits.bytes.saturating_sub(note.len()), ..*limits };
    let mut kept = text.slice(first(text, rest, &less).0);
    kept.push(&note.into());
    kept
}

/// Bytes of text that fit from here on, after the cost of the spans that lie there.
fn room(text: &Text, start: usize, length: usize, limits: &Limits) -> usize {
    let end = start + length.min(limits.bytes);
    let spans = text.spans().iter().filter(|span| span.range.start < end && start < span.range.end).count();
    limits.bytes.saturating_sub(spans * limits.span).max(LEAST)
}

/// The last bound at or before so many bytes: of a grapheme, or of a character where one grapheme has more.
pub(crate) fn within(text: &str, bytes: usize) -> usize {
    let limit = text.floor_char_boundary(bytes);
    if limit == text.len() {
        return limit;
    }
    let ends = text.grapheme_indices(true).map(|(at, grapheme)| at + grapheme.len());
    let whole = ends.take_while(|end| *end <= limit).last().unwrap_or(0);
    if whole > 0 { whole } else { limit.max(text.chars().next().map_or(0, char::len_utf8)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Span, Style};
    use crate::seeded::Seeded;

    fn limits(bytes: usize, lines: usize) -> Limits {
        Limits { bytes, lines, span: 0, parts: usize::MAX }
    }

    fn plain(parts: &[Text]) -> Vec<&str> {
        parts.iter().map(Text::plain).collect()
    }

    #[test]
    fn lines_become_messages_and_blank_ones_nothing() {
        assert_eq!(plain(&cut(&"one\n\n  \ntwo\nthree\n".into(), &limits(100, 1))), ["one", "two", "three"]);
        assert_eq!(plain(&cut(&"one\ntwo\nthree".into(), &limits(100, 2))), ["one\ntwo", "three"]);
        assert!(cut(&"\n\n".into(), &limits(100, 1)).is_empty());
    }

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(
            plain(&cut(&"parting is such sweet sorrow".into(), &limits(12, 1))),
            ["parting is", "such sweet", "sorrow"]
        );
        assert_eq!(plain(&cut(&"abcdefghij klm".into(), &limits(4, 1))), ["abcd", "efgh", "ij", "klm"]);
    }

    #[test]
    fn a_grapheme_stays_whole_unless_it_alone_is_too_long() {
        assert_eq!(plain(&cut(&"ab👩‍👩‍👧cd".into(), &limits(19, 1))), ["ab", "👩‍👩‍👧c", "d"]);
        assert_eq!(plain(&cut(&"e\u{301}e\u{301}".into(), &limits(5, 1))), ["e\u{301}", "e\u{301}"]);
        let zalgo = format!("e{}", "\u{301}".repeat(10));
        assert!(cut(&zalgo.as_str().into(), &limits(7, 1)).iter().all(|part| part.plain().len() <= 7));
    }

    #[test]
    fn spans_cost_their_bytes_and_go_on_in_the_next_part() {
        let text = Text::styled("aaaaaaaaaa", vec![Span { range: 0..10, style: Style::Bold }]);
        let parts = cut(&text, &Limits { span: 2, ..limits(8, 1) });
        assert_eq!(plain(&parts), ["aaaaaa", "aaaa"]);
        assert!(parts.iter().all(|part| part.spans().len() == 1));
    }

    #[test]
    fn a_wall_of_text_ends_with_what_is_missing() {
        let wall = "line\n".repeat(50);
        let parts = cut(&wall.as_str().into(), &Limits { parts: 3, ..limits(100, 1) });
        assert_eq!(plain(&parts), ["line", "line", "… (48 lines more are not shown here)"]);
        let parts = cut(&"a".repeat(500).as_str().into(), &Limits { parts: 2, ..limits(100, 1) });
        assert_eq!(parts.len(), 2);
        assert!(parts[1].plain().ends_with("… (the rest is too long to be shown here)"));
        assert!(parts[1].plain().len() <= 100);
    }

    #[test]
    fn a_shortened_line_says_so() {
        assert_eq!(shorten("parting", 7), "parting");
        assert_eq!(shorten("partings", 7), "part…");
    }

    #[test]
    fn whatever_is_cut_fits_and_nothing_but_the_cuts_is_missing() {
        let mut seeded = Seeded::new(7);
        for _ in 0..3000 {
            let words = seeded.prose(80);
            let bytes = 4 + seeded.below(60);
            let lines = 1 + seeded.below(3);
            let text = Text::new(words);
            let parts = cut(&text, &limits(bytes, lines));
            for part in &parts {
                assert!(part.plain().len() <= bytes, "{part:?} has more than {bytes} bytes");
                assert!(part.plain().lines().count() <= lines, "{part:?} has more than {lines} lines");
            }
            let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let joined: String = parts.iter().map(Text::plain).collect();
            assert_eq!(bare(&joined), bare(text.plain()));
        }
    }

    #[test]
    fn graphemes_are_only_cut_where_one_is_longer_than_the_limit() {
        let mut seeded = Seeded::new(8);
        for _ in 0..1000 {
            let text = Text::new(seeded.prose(60));
            let longest = text.plain().graphemes(true).map(str::len).max().unwrap_or(0);
            let whole: Vec<&str> = text.plain().graphemes(true).filter(|g| !g.trim().is_empty()).collect();
            let parts = cut(&text, &limits(longest.max(4) + seeded.below(20), 1));
            let seen = parts.iter().flat_map(|p| p.plain().graphemes(true)).filter(|g| !g.trim().is_empty());
            assert_eq!(seen.collect::<Vec<_>>(), whole, "{text:?}");
        }
    }
}
