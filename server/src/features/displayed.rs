//! XEP-0490: Message Displayed Synchronization: the server's help. The node itself is a node like others.

use std::sync::Arc;

use rialto_xmpp::{Condition, MessageKind, Stanza, StanzaError, ns};

use super::pubsub::{Host, PubSub, Publication};
use super::{About, Feature, Phase, Spec, Target, Turn, Verdict};

static ABOUT: About = About {
    spec: Spec::Xep(490, "1.0.1"),
    disco: &[(Target::Account, ns::DISPLAYED_ASSIST)],
    iq: &[],
    at: &[Phase::Outbound],
};

/// Publishes what a client says, along with a message, that it has displayed.
pub struct Displayed {
    pubsub: Arc<PubSub>,
}

/// The feature. Stands before `archive` and `carbons`: nobody but the user's own devices hears of it (§6.2).
pub fn new(pubsub: &Arc<PubSub>) -> Displayed {
    Displayed { pubsub: pubsub.clone() }
}

impl Feature for Displayed {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// §5.5.2
    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        let Stanza::Message(message) = &mut *turn.stanza else { return Verdict::Next };
        let wishes =
            message.payloads.iter().filter(|payload| payload.is("displayed", ns::DISPLAYED_SYNC)).count();
        if wishes == 0 {
            return Verdict::Next;
        }
        let wish =
            message.payloads.iter().find(|payload| payload.is("displayed", ns::DISPLAYED_SYNC)).cloned();
        message.payloads.retain(|payload| !payload.is("displayed", ns::DISPLAYED_SYNC));
        let (Some(wish), Some(to), Some(session)) = (wish, message.head.to.clone(), turn.session) else {
            return refuse("Say in which chat something was displayed.");
        };
        // §3.1: exactly one id in it; §5.5.2: not in a message that says nothing else.
        let ids = wish.children().filter(|child| child.is("stanza-id", ns::SID)).count();
        if wishes > 1 || ids != 1 || wish.children().count() != 1 {
            return refuse("What was displayed is one message, named by one stanza-id.");
        }
        if message.payloads.is_empty() || message.kind == MessageKind::Error {
            return refuse("A message that says nothing else is published to the node by the client itself.");
        }
        let (host, by) = (Host::Account(&turn.account.jid), session.jid.clone());
        let publication = Publication {
            node: ns::DISPLAYED_SYNC,
            id: Some(to.as_str()),
            payload: Some(&wish),
            ..Publication::default()
        };
        // The message goes its way all the same: it is not at fault.
        if let Err(error) = self.pubsub.publish(host, &by, &publication, turn.left) {
            tracing::info!(account = %turn.account.jid, %error, "what was displayed could not be published");
        }
        Verdict::Next
    }
}

fn refuse(text: &str) -> Verdict {
    Verdict::Refuse(Box::new(StanzaError::new(Condition::BadRequest, text)))
}
