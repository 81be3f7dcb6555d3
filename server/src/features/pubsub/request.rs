//! XEP-0060: the IQs of publish-subscribe, whoever hosts the nodes.

use std::sync::Arc;

use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{Condition, Element, IqKind, Jid, StanzaError, ns};

use super::people::List;
use super::read::wanted;
use super::refusal::{explained, node_required, refusal, unsupported};
use super::{Host, PubSub, Publication};
use crate::features::Left;

/// A request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Whose nodes it is about.
    pub host: Host<'a>,
    /// Who asks; stamped.
    pub from: &'a Jid,
    /// `get` or `set`.
    pub kind: IqKind,
    /// The `<pubsub/>`.
    pub pubsub: &'a Element,
}

/// What the answer says.
type Answered = Result<Option<Element>, StanzaError>;

impl PubSub {
    /// Answers a request. What was written is behind `left.ticket`; notifications stand in `left.also`, what comes
    /// behind the answer in `left.after`.
    ///
    /// # Errors
    /// The stanza error for the asker.
    pub async fn answer(self: &Arc<PubSub>, request: Request<'_>, left: &mut Left) -> Answered {
        let verb = request.pubsub.children().find(|child| child.ns() == request.pubsub.ns());
        let verb = verb.ok_or(Condition::BadRequest)?;
        let node = verb.get("node").filter(|node| !node.is_empty());
        let named = || node.ok_or_else(node_required);
        let by_owner = *request.pubsub.ns() == *ns::PUBSUB_OWNER;
        match (by_owner, request.kind, verb.name()) {
            (false, IqKind::Get, "items") => self.items_asked(request, verb, named()?).await,
            (false, IqKind::Get, _) => self.asked(request, verb, node),
            (false, IqKind::Set, "publish") => self.publish_asked(request, verb, named()?, left),
            (false, IqKind::Set, "retract") => self.retract_asked(request, verb, named()?, left),
            (false, IqKind::Set, "create") => self.create_asked(request, node, left),
            (false, IqKind::Set, _) => self.subscription_asked(request, verb, named()?, left),
            (true, IqKind::Get, _) => self.owner_asks(request, verb, node),
            (true, ..) => self.owner_sets(request, verb, named()?, left),
            _ => Err(Condition::BadRequest.into()),
        }
    }

    async fn items_asked(&self, request: Request<'_>, verb: &Element, node: &str) -> Answered {
        let Request { host, from, pubsub, .. } = request;
        let found = self.retrieve(host, from, node, wanted(pubsub, verb)?).await?;
        let items = found.items.iter().map(|entry| entry.element(host, ns::PUBSUB, true));
        let items = Element::new("items", ns::PUBSUB).attr("node", node).with_all(items);
        Ok(Some(Element::new("pubsub", ns::PUBSUB).with(items).with_opt(found.set)))
    }

    fn asked(&self, request: Request<'_>, verb: &Element, node: Option<&str>) -> Answered {
        let Request { host, from, .. } = request;
        let answer = match verb.name() {
            "subscriptions" => self.own_subscriptions(host, from, node)?,
            "affiliations" => self.own_affiliations(host, from, node)?,
            "options" => {
                let subscription = (node.ok_or_else(node_required)?, &jid(verb)?);
                self.options_of(host, from, subscription, verb.get("subid"))?
            }
            "default" => return Err(unsupported("retrieve-default-sub")),
            _ => return Err(Condition::FeatureNotImplemented.into()),
        };
        Ok(Some(Element::new("pubsub", ns::PUBSUB).with(answer)))
    }

    /// §7.1.1
    fn publish_asked(&self, request: Request<'_>, verb: &Element, node: &str, left: &mut Left) -> Answered {
        let Request { host, from, pubsub, .. } = request;
        let mut items = verb.children().filter(|child| child.is("item", ns::PUBSUB));
        let item = items.next().ok_or_else(|| refusal(Condition::BadRequest, "item-required"))?;
        if items.next().is_some() {
            let text = "Publish one item after another.";
            return Err(explained(Condition::NotAllowed, "max-items-exceeded", text));
        }
        // `publisher` is not looked at (§7.1.2.3): the server knows better.
        let mut payloads = item.children();
        let payload = payloads.next();
        if payloads.next().is_some() {
            return Err(refusal(Condition::BadRequest, "invalid-payload"));
        }
        let form = match pubsub.child("publish-options", ns::PUBSUB) {
            None => None,
            Some(options) => {
                let form = Form::inside(options);
                Some(form.ok_or_else(|| refusal(Condition::BadRequest, "invalid-options"))?)
            }
        };
        let (id, options) = (item.get("id").filter(|id| !id.is_empty()), form.as_ref());
        let publication = Publication { node, id, payload, options, config: None };
        let id = self.publish(host, from, &publication, left)?;
        let item = Element::new("item", ns::PUBSUB).attr("id", id);
        let publish = Element::new("publish", ns::PUBSUB).attr("node", node).with(item);
        Ok(Some(Element::new("pubsub", ns::PUBSUB).with(publish)))
    }

