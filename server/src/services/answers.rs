//! RFC 6120 §8.2.3: a domain that answers questions and takes nothing else.

use std::sync::Weak;

use rialto_xmpp::{Condition, Element, Iq, IqKind, Jid, Stanza, StanzaError, ns};

use crate::features::{Fut, Origin};
use crate::router::{Delivery, Router, undelivered};

/// What comes of a question.
pub(super) type Answered<'a> = Fut<'a, Result<Option<Element>, StanzaError>>;

/// Whoever answers for such a domain.
pub(super) trait Answers: Send + Sync {
    /// The disco#info of the domain (XEP-0030 §3.1).
    fn information(&self) -> Element;

    /// Answers what is neither discovery nor ping.
    fn answer<'a>(&'a self, question: Question<'a>) -> Answered<'a>;
}

/// One question to the domain itself.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    /// `get` or `set`.
    pub kind: IqKind,
    /// What is asked.
    pub payload: &'a Element,
    /// Who asks, with the address that its stream has.
    pub from: &'a Jid,
}

impl Question<'_> {
    /// Whether it is this question.
    pub fn is(&self, kind: IqKind, name: &str, ns: &str) -> bool {
        self.kind == kind && self.payload.is(name, ns)
    }
}

/// Takes a stanza for the domain: questions are answered, messages come back, presence says nothing.
pub(super) async fn deliver(router: &Weak<Router>, domain: &dyn Answers, stanza: Stanza) -> Delivery {
    let Stanza::Iq(iq) = &stanza else {
        let silent = matches!(stanza, Stanza::Presence(_)) || !stanza.may_bounce();
        return if silent { Ok(()) } else { undelivered(stanza, Condition::ServiceUnavailable) };
    };
    if !stanza.may_bounce() {
        return Ok(());
    }
    match answer(domain, iq).await {
        Ok(payload) => {
            if let Some(router) = router.upgrade() {
                router.route(Origin::Server, iq.result(payload).into()).await;
            }
            Ok(())
        }
        Err(error) => undelivered(stanza, error),
    }
}

async fn answer(domain: &dyn Answers, iq: &Iq) -> Result<Option<Element>, StanzaError> {
    let unavailable = || StanzaError::from(Condition::ServiceUnavailable);
    let payload = iq.payload().ok_or_else(unavailable)?;
    let from = iq.head.from.as_ref().ok_or(Condition::BadRequest)?;
    // Nobody lives there.
    iq.head.to.as_ref().filter(|to| to.is_domain()).ok_or_else(unavailable)?;
    let question = Question { kind: iq.kind, payload, from };
    let get = |name: &str, ns: &str| question.is(IqKind::Get, name, ns);
    if get("query", ns::DISCO_INFO) || get("query", ns::DISCO_ITEMS) {
        return match payload.get("node").filter(|node| !node.is_empty()) {
            Some(_) => Err(Condition::ItemNotFound.into()),
            None if *payload.ns() == *ns::DISCO_INFO => Ok(Some(domain.information())),
            None => Ok(Some(Element::new("query", ns::DISCO_ITEMS))),
        };
    }
    if get("ping", ns::PING) {
        return Ok(None);
    }
    domain.answer(question).await
}
