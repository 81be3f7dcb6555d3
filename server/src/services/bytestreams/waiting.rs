//! XEP-0065 §6.3: who waits for which stream. Plain values.

use std::collections::HashMap;

use rialto_xmpp::BareJid;
use tokio::sync::oneshot;

use super::{Address, Half};

/// Where somebody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    address: Address,
    number: u64,
}

/// Why a stream cannot be activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nobody waits for it.
    Nobody,
    /// One side does.
    One,
}

/// Both sides of a stream.
pub(super) struct Both(pub oneshot::Sender<Half>, pub oneshot::Sender<Half>);

/// One who waits.
type Waiter = (u64, oneshot::Sender<Half>);

/// Who waits, and how many transfers everybody has. As large as there are connections.
#[derive(Default)]
pub(super) struct Waiting {
    streams: HashMap<Address, Vec<Waiter>>,
    transfers: HashMap<BareJid, usize>,
    next: u64,
}

impl Waiting {
    /// One more waits for this stream; `None`: two do already (§8.1: no third may listen).
    pub fn wait(&mut self, address: Address) -> Option<(Place, oneshot::Receiver<Half>)> {
        let waiters = self.streams.entry(address).or_default();
        if waiters.len() >= 2 {
            return None;
        }
        self.next += 1;
        let (tell, told) = oneshot::channel();
        waiters.push((self.next, tell));
        Some((Place { address, number: self.next }, told))
    }

    /// One goes away. `false`: it does not wait any more.
    pub fn leave(&mut self, place: Place) -> bool {
        let Some(waiters) = self.streams.get_mut(&place.address) else { return false };
        let before = waiters.len();
        waiters.retain(|(number, _)| *number != place.number);
        let left = waiters.len() < before;
        if waiters.is_empty() {
            self.streams.remove(&place.address);
        }
        left
    }

    /// Both who wait for this stream; they wait no longer.
    pub fn join(&mut self, address: &Address) -> Result<Both, Taken> {
        let waiters = self.streams.get_mut(address).ok_or(Taken::Nobody)?;
        match (waiters.pop(), waiters.pop()) {
            (Some((_, other)), Some((_, one))) => {
                self.streams.remove(address);
                Ok(Both(one, other))
            }
            (Some(one), None) => {
                waiters.push(one);
                Err(Taken::One)
            }
            (None, _) => Err(Taken::Nobody),
        }
    }

    /// Transfers of one person.
    pub fn transfers(&self, requester: &BareJid) -> usize {
        self.transfers.get(requester).copied().unwrap_or(0)
    }

    /// Transfers of everybody.
    pub fn count(&self) -> usize {
        self.transfers.values().sum()
    }

    /// One begins.
    pub fn begin(&mut self, requester: &BareJid) {
        *self.transfers.entry(requester.clone()).or_default() += 1;
    }

    /// One has ended.
    pub fn end(&mut self, requester: &BareJid) {
        if let Some(count) = self.transfers.get_mut(requester) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.transfers.remove(requester);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Address = [7; 20];

    #[test]
    fn a_stream_has_two_ends_and_no_third() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.join(&STREAM).err(), Some(Taken::Nobody));
        let (first, _told) = waiting.wait(STREAM).unwrap();
        assert_eq!(waiting.join(&STREAM).err(), Some(Taken::One));
        let (second, _told) = waiting.wait(STREAM).unwrap();
        assert!(waiting.wait(STREAM).is_none());
        assert!(waiting.leave(first) && !waiting.leave(first));
        let (_, _told) = waiting.wait(STREAM).unwrap();
        assert!(waiting.join(&STREAM).is_ok());
        assert!(!waiting.leave(second), "who is joined waits no longer");
        assert!(waiting.streams.is_empty());
    }

    #[test]
    fn transfers_are_counted_by_person() {
        let (mut waiting, romeo) = (Waiting::default(), BareJid::parse("romeo@localhost").unwrap());
        waiting.begin(&romeo);
        waiting.begin(&romeo);
        waiting.end(&romeo);
        assert_eq!((waiting.transfers(&romeo), waiting.count()), (1, 1));
        waiting.end(&romeo);
        waiting.end(&romeo);
        assert!(waiting.transfers.is_empty());
    }
}
