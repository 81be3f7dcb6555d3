//! RFC 6121 §8.5: to one of an account's sessions, to those that take bare JIDs, or to the account itself.

use std::sync::Arc;

use rialto_store::Ticket;
use rialto_xmpp::{BareJid, Condition, Jid, MessageKind, Presence, PresenceKind, Stanza};

use super::{Delivery, Router, Undelivered, undelivered};
use crate::features::{Left, Origin, Phase, Turn, Verdict};
use crate::sessions::{Account, Frame, Session};

impl Router {
    /// A stanza for an account or one of its sessions.
    pub(super) async fn to_account(
        &self,
        origin: Origin<'_>,
        jid: &BareJid,
        stanza: Stanza,
    ) -> (Ticket, Delivery) {
        // Nobody who is not in memory is connected: presence would reach no one (§8.5.2.2.2).
        if is_mere_presence(&stanza) && self.accounts.get(jid.as_str()).is_none() {
            return (Ticket::NONE, Ok(()));
        }
        let account = match self.account(jid).await {
            Ok(Some(account)) => account,
            Ok(None) => return self.no_such_account(stanza).await,
            Err(_) => return (Ticket::NONE, undelivered(stanza, Condition::InternalServerError)),
        };
        let asks = matches!(stanza, Stanza::Iq(_)) && stanza.to().is_none_or(Jid::is_bare);
        if asks && is_own(origin, &account) {
            return self.ask(origin, Some(&account), stanza).await;
        }
        let takers = if asks { Vec::new() } else { takers(&account, &stanza) };
        let mut left = Left::default();
        let passed = self.pass(Phase::Inbound, (origin, &account, &takers), stanza, &mut left);
        let mut ticket = self.send_all(&mut left).await;
        let stanza = match passed {
            Ok(Some(stanza)) => stanza,
            Ok(None) => return (ticket, Ok(())),
            Err(failed) => return (ticket, Err(failed)),
        };
        if asks {
            let (asked, delivery) = self.ask(origin, Some(&account), stanza).await;
            return (ticket.max(asked), delivery);
        }
        if !takers.is_empty() {
            let frame = Frame::stanza(&stanza);
            if takers.iter().filter(|session| session.send(frame.clone()).is_ok()).count() > 0 {
                return (ticket, Ok(()));
            }
        }
        let mut left = Left::default();
        let passed = self.pass(Phase::Undelivered, (origin, &account, &takers), stanza, &mut left);
        ticket = ticket.max(self.send_all(&mut left).await);
        match passed {
            Ok(Some(stanza)) => (ticket, nobody_took(stanza)),
            Ok(None) => (ticket, Ok(())),
            Err(failed) => (ticket, Err(failed)),
        }
    }

    /// §8.5.1: no such account. Who asks for its presence is told that he has no subscription (§4.3.2), other presence
    /// is lost in silence, the rest comes back.
    async fn no_such_account(&self, stanza: Stanza) -> (Ticket, Delivery) {
        let Stanza::Presence(presence) = &stanza else {
            return (Ticket::NONE, undelivered(stanza, Condition::ServiceUnavailable));
        };
        let (PresenceKind::Subscribe | PresenceKind::Probe, Some(from), Some(to)) =
            (presence.kind, &presence.head.from, &presence.head.to)
        else {
            return (Ticket::NONE, Ok(()));
        };
        let answer = Presence::new(PresenceKind::Unsubscribed, &to.bare(), &from.bare());
        (Box::pin(self.route(Origin::Server, answer.into())).await, Ok(()))
    }

    /// One phase of the features: the stanza as they left it, `None` if they are done with it, or their refusal.
    pub(super) fn pass(
        &self,
        phase: Phase,
        (origin, account, takers): (Origin<'_>, &Arc<Account>, &[Arc<Session>]),
        mut stanza: Stanza,
        left: &mut Left,
    ) -> Result<Option<Stanza>, Box<Undelivered>> {
        let session = None;
        let mut turn = Turn { origin, account, session, takers, stanza: &mut stanza, left };
        match self.features.pass(phase, &mut turn) {
            Verdict::Next => Ok(Some(stanza)),
            Verdict::Done => Ok(None),
            Verdict::Refuse(error) => Err(Box::new(Undelivered { stanza, error: *error })),
        }
    }
}

/// Whether the account's own client asks: nobody stands between them.
fn is_own(origin: Origin<'_>, account: &Arc<Account>) -> bool {
    matches!(origin, Origin::Session(_, own) if Arc::ptr_eq(own, account))
}

/// Presence that matters only to who is connected. Subscriptions and probes concern the account itself.
fn is_mere_presence(stanza: &Stanza) -> bool {
    let Stanza::Presence(presence) = stanza else { return false };
    matches!(presence.kind, PresenceKind::Available | PresenceKind::Unavailable | PresenceKind::Error)
}

/// §8.5.2, §8.5.3: which sessions get it.
fn takers(account: &Account, stanza: &Stanza) -> Vec<Arc<Session>> {
    let resource = stanza.to().and_then(Jid::resourcepart);
    if let Some(session) = resource.and_then(|resource| account.session(resource)) {
        return vec![session];
    }
    let falls_back = match stanza {
        // §8.5.3.2.1: a chat message to a session that is gone is for the account.
        Stanza::Message(message) => match message.kind {
            MessageKind::Normal | MessageKind::Chat => true,
            MessageKind::Headline => resource.is_none(),
            MessageKind::Groupchat | MessageKind::Error => false,
        },
        Stanza::Presence(_) => resource.is_none(),
        Stanza::Iq(_) => false,
    };
    if !falls_back {
        return Vec::new();
    }
    let sessions = account.sessions();
    let takes = |session: &&Arc<Session>| match stanza {
        Stanza::Presence(_) => session.is_available(),
        _ => session.takes_bare(),
    };
    sessions.iter().filter(takes).cloned().collect()
}

/// §8.5.2.2, §8.5.3.2: what happens when no session was there to take it and no feature kept it.
fn nobody_took(stanza: Stanza) -> Delivery {
    match &stanza {
        Stanza::Presence(_) => Ok(()),
        Stanza::Message(message) if matches!(message.kind, MessageKind::Headline | MessageKind::Error) => {
            Ok(())
        }
        _ => undelivered(stanza, Condition::ServiceUnavailable),
    }
}
