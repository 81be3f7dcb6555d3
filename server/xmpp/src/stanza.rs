//! RFC 6120 §8: the three stanzas. Inside the house all are in `jabber:client`.

use bytes::Bytes;
use compact_str::CompactString;

use crate::element::{Attr, Element};
use crate::error::{Condition, StanzaError};
use crate::jid::Jid;
use crate::ns;
use crate::words::words;
use crate::write::{self, Broadcast};

/// One of the three stanzas.
#[derive(Clone, Debug, PartialEq)]
pub enum Stanza {
    /// RFC 6120 §8.2.1.
    Message(Message),
    /// RFC 6120 §8.2.2.
    Presence(Presence),
    /// RFC 6120 §8.2.3.
    Iq(Iq),
}

/// The attributes all three have (RFC 6120 §8.1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// §8.1.1.
    pub to: Option<Jid>,
    /// §8.1.2; stamped by the stream, never believed.
    pub from: Option<Jid>,
    /// §8.1.3.
    pub id: Option<CompactString>,
    /// §8.1.5.
    pub lang: Option<CompactString>,
    /// Whatever else the sender wrote there.
    pub extra: Vec<Attr>,
}

/// RFC 6121 §5.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Addresses and id.
    pub head: Head,
    /// `type`.
    pub kind: MessageKind,
    /// Child elements; text between them is dropped.
    pub payloads: Vec<Element>,
}

/// RFC 6121 §4.
#[derive(Clone, Debug, PartialEq)]
pub struct Presence {
    /// Addresses and id.
    pub head: Head,
    /// `type`.
    pub kind: PresenceKind,
    /// Child elements.
    pub payloads: Vec<Element>,
}

/// RFC 6120 §8.2.3.
#[derive(Clone, Debug, PartialEq)]
pub struct Iq {
    /// Addresses and id.
    pub head: Head,
    /// `type`.
    pub kind: IqKind,
    /// One for a request, at most one for a result, one and `<error/>` for an error.
    pub payloads: Vec<Element>,
}

words! {
    /// RFC 6121 §5.2.2.
    MessageKind { Normal = "normal", Chat = "chat", Groupchat = "groupchat", Headline = "headline", Error = "error", }
}

words! {
    /// RFC 6121 §4.7.1; `available` is written as no `type` at all.
    PresenceKind {
        Available = "available", Unavailable = "unavailable", Subscribe = "subscribe", Subscribed = "subscribed",
        Unsubscribe = "unsubscribe", Unsubscribed = "unsubscribed", Probe = "probe", Error = "error",
    }
}

words! {
    /// RFC 6120 §8.2.3.
    IqKind { Get = "get", Set = "set", Result = "result", Error = "error", }
}

impl Stanza {
    /// Reads a stanza from its element in `jabber:client`.
    ///
    /// # Errors
    /// The stanza error that its sender must get: `jid-malformed` for a bad `to`, `bad-request` for an unknown
    /// `type` of an IQ or presence, an IQ without id or with a wrong number of payloads (RFC 6120 §8.2.3).
    /// `None` inside: the element is no stanza at all (`unsupported-stanza-type`).
    pub fn read(mut element: Element) -> Result<Stanza, Option<StanzaError>> {
        if *element.ns() != *ns::CLIENT {
            return Err(None);
        }
        let (head, kind) = Head::read(element.take_attrs())?;
        let name = CompactString::from(element.name());
        let payloads = element.into_children().collect();
        let bad = || Some(StanzaError::from(Condition::BadRequest));
        Ok(match name.as_str() {
            // RFC 6121 §5.2.2: an unknown type is `normal`.
            "message" => {
                let kind = kind.as_deref().and_then(MessageKind::parse).unwrap_or(MessageKind::Normal);
                Stanza::Message(Message { head, kind, payloads })
            }
            "presence" => {
                let kind = match kind.as_deref() {
                    None => PresenceKind::Available,
                    Some("available") => return Err(bad()),
                    Some(word) => PresenceKind::parse(word).ok_or_else(bad)?,
                };
                Stanza::Presence(Presence { head, kind, payloads })
            }
            "iq" => {
                let kind = kind.as_deref().and_then(IqKind::parse).ok_or_else(bad)?;
                let iq = Iq { head, kind, payloads };
                if !iq.is_well_made() {
                    return Err(bad());
                }
                Stanza::Iq(iq)
            }
            _ => return Err(None),
        })
    }

