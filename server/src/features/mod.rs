//! Floor 4: one file, one specification. A feature never sends: it answers, or decides, and leaves on the turn
//! what else must go out. It names neither the router nor another feature.

mod about;
mod ask;
mod catalogue;
#[cfg(test)]
mod probe;
mod turn;

pub mod adhoc;
pub mod archive;
pub mod blocked;
pub mod blocking;
pub mod blocklists;
pub mod bookmarks;
pub mod caps;
pub mod carbons;
pub mod command;
pub mod contact;
pub mod contacts;
pub mod disco;
pub mod displayed;
pub mod extdisco;
pub mod invitations;
pub mod last;
pub mod list;
pub mod moved;
pub mod notices;
pub mod offline;
pub mod outage;
pub mod pars;
pub mod pep;
pub mod ping;
pub mod presence;
pub mod private;
pub mod pubsub;
pub mod push;
pub mod record;
pub mod register;
pub mod retraction;
pub mod retrieval;
pub mod roster;
pub mod server_node;
pub mod strangers;
pub mod subscriptions;
pub mod time;
pub mod vcard;
pub mod version;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rialto_store::StoreError;
use rialto_store::archive::Id;
use rialto_xmpp::{BareJid, Condition, Element, Stanza, StanzaError};
use tokio::sync::Notify;
use tokio::time::Instant;

pub use about::{About, IqSpec, Phase, Spec, Target};
pub use adhoc::AdHoc;
pub use ask::{Answer, Ask};
pub use catalogue::{Catalogue, Hosted};
pub use turn::{Also, Later, Left, Origin, Turn, Verdict, Waiting};

use crate::sessions::Account;

/// A boxed future: what an object-safe trait returns where it may have to wait.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One specification. What is not in [`About`] is never called.
pub trait Feature: Send + Sync + 'static {
    /// What it implements, offers and attends.
    fn about(&self) -> &'static About;

    /// Fills the account's extensions when it comes into memory, before anybody sees it.
    fn load<'a>(&'a self, _account: &'a Account) -> Fut<'a, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    /// XEP-0030 §3.1: identities beside the server's or an account's first: whose, category and type.
    fn identities(&self) -> &'static [(Target, &'static str, &'static str)] {
        &[]
    }

    /// XEP-0128: forms for the server's disco#info.
    fn forms(&self) -> Vec<Element> {
        Vec::new()
    }

    /// XEP-0050: commands it has for the server's users.
    fn commands(&self) -> Vec<Arc<dyn command::Command>> {
        Vec::new()
    }

    /// Answers an IQ that [`About::iq`] claims.
    fn answer<'a>(&'a self, _ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async { Err(Condition::FeatureNotImplemented.into()) })
    }

    /// A stanza that a session of this account sends, before it is routed.
    fn outbound(&self, _turn: &mut Turn<'_>) -> Verdict {
        Verdict::Next
    }

    /// A stanza that has come to this account, before it is delivered. `turn.takers` will get it.
    fn inbound(&self, _turn: &mut Turn<'_>) -> Verdict {
        Verdict::Next
    }

    /// A stanza to this account that no session took. [`Verdict::Done`]: it is taken care of.
    fn undelivered(&self, _turn: &mut Turn<'_>) -> Verdict {
        Verdict::Next
    }

    /// A session (`turn.session`) sent its first available presence (`turn.stanza`).
    fn available(&self, _turn: &mut Turn<'_>) -> Verdict {
        Verdict::Next
    }

    /// A session began to take messages: what was kept until somebody does, oldest first, at most `room` bytes of it.
    fn arrived<'a>(&'a self, _account: &'a Arc<Account>, _room: usize) -> Fut<'a, Vec<Waiting>> {
        Box::pin(async { Vec::new() })
    }

    /// These of what waited are in an outbox now.
    fn delivered<'a>(&'a self, _account: &'a Arc<Account>, _ids: &'a [Id]) -> Fut<'a, ()> {
        Box::pin(async {})
    }

    /// The result or the error of an IQ that this server sent from the account's bare JID has come back to it, or one
    /// that it sent from its domain to a session of the account. It may be an answer to nothing: who asks remembers
    /// whom, and under which id. [`Verdict::Done`]: it was the answer to this feature's question.
    fn replied(&self, _turn: &mut Turn<'_>) -> Verdict {
        Verdict::Next
    }

    /// A message, or the answer to an IQ, has come to a domain of the server itself, from whomever. Says whether it was
    /// for this feature.
    fn addressed(&self, _stanza: &Stanza) -> bool {
        false
    }

    /// The account with this bare JID is removed: whoever gets its name later is another person.
    fn removed(&self, _account: &BareJid) {}

    /// A message (`turn.stanza`) waits for a session (`turn.session`) whose client is asleep.
    fn missed(&self, _turn: &mut Turn<'_>) -> Verdict {
        Verdict::Next
    }

    /// What it says at times of its own.
    fn speaker(&self) -> Option<Arc<dyn Speaker>> {
        None
    }

    /// A session (`turn.session`) is gone; `turn.stanza` is an unavailable presence from it without `to`.
    fn unbound(&self, _turn: &mut Turn<'_>) -> Verdict {
        Verdict::Next
    }
}

