//! XEP-0060: the domain where communities have nodes: the same nodes as those of accounts, for many.
//!
//! One task takes what comes, in order. What has come meanwhile is decided together and waits for one commit; then
//! everybody is told, so that nobody hears of what is not kept, and events of a node come in the order of its items.

use std::sync::{Arc, Weak};

use rialto_xmpp::parts::form::Form;
use rialto_xmpp::parts::rsm;
use rialto_xmpp::{BareJid, Condition, Element, Iq, IqKind, Jid, Message, Stanza, StanzaError, ns};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::server_node;
use crate::config::Config;
use crate::features::pubsub::{Host, Hosting, Kinds, PENDING, PubSub, Request};
use crate::features::{Fut, Hosted, Left, Origin};
use crate::router::{Delivery, Domain, Router, Service, Undelivered, undelivered};

/// What the service is called.
const NAME: &str = "Publish-Subscribe";

/// Requests that wait. Overflow: `resource-constraint`.
const WAITING: usize = 1_024;

/// Requests decided together.
const TOGETHER: usize = 64;

/// §10: what it can do.
const FEATURES: &[&str] = &[
    ns::DISCO_INFO,
    ns::DISCO_ITEMS,
    ns::PING,
    ns::RSM,
    ns::COMMANDS,
    ns::PUBSUB,
    ns::PUBSUB_ACCESS_AUTHORIZE,
    ns::PUBSUB_ACCESS_OPEN,
    ns::PUBSUB_ACCESS_WHITELIST,
    ns::PUBSUB_AUTO_CREATE,
    ns::PUBSUB_CONFIG_NODE,
    ns::PUBSUB_CONFIG_NODE_MAX,
    ns::PUBSUB_CREATE_AND_CONFIGURE,
    ns::PUBSUB_CREATE_NODES,
    ns::PUBSUB_DELETE_ITEMS,
    ns::PUBSUB_DELETE_NODES,
    ns::PUBSUB_FILTER,
    ns::PUBSUB_GET_PENDING,
    ns::PUBSUB_INSTANT_NODES,
    ns::PUBSUB_ITEM_IDS,
    ns::PUBSUB_MANAGE_SUBSCRIPTIONS,
    ns::PUBSUB_MEMBER_AFFILIATION,
    ns::PUBSUB_META_DATA,
    ns::PUBSUB_MODIFY_AFFILIATIONS,
    ns::PUBSUB_MULTI_ITEMS,
    ns::PUBSUB_OUTCAST_AFFILIATION,
    ns::PUBSUB_PERSISTENT_ITEMS,
    ns::PUBSUB_PUBLISH,
    ns::PUBSUB_PUBLISH_NODE_FULL,
    ns::PUBSUB_PUBLISH_ONLY_AFFILIATION,
    ns::PUBSUB_PUBLISH_OPTIONS,
    ns::PUBSUB_PUBLISHER_AFFILIATION,
    ns::PUBSUB_PURGE_NODES,
    ns::PUBSUB_RETRACT_ITEMS,
    ns::PUBSUB_RETRIEVE_AFFILIATIONS,
    ns::PUBSUB_RETRIEVE_DEFAULT,
    ns::PUBSUB_RETRIEVE_ITEMS,
    ns::PUBSUB_RETRIEVE_SUBSCRIPTIONS,
    ns::PUBSUB_SUBSCRIBE,
    ns::PUBSUB_SUBSCRIPTION_NOTIFICATIONS,
    ns::PUBSUB_SUBSCRIPTION_OPTIONS,
];

/// The domain of nodes.
pub struct PubsubService {
    mailbox: mpsc::Sender<Stanza>,
    working: JoinHandle<()>,
    desk: Arc<Desk>,
}

/// Whoever decides.
struct Desk {
    pubsub: Arc<PubSub>,
    hosting: Hosting,
    router: Weak<Router>,
}

/// A request that was decided.
struct Decided {
    stanza: Stanza,
    answer: Result<Option<Element>, StanzaError>,
    left: Left,
}

