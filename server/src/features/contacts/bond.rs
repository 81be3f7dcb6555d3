//! RFC 6121 §2.1.2.5: contacts that the server makes by itself: of those who invited each other, of those in a circle.

use std::sync::Arc;

use rialto_store::StoreError;
use rialto_store::rosters::{Item, Subscription};
use rialto_xmpp::BareJid;

use super::{Contacts, Edit, Keeper, hide, seen};
use crate::features::Left;
use crate::sessions::Account;

/// What makes two people contacts of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie<'a> {
    /// One invited the other.
    Invitation,
    /// Both are in a circle: its name, and the roster group in which they see each other.
    Circle(&'a str, &'a str),
}

/// Makes `other` a contact that sees the account and is seen by it. Their presence is not shown yet: the other one must
/// have its half first.
///
/// # Errors
/// [`StoreError`]; nothing changes then.
pub fn bond(account: &Account, other: &BareJid, tie: Tie<'_>, left: &mut Left) -> Result<(), StoreError> {
    edit(account, other, left, |item| {
        let mut item = item.cloned().unwrap_or_default();
        let were = item.subscription == Subscription::Both;
        if let Tie::Circle(name, group) = tie {
            if !item.circles.iter().any(|known| known == name) {
                item.circles.push(name.to_owned());
                if !item.groups.iter().any(|known| known == group) {
                    item.groups.push(group.to_owned());
                }
            }
            item.bonded = item.bonded || !were;
        } else {
            // Whom one has invited oneself one keeps when a circle ends.
            item.bonded = false;
        }
        item.subscription = Subscription::Both;
        (item.ask, item.pending_in, item.listed) = (false, None, true);
        Edit::Put(item)
    })
}

/// Takes `other` out of a circle of the account; he stays a contact only for another reason.
///
/// # Errors
/// [`StoreError`]; nothing changes then.
pub fn unbond(
    account: &Account,
    other: &BareJid,
    (name, group): (&str, &str),
    left: &mut Left,
) -> Result<(), StoreError> {
    let mut saw = false;
    edit(account, other, left, |item| {
        let Some(item) = item.filter(|item| item.circles.iter().any(|known| known == name)) else {
            return Edit::Keep;
        };
        let mut after = Item { circles: Vec::new(), groups: Vec::new(), ..item.clone() };
        after.circles.extend(item.circles.iter().filter(|known| *known != name).cloned());
        after.groups.extend(item.groups.iter().filter(|known| *known != group).cloned());
        if after.bonded && after.circles.is_empty() {
            saw = seen(item.subscription);
            return Edit::Remove;
        }
        Edit::Put(after)
    })?;
    if saw {
        hide(account, other, left);
    }
    Ok(())
}

fn edit(
    account: &Account,
    other: &BareJid,
    left: &mut Left,
    change: impl FnOnce(Option<&Item>) -> Edit,
) -> Result<(), StoreError> {
    let (Some(contacts), Some(keeper)) = (Contacts::of(account), keeper(account)) else { return Ok(()) };
    if let Some(changed) = contacts.edit(&keeper, &account.jid, other, change)? {
        changed.leave(account, left);
    }
    Ok(())
}

/// The roster feature leaves it with every account that it loads.
fn keeper(account: &Account) -> Option<Arc<Keeper>> {
    account.extensions.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_store::Store;
    use rialto_store::rosters::Roster;

    const CIRCLE: (&str, &str) = ("verona", "Verona");

    fn jid(text: &str) -> BareJid {
        BareJid::parse(text).unwrap()
    }

    fn account() -> Account {
        let account = Account::new(jid("romeo@localhost"));
        account.extensions.put_shared(Arc::new(Keeper::new(&Store::memory())));
        account.extensions.put(Contacts::new(&account.jid, Roster::default()));
        account
    }

    fn item(account: &Account) -> Option<Item> {
        let list = Contacts::of(account).unwrap().list();
        list.get("juliet@localhost").map(|contact| contact.item.clone())
    }

    fn tie(account: &Account, tie: Tie<'_>) {
        bond(account, &jid("juliet@localhost"), tie, &mut Left::default()).unwrap();
    }

    fn untie(account: &Account, circle: (&str, &str)) {
        unbond(account, &jid("juliet@localhost"), circle, &mut Left::default()).unwrap();
    }

    #[tokio::test]
    async fn who_is_in_a_circle_is_a_contact_in_its_group_until_it_ends() {
        let account = account();
        tie(&account, Tie::Circle(CIRCLE.0, CIRCLE.1));
        tie(&account, Tie::Circle("guests", "Guests"));
        let found = item(&account).unwrap();
        assert_eq!((found.subscription, found.groups.len(), found.bonded), (Subscription::Both, 2, true));
        untie(&account, CIRCLE);
        assert_eq!(item(&account).unwrap().groups, ["Guests"]);
        untie(&account, ("guests", "Guests"));
        assert_eq!(item(&account), None);
    }

    #[tokio::test]
    async fn who_was_a_contact_before_stays_one() {
        let account = account();
        tie(&account, Tie::Invitation);
        tie(&account, Tie::Circle(CIRCLE.0, CIRCLE.1));
        untie(&account, CIRCLE);
        let found = item(&account).unwrap();
        assert!(found.subscription == Subscription::Both && found.groups.is_empty() && !found.bonded);
    }

    #[tokio::test]
    async fn leaving_a_circle_that_one_was_not_in_changes_nothing() {
        let account = account();
        tie(&account, Tie::Invitation);
        let before = item(&account);
        untie(&account, CIRCLE);
        assert_eq!(item(&account), before);
    }
}
