//! XEP-0124 §6, XEP-0206: the `<body/>` around what goes either way.

use bytes::{Bytes, BytesMut};
use rialto_xmpp::limits::Limits;
use rialto_xmpp::parse::{self, StreamScope};
use rialto_xmpp::write::escape_attr;
use rialto_xmpp::{Element, StreamCondition, StreamError, ns};

/// What a client asks.
#[derive(Debug, Default)]
pub struct Asked {
    /// Number of the request.
    pub rid: u64,
    /// The session; a new one without.
    pub sid: Option<String>,
    /// The domain, where the stream begins.
    pub to: Option<String>,
    /// The account, where the client says so before it has logged in.
    pub from: Option<String>,
    /// `xml:lang`
    pub lang: Option<String>,
    /// The version of XEP-0124 that the client knows: major and minor.
    pub ver: Option<(u32, u32)>,
    /// The longest time until an answer, in seconds.
    pub wait: Option<u64>,
    /// Requests that may be held at the same time.
    pub hold: Option<usize>,
    /// How long the client will be away, in seconds.
    pub pause: Option<u64>,
    /// The session ends.
    pub terminates: bool,
    /// The stream begins anew.
    pub restarts: bool,
    /// The elements inside, as they would stand in a stream.
    pub payload: BytesMut,
}

/// Reads a request.
///
/// # Errors
/// It is no wrapper, or XML that nobody may send.
pub fn read(bytes: &Bytes, limit: usize) -> Result<Asked, StreamError> {
    let limits = Limits { bytes: limit, depth: Limits::CLIENT.depth + 1, ..Limits::CLIENT };
    let nothing = StreamScope { content: "", prefixes: Vec::new() };
    let body = parse::element(&without_declaration(bytes), &nothing, &limits)?;
    if !body.is("body", ns::HTTP_BIND) || body.text().chars().any(|c| !c.is_ascii_whitespace()) {
        return Err(StreamCondition::BadFormat.into());
    }
    let text = |name: &str| body.get(name).map(str::to_owned);
    let number = |name: &str| body.get(name).and_then(|value| value.parse().ok());
    // §14.1: at most 2⁵³, so that every language can count so far.
    let rid = number("rid").filter(|rid| (1..1 << 53).contains(rid)).ok_or(StreamCondition::BadFormat)?;
    let mut payload = BytesMut::new();
    for child in body.children() {
        let mut out = Vec::with_capacity(256);
        child.write(ns::CLIENT, &mut out);
        payload.extend_from_slice(&out);
    }
    Ok(Asked {
        rid,
        sid: text("sid"),
        to: text("to").filter(|to| !to.is_empty()),
        from: text("from"),
        lang: body.lang().map(str::to_owned),
        ver: body.get("ver").and_then(version),
        wait: number("wait"),
        hold: number("hold").and_then(|hold| usize::try_from(hold).ok()),
        pause: number("pause"),
        terminates: body.get("type") == Some("terminate"),
        restarts: matches!(of_xbosh(&body, "restart"), Some("true" | "1")),
        payload,
    })
}

/// XML 1.0 §2.8: a document may begin with a declaration.
fn without_declaration(bytes: &Bytes) -> Bytes {
    let start = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let end = bytes.len() - bytes.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    let bytes = bytes.slice(start.min(end)..end);
    let declared =
        bytes.starts_with(b"<?xml ").then(|| bytes.windows(2).take(128).position(|two| two == b"?>"));
    match declared.flatten() {
        Some(at) => without_declaration(&bytes.slice(at + 2..)),
        None => bytes,
    }
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn of_xbosh<'b>(body: &'b Element, name: &str) -> Option<&'b str> {
    let found = body
        .attrs()
        .iter()
        .find(|attr| attr.name == name && attr.ns.as_ref().is_some_and(|ns| **ns == *ns::XBOSH));
    found.map(|attr| attr.value.as_str())
}

/// An answer: attributes (values are escaped here), and elements that stand on their own.
pub fn body(attributes: &[(&str, &str)], inside: &[u8]) -> String {
    let mut out = format!("<body xmlns='{}'", ns::HTTP_BIND);
    if attributes.iter().any(|(name, _)| name.starts_with("xmpp:")) {
        out.push_str(&format!(" xmlns:xmpp='{}'", ns::XBOSH));
    }
    for (name, value) in attributes {
        out.push_str(&format!(" {name}='{}'", escape_attr(value)));
    }
    if inside.is_empty() {
        out.push_str("/>");
        return out;
    }
    out.push('>');
    out.push_str(&String::from_utf8_lossy(inside));
    out.push_str("</body>");
    out
}

/// §17.2: the session is over, and why.
pub fn terminate(condition: &str, inside: &str) -> String {
    body(&[("type", "terminate"), ("condition", condition)], inside.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(xml: &str) -> Result<Asked, StreamError> {
        read(&Bytes::copy_from_slice(xml.as_bytes()), 4096)
    }

    #[test]
    fn a_request_says_who_wants_what() {
        let asked = asked(
            "<?xml version='1.0'?>\n<body rid='7' sid='s' wait='60' hold='1' ver='1.11' xml:lang='de' xmpp:restart='true' \
             to='localhost' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'>\
             <message xmlns='jabber:client'><body>x</body></message><a xmlns='urn:xmpp:sm:3' h='1'/></body>",
        )
        .unwrap();
        assert_eq!(
            (asked.rid, asked.sid.as_deref(), asked.wait, asked.hold),
            (7, Some("s"), Some(60), Some(1))
        );
        assert_eq!((asked.ver, asked.lang.as_deref(), asked.restarts), (Some((1, 11)), Some("de"), true));
        assert_eq!(asked.payload, "<message><body>x</body></message><a xmlns='urn:xmpp:sm:3' h='1'/>");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let of = |inside: &str| format!("<body xmlns='http://jabber.org/protocol/httpbind' {inside}");
        for xml in [
            "",
            "hello",
            "<body rid='1'/>",
            &of("/>"),
            &of("rid='0'/>"),
            &of("rid='9007199254740992'/>"),
            &of("rid='-1'/>"),
            &of("rid='1'>text</body>"),
            &of("rid='1'><!-- x --></body>"),
            &of("rid='1'/><body/>"),
            &format!("<!DOCTYPE body>{}", of("rid='1'/>")),
            &of("rid='1'><a></body>"),
        ] {
            assert!(asked(xml).is_err(), "{xml}");
        }
    }
}
