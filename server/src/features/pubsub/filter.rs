//! XEP-0462: PubSub Type Filtering. Which nodes, by their type, somebody wants to see in a list.

use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{Condition, Element, StanzaError, ns};

/// Types of nodes; an empty one stands for nodes without a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kinds {
    /// All.
    #[default]
    All,
    /// These.
    Only(Vec<String>),
    /// All but these.
    Without(Vec<String>),
}

impl Kinds {
    /// §3.2: what a `disco#items` query asks for.
    ///
    /// # Errors
    /// `bad-request` for a filter that says nothing, or two things at once.
    pub fn read(query: &Element) -> Result<Kinds, StanzaError> {
        let Some(filter) = query.child("filter", ns::PUBSUB_FILTER) else { return Ok(Kinds::All) };
        let form = Form::inside(filter).filter(|form| form.form_type() == Some(ns::PUBSUB_FILTER));
        let form = form.ok_or(Condition::BadRequest)?;
        match (form.get("included-types"), form.get("excluded-types")) {
            (Some(these), None) => Ok(Kinds::Only(these.values.clone())),
            (None, Some(these)) => Ok(Kinds::Without(these.values.clone())),
            (Some(_), Some(_)) => {
                let text = "Say which types you want, or which you do not want, but not both.";
                Err(StanzaError::new(Condition::BadRequest, text))
            }
            (None, None) => Err(Condition::BadRequest.into()),
        }
    }

    /// Whether nodes of this type are among them.
    pub(super) fn has(&self, kind: &str) -> bool {
        let among = |these: &[String]| these.iter().any(|one| one == kind);
        match self {
            Kinds::All => true,
            Kinds::Only(these) => among(these),
            Kinds::Without(these) => !among(these),
        }
    }
}
