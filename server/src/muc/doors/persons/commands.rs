//! XEP-0050: what people ask of networks of this domain: their accounts there, the state of their connections, and commands in
//! the network's own words. biboumi's names for these are understood, so that its users find them.

use std::sync::Arc;

use rialto_store::identities::Identity;
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Condition, Element, Jid, StanzaError, ns};

use super::{Persons, accounts, letters};
use crate::features::Fut;
use crate::features::command::{Command, Stage};
use crate::muc::links::Connected;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Ping,
    Account,
    State,
    Disconnect,
    Raw,
    DisconnectUser,
}

/// Node, name, act. `{kind}` is the kind of network that the domain is for.
const COMMANDS: &[(&str, &str, Act)] = &[
    ("ping", "Do a ping", Act::Ping),
    ("configure", "My account on a network", Act::Account),
    ("get-{kind}-connection-info", "My connections", Act::State),
    ("disconnect-from-{kind}-server", "Give up my connection", Act::Disconnect),
    ("command", "Send a raw command", Act::Raw),
    ("disconnect-user", "Give up somebody's connections", Act::DisconnectUser),
];

/// The form type of all forms here.
const FORM: &str = "urn:rialto:networks";

/// One command, as one person sees it: of one network, or of all of the domain.
struct One {
    persons: Persons,
    over: Option<Arc<Connected>>,
    node: String,
    name: &'static str,
    act: Act,
}

impl Persons {
    fn command(&self, over: Option<&Arc<Connected>>, node: &str) -> Option<One> {
        let kind = self.networks().first().map_or("", |over| over.kind);
        let mut all = COMMANDS.iter().map(|(known, name, act)| (known.replace("{kind}", kind), *name, *act));
        let (node, name, act) = all.find(|(known, ..)| known == node)?;
        Some(One { persons: self.clone(), over: over.cloned(), node, name, act })
    }

    /// Runs one.
    pub(super) async fn commanded(
        &self,
        over: Option<&Arc<Connected>>,
        who: &Jid,
        request: &Element,
    ) -> Result<Option<Element>, StanzaError> {
        let node = request.get("node").ok_or(Condition::BadRequest)?;
        let command = self.command(over, node).ok_or(Condition::ItemNotFound)?;
        self.0.adhoc.run(who, request, &command).await
    }

    /// §2.2: those that somebody may run.
    pub(super) fn command_items(&self, over: Option<&Arc<Connected>>, who: &Jid) -> Element {
        let jid = match over {
            Some(over) => self.address(over, ""),
            None => Jid::parse(&self.0.domain).ok(),
        };
        let jid = jid.map(|jid| jid.to_string()).unwrap_or_default();
        let kind = self.networks().first().map_or("", |over| over.kind);
        let all = COMMANDS.iter().filter_map(|(node, ..)| self.command(over, &node.replace("{kind}", kind)));
        let items = all.filter(|one| one.allows(who)).map(|one| {
            let item = Element::new("item", ns::DISCO_ITEMS).attr("jid", &jid);
            item.attr("node", &one.node).attr("name", one.name)
        });
        Element::new("query", ns::DISCO_ITEMS).attr("node", ns::COMMANDS).with_all(items)
    }

    /// §2.3.
    pub(super) fn command_information(
        &self,
        over: Option<&Arc<Connected>>,
        node: &str,
        who: &Jid,
    ) -> Option<Element> {
        let one = self.command(over, node).filter(|one| one.allows(who))?;
        let identity = Element::new("identity", ns::DISCO_INFO)
            .attr("category", "automation")
            .attr("type", "command-node")
            .attr("name", one.name);
        let feature = |var: &str| Element::new("feature", ns::DISCO_INFO).attr("var", var);
        Some(
            Element::new("query", ns::DISCO_INFO)
                .attr("node", node)
                .with(identity)
                .with(feature(ns::COMMANDS))
                .with(feature(ns::DATA_FORMS)),
        )
    }
}

impl Command for One {
    fn node(&self) -> &str {
        &self.node
    }

    fn name(&self) -> &str {
        self.name
    }

    fn allows(&self, who: &Jid) -> bool {
        match self.act {
            Act::Ping => true,
            Act::DisconnectUser => self.persons.is_admin(who),
            _ => self.here().iter().any(|over| self.persons.may_use(over, who).is_ok()),
        }
    }

    fn run<'a>(&'a self, who: &'a Jid, form: Option<&'a Form>) -> Fut<'a, Result<Stage, StanzaError>> {
        Box::pin(async move {
            if form.is_some_and(|form| form.kind == "cancel") {
                return Ok(Stage::told("Nothing was done."));
            }
            match self.act {
                Act::Ping => Ok(Stage::told("Pong.")),
                Act::State => Ok(self.state(who)),
                Act::Account => self.account(who, form).await,
                Act::Disconnect => self.disconnect(who, form).await,
                Act::Raw => self.raw(who, form).await,
                Act::DisconnectUser => self.disconnect_user(form).await,
            }
        })
    }
}

impl One {
    /// The networks that it is about.
    fn here(&self) -> Vec<Arc<Connected>> {
        self.over.clone().map_or_else(|| self.persons.networks(), |over| vec![over])
    }

