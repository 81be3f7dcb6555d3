//! XEP-0050: Ad-Hoc Commands.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{Condition, Element, Jid, StanzaError, ns};

use super::command::{Command, Note, Stage};
use super::{About, Answer, Ask, Feature, IqSpec, Spec, Target};
use crate::random;

static ABOUT: About = About {
    spec: Spec::Xep(50, "1.3.0"),
    disco: &[(Target::Server, ns::COMMANDS), (Target::Account, ns::COMMANDS)],
    iq: &[
        IqSpec::server_set(ns::COMMANDS, "command"),
        // Clients that know their own address only ask there.
        IqSpec::account_set(ns::COMMANDS, "command"),
    ],
    at: &[],
};

/// Executions under way at most; the oldest is forgotten first.
const MAX_OPEN: usize = 256;

/// An execution that nobody continues is forgotten after this.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs the commands that the catalogue lists.
#[derive(Default)]
pub struct AdHoc {
    open: Mutex<HashMap<String, Execution>>,
}

struct Execution {
    who: Jid,
    node: String,
    since: Instant,
}

impl AdHoc {
    /// §3: the session of this request: a new one, or the one it names.
    fn session(&self, who: &Jid, node: &str, id: Option<&str>) -> Result<String, StanzaError> {
        let mut open = self.open.lock();
        open.retain(|_, execution| execution.since.elapsed() < PATIENCE);
        if let Some(id) = id {
            let known = open.get(id).is_some_and(|execution| execution.who == *who && execution.node == node);
            return if known { Ok(id.to_owned()) } else { Err(wrong("bad-sessionid")) };
        }
        if open.len() >= MAX_OPEN {
            let oldest = open.iter().min_by_key(|(_, execution)| execution.since).map(|(id, _)| id.clone());
            oldest.and_then(|id| open.remove(&id));
        }
        let id = random::token();
        open.insert(id.clone(), Execution { who: who.clone(), node: node.to_owned(), since: Instant::now() });
        Ok(id)
    }

    /// §3: one stage of a command: its first, or the one that answers the form before.
    ///
    /// # Errors
    /// What the command says, and §4.4.
    pub async fn run(
        &self,
        who: &Jid,
        request: &Element,
        command: &dyn Command,
    ) -> Result<Option<Element>, StanzaError> {
        let node = request.get("node").ok_or(Condition::BadRequest)?;
        if !command.allows(who) {
            return Err(Condition::Forbidden.into());
        }
        let action = request.get("action").unwrap_or("execute");
        let asked = request.get("sessionid");
        let id = self.session(who, node, asked)?;
        let answer = |status| {
            Element::new("command", ns::COMMANDS)
                .attr("node", node)
                .attr("sessionid", &id)
                .attr("status", status)
        };
        match (action, asked) {
            ("cancel", _) => {
                self.open.lock().remove(&id);
                return Ok(Some(answer("canceled")));
            }
            ("execute" | "next" | "complete", Some(_)) | ("execute", None) => {}
            ("prev", _) => return Err(wrong("bad-action")),
            _ => return Err(wrong("malformed-action")),
        }
        let form = Form::inside(request);
        match command.run(who, form.as_ref()).await? {
            Stage::Ask(form) => {
                let actions = Element::new("actions", ns::COMMANDS)
                    .attr("execute", "complete")
                    .with(Element::new("complete", ns::COMMANDS));
                Ok(Some(answer("executing").with(actions).with(form.to_element())))
            }
            Stage::Done { note, result } => {
                self.open.lock().remove(&id);
                let note = note.as_ref().map(Note::parts).map(|(kind, text)| {
                    Element::new("note", ns::COMMANDS).attr("type", kind).with_text(text)
                });
                Ok(Some(answer("completed").with_opt(note).with_opt(result)))
            }
        }
    }
}

impl Feature for AdHoc {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            let (who, request) = (ask.asker()?, ask.payload()?);
            let node = request.get("node").ok_or(Condition::BadRequest)?;
            if ask.account.is_some() {
                ask.own()?;
            }
            let command = ask.catalogue.command(node).ok_or(Condition::ItemNotFound)?;
            self.run(who, request, &*command).await
        })
    }
}

/// §4.4: the command's own conditions.
fn wrong(condition: &'static str) -> StanzaError {
    StanzaError::from(Condition::BadRequest).with(Element::new(condition, ns::COMMANDS))
}
