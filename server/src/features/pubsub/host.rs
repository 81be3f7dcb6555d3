//! Who hosts nodes, and the limits of that.

use rialto_store::pubsub::{Access, Config, SendLast};
use rialto_xmpp::{BareJid, Jid, ns};

use crate::config::{Creators, Pubsub};

/// Whose nodes they are.
#[derive(Clone, Copy, Debug)]
pub enum Host<'a> {
    /// XEP-0163: an account is its own service, and owns its nodes.
    Account(&'a BareJid),
    /// A domain where many have nodes.
    Service(&'a Hosting),
}

/// A pubsub service for many.
#[derive(Clone, Debug)]
pub struct Hosting {
    /// Its domain.
    pub jid: Jid,
    /// Who may do everything there.
    pub admins: Vec<BareJid>,
    /// Who may make nodes.
    pub create: Creators,
    /// Domains of accounts here.
    pub domains: Vec<String>,
    /// Nodes at most, of all together.
    pub nodes: usize,
}

/// What nobody may exceed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Items of one node: what `max` means (XEP-0060 §10, `config-node-max`).
    pub items: u32,
    /// Bytes of one payload.
    pub payload: usize,
    /// Nodes of an account, or of one creator at a service.
    pub nodes: usize,
    /// Bytes of all payloads of an account.
    pub bytes: u64,
    /// People that stand somehow to one node.
    pub people: usize,
    /// Subscriptions of one of them to one node.
    pub subscriptions: usize,
    /// Bytes of a node's name, of an item's id, and of a line of a configuration.
    pub name: usize,
    /// Bytes of payloads in one answer; what is left is told with XEP-0059.
    pub page: usize,
    /// Owners whose nodes are in memory; more only for a moment.
    pub homes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            items: 1_000,
            payload: 192 * 1024,
            nodes: 500,
            bytes: 16 * 1024 * 1024,
            people: 10_000,
            subscriptions: 10,
            name: 1023,
            page: 1024 * 1024,
            homes: 8_192,
        }
    }
}

impl Limits {
    /// What the operator has chosen.
    pub fn of(config: &Pubsub) -> Limits {
        Limits {
            items: config.items,
            payload: config.item_bytes,
            nodes: config.nodes,
            bytes: config.account_bytes as u64,
            ..Limits::default()
        }
    }
}

impl Host<'_> {
    /// The owner as the store names it: a bare JID or a domain.
    pub fn owner(&self) -> &str {
        self.jid().as_str()
    }

    /// Its address: what events come from (XEP-0163 §4.3.1).
    pub fn jid(&self) -> &Jid {
        match self {
            Host::Account(account) => account.as_jid(),
            Host::Service(hosting) => &hosting.jid,
        }
    }

    /// Whether this is an account.
    pub fn is_account(&self) -> bool {
        matches!(self, Host::Account(_))
    }

    /// Who owns all its nodes, whatever the nodes say.
    pub(super) fn rules(&self, bare: &str) -> bool {
        match self {
            Host::Account(account) => account.as_str() == bare,
            Host::Service(hosting) => hosting.admins.iter().any(|admin| admin.as_str() == bare),
        }
    }

    /// Who may make nodes.
    pub(super) fn lets_create(&self, by: &Jid) -> bool {
        match self {
            Host::Account(account) => account.as_str() == by.bare_str(),
            Host::Service(hosting) => {
                let is_here = || hosting.domains.iter().any(|one| one == by.domainpart());
                let may = match hosting.create {
                    Creators::Everyone => true,
                    Creators::Local => by.localpart().is_some() && is_here(),
                    Creators::Admins => false,
                };
                may || self.rules(by.bare_str())
            }
        }
    }

    /// Nodes it may have.
    pub(super) fn most_nodes(&self, limits: &Limits) -> usize {
        match self {
            Host::Account(_) => limits.nodes,
            Host::Service(hosting) => hosting.nodes,
        }
    }

    /// How a new node is configured.
    pub(super) fn defaults(&self) -> Config {
        match self {
            Host::Account(_) => Config::default(),
            // §4.5: a generic service is open; it has nobody's presence.
            Host::Service(_) => Config {
                access: Access::Open,
                max_items: None,
                send_last: SendLast::OnSub,
                presence_based: false,
                ..Config::default()
            },
        }
    }

    /// How a new node of this name is configured. What is nobody else's business by its nature is never shown by accident
    /// (XEP-0402 §4, XEP-0490 §9), and what everybody asks for is not hidden (XEP-0398 §7).
    pub(super) fn defaults_of(&self, node: &str) -> Config {
        let defaults = self.defaults();
        match node {
            _ if !self.is_account() => defaults,
            ns::BOOKMARKS | ns::DISPLAYED_SYNC => {
                let (access, max_items, send_last) = (Access::Whitelist, None, SendLast::Never);
                Config { access, max_items, send_last, ..defaults }
            }
            ns::BOOKMARKS_OLD => Config { access: Access::Whitelist, ..defaults },
            _ => defaults,
        }
    }

    /// §4.5: the access models it has.
    pub(super) fn models(&self) -> &'static [Access] {
        match self {
            Host::Account(_) => Access::ALL,
            Host::Service(_) => &[Access::Open, Access::Authorize, Access::Whitelist],
        }
    }
}

/// A host that outlives its question.
pub(super) enum Owned {
    Account(BareJid),
    Service(Hosting),
}

impl Owned {
    /// A copy of a host.
    pub fn of(host: Host<'_>) -> Owned {
        match host {
            Host::Account(account) => Owned::Account(account.clone()),
            Host::Service(hosting) => Owned::Service(hosting.clone()),
        }
    }

    /// The host.
    pub fn host(&self) -> Host<'_> {
        match self {
            Owned::Account(account) => Host::Account(account),
            Owned::Service(hosting) => Host::Service(hosting),
        }
    }
}
