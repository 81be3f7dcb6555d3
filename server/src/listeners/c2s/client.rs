//! RFC 6120 §8, §10: what a client says in its session, one element after another.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use rialto_store::Ticket;
use rialto_xmpp::limits::Limits;
use rialto_xmpp::parse::{self, StreamScope};
use rialto_xmpp::{Element, Iq, IqKind, Jid, Stanza, StanzaError, StreamCondition, StreamError, ns};

use super::C2s;
use super::management::Management;
use super::resume;
use super::talk;
use crate::sessions::{Account, Attention, Frame, Session};

/// The protocol side of a session that is connected.
pub struct Client {
    /// What all client streams share.
    pub c2s: Arc<C2s>,
    /// The session.
    pub session: Arc<Session>,
    /// Its account.
    pub account: Arc<Account>,
    /// Stream management, once it is on.
    pub management: Option<Management>,
    /// Number of this connection among the session's.
    pub writer: u32,
    scope: StreamScope,
    limits: Limits,
}

/// What an element leads to.
pub enum Heard {
    /// Nothing more to do.
    Done,
    /// Nothing else may be heard before this is done.
    Work(Work),
    /// The stream ends.
    Failed(StreamError),
}

/// Handling one stanza: what it gives is for [`Client::handled`].
pub type Work = Pin<Box<dyn Future<Output = Ticket> + Send>>;

impl Client {
    /// The client of a session that has just been bound or resumed.
    pub fn new(
        c2s: &Arc<C2s>,
        session: &Arc<Session>,
        account: &Arc<Account>,
        management: Option<Management>,
        writer: u32,
    ) -> Client {
        Client {
            c2s: c2s.clone(),
            session: session.clone(),
            account: account.clone(),
            management,
            writer,
            scope: StreamScope { content: ns::CLIENT, prefixes: Vec::new() },
            limits: Limits { bytes: c2s.settings().c2s.stanza_bytes, ..Limits::CLIENT },
        }
    }

    /// Elements are read in this scope from now on.
    pub fn set_scope(&mut self, scope: StreamScope) {
        self.scope = scope;
        // Only declared prefixes beside `stream` would need the list.
        self.scope.prefixes.shrink_to_fit();
    }

    /// One element.
    pub fn hear(&mut self, bytes: &Bytes) -> Heard {
        let element = match parse::element(bytes, &self.scope, &self.limits) {
            Ok(element) => element,
            Err(error) => return Heard::Failed(error),
        };
        if *element.ns() != *ns::CLIENT {
            return self.no_stanza(&element);
        }
        let claims = element.get("from").is_some();
        match Stanza::read(element) {
            // §8.1.2.1: a `from` that is no address is nobody's.
            Ok(stanza) if claims && stanza.sender().is_none() => {
                Heard::Failed(StreamCondition::InvalidFrom.into())
            }
            Ok(stanza) => self.stanza(stanza),
            Err(Some(error)) => self.refuse(bytes, &error),
            Err(None) => Heard::Failed(StreamCondition::UnsupportedStanzaType.into()),
        }
    }

    /// A stanza was handled, however it ended.
    pub fn handled(&mut self, ticket: Ticket) {
        if let Some(management) = &mut self.management {
            management.handled(ticket);
        }
    }

    fn stanza(&mut self, stanza: Stanza) -> Heard {
        if stanza.sender().is_some_and(|from| !self.may_be(from)) {
            return Heard::Failed(StreamCondition::InvalidFrom.into());
        }
        if let Stanza::Iq(iq) = &stanza
            && let Some(answer) = of_the_stream(iq)
        {
            self.say_stanza(&answer);
            self.handled(Ticket::NONE);
            return Heard::Done;
        }
        let (c2s, session, account) = (self.c2s.clone(), self.session.clone(), self.account.clone());
        Heard::Work(Box::pin(async move {
            if !c2s.router.store.has_room() {
                // What is written faster than the disk takes it waits in the client's own socket.
                c2s.router.store.room().await;
            }
            c2s.router.accept(&session, &account, stanza).await
        }))
    }

    /// §8.1.2.1: the client may name itself, with or without its resource, and nobody else.
    fn may_be(&self, from: &Jid) -> bool {
        *from == self.session.jid || (from.is_bare() && from.as_str() == self.session.jid.bare_str())
    }

    /// A stanza that cannot be read gets its error; the stream goes on.
    fn refuse(&mut self, bytes: &Bytes, error: &StanzaError) -> Heard {
        if let Ok(element) = parse::element(bytes, &self.scope, &self.limits)
            && element.get("type") != Some("error")
            && !(element.name() == "iq" && element.get("type") == Some("result"))
        {
            let reply = Element::new(element.name(), ns::CLIENT)
                .attr("type", "error")
                .attr_opt("id", element.get("id"))
                .attr("from", self.session.jid.bare_str())
                .attr("to", self.session.jid.as_str())
                .with(error.to_element());
            if let Ok(reply) = Stanza::read(reply.clone()) {
                self.say_stanza(&reply);
            } else {
                // An IQ without id (§8.2.3) has no id to answer with.
                self.say(&reply);
            }
        }
        self.handled(Ticket::NONE);
        Heard::Done
    }

    /// Elements of the stream itself.
    fn no_stanza(&mut self, element: &Element) -> Heard {
        let Client { management, session, .. } = self;
        match (element.ns().as_str(), element.name(), management) {
            (ns::SM, "r", Some(on)) => on.requested(&self.c2s.router.store),
            (ns::SM, "a", Some(on)) => {
                if let Err(error) = on.acknowledged(session, element) {
                    return Heard::Failed(error);
                }
            }
            (ns::SM, "enable", None) => self.enable(element),
            // XEP-0198 §3, §5: there is a session, and it is managed, already.
            (ns::SM, "enable" | "resume", _) => self.say(&resume::failed("unexpected-request", None)),
            (ns::CSI, "active", _) => session.set_attention(Attention::Full),
            (ns::CSI, "inactive", _) if self.c2s.settings().sessions.hold_when_inactive => {
                session.set_attention(Attention::Inactive);
            }
            (ns::CSI, "inactive", _) => {}
            // Among them an `<a/>` or `<r/>` without `<enable/>` (XEP-0198 §4).
            _ => return Heard::Failed(StreamCondition::UnsupportedStanzaType.into()),
        }
        Heard::Done
    }

    fn enable(&mut self, enable: &Element) {
        let (management, enabled) = Management::enable(&self.c2s, &self.session, &self.account, enable);
        let _ = self.session.outbox.manage(Frame::raw(talk::bytes_of(&enabled)));
        self.management = Some(management);
    }

    /// Puts an element that is no stanza into the outbox. A full outbox ends the session by itself.
    pub fn say(&self, element: &Element) {
        let _ = self.session.send(Frame::raw(talk::bytes_of(element)));
    }

    fn say_stanza(&self, stanza: &Stanza) {
        let _ = self.session.send(Frame::stanza(stanza));
    }
}

/// IQs that speak of the stream and not of the account: the session of RFC 3921 §3, which does nothing any more, and a
/// second resource (RFC 6120 §7.1 allows one).
fn of_the_stream(iq: &Iq) -> Option<Stanza> {
    let payload = iq.payload()?;
    if iq.kind != IqKind::Set {
        return None;
    }
    if payload.is("session", ns::SESSION) {
        return Some(iq.result(None).into());
    }
    let error = StanzaError::new(rialto_xmpp::Condition::NotAllowed, "This stream has its resource already.");
    payload.is("bind", ns::BIND).then(|| Stanza::from(iq.clone()).error_reply(&error))
}
