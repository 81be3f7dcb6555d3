//! Questions to the server and what it answers, known by a label (IRCv3 labeled-response) or, where there are none, by a PING
//! behind the question: what comes before its PONG is the answer.

use super::batches::Around;
use super::{Out, Phase, Session};
use crate::irc::line::{Line, tagged, write};
use crate::network::NetworkError;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Where the answer to a question goes: all lines of it.
pub type Replies = oneshot::Sender<Result<Vec<Line>, NetworkError>>;

/// Questions that may be open at once; without labels, one.
const OPEN: usize = 8;

/// Lines of one answer that are kept.
const LINES: usize = 20_000;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A question.
#[derive(Debug)]
pub struct Ask {
    /// The line, with its end.
    pub line: String,
    /// What ends the answer, beside the label and the PONG: `323` for LIST.
    pub ends: &'static [&'static str],
}

/// A question that waits for its answer.
pub struct Asked {
    label: Option<String>,
    fence: String,
    ends: &'static [&'static str],
    lines: Vec<Line>,
    until: Instant,
    replies: Replies,
}

impl Session {
    /// Asks the server.
    pub fn ask(&mut self, ask: Ask, replies: Replies, now: Instant, out: &mut Out) {
        let labels = self.have("labeled-response");
        let busy = self.asked.len() >= if labels { OPEN } else { 1 };
        let error = match self.phase {
            Phase::Ready if !busy => None,
            Phase::Ready => Some(NetworkError::Slow(Duration::from_secs(2))),
            _ => Some(NetworkError::Down("not connected".into())),
        };
        if let Some(error) = error {
            // Who no longer waits needs no answer.
            let _ = replies.send(Err(error));
            return;
        }
        let fence = self.name_label();
        let label = labels.then(|| fence.clone());
        match &label {
            Some(label) => out.paced.push(tagged(&[("label", label)], &ask.line)),
            None => out.paced.push(ask.line + &write(&["PING"], Some(&fence))),
        }
        let asked = Asked { label, fence, ends: ask.ends, lines: Vec::new(), until: now + PATIENCE, replies };
        self.asked.push(asked);
    }

    /// Is this line part of an answer? It is kept with it.
    pub(super) fn answers(&mut self, line: &Line, label: Option<&str>, around: &Around) -> bool {
        let mine = |asked: &Asked| match (&asked.label, label) {
            (Some(known), Some(label)) => known == label,
            (None, None) => self.sounds_like_an_answer(line, around),
            _ => false,
        };
        let Some(place) = self.asked.iter().position(mine) else { return false };
        let Some(asked) = self.asked.get_mut(place) else { return false };
        if asked.lines.len() < LINES && !matches!(line.verb.as_str(), "ACK" | "PONG") {
            asked.lines.push(line.clone());
        }
        let whole = label.is_some() && line.batch.is_none();
        if whole || asked.ends.contains(&line.verb.as_str()) {
            self.finish(place);
        }
        true
    }

    /// The server has answered all that bears this label, or all before this PING.
    pub(super) fn answered(&mut self, word: &str) {
        if let Some(place) =
            self.asked.iter().position(|a| a.label.as_deref() == Some(word) || a.fence == word)
        {
            self.finish(place);
        }
        if self.sending.knows(word) {
            self.sending.done(word);
        }
        self.sending.seen(word);
    }

    /// Questions whose answer does not come. Of those whose answer has begun, what has come is the answer.
    pub(super) fn give_up_asking(&mut self, now: Instant) {
        while let Some(place) = self.asked.iter().position(|asked| asked.until <= now) {
            self.finish(place);
        }
    }

    /// The link is gone, and with it all answers.
    pub(super) fn forget_asking(&mut self, error: &NetworkError) {
        for asked in self.asked.drain(..) {
            // Who no longer waits needs no answer.
            let _ = asked.replies.send(Err(error.clone()));
        }
    }

    fn finish(&mut self, place: usize) {
        if place < self.asked.len() {
            let Asked { lines, replies, .. } = self.asked.remove(place);
            // Who no longer waits needs no answer.
            let _ = replies.send(Ok(lines));
        }
    }

    /// Numerics to us, standard replies, and what the server itself says.
    fn sounds_like_an_answer(&self, line: &Line, around: &Around) -> bool {
        let numeric = line.verb.len() == 3 && line.verb.chars().all(|c| c.is_ascii_digit());
        numeric
            || around.history.is_some()
            || matches!(line.verb.as_str(), "FAIL" | "WARN" | "NOTE")
            || (line.verb == "NOTICE" && line.source.user.is_empty())
            || (matches!(line.verb.as_str(), "KICK" | "MODE") && self.is_me(&line.source.nick))
    }
}

/// The first line of an answer that says no, as an error.
pub fn refusal(lines: &[Line]) -> Option<NetworkError> {
    let says_no = |line: &&Line| {
        let numeric = line.verb.len() == 3 && (line.verb.starts_with('4') || line.verb.starts_with('5'));
        line.verb == "FAIL" || (numeric && line.verb != "422")
    };
    lines.iter().find(says_no).map(as_error)
}

/// A line that says no, as an error with the server's words.
pub(super) fn as_error(line: &Line) -> NetworkError {
    let said = line.words();
    let code = if line.verb == "FAIL" { line.arg(1) } else { line.verb.as_str() };
    match code {
        "401" | "402" | "403" | "441" | "442" | "UNKNOWN_MSGID" | "INVALID_TARGET" => {
            NetworkError::NotFound(said)
        }
        "477" | "ACCOUNT_REQUIRED" => {
            NetworkError::Unauthorized(format!("{said} (only registered nicks may: set up `sasl`)"))
        }
        "482" => NetworkError::Forbidden(format!("{said} (its operators must make the bridge one of them)")),
        "421" => NetworkError::Unsupported("the server does not know this command"),
        "263" | "RATE_LIMITED" => NetworkError::Slow(Duration::from_secs(60)),
        "MULTILINE_MAX_BYTES" | "MULTILINE_MAX_LINES" | "417" => NetworkError::TooLarge,
        _ => NetworkError::Forbidden(said),
    }
}
