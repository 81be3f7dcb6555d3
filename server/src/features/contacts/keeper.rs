//! Writes rosters, and reads none before what was written to it can be seen.

use std::collections::HashMap;

use parking_lot::Mutex;
use rialto_store::rosters::{Delta, Item, Rosters};
use rialto_store::{Batch, Store, StoreError, Ticket};
use rialto_xmpp::BareJid;

use super::Contacts;
use crate::sessions::Account;

/// The way to all rosters; the features that change them share one.
pub struct Keeper {
    store: Store,
    rosters: Rosters,
    /// Accounts written to lately: one may leave memory and come back before its write can be read.
    unsettled: Mutex<HashMap<BareJid, Ticket>>,
}

/// Above this many, those that have settled are forgotten.
const SWEEP: usize = 1024;

impl Keeper {
    /// The rosters in a store.
    pub fn new(store: &Store) -> Keeper {
        Keeper { store: store.clone(), rosters: Rosters::new(store), unsettled: Mutex::default() }
    }

    /// Puts the contacts of an account into its extensions.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(&self, account: &Account) -> Result<(), StoreError> {
        let unsettled = self.unsettled.lock().get(&account.jid).copied();
        if let Some(ticket) = unsettled {
            // What failed is not there, which is what will be read.
            let _ = self.store.settled(ticket).await;
        }
        let roster = self.rosters.load(account.jid.as_str())?;
        account.extensions.put(Contacts::new(&account.jid, roster));
        Ok(())
    }

    /// RFC 6121 §2.6: what a client that has `version` must hear.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn since(
        &self,
        account: &BareJid,
        contacts: &Contacts,
        version: u64,
    ) -> Result<Delta, StoreError> {
        let _ = self.store.settled(contacts.newest()).await;
        self.rosters.since(account.as_str(), version)
    }

    /// Hands one changed item (`None`: removed) to the store; gives the roster's version and the ticket.
    pub(super) fn write(
        &self,
        account: &BareJid,
        jid: &BareJid,
        item: Option<&Item>,
    ) -> Result<(u64, Ticket), StoreError> {
        let mut batch = Batch::new();
        let version = match item {
            Some(item) => {
                let item = Item { jid: jid.as_str().to_owned(), ..item.clone() };
                self.rosters.put(&mut batch, account.as_str(), &item)?
            }
            None => self.rosters.remove(&mut batch, account.as_str(), jid.as_str())?,
        };
        let ticket = self.store.enqueue(batch);
        Ok((version, ticket))
    }

    /// Hands something that belongs to a change of contacts to the store.
    pub fn enqueue(&self, batch: Batch) -> Ticket {
        self.store.enqueue(batch)
    }

    /// The account was written to: it is not read again before that can be seen.
    pub(super) fn remember(&self, account: &BareJid, ticket: Ticket) {
        let mut unsettled = self.unsettled.lock();
        unsettled.insert(account.clone(), ticket);
        if unsettled.len() > SWEEP {
            unsettled.retain(|_, ticket| self.store.outcome(*ticket).is_none());
        }
    }
}
