//! RFC 6120 §4, §11: bytes in, whole top-level elements out. No parsing: only where an element ends.

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr2, memmem};

use crate::declaration;
use crate::error::{StreamCondition, StreamError};
use crate::limits::Limits;

/// What a stream is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The start tag of the stream (an XML declaration before it is dropped).
    Open(Bytes),
    /// One whole top-level element.
    Element(Bytes),
    /// The end tag of the stream.
    Close,
}

/// Cuts a stream into pieces; keeps its place between calls, so that any read size gives the same pieces.
///
/// It holds no bytes: what is not yet a whole piece stays in the caller's buffer, at its beginning.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    stage: Stage,
    inside: Inside,
    /// Bytes of the piece in hand that were looked at.
    seen: usize,
    /// Elements open below the stream's root.
    depth: usize,
    /// Elements begun in the piece in hand.
    elements: usize,
}

/// How far the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing read: an XML declaration or the stream header may come.
    Start,
    /// After the XML declaration: only the stream header may come.
    Declared,
    /// Inside the stream.
    Open,
    /// After the end tag of the stream: nothing more is read.
    Closed,
}

/// What `seen` stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    /// Between tags.
    Text,
    /// A start tag or an empty-element tag.
    Tag,
    /// An attribute value that ends with this quote.
    Quoted(u8),
    /// An end tag.
    EndTag,
    /// A CDATA section.
    Cdata,
    /// The XML declaration.
    Declaration,
}

/// What ends at `seen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Declaration,
    Open,
    Element,
    Close,
}

impl Framer {
    /// A framer at the start of a stream.
    pub fn new(limits: Limits) -> Framer {
        Framer { limits, stage: Stage::Start, inside: Inside::Text, seen: 0, depth: 0, elements: 0 }
    }

    /// A framer whose stream was opened elsewhere, where it needs no header.
    pub fn inside(limits: Limits) -> Framer {
        Framer { stage: Stage::Open, ..Framer::new(limits) }
    }

    /// Other limits from now on (after authentication).
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// A new stream begins on the same connection (after STARTTLS and SASL).
    pub fn restart(&mut self) {
        *self = Framer::new(self.limits);
    }

