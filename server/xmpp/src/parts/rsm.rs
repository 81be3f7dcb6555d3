//! XEP-0059: Result Set Management.

use crate::element::Element;
use crate::error::{Condition, StanzaError};
use crate::ns;

/// What the asker wants of the set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// `<max/>`: at most so many; 0 asks for the count alone (§2.7).
    pub max: Option<usize>,
    /// `<after/>`: what follows this item.
    pub after: Option<String>,
    /// `<before/>`: what precedes this item; empty means the last page (§2.5).
    pub before: Option<String>,
    /// `<index/>`: by position (§2.6).
    pub index: Option<usize>,
}

impl Query {
    /// Reads the `<set/>` inside a request, if there is one.
    ///
    /// # Errors
    /// `bad-request` for a `<max/>` or `<index/>` that is no number.
    pub fn read(parent: &Element) -> Result<Option<Query>, StanzaError> {
        let Some(set) = parent.child("set", ns::RSM) else { return Ok(None) };
        let number = |name: &str| -> Result<Option<usize>, StanzaError> {
            let Some(text) = set.child_text(name, ns::RSM) else { return Ok(None) };
            let bad = |_| StanzaError::new(Condition::BadRequest, format!("<{name}/> must be a number."));
            text.trim().parse().map(Some).map_err(bad)
        };
        Ok(Some(Query {
            max: number("max")?,
            after: set.child_text("after", ns::RSM).filter(|id| !id.is_empty()),
            before: set.child_text("before", ns::RSM),
            index: number("index")?,
        }))
    }
}

/// The `<set/>` of an answer.
pub fn answer(first: Option<(&str, Option<usize>)>, last: Option<&str>, count: Option<u64>) -> Element {
    let first = first.map(|(id, index)| {
        let index = index.map(|index| index.to_string());
        Element::new("first", ns::RSM).attr_opt("index", index).with_text(id)
    });
    let last = last.map(|id| Element::new("last", ns::RSM).with_text(id));
    let count = count.map(|count| Element::new("count", ns::RSM).with_text(count.to_string()));
    Element::new("set", ns::RSM).with_opt(first).with_opt(last).with_opt(count)
}