    fn form(&self, instructions: &str) -> Form {
        let form = Form::new("form", FORM).title(self.name).instructions(instructions);
        match &self.over {
            Some(_) => form,
            None => {
                let names: Vec<(String, String)> =
                    self.here().iter().map(|over| (over.name.to_string(), over.name.to_string())).collect();
                let first = names.first().map(|(name, _)| name.clone()).unwrap_or_default();
                form.field(Field::list("network", "Network", first, names))
            }
        }
    }

    /// The network that a form names.
    fn named(&self, form: &Form) -> Result<Arc<Connected>, StanzaError> {
        let none = || StanzaError::new(Condition::BadRequest, "Say one of the networks.");
        match &self.over {
            Some(over) => Ok(over.clone()),
            None => form.value("network").and_then(|name| self.persons.network(name)).ok_or_else(none),
        }
    }

    fn state(&self, who: &Jid) -> Stage {
        let line = |over: Arc<Connected>| {
            let own = over.network.connection(who.bare_str());
            let own = own.unwrap_or_else(|| "you have no connection of your own".to_owned());
            format!("{}: {own}. The bridge itself: {}.", over.name, over.state())
        };
        Stage::told(self.here().into_iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    async fn account(&self, who: &Jid, form: Option<&Form>) -> Result<Stage, StanzaError> {
        let Some(form) = form else {
            let known = match self.here().as_slice() {
                [one] => self.persons.identity(who.bare_str(), one),
                _ => Identity::default(),
            };
            let says = "What you are on this network from your next connection on, which begins now if you have one. \
                        Leave all empty to be nobody in particular. A password or certificate that you leave empty \
                        stays as it is, as long as the account does.";
            let text = |var: &str, label: &str, value: Option<String>| {
                Field::text(var, label, value.unwrap_or_default())
            };
            let form = self
                .form(says)
                .field(text("nick", "Nickname", known.nick))
                .field(text("account", "Account (SASL)", known.account))
                .field(Field::new("text-private", "sasl_password", "SASL password", ""))
                .field(Field::new("text-multi", "certificate", "Client certificate and its key (PEM)", ""));
            return Ok(Stage::Ask(form));
        };
        let over = self.named(form)?;
        self.persons.may_use(&over, who)?;
        let known = self.persons.identity(who.bare_str(), &over);
        let word =
            |var: &str| form.value(var).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let lines = form.get("certificate").map(|field| field.values.join("\n"));
        let (nick, account) = (word("nick"), word("account"));
        let same = account == known.account;
        let is = Identity {
            password: word("sasl_password").or(known.password.filter(|_| same && account.is_some())),
            certificate: lines
                .filter(|text| !text.trim().is_empty())
                .or(known.certificate.filter(|_| same && (account.is_some() || nick.is_some()))),
            nick,
            account,
        };
        if let Some(mistake) = accounts::mistake(&is) {
            return Ok(Stage::refused(mistake));
        }
        let set = self.persons.set_identity(who.bare_str(), &over, &is).await;
        set.map_err(|_| Condition::InternalServerError)?;
        Ok(Stage::told(format!("Your next connection to {} is as you say.", over.name)))
    }

    async fn disconnect(&self, who: &Jid, form: Option<&Form>) -> Result<Stage, StanzaError> {
        if let (None, None) = (form, &self.over) {
            return Ok(Stage::Ask(self.form("Your connection is made again when you speak.")));
        }
        let over = self.named(form.unwrap_or(&Form::default()))?;
        if over.network.connection(who.bare_str()).is_none() {
            return Ok(Stage::refused(format!("You have no connection of your own to {}.", over.name)));
        }
        // It is gone, or was before.
        let _ = over.network.disconnect(who.bare_str()).await;
        Ok(Stage::told(format!("Your connection to {} is given up.", over.name)))
    }

    async fn raw(&self, who: &Jid, form: Option<&Form>) -> Result<Stage, StanzaError> {
        let Some(form) = form else {
            let says = "A line in the network's own words, as in WHOIS romeo, said by your own connection.";
            return Ok(Stage::Ask(self.form(says).field(Field::text("line", "Command", "").required())));
        };
        let over = self.named(form)?;
        self.persons.may_use(&over, who)?;
        let line = form.value("line").unwrap_or_default();
        match over.network.command(Some(&letters::person(who)), line).await {
            Ok(answers) => {
                let answers = Field::many("text-multi", "answer", "Answer", answers);
                let form = Form::new("result", FORM).title(line).field(answers);
                Ok(Stage::result(&form))
            }
            Err(error) => Ok(Stage::refused(format!("It was not done: {error}."))),
        }
    }

    async fn disconnect_user(&self, form: Option<&Form>) -> Result<Stage, StanzaError> {
        let Some(form) = form else {
            let field = Field::new("jid-multi", "jids", "Whose connections", "").required();
            let form = Form::new("form", FORM).title(self.name).field(field);
            return Ok(Stage::Ask(form));
        };
        let mut done = 0;
        for jid in form.get("jids").map(|field| field.values.clone()).unwrap_or_default() {
            for over in self.here() {
                if over.network.connection(&jid).is_some() {
                    // It is gone, or was before.
                    let _ = over.network.disconnect(&jid).await;
                    done += 1;
                }
            }
        }
        Ok(Stage::told(format!(
            "{done} connections are given up; they are made again when their owners speak."
        )))
    }
}
