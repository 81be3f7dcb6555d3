//! XEP-0352 §3.2: what waits while a client is inactive. Of presence and of typing only the newest of each sender
//! matters: it takes the place of the older one, at the end.

use std::collections::HashMap;

use super::{Frame, Urgency};

/// Frames that wait, oldest first.
#[derive(Default)]
pub struct Held {
    /// `None`: a newer one has come.
    frames: Vec<Option<Frame>>,
    /// Where the newest of each sender is.
    newest: HashMap<Box<[u8]>, usize>,
    bytes: usize,
}

/// Frames that wait at most, and their bytes; then all go out.
const MOST: usize = 1_000;
const MOST_BYTES: usize = 512 << 10;

impl Held {
    /// Puts a frame behind the others. Returns the bytes of one that it makes needless.
    pub fn push(&mut self, frame: Frame) -> usize {
        let mut saved = 0;
        if frame.urgency() == Urgency::Latest
            && let Some(key) = frame.subject()
        {
            let older = self.newest.insert(key, self.frames.len());
            let older = older.and_then(|at| self.frames.get_mut(at)).and_then(Option::take);
            saved = older.map_or(0, |older| older.len());
        }
        self.bytes = self.bytes + frame.len() - saved;
        self.frames.push(Some(frame));
        saved
    }

    /// Whether no more should wait.
    pub fn is_full(&self) -> bool {
        self.frames.len() >= MOST || self.bytes >= MOST_BYTES
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Moves all of it behind what is in `queue`.
    pub fn release(&mut self, queue: &mut Vec<Frame>) {
        let held = std::mem::take(self);
        queue.extend(held.frames.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::{Element, Jid, Message, MessageKind, Presence, PresenceKind, ns};

    fn presence(from: &str, status: &str) -> Frame {
        let (from, to) = (Jid::parse(from).unwrap(), Jid::parse("me@b").unwrap());
        let presence = Presence::new(PresenceKind::Available, &from, &to);
        Frame::stanza(&presence.with(Element::new("status", ns::CLIENT).with_text(status)).into())
    }

    fn typing(from: &str, state: &'static str) -> Frame {
        let (from, to) = (Jid::parse(from).unwrap(), Jid::parse("me@b").unwrap());
        Frame::stanza(
            &Message::new(MessageKind::Chat, &from, &to).with(Element::new(state, ns::CHAT_STATES)).into(),
        )
    }

    fn released(held: &mut Held) -> Vec<String> {
        let mut queue = Vec::new();
        held.release(&mut queue);
        queue.iter().map(|frame| String::from_utf8(frame.to_bytes().to_vec()).unwrap()).collect()
    }

    #[test]
    fn of_each_sender_only_the_newest_waits() {
        let mut held = Held::default();
        for frame in [
            presence("a@b/c", "one"),
            presence("d@b/c", "two"),
            typing("a@b/c", "composing"),
            presence("a@b/c", "three"),
            typing("a@b/c", "paused"),
        ] {
            held.push(frame);
        }
        let all = released(&mut held);
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all[0].contains("two") && all[1].contains("three") && all[2].contains("paused"));
        assert!(held.is_empty() && released(&mut held).is_empty());
    }

    #[test]
    fn what_waits_is_counted_and_has_a_limit() {
        let mut held = Held::default();
        let saved: usize = (0..MOST).map(|_| held.push(presence("a@b/c", "x"))).sum();
        assert_eq!(saved, presence("a@b/c", "x").len() * (MOST - 1));
        assert_eq!(held.bytes, presence("a@b/c", "x").len());
        assert!(held.is_full());
        held.release(&mut Vec::new());
        assert!(!held.is_full());
    }
}
