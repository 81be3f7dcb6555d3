//! What comes in over XMPP: bytes of a stream, elements, addresses.

use bytes::{Bytes, BytesMut};
use rialto_xmpp::framer::{Framer, Piece};
use rialto_xmpp::limits::Limits;
use rialto_xmpp::{Jid, StreamCondition, parse as reader};

pub(super) const XML: &[&str] = &[
    "<",
    ">",
    "/>",
    "</",
    "='",
    "'",
    "\"",
    "&",
    "&lt;",
    "&#0;",
    "&#x10FFFF;",
    "&nbsp;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?",
    "?>",
    "<!DOCTYPE",
    "xmlns",
    "xmlns:",
    "xml:lang='en'",
    "<a:b xmlns:a='urn:a'>",
    "</a:b>",
    "<body>",
    "</body>",
    "<message>",
    "</message>",
    "</stream:stream>",
    "\0",
    "\u{b}",
    "\u{fffe}",
    "é",
    "\u{1f600}",
    " ",
    "\n",
];
pub(super) const JID: &[&str] = &[
    "@",
    "/",
    ".",
    "..",
    "xn--",
    "xn--nxasmq6b",
    "[::1]",
    "localhost",
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "ﬀ",
    "\u{200d}",
    "\u{ad}",
    "\u{202e}",
    "☕",
    "\u{1f600}",
    " ",
    "\u{a0}",
    "\\20",
    "&",
    "'",
    "\"",
    "<",
    ":",
    "\0",
    "א",
    "ا",
    "A",
];

/// The framer cuts the same pieces whatever the sizes in which the bytes come.
pub fn framer(data: &[u8]) {
    let whole = pieces(data, data.len().max(1));
    assert_eq!(whole, pieces(data, 1), "bytewise");
    assert_eq!(whole, pieces(data, 7), "in sevens");
    for piece in &whole.0 {
        match piece {
            Piece::Open(open) => drop(reader::header(open)),
            Piece::Element(element) => parse(element),
            Piece::Close => {}
        }
    }
}

fn pieces(data: &[u8], size: usize) -> (Vec<Piece>, Option<StreamCondition>) {
    let mut framer = Framer::new(Limits::UNAUTHENTICATED);
    let (mut input, mut found) = (BytesMut::new(), Vec::new());
    for part in data.chunks(size) {
        input.extend_from_slice(part);
        loop {
            match framer.next(&mut input) {
                Ok(Some(piece)) => {
                    let over = piece == Piece::Close;
                    found.push(piece);
                    if over {
                        return (found, None);
                    }
                }
                Ok(None) => break,
                Err(error) => return (found, Some(error.condition)),
            }
        }
    }
    (found, None)
}

/// What can be read is written so that it reads the same.
pub fn parse(data: &[u8]) {
    let scope = reader::StreamScope { content: "jabber:client", prefixes: Vec::new() };
    let read = reader::element(&Bytes::copy_from_slice(data), &scope, &Limits::CLIENT);
    let Ok(element) = read else { return };
    let mut written = Vec::new();
    element.write("jabber:client", &mut written);
    let again =
        reader::element(&written.clone().into(), &scope, &Limits { bytes: usize::MAX, ..Limits::SERVER });
    assert_eq!(again.as_ref(), Ok(&element), "written as {:?}", String::from_utf8_lossy(&written));
    // Other readers must be able to read it too: a recipient's stream must not die of it.
    let text = String::from_utf8(written).expect("XML is UTF-8");
    match crate::xml::next_event(&text) {
        Ok((crate::xml::Event::Element(xml), used)) => {
            assert_eq!((xml.name.as_str(), used), (element.name(), text.len()), "{text:?}");
        }
        other => panic!("another reader takes {text:?} for {other:?}"),
    }
}

/// An address that is one is the same when it is read again, and its parts make it.
pub fn jid(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(jid) = Jid::parse(text) else { return };
    assert_eq!(Jid::parse(jid.as_str()).as_ref(), Ok(&jid), "read again");
    let made = Jid::from_parts(jid.localpart(), jid.domainpart(), jid.resourcepart());
    assert_eq!(made.as_ref(), Ok(&jid), "made of its parts");
    let parts = [jid.localpart(), Some(jid.domainpart()), jid.resourcepart()];
    for part in parts.into_iter().flatten() {
        assert!((1..=1023).contains(&part.len()), "a part of {} bytes (RFC 7622 §3)", part.len());
    }
    assert!(!jid.domainpart().contains(['@', '/', '<', '&', ' ']), "{}", jid.domainpart());
    assert_eq!(jid.bare().as_str(), jid.bare_str());
}
