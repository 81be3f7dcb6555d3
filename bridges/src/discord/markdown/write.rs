//! From text and spans to markdown that means the same and nothing more.

use super::BREAK;
use super::names;
use crate::model::{Span, Style, Text};
use std::ops::Range;

/// The marks of styles that nest, the outer before the inner.
const MARKS: [(&str, Style); 5] = [
    ("||", Style::Spoiler),
    ("**", Style::Bold),
    ("__", Style::Underline),
    ("~~", Style::Strike),
    ("*", Style::Italic),
];

/// What names alert everybody. They must not, whoever says them.
const ALERTS: [&str; 2] = ["everyone", "here"];

/// The message as Discord's markdown, and the people whom its mentions may alert. `mention` tells whose number an
/// `Author::id` is.
///
/// Marks cost characters: whoever sends it looks at the length of what comes out.
pub fn write(text: &Text, mention: &dyn Fn(&str) -> Option<u64>) -> (String, Vec<u64>) {
    let mut out = Out {
        written: String::new(),
        people: Vec::new(),
        mention,
        space: String::new(),
        marked: false,
        closed: 0,
        address: 0,
    };
    let plain = text.plain();
    let mut blocks: Vec<(&Range<usize>, &Option<String>)> = Vec::new();
    for span in text.spans() {
        if let Style::Block { language } = &span.style
            && blocks.iter().all(|(other, _)| span.range.start >= other.end || span.range.end <= other.start)
        {
            blocks.push((&span.range, language));
        }
    }
    blocks.sort_by_key(|(range, _)| range.start);
    let mut at = 0;
    for (range, language) in blocks {
        out.lines(text, at..range.start);
        out.block(plain.get(range.clone()).unwrap_or_default(), language.as_deref());
        at = range.end;
        if let Some(rest) = plain.get(at..).filter(|rest| !rest.is_empty()) {
            out.written.push('\n');
            at += usize::from(rest.starts_with('\n'));
        }
    }
    out.lines(text, at..plain.len());
    (out.written, out.people)
}

struct Out<'a> {
    written: String,
    people: Vec<u64>,
    mention: &'a dyn Fn(&str) -> Option<u64>,
    /// White space that goes inside or outside of marks, as the next words tell.
    space: String,
    /// Marks are open: one in an address would close them.
    marked: bool,
    /// Where the last closing mark ended.
    closed: usize,
    /// Where the last address ended: what follows it without a space would become part of it.
    address: usize,
}

