//! XEP-0280: Message Carbons.

mod rules;

use std::sync::Arc;

use rialto_xmpp::parts::stanza_id;
use rialto_xmpp::write::escape_attr;
use rialto_xmpp::{Broadcast, Condition, Element, Message, Stanza, StanzaError, ns};

use super::{About, Answer, Ask, Feature, IqSpec, Origin, Phase, Spec, Target, Turn, Verdict};
use crate::sessions::{Frame, Session, Urgency, urgent};

static ABOUT: About = About {
    spec: Spec::Xep(280, "1.0.1"),
    disco: &[(Target::Server, ns::CARBONS), (Target::Server, ns::CARBONS_RULES)],
    iq: &[IqSpec::account_set(ns::CARBONS, "enable"), IqSpec::account_set(ns::CARBONS, "disable")],
    at: &[Phase::Outbound, Phase::Inbound],
};

/// Copies messages to the other devices of their sender and of their recipient.
pub struct Carbons;

/// The feature. Stands behind `archive`: copies carry the id of the archive.
pub fn new() -> Carbons {
    Carbons
}

/// §4: the session wants copies; an extension of the session.
pub struct Enabled;

/// Whose message is copied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Sent,
    Received,
}

impl Feature for Carbons {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// §4, §5.
    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            let not_ours = |_| StanzaError::from(Condition::NotAllowed);
            ask.own().map_err(not_ours)?;
            let session = ask.session().ok_or(Condition::NotAllowed)?;
            if ask.payload()?.name() == "enable" {
                session.extensions.put(Enabled);
            } else {
                session.extensions.remove::<Enabled>();
            }
            Ok(None::<Element>)
        })
    }

    /// §8.
    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        let Stanza::Message(message) = &mut *turn.stanza else { return Verdict::Next };
        strip(message);
        let own = turn.account.jid.as_str();
        // What one sends to oneself reaches the other devices as received.
        let elsewhere = message.head.to.as_ref().is_some_and(|to| to.bare_str() != own);
        if elsewhere {
            copy(turn, Direction::Sent);
        }
        Verdict::Next
    }

    /// §7.
    fn inbound(&self, turn: &mut Turn<'_>) -> Verdict {
        let Stanza::Message(message) = &mut *turn.stanza else { return Verdict::Next };
        strip(message);
        copy(turn, Direction::Received);
        Verdict::Next
    }
}

/// §11: copies come from one's own server alone; what claims to be one and comes from anybody is not passed on.
fn strip(message: &mut Message) {
    let forged =
        |payload: &Element| *payload.ns() == *ns::CARBONS && matches!(payload.name(), "sent" | "received");
    if message.payloads.iter().any(forged) {
        message.payloads.retain(|payload| !forged(payload));
    }
}

/// Leaves a copy for each session that wants one and does not get or send the message itself.
fn copy(turn: &mut Turn<'_>, direction: Direction) {
    let sender = match turn.origin {
        Origin::Session(session, _) => Some(session),
        Origin::Server => None,
    };
    let wants = |session: &&Arc<Session>| {
        session.extensions.has::<Enabled>()
            && !sender.is_some_and(|sender| Arc::ptr_eq(sender, session))
            && !turn.takers.iter().any(|taker| Arc::ptr_eq(taker, session))
    };
    let sessions = turn.account.sessions();
    let mut wanting = sessions.iter().filter(wants).peekable();
    let Stanza::Message(message) = &*turn.stanza else { return };
    if wanting.peek().is_none() || !rules::is_copied(message, direction == Direction::Received) {
        return;
    }
    let broadcast = Arc::new(wrap(turn, message, direction));
    // XEP-0352: what one has read on one device need not be shown on another any more.
    let read = direction == Direction::Sent && message.payload("displayed", ns::MARKERS).is_some();
    let urgency = Urgency::from(read || urgent(turn.stanza) == Urgency::Now);
    for session in wanting {
        let to = escape_attr(session.jid.as_str()).into();
        turn.left.also.push(super::Also::Frame(session.clone(), Frame::addressed(&broadcast, &to, urgency)));
    }
}

/// §7, §8: the copy, serialised once for all who get it.
fn wrap(turn: &Turn<'_>, message: &Message, direction: Direction) -> Broadcast {
    let own = turn.account.jid.as_str();
    let name = if direction == Direction::Sent { "sent" } else { "received" };
    let (by, kind) = (escape_attr(own), message.kind.as_str());
    let mut inner = None;
    if let Some(id) = turn.left.archived
        && stanza_id::assigned(&message.payloads, own).is_none()
    {
        let mut with_id = message.clone();
        with_id.payloads.push(stanza_id::stanza_id(&id.to_string(), own));
        inner = Some(Stanza::from(with_id).to_stored());
    }
    let inner = inner.unwrap_or_else(|| turn.stanza.to_stored());
    let mut tail = Vec::with_capacity(inner.len() + 160);
    let opening = format!("><{name} xmlns='{}'><forwarded xmlns='{}'>", ns::CARBONS, ns::FORWARD);
    tail.extend_from_slice(opening.as_bytes());
    tail.extend_from_slice(&inner);
    tail.extend_from_slice(format!("</forwarded></{name}></message>").as_bytes());
    Broadcast { head: format!("<message from='{by}' type='{kind}'").into(), tail: tail.into() }
}

#[cfg(test)]
mod tests;
