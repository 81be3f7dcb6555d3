//! XML as the tests read it: a small strict reader of our own, so that server and tests share no parser.
//!
//! It reads what comes in a stream (a header, whole elements, the closing tag) and, in transcripts, patterns: there
//! `<!name/>` is an element that must not be there.

use std::fmt;

/// The namespace of `xml:lang`.
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace that the prefix `stream` has from the start.
pub const STREAM: &str = "http://etherx.jabber.org/streams";
/// The default namespace of a client's stream.
pub const CLIENT: &str = "jabber:client";

/// The name, in a pattern, of an element that may have any.
pub const ANY: &str = "…";

/// An element, its namespaces resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xml {
    /// Local name.
    pub name: String,
    /// Namespace.
    pub ns: String,
    /// Attributes without `xmlns`; one with a prefix is named `prefix:name`.
    pub attrs: Vec<(String, String)>,
    /// Children in their order.
    pub nodes: Vec<Node>,
    /// Written `<!name`: a pattern for what must not be there.
    pub absent: bool,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A child.
    Element(Xml),
    /// Character data, entities resolved.
    Text(String),
}

/// What comes in a stream, one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `<stream:stream …>`
    Header(Xml),
    /// A whole element.
    Element(Xml),
    /// `</stream:stream>`
    Close,
}

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// More must come first.
    Incomplete,
    /// It is no XML that a stream may carry.
    Wrong(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Incomplete => write!(f, "the XML breaks off"),
            Unreadable::Wrong(says) => write!(f, "{says}"),
        }
    }
}

impl Xml {
    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attrs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The children that are elements.
    pub fn children(&self) -> impl Iterator<Item = &Xml> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(xml) => Some(xml),
            Node::Text(_) => None,
        })
    }

    /// The first child of that name.
    pub fn child(&self, name: &str) -> Option<&Xml> {
        self.children().find(|child| child.name == name)
    }

    /// The character data, children left out.
    pub fn text(&self) -> String {
        let text = |node: &Node| match node {
            Node::Text(text) => Some(text.clone()),
            Node::Element(_) => None,
        };
        self.nodes.iter().filter_map(text).collect()
    }
}

/// Reads the next thing of a stream and says how many bytes it took, white space before it included.
///
/// # Errors
/// [`Unreadable::Incomplete`] where more bytes are needed.
pub fn next_event(text: &str) -> Result<(Event, usize), Unreadable> {
    let mut reader = Reader { text, at: 0, scope: vec![(String::new(), CLIENT.into())] };
    reader.scope.push(("stream".into(), STREAM.into()));
    reader.skip_blanks();
    if reader.rest().starts_with("<?xml") {
        reader.at += reader.rest().find("?>").ok_or(Unreadable::Incomplete)? + 2;
        reader.skip_blanks();
    }
    if reader.rest().starts_with("</") {
        let end = reader.rest().find('>').ok_or(Unreadable::Incomplete)?;
        let name = &reader.rest()[2..end];
        return match name.trim_end() {
            "stream:stream" => Ok((Event::Close, reader.at + end + 1)),
            other => wrong(format!("</{other}> closes nothing")),
        };
    }
    if reader.rest().starts_with("<stream:stream") {
        let (xml, _, _) = reader.tag()?;
        return Ok((Event::Header(xml), reader.at));
    }
    let xml = reader.element(0)?;
    Ok((Event::Element(xml), reader.at))
}