impl Out<'_> {
    /// Lines that are no code.
    fn lines(&mut self, text: &Text, range: Range<usize>) {
        let Some(part) = text.plain().get(range.clone()) else { return };
        let mut start = range.start;
        for (number, line) in part.split('\n').enumerate() {
            if number > 0 {
                self.written.push('\n');
            }
            let here = start..start + line.len();
            start = here.end + 1;
            let quoted = text.spans().iter().any(|span| span.style == Style::Quote && touches(span, &here));
            if quoted {
                self.written.push_str("> ");
            }
            self.line(text, here);
        }
    }

    fn line(&mut self, text: &Text, line: Range<usize>) {
        let inline =
            |span: &&Span| touches(span, &line) && !matches!(span.style, Style::Quote | Style::Block { .. });
        let spans: Vec<&Span> = text.spans().iter().filter(inline).collect();
        let clamp = |at: usize| at.clamp(line.start, line.end);
        let ends = spans.iter().flat_map(|span| [clamp(span.range.start), clamp(span.range.end)]);
        let mut bounds: Vec<usize> = ends.chain([line.start, line.end]).collect();
        bounds.sort_unstable();
        bounds.dedup();
        let mut open: Vec<&str> = Vec::new();
        for pair in bounds.windows(2) {
            let [start, end] = *pair else { continue };
            let here: Vec<&Span> = spans
                .iter()
                .filter(|span| span.range.start <= start && span.range.end >= end)
                .copied()
                .collect();
            let words = text.plain().get(start..end).unwrap_or_default();
            let at_start = start == line.start;
            self.segment(words, &here, (&mut open, at_start));
        }
        self.close(&mut open, 0);
        let space = std::mem::take(&mut self.space);
        self.written.push_str(&space);
    }

    /// Words that are all in the same styles. Space at their edges stays outside of marks that open or close there.
    fn segment(&mut self, words: &str, spans: &[&Span], (open, at_start): (&mut Vec<&'static str>, bool)) {
        let wanted = |style: &Style| spans.iter().any(|span| span.style == *style);
        let marks: Vec<&'static str> =
            MARKS.iter().filter(|(_, style)| wanted(style)).map(|(mark, _)| *mark).collect();
        let kept = open.iter().zip(&marks).take_while(|(a, b)| a == b).count();
        self.close(open, kept);
        let core = words.trim();
        if core.is_empty() {
            return self.space.push_str(words);
        }
        let lead = words.len() - words.trim_start().len();
        let space = std::mem::take(&mut self.space);
        self.written.push_str(&space);
        self.written.push_str(words.get(..lead).unwrap_or_default());
        let since = self.written.get(self.address..).filter(|_| self.address > 0);
        if since.is_some_and(|since| !since.contains([' ', '\n', '\t', '<'])) {
            self.written.push(' ');
        }
        for mark in marks.iter().skip(kept) {
            self.apart(mark);
            self.written.push_str(mark);
            open.push(mark);
        }
        self.marked = !open.is_empty();
        self.core(core, spans, at_start && lead == 0 && marks.is_empty());
        self.space.push_str(words.get(lead + core.len()..).unwrap_or_default());
    }

    fn core(&mut self, words: &str, spans: &[&Span], at_start: bool) {
        for span in spans {
            match &span.style {
                Style::Mention(author) => {
                    if let Some(person) = (self.mention)(author) {
                        self.written.push_str(&format!("<@{person}>"));
                        if !self.people.contains(&person) {
                            self.people.push(person);
                        }
                        return;
                    }
                }
                Style::Code => return self.code(words, at_start),
                Style::Link(url) if names::is_address(url) && !words.contains(url.as_str()) => {
                    self.written.push('[');
                    self.escape(&words.replace("://", ":/\u{200B}/"), false);
                    self.written.push_str(&format!("](<{}>)", harmless(url)));
                    return;
                }
                _ => {}
            }
        }
        self.escape(words, at_start);
    }

    fn close(&mut self, open: &mut Vec<&str>, kept: usize) {
        while open.len() > kept {
            if let Some(mark) = open.pop() {
                self.written.push_str(mark);
                self.closed = self.written.len();
            }
        }
    }

    /// A mark that opens is held apart from one that has just closed.
    fn apart(&mut self, mark: &str) {
        let touches = mark.chars().next().is_some_and(|c| self.written.ends_with(c));
        if touches && self.closed == self.written.len() && self.closed > 0 {
            self.written.push(BREAK);
        }
    }

    fn code(&mut self, words: &str, at_start: bool) {
        if words.contains("``") || words == "`" {
            return self.escape(words, at_start);
        }
        self.apart("`");
        let words = silenced(words);
        if words.contains('`') {
            self.written.push_str(&format!("`` {words} ``"));
        } else {
            self.written.push_str(&format!("`{words}`"));
        }
        self.closed = self.written.len();
    }

    fn block(&mut self, code: &str, language: Option<&str>) {
        if !self.written.is_empty() && !self.written.ends_with('\n') {
            self.written.push('\n');
        }
        let sound =
            |language: &&str| language.chars().all(|c| c.is_ascii_alphanumeric() || "+-_.#".contains(c));
        let language = language.filter(sound).unwrap_or_default();
        let code = silenced(code).replace("```", "`\u{200B}`\u{200B}`");
        self.written.push_str(&format!("```{language}\n{code}\n```"));
    }

    /// Words as words: nothing in them is markup, and addresses stay whole.
    fn escape(&mut self, words: &str, at_start: bool) {
        let mut rest = words;
        if at_start {
            rest = self.start_of_line(rest);
        }
        let mut before = self.written.chars().next_back();
        while let Some(c) = rest.chars().next() {
            if c == 'h'
                && !before.is_some_and(char::is_alphanumeric)
                && let Some(address) = names::address(rest)
            {
                let address_words = harmless(address);
                if self.marked {
                    self.written.push_str(&unmarked(&address_words));
                } else {
                    self.written.push_str(&address_words);
                }
                self.address = self.written.len();
                rest = rest.get(address.len()..).unwrap_or_default();
                before = address.chars().next_back();
                continue;
            }
            let after = rest.get(c.len_utf8()..).unwrap_or_default();
            match c {
                '\\' | '*' | '_' | '~' | '|' | '`' | '[' => self.written.extend(['\\', c]),
                '<' if after.starts_with(['@', '#', ':', 'a', 't', '/', 'i']) => {
                    self.written.extend([c, BREAK]);
                }
                '@' if ALERTS.iter().any(|alert| alerts(after, alert)) => self.written.extend([c, BREAK]),
                _ => self.written.push(c),
            }
            before = Some(c);
            rest = after;
        }
    }

    /// What would make a heading, a quotation or small words of the line.
    fn start_of_line<'t>(&mut self, words: &'t str) -> &'t str {
        let marked = words.starts_with(['#', '>']) || words.starts_with("-#");
        if marked {
            self.written.push('\\');
        }
        let taken = usize::from(marked);
        self.written.push_str(words.get(..taken).unwrap_or_default());
        words.get(taken..).unwrap_or_default()
    }
}

fn touches(span: &Span, range: &Range<usize>) -> bool {
    span.range.start < range.end && span.range.end > range.start
        || range.is_empty() && span.range.contains(&range.start)
}

/// `everyone` of `@everyone`, whatever its case.
fn alerts(after: &str, alert: &str) -> bool {
    after.get(..alert.len()).is_some_and(|word| word.eq_ignore_ascii_case(alert))
}

/// Code is not escaped, but Discord's server looks for alerts in it all the same.
fn silenced(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(['@', '<']) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let c = after.chars().next().unwrap_or_default();
        out.push(c);
        rest = after.get(1..).unwrap_or_default();
        let live = if c == '@' {
            ALERTS.iter().any(|alert| alerts(rest, alert))
        } else {
            rest.starts_with(['@', '#'])
        };
        if live {
            out.push(BREAK);
        }
    }
    out.push_str(rest);
    out
}

/// An address in which nothing closes a mark (RFC 3986 §2.1).
fn unmarked(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            '*' => out.push_str("%2A"),
            '_' => out.push_str("%5F"),
            '~' => out.push_str("%7E"),
            '|' => out.push_str("%7C"),
            '`' => out.push_str("%60"),
            '\\' => out.push_str("%5C"),
            _ => out.push(c),
        }
    }
    out
}

/// An address in which nothing alerts.
fn harmless(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    let mut rest = url;
    while let Some((before, after)) = rest.split_once('@') {
        out.push_str(before);
        out.push_str(if ALERTS.iter().any(|alert| alerts(after, alert)) { "%40" } else { "@" });
        rest = after;
    }
    out.push_str(rest);
    out
}
