//! XML 1.0 §3.1, Namespaces in XML 1.0 §5–6: one start tag, read strictly.

use compact_str::CompactString;
use memchr::memchr;

use crate::chars;
use crate::element::{Attr, Element};
use crate::error::{StreamCondition, StreamError};
use crate::framer::is_space;
use crate::parse::not_well_formed;
use crate::scope::Bindings;

/// The parts of a start tag.
#[derive(Default)]
pub(crate) struct Tag<'t> {
    /// As written, with its prefix.
    name: &'t str,
    prefix: &'t str,
    local: &'t str,
    /// Without the namespace declarations.
    attributes: Vec<Attribute<'t>>,
}

/// An attribute whose namespace is not known yet.
pub(crate) struct Attribute<'t> {
    prefix: &'t str,
    local: &'t str,
    value: CompactString,
}

impl<'t> Tag<'t> {
    /// Reads what stands between `<` and `>` (or `/>`) and adds its declarations to `bindings`.
    pub(crate) fn read(
        &mut self,
        inner: &'t str,
        most: usize,
        bindings: &mut Bindings<'t>,
    ) -> Result<(), StreamError> {
        self.attributes.clear();
        let end = inner.bytes().position(is_space).unwrap_or(inner.len());
        let (name, mut rest) = inner.split_at(end);
        (self.prefix, self.local) = qname(name)?;
        self.name = name;
        let before = bindings.len();
        let mut count = 0;
        while let Some((name, raw, after)) = attribute(rest)? {
            rest = after;
            count += 1;
            if count > most {
                return Err(StreamCondition::PolicyViolation.into());
            }
            let value = value(raw)?;
            let (prefix, local) = qname(name)?;
            let declared = match (prefix, local) {
                ("xmlns", prefix) => prefix,
                ("", "xmlns") => "",
                _ => {
                    self.attributes.push(Attribute { prefix, local, value });
                    continue;
                }
            };
            if bindings.has_since(before, declared) {
                return Err(not_well_formed());
            }
            bindings.declare(declared, &value)?;
        }
        Ok(())
    }

    /// The name as written, with its prefix.
    pub(crate) fn name(&self) -> &'t str {
        self.name
    }

    /// The prefix, or nothing.
    pub(crate) fn prefix(&self) -> &'t str {
        self.prefix
    }

    /// The element of this tag; its attributes are moved into it.
    pub(crate) fn element(&mut self, bindings: &Bindings<'t>) -> Result<Element, StreamError> {
        // §3: nothing is defined under `xml` or `xmlns` but attributes, and we could not write it.
        if self.prefix == "xml" || self.prefix == "xmlns" {
            return Err(not_well_formed());
        }
        let mut element =
            Element::with_room(self.local, bindings.resolve(self.prefix)?, self.attributes.len());
        for attribute in self.attributes.drain(..) {
            let prefixed = !attribute.prefix.is_empty();
            let ns = if prefixed { Some(bindings.resolve(attribute.prefix)?) } else { None };
            // §6.3: no two with the same name in the same namespace.
            if element.attrs().iter().any(|other| other.name == attribute.local && other.ns == ns) {
                return Err(not_well_formed());
            }
            element.push_attr(Attr { ns, name: attribute.local.into(), value: attribute.value });
        }
        Ok(element)
    }
}

/// Whether text holds `]]>`, which XML 1.0 §2.4 forbids.
pub(crate) fn has_cdata_end(text: &str) -> bool {
    memchr(b'>', text.as_bytes()).is_some() && text.contains("]]>")
}

/// The next attribute: its name, its raw value, and what follows. `None` at the end of the tag.
fn attribute(text: &str) -> Result<Option<(&str, &str, &str)>, StreamError> {
    let start = text.bytes().take_while(|byte| is_space(*byte)).count();
    let rest = text.get(start..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(None);
    }
    // §3.1: there must be space before it.
    let equals =
        rest.bytes().position(|byte| byte == b'=').filter(|_| start > 0).ok_or_else(not_well_formed)?;
    let (name, rest) = rest.split_at(equals);
    let name = name.trim_end_matches(chars::SPACE);
    let open = 1 + rest.bytes().skip(1).take_while(|byte| is_space(*byte)).count();
    let quote = rest.as_bytes().get(open).copied().filter(|byte| matches!(byte, b'\'' | b'"'));
    let quote = quote.ok_or_else(not_well_formed)?;
    let rest = rest.get(open + 1..).unwrap_or_default();
    let (raw, rest) = rest.split_at(memchr(quote, rest.as_bytes()).ok_or_else(not_well_formed)?);
    Ok(Some((name, raw, rest.get(1..).unwrap_or_default())))
}

/// §3.1, §3.3.3: no `<`, references resolved, white space normalised.
fn value(raw: &str) -> Result<CompactString, StreamError> {
    if !chars::is_special(raw) {
        return Ok(raw.into());
    }
    if raw.contains('<') {
        return Err(not_well_formed());
    }
    chars::attribute_value(raw).map(CompactString::from)
}

/// Namespaces §4: prefix and local name.
fn qname(name: &str) -> Result<(&str, &str), StreamError> {
    let (prefix, local) = match name.bytes().position(|byte| byte == b':') {
        Some(at) => {
            let (prefix, local) = name.split_at(at);
            let local = local.get(1..).unwrap_or_default();
            if !chars::is_ncname(prefix) {
                return Err(not_well_formed());
            }
            (prefix, local)
        }
        None => ("", name),
    };
    if chars::is_ncname(local) { Ok((prefix, local)) } else { Err(not_well_formed()) }
}
