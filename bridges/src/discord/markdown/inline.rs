//! From markdown to text and spans: what stands within lines.

use super::names::{self, Names};
use crate::model::{Span, Style};

/// How deep spans are read within spans. Deeper ones are words.
const DEPTH: usize = 8;

/// The marks that open and close a span, the longer before the shorter.
const MARKS: [(&str, Style); 6] = [
    ("**", Style::Bold),
    ("__", Style::Underline),
    ("~~", Style::Strike),
    ("||", Style::Spoiler),
    ("*", Style::Italic),
    ("_", Style::Italic),
];

/// What has been read so far.
pub(super) struct Inline<'a> {
    plain: String,
    pub(super) spans: Vec<Span>,
    names: &'a dyn Names,
}

impl<'a> Inline<'a> {
    pub(super) fn new(names: &'a dyn Names) -> Self {
        Inline { plain: String::new(), spans: Vec::new(), names }
    }

    pub(super) fn len(&self) -> usize {
        self.plain.len()
    }

    pub(super) fn line(&mut self) {
        self.plain.push('\n');
    }

    pub(super) fn done(self) -> (String, Vec<Span>) {
        (self.plain, self.spans)
    }

    /// Words with spans in them.
    pub(super) fn words(&mut self, text: &str, depth: usize) {
        let mut rest = text;
        let mut before: Option<char> = None;
        // A mark that is closed nowhere behind this place is closed nowhere behind a later one.
        let mut open = [true; MARKS.len()];
        let mut fences = true;
        while let Some(c) = rest.chars().next() {
            let read = match c {
                '\\' => self.escaped(rest),
                '`' => self.code(rest, &mut fences),
                '<' => self.name(rest),
                '[' => self.link(rest, depth),
                'h' => self.address(rest, before),
                '*' | '_' | '~' | '|' if depth < DEPTH => self.marked(rest, before, depth, &mut open),
                _ => None,
            };
            match read {
                Some(after) => {
                    before = rest.get(..rest.len() - after.len()).and_then(|read| read.chars().next_back());
                    rest = after;
                }
                None => {
                    self.plain.push(c);
                    before = Some(c);
                    rest = rest.get(c.len_utf8()..).unwrap_or_default();
                }
            }
        }
    }

