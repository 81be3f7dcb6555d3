//! RFC 6120 §4: stream headers, features and stream errors as they go over the wire.

use crate::element::Element;
use crate::error::StreamError;
use crate::ns;
use crate::write;

/// What a stream header says (§4.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// §4.7.1.
    pub from: Option<String>,
    /// §4.7.2.
    pub to: Option<String>,
    /// §4.7.3; only from the server.
    pub id: Option<String>,
    /// §4.7.4.
    pub lang: Option<String>,
    /// §4.7.5; `None` means 0.9.
    pub version: Option<String>,
}

impl Header {
    /// The header as a client stream's server writes it: prefix `stream`, all the attributes clients check.
    pub fn write(&self, content: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<?xml version='1.0'?><stream:stream");
        write::put_attr("xmlns", content, out);
        write::put_attr("xmlns:stream", ns::STREAM, out);
        let fields = [("from", &self.from), ("to", &self.to), ("id", &self.id), ("version", &self.version)];
        for (name, value) in fields {
            if let Some(value) = value {
                write::put_attr(name, value, out);
            }
        }
        if let Some(lang) = &self.lang {
            write::put_attr("xml:lang", lang, out);
        }
        out.push(b'>');
    }
}

/// The end of a stream (§4.4).
pub const CLOSE: &[u8] = b"</stream:stream>";

/// `<stream:features/>` with these inside (§4.3.2).
pub fn features(offered: &[Element]) -> Vec<u8> {
    let mut out = b"<stream:features".to_vec();
    if offered.is_empty() {
        out.extend_from_slice(b"/>");
        return out;
    }
    out.push(b'>');
    offered.iter().for_each(|feature| feature.write(ns::CLIENT, &mut out));
    out.extend_from_slice(b"</stream:features>");
    out
}

impl StreamError {
    /// `<stream:error/>` and the end of the stream (§4.9.1.1).
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<stream:error>");
        Element::new(self.condition.as_str(), ns::STREAM_ERRORS).write(ns::CLIENT, out);
        if let Some(text) = &self.text {
            let text = Element::new("text", ns::STREAM_ERRORS).with_text(text.as_str());
            text.write(ns::CLIENT, out);
        }
        if let Some(app) = &self.app {
            app.write(ns::CLIENT, out);
        }
        out.extend_from_slice(b"</stream:error>");
        out.extend_from_slice(CLOSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::StreamCondition;

    #[test]
    fn an_error_ends_the_stream() {
        let mut out = Vec::new();
        StreamError::from(StreamCondition::HostUnknown).write(&mut out);
        let expected = "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