    /// Addresses and id.
    pub fn head(&self) -> &Head {
        match self {
            Stanza::Message(message) => &message.head,
            Stanza::Presence(presence) => &presence.head,
            Stanza::Iq(iq) => &iq.head,
        }
    }

    /// Addresses and id, to be changed.
    pub fn head_mut(&mut self) -> &mut Head {
        match self {
            Stanza::Message(message) => &mut message.head,
            Stanza::Presence(presence) => &mut presence.head,
            Stanza::Iq(iq) => &mut iq.head,
        }
    }

    /// Child elements.
    pub fn payloads(&self) -> &[Element] {
        match self {
            Stanza::Message(message) => &message.payloads,
            Stanza::Presence(presence) => &presence.payloads,
            Stanza::Iq(iq) => &iq.payloads,
        }
    }

    /// Child elements, to be changed.
    pub fn payloads_mut(&mut self) -> &mut Vec<Element> {
        match self {
            Stanza::Message(message) => &mut message.payloads,
            Stanza::Presence(presence) => &mut presence.payloads,
            Stanza::Iq(iq) => &mut iq.payloads,
        }
    }

    /// First child of this name and namespace.
    pub fn payload(&self, name: &str, ns: &str) -> Option<&Element> {
        self.payloads().iter().find(|payload| payload.is(name, ns))
    }

    /// Recipient.
    pub fn to(&self) -> Option<&Jid> {
        self.head().to.as_ref()
    }

    /// Sender.
    pub fn sender(&self) -> Option<&Jid> {
        self.head().from.as_ref()
    }

