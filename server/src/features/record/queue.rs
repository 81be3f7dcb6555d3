//! XEP-0013: what waits for an account, as its owner sees it: in service discovery, and one by one.

use std::sync::Arc;

use parking_lot::Mutex;
use rialto_store::archive::{Entry, Id};
use rialto_store::{Batch, Ticket};
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Condition, Element, StanzaError, ns};

use super::Recorder;
use crate::features::Ask;
use crate::sessions::{Account, Session};

/// An extension of the account: what came back from sessions that died. Whoever keeps a message holds the lock, so that
/// somebody who comes at the same moment either is seen by him or sees the message.
#[derive(Default)]
pub struct Backlog(pub Mutex<Vec<Id>>);

/// An extension of the session: its client fetches what waits by itself.
struct Chooses;

/// §2.2: while such a session is there, nobody is flooded with what waits, also no other session.
pub fn is_chosen_from(account: &Account) -> bool {
    account.sessions().iter().any(|session| session.extensions.has::<Chooses>())
}

/// §2.2, §2.6: from now on this session's client fetches what waits by itself.
pub fn chooses(session: &Session) {
    if !session.extensions.has::<Chooses>() {
        session.extensions.put(Chooses);
    }
}

/// §2.3: `forbidden` for whoever is not the user; who may not know of the account is told nothing (XEP-0030 §8).
///
/// # Errors
/// What the asker must be told.
pub fn owner<'a>(ask: &Ask<'a>) -> Result<(&'a Arc<Account>, &'a Arc<Session>), StanzaError> {
    ask.acquainted()?;
    let session = ask.session().ok_or(Condition::Forbidden)?;
    Ok((ask.own()?, session))
}

impl Recorder {
    /// §2.2: disco#info of the queue, with the number of messages.
    ///
    /// # Errors
    /// What the asker must be told.
    pub async fn queue_info(&self, ask: &Ask<'_>) -> Result<Element, StanzaError> {
        let (account, session) = owner(ask)?;
        chooses(session);
        let count = self.heads(account).await?.len();
        let identity = Element::new("identity", ns::DISCO_INFO)
            .attr("category", "automation")
            .attr("type", "message-list");
        let number = Field {
            var: "number_of_messages".into(),
            kind: "text-single",
            values: vec![count.to_string()],
            ..Field::default()
        };
        let form = Form::new("result", ns::OFFLINE_RETRIEVAL).field(number);
        Ok(Element::new("query", ns::DISCO_INFO)
            .with(identity)
            .with(Element::new("feature", ns::DISCO_INFO).attr("var", ns::OFFLINE_RETRIEVAL))
            .with(form.to_element()))
    }

    /// §2.3: disco#items of the queue: who sent what waits.
    ///
    /// # Errors
    /// What the asker must be told.
    pub async fn queue_items(&self, ask: &Ask<'_>) -> Result<Element, StanzaError> {
        let (account, session) = owner(ask)?;
        chooses(session);
        let item = |(id, from): (Id, String)| {
            Element::new("item", ns::DISCO_ITEMS)
                .attr("jid", account.jid.as_str())
                .attr("node", id.to_string())
                .attr("name", from)
        };
        let heads = self.heads(account).await?;
        Ok(Element::new("query", ns::DISCO_ITEMS).with_all(heads.into_iter().map(item)))
    }

    async fn heads(&self, account: &Account) -> Result<Vec<(Id, String)>, StanzaError> {
        settle(account);
        let heads = self.archive.waiting_heads(account.jid.as_str(), self.settings.offline).await;
        heads.map_err(|_| Condition::InternalServerError.into())
    }

    /// Everything that waits, as far as it has `room` bytes. `None`: it has not.
    ///
    /// # Errors
    /// `internal-server-error`.
    pub async fn queue(&self, account: &Account, room: usize) -> Result<Option<Vec<Entry>>, StanzaError> {
        let ids: Vec<Id> = self.heads(account).await?.into_iter().map(|(id, _)| id).collect();
        self.picked(account, &ids, room).await
    }

    /// These of what waits, as far as they have `room` bytes. `None`: they have not.
    ///
    /// # Errors
    /// `item-not-found` if one of them does not wait.
    pub async fn picked(
        &self,
        account: &Account,
        ids: &[Id],
        room: usize,
    ) -> Result<Option<Vec<Entry>>, StanzaError> {
        settle(account);
        self.store.caught_up().await;
        let (mut found, mut used) = (Vec::new(), 0);
        for some in ids.chunks(AT_ONCE) {
            let some = self.archive.waiting_entries(account.jid.as_str(), some);
            let some = some.map_err(|_| Condition::InternalServerError)?.ok_or(Condition::ItemNotFound)?;
            used += some.iter().map(|entry| entry.stanza().len() + AROUND).sum::<usize>();
            if used > room {
                return Ok(None);
            }
            found.extend(some);
        }
        Ok(Some(found))
    }

    /// These do not wait any more; all of them or, if one does not wait, none.
    ///
    /// # Errors
    /// `item-not-found` if one of them does not wait.
    pub async fn dequeue(&self, account: &Account, ids: &[Id]) -> Result<Ticket, StanzaError> {
        settle(account);
        self.store.caught_up().await;
        let backlog = account.extensions.or_insert_with(Backlog::default);
        let mut returned = backlog.0.lock();
        let mut batch = Batch::new();
        match self.archive.mark_removed(&mut batch, account.jid.as_str(), ids) {
            Ok(true) => {}
            Ok(false) => return Err(Condition::ItemNotFound.into()),
            Err(_) => return Err(Condition::InternalServerError.into()),
        }
        returned.retain(|id| !ids.contains(id));
        Ok(self.store.enqueue(batch))
    }

    /// Nothing of what waits now waits any more.
    ///
    /// # Errors
    /// `internal-server-error`.
    pub async fn empty_queue(&self, account: &Account) -> Result<Ticket, StanzaError> {
        let heads = self.heads(account).await?;
        let Some(last) = heads.iter().map(|(id, _)| *id).max() else { return Ok(Ticket::NONE) };
        let backlog = account.extensions.or_insert_with(Backlog::default);
        let mut returned = backlog.0.lock();
        let mut batch = Batch::new();
        self.archive
            .mark_delivered(&mut batch, account.jid.as_str(), last)
            .map_err(|_| Condition::InternalServerError)?;
        returned.retain(|id| *id > last);
        Ok(self.store.enqueue(batch))
    }
}

/// Entries that are read before their size is looked at.
const AT_ONCE: usize = 16;

/// Bytes that are written around a message on its way, roughly.
const AROUND: usize = 300;

/// Who kept a message a moment ago has handed it to the store when this returns.
fn settle(account: &Account) {
    drop(account.extensions.or_insert_with(Backlog::default).0.lock());
}
