//! RFC 7395 §3.3, XEP-0206: a stream for transports whose messages are whole elements: what is a stream's bytes on this
//! side is cut into elements that stand on their own on the other.

use bytes::{Bytes, BytesMut};
use rialto_xmpp::framer::{Framer, Piece};
use rialto_xmpp::limits::Limits;
use rialto_xmpp::stream::{self, Header};
use rialto_xmpp::{StreamCondition, StreamError, ns, parse};

/// What our side of a stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The stream begins, or begins again.
    Open(Header),
    /// One element, with all its namespaces declared.
    Element(Vec<u8>),
    /// The stream ends.
    Close,
}

/// Cuts what our side of a stream says.
pub struct Cutter {
    framer: Framer,
    input: BytesMut,
    /// Whether `input` begins where an element may.
    is_between: bool,
}

/// We do not measure ourselves.
const NO_LIMITS: Limits =
    Limits { bytes: usize::MAX, depth: usize::MAX, attributes: usize::MAX, elements: usize::MAX };

impl Default for Cutter {
    fn default() -> Cutter {
        Cutter { framer: Framer::new(NO_LIMITS), input: BytesMut::new(), is_between: true }
    }
}

impl Cutter {
    /// The next bytes that our side says.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// What they make, one after another.
    pub fn next(&mut self) -> Option<Said> {
        // Each of our streams begins with a declaration, and nothing else does.
        if self.is_between && self.input.starts_with(b"<?xml") {
            self.framer.restart();
        }
        let piece = self.framer.next(&mut self.input);
        self.is_between = matches!(piece, Ok(Some(_))) || self.input.is_empty();
        match piece {
            Ok(Some(Piece::Open(open))) => Some(Said::Open(parse::header(&open).ok()?.0)),
            Ok(Some(Piece::Element(element))) => Some(Said::Element(declared(&element))),
            Ok(Some(Piece::Close)) => Some(Said::Close),
            Ok(None) => {
                if self.input.is_empty() {
                    // Nothing is kept while nothing is said.
                    self.input = BytesMut::new();
                }
                None
            }
            Err(error) => {
                tracing::error!(%error, "this server said what is no stream");
                None
            }
        }
    }
}

/// An element of ours with the two namespaces that the stream's header declares for all of them. We write the
/// declaration of any other namespace first of all attributes.
fn declared(element: &Bytes) -> Vec<u8> {
    let name = element.iter().position(|byte| matches!(byte, b' ' | b'/' | b'>')).unwrap_or(element.len());
    let (begin, rest) = element.split_at_checked(name).unwrap_or((element, &[]));
    let mut out = Vec::with_capacity(element.len() + 56);
    out.extend_from_slice(begin);
    let declaration = if begin.starts_with(b"<stream:") {
        Some(("xmlns:stream", ns::STREAM))
    } else {
        (!rest.starts_with(b" xmlns='")).then_some(("xmlns", ns::CLIENT))
    };
    if let Some((name, namespace)) = declaration {
        out.extend_from_slice(format!(" {name}='{namespace}'").as_bytes());
    }
    out.extend_from_slice(rest);
    out
}

/// The beginning of a stream, as the other side would say it on a TCP connection.
pub fn opening(header: &Header, into: &mut BytesMut) {
    let mut out = Vec::with_capacity(256);
    header.write(ns::CLIENT, &mut out);
    into.extend_from_slice(&out);
}

/// The end of a stream, likewise.
pub fn closing(into: &mut BytesMut) {
    into.extend_from_slice(stream::CLOSE);
}

/// Exactly one element, and nothing else but white space after it.
///
/// # Errors
/// The stream error to end with.
pub fn one(text: &str, limits: Limits) -> Result<Bytes, StreamError> {
    let mut input = BytesMut::from(text.trim_ascii_end());
    if !input.starts_with(b"<") {
        return Err(StreamError::new(StreamCondition::BadFormat, "Each message must be one element."));
    }
    match Framer::inside(limits).next(&mut input)? {
        Some(Piece::Element(element)) if input.is_empty() => Ok(element),
        Some(Piece::Element(_)) => {
            Err(StreamError::new(StreamCondition::BadFormat, "A message must not have two elements."))
        }
        None => Err(StreamError::new(StreamCondition::NotWellFormed, "A message must have a whole element.")),
        Some(_) => Err(StreamCondition::NotWellFormed.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_say_is_cut_into_elements_that_stand_alone() {
        let mut cutter = Cutter::default();
        let header = Header { from: Some("localhost".into()), id: Some("x".into()), ..Header::default() };
        let mut bytes = Vec::new();
        for _ in 0..2 {
            header.write(ns::CLIENT, &mut bytes);
            bytes.extend_from_slice(b"<stream:features/>");
            bytes.extend_from_slice(b"<success/>");
            let whole = std::mem::take(&mut bytes);
            cutter.feed(&whole);
            assert_eq!(cutter.next(), Some(Said::Open(header.clone())));
            let features = b"<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>".to_vec();
            assert_eq!(cutter.next(), Some(Said::Element(features)));
            assert_eq!(cutter.next(), Some(Said::Element("<success xmlns='jabber:client'/>".into())));
            header.write(ns::CLIENT, &mut bytes);
            bytes.extend_from_slice(b"<stream:features/>");
            cutter.feed(&std::mem::take(&mut bytes));
            assert_eq!(cutter.next(), Some(Said::Open(header.clone())));
            assert!(cutter.next().is_some());
            assert_eq!(cutter.next(), None);
        }
    }

    #[test]
    fn halves_of_an_element_are_put_together() {
        let mut cutter = Cutter::default();
        let mut bytes = Vec::new();
        Header::default().write(ns::CLIENT, &mut bytes);
        bytes.extend_from_slice(b"<message to='a'><body>x</bo");
        cutter.feed(&bytes);
        assert!(matches!(cutter.next(), Some(Said::Open(_))));
        assert_eq!(cutter.next(), None);
        cutter.feed(b"dy></message><a xmlns='urn:xmpp:sm:3' h='1'/></stream:stream>");
        let expected = "<message xmlns='jabber:client' to='a'><body>x</body></message>";
        assert_eq!(cutter.next(), Some(Said::Element(expected.into())));
        assert_eq!(cutter.next(), Some(Said::Element("<a xmlns='urn:xmpp:sm:3' h='1'/>".into())));
        assert_eq!((cutter.next(), cutter.next()), (Some(Said::Close), None));
    }

    #[test]
    fn a_message_is_one_element_and_nothing_else() {
        let limits = Limits::UNAUTHENTICATED;
        assert_eq!(one("<a><b/></a>\n", limits).unwrap(), "<a><b/></a>");
        for (text, condition) in [
            (" <a/>", StreamCondition::BadFormat),
            ("", StreamCondition::BadFormat),
            ("hello", StreamCondition::BadFormat),
            ("<a/><b/>", StreamCondition::BadFormat),
            ("<a/>x", StreamCondition::BadFormat),
            ("<a>", StreamCondition::NotWellFormed),
            ("</a>", StreamCondition::NotWellFormed),
            ("<!-- x --><a/>", StreamCondition::RestrictedXml),
            ("<!DOCTYPE a><a/>", StreamCondition::RestrictedXml),
        ] {
            assert_eq!(one(text, limits).unwrap_err().condition, condition, "{text}");
        }
        let large = format!("<a>{}</a>", "x".repeat(limits.bytes));
        assert_eq!(one(&large, limits).unwrap_err().condition, StreamCondition::PolicyViolation);
    }
}