    /// §7.2.1
    fn retract_asked(&self, request: Request<'_>, verb: &Element, node: &str, left: &mut Left) -> Answered {
        let item = verb.child("item", ns::PUBSUB).and_then(|item| item.get("id")).filter(|id| !id.is_empty());
        let id = item.ok_or_else(|| refusal(Condition::BadRequest, "item-required"))?;
        let notify = matches!(verb.get("notify"), Some("1" | "true"));
        self.retract(request.host, request.from, (node, id), notify, left)?;
        Ok(None)
    }

    /// §8.1.2, §8.1.3
    fn create_asked(&self, request: Request<'_>, node: Option<&str>, left: &mut Left) -> Answered {
        let form = request.pubsub.child("configure", ns::PUBSUB).and_then(Form::inside);
        let name = self.create(request.host, request.from, node, form.as_ref(), left)?;
        if node.is_some() {
            return Ok(None);
        }
        let create = Element::new("create", ns::PUBSUB).attr("node", name);
        Ok(Some(Element::new("pubsub", ns::PUBSUB).with(create)))
    }

    fn subscription_asked(
        self: &Arc<PubSub>,
        request: Request<'_>,
        verb: &Element,
        node: &str,
        left: &mut Left,
    ) -> Answered {
        let Request { host, from, pubsub, .. } = request;
        let (id, subscription) = (verb.get("subid"), (node, &jid(verb)?));
        match verb.name() {
            "subscribe" => {
                let form = pubsub.child("options", ns::PUBSUB).and_then(Form::inside);
                let shown = self.subscribe(host, from, subscription, form.as_ref(), left)?;
                Ok(Some(Element::new("pubsub", ns::PUBSUB).with(shown)))
            }
            "unsubscribe" => self.unsubscribe(host, from, subscription, id, left).map(|()| None),
            "options" => {
                let form =
                    Form::inside(verb).ok_or_else(|| refusal(Condition::BadRequest, "invalid-options"))?;
                self.set_options(host, from, (node, subscription.1, id), &form, left).map(|()| None)
            }
            _ => Err(Condition::FeatureNotImplemented.into()),
        }
    }

    fn owner_asks(&self, request: Request<'_>, verb: &Element, node: Option<&str>) -> Answered {
        let Request { host, from, .. } = request;
        let named = || node.ok_or_else(node_required);
        let answer = match verb.name() {
            "configure" => {
                let form = self.config_form(host, from, Some(named()?))?;
                Element::new("configure", ns::PUBSUB_OWNER).attr_opt("node", node).with(form)
            }
            "default" => Element::new("default", ns::PUBSUB_OWNER).with(self.config_form(host, from, None)?),
            "affiliations" => self.listed(host, from, named()?, List::Affiliations)?,
            "subscriptions" => self.listed(host, from, named()?, List::Subscriptions)?,
            _ => return Err(Condition::FeatureNotImplemented.into()),
        };
        Ok(Some(Element::new("pubsub", ns::PUBSUB_OWNER).with(answer)))
    }

    fn owner_sets(&self, request: Request<'_>, verb: &Element, node: &str, left: &mut Left) -> Answered {
        let Request { host, from, .. } = request;
        match verb.name() {
            "configure" => {
                let form = Form::inside(verb).ok_or(Condition::BadRequest)?;
                // §8.2.3: a form that is cancelled changes nothing.
                if form.kind != "cancel" {
                    self.submit(host, from, node, &form, left)?;
                }
            }
            "delete" => self.delete(host, from, node, left)?,
            "purge" => self.purge(host, from, node, left)?,
            "affiliations" => self.set_affiliations(host, from, (node, verb), left)?,
            "subscriptions" => self.set_subscriptions(host, from, (node, verb), left)?,
            _ => return Err(Condition::FeatureNotImplemented.into()),
        }
        Ok(None)
    }
}

fn jid(verb: &Element) -> Result<Jid, StanzaError> {
    let jid = verb.get("jid").ok_or_else(|| refusal(Condition::BadRequest, "jid-required"))?;
    Jid::parse(jid).map_err(|_| refusal(Condition::BadRequest, "invalid-jid"))
}
