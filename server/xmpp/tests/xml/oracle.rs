//! Another strict reader of XMPP's XML, `rxml`, as a judge: what it refuses we refuse, what both read is the same.

use rialto_xmpp::limits::Limits;
use rialto_xmpp::{Attr, Element, Ns};
use rxml::{Event, Parse, Parser};

use crate::dice::Dice;
use crate::trees;
use crate::wire::{self, CLOSE, HEADER};

const WORDS: &[&str] = &[
    "<",
    ">",
    "&",
    "'",
    "\"",
    "/",
    "/>",
    "</",
    "=",
    ":",
    "xmlns=''",
    " xmlns:p=''",
    " xmlns:p='urn:x'",
    " p:a='1'",
    "]]>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?",
    "?>",
    "&#1;",
    "&#x41;",
    "&#xD800;",
    "&#1114112;",
    "&lt;",
    "&foo;",
    "&;",
    "&#;",
    "&#x;",
    "&#+65;",
    "<a>",
    "</a>",
    "<a/>",
    "<p:a/>",
    " a='1'",
    "a=",
    " a='<'",
    "\0",
    "\u{1}",
    "\u{fffe}",
    "\n",
    "\t",
    "\u{b7}",
    "\u{37e}",
    "é",
    "xml",
    " xmlns:xml='x'",
    " xmlns:xmlns='x'",
    "stream:",
    "1",
    "-",
    ".",
    "\u{feff}",
];

/// All elements of a whole stream, or `None` if it is refused or not at its end.
fn judge(stream: &[u8]) -> Option<Vec<Element>> {
    let mut parser = Parser::new();
    let (mut rest, mut open, mut whole) = (stream, Vec::<Element>::new(), Vec::new());
    let mut inside = false;
    loop {
        let event = match parser.parse(&mut rest, true) {
            Ok(Some(event)) => event,
            Ok(None) => return Some(whole),
            Err(_) => return None,
        };
        match event {
            Event::XmlDeclaration(..) => {}
            Event::StartElement(..) if !inside => inside = true,
            Event::StartElement(_, (ns, name), attributes) => {
                let mut element = Element::new(name.as_str(), Ns::new(ns.as_str()));
                for ((ns, name), value) in attributes {
                    let ns = Some(ns.as_str()).filter(|ns| !ns.is_empty()).map(Ns::new);
                    element.push_attr(Attr { ns, name: name.as_str().into(), value: value.into() });
                }
                open.push(element);
            }
            Event::Text(_, text) => {
                if let Some(element) = open.last_mut() {
                    element.push_text(text);
                }
            }
            Event::EndElement(_) => {
                let Some(element) = open.pop() else { continue };
                match open.last_mut() {
                    Some(parent) => parent.push(element),
                    None => whole.push(element),
                }
            }
        }
    }
}

/// Attributes in one order everywhere.
fn sorted(mut element: Element) -> Element {
    let mut attributes = element.take_attrs();
    attributes.sort_by(|a, b| (a.ns.as_deref(), &a.name).cmp(&(b.ns.as_deref(), &b.name)));
    attributes.into_iter().for_each(|attribute| element.push_attr(attribute));
    for child in element.children_mut() {
        *child = sorted(child.clone());
    }
    element
}

#[test]
fn what_the_judge_refuses_is_refused_and_what_both_read_is_the_same() {
    let mut dice = Dice::new(7);
    let (mut read, mut refused, mut stricter) = (0, 0, 0);
    for round in 0..10_000 {
        let mut inside = trees::written(&trees::tree(&mut dice, 2));
        if round % 10 > 0 {
            dice.mutate(&mut inside, WORDS);
        }
        // XML 1.0 §2.11 makes a line feed of a carriage return in an attribute value; the judge refuses it there.
        inside.retain(|byte| *byte != b'\r');
        let stream = [HEADER.as_bytes(), &inside, CLOSE.as_bytes()].concat();
        let ours = wire::read(&stream, usize::MAX, Limits::CLIENT).ok().filter(|stream| stream.closed);
        let text = String::from_utf8_lossy(&inside);
        match (ours, judge(&stream)) {
            (Some(ours), Some(theirs)) => {
                read += 1;
                let sort = |elements: Vec<Element>| elements.into_iter().map(sorted).collect::<Vec<_>>();
                assert_eq!(sort(ours.elements), sort(theirs), "{text}");
            }
            (Some(_), None) => panic!("the judge refuses {text}"),
            // Text between stanzas, names that not every reader takes, limits.
            (None, Some(_)) => stricter += 1,
            (None, None) => refused += 1,
        }
    }
    // The mutations are worth something only if both answers are common.
    assert!(read > 1_500 && refused > 2_000, "{read} read, {refused} refused, {stricter} by us alone");
}
