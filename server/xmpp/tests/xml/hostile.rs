//! RFC 6120 §11, §13.12: what a hostile or broken entity sends, and the stream error it gets for each.

use bytes::Bytes;
use rialto_xmpp::StreamCondition::{self, *};
use rialto_xmpp::limits::Limits;
use rialto_xmpp::parse;

use crate::wire::{self, CLOSE, HEADER};

/// Inside a stream.
const INSIDE: &[(&str, StreamCondition)] = &[
    // §11.1.
    ("<!-- a -->", RestrictedXml),
    ("<a><!-- a --></a>", RestrictedXml),
    ("<?php a ?>", RestrictedXml),
    ("<a><?php a ?></a>", RestrictedXml),
    ("<?xml version='1.0'?>", RestrictedXml),
    ("<a><?xml version='1.0'?></a>", RestrictedXml),
    ("<!DOCTYPE a>", RestrictedXml),
    ("<a><!DOCTYPE a></a>", RestrictedXml),
    ("<!ENTITY a 'b'>", RestrictedXml),
    ("<!ELEMENT a ANY>", RestrictedXml),
    ("<![INCLUDE[<a/>]]>", RestrictedXml),
    ("<a>&lol9;</a>", RestrictedXml),
    ("<a b='&lol9;'/>", RestrictedXml),
    ("<a>&nbsp;</a>", RestrictedXml),
    // XML 1.0 §2.2, §4.1: characters.
    ("<a>\u{1}</a>", NotWellFormed),
    ("<a>\0</a>", NotWellFormed),
    ("<a>\u{ffff}</a>", NotWellFormed),
    ("<a>\u{fffe}</a>", NotWellFormed),
    ("<a b='\u{8}'/>", NotWellFormed),
    ("<a>&#0;</a>", NotWellFormed),
    ("<a>&#1;</a>", NotWellFormed),
    ("<a>&#xfffe;</a>", NotWellFormed),
    ("<a>&#xd800;</a>", NotWellFormed),
    ("<a>&#x110000;</a>", NotWellFormed),
    ("<a>&#99999999999999999999;</a>", NotWellFormed),
    ("<a>&#+65;</a>", NotWellFormed),
    ("<a>&#;</a>", NotWellFormed),
    ("<a>&#x;</a>", NotWellFormed),
    ("<a>&;</a>", NotWellFormed),
    ("<a>a & b</a>", NotWellFormed),
    ("<a>&lt</a>", NotWellFormed),
    ("<a b='&lt'/>", NotWellFormed),
    ("<a>]]></a>", NotWellFormed),
    // §2.3, §3.1: names and tags.
    ("<1a/>", NotWellFormed),
    ("<a<b/>", NotWellFormed),
    ("<></>", NotWellFormed),
    ("< a/>", NotWellFormed),
    ("<a", NotWellFormed),
    ("<a></b>", NotWellFormed),
    ("<a></ a>", NotWellFormed),
    ("<a></a b='1'>", NotWellFormed),
    ("<a><b></a></b>", NotWellFormed),
    ("<a 1='1'/>", NotWellFormed),
    ("<a b/>", NotWellFormed),
    ("<a b=1/>", NotWellFormed),
    ("<a b='<'/>", NotWellFormed),
    ("<a b='1'c='2'/>", NotWellFormed),
    ("<a b='1' b='2'/>", NotWellFormed),
    ("<a/ >", NotWellFormed),
    // Namespaces in XML.
    ("<b:c/>", NotWellFormed),
    ("<a b:c='1'/>", NotWellFormed),
    ("<a xmlns:p=''/>", NotWellFormed),
    ("<b:c:d xmlns:b='urn:x'/>", NotWellFormed),
    ("<:a/>", NotWellFormed),
    ("<a:/>", NotWellFormed),
    ("<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>", NotWellFormed),
    ("<a xmlns='urn:x' xmlns='urn:x'/>", NotWellFormed),
    ("<a xmlns:xml='urn:x'/>", NotWellFormed),
    ("<a xmlns:xmlns='urn:x'/>", NotWellFormed),
    ("<a xmlns:b='http://www.w3.org/2000/xmlns/'/>", NotWellFormed),
    ("<a xmlns='http://www.w3.org/XML/1998/namespace'/>", NotWellFormed),
    ("<xml:a/>", NotWellFormed),
    ("<xmlns:a/>", NotWellFormed),
    // §11.7 and the stream itself.
    ("text", BadFormat),
    ("<![CDATA[text]]>", BadFormat),
    ("<a/>text", BadFormat),
    ("\u{feff}", BadFormat),
    ("</stream>", NotWellFormed),
    ("</a>", NotWellFormed),
];