    /// Local name of the element.
    pub fn name(&self) -> &'static str {
        match self {
            Stanza::Message(_) => "message",
            Stanza::Presence(_) => "presence",
            Stanza::Iq(_) => "iq",
        }
    }

    /// `type` as written; `None` where it is left out.
    pub fn kind_str(&self) -> Option<&'static str> {
        match self {
            Stanza::Message(message) => (message.kind != MessageKind::Normal).then(|| message.kind.as_str()),
            Stanza::Presence(presence) => {
                (presence.kind != PresenceKind::Available).then(|| presence.kind.as_str())
            }
            Stanza::Iq(iq) => Some(iq.kind.as_str()),
        }
    }

    /// Whether this is of type `error`.
    pub fn is_error(&self) -> bool {
        self.kind_str() == Some("error")
    }

    /// RFC 6120 §8.3.1: an error, or the result of an IQ, is never answered with an error.
    pub fn may_bounce(&self) -> bool {
        match self {
            Stanza::Iq(iq) => matches!(iq.kind, IqKind::Get | IqKind::Set),
            Stanza::Message(message) => message.kind != MessageKind::Error,
            Stanza::Presence(presence) => {
                !matches!(presence.kind, PresenceKind::Error | PresenceKind::Unavailable)
            }
        }
    }

    /// The same stanza on its way back, of type `error` (§8.3.1). An IQ keeps its payload, a message only small ones.
    pub fn error_reply(&self, error: &StanzaError) -> Stanza {
        let head = self.head().reply();
        let error = error.to_element();
        match self {
            Stanza::Message(message) => {
                let kept = message.payloads.iter().filter(|payload| payload.nodes().is_empty()).take(4);
                let payloads = kept.cloned().chain([error]).collect();
                Stanza::Message(Message { head, kind: MessageKind::Error, payloads })
            }
            Stanza::Presence(presence) => {
                let payloads = presence.payloads.iter().take(1).cloned().chain([error]).collect();
                Stanza::Presence(Presence { head, kind: PresenceKind::Error, payloads })
            }
            Stanza::Iq(iq) => {
                let payloads = iq.payloads.iter().take(1).cloned().chain([error]).collect();
                Stanza::Iq(Iq { head, kind: IqKind::Error, payloads })
            }
        }
    }

    /// As an element tree of its own (for wrapping in a forward).
    pub fn to_element(&self) -> Element {
        let mut element = Element::new(self.name(), ns::CLIENT);
        let head = self.head();
        for (name, value) in [("from", &head.from), ("to", &head.to)] {
            if let Some(jid) = value {
                element.set(name, jid.as_str());
            }
        }
        if let Some(id) = &head.id {
            element.set("id", id.clone());
        }
        if let Some(kind) = self.kind_str() {
            element.set("type", kind);
        }
        if let Some(lang) = &head.lang {
            element.push_attr(Attr { ns: Some(ns::XML.into()), name: "lang".into(), value: lang.clone() });
        }
        head.extra.iter().cloned().for_each(|attr| element.push_attr(attr));
        element.with_all(self.payloads().iter().cloned())
    }

    /// Serialised for a stream whose content namespace is `content` (usually [`ns::CLIENT`], undeclared).
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(384);
        self.write_head(None, self.to(), &mut out);
        self.write_tail(&mut out);
        out.into()
    }

    /// Serialised on its own, with `xmlns='jabber:client'` declared: what an archive keeps.
    pub fn to_stored(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(384);
        self.write_head(Some(ns::CLIENT), self.to(), &mut out);
        self.write_tail(&mut out);
        out
    }

    /// Serialised once, with a hole for `to`.
    pub fn broadcast(&self) -> Broadcast {
        let (mut head, mut tail) = (Vec::with_capacity(128), Vec::with_capacity(256));
        self.write_head(None, None, &mut head);
        self.write_tail(&mut tail);
        Broadcast { head: head.into(), tail: tail.into() }
    }

    fn write_head(&self, declared: Option<&str>, to: Option<&Jid>, out: &mut Vec<u8>) {
        let head = self.head();
        out.push(b'<');
        out.extend_from_slice(self.name().as_bytes());
        if let Some(ns) = declared {
            write::put_attr("xmlns", ns, out);
        }
        if let Some(from) = &head.from {
            write::put_attr("from", from.as_str(), out);
        }
        if let Some(to) = to {
            write::put_attr("to", to.as_str(), out);
        }
        if let Some(id) = &head.id {
            write::put_attr("id", id, out);
        }
        if let Some(kind) = self.kind_str() {
            write::put_attr("type", kind, out);
        }
        if let Some(lang) = &head.lang {
            write::put_attr("xml:lang", lang, out);
        }
        write::write_attrs(&head.extra, out);
    }

    fn write_tail(&self, out: &mut Vec<u8>) {
        if self.payloads().is_empty() {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        for payload in self.payloads() {
            payload.write(ns::CLIENT, out);
        }
        write::end(self.name(), out);
    }
}

impl Head {
    /// To and from.
    pub fn between(from: &Jid, to: &Jid) -> Head {
        Head { from: Some(from.clone()), to: Some(to.clone()), ..Head::default() }
    }

    /// The way back: `to` and `from` exchanged, same id.
    pub fn reply(&self) -> Head {
        Head { to: self.from.clone(), from: self.to.clone(), id: self.id.clone(), ..Head::default() }
    }

    fn read(attrs: Vec<Attr>) -> Result<(Head, Option<CompactString>), Option<StanzaError>> {
        let mut head = Head::default();
        let mut kind = None;
        for attr in attrs {
            match (&attr.ns, attr.name.as_str()) {
                (None, "to") => {
                    let to = Jid::parse(&attr.value).map_err(|_| Some(Condition::JidMalformed.into()))?;
                    head.to = Some(to);
                }
                // A `from` that is no address is as good as none: the stream stamps it.
                (None, "from") => head.from = Jid::parse(&attr.value).ok(),
                (None, "id") => head.id = Some(attr.value),
                (None, "type") => kind = Some(attr.value),
                (Some(ns), "lang") if *ns == *ns::XML => head.lang = Some(attr.value),
                _ => head.extra.push(attr),
            }
        }
        Ok((head, kind))
    }
}

impl Message {
    /// A message of this kind.
    pub fn new(kind: MessageKind, from: &Jid, to: &Jid) -> Message {
        Message { head: Head::between(from, to), kind, payloads: Vec::new() }
    }

