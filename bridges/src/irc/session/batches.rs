//! IRCv3 batch: lines that belong together. Those of draft/multiline are put together; of all others we remember what they
//! are about, and each line is heard as it comes. Bounded: a batch may nest, never close or be unknown, and does no harm.

use super::{Out, Session};
use crate::irc::line::Line;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Batches that may be open at once, and how deep they may lie in one another.
const OPEN: usize = 64;
const DEEP: usize = 8;

/// Bytes and lines of one message of several lines; what is more becomes another message.
const BYTES: usize = 64 * 1024;
const LINES: usize = 1000;

/// A batch that is open for so long is taken as closed.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// The batches that are open.
#[derive(Debug, Default)]
pub struct Batches(BTreeMap<String, Batch>);

/// A batch.
#[derive(Debug)]
pub struct Batch {
    /// The line that opened it, with its tags.
    pub opening: Line,
    /// What it is.
    pub kind: String,
    /// How many lines were in it.
    pub count: usize,
    /// When the newest of them was said.
    pub newest: Option<SystemTime>,
    pieces: Vec<(bool, String)>,
    verb: String,
    bytes: usize,
    since: Instant,
}

/// What the batches around a line say of it.
#[derive(Debug, Default)]
pub struct Around {
    /// What we called the line that it answers.
    pub label: Option<String>,
    /// The channel whose history this is, as the server spells it.
    pub history: Option<String>,
    /// The two servers of a netsplit.
    pub split: Option<String>,
}

impl Batches {
    fn around(&mut self, line: &Line) -> Around {
        let mut around = Around::default();
        let mut next = line.batch.clone();
        for _ in 0..DEEP {
            let Some(batch) = next.take().and_then(|reference| self.0.get_mut(&reference)) else { break };
            batch.count += 1;
            batch.newest = batch.newest.max(line.at);
            around.label = around.label.take().or_else(|| batch.opening.label.clone());
            match batch.kind.as_str() {
                "chathistory" => around.history = Some(batch.opening.arg(2).into()),
                "netsplit" => {
                    let servers = batch.opening.args.get(2..).unwrap_or_default().join(" ");
                    around.split = Some(servers);
                }
                _ => {}
            }
            next = batch.opening.batch.clone();
        }
        around
    }
}

impl Session {
    /// BATCH: one opens, or closes.
    pub(super) fn batch(&mut self, line: &Line, now: Instant, out: &mut Out) {
        let name = line.arg(0);
        if let Some(reference) = name.strip_prefix('+') {
            if self.batches.0.len() < OPEN {
                let (kind, verb) = (line.arg(1).to_ascii_lowercase(), String::new());
                let (pieces, bytes, count, newest) = (Vec::new(), 0, 0, None);
                let batch =
                    Batch { opening: line.clone(), kind, count, newest, pieces, verb, bytes, since: now };
                self.batches.0.insert(reference.into(), batch);
            }
        } else if let Some(reference) = name.strip_prefix('-')
            && let Some(batch) = self.batches.0.remove(reference)
        {
            self.closed(batch, now, out);
        }
    }

    /// What the batches around this line say of it; `None` where it was kept until its batch is closed.
    pub(super) fn around(&mut self, line: &Line, now: Instant, out: &mut Out) -> Option<Around> {
        let reference = line.batch.as_deref();
        let message = matches!(line.verb.as_str(), "PRIVMSG" | "NOTICE");
        let Some(batch) = reference.and_then(|reference| self.batches.0.get_mut(reference)) else {
            return Some(Around::default());
        };
        if batch.kind != "draft/multiline" || !message {
            return Some(self.batches.around(line));
        }
        batch.verb.clone_from(&line.verb);
        batch.bytes += line.last().len() + 1;
        batch.pieces.push((line.concat, line.last().into()));
        if batch.opening.source == Default::default() {
            batch.opening.source = line.source.clone();
        }
        if batch.bytes > BYTES || batch.pieces.len() >= LINES {
            let whole = together(batch);
            batch.opening.msgid = None;
            (batch.bytes, batch.pieces) = (0, Vec::new());
            self.heard(&whole, now, out);
        }
        None
    }

    /// Batches that were forgotten are closed.
    pub(super) fn close_forgotten(&mut self, now: Instant, out: &mut Out) {
        let old = self.batches.0.iter().filter(|(_, batch)| batch.since + FORGOTTEN <= now);
        for reference in old.map(|(reference, _)| reference.clone()).collect::<Vec<_>>() {
            if let Some(batch) = self.batches.0.remove(&reference) {
                self.closed(batch, now, out);
            }
        }
    }

    /// The link is gone: what was not closed is said again by whoever wants it heard.
    pub(super) fn forget_batches(&mut self) {
        self.batches.0.clear();
    }

