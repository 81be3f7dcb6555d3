//! XEP-0357: Push Notifications.
//!
//! A registration belongs to the device that enabled it. A message rings for a device that is not connected, or whose
//! session is asleep; the `Courier` says so to the push service, not too often, and hears what the service answers.

mod courier;
mod notice;
mod registration;
mod request;

use std::sync::Arc;

use rialto_store::{Batch, Store, StoreError, pushes};
use rialto_xmpp::parts::stanza_id;
use rialto_xmpp::{Condition, Element, Jid, Message, MessageKind, Stanza, StanzaError, ns};

use super::record::{Worth, worth};
use super::{About, Answer, Ask, Feature, Fut, IqSpec, Phase, Speaker, Spec, Target, Turn, Verdict};
use crate::config;
use crate::payloads::{self, Ring};
use crate::sessions::{Account, Accounts, Attention, Session};
use courier::{Courier, Rung};
use registration::Registered;
use request::{Disable, Enable};

static ABOUT: About = About {
    spec: Spec::Xep(357, "0.4.1"),
    disco: &[(Target::Account, ns::PUSH)],
    iq: &[IqSpec::account_set(ns::PUSH, "enable"), IqSpec::account_set(ns::PUSH, "disable")],
    at: &[Phase::Inbound, Phase::Undelivered, Phase::Missed, Phase::Replied],
};

/// Services and nodes of one account.
const MOST: usize = 16;

/// Tells the push services of a device that there is something for it.
pub struct Push {
    store: Store,
    courier: Arc<Courier>,
}

/// The feature. Stands behind whatever refuses messages, and before `offline`.
pub fn new(store: &Store, accounts: &Arc<Accounts>, settings: &config::Push) -> Push {
    Push { store: store.clone(), courier: Arc::new(Courier::new(store, accounts, settings.clone())) }
}

/// An extension of the session that enabled a push service: when it loses its connection, its device is woken.
pub struct Device;

impl Feature for Push {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn load<'a>(&'a self, account: &'a Account) -> Fut<'a, Result<(), StoreError>> {
        Box::pin(async {
            let kept = pushes::list(&self.store, account.jid.as_str())?;
            let read = |(service, node, push): (String, String, pushes::Push)| {
                self.courier.registration(&account.jid, &service, &node, &push)
            };
            Registered::set(account, kept.into_iter().filter_map(read).collect());
            Ok(())
        })
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            let account = ask.own()?.clone();
            let session = ask.session().ok_or(Condition::Forbidden)?;
            let payload = ask.payload()?;
            let mut batch = Batch::new();
            match payload.name() {
                "enable" => self.enable(&account, session, &Enable::read(payload)?, &mut batch)?,
                _ => self.disable(&account, session, &Disable::read(payload)?, &mut batch)?,
            }
            ask.left.wrote(self.store.enqueue(batch));
            Ok(None::<Element>)
        })
    }

    /// §7: somebody has said something to this account.
    fn inbound(&self, turn: &mut Turn<'_>) -> Verdict {
        if !turn.account.extensions.has::<Registered>() {
            return Verdict::Next;
        }
        let Stanza::Message(message) = &*turn.stanza else { return Verdict::Next };
        let Some(ring) = self.worth_ringing(turn.account, message) else { return Verdict::Next };
        // A device that has no session hears of what another took, if it will find it in the archive.
        let takes = |session: &Arc<Session>| session.outbox.ended().is_none();
        let taken = turn.takers.iter().any(takes) && worth(message) == Worth::Archive;
        let sessions = turn.account.sessions();
        for registration in Registered::of(turn.account).iter() {
            let rings = match registration.session(&sessions) {
                Some(session) if session.attention() == Attention::Asleep => {
                    registration.gauge.lock().told = true;
                    true
                }
                Some(_) => {
                    registration.is_here();
                    false
                }
                None => taken && message.kind != MessageKind::Groupchat,
            };
            if rings {
                self.courier.ring(registration, &rung(ring, message));
            }
        }
        Verdict::Next
    }

    /// §7: nobody took it. It is kept, or the session that had taken it has died: if the device was told of it then, that
    /// is enough.
    fn undelivered(&self, turn: &mut Turn<'_>) -> Verdict {
        if !turn.account.extensions.has::<Registered>() {
            return Verdict::Next;
        }
        let Stanza::Message(message) = &*turn.stanza else { return Verdict::Next };
        let Some(ring) = self.worth_ringing(turn.account, message) else { return Verdict::Next };
        if !matches!(worth(message), Worth::Archive | Worth::Delivery) {
            return Verdict::Next;
        }
        let returned = stanza_id::assigned(&message.payloads, turn.account.jid.as_str()).is_some();
        let sessions = turn.account.sessions();
        for registration in &Registered::of(turn.account) {
            // A device that is here without being available looks for itself when it becomes so.
            let session = registration.session(&sessions);
            let here = session.is_some_and(|session| session.attention() != Attention::Asleep);
            let told = || returned && registration.gauge.lock().told;
            if !(here || told()) {
                self.courier.ring(registration, &rung(ring, message));
            }
        }
        Verdict::Next
    }

    /// §7: a device is asleep, and a room has something for it; or it fell asleep and had not got something.
    fn missed(&self, turn: &mut Turn<'_>) -> Verdict {
        let (Stanza::Message(message), Some(session)) = (&*turn.stanza, turn.session) else {
            return Verdict::Next;
        };
        if let Some(ring) = self.worth_ringing(turn.account, message) {
            for registration in Registered::of(turn.account).iter().filter(|one| one.is_of(session)) {
                registration.gauge.lock().told = true;
                self.courier.ring(registration, &rung(ring, message));
            }
        }
        Verdict::Next
    }

    /// §7.1.
    fn replied(&self, turn: &mut Turn<'_>) -> Verdict {
        match &*turn.stanza {
            Stanza::Iq(answer) if self.courier.replied(&turn.account.jid, answer) => Verdict::Done,
            _ => Verdict::Next,
        }
    }

    fn speaker(&self) -> Option<Arc<dyn Speaker>> {
        Some(self.courier.clone())
    }
}

