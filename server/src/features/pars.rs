//! XEP-0379: Pre-Authenticated Roster Subscription.
//!
//! The server makes the tokens (XEP-0401) and so it answers for whoever made them: a request that carries one is
//! accepted at once, and answered with a request of its own. Whoever sends a token wants both, so the request of the
//! other side is approved before it comes (§3.4).

use std::sync::Arc;

use rialto_store::Batch;
use rialto_store::rosters::Subscription;
use rialto_xmpp::{PresenceKind, Stanza, ns};

use super::contacts::{Contacts, Edit, Keeper, Limits, sees, show, subscription};
use super::{About, Feature, Phase, Spec, Turn, Verdict};
use crate::invites::Invites;

static ABOUT: About =
    About { spec: Spec::Xep(379, "0.3.3"), disco: &[], iq: &[], at: &[Phase::Outbound, Phase::Inbound] };

/// Accepts requests that were invited.
pub struct Pars {
    keeper: Arc<Keeper>,
    limits: Limits,
    invites: Arc<Invites>,
}

/// The feature. Stands before `subscriptions`, which sees every request that was not invited.
pub fn new(keeper: &Arc<Keeper>, limits: Limits, invites: &Arc<Invites>) -> Pars {
    Pars { keeper: keeper.clone(), limits, invites: invites.clone() }
}

impl Feature for Pars {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// §3.4: the sender's side approves the request that will come back.
    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        let Some(token) = token(turn.stanza) else { return Verdict::Next };
        let Some(to) = turn.stanza.to().map(|to| to.bare()) else { return Verdict::Next };
        let account = turn.account;
        let known = Invites::looks_like_one(token);
        let Some(contacts) = Contacts::of(account).filter(|_| known && to != account.jid) else {
            return Verdict::Next;
        };
        let list = contacts.list();
        if list.len() >= self.limits.items && list.get(to.as_str()).is_none() {
            return Verdict::Next; // `subscriptions` says so
        }
        let changed = contacts.edit(&self.keeper, &account.jid, &to, |item| {
            let mut item = item.cloned().unwrap_or_default();
            item.approved = true;
            Edit::Put(item)
        });
        if let Ok(Some(changed)) = changed {
            changed.leave(account, turn.left);
        }
        Verdict::Next
    }

    /// §3.5: the inviter's side. A token that is no good is overlooked (§4.1).
    fn inbound(&self, turn: &mut Turn<'_>) -> Verdict {
        let Some(token) = token(turn.stanza).map(str::to_owned) else { return Verdict::Next };
        let Some(from) = turn.stanza.head().from.as_ref().map(|from| from.bare()) else {
            return Verdict::Next;
        };
        let account = turn.account;
        let Some(contacts) = Contacts::of(account).filter(|_| from != account.jid) else {
            return Verdict::Next;
        };
        if contacts.is_seen_by(from.as_str()) || !self.redeem(&token, turn, from.as_str()) {
            return Verdict::Next;
        }
        let mut asks = false;
        let changed = contacts.edit(&self.keeper, &account.jid, &from, |item| {
            let mut item = item.cloned().unwrap_or_default();
            let to = sees(item.subscription);
            item.subscription = if to { Subscription::Both } else { Subscription::From };
            (item.ask, asks) = (!to, !to);
            (item.pending_in, item.listed) = (None, true);
            Edit::Put(item)
        });
        // The use is spent; the person can still be asked.
        let Ok(changed) = changed else { return Verdict::Next };
        turn.left.route(subscription(PresenceKind::Subscribed, &account.jid, &from));
        if let Some(changed) = changed {
            changed.leave(account, turn.left);
        }
        show(account, &from, turn.left);
        if asks {
            turn.left.route(subscription(PresenceKind::Subscribe, &account.jid, &from));
        }
        Verdict::Done
    }
}

impl Pars {
    /// Uses the token up if it is one of this account's for contacts.
    fn redeem(&self, token: &str, turn: &mut Turn<'_>, from: &str) -> bool {
        let Ok(Some(found)) = self.invites.find(token, from) else { return false };
        let own = turn.account.jid.as_str();
        if !found.invite.contact || found.invite.inviter.as_deref() != Some(own) {
            return false;
        }
        let Ok(Some(using)) = self.invites.take(&found) else { return false };
        let mut batch = Batch::new();
        if using.write(&mut batch).is_err() {
            return false;
        }
        let ticket = self.keeper.enqueue(batch);
        using.sent(ticket);
        turn.left.wrote(ticket);
        true
    }
}

/// §3.4: the token of a request.
fn token(stanza: &Stanza) -> Option<&str> {
    let Stanza::Presence(presence) = stanza else { return None };
    if presence.kind != PresenceKind::Subscribe {
        return None;
    }
    presence.payload("preauth", ns::PARS)?.get("token")
}
