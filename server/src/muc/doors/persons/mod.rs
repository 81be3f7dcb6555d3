//! People of other networks under their own addresses: `nick%net@…` is somebody there, `net@…` the network itself. Private
//! words go by the sender's own connection, and answers come from the same address.
//!
//! `letters` is what goes out, `post` what comes in, `accounts` what people are there, `commands` what they may ask for,
//! `directory` the list of rooms there.

mod accounts;
mod commands;
mod directory;
mod letters;
mod post;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rialto_bridges::NetworkError;
use rialto_store::Store;
use rialto_xmpp::{BareJid, Condition, Element, Iq, IqKind, Jid, MessageKind, Stanza, StanzaError, ns, prep};
use tokio::sync::mpsc;

use crate::features::{AdHoc, Origin};
use crate::muc::links::{Connected, Links};
use crate::router::{Delivery, Router, undelivered};

/// Who answers for the people of the networks of one domain. A clone is the same.
#[derive(Clone)]
pub struct Persons(Arc<Inner>);

/// Whose letters go in one order: the network's address of the one, and the account of the other.
type Between = (String, Arc<str>);

struct Inner {
    links: Links,
    router: Weak<Router>,
    store: Store,
    domain: Arc<str>,
    admins: Vec<BareJid>,
    adhoc: AdHoc,
    /// What each person says to each network goes in its order.
    lanes: Mutex<HashMap<Between, mpsc::Sender<letters::Letter>>>,
}

/// Whom an address means.
enum Who {
    /// The network itself.
    Network(Arc<Connected>),
    /// Somebody there, by what the network knows him by.
    Person(Arc<Connected>, String),
}

impl Persons {
    /// For the networks of this domain. What is kept of people is told to their networks, and private words are taken
    /// from them, from now on.
    pub fn open(links: &Links, router: &Arc<Router>, domain: &str, admins: &[BareJid]) -> Persons {
        let persons = Persons(Arc::new(Inner {
            links: links.clone(),
            router: Arc::downgrade(router),
            store: router.store.clone(),
            domain: domain.into(),
            admins: admins.to_vec(),
            adhoc: AdHoc::default(),
            lanes: Mutex::default(),
        }));
        for over in persons.networks() {
            if let Some(words) = over.post() {
                tokio::spawn(post::bring(Arc::downgrade(&persons.0), over.clone(), words));
            }
        }
        let known = persons.clone();
        tokio::spawn(async move { known.introduce_all().await });
        persons
    }

    /// A stanza to an address where no room is. It comes back where the address is nobody's.
    ///
    /// # Errors
    /// The stanza.
    pub async fn take(&self, to: &BareJid, stanza: Stanza) -> Result<Delivery, Stanza> {
        let enters = matches!(&stanza, Stanza::Presence(_)) && stanza.payload("x", ns::MUC).is_some();
        let Some(who) = self.read(to).await.filter(|_| !enters) else { return Err(stanza) };
        Ok(match &stanza {
            // Whether people of other networks are there is shown in rooms alone.
            Stanza::Presence(_) => Ok(()),
            Stanza::Message(message) => match message.kind {
                MessageKind::Error => Ok(()),
                _ => self.letter(who, stanza).await,
            },
            Stanza::Iq(iq) if matches!(iq.kind, IqKind::Get | IqKind::Set) => {
                match self.answer(&who, iq).await {
                    Ok(payload) => {
                        let result = iq.result(payload).into();
                        self.route(result).await;
                        Ok(())
                    }
                    Err(error) => undelivered(stanza, error),
                }
            }
            Stanza::Iq(_) => Ok(()),
        })
    }

    /// What the domain itself is asked of its people and networks; `None` for everything else.
    pub async fn domain_answers(
        &self,
        query: &Element,
        who: &Jid,
    ) -> Option<Result<Option<Element>, StanzaError>> {
        if query.is("command", ns::COMMANDS) {
            return Some(self.commanded(None, who, query).await);
        }
        let node = query.get("node")?;
        if node == ns::COMMANDS && query.is("query", ns::DISCO_ITEMS) {
            return Some(Ok(Some(self.command_items(None, who))));
        }
        if query.is("query", ns::DISCO_INFO) {
            return self.command_information(None, node, who).map(|info| Ok(Some(info)));
        }
        match self.network(node) {
            Some(over) if query.is("query", ns::DISCO_ITEMS) => {
                Some(self.directory(&over, query).await.map(Some))
            }
            _ => None,
        }
    }