fn wrong<T>(says: impl Into<String>) -> Result<T, Unreadable> {
    Err(Unreadable::Wrong(says.into()))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Prefix and namespace, the innermost last.
    scope: Vec<(String, String)>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Result<char, Unreadable> {
        self.rest().chars().next().ok_or(Unreadable::Incomplete)
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn expect(&mut self, what: char) -> Result<(), Unreadable> {
        match self.peek()? {
            c if c == what => self.at += c.len_utf8(),
            c => return wrong(format!("{what} expected, {c} found at: {}", self.near())),
        }
        Ok(())
    }

    fn near(&self) -> String {
        self.rest().chars().take(40).collect()
    }

    fn element(&mut self, depth: usize) -> Result<Xml, Unreadable> {
        if depth > 100 {
            return wrong("more than 100 levels");
        }
        let outside = self.scope.len();
        let (mut xml, qualified, empty) = self.tag()?;
        if !empty {
            self.content(&mut xml, &qualified, depth)?;
        }
        self.scope.truncate(outside);
        Ok(xml)
    }

    fn content(&mut self, xml: &mut Xml, qualified: &str, depth: usize) -> Result<(), Unreadable> {
        loop {
            let rest = self.rest();
            if let Some(rest) = rest.strip_prefix("</") {
                let end = rest.find('>').ok_or(Unreadable::Incomplete)?;
                if rest[..end].trim_end() != qualified {
                    return wrong(format!("</{}> where </{qualified}> belongs", &rest[..end]));
                }
                self.at += 2 + end + 1;
                return Ok(());
            }
            if let Some(rest) = rest.strip_prefix("<![CDATA[") {
                let end = rest.find("]]>").ok_or(Unreadable::Incomplete)?;
                push_text(xml, rest[..end].to_owned());
                self.at += "<![CDATA[".len() + end + 3;
            } else if rest.starts_with('<') {
                if "<![CDATA[".starts_with(rest) {
                    return Err(Unreadable::Incomplete);
                }
                xml.nodes.push(Node::Element(self.element(depth + 1)?));
            } else {
                let end = rest.find('<').ok_or(Unreadable::Incomplete)?;
                push_text(xml, unescape(&rest[..end])?);
                self.at += end;
            }
        }
    }

    /// A start tag: the element, its name as written, and whether it is empty.
    fn tag(&mut self) -> Result<(Xml, String, bool), Unreadable> {
        self.expect('<')?;
        let absent = self.peek()? == '!';
        self.at += usize::from(absent);
        let qualified = self.name()?;
        let mut attrs: Vec<(String, String)> = Vec::new();
        let empty = loop {
            let before = self.at;
            self.skip_blanks();
            match self.peek()? {
                '>' => break false,
                '/' => break true,
                c if before == self.at => return wrong(format!("{c} in a tag at: {}", self.near())),
                _ => self.attribute(&mut attrs)?,
            }
        };
        if empty {
            self.expect('/')?;
        }
        self.expect('>')?;
        let (prefix, name) = qualified.split_once(':').unwrap_or(("", &qualified));
        let ns = self.namespace(prefix)?;
        for (name, _) in &attrs {
            if let Some((prefix, _)) = name.split_once(':') {
                self.namespace(prefix)?;
            }
        }
        let xml = Xml { name: name.to_owned(), ns, attrs, nodes: Vec::new(), absent };
        Ok((xml, qualified, empty))
    }

    fn attribute(&mut self, attrs: &mut Vec<(String, String)>) -> Result<(), Unreadable> {
        let name = self.name()?;
        self.skip_blanks();
        self.expect('=')?;
        self.skip_blanks();
        let quote = self.peek()?;
        if quote != '\'' && quote != '"' {
            return wrong(format!("the value of {name} has no quotes"));
        }
        self.at += 1;
        let end = self.rest().find(quote).ok_or(Unreadable::Incomplete)?;
        let value = &self.rest()[..end];
        if value.contains('<') {
            return wrong(format!("< in the value of {name}"));
        }
        let value = unescape(value)?;
        self.at += end + 1;
        match name.strip_prefix("xmlns") {
            Some("") => self.scope.push((String::new(), value)),
            Some(prefix) if prefix.starts_with(':') => self.scope.push((prefix[1..].to_owned(), value)),
            _ if attrs.iter().any(|(key, _)| *key == name) => return wrong(format!("{name} is there twice")),
            _ => attrs.push((name, value)),
        }
        Ok(())
    }

    fn name(&mut self) -> Result<String, Unreadable> {
        if self.rest().starts_with(ANY) {
            self.at += ANY.len();
            return Ok(ANY.to_owned());
        }
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || ":_-.".contains(c)))
            .ok_or(Unreadable::Incomplete)?;
        if end == 0 || rest.starts_with(|c: char| c.is_numeric() || c == '-' || c == '.') {
            return wrong(format!("no name at: {}", self.near()));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    fn namespace(&self, prefix: &str) -> Result<String, Unreadable> {
        if prefix == "xml" {
            return Ok(XML.to_owned());
        }
        let bound = self.scope.iter().rev().find(|(name, _)| name == prefix);
        bound
            .map(|(_, ns)| ns.clone())
            .ok_or_else(|| Unreadable::Wrong(format!("the prefix {prefix} is unbound")))
    }
}

fn push_text(xml: &mut Xml, text: String) {
    match xml.nodes.last_mut() {
        Some(Node::Text(before)) => before.push_str(&text),
        _ => xml.nodes.push(Node::Text(text)),
    }
}

fn unescape(text: &str) -> Result<String, Unreadable> {
    if let Some(bad) =
        text.chars().find(|c| c.is_control() && !"\t\r\n\u{7f}".contains(*c) && (*c as u32) < 0x20)
    {
        return wrong(format!("the control character {bad:?}"));
    }
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split('&');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let Some((entity, rest)) = piece.split_once(';') else { return wrong("an & that begins no entity") };
        out.push(match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "apos" => '\'',
            "quot" => '"',
            _ => numbered(entity).ok_or_else(|| Unreadable::Wrong(format!("the entity &{entity};")))?,
        });
        out.push_str(rest);
    }
    Ok(out)
}