/// From the first byte on.
const WHOLE: &[(&str, StreamCondition)] = &[
    (
        "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY lol2 '&lol;&lol;&lol;&lol;&lol;'>]><stream:stream>",
        RestrictedXml,
    ),
    ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'>", RestrictedXml),
    ("<!-- a --><stream:stream>", RestrictedXml),
    ("<?xml-stylesheet href='a'?>", RestrictedXml),
    ("<?xml version='1.0'?><?xml version='1.0'?>", RestrictedXml),
    ("<?xml version='1.0' encoding='ISO-8859-1'?>", UnsupportedEncoding),
    ("<?xml version='1.0' encoding='utf-16'?>", UnsupportedEncoding),
    ("<?xml version='1.1'?>", NotWellFormed),
    ("<?xml encoding='utf-8'?>", NotWellFormed),
    ("<?xml version='1.0'encoding='utf-8'?>", NotWellFormed),
    ("<?xml version='1.0' standalone='maybe'?>", NotWellFormed),
    ("GET / HTTP/1.1\r\n", NotWellFormed),
    ("\u{feff}<stream:stream>", NotWellFormed),
    ("</stream:stream>", NotWellFormed),
    ("<![CDATA[<stream:stream>]]>", NotWellFormed),
    ("<stream:stream>", NotWellFormed),
    ("<stream:stream xmlns:stream='http://etherx.jabber.org/streams'/>", BadFormat),
    ("<a xmlns='jabber:client'>", InvalidNamespace),
    ("<stream:a xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>", BadFormat),
    ("<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>", InvalidNamespace),
    ("<stream:stream xmlns='jabber:x' xmlns:stream='http://etherx.jabber.org/streams'>", InvalidNamespace),
    ("<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'>", BadNamespacePrefix),
    ("<stream xmlns='http://etherx.jabber.org/streams'>", BadNamespacePrefix),
];

/// §11.6: no UTF-8.
const ENCODED: &[&[u8]] = &[
    b"<a>\xc0\xaf</a>",
    b"<a>\x80</a>",
    b"<a>\xed\xa0\x80</a>",
    b"<a>\xf4\x90\x80\x80</a>",
    b"<a>\xe2\x82</a>",
    b"<a b='\xff'/>",
    b"<\xe9/>",
    b"<a>latin \xe9</a>",
];

fn check(stream: &[u8], limits: Limits, expected: StreamCondition) {
    for size in [1, 7, usize::MAX] {
        let shown = String::from_utf8_lossy(&stream[..stream.len().min(300)]);
        match wire::read(stream, size, limits) {
            Err(error) => assert_eq!(error.condition, expected, "{shown}, reads of {size}"),
            Ok(read) => panic!("was read as {read:?}: {shown}"),
        }
    }
}

fn check_inside(inside: &[u8], limits: Limits, expected: StreamCondition) {
    check(&[HEADER.as_bytes(), inside, CLOSE.as_bytes()].concat(), limits, expected);
}

#[test]
fn broken_and_restricted_xml_gets_the_error_that_names_it() {
    for (xml, expected) in INSIDE {
        check_inside(xml.as_bytes(), Limits::CLIENT, *expected);
    }
    for (xml, expected) in WHOLE {
        check(xml.as_bytes(), Limits::UNAUTHENTICATED, *expected);
    }
    for xml in ENCODED {
        check_inside(xml, Limits::CLIENT, UnsupportedEncoding);
    }
    // UTF-16, with a mark and without.
    for bytes in [&b"\xff\xfe<\0?\0"[..], b"\xfe\xff\0<\0?", b"\0<\0?"] {
        check(bytes, Limits::UNAUTHENTICATED, UnsupportedEncoding);
    }
}

