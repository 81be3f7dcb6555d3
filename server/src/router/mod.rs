//! Floor 5: where a stanza goes. The router owns no task and no queue: its caller does the work.

mod bonds;
mod deliver;
mod directory;
mod domains;
mod lifecycle;
mod service;

use std::sync::Arc;

use rialto_store::{Store, StoreError, Ticket};
use rialto_xmpp::{BareJid, Condition, Jid, PresenceKind, Stanza, StanzaError};

pub use bonds::CircleError;
pub use directory::Directory;
pub use domains::{Domain, Domains};
pub use service::{Delivery, Service, Undelivered, undelivered};

use crate::features::blocked;
use crate::features::{Also, Ask, Features, Left, Origin, Phase, Speaker, Turn, Verdict};
use crate::guards::Guards;
use crate::sessions::{Account, Accounts, Frame, Session};

/// The way of every stanza.
pub struct Router {
    /// Accounts in memory.
    pub accounts: Arc<Accounts>,
    /// The features, in their order.
    pub features: Features,
    /// What is served here.
    pub domains: Domains,
    /// Everything that is kept.
    pub store: Store,
    /// What protects people from strangers; rooms ask it.
    pub guards: Arc<Guards>,
    directory: Arc<dyn Directory>,
}

enum Place {
    Server,
    Account(BareJid),
    Service(Arc<dyn Service>),
    Nowhere,
}

impl Router {
    /// A router that serves no domain yet.
    pub fn new(
        accounts: Arc<Accounts>,
        features: Features,
        store: Store,
        directory: Arc<dyn Directory>,
    ) -> Router {
        let guards = Arc::default();
        Router { accounts, features, domains: Domains::default(), store, guards, directory }
    }

    /// With these guards in place of ones that keep nobody away.
    pub fn guarded_by(self, guards: Arc<Guards>) -> Router {
        Router { guards, ..self }
    }

    /// A stanza has come from a client. Its sender's features see it first. What it wrote to the store is behind the
    /// returned ticket: acknowledge the stanza only when that is settled.
    pub async fn accept(&self, session: &Arc<Session>, account: &Arc<Account>, mut stanza: Stanza) -> Ticket {
        stanza.head_mut().from = Some(session.jid.clone());
        let origin = Origin::Session(session, account);
        let (was_available, took) = (session.is_available(), session.takes_bare());
        let mut left = Left::default();
        let verdict = {
            let mut turn = Turn {
                origin,
                account,
                session: Some(session),
                takers: &[],
                stanza: &mut stanza,
                left: &mut left,
            };
            let verdict = self.features.pass(Phase::Outbound, &mut turn);
            if matches!(verdict, Verdict::Next) && !was_available && session.is_available() {
                self.features.pass(Phase::Available, &mut turn);
            }
            verdict
        };
        let mut ticket = self.send_all(&mut left).await;
        if !took && session.takes_bare() {
            self.hand_over(account, session).await;
        }
        ticket = ticket.max(match verdict {
            // RFC 6121 §4.2.2: a presence without `to` was for the server, and the features have seen it.
            Verdict::Next if stanza.to().is_none() && matches!(stanza, Stanza::Presence(_)) => Ticket::NONE,
            Verdict::Next => self.route_and_settle(session, origin, stanza).await,
            Verdict::Done => Ticket::NONE,
            // The answer of his own server, though it bears the name of whom he wrote to: no phase is asked about it.
            Verdict::Refuse(error) => {
                if let Some(reply) = returned(&Undelivered { stanza, error: *error }) {
                    let _ = session.send(Frame::stanza(&reply));
                }
                Ticket::NONE
            }
        });
        ticket
    }

    /// XEP-0198 §4: with stream management a stanza counts as handled when the room that it was for has kept it. Without,
    /// the room's reflection is the acknowledgement, and nobody waits here.
    async fn route_and_settle(&self, session: &Session, origin: Origin<'_>, stanza: Stanza) -> Ticket {
        let is_words = matches!(stanza, Stanza::Message(_));
        let to = stanza.to().filter(|_| is_words && session.outbox.is_managed()).cloned();
        let ticket = self.route(origin, stanza).await;
        if let Some(to) = to
            && let Some(Domain::Service(service)) = self.domains.get(to.domainpart())
        {
            service.settle(&to).await;
        }
        ticket
    }

