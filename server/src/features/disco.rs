//! XEP-0030: Service Discovery of the server and of accounts.

use std::sync::Arc;

use rialto_xmpp::{Condition, Element, StanzaError, ns};

use super::catalogue::CAPS_NODE;
use super::pubsub::{Host, Kinds, PubSub};
use super::record::Recorder;
use super::{About, Answer, Ask, Feature, IqSpec, Spec, Target};

static ABOUT: About = About {
    spec: Spec::Xep(30, "2.5.0"),
    disco: &[
        (Target::Server, ns::DISCO_INFO),
        (Target::Server, ns::DISCO_ITEMS),
        (Target::Account, ns::DISCO_INFO),
        (Target::Account, ns::DISCO_ITEMS),
    ],
    iq: &[
        IqSpec::server_get(ns::DISCO_INFO, "query"),
        IqSpec::server_get(ns::DISCO_ITEMS, "query"),
        IqSpec::account_get(ns::DISCO_INFO, "query"),
        IqSpec::account_get(ns::DISCO_ITEMS, "query"),
    ],
    at: &[],
};

/// Tells what is here, at once: clients wait for it before they say that they are online.
pub struct Disco {
    pubsub: Arc<PubSub>,
    recorder: Arc<Recorder>,
}

/// The feature.
pub fn new(pubsub: &Arc<PubSub>, recorder: &Arc<Recorder>) -> Disco {
    Disco { pubsub: pubsub.clone(), recorder: recorder.clone() }
}

impl Feature for Disco {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            let query = ask.payload()?;
            let node = query.get("node").filter(|node| !node.is_empty());
            let mut answer = match (ask.account.is_some(), *query.ns() == *ns::DISCO_INFO) {
                (false, true) => server_info(ask, node)?,
                (false, false) => server_items(ask, node)?,
                // XEP-0013 §2.2, §2.3
                (true, true) if node == Some(ns::OFFLINE_RETRIEVAL) => self.recorder.queue_info(ask).await?,
                (true, false) if node == Some(ns::OFFLINE_RETRIEVAL) => {
                    self.recorder.queue_items(ask).await?
                }
                (true, true) => self.account_info(ask, node)?,
                (true, false) => self.account_items(ask, node)?,
            };
            // §3.2: the node asked for is repeated.
            if let Some(node) = node {
                answer.set("node", node);
            }
            Ok(Some(answer))
        })
    }
}

fn server_info(ask: &Ask<'_>, node: Option<&str>) -> Result<Element, StanzaError> {
    match node {
        None => Ok(ask.catalogue.info(Target::Server)),
        // XEP-0115 §6.2: the node of our own capabilities.
        Some(node) if is_own_caps(ask, node) => Ok(ask.catalogue.info(Target::Server)),
        Some(ns::COMMANDS) => Ok(command_list_info()),
        Some(node) => command(ask, node).map(|name| command_info(&name)),
    }
}

fn is_own_caps(ask: &Ask<'_>, node: &str) -> bool {
    node.strip_prefix(CAPS_NODE).and_then(|rest| rest.strip_prefix('#')) == Some(ask.catalogue.caps())
}

/// XEP-0050 §2.1.
fn command_list_info() -> Element {
    let identity =
        Element::new("identity", ns::DISCO_INFO).attr("category", "automation").attr("type", "command-list");
    Element::new("query", ns::DISCO_INFO).with(identity)
}

/// XEP-0050 §2.2.
fn command_info(name: &str) -> Element {
    let identity = Element::new("identity", ns::DISCO_INFO)
        .attr("category", "automation")
        .attr("type", "command-node")
        .attr("name", name);
    let feature = |var: &str| Element::new("feature", ns::DISCO_INFO).attr("var", var);
    Element::new("query", ns::DISCO_INFO)
        .with(identity)
        .with(feature(ns::COMMANDS))
        .with(feature(ns::DATA_FORMS))
}

fn command(ask: &Ask<'_>, node: &str) -> Result<String, StanzaError> {
    let asker = ask.asker()?;
    let commands = ask.catalogue.commands(asker);
    let found = commands.into_iter().find(|(other, _)| other == node).map(|(_, name)| name);
    found.ok_or_else(|| Condition::ItemNotFound.into())
}

fn server_items(ask: &Ask<'_>, node: Option<&str>) -> Result<Element, StanzaError> {
    let item = |jid: &str| Element::new("item", ns::DISCO_ITEMS).attr("jid", jid);
    let query = Element::new("query", ns::DISCO_ITEMS);
    match node {
        None => {
            let hosted = ask.catalogue.hosted();
            Ok(query.with_all(hosted.iter().map(|host| item(host.jid.as_str()).attr("name", &host.name))))
        }
        Some(ns::COMMANDS) => command_list(ask, ask.asker()?.domainpart()),
        Some(_) => Err(Condition::ItemNotFound.into()),
    }
}

/// XEP-0050 §2.2: what the asker may run, and where.
fn command_list(ask: &Ask<'_>, otherwise: &str) -> Result<Element, StanzaError> {
    let to = ask.iq.head.to.as_ref().map_or(otherwise, |to| to.as_str());
    let line = |(node, name): (String, String)| {
        Element::new("item", ns::DISCO_ITEMS).attr("jid", to).attr("node", node).attr("name", name)
    };
    let commands = ask.catalogue.commands(ask.asker()?);
    Ok(Element::new("query", ns::DISCO_ITEMS).with_all(commands.into_iter().map(line)))
}

impl Disco {
    /// §8: an account says nothing to strangers, but of nodes that are open to them (XEP-0060 §5.3).
    fn account_info(&self, ask: &Ask<'_>, node: Option<&str>) -> Result<Element, StanzaError> {
        let Some(node) = node else {
            ask.acquainted()?;
            return Ok(ask.catalogue.info(Target::Account));
        };
        if ask.own().is_ok() && node == ns::COMMANDS {
            return Ok(command_list_info());
        }
        if ask.own().is_ok()
            && let Ok(name) = command(ask, node)
        {
            return Ok(command_info(&name));
        }
        let account = ask.account.ok_or(Condition::ServiceUnavailable)?;
        let told = self.pubsub.node_info(Host::Account(&account.jid), ask.asker()?, node);
        told.map_err(|error| ask.acquainted().err().unwrap_or(error))
    }

    /// §4, XEP-0060 §5.2: the available resources of an account, and its nodes, for those who may know.
    fn account_items(&self, ask: &Ask<'_>, node: Option<&str>) -> Result<Element, StanzaError> {
        let account = ask.account.ok_or(Condition::ServiceUnavailable)?;
        if node == Some(ns::COMMANDS) && ask.own().is_ok() {
            return command_list(ask, account.jid.as_str());
        }
        let (host, asker) = (Host::Account(&account.jid), ask.asker()?);
        let query = Element::new("query", ns::DISCO_ITEMS);
        if let Some(node) = node {
            let items = self.pubsub.node_items(host, asker, node);
            let items = items.map_err(|error| ask.acquainted().err().unwrap_or(error))?;
            return Ok(query.with_all(items));
        }
        let (nodes, _) = self.pubsub.nodes(host, asker, (None, &Kinds::All))?;
        let query = match ask.acquainted() {
            Ok(account) => {
                let sessions = account.sessions();
                let item = |jid: &str| Element::new("item", ns::DISCO_ITEMS).attr("jid", jid);
                let available = sessions.iter().filter(|session| session.is_available());
                query.with_all(available.map(|session| item(session.jid.as_str())))
            }
            Err(error) if nodes.is_empty() => return Err(error),
            Err(_) => query,
        };
        Ok(query.with_all(nodes))
    }
}