    /// The next piece, taken out of `input`; `None` when more bytes are needed. Whitespace between elements is dropped.
    ///
    /// # Errors
    /// `restricted-xml`, `not-well-formed`, `policy-violation` (limits): the stream must end with it.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Piece>, StreamError> {
        loop {
            if self.seen == 0 && !self.begins(input)? {
                return Ok(None);
            }
            let window = input.get(..self.limits.bytes).unwrap_or(input);
            let Some(cut) = self.scan(window)? else {
                if input.len() > self.limits.bytes {
                    let text = format!("One stanza may have at most {} bytes here.", self.limits.bytes);
                    return Err(StreamError::new(StreamCondition::PolicyViolation, text));
                }
                return Ok(None);
            };
            let bytes = input.split_to(self.seen);
            (self.seen, self.elements, self.inside) = (0, 0, Inside::Text);
            return Ok(Some(match cut {
                Cut::Declaration => {
                    declaration::check(&bytes)?;
                    self.stage = Stage::Declared;
                    continue;
                }
                Cut::Open => {
                    self.stage = Stage::Open;
                    Piece::Open(bytes.freeze())
                }
                Cut::Element => Piece::Element(bytes.freeze()),
                Cut::Close => {
                    self.close(&bytes)?;
                    Piece::Close
                }
            }));
        }
    }

    /// Drops whitespace (§4.6.1) and tells whether a tag begins.
    fn begins(&mut self, input: &mut BytesMut) -> Result<bool, StreamError> {
        if self.stage == Stage::Closed {
            input.clear();
            return Ok(false);
        }
        let space = input.iter().take_while(|byte| is_space(**byte)).count();
        input.advance(space);
        match (input.first(), self.stage) {
            (None, _) => Ok(false),
            (Some(b'<'), _) => Ok(true),
            // §11.6: UTF-16 and UTF-32 show by a mark or a zero byte.
            (Some(0 | 0xfe | 0xff), Stage::Start) => Err(StreamCondition::UnsupportedEncoding.into()),
            (Some(_), Stage::Open) => Err(StreamCondition::BadFormat.into()),
            (Some(_), _) => Err(StreamCondition::NotWellFormed.into()),
        }
    }

    /// Goes on from `seen` to where the piece ends, or to the end of `bytes`.
    fn scan(&mut self, bytes: &[u8]) -> Result<Option<Cut>, StreamError> {
        while let Some(rest) = bytes.get(self.seen..).filter(|rest| !rest.is_empty()) {
            let found = match self.inside {
                Inside::Text => memchr(b'<', rest),
                Inside::Tag => rest.iter().position(|byte| matches!(byte, b'>' | b'\'' | b'"' | b'<')),
                Inside::Quoted(quote) => memchr2(quote, b'<', rest),
                Inside::EndTag => memchr2(b'>', b'<', rest),
                Inside::Cdata => memmem::find(rest, b"]]>"),
                Inside::Declaration => memmem::find(rest, b"?>"),
            };
            let Some(found) = found else {
                // An end of two or three bytes may have begun.
                let kept = match self.inside {
                    Inside::Cdata => 2.min(rest.len()),
                    Inside::Declaration => 1,
                    _ => 0,
                };
                self.seen = bytes.len() - kept;
                return Ok(None);
            };
            self.seen += found;
            let before = self.seen.checked_sub(1).and_then(|at| bytes.get(at));
            match (self.inside, rest.get(found)) {
                // XML 1.0 §3.1: no tag holds a `<`; said now, not when the tag ends.
                (Inside::Tag | Inside::Quoted(_) | Inside::EndTag, Some(b'<')) => {
                    return Err(StreamCondition::NotWellFormed.into());
                }
                (Inside::Text, _) => {
                    if !self.markup(&rest[found..])? {
                        return Ok(None);
                    }
                    continue;
                }
                (Inside::Tag, Some(quote @ (b'\'' | b'"'))) => self.inside = Inside::Quoted(*quote),
                (Inside::Tag, _) => {
                    self.inside = Inside::Text;
                    if let Some(cut) = self.tag_ends(before == Some(&b'/'))? {
                        return Ok(Some(cut));
                    }
                }
                (Inside::Quoted(_), _) => self.inside = Inside::Tag,
                (Inside::EndTag, _) => {
                    self.inside = Inside::Text;
                    if let Some(cut) = self.end_tag_ends() {
                        return Ok(Some(cut));
                    }
                }
                (Inside::Cdata, _) => {
                    self.inside = Inside::Text;
                    self.seen += 2;
                }
                (Inside::Declaration, _) => {
                    self.seen += 2;
                    return Ok(Some(Cut::Declaration));
                }
            }
            self.seen += 1;
        }
        Ok(None)
    }

    /// `rest` begins with `<`: says what it is, or false if that cannot be told yet.
    fn markup(&mut self, rest: &[u8]) -> Result<bool, StreamError> {
        const CDATA: &[u8] = b"<![CDATA[";
        const XML: &[u8] = b"<?xml";
        let restricted = || Err(StreamCondition::RestrictedXml.into());
        match (rest.get(1), rest.get(2)) {
            (None, _) | (Some(b'!'), None) => return Ok(false),
            (Some(b'/'), _) if matches!(self.stage, Stage::Start | Stage::Declared) => {
                return Err(StreamCondition::NotWellFormed.into());
            }
            (Some(b'/'), _) => self.enter(Inside::EndTag, 2),
            (Some(b'!'), Some(b'[')) => {
                let len = rest.len().min(CDATA.len());
                if rest.get(..len) != CDATA.get(..len) {
                    return restricted();
                }
                if len < CDATA.len() {
                    return Ok(false);
                }
                if self.depth == 0 {
                    return Err(self.stray());
                }
                self.enter(Inside::Cdata, CDATA.len());
            }
            // §11.1: comments, document type and entity declarations.
            (Some(b'!'), Some(_)) => return restricted(),
            (Some(b'?'), _) => {
                let len = rest.len().min(XML.len());
                if self.stage != Stage::Start || rest.get(..len) != XML.get(..len) {
                    return restricted();
                }
                match rest.get(XML.len()) {
                    None => return Ok(false),
                    Some(byte) if is_space(*byte) => self.enter(Inside::Declaration, XML.len()),
                    Some(_) => return restricted(),
                }
            }
            (Some(_), _) => self.tag_begins()?,
        }
        Ok(true)
    }

    fn enter(&mut self, inside: Inside, len: usize) {
        self.inside = inside;
        self.seen += len;
    }

    /// A start tag: counted before another byte of it is looked at.
    fn tag_begins(&mut self) -> Result<(), StreamError> {
        self.elements += 1;
        if self.depth >= self.limits.depth {
            let text = format!("Elements may be at most {} deep here.", self.limits.depth);
            return Err(StreamError::new(StreamCondition::PolicyViolation, text));
        }
        if self.elements > self.limits.elements {
            let text = format!("One stanza may have at most {} elements here.", self.limits.elements);
            return Err(StreamError::new(StreamCondition::PolicyViolation, text));
        }
        self.enter(Inside::Tag, 1);
        Ok(())
    }

    fn tag_ends(&mut self, empty: bool) -> Result<Option<Cut>, StreamError> {
        if self.stage != Stage::Open {
            // A stream that is opened and closed by one tag is no use to anyone.
            if empty {
                return Err(StreamCondition::BadFormat.into());
            }
            self.seen += 1;
            return Ok(Some(Cut::Open));
        }
        if !empty {
            self.depth += 1;
            return Ok(None);
        }
        Ok(self.ends_here())
    }

    fn end_tag_ends(&mut self) -> Option<Cut> {
        if self.depth == 0 {
            self.seen += 1;
            return Some(Cut::Close);
        }
        self.depth -= 1;
        self.ends_here()
    }

    fn ends_here(&mut self) -> Option<Cut> {
        (self.depth == 0).then(|| {
            self.seen += 1;
            Cut::Element
        })
    }

    /// §4.4: the end tag of the stream; the header has the prefix `stream`, so the end has it too.
    fn close(&mut self, tag: &[u8]) -> Result<(), StreamError> {
        let name = tag.strip_prefix(b"</").and_then(|rest| rest.strip_suffix(b">"));
        if name.map(<[u8]>::trim_ascii_end) != Some(b"stream:stream") {
            return Err(StreamCondition::NotWellFormed.into());
        }
        self.stage = Stage::Closed;
        Ok(())
    }

    /// Character data where there may be none.
    fn stray(&self) -> StreamError {
        match self.stage {
            Stage::Open => StreamCondition::BadFormat.into(),
            _ => StreamCondition::NotWellFormed.into(),
        }
    }
}