impl PubsubService {
    /// Has the router serve the domain, if the operator wants it.
    pub fn open(config: &Config, router: &Arc<Router>, pubsub: &Arc<PubSub>) {
        let Ok(jid) = Jid::parse(&config.pubsub.domain) else { return };
        if !config.pubsub.service {
            return;
        }
        let hosting = Hosting {
            jid: jid.clone(),
            admins: config.admins.clone(),
            create: config.pubsub.create,
            domains: config.domains.clone(),
            nodes: config.pubsub.service_nodes,
        };
        if config.pubsub.server_information
            && let Err(error) = server_node::publish(config, &hosting, pubsub)
        {
            tracing::error!(?error, "what this server says of itself (XEP-0485) cannot be published");
        }
        let (mailbox, waiting) = mpsc::channel(WAITING);
        let desk = Arc::new(Desk { pubsub: pubsub.clone(), hosting, router: Arc::downgrade(router) });
        let working = tokio::spawn(work(desk.clone(), waiting));
        let service = PubsubService { mailbox, working, desk };
        router.domains.serve(jid.domainpart(), Domain::Service(Arc::new(service)));
        router.features.catalogue.host(Hosted { jid, name: NAME.to_owned() });
    }
}

impl Service for PubsubService {
    fn deliver(&self, stanza: Stanza) -> Fut<'_, Delivery> {
        Box::pin(async move {
            let is_heard = match &stanza {
                Stanza::Iq(_) | Stanza::Message(_) => stanza.may_bounce(),
                // Presence says nothing here.
                Stanza::Presence(_) => false,
            };
            if !is_heard {
                return Ok(());
            }
            match self.mailbox.try_send(stanza) {
                Ok(()) => Ok(()),
                Err(mpsc::error::TrySendError::Full(stanza)) => {
                    undelivered(stanza, Condition::ResourceConstraint)
                }
                Err(mpsc::error::TrySendError::Closed(stanza)) => {
                    undelivered(stanza, Condition::ServiceUnavailable)
                }
            }
        })
    }

    fn forget<'a>(&'a self, jid: &'a BareJid) -> Fut<'a, ()> {
        Box::pin(async move { self.desk.pubsub.dismiss(Host::Service(&self.desk.hosting), jid) })
    }

    fn close(&self) -> Fut<'_, ()> {
        self.working.abort();
        Box::pin(async {})
    }
}

async fn work(desk: Arc<Desk>, mut waiting: mpsc::Receiver<Stanza>) {
    let mut stanzas = Vec::with_capacity(TOGETHER);
    while waiting.recv_many(&mut stanzas, TOGETHER).await > 0 {
        let mut decided = Vec::with_capacity(stanzas.len());
        for stanza in stanzas.drain(..) {
            decided.push(desk.decide(stanza).await);
        }
        let Some(router) = desk.router.upgrade() else { return };
        for Decided { stanza, mut answer, mut left } in decided {
            if answer.is_ok() && router.store.settled(left.ticket).await.is_err() {
                answer = Err(Condition::InternalServerError.into());
            }
            let after = std::mem::take(&mut left.after);
            if answer.is_ok() {
                router.send_all(&mut left).await;
            }
            match (answer, &stanza) {
                (Ok(payload), Stanza::Iq(iq)) => {
                    router.route(Origin::Server, iq.result(payload).into()).await;
                }
                (Ok(_), _) => {}
                (Err(error), _) => router.give_back(Undelivered::new(stanza, error)).await,
            }
            router.send_all(&mut Left { also: after, ..Left::default() }).await;
        }
    }
}

impl Desk {
    async fn decide(&self, stanza: Stanza) -> Decided {
        let mut left = Left::default();
        let is_for_domain = stanza.to().is_some_and(Jid::is_domain);
        let answer = match &stanza {
            _ if !is_for_domain => Err(Condition::ServiceUnavailable.into()),
            Stanza::Iq(iq) => self.answer(iq, &mut left).await,
            Stanza::Message(message) => self.approve(message, &mut left).map(|()| None),
            Stanza::Presence(_) => Ok(None),
        };
        Decided { stanza, answer, left }
    }

