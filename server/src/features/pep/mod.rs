//! XEP-0163: Personal Eventing Protocol: every account is a pubsub service of its own.

use std::sync::Arc;

use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{BareJid, Condition, MessageKind, PresenceKind, Stanza, ns};

use super::pubsub::{Host, PubSub, Request};
use super::{About, Answer, Ask, Feature, IqSpec, Phase, Spec, Target, Turn, Verdict};

static ABOUT: About = About {
    spec: Spec::Xep(163, "1.2.2"),
    disco: &[
        (Target::Account, ns::PUBSUB),
        (Target::Account, ns::PUBSUB_OWNER),
        (Target::Account, ns::PUBSUB_ON_A_JID),
        (Target::Account, ns::PUBSUB_ACCESS_AUTHORIZE),
        (Target::Account, ns::PUBSUB_ACCESS_OPEN),
        (Target::Account, ns::PUBSUB_ACCESS_PRESENCE),
        (Target::Account, ns::PUBSUB_ACCESS_ROSTER),
        (Target::Account, ns::PUBSUB_ACCESS_WHITELIST),
        (Target::Account, ns::PUBSUB_AUTO_CREATE),
        (Target::Account, ns::PUBSUB_AUTO_SUBSCRIBE),
        (Target::Account, ns::PUBSUB_CONFIG_NODE),
        (Target::Account, ns::PUBSUB_CONFIG_NODE_MAX),
        (Target::Account, ns::PUBSUB_CREATE_AND_CONFIGURE),
        (Target::Account, ns::PUBSUB_CREATE_NODES),
        (Target::Account, ns::PUBSUB_DELETE_ITEMS),
        (Target::Account, ns::PUBSUB_DELETE_NODES),
        (Target::Account, ns::PUBSUB_FILTERED_NOTIFICATIONS),
        (Target::Account, ns::PUBSUB_INSTANT_NODES),
        (Target::Account, ns::PUBSUB_ITEM_IDS),
        (Target::Account, ns::PUBSUB_LAST_PUBLISHED),
        (Target::Account, ns::PUBSUB_MANAGE_SUBSCRIPTIONS),
        (Target::Account, ns::PUBSUB_MEMBER_AFFILIATION),
        (Target::Account, ns::PUBSUB_META_DATA),
        (Target::Account, ns::PUBSUB_MODIFY_AFFILIATIONS),
        (Target::Account, ns::PUBSUB_MULTI_ITEMS),
        (Target::Account, ns::PUBSUB_OUTCAST_AFFILIATION),
        (Target::Account, ns::PUBSUB_PERSISTENT_ITEMS),
        (Target::Account, ns::PUBSUB_PRESENCE_SUBSCRIBE),
        (Target::Account, ns::PUBSUB_PUBLISH),
        (Target::Account, ns::PUBSUB_PUBLISH_NODE_FULL),
        (Target::Account, ns::PUBSUB_PUBLISH_ONLY_AFFILIATION),
        (Target::Account, ns::PUBSUB_PUBLISH_OPTIONS),
        (Target::Account, ns::PUBSUB_PUBLISHER_AFFILIATION),
        (Target::Account, ns::PUBSUB_PURGE_NODES),
        (Target::Account, ns::PUBSUB_RETRACT_ITEMS),
        (Target::Account, ns::PUBSUB_RETRIEVE_AFFILIATIONS),
        (Target::Account, ns::PUBSUB_RETRIEVE_DEFAULT),
        (Target::Account, ns::PUBSUB_RETRIEVE_ITEMS),
        (Target::Account, ns::PUBSUB_RETRIEVE_SUBSCRIPTIONS),
        (Target::Account, ns::PUBSUB_SUBSCRIBE),
        (Target::Account, ns::PUBSUB_SUBSCRIPTION_NOTIFICATIONS),
        (Target::Account, ns::PUBSUB_SUBSCRIPTION_OPTIONS),
        (Target::Account, ns::RSM),
    ],
    iq: &[
        IqSpec::account_get(ns::PUBSUB, "pubsub"),
        IqSpec::account_set(ns::PUBSUB, "pubsub"),
        IqSpec::account_get(ns::PUBSUB_OWNER, "pubsub"),
        IqSpec::account_set(ns::PUBSUB_OWNER, "pubsub"),
    ],
    at: &[Phase::Outbound],
};

/// Nodes of accounts.
pub struct Pep {
    pubsub: Arc<PubSub>,
}

/// The feature. Stands before `subscriptions`, which is done with the presence that lets a contact see nodes.
pub fn new(pubsub: &Arc<PubSub>) -> Pep {
    Pep { pubsub: pubsub.clone() }
}

impl Feature for Pep {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// §6.2
    fn identities(&self) -> &'static [(Target, &'static str, &'static str)] {
        &[(Target::Account, "pubsub", "pep")]
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            let account = ask.account.ok_or(Condition::ServiceUnavailable)?;
            let (from, pubsub) = (ask.asker()?, ask.payload()?);
            let request = Request { host: Host::Account(&account.jid), from, kind: ask.iq.kind, pubsub };
            self.pubsub.answer(request, &mut ask.left).await
        })
    }

    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        match &*turn.stanza {
            Stanza::Presence(presence) if presence.kind == PresenceKind::Subscribed => {
                // §4.3.4: a new subscriber hears what is the newest; when this is done he is one.
                if let Some(contact) = &presence.head.to {
                    self.pubsub.welcome(&turn.account.jid, &contact.bare(), turn.left);
                }
            }
            Stanza::Message(message) if message.kind != MessageKind::Error => {
                let own = |to: &rialto_xmpp::Jid| to.is_bare() && to.as_str() == turn.account.jid.as_str();
                if message.head.to.as_ref().is_some_and(own) {
                    return self.approval(turn);
                }
            }
            _ => {}
        }
        Verdict::Next
    }

    fn removed(&self, account: &BareJid) {
        self.pubsub.forget(account);
    }
}

impl Pep {
    /// XEP-0060 §8.6: the owner answers who may subscribe.
    fn approval(&self, turn: &mut Turn<'_>) -> Verdict {
        let form = turn.stanza.payload("x", ns::DATA_FORMS).and_then(Form::read);
        let (Some(form), Some(session)) = (form, turn.session) else { return Verdict::Next };
        match self.pubsub.approve(Host::Account(&turn.account.jid), &session.jid, &form, turn.left) {
            Ok(true) => Verdict::Done,
            Ok(false) => Verdict::Next,
            Err(error) => Verdict::Refuse(Box::new(error)),
        }
    }
}