/// XML 1.0 §2.3: white space.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "<?xml version='1.0'?> <stream:stream xmlns='jabber:client' a='>'>\n\
        <message a=\"/>'\" b='x'><body>1 > 0</body><e/></message>   <iq/><a><![CDATA[</a>]]]></a></stream:stream >";

    fn pieces(stream: &[u8], size: usize) -> Result<Vec<Piece>, StreamError> {
        let mut framer = Framer::new(Limits::CLIENT);
        let (mut input, mut pieces) = (BytesMut::new(), Vec::new());
        for read in stream.chunks(size) {
            input.extend_from_slice(read);
            while let Some(piece) = framer.next(&mut input)? {
                pieces.push(piece);
            }
        }
        Ok(pieces)
    }

    #[test]
    fn any_read_size_gives_the_same_pieces() {
        let whole = pieces(STREAM.as_bytes(), usize::MAX).unwrap();
        let element = |text: &'static str| Piece::Element(Bytes::from(text));
        let expected = [
            Piece::Open(Bytes::from("<stream:stream xmlns='jabber:client' a='>'>")),
            element("<message a=\"/>'\" b='x'><body>1 > 0</body><e/></message>"),
            element("<iq/>"),
            element("<a><![CDATA[</a>]]]></a>"),
            Piece::Close,
        ];
        assert_eq!(whole, expected);
        for size in 1..STREAM.len() {
            assert_eq!(pieces(STREAM.as_bytes(), size).unwrap(), whole, "reads of {size} bytes");
        }
    }

    #[test]
    fn nothing_stays_behind_between_stanzas() {
        let mut framer = Framer::new(Limits::UNAUTHENTICATED);
        let mut input = BytesMut::from("<stream:stream>  \n <a/> \t ");
        while framer.next(&mut input).unwrap().is_some() {}
        assert!(input.is_empty());
        assert_eq!((framer.seen, framer.depth), (0, 0));
    }

    #[test]
    fn a_restarted_stream_begins_with_a_header_again() {
        let mut framer = Framer::new(Limits::CLIENT);
        let mut input = BytesMut::from("<stream:stream><a/>");
        while framer.next(&mut input).unwrap().is_some() {}
        framer.restart();
        input.extend_from_slice(b"<?xml version='1.0'?><stream:stream>");
        assert!(matches!(framer.next(&mut input), Ok(Some(Piece::Open(_)))));
    }

    #[test]
    fn a_stanza_that_never_ends_is_refused_when_its_limit_is_reached() {
        let mut framer = Framer::new(Limits::UNAUTHENTICATED);
        let mut input = BytesMut::from("<stream:stream><a b='");
        let mut reads = 0;
        let error = loop {
            match framer.next(&mut input) {
                Ok(_) => input.extend_from_slice(&[b'x'; 512]),
                Err(error) => break error,
            }
            reads += 1;
        };
        assert_eq!((error.condition, reads), (StreamCondition::PolicyViolation, 16));
    }
}
