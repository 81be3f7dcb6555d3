//! XEP-0160: Best Practices for Handling Offline Messages; XEP-0203 in what is delivered later.
//!
//! A message that nobody took is an entry of the archive that is marked. Who comes gets what is marked, and the mark
//! moves only over what was put into an outbox. A message that comes back from a session that died is marked again
//! under its id, not archived twice.

use std::sync::Arc;

use rialto_store::archive::{Draft, Entry, Flags, Id};
use rialto_store::{Batch, StoreError, Ticket};
use rialto_xmpp::parts::stanza_id;
use rialto_xmpp::{Condition, Message, Stanza, StanzaError, ns};

use super::record::{Backlog, Recorder, Worth, is_chosen_from, later, worth};
use super::{About, Feature, Fut, Phase, Spec, Target, Turn, Verdict, Waiting};
use crate::sessions::{Account, Frame, Session};

static ABOUT: About = About {
    spec: Spec::Xep(160, "1.0.1"),
    disco: &[(Target::Server, ns::OFFLINE)],
    iq: &[],
    at: &[Phase::Undelivered, Phase::Arrived],
};

/// Keeps messages for those who are away.
pub struct Offline {
    recorder: Arc<Recorder>,
}

/// The feature. Stands last of those that touch messages.
pub fn new(recorder: &Arc<Recorder>) -> Offline {
    Offline { recorder: recorder.clone() }
}

impl Feature for Offline {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn undelivered(&self, turn: &mut Turn<'_>) -> Verdict {
        let Stanza::Message(message) = &*turn.stanza else { return Verdict::Next };
        let worth = worth(message);
        match worth {
            Worth::Archive | Worth::Delivery => {}
            // §3: typing to somebody who is away is no error.
            Worth::Moment if message.payloads.iter().any(|payload| *payload.ns() == *ns::CHAT_STATES) => {
                return Verdict::Done;
            }
            _ => return Verdict::Next,
        }
        let account = turn.account;
        let backlog = account.extensions.or_insert_with(Backlog::default);
        let mut returned = backlog.0.lock();
        if self.came_meanwhile(turn, worth) {
            return Verdict::Done;
        }
        let Stanza::Message(message) = &*turn.stanza else { return Verdict::Next };
        let own = account.jid.as_str();
        let id = stanza_id::assigned(&message.payloads, own).and_then(|id| id.parse().ok());
        let kept = match id {
            Some(id) => self.mark_again(account, id, message, &mut returned).map(Some),
            None => self.keep(account, message, worth),
        };
        match kept {
            Ok(Some(ticket)) => {
                turn.left.wrote(ticket);
                Verdict::Done
            }
            Ok(None) => {
                refuse(Condition::ServiceUnavailable, "Too many messages wait for this person already.")
            }
            Err(_) => refuse(Condition::InternalServerError, "The message could not be kept."),
        }
    }

    fn arrived<'a>(&'a self, account: &'a Arc<Account>, room: usize) -> Fut<'a, Vec<Waiting>> {
        Box::pin(async move {
            if is_chosen_from(account) {
                return Vec::new();
            }
            // Who kept a message a moment ago has handed it to the store when this lock is free.
            drop(account.extensions.or_insert_with(Backlog::default).0.lock());
            self.recorder.store.caught_up().await;
            let owner = account.jid.as_str();
            // What cannot be read now is delivered another time.
            if self.recorder.archive.waiting(owner).unwrap_or(0) == 0 {
                return Vec::new();
            }
            let entries = self.waiting(owner, room).await.unwrap_or_default();
            let mut used = 0;
            let waiting = entries.iter().map(|entry| Waiting {
                id: entry.id,
                shown: !entry.flags().contains(Flags::HIDDEN),
                frame: later(account, entry),
            });
            let fitting = waiting.take_while(|waiting| {
                used += waiting.frame.len();
                used <= room
            });
            fitting.collect()
        })
    }

    fn delivered<'a>(&'a self, account: &'a Arc<Account>, ids: &'a [Id]) -> Fut<'a, ()> {
        Box::pin(async move {
            let Some(last) = ids.iter().max() else { return };
            let backlog = account.extensions.or_insert_with(Backlog::default);
            let moved = {
                let mut returned = backlog.0.lock();
                returned.retain(|id| !ids.contains(id));
                self.write(|batch| self.recorder.archive.mark_delivered(batch, account.jid.as_str(), *last))
            };
            // A mark that did not move only delivers again.
            let Ok(ticket) = moved else { return };
            let _ = self.recorder.store.settled(ticket).await;
            // What came back meanwhile lies before the mark.
            let returned = backlog.0.lock();
            if !returned.is_empty() {
                let archive = &self.recorder.archive;
                let _ = self.write(|batch| {
                    archive.mark_undelivered(batch, account.jid.as_str(), &returned).map(drop)
                });
            }
        })
    }
}

