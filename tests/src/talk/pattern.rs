//! Whether what came is what the transcript wants: what is written must be there, more may be.

use std::collections::BTreeMap;

use crate::xml::{ANY, Event, Node, Xml};

/// What `{name}` stands for, once it has been met.
pub type Names = BTreeMap<String, String>;

/// Text that the value of an attribute has where the attribute must not be there.
const NONE: &str = "{none}";
/// Text in an element that may have no other child elements than those written.
const ONLY: &str = "{only}";

/// Whether an event is as the pattern says. Names met for the first time are added to `names`, but only on a match.
pub fn event(pattern: &Event, came: &Event, names: &mut Names) -> bool {
    match (pattern, came) {
        (Event::Close, Event::Close) => true,
        (Event::Header(pattern), Event::Header(came)) | (Event::Element(pattern), Event::Element(came)) => {
            element(pattern, came, names)
        }
        _ => false,
    }
}

/// The same for one element: name, namespace, attributes, text and children written must be there.
pub fn element(pattern: &Xml, came: &Xml, names: &mut Names) -> bool {
    let mut tried = names.clone();
    let named = pattern.name == ANY || (pattern.name == came.name && pattern.ns == came.ns);
    let fits = named && attributes(pattern, came, &mut tried) && inside(pattern, came, &mut tried);
    if fits {
        *names = tried;
    }
    fits
}

fn attributes(pattern: &Xml, came: &Xml, names: &mut Names) -> bool {
    pattern.attrs.iter().all(|(name, wanted)| match (wanted.as_str(), came.get(name)) {
        (NONE, value) => value.is_none(),
        (wanted, Some(value)) => text(wanted, value, names),
        (_, None) => false,
    })
}

fn inside(pattern: &Xml, came: &Xml, names: &mut Names) -> bool {
    let wanted: Vec<&Xml> = pattern.children().filter(|child| !child.absent).collect();
    let there: Vec<&Xml> = came.children().collect();
    let mut written = pattern.text();
    if written.contains(ONLY) {
        if there.len() != wanted.len() {
            return false;
        }
        written = written.replace(ONLY, "");
    }
    let has_children = pattern.nodes.iter().any(|node| matches!(node, Node::Element(_)));
    let has_text = !written.trim().is_empty() || (!has_children && !written.is_empty());
    if has_text {
        let (wanted, value) = (written, came.text());
        let fits = match has_children {
            true => text(wanted.trim(), value.trim(), names),
            false => text(&wanted, &value, names),
        };
        if !fits {
            return false;
        }
    }
    let unwanted = |absent: &Xml| there.iter().any(|child| element(absent, child, &mut names.clone()));
    if pattern.children().filter(|child| child.absent).any(unwanted) {
        return false;
    }
    each_its_own(&wanted, &there, &mut vec![false; there.len()], names)
}

/// Gives each wanted child one of those there, in any order; goes back where a choice leads nowhere.
fn each_its_own(wanted: &[&Xml], there: &[&Xml], taken: &mut Vec<bool>, names: &mut Names) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return true };
    for at in 0..there.len() {
        if taken[at] {
            continue;
        }
        let mut tried = names.clone();
        if element(first, there[at], &mut tried) {
            taken[at] = true;
            if each_its_own(rest, there, taken, &mut tried) {
                *names = tried;
                return true;
            }
            taken[at] = false;
        }
    }
    false
}

/// A piece of a written value.
enum Piece<'a> {
    Literal(String),
    Name(&'a str),
    Anything,
}

/// Whether a value is as written: `{name}` is what it was before or, met first, whatever is there; `…` is anything.
pub fn text(written: &str, value: &str, names: &mut Names) -> bool {
    let mut tried = names.clone();
    let fits = pieces_fit(&pieces(written), value, &mut tried);
    if fits {
        *names = tried;
    }
    fits
}