    fn closed(&mut self, mut batch: Batch, now: Instant, out: &mut Out) {
        match batch.kind.as_str() {
            "draft/multiline" if !batch.pieces.is_empty() => {
                let whole = together(&mut batch);
                self.heard(&whole, now, out);
            }
            "chathistory" => self.played(&batch, now, out),
            _ => {}
        }
        if let Some(label) = &batch.opening.label {
            self.answered(label);
        }
    }
}

/// The one line that a batch of draft/multiline stands for.
fn together(batch: &mut Batch) -> Line {
    let mut text = String::new();
    for (number, (concat, piece)) in batch.pieces.drain(..).enumerate() {
        if number > 0 && !concat {
            text.push('\n');
        }
        text.push_str(&piece);
    }
    let target = batch.opening.arg(2).to_owned();
    Line { verb: batch.verb.clone(), args: vec![target, text], ..batch.opening.clone() }
}

#[cfg(test)]
mod tests {
    use crate::irc::session::tests::{Net, words};
    use crate::model::{Act, Event};
    use crate::network::Incoming;

    #[test]
    fn lines_of_one_message_become_one_message() {
        let mut net = Net::lounge("ann");
        for line in [
            "@msgid=m1 :ann!a@h BATCH +x draft/multiline #lounge",
            "@batch=x :ann!a@h PRIVMSG #lounge :\u{2}one",
            "@batch=x :ann!a@h PRIVMSG #lounge :",
            "@batch=x :ann!a@h PRIVMSG #lounge :how is ",
            "@batch=x;draft/multiline-concat :ann!a@h PRIVMSG #lounge :everyone?",
        ] {
            assert_eq!(net.hears(line), [], "{line}");
        }
        let news = net.hears(":s BATCH -x");
        assert_eq!(words(&news), ("ann", "one\n\nhow is everyone?"));
        let [Incoming::Did { id: Some(id), event: Event { act: Act::Say(message), .. } }] = &news[..] else {
            panic!()
        };
        assert_eq!(id.as_str(), "m1");
        assert_eq!(message.text.spans()[0].range, 0..3, "codes end with their line");
    }

    #[test]
    fn a_batch_that_is_unknown_nested_or_never_closed_does_no_harm() {
        let mut net = Net::lounge("ann");
        net.says(":s BATCH +a example.com/odd x y");
        net.says("@batch=a :s BATCH +b example.com/odder");
        assert_eq!(words(&net.hears("@batch=b :ann!a@h PRIVMSG #lounge :in two")), ("ann", "in two"));
        assert_eq!(words(&net.hears("@batch=none :ann!a@h PRIVMSG #lounge :in none")), ("ann", "in none"));
        net.says("@batch=me :s BATCH +me chathistory #lounge");
        assert!(net.hears("@batch=me :ann!a@h PRIVMSG #lounge :in itself").len() <= 1);
        net.says(":ann!a@h BATCH +never draft/multiline #lounge");
        net.says("@batch=never :ann!a@h PRIVMSG #lounge :left open");
        for n in 0..1000 {
            net.says(&format!(":s BATCH +n{n} draft/multiline #lounge"));
        }
        assert!(net.session.batches.0.len() <= super::OPEN);
        assert_eq!(words(&net.later(61)), ("ann", "left open"), "closed for who forgets it");
        assert_eq!(net.session.batches.0.len(), 0);
        net.says(":s BATCH -never");
        net.says(":s BATCH");
        net.says(":s BATCH +");
    }

    #[test]
    fn a_flood_in_one_batch_comes_in_parts_and_all_of_it() {
        let mut net = Net::lounge("ann");
        net.says("@msgid=m1 :ann!a@h BATCH +x draft/multiline #lounge");
        for _ in 0..2500 {
            net.says("@batch=x :ann!a@h PRIVMSG #lounge :line");
        }
        net.says(":s BATCH -x");
        let news = net.news();
        let lines: usize = news
            .iter()
            .map(|news| match news {
                Incoming::Did { event: Event { act: Act::Say(message), .. }, .. } => {
                    message.text.lines().count()
                }
                other => panic!("{other:?}"),
            })
            .sum();
        assert_eq!((news.len(), lines), (3, 2500));
    }

    #[test]
    fn a_netsplit_that_the_server_calls_one_is_one() {
        let mut net = Net::lounge("ann bea");
        net.says(":s BATCH +s netsplit irc.hub other.host");
        assert_eq!(net.hears("@batch=s :ann!a@h QUIT :whatever is said"), []);
        net.says(":s BATCH -s");
        net.says(":s BATCH +j netjoin irc.hub other.host");
        assert_eq!(net.hears("@batch=j :ann!a@h JOIN #lounge"), []);
        net.says(":s BATCH -j");
        assert_eq!(net.later(11), []);
    }
}
