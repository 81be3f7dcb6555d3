//! RFC 6120 §7, RFC 6121 §4.5: a session comes, and goes; and what was left in its outbox then.

use std::sync::Arc;

use rialto_store::{StoreError, Ticket};
use rialto_xmpp::{
    BareJid, Condition, Head, Message, Presence, PresenceKind, Stanza, StreamCondition, StreamError,
};

use super::{Router, Undelivered};
use crate::features::{Left, Origin, Phase, Turn};
use crate::sessions::{Account, End, Frame, Session};

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
        }
        let was_there = self.directory.remove(jid).await?;
        self.accounts.remove(jid.as_str());
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

    async fn return_message(&self, account: &Arc<Account>, message: Message) -> Ticket {
        let sessions = account.sessions();
        let stanza = Stanza::Message(message);
        let frame = Frame::stanza(&stanza);
        let took = sessions.iter().filter(|session| session.takes_bare());
        if took.filter(|session| session.send(frame.clone()).is_ok()).count() > 0 {
            return Ticket::NONE;
        }
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
