//! XEP-0050: what an ad-hoc command is to the house; `adhoc.rs` runs them, disco lists them.

use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{Jid, StanzaError};

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
    /// It is done; say this.
    Done {
        /// For a person.
        note: String,
        /// A result form.
        form: Option<Form>,
    },
}