impl Push {
    /// §5.
    fn enable(
        &self,
        account: &Arc<Account>,
        session: &Arc<Session>,
        enable: &Enable,
        batch: &mut Batch,
    ) -> Result<(), StanzaError> {
        let mut all = Registered::of(account).to_vec();
        all.retain(|one| !one.is(&enable.service, Some(&enable.node)));
        if all.len() >= MOST {
            let text = format!("This account has {MOST} push services already: disable one first.");
            return Err(StanzaError::new(Condition::ResourceConstraint, text));
        }
        let push = pushes::Push {
            options: enable.options.as_ref().map(Element::to_xml),
            resource: session.jid.resourcepart().unwrap_or_default().to_owned(),
            at: now(),
        };
        let (service, node) = (enable.service.as_str(), enable.node.as_str());
        pushes::put(batch, account.jid.as_str(), service, node, &push)
            .map_err(|_| Condition::InternalServerError)?;
        let registration = self.courier.registration(&account.jid, service, node, &push);
        let registration = registration.ok_or(Condition::BadRequest)?;
        registration.belongs_to(session);
        session.extensions.put(Device);
        all.push(registration);
        Registered::set(account, all);
        Ok(())
    }

    /// §6: what was never enabled is disabled.
    fn disable(
        &self,
        account: &Arc<Account>,
        session: &Arc<Session>,
        disable: &Disable,
        batch: &mut Batch,
    ) -> Result<(), StanzaError> {
        let all = Registered::of(account);
        let (gone, left): (Vec<_>, Vec<_>) =
            all.iter().cloned().partition(|one| one.is(&disable.service, disable.node.as_deref()));
        for one in &gone {
            pushes::remove(batch, account.jid.as_str(), one.service.as_str(), &one.node);
            self.courier.forget(one);
        }
        if !left.iter().any(|one| one.is_of(session)) {
            session.extensions.remove::<Device>();
        }
        Registered::set(account, left);
        Ok(())
    }

    /// Why the devices of an account ring, if they do: not for what it says itself, on whatever device.
    fn worth_ringing(&self, account: &Account, message: &Message) -> Option<Ring> {
        let ring = payloads::ring(message)?;
        let own = message.head.from.as_ref().is_none_or(|from| from.bare_str() == account.jid.as_str());
        (!own).then_some(ring)
    }
}

fn rung(ring: Ring, message: &Message) -> Rung<'_> {
    let hidden = payloads::is_encrypted(message);
    Rung {
        call: ring == Ring::Call,
        sender: message.head.from.as_ref().map_or("", Jid::as_str),
        body: if hidden { None } else { message.body() },
    }
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
