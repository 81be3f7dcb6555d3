//! RFC 6120 §7, RFC 6121 §4.5: a session comes, and goes; and what was left in its outbox then.

use std::sync::Arc;

use rialto_store::archive::Id;
use rialto_store::{StoreError, Ticket};
use rialto_xmpp::parts::stanza_id;
use rialto_xmpp::{
    BareJid, Condition, Element, Head, Jid, Message, MessageKind, Presence, PresenceKind, Stanza,
    StreamCondition, StreamError, ns,
};

use super::{Router, Undelivered};
use crate::features::{Left, Origin, Phase, Turn, Waiting, carbons, contacts};
use crate::sessions::{Account, End, Frame, Session, Synchronised};

impl Router {
    /// A session is gone for good: everybody who saw it is told, and it is forgotten. Done once, whoever calls.
    pub async fn unbind(&self, account: &Arc<Account>, session: &Arc<Session>) {
        if !account.remove(session) {
            return;
        }
        let head = Head { from: Some(session.jid.clone()), ..Head::default() };
        let presence = Presence { head, kind: PresenceKind::Unavailable, payloads: Vec::new() };
        let mut stanza = Stanza::Presence(presence);
        let mut left = Left::default();
        let origin = Origin::Session(session, account);
        let session = Some(session);
        let mut turn = Turn { origin, account, session, takers: &[], stanza: &mut stanza, left: &mut left };
        self.features.pass(Phase::Unbound, &mut turn);
        self.send_all(&mut left).await;
    }

    /// XEP-0077 §3.2 and the operator's `user remove`: the contacts are told, the sessions end, everything is removed.
    /// Says whether there was such an account.
    ///
    /// # Errors
    /// [`StoreError`]: it is still there.
    pub async fn remove_account(&self, jid: &BareJid) -> Result<bool, StoreError> {
        if let Some(account) = self.account(jid).await? {
            for session in account.sessions().iter() {
                // §3.2: the stream ends with `not-authorized`.
                let text = "This account has been removed.";
                session.outbox.end(End::Error(StreamError::new(StreamCondition::NotAuthorized, text)));
                self.unbind(&account, session).await;
            }
            let mut left = Left::default();
            contacts::farewell(&account, &mut left);
            self.send_all(&mut left).await;
        }
        let was_there = self.directory.remove(jid).await?;
        self.accounts.remove(jid.as_str());
        self.features.removed(jid);
        for service in self.domains.services() {
            service.forget(jid).await;
        }
        Ok(was_there)
    }

    /// XEP-0198 §5: what a session never acknowledged, after it is gone. Messages go to the account's other sessions
    /// or to whatever keeps undelivered ones; presence and IQ results are dropped; IQ requests come back.
    pub async fn return_unacked(&self, account: &Arc<Account>, stanzas: Vec<Stanza>) -> Ticket {
        let mut ticket = Ticket::NONE;
        for stanza in stanzas {
            ticket = ticket.max(match stanza {
                Stanza::Message(message) => self.return_message(account, message).await,
                Stanza::Presence(_) => Ticket::NONE,
                Stanza::Iq(_) => self.bounce(Undelivered::new(stanza, Condition::RecipientUnavailable)).await,
            });
        }
        ticket
    }

    /// XEP-0160 §2: a session began to take messages. What waited for that goes into its outbox, and only what is in
    /// there counts as delivered.
    pub(super) async fn hand_over(&self, account: &Arc<Account>, session: &Arc<Session>) {
        let synchronised = session.extensions.get::<Synchronised>();
        for feature in self.features.attending(Phase::Arrived) {
            loop {
                // Half of the room: the rest is for what happens now.
                let waiting = feature.arrived(account, session.outbox.room() / 2).await;
                let (count, mut sent) = (waiting.len(), false);
                let put = |waiting: Waiting| {
                    // XEP-0386 §3.2: its client has this from the archive.
                    let has =
                        synchronised.as_ref().is_some_and(|known| known.covers(waiting.id, waiting.shown));
                    sent |= !has;
                    (has || session.send(waiting.frame).is_ok()).then_some(waiting.id)
                };
                let taken: Vec<_> = waiting.into_iter().map_while(put).collect();
                feature.delivered(account, &taken).await;
                // What is not sent takes no room: all of it goes at once.
                if sent || taken.is_empty() || taken.len() < count {
                    break;
                }
            }
        }
    }

    /// XEP-0198 §5: a session's client has lost its connection, and did not get these. It may come back.
    pub async fn fell_asleep(&self, account: &Arc<Account>, session: &Arc<Session>, stanzas: Vec<Stanza>) {
        for mut stanza in stanzas {
            self.missed_by(account, session, &mut stanza).await;
        }
    }

    /// A room has put a message into the outbox of a session whose client is asleep.
    pub async fn missed(&self, session: &Arc<Session>, mut stanza: Stanza) {
        if let Some(account) = self.accounts.get(session.jid.bare_str()) {
            self.missed_by(&account, session, &mut stanza).await;
        }
    }

    async fn missed_by(&self, account: &Arc<Account>, session: &Arc<Session>, stanza: &mut Stanza) {
        let mut left = Left::default();
        let (origin, session) = (Origin::Server, Some(session));
        let mut turn = Turn { origin, account, session, takers: &[], stanza, left: &mut left };
        self.features.pass(Phase::Missed, &mut turn);
        self.send_all(&mut left).await;
    }

    async fn return_message(&self, account: &Arc<Account>, message: Message) -> Ticket {
        if !is_returned(account, &message) {
            return Ticket::NONE;
        }
        let sessions = account.sessions();
        let taking: Vec<_> = sessions.iter().filter(|session| session.takes_bare()).collect();
        let without: Vec<_> =
            taking.iter().filter(|session| !has_heard(account, session, &message)).collect();
        if !taking.is_empty() {
            let frame = Frame::stanza(&Stanza::Message(message));
            for session in without {
                let _ = session.send(frame.clone());
            }
            return Ticket::NONE;
        }
        let stanza = Stanza::Message(message);
        let mut left = Left::default();
        let passed = self.pass(Phase::Undelivered, (Origin::Server, account, &[]), stanza, &mut left);
        let ticket = self.send_all(&mut left).await;
        match passed {
            Ok(Some(stanza)) => {
                ticket.max(self.bounce(Undelivered::new(stanza, Condition::ServiceUnavailable)).await)
            }
            Ok(None) => ticket,
            Err(failed) => ticket.max(self.bounce(*failed).await),
        }
    }
}

/// Whether a message is anybody else's concern when a session dies with it. Copies (XEP-0280), results (XEP-0313) and
/// what a room said were for that session alone.
fn is_returned(account: &Account, message: &Message) -> bool {
    let own = message.head.from.as_ref().is_some_and(|from| from.as_str() == account.jid.as_str());
    let wraps = |payload: &Element| *payload.ns() == *ns::CARBONS || payload.is("result", ns::MAM);
    matches!(message.kind, MessageKind::Chat | MessageKind::Normal)
        && !(own && message.payloads.iter().any(wraps))
}

/// Whether a session got a message when it came: it took messages at the time, and the message was for all or was
/// copied to it.
fn has_heard(account: &Account, session: &Session, message: &Message) -> bool {
    let id = stanza_id::assigned(&message.payloads, account.jid.as_str());
    let Some(Ok(id)) = id.map(str::parse::<Id>) else { return false };
    let for_all = message.head.to.as_ref().is_some_and(Jid::is_bare);
    session.takes_since().is_some_and(|since| since <= id.at())
        && (for_all || session.extensions.has::<carbons::Enabled>())
}