    /// Sends what a feature says at times of its own, for ever.
    pub async fn speak(self: Arc<Router>, speaker: Arc<dyn Speaker>) {
        loop {
            let stanza = speaker.next().await;
            self.route(Origin::Server, stanza).await;
        }
    }

    /// Takes a stanza to its place, or its error back.
    pub async fn route(&self, origin: Origin<'_>, stanza: Stanza) -> Ticket {
        let (ticket, delivery) = match self.place(origin, stanza.to()) {
            Place::Server if is_told(&stanza) && self.features.addressed(&stanza) => (Ticket::NONE, Ok(())),
            Place::Server => self.ask(origin, None, stanza).await,
            Place::Account(jid) => self.to_account(origin, &jid, stanza).await,
            Place::Service(service) => (Ticket::NONE, service.deliver(stanza).await),
            Place::Nowhere => (Ticket::NONE, self.nowhere(stanza)),
        };
        match delivery {
            Ok(()) => ticket,
            Err(failed) => ticket.max(self.bounce(*failed).await),
        }
    }

    /// The account of this bare JID, from memory or loaded now; `None` if there is no such account.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn account(&self, jid: &BareJid) -> Result<Option<Arc<Account>>, StoreError> {
        if let Some(account) = self.accounts.get(jid.as_str()) {
            return Ok(Some(account));
        }
        if !self.directory.has(jid).await? {
            return Ok(None);
        }
        let account = Account::new(jid.clone());
        self.features.load(&account).await?;
        Ok(Some(self.accounts.insert(account)))
    }

    /// Puts a ready frame into the outbox of a local session; says whether there is one.
    pub fn deliver_frame(&self, to: &Jid, frame: Frame) -> bool {
        self.accounts.session(to).is_some_and(|session| session.send(frame).is_ok())
    }

    /// XEP-0191: whether the account of a session blocks this address. Ask only where the session is guarded.
    pub fn blocks(&self, session: &Session, from: &Jid) -> bool {
        let account = self.accounts.get(session.jid.bare_str());
        account.is_some_and(|account| blocked::blocks(&account, from))
    }

    /// Whether this is a domain of accounts here.
    pub fn is_local(&self, domain: &str) -> bool {
        matches!(self.domains.get(domain), Some(Domain::Accounts))
    }

    fn place(&self, origin: Origin<'_>, to: Option<&Jid>) -> Place {
        let to = match (to, origin) {
            (Some(to), _) => to,
            // RFC 6120 §10.3: without `to` it is for the sender's own account.
            (None, Origin::Session(session, _)) => return Place::Account(session.jid.bare()),
            (None, Origin::Server) => return Place::Nowhere,
        };
        match self.domains.get(to.domainpart()) {
            None => Place::Nowhere,
            Some(Domain::Service(service)) => Place::Service(service),
            Some(Domain::Accounts) if to.localpart().is_none() => Place::Server,
            Some(Domain::Accounts) => Place::Account(to.bare()),
        }
    }

    /// RFC 6120 §10.4: a domain that is not served here and cannot be reached.
    fn nowhere(&self, stanza: Stanza) -> Delivery {
        undelivered(stanza, Condition::RemoteServerNotFound)
    }

    async fn ask(
        &self,
        origin: Origin<'_>,
        account: Option<&Arc<Account>>,
        stanza: Stanza,
    ) -> (Ticket, Delivery) {
        let Stanza::Iq(iq) = &stanza else { return (Ticket::NONE, self.not_a_question(stanza)) };
        if !stanza.may_bounce() {
            return (self.reply_has_come(origin, account, stanza).await, Ok(()));
        }
        let catalogue = &self.features.catalogue;
        let mut ask = Ask { origin, account, iq, left: Left::default(), catalogue };
        let mut answer = self.features.answer(&mut ask).await;
        let mut left = ask.left;
        // House rule: an IQ result goes out only when what it tells of is durable.
        if answer.is_ok() && self.store.settled(left.ticket).await.is_err() {
            answer = Err(Condition::InternalServerError.into());
        }
        let ticket = self.send_all(&mut left).await;
        let after = std::mem::take(&mut left.after);
        let delivery = match answer {
            Ok(payload) => {
                let result = iq.result(payload).into();
                self.reply(origin, result).await;
                Ok(())
            }
            Err(error) => Err(Box::new(Undelivered { stanza, error })),
        };
        for also in after {
            self.send(also).await;
        }
        (ticket, delivery)
    }

    /// An answer to the server or to an account itself, for the feature that has asked.
    async fn reply_has_come(
        &self,
        origin: Origin<'_>,
        account: Option<&Arc<Account>>,
        mut stanza: Stanza,
    ) -> Ticket {
        let (session, own) = match origin {
            Origin::Session(session, own) => (Some(session), Some(own)),
            Origin::Server => (None, None),
        };
        let Some(account) = account.or(own) else { return Ticket::NONE };
        let mut left = Left::default();
        let mut turn = Turn { origin, account, session, takers: &[], stanza: &mut stanza, left: &mut left };
        self.features.pass(Phase::Replied, &mut turn);
        self.send_all(&mut left).await
    }

    /// RFC 6121 §8.1: messages and presence to the server itself are taken and say nothing.
    fn not_a_question(&self, stanza: Stanza) -> Delivery {
        match &stanza {
            Stanza::Presence(presence) if presence.kind == PresenceKind::Subscribe => {
                undelivered(stanza, Condition::ServiceUnavailable)
            }
            Stanza::Message(_) if stanza.may_bounce() => undelivered(stanza, Condition::ServiceUnavailable),
            _ => Ok(()),
        }
    }

    /// The answer to a session goes straight into its outbox.
    async fn reply(&self, origin: Origin<'_>, result: Stanza) {
        match origin {
            Origin::Session(session, _) => {
                let _ = session.send(Frame::stanza(&result));
            }
            Origin::Server => {
                Box::pin(self.route(Origin::Server, result)).await;
            }
        }
    }

    /// Sends what the features left, in order; returns their ticket and that of what was sent.
    pub async fn send_all(&self, left: &mut Left) -> Ticket {
        let mut ticket = left.ticket;
        for also in std::mem::take(&mut left.also) {
            ticket = ticket.max(self.send(also).await);
        }
        ticket
    }

    async fn send(&self, also: Also) -> Ticket {
        match also {
            Also::Route(stanza) => Box::pin(self.route(Origin::Server, stanza)).await,
            Also::Direct(session, stanza) => {
                let _ = session.send(Frame::stanza(&stanza));
                Ticket::NONE
            }
            Also::Frame(session, frame) => {
                let _ = session.send(frame);
                Ticket::NONE
            }
            Also::Later(work) => {
                let mut left = work().await;
                Box::pin(self.send_all(&mut left)).await
            }
            Also::Remove(jid) => {
                if let Err(error) = Box::pin(self.remove_account(&jid)).await {
                    tracing::error!(%jid, %error, "an account could not be removed");
                }
                Ticket::NONE
            }
        }
    }

    /// A service could not do what was asked of it: whoever did is told.
    pub async fn give_back(&self, failed: Undelivered) {
        self.bounce(failed).await;
    }

    /// RFC 6120 §8.3.1: an error is never answered with an error.
    async fn bounce(&self, failed: Undelivered) -> Ticket {
        match returned(&failed) {
            Some(reply) => Box::pin(self.route(Origin::Server, reply)).await,
            None => Ticket::NONE,
        }
    }
}

/// Whether nothing is asked with it.
fn is_told(stanza: &Stanza) -> bool {
    match stanza {
        Stanza::Message(_) => true,
        Stanza::Iq(_) => !stanza.may_bounce(),
        Stanza::Presence(_) => false,
    }
}

/// The error that goes back, if one may.
fn returned(failed: &Undelivered) -> Option<Stanza> {
    let Undelivered { stanza, error } = failed;
    if !stanza.may_bounce() || stanza.sender().is_none() {
        return None;
    }
    let mut reply = stanza.error_reply(error);
    if reply.head().from.is_none() {
        // RFC 6120 §8.1.2.1: from the sender's own account, since it was asked without `to`.
        reply.head_mut().from = reply.to().map(|to| to.bare().into_jid());
    }
    Some(reply)
}

impl Undelivered {
    /// A stanza that came back, and why.
    pub fn new(stanza: Stanza, error: impl Into<StanzaError>) -> Undelivered {
        Undelivered { stanza, error: error.into() }
    }
}

#[cfg(test)]
mod tests;
