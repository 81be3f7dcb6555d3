//! XEP-0283: Moved: a request of somebody who was a contact under another address.
//!
//! The statement on the old account is a node like others (XEP-0163). Only accounts of this server can be asked for
//! theirs, since no other server can be reached.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use rialto_store::StoreError;
use rialto_store::rosters::{Item, Subscription};
use rialto_xmpp::{BareJid, Element, Jid, Presence, PresenceKind, Stanza, ns};

use super::contacts::{Contacts, Edit, Keeper, Limits, hide, seen, sees, show, subscription};
use super::pubsub::PubSub;
use super::{About, Feature, Left, Phase, Spec, Turn, Verdict};
use crate::sessions::Account;

static ABOUT: About = About { spec: Spec::Xep(283, "0.2.0"), disco: &[], iq: &[], at: &[Phase::Inbound] };

/// §4.1: the item that holds the statement.
const CURRENT: &str = "current";

/// Requests of one account that were looked at and go on as others do; more at once are not remembered.
const UNMOVED: usize = 64;

/// Takes over subscriptions of contacts who moved.
pub struct Moved {
    mover: Arc<Mover>,
}

/// What is needed when the statement has been read.
struct Mover {
    keeper: Arc<Keeper>,
    limits: Limits,
    pubsub: Arc<PubSub>,
}

/// The feature. Stands before `subscriptions`, which sees every request that it does not answer.
pub fn new(keeper: &Arc<Keeper>, limits: Limits, pubsub: &Arc<PubSub>) -> Moved {
    Moved { mover: Arc::new(Mover { keeper: keeper.clone(), limits, pubsub: pubsub.clone() }) }
}

/// An extension of the account: whose requests were looked at, and are on their way once more.
#[derive(Default)]
struct Unmoved(Mutex<HashSet<BareJid>>);

impl Feature for Moved {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// §4.4. Reading the statement has to wait; if it does not say so, the request comes by again, unchanged.
    fn inbound(&self, turn: &mut Turn<'_>) -> Verdict {
        let Stanza::Presence(presence) = &*turn.stanza else { return Verdict::Next };
        if presence.kind != PresenceKind::Subscribe {
            return Verdict::Next;
        }
        let account = turn.account;
        let Some(old) = presence.payload("moved", ns::MOVED).and_then(old_address) else {
            return Verdict::Next;
        };
        let Some(new) = presence.head.from.as_ref().map(Jid::bare) else { return Verdict::Next };
        let was_contact = Contacts::of(account)
            .is_some_and(|contacts| contacts.is_seen_by(old.as_str()) && !contacts.is_seen_by(new.as_str()));
        if !was_contact || old == new || new == account.jid {
            return Verdict::Next;
        }
        let unmoved = account.extensions.or_insert_with(Unmoved::default);
        if unmoved.0.lock().remove(&new) {
            return Verdict::Next;
        }
        let (mover, account, request) = (self.mover.clone(), account.clone(), presence.clone());
        turn.left.later(move || Box::pin(async move { mover.examine(&account, request, &old, &new).await }));
        Verdict::Done
    }
}

impl Mover {
    async fn examine(&self, account: &Account, request: Presence, old: &BareJid, new: &BareJid) -> Left {
        let mut left = Left::default();
        if self.states(old, new).await && self.take_over(account, old, new, &mut left).unwrap_or(false) {
            return left;
        }
        let unmoved = account.extensions.or_insert_with(Unmoved::default);
        let mut unmoved = unmoved.0.lock();
        if unmoved.len() >= UNMOVED {
            unmoved.clear();
        }
        unmoved.insert(new.clone());
        left.route(request);
        left
    }

    /// §4.4, step 4: whether the old account says that this is its new address. Who may read the node is not asked:
    /// the new account has told of the move itself.
    async fn states(&self, old: &BareJid, new: &BareJid) -> bool {
        let statement = self.pubsub.item(old.as_str(), ns::MOVED, Some(CURRENT)).await;
        let Ok(Some(payload)) = statement.map(|item| item.and_then(|item| item.payload)) else {
            return false;
        };
        payload.is("moved", ns::MOVED) && address(&payload, "new-jid").as_ref() == Some(new)
    }

