//! The XML tree of a stanza: what was read, and what will be written.

use compact_str::CompactString;

use crate::ns::{self, Ns};

/// An XML element with its namespace resolved. Prefixes are gone: they are a matter of writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    name: CompactString,
    ns: Ns,
    attrs: Vec<Attr>,
    children: Vec<Node>,
}

/// An attribute. `ns` is `None` for nearly all; `xml:lang` has [`ns::XML`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attr {
    /// Namespace, for the rare attribute that has a prefix.
    pub ns: Option<Ns>,
    /// Local name.
    pub name: CompactString,
    /// Value, entities resolved.
    pub value: CompactString,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Character data, entities and CDATA resolved.
    Text(String),
}

impl Element {
    /// An empty element.
    pub fn new(name: impl Into<CompactString>, ns: impl Into<Ns>) -> Element {
        Element { name: name.into(), ns: ns.into(), attrs: Vec::new(), children: Vec::new() }
    }

    /// An empty element with room for so many attributes.
    pub(crate) fn with_room(name: &str, ns: Ns, attributes: usize) -> Element {
        Element { name: name.into(), ns, attrs: Vec::with_capacity(attributes), children: Vec::new() }
    }

    /// Local name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Namespace.
    pub fn ns(&self) -> &Ns {
        &self.ns
    }

    /// Moves the element (not its children) to another namespace.
    pub fn set_ns(&mut self, ns: impl Into<Ns>) {
        self.ns = ns.into();
    }

    /// Whether this is `name` in `ns`.
    pub fn is(&self, name: &str, ns: &str) -> bool {
        self.name == name && self.ns == *ns
    }

    /// Value of the attribute without namespace.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attrs.iter().find(|attr| attr.ns.is_none() && attr.name == name).map(|attr| attr.value.as_str())
    }

    /// Value of `xml:lang`.
    pub fn lang(&self) -> Option<&str> {
        let xml = |attr: &&Attr| attr.name == "lang" && attr.ns.as_ref().is_some_and(|ns| *ns == *ns::XML);
        self.attrs.iter().find(xml).map(|attr| attr.value.as_str())
    }

    /// All attributes.
    pub fn attrs(&self) -> &[Attr] {
        &self.attrs
    }

    /// Takes the attributes out.
    pub fn take_attrs(&mut self) -> Vec<Attr> {
        std::mem::take(&mut self.attrs)
    }

    /// Sets an attribute without namespace, replacing an older value.
    pub fn set(&mut self, name: impl Into<CompactString>, value: impl Into<CompactString>) {
        let (name, value) = (name.into(), value.into());
        match self.attrs.iter_mut().find(|attr| attr.ns.is_none() && attr.name == name) {
            Some(attr) => attr.value = value,
            None => self.attrs.push(Attr { ns: None, name, value }),
        }
    }

    /// Removes an attribute without namespace.
    pub fn unset(&mut self, name: &str) {
        self.attrs.retain(|attr| attr.ns.is_some() || attr.name != name);
    }

    /// Adds an attribute as it is (parser and copies; no check for a duplicate).
    pub fn push_attr(&mut self, attr: Attr) {
        self.attrs.push(attr);
    }

    /// Builder: with an attribute.
    pub fn attr(mut self, name: impl Into<CompactString>, value: impl AsRef<str>) -> Element {
        self.set(name, value.as_ref());
        self
    }

    /// Builder: with an attribute if there is a value.
    pub fn attr_opt(self, name: impl Into<CompactString>, value: Option<impl AsRef<str>>) -> Element {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Builder: with a child element.
    pub fn with(mut self, child: Element) -> Element {
        self.children.push(Node::Element(child));
        self
    }

    /// Builder: with a child element if there is one.
    pub fn with_opt(self, child: Option<Element>) -> Element {
        match child {
            Some(child) => self.with(child),
            None => self,
        }
    }

    /// Builder: with all these child elements.
    pub fn with_all(mut self, children: impl IntoIterator<Item = Element>) -> Element {
        self.children.extend(children.into_iter().map(Node::Element));
        self
    }

    /// Builder: with character data.
    pub fn with_text(mut self, text: impl Into<String>) -> Element {
        self.push_text(text);
        self
    }

    /// Adds a child element.
    pub fn push(&mut self, child: Element) {
        self.children.push(Node::Element(child));
    }

    /// Adds character data, joined to the text before it.
    pub fn push_text(&mut self, text: impl Into<String>) {
        let text = text.into();
        match self.children.last_mut() {
            _ if text.is_empty() => {}
            Some(Node::Text(before)) => before.push_str(&text),
            _ => self.children.push(Node::Text(text)),
        }
    }

    /// Elements and text in document order.
    pub fn nodes(&self) -> &[Node] {
        &self.children
    }

    /// Child elements in document order.
    pub fn children(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(Node::as_element)
    }

    /// Child elements, to be changed.
    pub fn children_mut(&mut self) -> impl Iterator<Item = &mut Element> {
        self.children.iter_mut().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// Takes the child elements out, leaving text where it was dropped.
    pub fn into_children(self) -> impl Iterator<Item = Element> {
        self.children.into_iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// First child of this name and namespace.
    pub fn child(&self, name: &str, ns: &str) -> Option<&Element> {
        self.children().find(|child| child.is(name, ns))
    }

    /// Whether there is such a child.
    pub fn has(&self, name: &str, ns: &str) -> bool {
        self.child(name, ns).is_some()
    }

    /// Keeps the child elements that `keep` says yes to, and all text.
    pub fn retain(&mut self, mut keep: impl FnMut(&Element) -> bool) {
        self.children.retain(|node| match node {
            Node::Element(element) => keep(element),
            Node::Text(_) => true,
        });
    }

    /// All character data directly inside, joined.
    pub fn text(&self) -> String {
        self.children
            .iter()
            .filter_map(|node| match node {
                Node::Text(text) => Some(text.as_str()),
                Node::Element(_) => None,
            })
            .collect()
    }

    /// Text of a child, if there is such a child.
    pub fn child_text(&self, name: &str, ns: &str) -> Option<String> {
        self.child(name, ns).map(Element::text)
    }
}

impl Node {
    /// The element, if it is one.
    pub fn as_element(&self) -> Option<&Element> {
        match self {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_found_by_name_and_namespace_both() {
        let parent = Element::new("message", ns::CLIENT)
            .with(Element::new("body", ns::XHTML_IM).with_text("no"))
            .with(Element::new("body", ns::CLIENT).with_text("yes"));
        assert_eq!(parent.child_text("body", ns::CLIENT).as_deref(), Some("yes"));
        assert!(!parent.has("subject", ns::CLIENT));
    }

    #[test]
    fn setting_an_attribute_twice_keeps_the_last() {
        let element = Element::new("iq", ns::CLIENT).attr("id", "1").attr("id", "2");
        assert_eq!((element.get("id"), element.attrs().len()), (Some("2"), 1));
    }
}
