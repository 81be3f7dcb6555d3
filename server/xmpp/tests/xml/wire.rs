//! A stream read from end to end: framed in reads of any size, then parsed.

use bytes::BytesMut;
use rialto_xmpp::framer::{Framer, Piece};
use rialto_xmpp::limits::Limits;
use rialto_xmpp::{Element, StreamError, parse};

pub const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' to='example.org' version='1.0'>";
pub const CLOSE: &str = "</stream:stream>";

/// What a stream held, and whether it came to its end.
#[derive(Debug, Default, PartialEq)]
pub struct Stream {
    pub elements: Vec<Element>,
    pub closed: bool,
}

/// Reads all of `bytes`, `size` at a time.
pub fn read(bytes: &[u8], size: usize, limits: Limits) -> Result<Stream, StreamError> {
    let (mut framer, mut input) = (Framer::new(limits), BytesMut::new());
    let (mut stream, mut scope) = (Stream::default(), None);
    for read in bytes.chunks(size) {
        input.extend_from_slice(read);
        while let Some(piece) = framer.next(&mut input)? {
            match piece {
                Piece::Open(open) => scope = Some(parse::header(&open)?.1),
                Piece::Element(bytes) => {
                    let scope = scope.as_ref().expect("an element came before the header");
                    stream.elements.push(parse::element(&bytes, scope, &limits)?);
                }
                Piece::Close => stream.closed = true,
            }
        }
    }
    Ok(stream)
}

/// The same, with the header before it and the end after it.
pub fn read_inside(inside: &[u8], size: usize, limits: Limits) -> Result<Stream, StreamError> {
    read(&[HEADER.as_bytes(), inside, CLOSE.as_bytes()].concat(), size, limits)
}