fn pieces_fit(pieces: &[Piece<'_>], value: &str, names: &mut Names) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return value.is_empty() };
    let known = match first {
        Piece::Literal(literal) => Some(literal.clone()),
        Piece::Name(name) => names.get(*name).cloned(),
        Piece::Anything => None,
    };
    if let Some(known) = known {
        return value.strip_prefix(known.as_str()).is_some_and(|value| pieces_fit(rest, value, names));
    }
    for (at, _) in value.char_indices().chain([(value.len(), ' ')]) {
        let mut tried = names.clone();
        if let Piece::Name(name) = first {
            tried.insert((*name).to_owned(), value[..at].to_owned());
        }
        // A name stands for something.
        let enough = at > 0 || matches!(first, Piece::Anything);
        if enough && pieces_fit(rest, &value[at..], &mut tried) {
            *names = tried;
            return true;
        }
    }
    false
}

fn pieces(written: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = written;
    while let Some(c) = rest.chars().next() {
        let (piece, used) = match c {
            '…' => (Some(Piece::Anything), c.len_utf8()),
            '{' => match placeholder(rest) {
                Some("…") => (Some(Piece::Anything), "{…}".len()),
                Some(name) => (Some(Piece::Name(name)), name.len() + 2),
                None => (None, 1),
            },
            _ => (None, c.len_utf8()),
        };
        match piece {
            Some(piece) => {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(piece);
            }
            None => literal.push(c),
        }
        rest = &rest[used..];
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    pieces
}

/// The name in `{name}` at the beginning of a text: lower-case letters, digits, `-` and `_`, or `…`.
fn placeholder(text: &str) -> Option<&str> {
    let name = text.strip_prefix('{')?.split('}').next()?;
    let closed = text[1 + name.len()..].starts_with('}');
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    (closed && !name.is_empty() && (name == "…" || name.chars().all(fine))).then_some(name)
}

/// Puts known names into what is to be sent.
///
/// # Errors
/// A name that has not been met.
pub fn fill(written: &str, names: &Names) -> Result<String, String> {
    let mut filled = String::new();
    for piece in pieces(written) {
        match piece {
            Piece::Literal(literal) => filled.push_str(&literal),
            Piece::Anything => filled.push('…'),
            Piece::Name(name) => match names.get(name) {
                Some(value) => filled.push_str(value),
                None => return Err(format!("{{{name}}} has not been met yet")),
            },
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::next_event;

    fn fits(pattern: &str, came: &str) -> bool {
        let (pattern, came) = (next_event(pattern).unwrap().0, next_event(came).unwrap().0);
        event(&pattern, &came, &mut Names::new())
    }

    #[test]
    fn what_is_written_must_be_there_and_more_may_be() {
        let came = "<message from='a@b/c' id='1'><body>hi</body><x xmlns='urn:x'><y z='1'/></x></message>";
        for pattern in [
            "<message/>",
            "<message from='a@b/c'><x xmlns='urn:x'/><body>hi</body></message>",
            "<message from='a@b/…'><body>{text}</body></message>",
            "<message><…/><… xmlns='urn:any'><…/></…></message>",
            "<message type='{none}'><!x/><!x xmlns='urn:x'><y z='2'/></x></message>",
            "<message>{only}<body/><x xmlns='urn:x'/></message>",
        ] {
            assert!(fits(&pattern.replace("<!x xmlns='urn:x'><y z='2'/></x>", ""), came), "{pattern}");
        }
        for pattern in [
            "<presence/>",
            "<message xmlns='jabber:server'/>",
            "<message from='a@b'/>",
            "<message type='…'/>",
            "<message id='{none}'/>",
            "<message><body>hi there</body></message>",
            "<message><body/><body/></message>",
            "<message><x/></message>",
            "<message><!body/></message>",
            "<message>{only}<body/></message>",
        ] {
            assert!(!fits(pattern, came), "{pattern}");
        }
    }

    #[test]
    fn a_name_means_the_same_everywhere() {
        assert!(fits("<a b='{x}' c='{x}-{y}'/>", "<a b='1' c='1-2'/>"));
        assert!(!fits("<a b='{x}' c='{x}'/>", "<a b='1' c='2'/>"));
        assert!(!fits("<a b='{x}'/>", "<a b=''/>"), "a name stands for something");
    }

    #[test]
    fn a_wrong_choice_among_children_is_taken_back() {
        let came = "<a><b i='1' j='1'/><b i='2' j='2'/></a>";
        assert!(fits("<a><b i='{x}'/><b i='…' j='2'/></a>", came));
        assert!(fits("<a><b i='{x}'/><b j='1'/></a>", came));
    }

    #[test]
    fn a_failed_match_leaves_no_names_behind() {
        let mut names = Names::new();
        let read = |text: &str| next_event(text).unwrap().0;
        assert!(!event(&read("<a b='{x}'><c/></a>"), &read("<a b='1'/>"), &mut names));
        assert!(names.is_empty());
        assert!(event(&read("<a b='{x}'/>"), &read("<a b='1'/>"), &mut names));
        assert_eq!(fill("<r h='{x}'/> { }", &names), Ok("<r h='1'/> { }".to_owned()));
        assert!(fill("{other}", &names).is_err());
    }
}
