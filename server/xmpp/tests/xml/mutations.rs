//! Any bytes at all: an answer always comes, and it does not depend on how they arrive.

use rialto_xmpp::limits::Limits;
use rialto_xmpp::{Jid, Stanza, parse, prep};

use crate::dice::Dice;
use crate::trees;
use crate::wire::{self, CLOSE, HEADER};

const WORDS: &[&str] = &[
    "<",
    ">",
    "&",
    "'",
    "/",
    "<![CDATA[",
    "]]>",
    "<!--",
    "<?xml ",
    "?>",
    "\0",
    "<!DOCTYPE",
    "\u{feff}",
    "</stream:stream>",
];

#[test]
fn any_bytes_are_answered_and_the_answer_does_not_depend_on_the_reads() {
    let mut dice = Dice::new(11);
    for _ in 0..10_000 {
        let tree = trees::written(&trees::tree(&mut dice, 2));
        let mut stream = [HEADER.as_bytes(), &tree, b" ", &tree, CLOSE.as_bytes()].concat();
        dice.mutate(&mut stream, WORDS);
        let whole = wire::read(&stream, usize::MAX, Limits::UNAUTHENTICATED);
        let size = 1 + dice.below(40);
        let cut = wire::read(&stream, size, Limits::UNAUTHENTICATED);
        assert_eq!(whole, cut, "reads of {size}: {}", String::from_utf8_lossy(&stream));
        if let Ok(stream) = whole {
            stream.elements.into_iter().for_each(|element| drop(Stanza::read(element)));
        }
    }
}

#[test]
fn what_was_read_can_be_written_and_is_read_again() {
    let mut dice = Dice::new(13);
    for _ in 0..3_000 {
        let mut xml = trees::written(&trees::tree(&mut dice, 2));
        dice.mutate(&mut xml, WORDS);
        for element in
            wire::read_inside(&xml, usize::MAX, Limits::CLIENT).map_or(Vec::new(), |read| read.elements)
        {
            let again = parse::standalone(&element.to_xml());
            assert_eq!(again.as_ref(), Ok(&element), "{}", String::from_utf8_lossy(&xml));
        }
    }
}

#[test]
fn noise_is_refused_without_a_panic() {
    let mut dice = Dice::new(17);
    for _ in 0..5_000 {
        let noise: Vec<u8> = (0..dice.below(64)).map(|_| dice.next() as u8).collect();
        let _ = wire::read(&noise, 5, Limits::UNAUTHENTICATED);
        let _ = wire::read_inside(&noise, 5, Limits::UNAUTHENTICATED);
        let _ = parse::standalone(&String::from_utf8_lossy(&noise));
    }
}

/// What addresses are put together from.
const PIECES: &[&str] = &[
    "a",
    "B",
    "@",
    "/",
    ".",
    "xn--",
    "xn--bcher-kva",
    "é",
    "e\u{301}",
    "ß",
    "Σ",
    "İ",
    "ﬁ",
    "ａ",
    "。",
    "．",
    "😀",
    "\u{200d}",
    "\u{200c}",
    "\u{fe0f}",
    "ש",
    "ب",
    "1",
    "-",
    "[",
    "::1",
    "]",
    "%",
    "#",
    " ",
    "\u{a0}",
    "\u{3000}",
    "\u{202e}",
    "\0",
    "\\20",
    "नि",
    "\u{94d}",
    "가",
    "\u{1100}",
    "日本",
    "K",
    "ſ",
    "😀\u{200d}😀",
    "\u{300}",
    "\u{345}",
    "_",
];

#[test]
fn an_address_that_is_read_is_read_again_as_itself() {
    let mut dice = Dice::new(19);
    let mut read = 0;
    for _ in 0..50_000 {
        let text = dice.text(PIECES, 10);
        if let Ok(jid) = Jid::parse(&text) {
            read += 1;
            assert_eq!(Jid::parse(jid.as_str()).as_ref(), Ok(&jid), "{text:?}");
            let parts = Jid::from_parts(jid.localpart(), jid.domainpart(), jid.resourcepart());
            assert_eq!(parts.as_ref(), Ok(&jid), "{text:?}");
            assert_eq!(jid.bare().as_str(), jid.bare_str());
            assert!(jid.as_str().len() <= 3071);
        }
        if let Some(nick) = prep::clean_resourcepart(&text) {
            assert_eq!(prep::resourcepart(&nick).as_deref(), Ok(nick.as_str()), "{text:?}");
        }
        assert_eq!(prep::unescape(&prep::escape(&text)), text.trim_matches(' '));
    }
    assert!(read > 2_000, "only {read} were addresses");
}
