//! XEP-0060 §4.1, §4.5: who may read, subscribe, publish and manage.

use rialto_store::pubsub::{Access, Affiliation, Config, Person, Publishing};
use rialto_xmpp::{Condition, Jid, StanzaError};

use super::home::{Node, subscribed};
use super::refusal::refusal;
use super::{Host, PubSub};
use crate::features::contacts::{Contacts, seen};

/// How somebody stands to the owner, apart from what the nodes say.
#[derive(Clone, Debug, Default)]
pub(super) struct Relation {
    /// He owns all nodes.
    pub rules: bool,
    /// He sees the owner's presence.
    pub sees: bool,
    /// The groups of the owner's roster that he is in.
    pub groups: Vec<String>,
}

/// Somebody before a node.
pub(super) struct Standing<'a> {
    pub relation: &'a Relation,
    pub person: Option<&'a Person>,
}

impl PubSub {
    /// How somebody (a bare JID) stands to a host.
    pub(super) fn relation(&self, host: Host<'_>, bare: &str) -> Relation {
        let rules = host.rules(bare);
        let Host::Account(owner) = host else { return Relation { rules, ..Relation::default() } };
        if rules {
            return Relation { rules, sees: true, groups: Vec::new() };
        }
        if let Some(contacts) = self.accounts.get(owner.as_str()).and_then(|account| Contacts::of(&account)) {
            let list = contacts.list();
            return list.get(bare).map(|contact| Relation::of(&contact.item)).unwrap_or_default();
        }
        // The owner is not in memory. What cannot be read lets nobody in.
        let item = self.rosters.get(owner.as_str(), bare).ok().flatten();
        item.map(|item| Relation::of(&item)).unwrap_or_default()
    }
}

impl Relation {
    /// How a contact stands to whose roster it is on.
    pub fn of(item: &rialto_store::rosters::Item) -> Relation {
        Relation { rules: false, sees: seen(item.subscription), groups: item.groups.clone() }
    }
}

impl<'a> Standing<'a> {
    /// Somebody before a node.
    pub fn new(relation: &'a Relation, node: &'a Node, bare: &str) -> Standing<'a> {
        Standing { relation, person: node.person(bare) }
    }

    /// §4.1: as the node has it, or as the host has it.
    pub fn affiliation(&self) -> Affiliation {
        match self.relation.rules {
            true => Affiliation::Owner,
            false => self.person.map(|person| person.affiliation).unwrap_or_default(),
        }
    }

    /// §6.5.1: whether he may retrieve items, and is told of events.
    pub fn may_read(&self, config: &Config) -> Result<(), StanzaError> {
        self.may(config, || match self.person.is_some_and(subscribed) {
            true => Ok(()),
            false => Err(refusal(Condition::NotAuthorized, "not-subscribed")),
        })
    }

    /// §6.1.3: whether he may subscribe. With `authorize` he may ask.
    pub fn may_subscribe(&self, config: &Config) -> Result<(), StanzaError> {
        if !config.subscribe && self.affiliation() != Affiliation::Owner {
            return Err(super::refusal::unsupported("subscribe"));
        }
        self.may(config, || Ok(()))
    }

    fn may(
        &self,
        config: &Config,
        authorized: impl FnOnce() -> Result<(), StanzaError>,
    ) -> Result<(), StanzaError> {
        match self.affiliation() {
            Affiliation::Owner | Affiliation::Publisher | Affiliation::Member => return Ok(()),
            Affiliation::Outcast | Affiliation::PublishOnly => return Err(Condition::Forbidden.into()),
            Affiliation::None => {}
        }
        match config.access {
            Access::Open => Ok(()),
            Access::Presence if self.relation.sees => Ok(()),
            Access::Presence => Err(refusal(Condition::NotAuthorized, "presence-subscription-required")),
            Access::Roster if self.relation.groups.iter().any(|group| config.groups.contains(group)) => {
                Ok(())
            }
            Access::Roster => Err(refusal(Condition::NotAuthorized, "not-in-roster-group")),
            Access::Authorize => authorized(),
            Access::Whitelist => Err(refusal(Condition::NotAllowed, "closed-node")),
        }
    }

    /// §7.1.3.1: whether he may publish.
    pub fn may_publish(&self, config: &Config) -> Result<(), StanzaError> {
        let may = match (self.affiliation(), config.publishing) {
            (Affiliation::Outcast, _) => false,
            (Affiliation::Owner | Affiliation::Publisher | Affiliation::PublishOnly, _) => true,
            (_, Publishing::Open) => true,
            (_, Publishing::Subscribers) => self.person.is_some_and(subscribed),
            (_, Publishing::Publishers) => false,
        };
        if may { Ok(()) } else { Err(Condition::Forbidden.into()) }
    }

    /// §4.1: whether he may change or remove what `by` has published.
    pub fn may_remove(&self, who: &Jid, by: &str) -> Result<(), StanzaError> {
        let own = || who.bare_str() == by && self.affiliation() != Affiliation::Outcast;
        if self.affiliation() == Affiliation::Owner || own() {
            return Ok(());
        }
        Err(Condition::Forbidden.into())
    }

    /// §8: what only owners do.
    pub fn owns(&self) -> Result<(), StanzaError> {
        match self.affiliation() {
            Affiliation::Owner => Ok(()),
            _ => Err(Condition::Forbidden.into()),
        }
    }
}
