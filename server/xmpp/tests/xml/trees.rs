//! What is written is read again as it was, wherever the reads are cut.

use rialto_xmpp::limits::Limits;
use rialto_xmpp::{Attr, Element, Ns, ns, parse};

use crate::dice::Dice;
use crate::wire::{self, HEADER};

const NAMES: &[&str] = &["a", "message", "x-y", "_z.9", "é", "名", "body", "xmlnsy", "A"];
const SPACES: &[&str] =
    &["", ns::CLIENT, ns::SERVER, ns::STREAM, ns::ROSTER, "urn:x", "a'b\"&<>", " ", "é", "x\ty\r\n"];
const TEXT: &[&str] = &[
    "a",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "<",
    ">",
    "&",
    "'",
    "\"",
    "]]>",
    "]]",
    "&amp;",
    "&#1;",
    "<!--",
    "<![CDATA[",
    "</a>",
    "/>",
    "\u{7f}",
    "\u{85}",
    "é",
    "😀",
    "\u{fffd}",
    "\u{2028}",
    "\u{ef00}",
    "名",
];

pub fn tree(dice: &mut Dice, depth: usize) -> Element {
    let mut element = Element::new(dice.one(NAMES), Ns::new(dice.one(SPACES)));
    for name in NAMES.iter().take(dice.below(5)) {
        let value = dice.text(TEXT, 4);
        if dice.below(3) > 0 {
            element.set(*name, value.as_str());
        }
        if dice.below(4) == 0 {
            let ns = dice.one(&[ns::XML, ns::CLIENT, "urn:x", "a'b\"&<>"]);
            element.push_attr(Attr { ns: Some(Ns::new(ns)), name: (*name).into(), value: value.into() });
        }
    }
    for _ in 0..dice.below(4) {
        element.push_text(dice.text(TEXT, 6));
        if depth > 0 && dice.below(2) == 0 {
            element.push(tree(dice, depth - 1));
        }
    }
    element
}

pub fn written(tree: &Element) -> Vec<u8> {
    let mut out = Vec::new();
    tree.write(ns::CLIENT, &mut out);
    out
}

#[test]
fn a_tree_is_read_as_it_was_written_wherever_the_reads_are_cut() {
    for seed in 0..300 {
        let tree = tree(&mut Dice::new(seed), 4);
        let xml = written(&tree);
        let text = String::from_utf8_lossy(&xml);
        for size in (1..=xml.len()).step_by(1 + xml.len() / 50) {
            let stream = wire::read_inside(&xml, size, Limits::CLIENT)
                .unwrap_or_else(|error| panic!("{error}: {text}"));
            assert!(stream.closed, "{text}");
            assert_eq!(stream.elements, std::slice::from_ref(&tree), "{text}");
        }
    }
}

#[test]
fn a_tree_is_read_the_same_with_one_cut_anywhere() {
    for seed in 300..330 {
        let tree = tree(&mut Dice::new(seed), 3);
        let xml = [HEADER.as_bytes(), &written(&tree)].concat();
        for at in 1..xml.len() {
            let (before, after) = xml.split_at(at);
            let mut framer = rialto_xmpp::framer::Framer::new(Limits::CLIENT);
            let mut input = bytes::BytesMut::from(before);
            let mut pieces = Vec::new();
            for rest in [after, &[]] {
                while let Some(piece) = framer.next(&mut input).unwrap() {
                    pieces.push(piece);
                }
                input.extend_from_slice(rest);
            }
            assert!(
                input.is_empty() && pieces.len() == 2,
                "cut at {at} of {}",
                String::from_utf8_lossy(&xml)
            );
        }
    }
}

#[test]
fn a_tree_written_on_its_own_is_read_on_its_own() {
    for seed in 400..600 {
        let tree = tree(&mut Dice::new(seed), 4);
        let xml = tree.to_xml();
        assert_eq!(parse::standalone(&xml).as_ref(), Ok(&tree), "{xml}");
    }
}