    fn escaped<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let after = text.strip_prefix('\\')?;
        let c = after.chars().next().filter(char::is_ascii_punctuation)?;
        self.plain.push(c);
        after.get(1..)
    }

    /// A fence with lines of code, or code within the line.
    fn code<'t>(&mut self, text: &'t str, fences: &mut bool) -> Option<&'t str> {
        if let Some(after) = text.strip_prefix("```").filter(|_| *fences) {
            match after.split_once("```") {
                Some((inside, rest)) if !inside.trim().is_empty() => return Some(self.block(inside, rest)),
                Some(_) => {}
                None => *fences = false,
            }
        }
        let ticks = text.len() - text.trim_start_matches('`').len();
        let (mark, after) = text.split_at_checked(ticks)?;
        let close = closing_ticks(after, mark)?;
        let inside = after.get(..close)?;
        let spaced = inside.len() > 2 && inside.starts_with(' ') && inside.ends_with(' ');
        let inside = if spaced && inside.contains('`') { inside.trim_matches(' ') } else { inside };
        self.put(inside, Some(Style::Code));
        after.get(close + ticks..)
    }

    fn block<'t>(&mut self, inside: &str, rest: &'t str) -> &'t str {
        let language = inside.split_once('\n').filter(|(language, code)| {
            let sound = |c: char| c.is_ascii_alphanumeric() || "+-_.#".contains(c);
            !code.trim().is_empty() && language.len() <= 32 && language.chars().all(sound)
        });
        let (language, code) = language.map_or(("", inside), |(language, code)| (language, code));
        if !self.plain.is_empty() && !self.plain.ends_with('\n') {
            self.line();
        }
        let language = (!language.is_empty()).then(|| language.to_owned());
        self.put(code.trim_matches('\n'), Some(Style::Block { language }));
        if !rest.is_empty() {
            self.line();
        }
        rest.strip_prefix('\n').unwrap_or(rest)
    }

    fn name<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let (words, style, rest) = names::name(text, self.names)?;
        self.put(&words, style);
        Some(rest)
    }

    /// `[words](address)`, also with the address in brackets and with a title.
    fn link<'t>(&mut self, text: &'t str, depth: usize) -> Option<&'t str> {
        let (words, after) = text.strip_prefix('[')?.split_once("](")?;
        let (inside, rest) = after.split_once(')')?;
        let target = inside.split_whitespace().next()?;
        let target = target.strip_prefix('<').and_then(|target| target.strip_suffix('>')).unwrap_or(target);
        let sound = names::is_address(target) && !words.trim().is_empty() && !words.contains(['\n', '[']);
        if !sound || depth >= DEPTH {
            return None;
        }
        let start = self.plain.len();
        self.words(words, depth + 1);
        let range = start..self.plain.len();
        self.spans.push(Span { range, style: Style::Link(target.to_owned()) });
        Some(rest)
    }

    fn address<'t>(&mut self, text: &'t str, before: Option<char>) -> Option<&'t str> {
        let address = names::address(text).filter(|_| !before.is_some_and(char::is_alphanumeric))?;
        self.plain.push_str(address);
        text.get(address.len()..)
    }

    fn marked<'t>(
        &mut self,
        text: &'t str,
        before: Option<char>,
        depth: usize,
        open: &mut [bool; MARKS.len()],
    ) -> Option<&'t str> {
        for ((mark, style), open) in MARKS.iter().zip(open) {
            let Some(after) = text.strip_prefix(mark).filter(|_| *open) else { continue };
            if *mark == "_" && before.is_some_and(char::is_alphanumeric) {
                continue;
            }
            let Some(close) = closing(after, mark) else {
                // `*` that may not open here may open later.
                *open = mark.len() == 1;
                continue;
            };
            let inside = after.get(..close)?;
            if inside.trim().is_empty() {
                continue;
            }
            let start = self.plain.len();
            self.words(inside, depth + 1);
            let range = start..self.plain.len();
            self.spans.push(Span { range, style: style.clone() });
            return after.get(close + mark.len()..);
        }
        None
    }

    fn put(&mut self, words: &str, style: Option<Style>) {
        let start = self.plain.len();
        self.plain.push_str(words);
        let range = start..self.plain.len();
        self.spans.extend(style.map(|style| Span { range, style }));
    }
}

/// Where exactly as many ticks close code.
fn closing_ticks(after: &str, mark: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = after.get(from..)?.find(mark) {
        let at = from + found;
        let run = after.get(at..)?;
        let long = run.len() - run.trim_start_matches('`').len();
        if long == mark.len() && at > 0 {
            return Some(at);
        }
        from = at + long;
    }
    None
}

/// Where a mark closes: not within code, not escaped, not where a longer mark of its kind stands.
fn closing(after: &str, mark: &str) -> Option<usize> {
    let own = mark.chars().next()?;
    let single = mark.len() == 1;
    if single && after.starts_with(|c: char| c.is_whitespace() || c == own) {
        return None;
    }
    let mut at = 0;
    let mut before = None;
    while let Some(c) = after.get(at..)?.chars().next() {
        let rest = after.get(at..)?;
        if c == '\\' {
            let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
            at += 1 + escaped;
            before = Some('\\');
            continue;
        }
        if c == '`' {
            let ticks = rest.len() - rest.trim_start_matches('`').len();
            let (mark, behind) = rest.split_at_checked(ticks)?;
            at += ticks + closing_ticks(behind, mark).map_or(0, |close| close + ticks);
            before = Some('`');
            continue;
        }
        if c == own {
            let run = rest.len() - rest.trim_start_matches(own).len();
            let closes = if single { run != 2 } else { run >= 2 };
            let word_follows = rest.get(run..)?.starts_with(char::is_alphanumeric);
            let edge = before.is_some_and(|c: char| !c.is_whitespace());
            let allowed = if single { edge && !(own == '_' && word_follows) } else { at > 0 };
            if closes && allowed {
                // Of `***` the inner mark closes first: the outer takes the last ones.
                return Some(at + run - mark.len());
            }
            at += run;
            before = Some(own);
            continue;
        }
        before = Some(c);
        at += c.len_utf8();
    }
    None
}
