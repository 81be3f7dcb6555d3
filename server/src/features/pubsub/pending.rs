//! XEP-0060 §8.6, §8.7: owners are asked to approve subscriptions, and go through those that wait.

use rialto_store::pubsub::{Affiliation, State as Sub, Subscription};
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Condition, Element, Head, Jid, Message, MessageKind, StanzaError, ns};

use super::access::Standing;
use super::home::Node;
use super::refusal::no_node;
use super::{Host, PubSub};
use crate::features::Left;
use crate::random;

/// What the command is called.
pub const NAME: &str = "Subscriptions that wait for approval";

impl PubSub {
    /// §8.7: the command `get-pending` (XEP-0050): without a form it asks for which node, with one it has the asker sent
    /// what that node's owners were asked. There is nothing to remember between the two: the form says it all.
    ///
    /// # Errors
    /// `forbidden` for who owns no node, or not this one; `item-not-found`; `bad-request` for what XEP-0050 does not know.
    pub fn pending(
        &self,
        host: Host<'_>,
        who: &Jid,
        command: &Element,
        left: &mut Left,
    ) -> Result<Element, StanzaError> {
        let session = command.get("sessionid").map_or_else(random::token, str::to_owned);
        let answer = |status| {
            Element::new("command", ns::COMMANDS)
                .attr("node", ns::PUBSUB_GET_PENDING)
                .attr("sessionid", &session)
                .attr("status", status)
        };
        match command.get("action") {
            Some("cancel") => return Ok(answer("canceled")),
            None | Some("execute" | "next" | "complete") => {}
            Some(_) => return Err(Condition::BadRequest.into()),
        }
        let Some(form) = Form::inside(command) else {
            let actions = Element::new("actions", ns::COMMANDS)
                .attr("execute", "complete")
                .with(Element::new("complete", ns::COMMANDS));
            return Ok(answer("executing").with(actions).with(self.which_node(host, who)?.to_element()));
        };
        let name = form.value("pubsub#node").filter(|name| !name.is_empty());
        self.remind(host, who, name.ok_or(Condition::BadRequest)?, left)?;
        Ok(answer("completed"))
    }

    fn which_node(&self, host: Host<'_>, who: &Jid) -> Result<Form, StanzaError> {
        let relation = self.relation(host, who.bare_str());
        let home = self.home(host.owner())?;
        let state = home.state.lock();
        let owns = |node: &Node| Standing::new(&relation, node, who.bare_str()).owns().is_ok();
        let owned: Vec<_> = state.nodes.iter().filter(|(_, node)| owns(node)).collect();
        if owned.is_empty() {
            return Err(Condition::Forbidden.into());
        }
        let waiting = owned.into_iter().filter(|(_, node)| waiting(node).next().is_some());
        let options = waiting.map(|(name, node)| {
            let title = node.record.config.title.as_str();
            (if title.is_empty() { name } else { title }.to_owned(), name.clone())
        });
        let which =
            Field { values: Vec::new(), ..Field::list("pubsub#node", "Node", String::new(), options) };
        Ok(Form::new("form", ns::PUBSUB_SUBSCRIBE_AUTHORIZATION).title(NAME).field(which))
    }

    /// Who asks is sent the questions of a node again, behind the answer.
    fn remind(&self, host: Host<'_>, who: &Jid, name: &str, left: &mut Left) -> Result<(), StanzaError> {
        let relation = self.relation(host, who.bare_str());
        let home = self.home(host.owner())?;
        let state = home.state.lock();
        let node = state.nodes.get(name).ok_or_else(no_node)?;
        Standing::new(&relation, node, who.bare_str()).owns()?;
        let mut questions = Left::default();
        for one in waiting(node) {
            questions.route(question(host, who.clone(), name, one));
        }
        left.after.append(&mut questions.also);
        Ok(())
    }

    /// §8.6: every owner is asked to approve a subscription.
    pub(super) fn ask_owners(
        &self,
        host: Host<'_>,
        people: &std::collections::BTreeMap<String, rialto_store::pubsub::Person>,
        (name, subscription): (&str, &Subscription),
        left: &mut Left,
    ) {
        let listed = people.iter().filter(|(_, person)| person.affiliation == Affiliation::Owner);
        let own = host.is_account().then(|| host.owner().to_owned());
        for owner in listed.map(|(jid, _)| jid.clone()).chain(own) {
            if let Ok(to) = Jid::parse(&owner) {
                left.route(question(host, to, name, subscription));
            }
        }
    }
}

/// Subscriptions to a node that nobody has approved yet.
fn waiting(node: &Node) -> impl Iterator<Item = &Subscription> {
    node.people.values().flat_map(|person| &person.subscriptions).filter(|one| one.state == Sub::Pending)
}

fn question(host: Host<'_>, to: Jid, name: &str, subscription: &Subscription) -> Message {
    let form = Form::new("form", ns::PUBSUB_SUBSCRIBE_AUTHORIZATION)
        .title("A request to subscribe")
        .instructions("Approve or deny it.")
        .field(Field::hidden("pubsub#subid", &subscription.id))
        .field(Field::text("pubsub#node", "Node", name))
        .field(Field {
            kind: "jid-single",
            ..Field::text("pubsub#subscriber_jid", "Who asks", &subscription.jid)
        })
        .field(Field::boolean("pubsub#allow", "Allow this JID to subscribe?", false));
    let id = Some(random::token().into());
    let head = Head { from: Some(host.jid().clone()), to: Some(to), id, ..Head::default() };
    Message { head, kind: MessageKind::Normal, payloads: vec![form.to_element()] }
}
