//! Namespaces in XML 1.0 §2, §6: which namespace a prefix means, here and now.

use crate::error::{StreamCondition, StreamError};
use crate::ns::{self, Ns};
use crate::parse::{StreamScope, not_well_formed};

/// More declarations than this at one place are no message: every prefix is looked for among them.
const MOST: usize = 128;

/// Declarations in force, innermost last; below them those of the stream header.
pub(crate) struct Bindings<'t> {
    scope: &'t StreamScope,
    declared: Vec<(&'t str, Ns)>,
}

impl<'t> Bindings<'t> {
    pub(crate) fn new(scope: &'t StreamScope) -> Bindings<'t> {
        Bindings { scope, declared: Vec::with_capacity(8) }
    }

    /// How many declarations are in force.
    pub(crate) fn len(&self) -> usize {
        self.declared.len()
    }

    /// Forgets those of elements that have ended.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.declared.truncate(len);
    }

    /// Whether the prefix was declared after the first `before` declarations: twice on one element.
    pub(crate) fn has_since(&self, before: usize, prefix: &str) -> bool {
        self.declared.iter().skip(before).any(|(known, _)| *known == prefix)
    }

    /// A declaration; the empty prefix is the default namespace.
    ///
    /// # Errors
    /// `not-well-formed` for what Namespaces in XML §3 reserves and for a prefix that means nothing (§2.2),
    /// `policy-violation` for too many.
    pub(crate) fn declare(&mut self, prefix: &'t str, name: &str) -> Result<(), StreamError> {
        let reserved = match prefix {
            "xmlns" => true,
            "xml" => name != ns::XML,
            "" => name == ns::XML || name == ns::XMLNS,
            _ => name.is_empty() || name == ns::XML || name == ns::XMLNS,
        };
        if reserved {
            return Err(not_well_formed());
        }
        if self.declared.len() >= MOST {
            return Err(StreamCondition::PolicyViolation.into());
        }
        self.declared.push((prefix, self.read(name)));
        Ok(())
    }

    /// The namespace of an element with this prefix, or of an attribute with one.
    ///
    /// # Errors
    /// `not-well-formed` (§4.9.3.13 names Namespaces in XML too) for a prefix that was not declared.
    pub(crate) fn resolve(&self, prefix: &str) -> Result<Ns, StreamError> {
        if prefix.is_empty() {
            if let Some((_, ns)) = self.declared.iter().rev().find(|(known, _)| known.is_empty()) {
                return Ok(ns.clone());
            }
            return Ok(Ns::from(if self.scope.content.is_empty() { "" } else { ns::CLIENT }));
        }
        if let Some((_, ns)) = self.declared.iter().rev().find(|(known, _)| *known == prefix) {
            return Ok(ns.clone());
        }
        if prefix == "xml" {
            return Ok(Ns::from(ns::XML));
        }
        let of_stream = self.scope.prefixes.iter().find(|(known, _)| known == prefix);
        let (_, name) = of_stream.ok_or_else(not_well_formed)?;
        Ok(self.read(name))
    }

    /// The content namespace of the stream is read as `jabber:client`.
    fn read(&self, name: &str) -> Ns {
        let content = !name.is_empty() && name == self.scope.content;
        if content { Ns::from(ns::CLIENT) } else { Ns::new(name) }
    }

    /// Whether this is declared as the default namespace.
    pub(crate) fn is_default(&self, name: &str) -> bool {
        self.declared.iter().any(|(prefix, ns)| prefix.is_empty() && *ns == *name)
    }

    /// All prefixes that are declared.
    pub(crate) fn prefixes(&self) -> Vec<(String, String)> {
        let prefixed = self.declared.iter().filter(|(prefix, _)| !prefix.is_empty());
        prefixed.map(|(prefix, ns)| ((*prefix).to_owned(), ns.as_str().to_owned())).collect()
    }
}