    /// Builder: with a payload.
    pub fn with(mut self, payload: Element) -> Message {
        self.payloads.push(payload);
        self
    }

    /// First child of this name and namespace.
    pub fn payload(&self, name: &str, ns: &str) -> Option<&Element> {
        self.payloads.iter().find(|payload| payload.is(name, ns))
    }

    /// Text of the first `<body/>`.
    pub fn body(&self) -> Option<String> {
        self.payload("body", ns::CLIENT).map(Element::text)
    }
}

impl Presence {
    /// A presence of this kind.
    pub fn new(kind: PresenceKind, from: &Jid, to: &Jid) -> Presence {
        Presence { head: Head::between(from, to), kind, payloads: Vec::new() }
    }

    /// Builder: with a payload.
    pub fn with(mut self, payload: Element) -> Presence {
        self.payloads.push(payload);
        self
    }

    /// First child of this name and namespace.
    pub fn payload(&self, name: &str, ns: &str) -> Option<&Element> {
        self.payloads.iter().find(|payload| payload.is(name, ns))
    }

    /// RFC 6121 §4.7.2.3: -128 to 127, 0 if absent or no number.
    pub fn priority(&self) -> i8 {
        let priority = self.payload("priority", ns::CLIENT).map(Element::text);
        priority.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }
}

impl Iq {
    /// A request.
    pub fn request(kind: IqKind, id: impl Into<CompactString>, from: &Jid, to: &Jid, payload: Element) -> Iq {
        let head = Head { id: Some(id.into()), ..Head::between(from, to) };
        Iq { head, kind, payloads: vec![payload] }
    }

    /// The payload of a request.
    pub fn payload(&self) -> Option<&Element> {
        self.payloads.first()
    }

    /// The answer of type `result`.
    pub fn result(&self, payload: Option<Element>) -> Iq {
        Iq { head: self.head.reply(), kind: IqKind::Result, payloads: payload.into_iter().collect() }
    }

    /// RFC 6120 §8.2.3, rules 1, 3, 5.
    fn is_well_made(&self) -> bool {
        let enough = match self.kind {
            IqKind::Get | IqKind::Set => self.payloads.len() == 1,
            IqKind::Result => self.payloads.len() <= 1,
            IqKind::Error => true,
        };
        enough && self.head.id.as_ref().is_some_and(|id| !id.is_empty())
    }
}

impl From<Message> for Stanza {
    fn from(message: Message) -> Stanza {
        Stanza::Message(message)
    }
}

impl From<Presence> for Stanza {
    fn from(presence: Presence) -> Stanza {
        Stanza::Presence(presence)
    }
}

impl From<Iq> for Stanza {
    fn from(iq: Iq) -> Stanza {
        Stanza::Iq(iq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        let body = Element::new("body", ns::CLIENT).with_text("hi");
        Message::new(MessageKind::Chat, &Jid::parse("a@b/c").unwrap(), &Jid::parse("d@e").unwrap()).with(body)
    }

    #[test]
    fn a_broadcast_addressed_is_the_stanza_itself_but_for_the_order_of_attributes() {
        let stanza = Stanza::from(message());
        let whole = String::from_utf8(stanza.broadcast().addressed("d@e")).unwrap();
        assert_eq!(whole, "<message from='a@b/c' type='chat' to='d@e'><body>hi</body></message>");
    }

    #[test]
    fn an_iq_without_id_or_with_two_requests_is_a_bad_request() {
        let ping = Element::new("ping", ns::PING);
        let no_id = Element::new("iq", ns::CLIENT).attr("type", "get").with(ping.clone());
        let two =
            Element::new("iq", ns::CLIENT).attr("type", "get").attr("id", "1").with(ping.clone()).with(ping);
        for iq in [no_id, two] {
            assert_eq!(Stanza::read(iq), Err(Some(Condition::BadRequest.into())));
        }
    }

    #[test]
    fn an_error_is_never_answered() {
        let mut message = message();
        message.kind = MessageKind::Error;
        assert!(!Stanza::from(message).may_bounce());
    }
}
