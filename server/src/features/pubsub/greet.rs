//! XEP-0163 §4.3.4: the newest items for whoever has just become available, and for a new subscriber.

use std::sync::Arc;

use rialto_store::blocked;
use rialto_store::pubsub::SendLast;
use rialto_xmpp::{BareJid, Jid, Stanza};

use super::access::{Relation, Standing};
use super::home::View;
use super::{Host, Interests, PubSub, event};
use crate::features::Left;
use crate::features::blocked::{blocks, covers};
use crate::features::contacts::{Contacts, sees};
use crate::sessions::{Account, Session};

/// After so many contacts others have their turn.
const BREATH: usize = 32;

impl PubSub {
    /// Leaves the newest items of the account's own nodes and of its contacts' for a session that has become available,
    /// or of which it is known only now what it wants; `before` is what it has heard of already.
    pub fn greet(
        self: &Arc<PubSub>,
        account: &Arc<Account>,
        session: &Arc<Session>,
        before: Option<Arc<Interests>>,
        left: &mut Left,
    ) {
        let (pubsub, account, session) = (self.clone(), account.clone(), session.clone());
        left.later(move || Box::pin(async move { pubsub.greeting(&account, &session, before).await }));
    }

    /// Leaves the newest items of an account's nodes for a contact that may see its presence now.
    pub fn welcome(self: &Arc<PubSub>, owner: &BareJid, contact: &BareJid, left: &mut Left) {
        let (pubsub, owner, contact) = (self.clone(), owner.clone(), contact.clone());
        left.later(move || {
            Box::pin(async move {
                let mut left = Left::default();
                let Some(account) = pubsub.accounts.get(contact.as_str()) else { return left };
                for session in account.sessions().iter().filter(|session| session.is_available()) {
                    if let Some(interests) = session.extensions.get::<Interests>() {
                        let wants: Vec<&str> = interests.iter().collect();
                        pubsub.newest_of(Host::Account(&owner), &wants, session, &mut left).await;
                    }
                }
                left
            })
        });
    }

    async fn greeting(
        &self,
        account: &Account,
        session: &Arc<Session>,
        before: Option<Arc<Interests>>,
    ) -> Left {
        let mut left = Left::default();
        let Some(interests) = session.extensions.get::<Interests>() else { return left };
        let new = |node: &&str| !before.as_ref().is_some_and(|before| before.wants(node));
        let wants: Vec<&str> = interests.iter().filter(new).collect();
        if wants.is_empty() || !session.is_available() {
            return left;
        }
        self.newest_of(Host::Account(&account.jid), &wants, session, &mut left).await;
        let Some(contacts) = Contacts::of(account) else { return left };
        let list = contacts.list();
        let seen = list.iter().filter(|contact| sees(contact.item.subscription));
        for (place, contact) in seen.enumerate() {
            self.newest_of(Host::Account(&contact.jid), &wants, session, &mut left).await;
            if place % BREATH == BREATH - 1 {
                tokio::task::yield_now().await;
            }
        }
        left
    }

    /// The newest items of some nodes of an account, if the session's account sees its presence and may read them.
    async fn newest_of(&self, host: Host<'_>, wants: &[&str], session: &Arc<Session>, left: &mut Left) {
        let bare = session.jid.bare_str();
        let relation = self.relation(host, bare);
        if !relation.sees || self.apart(host, session) {
            return;
        }
        let shown = |view: &View| view.config.send_last == SendLast::OnSubAndPresence;
        let views = self.readable(host, bare, &relation, wants);
        for view in views.into_iter().filter(shown) {
            if let Some(stanza) = self.last_item(host, &view, &session.jid).await {
                left.direct(session, stanza);
            }
        }
    }

    /// XEP-0163 §4.3.3: whether one of the two blocks the other.
    fn apart(&self, host: Host<'_>, session: &Session) -> bool {
        let by_owner = match self.accounts.get(host.owner()) {
            Some(owner) => blocks(&owner, &session.jid),
            // What cannot be read lets nobody hear anything.
            None => blocked::load(&self.store, host.owner()).map_or(true, |listed| {
                covers(&listed.into_iter().collect(), &host.jid().bare(), &session.jid)
            }),
        };
        let other = self.accounts.get(session.jid.bare_str());
        by_owner || other.is_some_and(|other| blocks(&other, host.jid()))
    }

    /// Those of some nodes that have a newest item and may be read by somebody.
    fn readable(&self, host: Host<'_>, bare: &str, relation: &Relation, names: &[&str]) -> Vec<View> {
        let Ok(home) = self.home(host.owner()) else { return Vec::new() };
        let state = home.state.lock();
        if state.nodes.is_empty() {
            return Vec::new();
        }
        let nodes = names.iter().filter_map(|name| Some((name, state.nodes.get(*name)?)));
        let readable = nodes.filter(|(_, node)| {
            let standing = Standing::new(relation, node, bare);
            let config = &node.record.config;
            node.record.last.is_some() && config.deliver_notifications && standing.may_read(config).is_ok()
        });
        readable.map(|(name, node)| node.view(name)).collect()
    }

    /// The newest item of a node for somebody, unless it has expired.
    pub(super) async fn last_item(&self, host: Host<'_>, view: &View, to: &Jid) -> Option<Stanza> {
        let id = view.last.as_deref()?;
        self.settle(host.owner()).await.ok()?;
        let item = self.kept.item(host.owner(), &view.name, id).ok()??;
        let age = self.store.stamp().saturating_sub(item.at);
        if view.config.expire.is_some_and(|seconds| age > seconds.saturating_mul(1_000_000)) {
            return None;
        }
        let mut stanza = event::last(host, view, id, &item);
        stanza.head_mut().to = Some(to.clone());
        Some(stanza)
    }
}
