//! XEP-0402: PEP Native Bookmarks, and the two older places for them (XEP-0048): one list in three forms.
//!
//! The items of `urn:xmpp:bookmarks:1` are the list. What a client changes there is collated into the node
//! `storage:bookmarks`; what it changes in an older place is compared with the items, and only what differs is
//! published. The server publishes by the account's bare JID: so it knows its own publications and does not follow them.

mod forms;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use rialto_xmpp::{BareJid, Condition, Element, Jid, StanzaError, ns};
use tokio::sync::Mutex;

use super::Left;
use super::pubsub::{Happening, Host, PubSub, Publication, Watcher};

/// The one item of the older node.
const CURRENT: &str = "current";

/// Lists that are converted at the same time.
const SHARDS: usize = 32;

/// Keeps the three forms alike.
pub struct Bookmarks {
    pubsub: Arc<PubSub>,
    /// One conversion of a list after another.
    turns: Vec<Mutex<()>>,
    hasher: RandomState,
}

/// Follows both nodes.
struct Follower(Arc<Bookmarks>);

/// The rooms of an older list (XEP-0048), as items of the newer one.
pub fn of_storage(storage: &Element) -> Vec<(String, Element)> {
    let rooms = storage.children().filter(|child| forms::is_room(child));
    let item =
        |room: &Element| Some((BareJid::parse(room.get("jid")?).ok()?.to_string(), forms::newer(room, None)));
    rooms.filter_map(item).collect()
}

impl Bookmarks {
    /// Keeps them alike from now on.
    pub fn follow(pubsub: &Arc<PubSub>) -> Arc<Bookmarks> {
        let turns = (0..SHARDS).map(|_| Mutex::default()).collect();
        let bookmarks = Arc::new(Bookmarks { pubsub: pubsub.clone(), turns, hasher: RandomState::new() });
        for node in [ns::BOOKMARKS, ns::BOOKMARKS_OLD] {
            pubsub.watch(node, Arc::new(Follower(bookmarks.clone())));
        }
        bookmarks
    }

    /// XEP-0402 §6.1: the list in its older form, with what else was kept there (`kept`: web pages). `None`: there is no
    /// list of the new form, and what was kept is what there is.
    ///
    /// # Errors
    /// `internal-server-error` when the store fails.
    pub async fn collated(
        &self,
        owner: &BareJid,
        kept: Option<&Element>,
    ) -> Result<Option<Element>, StanzaError> {
        if self.pubsub.config(owner.as_str(), ns::BOOKMARKS)?.is_none() {
            return Ok(None);
        }
        let items = self.pubsub.items(owner.as_str(), ns::BOOKMARKS).await?;
        let rooms = items.iter().filter_map(|item| forms::older(&item.id, item.payload.as_ref()?));
        let others = kept.into_iter().flat_map(Element::children).filter(|child| !forms::is_room(child));
        Ok(Some(forms::storage().with_all(rooms).with_all(others.cloned())))
    }

    /// XEP-0402 §6.2: a list of the older form was stored in private XML: it is the list from now on.
    ///
    /// # Errors
    /// What a publication of one of them is told.
    pub async fn replace(
        &self,
        owner: &BareJid,
        storage: &Element,
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        let _turn = self.turn(owner).lock().await;
        self.take_over(owner, storage, left).await?;
        self.collate(owner, Some(storage), left).await
    }

    fn turn(&self, owner: &BareJid) -> &Mutex<()> {
        let at = self.hasher.hash_one(owner.as_str()) as usize % self.turns.len();
        // holds: there are SHARDS of them.
        &self.turns[at]
    }

