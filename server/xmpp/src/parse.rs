//! RFC 6120 §11, Namespaces in XML 1.0: one framed slice to an element, strictly.
//!
//! `quick-xml` finds the tags; what it lets through and XML or RFC 6120 forbids is refused here in the same
//! pass, because relaying it would end the recipient's stream.

use bytes::Bytes;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

use crate::chars;
use crate::element::Element;
use crate::error::{StreamCondition, StreamError};
use crate::limits::Limits;
use crate::ns;
use crate::scope::Bindings;
use crate::stream::Header;
use crate::tag::{self, Tag};

/// What the stream header put in scope: its content namespace and its prefixes.
#[derive(Clone, Debug)]
pub struct StreamScope {
    /// `jabber:client`, `jabber:server` or `jabber:component:accept`; elements in it are read as `jabber:client`.
    pub content: &'static str,
    /// Prefixes declared on the header, and their namespaces.
    pub prefixes: Vec<(String, String)>,
}

/// Reads the start tag of a stream.
///
/// # Errors
/// The stream error to end with: `invalid-namespace`, `bad-namespace-prefix`, `not-well-formed` …
pub fn header(open: &Bytes) -> Result<(Header, StreamScope), StreamError> {
    let text = checked(open)?;
    let nothing = StreamScope { content: "", prefixes: Vec::new() };
    let mut bindings = Bindings::new(&nothing);
    let inner = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).ok_or_else(not_well_formed)?;
    let mut tag = Tag::default();
    tag.read(inner, Limits::UNAUTHENTICATED.attributes, &mut bindings)?;
    let root = tag.element(&bindings)?;
    // §4.8.1, §4.8.5.
    if *root.ns() != *ns::STREAM {
        return Err(StreamCondition::InvalidNamespace.into());
    }
    if tag.prefix() != "stream" {
        return Err(StreamCondition::BadNamespacePrefix.into());
    }
    if root.name() != "stream" {
        return Err(StreamCondition::BadFormat.into());
    }
    // §4.8.2.
    let content = [ns::CLIENT, ns::SERVER, ns::COMPONENT].into_iter().find(|ns| bindings.is_default(ns));
    let content = content.ok_or(StreamCondition::InvalidNamespace)?;
    let value = |name: &str| root.get(name).map(str::to_owned);
    let header = Header {
        from: value("from"),
        to: value("to"),
        id: value("id"),
        lang: root.lang().map(str::to_owned),
        version: value("version"),
    };
    Ok((header, StreamScope { content, prefixes: bindings.prefixes() }))
}

/// Reads one top-level element.
///
/// # Errors
/// The stream error to end with.
pub fn element(bytes: &Bytes, scope: &StreamScope, limits: &Limits) -> Result<Element, StreamError> {
    if bytes.len() > limits.bytes {
        return Err(StreamCondition::PolicyViolation.into());
    }
    tree(checked(bytes)?, scope, limits)
}

/// Reads an element that stands on its own (from the store, from a test).
///
/// # Errors
/// `not-well-formed` and its kin.
pub fn standalone(xml: &str) -> Result<Element, StreamError> {
    let nothing = StreamScope { content: "", prefixes: Vec::new() };
    let xml = xml.trim_matches(chars::SPACE);
    chars::check(xml.as_bytes())?;
    tree(xml, &nothing, &Limits { bytes: usize::MAX, elements: usize::MAX, ..Limits::SERVER })
}

pub(crate) fn not_well_formed() -> StreamError {
    StreamCondition::NotWellFormed.into()
}

/// §11.6: UTF-8, and in it only the characters of XML 1.0.
fn checked(bytes: &[u8]) -> Result<&str, StreamError> {
    let text = std::str::from_utf8(bytes).map_err(|_| StreamCondition::UnsupportedEncoding)?;
    chars::check(bytes)?;
    Ok(text)
}

fn tree(text: &str, scope: &StreamScope, limits: &Limits) -> Result<Element, StreamError> {
    // A byte order mark or text before the root would be stepped over by the reader.
    if !text.starts_with('<') {
        return Err(not_well_formed());
    }
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    // Names of end tags are compared below, without a copy.
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    let mut growing = Growing::new(scope, limits);
    while growing.root.is_none() {
        let from = position(&reader);
        let event = reader.read_event().map_err(|_| not_well_formed())?;
        let raw = text.get(from..position(&reader)).ok_or_else(not_well_formed)?;
        match event {
            Event::Start(_) => growing.start(raw, ">")?,
            Event::Empty(_) => growing.start(raw, "/>")?,
            Event::End(_) => growing.end(raw)?,
            Event::Text(_) => growing.text(raw)?,
            Event::CData(_) => growing.cdata(raw)?,
            Event::GeneralRef(_) => growing.reference(raw)?,
            // §11.1.
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {
                return Err(StreamCondition::RestrictedXml.into());
            }
            Event::Eof => return Err(not_well_formed()),
        }
    }
    // Nothing may follow the root.
    growing.root.filter(|_| position(&reader) == text.len()).ok_or_else(not_well_formed)
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// A tree that is being read.
struct Growing<'t> {
    limits: Limits,
    bindings: Bindings<'t>,
    /// The start tag in hand; kept for its memory.
    tag: Tag<'t>,
    /// Elements whose end has not come, outermost first.
    open: Vec<Open<'t>>,
    /// Character data since the last tag.
    text: String,
    elements: usize,
    /// The whole tree, once its end has come.
    root: Option<Element>,
}

struct Open<'t> {
    /// As written, with its prefix.
    name: &'t str,
    element: Element,
    /// How many bindings there were before this element's.
    bindings: usize,
}

