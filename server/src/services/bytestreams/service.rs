//! XEP-0065 §5, §6.3.5: the proxy's own address: where to connect, and who may activate a stream.

use rialto_xmpp::{Condition, Element, IqKind, Jid, Stanza, StanzaError, ns};

use super::Bytestreams;
use crate::features::Fut;
use crate::router::{Delivery, Service};
use crate::services::answers::{self, Answered, Answers, Question};

/// What the service is called.
pub const NAME: &str = "SOCKS5 Bytestreams";

/// The service at the proxy's address.
pub struct Proxy(pub std::sync::Arc<Bytestreams>);

impl Proxy {
    /// §5: a proxy for everybody is one for spammers and worse: only people of this server use it as requesters.
    fn may_use(&self, from: &Jid) -> Result<(), StanzaError> {
        let is_ours = self.0.router.upgrade().is_some_and(|router| router.is_local(from.domainpart()));
        if is_ours && from.localpart().is_some() {
            return Ok(());
        }
        Err(StanzaError::new(Condition::Forbidden, "Only people of this server can use its proxy."))
    }

    fn activate(&self, query: &Element, from: &Jid) -> Result<(), StanzaError> {
        let bad = |text: &str| StanzaError::new(Condition::BadRequest, text);
        let sid = query.get("sid").ok_or_else(|| bad("The stream has no id."))?;
        let target = query.child_text("activate", ns::BYTESTREAMS);
        let target = target.ok_or_else(|| bad("There is nothing to be activated."))?;
        self.0.activate(from, sid, &target)
    }
}

impl Answers for Proxy {
    fn information(&self) -> Element {
        let identity = Element::new("identity", ns::DISCO_INFO)
            .attr("category", "proxy")
            .attr("type", "bytestreams")
            .attr("name", NAME);
        let feature = |var: &str| Element::new("feature", ns::DISCO_INFO).attr("var", var);
        let features = [ns::BYTESTREAMS, ns::DISCO_INFO, ns::DISCO_ITEMS, ns::PING];
        Element::new("query", ns::DISCO_INFO).with(identity).with_all(features.map(feature))
    }

    fn answer<'a>(&'a self, question: Question<'a>) -> Answered<'a> {
        Box::pin(async move {
            let Question { kind, payload, from } = question;
            if !payload.is("query", ns::BYTESTREAMS) {
                return Err(Condition::ServiceUnavailable.into());
            }
            self.may_use(from)?;
            match kind {
                IqKind::Get => self.0.streamhost().map(Some).ok_or_else(|| Condition::NotAllowed.into()),
                _ => self.activate(payload, from).map(|()| None),
            }
        })
    }
}

impl Service for Proxy {
    fn deliver(&self, stanza: Stanza) -> Fut<'_, Delivery> {
        Box::pin(answers::deliver(&self.0.router, self, stanza))
    }

    fn close(&self) -> Fut<'_, ()> {
        self.0.closing.send_replace(true);
        Box::pin(async {})
    }
}