    /// Publishes what is new or different in a list of the older form, and retracts what is not in it.
    async fn take_over(
        &self,
        owner: &BareJid,
        storage: &Element,
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        let (host, by) = (Host::Account(owner), owner.as_jid());
        let before = self.pubsub.items(owner.as_str(), ns::BOOKMARKS).await?;
        let mut rooms: Vec<Jid> = Vec::new();
        for room in storage.children().filter(|child| forms::is_room(child)) {
            // One that cannot be a room costs only itself.
            let Some(jid) = room.get("jid").and_then(|jid| Jid::parse(jid).ok()) else { continue };
            if rooms.contains(&jid) {
                continue;
            }
            let same = |id: &str| Jid::parse(id).is_ok_and(|id| id == jid);
            let old = before.iter().find(|item| same(&item.id));
            let new = forms::newer(room, old.and_then(|item| item.payload.as_ref()));
            if old.and_then(|item| item.payload.as_ref()).is_none_or(|old| !forms::alike(old, &new)) {
                let id = old.map_or(jid.as_str(), |item| item.id.as_str());
                let (node, payload) = (ns::BOOKMARKS, Some(&new));
                let publication = Publication { node, id: Some(id), payload, ..Publication::default() };
                self.pubsub.publish(host, by, &publication, left)?;
            }
            rooms.push(jid);
        }
        for item in before {
            if !Jid::parse(&item.id).is_ok_and(|jid| rooms.contains(&jid)) {
                self.pubsub.retract(host, by, (ns::BOOKMARKS, &item.id), true, left)?;
            }
        }
        Ok(())
    }

    /// Puts the list into the older node. `with`: what else is in the older form; else as it stands there.
    async fn collate(
        &self,
        owner: &BareJid,
        with: Option<&Element>,
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        let before = self.pubsub.item(owner.as_str(), ns::BOOKMARKS_OLD, Some(CURRENT)).await?;
        let before = before.and_then(|item| item.payload);
        let Some(storage) = self.collated(owner, with.or(before.as_ref())).await? else { return Ok(()) };
        if before.as_ref() == Some(&storage) {
            return Ok(());
        }
        let (node, payload) = (ns::BOOKMARKS_OLD, Some(&storage));
        let publication = Publication { node, id: Some(CURRENT), payload, ..Publication::default() };
        self.pubsub.publish(Host::Account(owner), owner.as_jid(), &publication, left).map(drop)
    }
}

impl Watcher for Follower {
    /// XEP-0402 §3: the id of an item is the address of a room, its payload says how it is entered.
    fn permits(
        &self,
        host: Host<'_>,
        id: Option<&str>,
        payload: Option<&Element>,
    ) -> Result<(), StanzaError> {
        let Some(payload) = payload.filter(|_| host.is_account()) else { return Ok(()) };
        let bad = |text: &str| Err(StanzaError::new(Condition::BadRequest, text));
        if payload.is("storage", ns::BOOKMARKS_OLD) {
            return Ok(());
        }
        if !payload.is("conference", ns::BOOKMARKS) {
            return bad("That is no bookmark.");
        }
        match id.map(Jid::parse) {
            Some(Ok(_)) => Ok(()),
            _ => bad("The id of a bookmark is the address of its room."),
        }
    }

    fn happened(&self, host: Host<'_>, by: &Jid, happening: &Happening<'_>, left: &mut Left) {
        let Host::Account(owner) = host else { return };
        if by.is_bare() {
            // That was we.
            return;
        }
        let older = match happening {
            Happening::Published { node, payload, .. } if *node == ns::BOOKMARKS_OLD => {
                let Some(storage) = payload.filter(|payload| payload.is("storage", ns::BOOKMARKS_OLD)) else {
                    return;
                };
                Some(storage.clone())
            }
            Happening::Published { node, .. }
            | Happening::Retracted { node, .. }
            | Happening::Emptied { node, .. }
                if *node == ns::BOOKMARKS =>
            {
                None
            }
            // Who throws the older form away has not said that he wants no list.
            _ => return,
        };
        let (bookmarks, owner) = (self.0.clone(), owner.clone());
        left.later(move || {
            Box::pin(async move {
                let mut left = Left::default();
                let _turn = bookmarks.turn(&owner).lock().await;
                let done = match &older {
                    Some(storage) => bookmarks.take_over(&owner, storage, &mut left).await,
                    None => bookmarks.collate(&owner, None, &mut left).await,
                };
                if let Err(error) = done {
                    tracing::info!(account = %owner, %error, "bookmarks could not be converted");
                }
                left
            })
        });
    }
}
