//! XEP-0050: what an ad-hoc command is to the house; `adhoc.rs` runs them, disco lists them.

use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{Element, Jid, StanzaError};

use super::Fut;

/// A command that a person can run on the server.
pub trait Command: Send + Sync + 'static {
    /// Its node, unique.
    fn node(&self) -> &str;

    /// For a person.
    fn name(&self) -> &str;

    /// Who may see and run it.
    fn allows(&self, who: &Jid) -> bool;

    /// One stage: `None` is the first, then the form as it came back.
    fn run<'a>(&'a self, who: &'a Jid, form: Option<&'a Form>) -> Fut<'a, Result<Stage, StanzaError>>;
}

/// What a stage of a command ends with.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Ask this; the next stage gets the answer.
    Ask(Form),
    /// It is over.
    Done {
        /// For a person.
        note: Option<Note>,
        /// What it brought: a form of results.
        result: Option<Element>,
    },
}

/// §3.4: a remark for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// All is well.
    Told(String),
    /// It was not done.
    Refused(String),
}

impl Stage {
    /// It was done; say this.
    pub fn told(text: impl Into<String>) -> Stage {
        Stage::Done { note: Some(Note::Told(text.into())), result: None }
    }

    /// It was not done; say why.
    pub fn refused(text: impl Into<String>) -> Stage {
        Stage::Done { note: Some(Note::Refused(text.into())), result: None }
    }

    /// It was done, and brought this.
    pub fn result(form: &Form) -> Stage {
        Stage::Done { note: None, result: Some(form.to_element()) }
    }
}

impl Note {
    /// Its type and its text.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Note::Told(text) => ("info", text),
            Note::Refused(text) => ("error", text),
        }
    }
}
