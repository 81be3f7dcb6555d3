//! RFC 6121 §2.1.6: roster pushes, to the sessions that have asked for the roster.

use std::sync::Arc;

use rialto_store::Ticket;
use rialto_store::rosters::{Item, Subscription};
use rialto_xmpp::write::escape_attr;
use rialto_xmpp::{BareJid, Element, Head, Iq, IqKind, Stanza, ns};

use super::is_shown;
use crate::features::Left;
use crate::sessions::{Account, Frame};

/// §2.1.6: the session has asked for the roster; an extension of the session.
pub struct Interested;

/// A contact has changed.
#[must_use = "a change must be left on the turn"]
pub struct Changed {
    version: u64,
    ticket: Ticket,
    item: Option<Element>,
}

impl Changed {
    /// `item`: `None` if nobody is told, `Some(None)` for a removal.
    pub(super) fn new(version: u64, ticket: Ticket, jid: &BareJid, item: Option<Option<&Item>>) -> Changed {
        let item = item.map(|item| match item.filter(|item| is_shown(item)) {
            Some(item) => item_element(jid, item),
            None => Element::new("item", ns::ROSTER).attr("jid", jid.as_str()).attr("subscription", "remove"),
        });
        Changed { version, ticket, item }
    }

    /// Leaves a push for each interested session, and what must be durable before anything is acknowledged.
    pub fn leave(self, account: &Account, left: &mut Left) {
        left.wrote(self.ticket);
        let Some(item) = self.item else { return };
        let sessions = account.sessions();
        let mut interested =
            sessions.iter().filter(|session| session.extensions.has::<Interested>()).peekable();
        if interested.peek().is_none() {
            return;
        }
        let broadcast = Arc::new(push(self.version, item).broadcast());
        for session in interested {
            let to = escape_attr(session.jid.as_str()).into();
            left.frame(session, Frame::addressed(&broadcast, &to, true));
        }
    }
}

/// §2.1.6: an IQ from the server with one item.
pub fn push(version: u64, item: Element) -> Stanza {
    let query = Element::new("query", ns::ROSTER).attr("ver", version.to_string()).with(item);
    let head = Head { id: Some(format!("push-{version}").into()), ..Head::default() };
    Iq { head, kind: IqKind::Set, payloads: vec![query] }.into()
}

/// §2.1.2: a contact as its user's clients see it.
pub fn item_element(jid: &BareJid, item: &Item) -> Element {
    let subscription = match item.subscription {
        Subscription::None => "none",
        Subscription::To => "to",
        Subscription::From => "from",
        Subscription::Both => "both",
    };
    Element::new("item", ns::ROSTER)
        .attr("jid", jid.as_str())
        .attr_opt("name", item.name.as_ref())
        .attr("subscription", subscription)
        .attr_opt("ask", item.ask.then_some("subscribe"))
        .attr_opt("approved", item.approved.then_some("true"))
        .with_all(item.groups.iter().map(|group| Element::new("group", ns::ROSTER).with_text(group.as_str())))
}