    /// The old address loses its subscription first: each may move once (§6.2). `false`: it had none any more, or the
    /// roster has no room.
    fn take_over(
        &self,
        account: &Account,
        old: &BareJid,
        new: &BareJid,
        left: &mut Left,
    ) -> Result<bool, StoreError> {
        let Some(contacts) = Contacts::of(account) else { return Ok(false) };
        let list = contacts.list();
        if list.len() >= self.limits.items && list.get(new.as_str()).is_none() {
            return Ok(false);
        }
        let mut before = None;
        let parted = contacts.edit(&self.keeper, &account.jid, old, |item| {
            let Some(item) = item.filter(|item| seen(item.subscription)) else { return Edit::Keep };
            before = Some(item.clone());
            let to = sees(item.subscription);
            let subscription = if to { Subscription::To } else { Subscription::None };
            Edit::Put(Item { subscription, approved: false, listed: true, ..item.clone() })
        })?;
        let Some(before) = before else { return Ok(false) };
        let mut asks = false;
        let joined = contacts.edit(&self.keeper, &account.jid, new, |item| {
            let after = welcomed(item, &before);
            asks = after.ask;
            Edit::Put(after)
        })?;
        if let Some(joined) = joined {
            joined.leave(account, left);
        }
        left.route(subscription(PresenceKind::Subscribed, &account.jid, new));
        show(account, new, left);
        left.route(subscription(PresenceKind::Unsubscribed, &account.jid, old));
        hide(account, old, left);
        if let Some(parted) = parted {
            parted.leave(account, left);
        }
        if asks {
            left.route(subscription(PresenceKind::Subscribe, &account.jid, new));
        }
        Ok(true)
    }
}

/// The new address on the roster: it sees the user and, where the user saw the old one, is asked for the same. Who was
/// not there under it gets the name and the groups of the old one.
fn welcomed(item: Option<&Item>, before: &Item) -> Item {
    let mut after = item.cloned().unwrap_or_default();
    if !after.listed && after.subscription == Subscription::None && after.name.is_none() {
        after.name.clone_from(&before.name);
        if before.circles.is_empty() {
            after.groups.clone_from(&before.groups);
        }
    }
    let to = sees(after.subscription);
    after.subscription = if to { Subscription::Both } else { Subscription::From };
    after.ask = !to && (after.ask || sees(before.subscription));
    (after.pending_in, after.listed) = (None, true);
    after
}

/// §4.2: the old address in a request.
fn old_address(moved: &Element) -> Option<BareJid> {
    address(moved, "old-jid")
}

/// The single child of this name, if it holds a bare JID of an account.
fn address(moved: &Element, name: &str) -> Option<BareJid> {
    let mut named = moved.children().filter(|child| child.is(name, ns::MOVED));
    let (Some(one), None) = (named.next(), named.next()) else { return None };
    let jid = Jid::parse(one.text().trim()).ok()?;
    (jid.is_bare() && jid.localpart().is_some()).then(|| jid.bare())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::parse;

    fn read(inside: &str) -> Option<String> {
        let moved = format!("<moved xmlns='urn:xmpp:moved:1'>{inside}</moved>");
        old_address(&parse::standalone(&moved).unwrap()).map(|jid| jid.as_str().to_owned())
    }

    #[test]
    fn an_old_address_is_one_bare_jid() {
        assert_eq!(read("<old-jid>a@b</old-jid><other/>").as_deref(), Some("a@b"));
        for inside in [
            "",
            "<old-jid/>",
            "<old-jid>a@b/c</old-jid>",
            "<old-jid>b</old-jid>",
            "<old-jid>@</old-jid>",
            "<old-jid>a@b</old-jid><old-jid>c@d</old-jid>",
            "<old-jid xmlns='urn:example'>a@b</old-jid>",
        ] {
            assert_eq!(read(inside), None, "{inside}");
        }
    }

    #[test]
    fn who_moved_is_asked_only_by_those_who_saw_the_old_address() {
        let of = |subscription| Item { subscription, name: Some("Juliet".into()), ..Item::default() };
        let after = welcomed(None, &of(Subscription::Both));
        assert_eq!((after.subscription, after.ask), (Subscription::From, true));
        assert_eq!(after.name.as_deref(), Some("Juliet"));
        let after = welcomed(None, &of(Subscription::From));
        assert_eq!((after.subscription, after.ask), (Subscription::From, false));
        let known = Item { subscription: Subscription::To, name: Some("J".into()), ..Item::default() };
        let after = welcomed(Some(&known), &of(Subscription::Both));
        assert_eq!((after.subscription, after.ask), (Subscription::Both, false));
        assert_eq!(after.name.as_deref(), Some("J"));
    }
}
