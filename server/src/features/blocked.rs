//! Whom an account blocks (XEP-0191), in memory: what blocking, presence, subscriptions and rooms ask.
//!
//! An account that blocks nobody has no list, and one load of a flag says so.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rialto_store::{StoreError, Ticket};
use rialto_xmpp::{BareJid, Jid};

use crate::sessions::{Account, Session};

/// Addresses as they were listed.
pub type List = BTreeSet<String>;

/// An account's list; one of its extensions.
#[derive(Default)]
pub struct Blocked {
    list: ArcSwap<List>,
    /// Changes go one after another, each handed to the store before the next.
    change: Mutex<()>,
}

/// The list before a change and after it.
pub struct Edited {
    /// Before.
    pub before: Arc<List>,
    /// After.
    pub after: Arc<List>,
    /// What must be durable.
    pub ticket: Ticket,
}

impl Blocked {
    /// Puts a list as it is stored into an account that comes into memory.
    pub fn load(account: &Account, listed: Vec<String>) {
        if !listed.is_empty() {
            let list = ArcSwap::from_pointee(listed.into_iter().collect());
            account.extensions.put(Blocked { list, change: Mutex::new(()) });
            account.guard(true);
        }
    }

    /// The list of an account.
    pub fn list(account: &Account) -> Arc<List> {
        account.extensions.get::<Blocked>().map_or_else(Arc::default, |blocked| blocked.list.load_full())
    }

    /// Changes the list of an account. `write` hands what has changed to the store.
    ///
    /// # Errors
    /// What `change` or `write` says; nothing changes then.
    pub fn edit<E: From<StoreError>>(
        account: &Account,
        change: impl FnOnce(&List) -> Result<List, E>,
        write: impl FnOnce(&List, &List) -> Result<Ticket, StoreError>,
    ) -> Result<Edited, E> {
        let blocked = account.extensions.or_insert_with(Blocked::default);
        let _one = blocked.change.lock();
        let before = blocked.list.load_full();
        let after = Arc::new(change(&before)?);
        let ticket = write(&before, &after)?;
        blocked.list.store(after.clone());
        account.guard(!after.is_empty());
        Ok(Edited { before, after, ticket })
    }
}

/// Whether an account blocks this address.
pub fn blocks(account: &Account, other: &Jid) -> bool {
    account.is_guarded()
        && account
            .extensions
            .get::<Blocked>()
            .is_some_and(|blocked| covers(&blocked.list.load(), &account.jid, other))
}

/// Whether one of two sessions is blocked by the account of the other: then neither hears of the other.
pub fn apart(account: &Account, session: &Session, other: &Account, peer: &Session) -> bool {
    blocks(account, &peer.jid) || blocks(other, &session.jid)
}

/// §6: a listed address is a full JID, a bare JID, a domain with a resource, or a whole domain. One's own account and
/// the server itself cannot be blocked: the list could not be changed any more (and see §7, the note).
pub fn covers(list: &List, own: &BareJid, other: &Jid) -> bool {
    if list.is_empty() || other.bare_str() == own.as_str() {
        return false;
    }
    let domain = other.domainpart();
    if other.localpart().is_none() && domain == own.domainpart() {
        return false;
    }
    let listed = |jid: &str| list.contains(jid);
    let of_domain = || other.resourcepart().is_some_and(|resource| listed(&format!("{domain}/{resource}")));
    listed(other.bare_str()) || listed(domain) || listed(other.as_str()) || of_domain()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(listed: &str, other: &str) -> bool {
        let own = BareJid::parse("juliet@capulet.lit").unwrap();
        covers(&List::from([listed.to_owned()]), &own, &Jid::parse(other).unwrap())
    }

    #[test]
    fn each_of_the_four_kinds_covers_what_it_says() {
        let all =
            ["romeo@montague.lit/a", "romeo@montague.lit/b", "romeo@montague.lit", "paris@montague.lit/a"];
        let domain = ["montague.lit", "montague.lit/a"];
        let of = |listed: &str| all.iter().chain(&domain).filter(|jid| covered(listed, jid)).count();
        assert_eq!(of("romeo@montague.lit/a"), 1);
        assert_eq!(of("romeo@montague.lit"), 3);
        assert_eq!(of("montague.lit/a"), 3);
        assert_eq!(of("montague.lit"), 6);
        assert!(!covered("montague.lit", "romeo@verona.montague.lit/a"));
    }

    #[test]
    fn nobody_can_block_himself_or_his_own_server() {
        assert!(covered("capulet.lit", "nurse@capulet.lit/x"));
        for own in ["capulet.lit", "juliet@capulet.lit", "capulet.lit/x"] {
            assert!(!covered("capulet.lit", own) && !covered("juliet@capulet.lit", own), "{own}");
        }
    }

    #[test]
    fn sessions_know_whether_there_is_a_list() {
        let account = Account::new(BareJid::parse("juliet@capulet.lit").unwrap());
        let add = |name: &str| {
            let session = Arc::new(Session::new(account.jid.with_resource(name).unwrap(), 1));
            account.add(session.clone());
            session
        };
        let before = add("before");
        let nothing = |_: &List, _: &List| Ok(Ticket::NONE);
        let one = |_: &List| Ok::<_, StoreError>(List::from(["romeo@montague.lit".to_owned()]));
        Blocked::edit(&account, one, nothing).unwrap();
        assert!(before.is_guarded() && add("after").is_guarded());
        Blocked::edit(&account, |_| Ok::<_, StoreError>(List::new()), nothing).unwrap();
        assert!(!before.is_guarded() && !blocks(&account, &Jid::parse("romeo@montague.lit").unwrap()));
    }
}