    async fn answer(&self, who: &Who, iq: &Iq) -> Result<Option<Element>, StanzaError> {
        let payload = iq.payload().ok_or(Condition::BadRequest)?;
        let from = iq.head.from.as_ref().ok_or(Condition::BadRequest)?;
        let (over, nick) = match who {
            Who::Network(over) => (over, None),
            Who::Person(over, nick) => (over, Some(nick.as_str())),
        };
        let of_network = nick.is_none().then_some(over);
        let node = payload.get("node").filter(|node| !node.is_empty());
        match (payload.name(), payload.ns().as_str(), iq.kind) {
            ("ping", ns::PING, IqKind::Get) => Ok(None),
            ("vCard", ns::VCARD, IqKind::Get) => Ok(Some(card(over, nick))),
            ("command", ns::COMMANDS, IqKind::Set) if nick.is_none() => {
                self.commanded(of_network, from, payload).await
            }
            ("query", ns::DISCO_INFO, IqKind::Get) => match node {
                None => Ok(Some(information(over, nick))),
                Some(node) => {
                    let info = of_network.and_then(|over| self.command_information(Some(over), node, from));
                    info.map(Some).ok_or_else(|| Condition::ItemNotFound.into())
                }
            },
            ("query", ns::DISCO_ITEMS, IqKind::Get) => match (node, of_network) {
                (Some(ns::COMMANDS), Some(_)) => Ok(Some(self.command_items(of_network, from))),
                (None, Some(over)) => self.directory(over, payload).await.map(Some),
                (None, None) => Ok(Some(Element::new("query", ns::DISCO_ITEMS))),
                _ => Err(Condition::ItemNotFound.into()),
            },
            _ => Err(Condition::ServiceUnavailable.into()),
        }
    }

    /// `nick%net`, `net`. What a network takes for a room is none of ours.
    async fn read(&self, jid: &BareJid) -> Option<Who> {
        let local = prep::unescape(jid.localpart()?).into_owned();
        let Some((nick, network)) = local.rsplit_once('%') else {
            return self.network(&local).map(Who::Network);
        };
        let over = self.network(network)?;
        match over.network.resolve(nick).await {
            Err(NetworkError::NotFound(_)) if !nick.is_empty() => Some(Who::Person(over, nick.to_owned())),
            _ => None,
        }
    }

    /// A network of this domain, by its name here or its server's.
    fn network(&self, name: &str) -> Option<Arc<Connected>> {
        self.networks().into_iter().find(|over| over.is_called(name))
    }

    fn networks(&self) -> Vec<Arc<Connected>> {
        let all = self.0.links.networks().iter();
        all.filter(|over| over.domain == self.0.domain).collect()
    }

    /// Whether somebody may have a connection there: he is of this server, or has one because he sits in a room.
    fn may_use(&self, over: &Connected, who: &Jid) -> Result<(), StanzaError> {
        let router = self.0.router.upgrade();
        let local =
            router.is_some_and(|router| router.is_local(who.domainpart())) && who.localpart().is_some();
        if local || over.network.connection(who.bare_str()).is_some() {
            return Ok(());
        }
        let says =
            "Only people of this server may do this, and whoever is in a room that is one with a room there.";
        Err(StanzaError::new(Condition::Forbidden, says))
    }

    fn is_admin(&self, who: &Jid) -> bool {
        self.0.admins.iter().any(|admin| admin.as_str() == who.bare_str())
    }

    /// The address of somebody there, or of the network itself.
    fn address(&self, over: &Connected, nick: &str) -> Option<Jid> {
        let local = if nick.is_empty() { over.name.to_string() } else { format!("{nick}%{}", over.name) };
        Jid::from_parts(Some(&prep::escape(&local)), &self.0.domain, None).ok()
    }

    async fn route(&self, stanza: Stanza) {
        if let Some(router) = self.0.router.upgrade() {
            router.route(Origin::Server, stanza).await;
        }
    }
}

fn information(over: &Connected, nick: Option<&str>) -> Element {
    let identity = Element::new("identity", ns::DISCO_INFO);
    let identity = match nick {
        Some(nick) => identity.attr("category", "account").attr("type", "anonymous").attr("name", nick),
        None => identity.attr("category", "gateway").attr("type", over.kind).attr("name", &over.name),
    };
    let features: &[&str] = match nick {
        Some(_) => &[ns::DISCO_INFO, ns::PING, ns::VCARD],
        None => &[ns::DISCO_INFO, ns::DISCO_ITEMS, ns::RSM, ns::COMMANDS, ns::PING, ns::VCARD],
    };
    let feature = |var: &&str| Element::new("feature", ns::DISCO_INFO).attr("var", *var);
    Element::new("query", ns::DISCO_INFO).with(identity).with_all(features.iter().map(feature))
}

/// What is known of somebody there: no more than his nick.
fn card(over: &Connected, nick: Option<&str>) -> Element {
    let line = |name: &'static str, text: String| Element::new(name, ns::VCARD).with_text(text);
    let name = nick.map_or_else(|| over.name.to_string(), str::to_owned);
    let what = match nick {
        Some(nick) => format!("{nick} on {}", over.name),
        None => format!("The network {} ({})", over.name, over.state()),
    };
    Element::new("vCard", ns::VCARD)
        .with(line("FN", name.clone()))
        .with(line("NICKNAME", name))
        .with(line("DESC", what))
}