/// Messages read at first; as many again while there is room.
const AT_FIRST: usize = 64;

impl Offline {
    /// What waits for an account, oldest first: not much more than fits into `room` bytes.
    async fn waiting(&self, owner: &str, room: usize) -> Result<Vec<Entry>, StoreError> {
        let mut limit = AT_FIRST;
        loop {
            let entries = self.recorder.archive.undelivered(owner, limit).await?;
            let bytes: usize = entries.iter().map(|entry| entry.stanza().len()).sum();
            if entries.len() < limit || bytes > room {
                return Ok(entries);
            }
            limit *= 4;
        }
    }

    /// A session that began to take messages while this one was on its way gets it at once.
    fn came_meanwhile(&self, turn: &mut Turn<'_>, worth: Worth) -> bool {
        let account = turn.account;
        let is_new = |session: &&Arc<Session>| {
            session.takes_bare()
                && !turn.takers.iter().any(|taker| Arc::ptr_eq(taker, session))
                && session.outbox.ended().is_none()
        };
        let sessions: Vec<_> = account.sessions().iter().filter(is_new).cloned().collect();
        let Stanza::Message(message) = &mut *turn.stanza else { return false };
        let Some(from) = message.head.from.clone().filter(|_| !sessions.is_empty()) else { return false };
        let known = stanza_id::assigned(&message.payloads, account.jid.as_str()).is_some();
        if worth == Worth::Archive && !known && self.recorder.archives(account, &from) {
            let (id, ticket) = self.recorder.keep(account, &from, Flags::NONE, turn.stanza);
            turn.left.wrote(ticket);
            if let Stanza::Message(message) = &mut *turn.stanza {
                message.payloads.push(stanza_id::stanza_id(&id.to_string(), account.jid.as_str()));
            }
        }
        let frame = Frame::stanza(turn.stanza);
        sessions.iter().for_each(|session| turn.left.frame(session, frame.clone()));
        true
    }

    /// A message that was archived when it was given to a session, and that this session did not take in the end.
    fn mark_again(
        &self,
        account: &Account,
        id: Id,
        message: &Message,
        returned: &mut Vec<Id>,
    ) -> Result<Ticket, StoreError> {
        let (archive, owner) = (&self.recorder.archive, account.jid.as_str());
        if archive.entry_now(owner, id)?.is_some() {
            returned.push(id);
            // All that came back: each writing replaces the one before, which may not have settled yet.
            return self.write(|batch| archive.mark_undelivered(batch, owner, returned).map(drop));
        }
        // It was handed in a moment ago: the same entry once more, marked.
        let mut message = message.clone();
        stanza_id::strip(&mut message.payloads, owner);
        let from = message.head.from.clone();
        let with = from.as_ref().map_or("", |from| from.as_str());
        let stanza = Stanza::from(message).to_stored();
        self.write(|batch| {
            archive.set(batch, owner, id, &Draft { with, flags: Flags::OFFLINE, stanza: &stanza });
            // What was counted before is not right any more.
            archive.mark_undelivered(batch, owner, returned).map(drop)
        })
    }

    /// A message that nobody could take. `None`: too many wait already.
    fn keep(&self, account: &Account, message: &Message, worth: Worth) -> Result<Option<Ticket>, StoreError> {
        let Some(from) = &message.head.from else { return Ok(Some(Ticket::NONE)) };
        let shown = worth == Worth::Archive && self.recorder.archives(account, from);
        let flags = if shown { Flags::NONE } else { Flags::HIDDEN };
        let stanza = Stanza::from(message.clone()).to_stored();
        let draft = Draft { with: from.as_str(), flags, stanza: &stanza };
        let mut batch = Batch::new();
        let limit = self.recorder.settings.offline;
        let id = self.recorder.archive.append_offline(&mut batch, account.jid.as_str(), &draft, limit)?;
        Ok(id.map(|_| self.recorder.store.enqueue(batch)))
    }

    fn write(&self, fill: impl FnOnce(&mut Batch) -> Result<(), StoreError>) -> Result<Ticket, StoreError> {
        let mut batch = Batch::new();
        fill(&mut batch)?;
        Ok(self.recorder.store.enqueue(batch))
    }
}

fn refuse(condition: Condition, text: &str) -> Verdict {
    Verdict::Refuse(Box::new(StanzaError::new(condition, text)))
}

#[cfg(test)]
mod tests;
