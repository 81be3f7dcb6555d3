//! Element and stanza to bytes, once; a broadcast has a hole for `to`.

use bytes::Bytes;

use crate::element::{Attr, Element, Node};
use crate::ns::{self, Ns};

/// A stanza serialised once for many recipients: `head`, then ` to='…'`, then `tail`.
#[derive(Clone, Debug)]
pub struct Broadcast {
    /// Up to and including the last attribute of the start tag.
    pub head: Bytes,
    /// From the end of the start tag on.
    pub tail: Bytes,
}

impl Broadcast {
    /// The whole stanza for one recipient. `to` must be escaped for an attribute already ([`escape_attr`]).
    pub fn addressed(&self, to: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.head.len() + to.len() + self.tail.len() + 6);
        self.write_addressed(to, &mut out);
        out
    }

    /// The same, appended to `out`.
    pub fn write_addressed(&self, to: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b" to='");
        out.extend_from_slice(to.as_bytes());
        out.push(b'\'');
        out.extend_from_slice(&self.tail);
    }
}

impl Element {
    /// Appends this element; `scope` is the namespace in force where it is put.
    pub fn write(&self, scope: &str, out: &mut Vec<u8>) {
        start(self.name(), self.ns(), scope, out);
        write_attrs(self.attrs(), out);
        self.write_inside(out);
    }

    /// This element on its own, with its namespace declared.
    pub fn to_xml(&self) -> String {
        let mut out = Vec::with_capacity(256);
        self.write("", &mut out);
        // Only str data was appended.
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The end of the start tag, the children and the end tag.
    pub(crate) fn write_inside(&self, out: &mut Vec<u8>) {
        if self.nodes().is_empty() {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        for node in self.nodes() {
            match node {
                Node::Element(child) => child.write(self.ns(), out),
                Node::Text(text) => escape_text(text, out),
            }
        }
        end(self.name(), out);
    }
}

/// `<name xmlns='…'`: the declaration only where the namespace changes.
pub(crate) fn start(name: &str, ns: &Ns, scope: &str, out: &mut Vec<u8>) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    if *ns != *scope {
        put_attr("xmlns", ns, out);
    }
}

/// `</name>`
pub(crate) fn end(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// All attributes; a namespaced one gets a prefix declared on the spot.
pub(crate) fn write_attrs(attrs: &[Attr], out: &mut Vec<u8>) {
    for (index, attr) in attrs.iter().enumerate() {
        match &attr.ns {
            None => put_attr(&attr.name, &attr.value, out),
            Some(ns) if *ns == *ns::XML => put_attr(&format!("xml:{}", attr.name), &attr.value, out),
            Some(ns) => {
                put_attr(&format!("xmlns:a{index}"), ns, out);
                put_attr(&format!("a{index}:{}", attr.name), &attr.value, out);
            }
        }
    }
}

/// ` name='value'`, escaped.
pub(crate) fn put_attr(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape_into(value, IN_VALUE, out);
    out.push(b'\'');
}

/// Character data with `<`, `>`, `&` escaped; carriage returns kept as a reference (XML 1.0 §2.11).
pub fn escape_text(text: &str, out: &mut Vec<u8>) {
    escape_into(text, IN_TEXT, out);
}

/// A value as it stands between single quotes.
pub fn escape_attr(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len() + 8);
    escape_into(value, IN_VALUE, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// In character data: what is looked at.
const IN_TEXT: u8 = 1;
/// In an attribute value: what is looked at.
const IN_VALUE: u8 = 2;

static LOOKED_AT: [u8; 256] = looked_at();

const fn looked_at() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < table.len() {
        table[at] = match at as u8 {
            b'\n' | b'\t' | b'\'' | b'"' => IN_VALUE,
            0..=0x1f | b'<' | b'>' | b'&' | 0xef => IN_TEXT | IN_VALUE,
            _ => 0,
        };
        at += 1;
    }
    table
}

/// What XML cannot hold at all (XML 1.0 §2.2) becomes U+FFFD: one such character would end the recipient's stream.
fn escape_into(text: &str, class: u8, out: &mut Vec<u8>) {
    const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
    let mut rest = text.as_bytes();
    while let Some(at) = first_looked_at(rest, class) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        let (entity, len): (&[u8], usize) = match from {
            [b'<', ..] => (b"&lt;", 1),
            [b'>', ..] => (b"&gt;", 1),
            [b'&', ..] => (b"&amp;", 1),
            [b'\r', ..] => (b"&#13;", 1),
            [b'\'', ..] => (b"&apos;", 1),
            [b'"', ..] => (b"&quot;", 1),
            [b'\n', ..] => (b"&#10;", 1),
            [b'\t', ..] => (b"&#9;", 1),
            [0xef, 0xbf, 0xbe | 0xbf, ..] => (REPLACEMENT, 3),
            [0xef, ..] => (b"\xef", 1),
            _ => (REPLACEMENT, 1),
        };
        out.extend_from_slice(entity);
        rest = from.get(len..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Sixteen bytes at a time where there is nothing to look at, which is nearly everywhere.
fn first_looked_at(bytes: &[u8], class: u8) -> Option<usize> {
    let perhaps =
        |byte: u8| (byte < 0x20) | (byte | 2 == b'>') | (byte | 1 == b'\'') | (byte == b'"') | (byte == 0xef);
    let position = |bytes: &[u8]| bytes.iter().position(|byte| LOOKED_AT[usize::from(*byte)] & class != 0);
    let (chunks, rest) = bytes.as_chunks::<16>();
    for (index, chunk) in chunks.iter().enumerate() {
        if chunk.iter().fold(false, |found, byte| found | perhaps(*byte))
            && let Some(at) = position(chunk)
        {
            return Some(16 * index + at);
        }
    }
    position(rest).map(|at| 16 * chunks.len() + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_declared_where_it_changes_and_nowhere_else() {
        let query =
            Element::new("query", ns::ROSTER).with(Element::new("item", ns::ROSTER).attr("jid", "a@b"));
        let mut out = Vec::new();
        Element::new("iq", ns::CLIENT).with(query).write(ns::CLIENT, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "<iq><query xmlns='jabber:iq:roster'><item jid='a@b'/></query></iq>"
        );
    }

    #[test]
    fn markup_in_text_and_attributes_is_escaped() {
        let xml = Element::new("a", ns::CLIENT).attr("b", "'\"<&\n").with_text("]]>\r").to_xml();
        assert_eq!(xml, "<a xmlns='jabber:client' b='&apos;&quot;&lt;&amp;&#10;'>]]&gt;&#13;</a>");
    }

    #[test]
    fn a_character_that_xml_cannot_hold_is_replaced() {
        let xml =
            Element::new("a", "").attr("b", "\u{1}\u{ffff}").with_text("x\0\u{fffe}y\t\n\u{7f}").to_xml();
        assert_eq!(xml, "<a b='\u{fffd}\u{fffd}'>x\u{fffd}\u{fffd}y\t\n\u{7f}</a>");
    }
}