/// What a feature says when no stanza has its turn: the server waits for it and takes it to its place.
pub trait Speaker: Send + Sync + 'static {
    /// The next stanza; its answer comes to [`Feature::replied`]. Cancellation loses nothing.
    fn next(&self) -> Fut<'_, Stanza>;
}

/// The first stanza that `look` has; it says as well when it must be asked again, if nothing has `changed` before.
pub async fn next_when(
    changed: &Notify,
    look: impl Fn(Instant) -> (Option<Stanza>, Option<Instant>),
) -> Stanza {
    loop {
        let notified = changed.notified();
        match look(Instant::now()) {
            (Some(stanza), _) => return stanza,
            (None, Some(at)) => drop(tokio::time::timeout_at(at, notified).await),
            (None, None) => notified.await,
        }
    }
}

/// All features, indexed by what they claim and attend.
pub struct Features {
    list: Vec<Box<dyn Feature>>,
    phases: [Vec<usize>; Phase::COUNT],
    iqs: HashMap<(&'static str, &'static str), Vec<(IqSpec, usize)>>,
    /// What service discovery tells of them.
    pub catalogue: Arc<Catalogue>,
}

impl Features {
    /// Indexes the list. Its order is the order of every phase.
    ///
    /// # Errors
    /// A sentence naming two features that claim the same IQ: a mistake in the list, found at start.
    pub fn new(list: Vec<Box<dyn Feature>>) -> Result<Features, String> {
        let mut phases: [Vec<usize>; Phase::COUNT] = Default::default();
        let mut iqs: HashMap<_, Vec<(IqSpec, usize)>> = HashMap::new();
        for (index, feature) in list.iter().enumerate() {
            for phase in feature.about().at {
                if let Some(attending) = phases.get_mut(*phase as usize) {
                    attending.push(index);
                }
            }
            for spec in feature.about().iq {
                let claims = iqs.entry((spec.ns, spec.name)).or_default();
                if claims.iter().any(|(other, _)| other == spec) {
                    return Err(format!("two features answer {spec:?}"));
                }
                claims.push((*spec, index));
            }
        }
        let catalogue = Arc::new(Catalogue::new(&list));
        Ok(Features { list, phases, iqs, catalogue })
    }

    /// Every feature loads its part of an account.
    ///
    /// # Errors
    /// [`StoreError`]: the account cannot be used now.
    pub async fn load(&self, account: &Account) -> Result<(), StoreError> {
        for feature in &self.list {
            feature.load(account).await?;
        }
        Ok(())
    }

    /// Those that say something at times of their own.
    pub fn speakers(&self) -> Vec<Arc<dyn Speaker>> {
        self.list.iter().filter_map(|feature| feature.speaker()).collect()
    }

    /// Those that attend a phase, in order.
    pub fn attending(&self, phase: Phase) -> impl Iterator<Item = &dyn Feature> {
        let attending = self.phases.get(phase as usize).map_or(&[][..], Vec::as_slice);
        attending.iter().filter_map(|index| self.list.get(*index).map(Box::as_ref))
    }

    /// Every feature forgets an account that was removed.
    pub fn removed(&self, account: &BareJid) {
        self.list.iter().for_each(|feature| feature.removed(account));
    }

    /// Whether one of them took what has come to the server itself.
    pub fn addressed(&self, stanza: &Stanza) -> bool {
        self.attending(Phase::Addressed).any(|feature| feature.addressed(stanza))
    }

    /// One phase: each attending feature in order, until one decides.
    pub fn pass(&self, phase: Phase, turn: &mut Turn<'_>) -> Verdict {
        for feature in self.attending(phase) {
            let verdict = match phase {
                Phase::Outbound => feature.outbound(turn),
                Phase::Inbound => feature.inbound(turn),
                Phase::Undelivered => feature.undelivered(turn),
                Phase::Available => feature.available(turn),
                Phase::Unbound => feature.unbound(turn),
                Phase::Replied => feature.replied(turn),
                Phase::Missed => feature.missed(turn),
                // Not of a stanza, or of no account.
                Phase::Arrived | Phase::Addressed => Verdict::Next,
            };
            if !matches!(verdict, Verdict::Next) {
                return verdict;
            }
        }
        Verdict::Next
    }

    /// Finds who answers an IQ and asks. Nobody: `service-unavailable` (RFC 6121 §8.5.1, RFC 6120 §8.4).
    ///
    /// # Errors
    /// The stanza error for the asker.
    pub async fn answer(&self, ask: &mut Ask<'_>) -> Result<Option<Element>, StanzaError> {
        let unavailable = || StanzaError::from(Condition::ServiceUnavailable);
        let payload = ask.iq.payload().ok_or_else(unavailable)?;
        let target = if ask.account.is_some() { Target::Account } else { Target::Server };
        let claims = self.iqs.get(&(payload.ns().as_str(), payload.name())).ok_or_else(unavailable)?;
        let claim = claims.iter().find(|(spec, _)| spec.target == target && spec.kind == ask.iq.kind);
        let feature = claim.and_then(|(_, index)| self.list.get(*index)).ok_or_else(unavailable)?;
        feature.answer(ask).await
    }
}
