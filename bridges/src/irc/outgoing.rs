//! What goes out: acts as lines of IRC, each within the real budget, with the tags and batches that the server knows.

use super::formatting;
use super::line::{tagged, write};
use crate::degrade::{cut, within};
use crate::model::{Message, Text};
use crate::network::Limits;

/// Bytes of `\x01ACTION ` and the closing `\x01`.
const ACTION: usize = 9;

/// How one channel can be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Manner {
    /// Bytes of text in one line.
    pub budget: usize,
    /// Messages of several lines: bytes and lines (draft/multiline).
    pub multiline: Option<(usize, usize)>,
    /// What we send comes back to us (echo-message).
    pub echo: bool,
    /// Answers bear our labels (labeled-response).
    pub labels: bool,
    /// Messages have names, and client tags are passed on: replies and reactions work.
    pub reply: bool,
    /// Reactions are passed on.
    pub react: bool,
    /// Who is writing is passed on.
    pub typing: bool,
    /// Messages can be taken back (draft/message-redaction).
    pub redact: bool,
    /// What was said can be asked for, by name (draft/chathistory).
    pub history: bool,
}

/// Something that is sent as one piece.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unit {
    /// One line, or the lines of one batch, with their ends.
    pub lines: String,
    /// How many lines these are.
    pub cost: u32,
    /// What the answer is called.
    pub label: Option<String>,
    /// The text, as the server shows it again.
    pub text: String,
    /// A message; else an act that leaves none behind.
    pub words: bool,
}

impl Unit {
    /// A single line that is no message.
    pub fn act(line: String, label: Option<String>) -> Unit {
        let lines = labelled(label.as_deref(), &[], &line);
        Unit { lines, cost: 1, label, ..Unit::default() }
    }
}

/// A message, as the lines and batches that say it. `degrade` has cut already, by what was known then; what has become
/// too long since is cut once more. `name` gives labels, and names to batches.
pub fn said(
    channel: &str,
    manner: &Manner,
    message: &Message<crate::network::RemoteId>,
    mut name: impl FnMut() -> String,
) -> Vec<Unit> {
    let bytes = manner.budget.saturating_sub(if message.action { ACTION } else { 0 });
    let mut pieces: Vec<Piece> = Vec::new();
    match manner.multiline.filter(|_| !message.action) {
        Some(_) => message.text.lines().for_each(|line| pieces.extend(long(&line, bytes))),
        None => {
            let limits = Limits { bytes, lines: 1, span: formatting::SPAN, parts: usize::MAX };
            pieces.extend(cut(&message.text, &limits).iter().map(|part| Piece::new(formatting::write(part))));
        }
    }
    let (most_bytes, most_lines) = manner.multiline.filter(|_| !message.action).unwrap_or((0, 1));
    let mut units = Vec::new();
    let mut rest = pieces.as_slice();
    while !rest.is_empty() {
        let mut size = 0;
        let fits = rest.iter().take(most_lines.max(1)).take_while(|piece| {
            size += piece.text.len() + 1;
            size <= most_bytes + 1
        });
        let (batch, more) = rest.split_at(fits.count().max(1)); // holds: no more than the rest has
        rest = more;
        let batch: &[Piece] = trimmed(batch);
        if batch.is_empty() {
            continue;
        }
        let label = (manner.labels && manner.echo).then(&mut name);
        let reply =
            message.reply.as_ref().filter(|_| manner.reply && units.is_empty()).map(|r| r.to.as_str());
        units.push(unit(channel, batch, message.action, (label, reply), &mut name));
    }
    units
}

/// A line, or a part of one that is too long.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    text: String,
    /// It goes on in the line before it.
    concat: bool,
}

impl Piece {
    fn new(text: String) -> Piece {
        Piece { text, concat: false }
    }
}

/// Without the blank lines around it.
fn trimmed(batch: &[Piece]) -> &[Piece] {
    let blank = |piece: &Piece| piece.text.trim().is_empty();
    let start = batch.iter().position(|piece| !blank(piece)).unwrap_or(batch.len());
    let end = batch.iter().rposition(|piece| !blank(piece)).map_or(start, |last| last + 1);
    batch.get(start..end).unwrap_or_default()
}

/// A line in pieces that fit, each with the space at its end: together they are the line again.
fn long(line: &Text, bytes: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let plain = line.plain();
    loop {
        let rest = plain.get(start..).unwrap_or_default();
        let spans =
            line.spans().iter().filter(|s| s.range.start < start + bytes && start < s.range.end).count();
        let fits = within(rest, bytes.saturating_sub(spans * formatting::SPAN).max(4));
        let end = match rest.get(..fits).and_then(|fits| fits.rfind(' ')) {
            Some(space) if fits < rest.len() && space > fits / 2 => space + 1,
            _ => fits,
        };
        pieces.push(Piece { text: formatting::write(&line.slice(start..start + end)), concat: start > 0 });
        start += end;
        if start >= plain.len() || end == 0 {
            return pieces;
        }
    }
}

fn unit(
    channel: &str,
    batch: &[Piece],
    action: bool,
    (label, reply): (Option<String>, Option<&str>),
    mut name: impl FnMut() -> String,
) -> Unit {
    let replies: Vec<(&str, &str)> =
        reply.into_iter().flat_map(|to| [("+reply", to), ("+draft/reply", to)]).collect();
    if let [piece] = batch {
        let text = if action { format!("\u{1}ACTION {}\u{1}", piece.text) } else { piece.text.clone() };
        let lines = labelled(label.as_deref(), &replies, &write(&["PRIVMSG", channel], Some(&text)));
        return Unit { lines, cost: 1, label, text, words: true };
    }
    let reference = name();
    let opening = write(&["BATCH", &format!("+{reference}"), "draft/multiline", channel], None);
    let mut lines = labelled(label.as_deref(), &replies, &opening);
    let mut text = String::new();
    for (number, piece) in batch.iter().enumerate() {
        let goes_on = piece.concat && number > 0;
        if number > 0 && !goes_on {
            text.push('\n');
        }
        text.push_str(&piece.text);
        let mut tags = vec![("batch", reference.as_str())];
        tags.extend(goes_on.then_some(("draft/multiline-concat", "")));
        lines.push_str(&tagged(&tags, &write(&["PRIVMSG", channel], Some(&piece.text))));
    }
    lines.push_str(&write(&["BATCH", &format!("-{reference}")], None));
    let cost = u32::try_from(batch.len()).unwrap_or(u32::MAX);
    Unit { lines, cost, label, text, words: true }
}

fn labelled(label: Option<&str>, more: &[(&str, &str)], line: &str) -> String {
    let mut tags: Vec<(&str, &str)> = label.into_iter().map(|label| ("label", label)).collect();
    tags.extend_from_slice(more);
    tagged(&tags, line)
}

/// A reaction, made or taken back.
pub fn reaction(channel: &str, to: &str, emoji: &str, on: bool, label: Option<String>) -> Unit {
    let tag = if on { "+draft/react" } else { "+draft/unreact" };
    let tags = [("+reply", to), ("+draft/reply", to), (tag, emoji)];
    let lines = labelled(label.as_deref(), &tags, &write(&["TAGMSG", channel], None));
    Unit { lines, cost: 1, label, ..Unit::default() }
}

/// Somebody of ours is writing, or nobody any more.
pub fn typing(channel: &str, on: bool) -> String {
    tagged(&[("+typing", if on { "active" } else { "done" })], &write(&["TAGMSG", channel], None))
}

#[cfg(test)]
mod tests;
