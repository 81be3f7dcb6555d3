//! What is written on: elements and tags, gathered into pieces of a fair size.

use std::io::{self, Write};

use rialto_xmpp::Element;
use rialto_xmpp::write::escape_attr;

/// Bytes that are gathered before they are written.
const PIECE: usize = 64 * 1024;

/// The way to a file.
pub(super) struct Paper<'a> {
    out: &'a mut dyn Write,
    gathered: Vec<u8>,
}

impl<'a> Paper<'a> {
    pub fn new(out: &'a mut dyn Write) -> Paper<'a> {
        Paper { out, gathered: Vec::with_capacity(PIECE) }
    }

    /// A start tag; `scope` is the namespace in force where it stands.
    pub fn open(&mut self, name: &str, ns: &str, scope: &str, attrs: &[(&str, &str)]) -> io::Result<()> {
        let mut tag = format!("<{name}");
        if ns != scope {
            tag.push_str(&format!(" xmlns='{}'", escape_attr(ns)));
        }
        for (name, value) in attrs {
            tag.push_str(&format!(" {name}='{}'", escape_attr(value)));
        }
        tag.push('>');
        self.text(&tag)
    }

    /// An end tag.
    pub fn close(&mut self, name: &str) -> io::Result<()> {
        self.text(&format!("</{name}>\n"))
    }

    /// A whole element.
    pub fn element(&mut self, element: &Element, scope: &str) -> io::Result<()> {
        element.write(scope, &mut self.gathered);
        self.bytes(b"\n")
    }

    /// XML as it is.
    pub fn text(&mut self, xml: &str) -> io::Result<()> {
        self.bytes(xml.as_bytes())
    }

    /// XML as it is.
    pub fn bytes(&mut self, xml: &[u8]) -> io::Result<()> {
        self.gathered.extend_from_slice(xml);
        if self.gathered.len() >= PIECE {
            self.out.write_all(&self.gathered)?;
            self.gathered.clear();
        }
        Ok(())
    }

    /// Nothing stays behind.
    pub fn finish(self) -> io::Result<()> {
        self.out.write_all(&self.gathered)?;
        self.out.flush()
    }
}