    async fn answer(&self, iq: &Iq, left: &mut Left) -> Result<Option<Element>, StanzaError> {
        let payload = iq.payload().ok_or(Condition::BadRequest)?;
        let from = iq.head.from.as_ref().ok_or(Condition::BadRequest)?;
        let host = Host::Service(&self.hosting);
        let node = payload.get("node").filter(|node| !node.is_empty());
        match (payload.ns().as_str(), payload.name(), iq.kind) {
            (ns::PUBSUB | ns::PUBSUB_OWNER, "pubsub", kind) => {
                self.pubsub.answer(Request { host, from, kind, pubsub: payload }, left).await
            }
            (ns::DISCO_INFO, "query", IqKind::Get) => {
                let query = match node {
                    Some(ns::COMMANDS) => automation("command-list", "Commands"),
                    Some(ns::PUBSUB_GET_PENDING) => automation("command-node", PENDING),
                    Some(node) => self.pubsub.node_info(host, from, node)?,
                    None => information(),
                };
                Ok(Some(query.attr_opt("node", node)))
            }
            (ns::DISCO_ITEMS, "query", IqKind::Get) => {
                let query = Element::new("query", ns::DISCO_ITEMS).attr_opt("node", node);
                if node == Some(ns::COMMANDS) {
                    return Ok(Some(query.with(self.command())));
                }
                if let Some(node) = node {
                    return Ok(Some(query.with_all(self.pubsub.node_items(host, from, node)?)));
                }
                let (page, kinds) = (rsm::Query::read(payload)?, Kinds::read(payload)?);
                let (items, set) = self.pubsub.nodes(host, from, (page.as_ref(), &kinds))?;
                Ok(Some(query.with_all(items).with_opt(set)))
            }
            (ns::COMMANDS, "command", IqKind::Set) if node == Some(ns::PUBSUB_GET_PENDING) => {
                self.pubsub.pending(host, from, payload, left).map(Some)
            }
            (ns::COMMANDS, "command", IqKind::Set) => Err(Condition::ItemNotFound.into()),
            (ns::PING, "ping", IqKind::Get) => Ok(None),
            _ => Err(Condition::ServiceUnavailable.into()),
        }
    }

    /// XEP-0050 §2.3: what it has.
    fn command(&self) -> Element {
        Element::new("item", ns::DISCO_ITEMS)
            .attr("jid", &self.hosting.jid)
            .attr("node", ns::PUBSUB_GET_PENDING)
            .attr("name", PENDING)
    }

    /// §8.6: an owner approves a subscription, or not.
    fn approve(&self, message: &Message, left: &mut Left) -> Result<(), StanzaError> {
        let from = message.head.from.as_ref().ok_or(Condition::BadRequest)?;
        let form = message.payloads.iter().find_map(Form::read);
        let form = form.ok_or(Condition::ServiceUnavailable)?;
        match self.pubsub.approve(Host::Service(&self.hosting), from, &form, left)? {
            true => Ok(()),
            false => Err(Condition::ServiceUnavailable.into()),
        }
    }
}

/// XEP-0050 §2.3, §2.4.
fn automation(kind: &str, name: &str) -> Element {
    let identity = Element::new("identity", ns::DISCO_INFO)
        .attr("category", "automation")
        .attr("type", kind)
        .attr("name", name);
    let feature = |var: &str| Element::new("feature", ns::DISCO_INFO).attr("var", var);
    Element::new("query", ns::DISCO_INFO).with(identity).with_all([ns::COMMANDS, ns::DATA_FORMS].map(feature))
}

/// §5.1
fn information() -> Element {
    let identity = Element::new("identity", ns::DISCO_INFO)
        .attr("category", "pubsub")
        .attr("type", "service")
        .attr("name", NAME);
    let feature = |var: &&str| Element::new("feature", ns::DISCO_INFO).attr("var", *var);
    Element::new("query", ns::DISCO_INFO).with(identity).with_all(FEATURES.iter().map(feature))
}
