//! What is kept of an account's messages, and in what form: for the archive and for delivery later.

mod frames;
mod queue;
mod rules;
mod wishes;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rialto_store::archive::{Archive, Draft, Flags, Id};
use rialto_store::prefs::Archived;
use rialto_store::{Batch, Store, StoreError, Ticket};
use rialto_xmpp::{Jid, Stanza};

pub use frames::{Results, later, retrieved};
pub use queue::{Backlog, chooses, is_chosen_from, owner};
pub use rules::{Worth, worth};
pub use wishes::Wishes;

use crate::sessions::Account;

/// What the operator wants kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether accounts have archives. Without, messages for who is away are kept until they are delivered.
    pub enabled: bool,
    /// For accounts that have said nothing (XEP-0441).
    pub default: Archived,
    /// Messages that may wait for one account.
    pub offline: usize,
    /// Results of one query when it names no number, and the most that it may name.
    pub page: (usize, usize),
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { enabled: true, default: Archived::Always, offline: 1000, page: (100, 250) }
    }
}

/// The way to the archives of accounts; archive and offline share one.
pub struct Recorder {
    /// The store.
    pub store: Store,
    /// The archives.
    pub archive: Archive,
    /// What the operator wants.
    pub settings: Settings,
}

impl Recorder {
    /// The archives of a store.
    pub fn new(store: &Store, settings: Settings) -> Arc<Recorder> {
        Arc::new(Recorder { store: store.clone(), archive: Archive::new(store), settings })
    }

    /// Puts what an account wants kept into its extensions.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn load(&self, account: &Account) -> Result<(), StoreError> {
        let prefs = rialto_store::prefs::load(&self.store, account.jid.as_str())?;
        account.extensions.put(prefs.map_or_else(|| Wishes::new(self.settings.default), Wishes::from));
        Ok(())
    }

    /// Whether what an account exchanges with this JID is archived.
    pub fn archives(&self, account: &Account, other: &Jid) -> bool {
        self.settings.enabled
            && account.extensions.get::<Wishes>().is_none_or(|wishes| wishes.wants(account, other))
    }

    /// Hands a message to an account's archive; gives its id there, and the ticket.
    pub fn keep(&self, account: &Account, other: &Jid, flags: Flags, stanza: &Stanza) -> (Id, Ticket) {
        let mut batch = Batch::new();
        let draft = Draft { with: other.as_str(), flags, stanza: &stanza.to_stored() };
        let id = self.archive.append(&mut batch, account.jid.as_str(), &draft);
        (id, self.store.enqueue(batch))
    }
}

/// When an id was given.
pub fn moment(id: Id) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(id.at())
}
