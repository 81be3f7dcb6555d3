//! Who is on an account's roster, in memory: what roster, subscriptions, presence and archive all ask.
//!
//! Reading takes no lock: the list is swapped whole. It is changed one writer after another, and each change is handed
//! to the store before the next begins, so that memory and disk agree on the order.

mod bond;
pub mod directed;
mod keeper;
mod push;
mod show;
mod shown;

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rialto_store::rosters::{Item, Roster, Subscription};
use rialto_store::{StoreError, Ticket};
use rialto_xmpp::BareJid;
use rialto_xmpp::write::escape_attr;

pub use bond::{Tie, bond, unbond};
pub use keeper::Keeper;
pub use push::{Changed, Interested, item_element, push};
pub use show::{farewell, hide, show, subscription};
pub use shown::{Shown, refresh};

use crate::sessions::Account;

/// What a roster may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Items, with those that only hold a request.
    pub items: usize,
    /// Groups of one item.
    pub groups: usize,
    /// Bytes of a name or of a group's name.
    pub name: usize,
    /// Requests of others that wait for an answer.
    pub requests: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { items: 1000, groups: 32, name: 1023, requests: 250 }
    }
}

/// An account's contacts; one of the account's extensions.
pub struct Contacts {
    /// The account's bare JID, escaped for an attribute.
    pub own: Arc<str>,
    list: ArcSwap<List>,
    /// The ticket of the latest change; held while one is made.
    change: Mutex<Ticket>,
}

/// The contacts at one moment.
#[derive(Default)]
pub struct List {
    /// In the order of their JIDs.
    contacts: Vec<Arc<Contact>>,
    /// RFC 6121 §2.6: the version of the roster they make.
    pub version: u64,
}

/// One contact.
pub struct Contact {
    /// Its bare JID.
    pub jid: BareJid,
    /// The same, escaped for an attribute.
    pub to: Arc<str>,
    /// What the roster says of it.
    pub item: Item,
}

/// What becomes of an item.
#[derive(Debug, PartialEq, Eq)]
pub enum Edit {
    /// Nothing.
    Keep,
    /// It is this from now on. A contact that is shown nowhere and waits for nothing is removed.
    Put(Item),
    /// It is removed.
    Remove,
}

impl Contacts {
    /// The contacts of an account, loaded with it.
    pub fn of(account: &Account) -> Option<Arc<Contacts>> {
        account.extensions.get()
    }

    /// Contacts as they are stored. What is no address (it cannot be: it was one when it was stored) is left out.
    pub fn new(account: &BareJid, roster: Roster) -> Contacts {
        let contact = |item: Item| Some(Arc::new(Contact::new(&BareJid::parse(&item.jid).ok()?, item)));
        let mut contacts: Vec<_> = roster.items.into_iter().filter_map(contact).collect();
        contacts.sort_unstable_by(|one, other| one.jid.as_str().cmp(other.jid.as_str()));
        Contacts {
            own: escape_attr(account.as_str()).into(),
            list: ArcSwap::from_pointee(List { contacts, version: roster.version }),
            change: Mutex::new(Ticket::NONE),
        }
    }

    /// The contacts as they are now.
    pub fn list(&self) -> Arc<List> {
        self.list.load_full()
    }

    /// Whether there is this contact, and who of the two sees the other.
    pub fn subscription(&self, bare: &str) -> Option<Subscription> {
        self.list.load().get(bare).map(|contact| contact.item.subscription)
    }

    /// §A.1: whether the contact with this bare JID may see the account's presence.
    pub fn is_seen_by(&self, bare: &str) -> bool {
        self.subscription(bare).is_some_and(seen)
    }

    /// §A.1: whether the account sees the presence of the contact with this bare JID.
    pub fn sees(&self, bare: &str) -> bool {
        self.subscription(bare).is_some_and(sees)
    }

    /// Changes one contact. `None`: nothing changed.
    ///
    /// # Errors
    /// [`StoreError`]; nothing changes then.
    pub fn edit(
        &self,
        keeper: &Keeper,
        account: &BareJid,
        jid: &BareJid,
        edit: impl FnOnce(Option<&Item>) -> Edit,
    ) -> Result<Option<Changed>, StoreError> {
        let mut newest = self.change.lock();
        let list = self.list.load_full();
        let before = list.get(jid.as_str());
        let after = match edit(before.map(|contact| &contact.item)) {
            Edit::Keep => return Ok(None),
            Edit::Put(item) if stays(&item) => Some(kept(item)),
            Edit::Put(_) | Edit::Remove => None,
        };
        if after.as_ref() == before.map(|contact| &contact.item) {
            return Ok(None);
        }
        let (version, ticket) = keeper.write(account, jid, after.as_ref())?;
        *newest = ticket;
        let shown = |item: Option<&Item>| item.is_some_and(is_shown);
        let pushed = shown(after.as_ref()) || shown(before.map(|contact| &contact.item));
        let changed = Changed::new(version, ticket, jid, pushed.then_some(after.as_ref()));
        self.list.store(Arc::new(list.with(jid, after, version)));
        drop(newest);
        keeper.remember(account, ticket);
        Ok(Some(changed))
    }

    /// The ticket of the latest change.
    pub(super) fn newest(&self) -> Ticket {
        *self.change.lock()
    }
}

impl List {
    /// The contact with this bare JID.
    pub fn get(&self, bare: &str) -> Option<&Arc<Contact>> {
        self.place(bare).ok().and_then(|at| self.contacts.get(at))
    }

    /// All contacts.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Contact>> {
        self.contacts.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.contacts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.contacts.is_empty()
    }

    fn place(&self, bare: &str) -> Result<usize, usize> {
        self.contacts.binary_search_by(|contact| contact.jid.as_str().cmp(bare))
    }

    fn with(&self, jid: &BareJid, item: Option<Item>, version: u64) -> List {
        let mut contacts = self.contacts.clone();
        let contact = item.map(|item| Arc::new(Contact::new(jid, item)));
        match (self.place(jid.as_str()), contact) {
            (Ok(at), Some(contact)) => drop(contacts.splice(at..=at, [contact])),
            (Ok(at), None) => drop(contacts.remove(at)),
            (Err(at), Some(contact)) => contacts.insert(at, contact),
            (Err(_), None) => {}
        }
        List { contacts, version }
    }
}

impl Contact {
    fn new(jid: &BareJid, mut item: Item) -> Contact {
        // It is in `jid` already.
        item.jid = String::new();
        Contact { jid: jid.clone(), to: escape_attr(jid.as_str()).into(), item }
    }
}

/// Whether a contact of this subscription sees the user.
pub fn seen(subscription: Subscription) -> bool {
    matches!(subscription, Subscription::From | Subscription::Both)
}

/// Whether the user sees a contact of this subscription.
pub fn sees(subscription: Subscription) -> bool {
    matches!(subscription, Subscription::To | Subscription::Both)
}

/// §3.1.3, §A.1: whether the item is shown to the user's clients. One that only holds a request is not.
pub fn is_shown(item: &Item) -> bool {
    item.listed || item.subscription != Subscription::None || item.ask || item.approved
}

fn stays(item: &Item) -> bool {
    is_shown(item) || item.pending_in.is_some()
}

/// What was shown once stays until the user removes it.
fn kept(item: Item) -> Item {
    let listed = is_shown(&item);
    Item { jid: String::new(), listed, ..item }
}