/// CVE-2022-0217: a transport that frames by other means has the same parser behind it.
#[test]
fn the_parser_alone_refuses_what_the_framer_would_have_refused() {
    let (_, scope) = parse::header(&Bytes::from(HEADER.trim_start_matches("<?xml version='1.0'?>"))).unwrap();
    for (xml, expected) in INSIDE {
        let error = parse::element(&Bytes::from(*xml), &scope, &Limits::CLIENT).expect_err(xml);
        let same = error.condition == *expected || (error.condition, *expected) == (NotWellFormed, BadFormat);
        assert!(same || xml.starts_with("<!") || xml.starts_with("</"), "{xml}: {error}");
        assert!(parse::standalone(xml).is_err(), "{xml}");
    }
    for xml in ["<a/><b/>", "<a/>b", "<a/> ", " <a/>", "\u{feff}<a/>", "<a/><!-- -->", ""] {
        assert!(parse::element(&Bytes::from(xml), &scope, &Limits::CLIENT).is_err(), "{xml}");
    }
}

#[test]
fn everything_that_grows_has_a_limit() {
    let limits = Limits::UNAUTHENTICATED;
    let attributes = |count: usize| (0..count).map(|n| format!(" a{n}='1'")).collect::<String>();
    let declared = (0..17).map(|n| format!(" xmlns:a{n}='urn:x'")).collect::<String>();
    for stanza in [
        "<a>".repeat(100_000),
        format!("{}{}", "<a>".repeat(9), "</a>".repeat(9)),
        format!("<a>{}</a>", "<b/>".repeat(32)),
        format!("<a{}/>", attributes(100_000)),
        format!("<a{}/>", attributes(17)),
        format!("<a{declared}/>"),
        format!("<{}/>", "a".repeat(100_000)),
        format!("<a {}='1'/>", "b".repeat(100_000)),
        format!("<a b='{}", "x".repeat(100_000)),
        format!("<a>{}", "x".repeat(100_000)),
        format!("<a><![CDATA[{}", "]".repeat(100_000)),
        format!("<a {}", " ".repeat(100_000)),
        format!("<a>{}</a>", "&amp;".repeat(2_000)),
        format!("</stream:stream{}", " ".repeat(100_000)),
    ] {
        check_inside(stanza.as_bytes(), limits, PolicyViolation);
    }
    check(format!("<?xml version='1.0'{}", " ".repeat(100_000)).as_bytes(), limits, PolicyViolation);
    check(format!("<stream:stream a='{}", "x".repeat(100_000)).as_bytes(), limits, PolicyViolation);
    // Every prefix would be looked for among thousands.
    let nested = (0..3).map(|level| (0..60).map(|n| format!(" xmlns:p{level}{n}='u'")).collect::<String>());
    let nested = nested.map(|declared| format!("<a{declared}>")).collect::<String>() + "</a></a></a>";
    check_inside(nested.as_bytes(), Limits::CLIENT, PolicyViolation);
    // One less of each is taken.
    for stanza in [
        format!("{}{}", "<a>".repeat(8), "</a>".repeat(8)),
        format!("<a>{}</a>", "<b/>".repeat(31)),
        format!("<a{}/>", attributes(16)),
        format!("<a>{}</a>", "x".repeat(8 * 1024 - 7)),
    ] {
        assert_eq!(wire::read_inside(stanza.as_bytes(), 7, limits).unwrap().elements.len(), 1);
    }
}

#[test]
fn white_space_between_stanzas_is_dropped_however_much_there_is() {
    let keepalives = " \n".repeat(100_000);
    let read = wire::read_inside(format!("<a/>{keepalives}<b/>\n").as_bytes(), 4096, Limits::UNAUTHENTICATED)
        .unwrap();
    assert_eq!(read.elements.len(), 2);
}

#[test]
fn nothing_is_read_after_the_end_of_the_stream() {
    let read = wire::read_inside(b"<a/></stream:stream><b/><!-- -->", 3, Limits::CLIENT).unwrap();
    assert!(read.closed && read.elements.len() == 1);
}