impl<'t> Growing<'t> {
    fn new(scope: &'t StreamScope, limits: &Limits) -> Growing<'t> {
        Growing {
            limits: *limits,
            bindings: Bindings::new(scope),
            tag: Tag::default(),
            open: Vec::with_capacity(8),
            text: String::new(),
            elements: 0,
            root: None,
        }
    }

    fn start(&mut self, raw: &'t str, close: &str) -> Result<(), StreamError> {
        self.elements += 1;
        if self.open.len() >= self.limits.depth || self.elements > self.limits.elements {
            return Err(StreamCondition::PolicyViolation.into());
        }
        self.put_text();
        let bindings = self.bindings.len();
        let inner = raw.strip_prefix('<').and_then(|rest| rest.strip_suffix(close));
        let inner = inner.ok_or_else(not_well_formed)?;
        self.tag.read(inner, self.limits.attributes, &mut self.bindings)?;
        let element = self.tag.element(&self.bindings)?;
        if close == ">" {
            self.open.push(Open { name: self.tag.name(), element, bindings });
            return Ok(());
        }
        self.bindings.truncate(bindings);
        self.put(element);
        Ok(())
    }

    fn end(&mut self, raw: &str) -> Result<(), StreamError> {
        self.put_text();
        let name = raw.strip_prefix("</").and_then(|rest| rest.strip_suffix('>'));
        let name = name.map(|name| name.trim_end_matches(chars::SPACE));
        let open = self.open.pop().filter(|open| Some(open.name) == name).ok_or_else(not_well_formed)?;
        self.bindings.truncate(open.bindings);
        self.put(open.element);
        Ok(())
    }

    /// Puts a whole element into its parent, if it has one.
    fn put(&mut self, element: Element) {
        match self.open.last_mut() {
            Some(parent) => parent.element.push(element),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, raw: &str) -> Result<(), StreamError> {
        // XML 1.0 §2.4.
        if self.open.is_empty() || tag::has_cdata_end(raw) {
            return Err(not_well_formed());
        }
        chars::push_lines(raw, &mut self.text);
        Ok(())
    }

    fn cdata(&mut self, raw: &str) -> Result<(), StreamError> {
        let inner = raw.strip_prefix("<![CDATA[").and_then(|rest| rest.strip_suffix("]]>"));
        let inner = inner.filter(|_| !self.open.is_empty()).ok_or_else(not_well_formed)?;
        chars::push_lines(inner, &mut self.text);
        Ok(())
    }

    fn reference(&mut self, raw: &str) -> Result<(), StreamError> {
        let name = raw.strip_prefix('&').and_then(|rest| rest.strip_suffix(';'));
        let name = name.filter(|_| !self.open.is_empty()).ok_or_else(not_well_formed)?;
        self.text.push(chars::reference(name)?);
        Ok(())
    }

    fn put_text(&mut self) {
        if let Some(open) = self.open.last_mut().filter(|_| !self.text.is_empty()) {
            open.element.push_text(std::mem::take(&mut self.text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(attributes: &str) -> Result<(Header, StreamScope), StreamError> {
        header(&Bytes::from(format!("<stream:stream xmlns:stream='{}' {attributes}>", ns::STREAM)))
    }

    fn read(xml: &'static str) -> Result<Element, StreamError> {
        let (_, scope) = opened("xmlns='jabber:server' xmlns:db='jabber:server:dialback'")?;
        element(&Bytes::from_static(xml.as_bytes()), &scope, &Limits::SERVER)
    }

    #[test]
    fn a_header_says_who_and_in_what_language() {
        let (header, scope) =
            opened("xmlns='jabber:client' to='a&apos;b' from=\"c\" version='1.0' xml:lang='en'").unwrap();
        let expected = Header {
            to: Some("a'b".into()),
            from: Some("c".into()),
            id: None,
            lang: Some("en".into()),
            version: Some("1.0".into()),
        };
        assert_eq!((header, scope.content), (expected, ns::CLIENT));
    }

    #[test]
    fn a_header_in_a_foreign_namespace_is_refused() {
        let condition =
            |xml: &'static str| header(&Bytes::from_static(xml.as_bytes())).unwrap_err().condition;
        assert_eq!(opened("xmlns='jabber:other'").unwrap_err().condition, StreamCondition::InvalidNamespace);
        let other = "<stream:stream xmlns:stream='urn:x' xmlns='jabber:client'>";
        assert_eq!(condition(other), StreamCondition::InvalidNamespace);
        let prefix = "<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:client'>";
        assert_eq!(condition(prefix), StreamCondition::BadNamespacePrefix);
        let none = "<stream xmlns='http://etherx.jabber.org/streams'>";
        assert_eq!(condition(none), StreamCondition::BadNamespacePrefix);
    }

    #[test]
    fn the_content_of_any_stream_is_read_as_client_content() {
        let message = read("<message><body>1 &lt;&#x20;2<![CDATA[<]]>\r\n</body></message>").unwrap();
        assert!(message.is("message", ns::CLIENT));
        assert_eq!(message.child_text("body", ns::CLIENT).as_deref(), Some("1 < 2<\n"));
    }

    #[test]
    fn prefixes_of_the_header_and_of_the_element_are_both_known() {
        let result =
            read("<db:result a:b='1' xmlns:a='urn:a'><b xmlns='' xml:lang='en'/></db:result>").unwrap();
        assert!(result.is("result", "jabber:server:dialback"));
        assert_eq!(result.attrs()[0].ns.as_deref(), Some("urn:a"));
        assert!(result.child("b", "").is_some_and(|b| b.lang() == Some("en")));
    }
}
