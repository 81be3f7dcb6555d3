//! Plain text and the spans that style it. What is in a `Text` is harmless: the type is the proof.

use super::author::is_harmless;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Plain text, never markup, with spans that style it.
///
/// Lines end with `\n` alone; there is no other control character but the tab, and nothing that XML 1.0 §2.2 forbids.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Parts", into = "Parts")]
pub struct Text {
    plain: String,
    spans: Vec<Span>,
}

/// A stretch of text in a style. Byte offsets into the plain text, on character bounds, never empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// From which byte up to before which.
    pub range: Range<usize>,
    /// How it is meant.
    pub style: Style,
}

/// How a stretch of text is meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Style {
    /// Strong.
    Bold,
    /// Emphasised.
    Italic,
    /// Underlined.
    Underline,
    /// Struck through.
    Strike,
    /// Hidden until asked for.
    Spoiler,
    /// Code within a line.
    Code,
    /// Code in lines of its own.
    Block {
        /// The language it is written in, where said.
        language: Option<String>,
    },
    /// Somebody else's words.
    Quote,
    /// Leads to this address.
    Link(String),
    /// Means the person with this author id.
    Mention(std::sync::Arc<str>),
    /// Stands for a picture.
    Emoji {
        /// Where the picture lies, where it is not an emoji of Unicode.
        image: Option<String>,
    },
}

/// A text as it is written down. What is read back is made harmless again.
#[derive(Serialize, Deserialize)]
struct Parts {
    plain: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spans: Vec<Span>,
}

impl From<Parts> for Text {
    fn from(Parts { plain, spans }: Parts) -> Text {
        Text::styled(plain, spans)
    }
}

impl From<Text> for Parts {
    fn from(Text { plain, spans }: Text) -> Parts {
        Parts { plain, spans }
    }
}

impl Text {
    /// Text made harmless.
    pub fn new(plain: impl Into<String>) -> Self {
        Text::styled(plain, Vec::new())
    }

    /// Text made harmless, with spans that keep their place. Offsets beyond the text are cut, offsets within a character
    /// move to its start, and empty spans are dropped.
    pub fn styled(plain: impl Into<String>, spans: Vec<Span>) -> Self {
        let plain = plain.into();
        let floor = |at: usize| plain.floor_char_boundary(at);
        let mut spans: Vec<Span> = spans
            .into_iter()
            .map(|span| Span { range: floor(span.range.start)..floor(span.range.end), style: span.style })
            .collect();
        let clean = plain.chars().all(|c| matches!(c, '\n' | '\t') || is_harmless(c));
        let plain = if clean { plain } else { harmless(&plain, &mut spans) };
        spans.retain(|span| !span.range.is_empty());
        Text { plain, spans }
    }

    /// The words.
    pub fn plain(&self) -> &str {
        &self.plain
    }

    /// The spans, in no order; they may nest and overlap.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The words, without their styles.
    pub fn into_plain(self) -> String {
        self.plain
    }

    /// Nothing is said.
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty()
    }

    /// A part of it, with what the spans have there. Bounds that are no character bounds give nothing.
    pub fn slice(&self, range: Range<usize>) -> Text {
        let Some(plain) = self.plain.get(range.clone()) else { return Text::default() };
        let within = |at: usize| at.clamp(range.start, range.end) - range.start;
        let spans = self.spans.iter().map(|span| Span {
            range: within(span.range.start)..within(span.range.end),
            style: span.style.clone(),
        });
        Text { plain: plain.into(), spans: spans.filter(|span| !span.range.is_empty()).collect() }
    }

    /// Its lines, each with its styles, without their ends.
    pub fn lines(&self) -> impl Iterator<Item = Text> + '_ {
        let mut start = 0;
        self.plain.split('\n').map(move |line| {
            let range = start..start + line.len();
            start = range.end + 1;
            self.slice(range)
        })
    }

    /// This, and then that.
    pub fn push(&mut self, more: &Text) {
        let by = self.plain.len();
        self.plain.push_str(&more.plain);
        self.spans.extend(more.spans.iter().map(|span| Span {
            range: span.range.start + by..span.range.end + by,
            style: span.style.clone(),
        }));
    }
}

impl From<&str> for Text {
    fn from(plain: &str) -> Self {
        Text::new(plain)
    }
}

impl From<String> for Text {
    fn from(plain: String) -> Self {
        Text::new(plain)
    }
}

/// Drops what harms, makes every line end `\n`, and moves the spans along.
fn harmless(plain: &str, spans: &mut [Span]) -> String {
    let mut kept = String::with_capacity(plain.len());
    let mut moved = vec![0; plain.len() + 1];
    let mut chars = plain.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if let Some(place) = moved.get_mut(at) {
            *place = kept.len();
        }
        match c {
            '\r' if chars.peek().is_some_and(|(_, next)| *next == '\n') => {}
            '\r' | '\u{2028}' | '\u{2029}' => kept.push('\n'),
            '\n' | '\t' => kept.push(c),
            c if is_harmless(c) => kept.push(c),
            _ => {}
        }
    }
    if let Some(last) = moved.last_mut() {
        *last = kept.len();
    }
    for span in spans {
        let place = |at: usize| moved.get(at).copied().unwrap_or(kept.len());
        span.range = place(span.range.start)..place(span.range.end);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bold(range: Range<usize>) -> Span {
        Span { range, style: Style::Bold }
    }

    #[test]
    fn far_text_is_made_harmless_once() {
        let text = Text::new("a\0b\u{1}ACTION\u{1}\r\nc\rd\te\u{FFFE}\u{7F}\u{9B}f");
        assert_eq!(text.plain(), "abACTION\nc\nd\tef");
    }

    #[test]
    fn spans_keep_their_words_when_characters_before_them_go() {
        let text = Text::styled("\u{2}one\u{2} two", vec![bold(1..4)]);
        assert_eq!((text.plain(), text.spans()), ("one two", &[bold(0..3)][..]));
    }

    #[test]
    fn spans_of_nonsense_do_no_harm() {
        let text = Text::styled("é", vec![bold(1..9), bold(5..7), Span { range: 1..1, style: Style::Code }]);
        assert_eq!(text.spans(), &[bold(0..2)]);
    }

    #[test]
    fn a_slice_takes_its_share_of_the_spans() {
        let text = Text::styled("one two three", vec![bold(2..9)]);
        let middle = text.slice(4..7);
        assert_eq!((middle.plain(), middle.spans()), ("two", &[bold(0..3)][..]));
        assert_eq!(text.slice(10..13).spans(), &[]);
        assert_eq!(Text::new("é").slice(1..2), Text::default());
    }

    #[test]
    fn lines_keep_their_styles() {
        let text = Text::styled("one\ntwo\n", vec![bold(2..6)]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [Text::styled("one", vec![bold(2..3)]), Text::styled("two", vec![bold(0..2)]), "".into()]
        );
    }

    #[test]
    fn what_is_pushed_brings_its_styles_along() {
        let mut text = Text::new("<ann> ");
        text.push(&Text::styled("hi", vec![bold(0..2)]));
        assert_eq!((text.plain(), text.spans()), ("<ann> hi", &[bold(6..8)][..]));
    }
}
