//! XEP-0198 §4: what was sent and not acknowledged yet.

use std::collections::VecDeque;

use super::Frame;

/// Stanzas that went out and that the client has not acknowledged, oldest first.
#[derive(Default)]
pub struct Unacked {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// Stanzas acknowledged so far, modulo 2³² (§4).
    acked: u32,
}

/// §4: the client acknowledged more than was sent (`handled-count-too-high`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckError {
    /// What the client says it handled.
    pub handled: u32,
    /// What was sent to it.
    pub sent: u32,
}

impl Unacked {
    /// Remembers a frame that is about to be written; only stanzas count.
    pub fn sent(&mut self, frame: &Frame) {
        if frame.is_stanza() {
            self.bytes += frame.len();
            self.frames.push_back(frame.clone());
        }
    }

    /// The client says that it handled `h` stanzas in all.
    ///
    /// # Errors
    /// [`AckError`] when that is more than were sent; nothing changes then.
    pub fn ack(&mut self, h: u32) -> Result<(), AckError> {
        let newly = h.wrapping_sub(self.acked) as usize;
        if newly > self.frames.len() {
            return Err(AckError { handled: h, sent: self.acked.wrapping_add(self.frames.len() as u32) });
        }
        for frame in self.frames.drain(..newly) {
            self.bytes -= frame.len();
        }
        self.acked = h;
        if self.frames.is_empty() {
            // An idle session keeps no empty buffer.
            self.frames = VecDeque::new();
        }
        Ok(())
    }

    /// How many stanzas wait for an acknowledgement.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether all was acknowledged.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Bytes that wait for an acknowledgement.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The waiting frames, oldest first: what is sent again on resumption.
    pub fn iter(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter()
    }

    /// Takes all waiting frames out: the session will not be resumed.
    pub fn take(&mut self) -> Vec<Frame> {
        self.bytes = 0;
        std::mem::take(&mut self.frames).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::{Jid, Message, MessageKind};

    fn frame() -> Frame {
        let jid = Jid::parse("a@b").unwrap();
        Frame::stanza(&Message::new(MessageKind::Chat, &jid, &jid).into())
    }

    #[test]
    fn the_counter_wraps_at_two_to_the_thirty_second() {
        let mut unacked = Unacked { acked: u32::MAX - 1, ..Unacked::default() };
        (0..4).for_each(|_| unacked.sent(&frame()));
        assert_eq!(unacked.ack(1), Ok(()));
        assert_eq!(unacked.len(), 1);
        assert_eq!(unacked.ack(3), Err(AckError { handled: 3, sent: 2 }));
        assert_eq!(unacked.ack(2), Ok(()));
        assert_eq!((unacked.len(), unacked.bytes()), (0, 0));
    }

    #[test]
    fn what_is_no_stanza_is_not_counted() {
        let mut unacked = Unacked::default();
        unacked.sent(&Frame::raw("<r xmlns='urn:xmpp:sm:3'/>"));
        assert!(unacked.ack(1).is_err());
    }
}
