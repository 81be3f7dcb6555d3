//! XEP-0163 §4.3, XEP-0060 §7.1.2: who is told of an event, and how: one serialisation, one push for each.

use std::collections::HashSet;
use std::sync::Arc;

use rialto_store::pubsub::{Notification, State, Subscription};
use rialto_xmpp::write::escape_attr;
use rialto_xmpp::{BareJid, Broadcast, Jid, Message, Stanza};

use super::access::{Relation, Standing};
use super::home::View;
use super::{Host, Interests, PubSub};
use crate::features::Left;
use crate::features::blocked::blocks;
use crate::features::contacts::{Contacts, seen};
use crate::sessions::{Account, Frame, Session, Urgency, urgent};

/// An event on its way to many.
struct Telling<'a> {
    /// From whom it is.
    from: Jid,
    /// His account, if he has one that is in memory.
    owner: Option<Arc<Account>>,
    message: Message,
    broadcast: Arc<Broadcast>,
    urgent: Urgency,
    /// Numbers of the sessions that have it.
    told: HashSet<u64>,
    left: &'a mut Left,
}

impl PubSub {
    /// Leaves an event for all who shall hear of it.
    pub(super) fn notify(&self, host: Host<'_>, view: &View, message: Message, left: &mut Left) {
        if !view.config.deliver_notifications {
            return;
        }
        let stanza = Stanza::Message(message.clone());
        let (broadcast, urgent) = (Arc::new(stanza.broadcast()), urgent(&stanza));
        let owner = host.is_account().then(|| self.accounts.get(host.owner())).flatten();
        let from = host.jid().clone();
        let mut telling = Telling { from, owner, message, broadcast, urgent, told: HashSet::new(), left };
        if let Host::Account(owner) = host {
            self.to_own(owner, view, &mut telling);
            self.to_contacts(owner, view, &mut telling);
        }
        self.to_subscribers(host, view, &mut telling);
    }

    /// XEP-0163 §4: all of the owner's available resources that want it.
    fn to_own(&self, owner: &BareJid, view: &View, telling: &mut Telling<'_>) {
        if let Some(account) = self.accounts.get(owner.as_str()) {
            to_interested(&account, &view.name, telling);
        }
    }

    /// §9.1.2: who sees the owner's presence has subscribed to what he may read.
    fn to_contacts(&self, owner: &BareJid, view: &View, telling: &mut Telling<'_>) {
        let Some(contacts) = self.accounts.get(owner.as_str()).and_then(|account| Contacts::of(&account))
        else {
            return self.to_contacts_of_absent(owner, view, telling);
        };
        for contact in contacts.list().iter().filter(|contact| seen(contact.item.subscription)) {
            // Who is not in memory has no session.
            let Some(other) = self.accounts.get(contact.jid.as_str()) else { continue };
            let agrees = Contacts::of(&other).is_some_and(|theirs| theirs.sees(owner.as_str()));
            let relation = Relation::of(&contact.item);
            let standing = Standing { relation: &relation, person: view.people.get(contact.jid.as_str()) };
            if agrees && standing.may_read(&view.config).is_ok() {
                to_interested(&other, &view.name, telling);
            }
        }
    }

    /// The same for an owner who is not in memory: somebody else has published, or the server has.
    fn to_contacts_of_absent(&self, owner: &BareJid, view: &View, telling: &mut Telling<'_>) {
        let Ok(roster) = self.rosters.load(owner.as_str()) else { return };
        for item in roster.items.iter().filter(|item| seen(item.subscription)) {
            let Some(other) = self.accounts.get(&item.jid) else { continue };
            let relation = Relation::of(item);
            let standing = Standing { relation: &relation, person: view.people.get(&item.jid) };
            if standing.may_read(&view.config).is_ok() {
                to_interested(&other, &view.name, telling);
            }
        }
    }

    /// Who has subscribed by name.
    fn to_subscribers(&self, host: Host<'_>, view: &View, telling: &mut Telling<'_>) {
        for (bare, person) in view.people.iter().filter(|(_, person)| !person.subscriptions.is_empty()) {
            let relation = self.relation(host, bare);
            let standing = Standing { relation: &relation, person: Some(person) };
            if standing.may_read(&view.config).is_err() {
                continue;
            }
            let counts = |one: &&Subscription| one.state == State::Subscribed && !one.paused;
            for subscription in person.subscriptions.iter().filter(counts) {
                if let Ok(jid) = Jid::parse(&subscription.jid) {
                    self.to_subscriber(&jid, view, telling);
                }
            }
        }
    }

    /// XEP-0163 §4.3.2: one for a full JID; one for a bare JID unless its resources have it already.
    fn to_subscriber(&self, jid: &Jid, view: &View, telling: &mut Telling<'_>) {
        let is_here = self.domains.iter().any(|domain| domain == jid.domainpart());
        let is_kept = view.config.notification == Notification::Normal && !view.config.presence_based;
        // A domain of ours has no sessions: the server itself has subscribed.
        if !is_here || jid.is_domain() || (jid.is_bare() && is_kept) {
            return telling.route(jid);
        }
        let Some(account) = self.accounts.get(jid.bare_str()) else { return };
        if blocks(&account, &telling.from) {
            return;
        }
        if let Some(resource) = jid.resourcepart() {
            if let Some(session) = account.session(resource) {
                telling.push(&session, jid);
            }
            return;
        }
        let sessions = account.sessions();
        if sessions.iter().any(|session| telling.has(session)) {
            return;
        }
        for session in sessions.iter().filter(|session| session.takes_bare()) {
            telling.push(session, jid);
        }
    }
}

/// §9.2: the available resources whose capabilities say that they want it.
fn to_interested(account: &Account, node: &str, telling: &mut Telling<'_>) {
    if blocks(account, &telling.from) {
        return;
    }
    for session in account.sessions().iter().filter(|session| session.is_available()) {
        let interests = session.extensions.get::<Interests>();
        if interests.is_some_and(|interests| interests.wants(node)) {
            telling.push(session, &session.jid);
        }
    }
}

impl Telling<'_> {
    fn has(&self, session: &Session) -> bool {
        self.told.contains(&session.number)
    }

    fn push(&mut self, session: &Arc<Session>, to: &Jid) {
        // XEP-0163 §4.3.3: whom the owner blocks is told nothing.
        if self.owner.as_ref().is_some_and(|owner| blocks(owner, &session.jid)) {
            return;
        }
        if !self.told.insert(session.number) {
            return;
        }
        let to = escape_attr(to.as_str()).into();
        self.left.frame(session, Frame::addressed(&self.broadcast, &to, self.urgent));
    }

    fn route(&mut self, to: &Jid) {
        let mut message = self.message.clone();
        message.head.to = Some(to.clone());
        self.left.route(message);
    }
}
