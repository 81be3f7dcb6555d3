//! XEP-0503: Server-side spaces. What makes a node of a service a space, and which rooms it holds.

use std::sync::Arc;

use rialto_store::pubsub::{Config, SendLast};
use rialto_xmpp::{BareJid, Condition, Element, StanzaError, ns};

use super::home::Node;
use super::refusal::explained;
use super::{Host, PubSub, failed};

/// The spaces of this server's own service, for rooms that say of which they are a part.
#[derive(Clone, Default)]
pub struct Spaces(Option<(Arc<PubSub>, String)>);

impl Spaces {
    /// Those of the service, if the operator has one.
    pub fn of(config: &crate::config::Config, pubsub: &Arc<PubSub>) -> Spaces {
        Spaces(config.pubsub.service.then(|| (pubsub.clone(), config.pubsub.domain.clone())))
    }

    /// §5.5: whether the space at this address (`xmpp:…?;node=…`) holds the room; `None` where it is not ours to say.
    pub fn holds(&self, address: &str, room: &BareJid) -> Option<bool> {
        let (pubsub, domain) = self.0.as_ref()?;
        let (service, node) = node_at(address)?;
        if service != *domain {
            return None;
        }
        // What cannot be read is not claimed.
        Some(pubsub.space_holds(domain, &node, room.as_str()).unwrap_or(false))
    }
}

impl PubSub {
    fn space_holds(&self, owner: &str, name: &str, id: &str) -> Result<bool, StanzaError> {
        let home = self.home(owner)?;
        let mut state = home.state.lock();
        let Some(node) = state.nodes.get_mut(name).filter(|node| is_space(&node.record.config)) else {
            return Ok(false);
        };
        let expire = node.record.config.expire;
        let index = node.index(&self.kept, owner, name).map_err(failed)?;
        let since =
            expire.map_or(0, |seconds| self.store.stamp().saturating_sub(seconds.saturating_mul(1_000_000)));
        Ok(index.get(id).is_some_and(|mark| mark.at >= since))
    }
}

/// §3: whether a node is one.
pub(super) fn is_space(config: &Config) -> bool {
    config.kind == ns::SPACES
}

/// §3: how a node of a service is configured that becomes a space, where its owner says nothing else.
pub(super) fn begun(host: Host<'_>, config: &Config, kind: Option<&str>) -> Config {
    let begins = kind == Some(ns::SPACES) && !is_space(config) && !host.is_account();
    match begins {
        false => config.clone(),
        true => Config {
            persist: true,
            max_items: None,
            notify_config: true,
            notify_delete: true,
            notify_retract: true,
            notify_sub: true,
            send_last: SendLast::Never,
            ..config.clone()
        },
    }
}

/// §3: what a space must be. (`purge_offline` is off everywhere, and a service has no access models but the three.)
///
/// # Errors
/// `not-acceptable`, with what has to be otherwise.
pub(super) fn fits(host: Host<'_>, config: &Config) -> Result<(), StanzaError> {
    match is_space(config) && !host.is_account() && !(config.persist && config.notify_retract) {
        false => Ok(()),
        true => {
            let text = "A space keeps its items (pubsub#persist_items) and tells when one is gone \
                        (pubsub#notify_retract).";
            Err(StanzaError::new(Condition::NotAcceptable, text))
        }
    }
}

/// §5.4: a room in a space is a bookmark (XEP-0402), whose id is the room's address. Everything else is let in as it is.
///
/// # Errors
/// `bad-request` with `invalid-payload`.
pub(super) fn may_hold(
    host: Host<'_>,
    node: &Node,
    (id, payload): (Option<&str>, Option<&Element>),
) -> Result<(), StanzaError> {
    let is_room = payload.is_some_and(|payload| payload.is("conference", ns::BOOKMARKS));
    if host.is_account() || !is_space(&node.record.config) || !is_room {
        return Ok(());
    }
    let is_address =
        |id: &str| BareJid::parse(id).is_ok_and(|jid| jid.localpart().is_some() && jid.as_str() == id);
    match id.is_some_and(is_address) {
        true => Ok(()),
        false => {
            let text = "The id of a room's item is the room's address.";
            Err(explained(Condition::BadRequest, "invalid-payload", text))
        }
    }
}

/// XEP-0060 §12.20: the service and the node that an address names.
fn node_at(address: &str) -> Option<(String, String)> {
    let (service, query) = address.strip_prefix("xmpp:")?.split_once('?')?;
    let node = query.split(';').find_map(|pair| pair.strip_prefix("node="))?;
    Some((decoded(service)?, decoded(node)?))
}

/// RFC 3986 §2.1.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_node_is_read_and_anything_else_is_none() {
        let read = |address| node_at(address).map(|(service, node)| format!("{service} {node}"));
        assert_eq!(read("xmpp:pubsub.lit?;node=verona").as_deref(), Some("pubsub.lit verona"));
        assert_eq!(
            read("xmpp:pubsub.lit?pubsub;action=subscribe;node=ver%C3%B6na%20x").as_deref(),
            Some("pubsub.lit veröna x")
        );
        for bad in [
            "https://pubsub.lit?;node=a",
            "xmpp:pubsub.lit",
            "xmpp:a?;node=%4",
            "xmpp:a?;node=%FF",
            "xmpp:a?;n=b",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn without_a_service_every_space_is_elsewhere() {
        let room = BareJid::parse("lounge@rooms.lit").unwrap();
        assert_eq!(Spaces::default().holds("xmpp:pubsub.lit?;node=verona", &room), None);
    }
}