fn numbered(entity: &str) -> Option<char> {
    let digits = entity.strip_prefix('#')?;
    let number = match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(text: &str) -> Xml {
        match next_event(text) {
            Ok((Event::Element(xml), used)) if used == text.len() => xml,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_stream_is_read_thing_by_thing() {
        let text = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='a'> <r xmlns='urn:x'/></stream:stream>";
        let (header, used) = next_event(text).unwrap();
        assert!(matches!(header, Event::Header(xml) if xml.get("id") == Some("a")));
        let (r, more) = next_event(&text[used..]).unwrap();
        assert!(matches!(r, Event::Element(xml) if xml.ns == "urn:x"));
        assert_eq!(next_event(&text[used + more..]), Ok((Event::Close, "</stream:stream>".len())));
    }

    #[test]
    fn namespaces_text_and_entities_are_resolved() {
        let xml = element(
            "<message xml:lang='en'><body>a &lt;&#x41;<![CDATA[<]]></body><x:y xmlns:x='urn:x'/></message>",
        );
        assert_eq!(xml.ns, CLIENT);
        assert_eq!(xml.get("xml:lang"), Some("en"));
        assert_eq!(xml.child("body").unwrap().text(), "a <A<");
        assert_eq!(xml.child("y").unwrap().ns, "urn:x");
    }

    #[test]
    fn what_breaks_off_is_incomplete_at_every_place() {
        let text = "<a b='c'><d>e&amp;</d><![CDATA[f]]></a>";
        for end in 0..text.len() {
            assert_eq!(next_event(&text[..end]), Err(Unreadable::Incomplete), "{}", &text[..end]);
        }
    }

    #[test]
    fn what_a_stream_may_not_carry_is_wrong() {
        for text in
            ["<a></b>", "<a b='1' b='2'/>", "<x:a/>", "<a x:b='1'/>", "<a>&nbsp;</a>", "<a b=c/>", "</a>"]
        {
            assert!(matches!(next_event(text), Err(Unreadable::Wrong(_))), "{text}");
        }
    }

    #[test]
    fn a_pattern_may_say_what_must_not_be_there() {
        let xml = element("<a><!b/><c/></a>");
        assert_eq!(xml.children().map(|child| child.absent).collect::<Vec<_>>(), [true, false]);
    }
}
