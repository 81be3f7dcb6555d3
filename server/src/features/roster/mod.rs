//! RFC 6121 §2: Managing the Roster.

mod set;

use std::sync::Arc;

use rialto_store::StoreError;
use rialto_store::rosters::{Change, Delta};
use rialto_xmpp::{BareJid, Condition, Element, IqKind, StanzaError, ns};

use super::contacts::{Contacts, Interested, Keeper, Limits, is_shown, item_element, push};
use super::{About, Answer, Ask, Feature, Fut, IqSpec, Spec};
use crate::sessions::{Account, Frame, Session};

static ABOUT: About = About {
    spec: Spec::Rfc(6121, "2"),
    disco: &[],
    iq: &[IqSpec::account_get(ns::ROSTER, "query"), IqSpec::account_set(ns::ROSTER, "query")],
    at: &[],
};

/// Answers for rosters.
pub struct Roster {
    keeper: Arc<Keeper>,
    limits: Limits,
}

/// The feature; `keeper` is shared with those that change rosters too.
pub fn new(keeper: &Arc<Keeper>, limits: Limits) -> Roster {
    Roster { keeper: keeper.clone(), limits }
}

/// §2.6.1: what the stream features say of versions.
pub fn stream_feature() -> Element {
    Element::new("ver", ns::ROSTER_VERSIONING)
}

impl Feature for Roster {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn load<'a>(&'a self, account: &'a Account) -> Fut<'a, Result<(), StoreError>> {
        // Who makes contacts without being asked finds it there.
        account.extensions.put_shared(self.keeper.clone());
        Box::pin(self.keeper.load(account))
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            // §2.1.5, §2.3.3: nobody else's business.
            let account = ask.own()?.clone();
            let contacts = Contacts::of(&account).ok_or(Condition::InternalServerError)?;
            match ask.iq.kind {
                IqKind::Get => self.whole(ask, &account, &contacts).await,
                _ => self.set(ask, &account, &contacts),
            }
        })
    }
}

impl Roster {
    /// §2.1.3: the roster, or with versioning (§2.6) what has changed.
    async fn whole(
        &self,
        ask: &mut Ask<'_>,
        account: &Account,
        contacts: &Contacts,
    ) -> Result<Option<Element>, StanzaError> {
        let session = ask.session().ok_or(Condition::Forbidden)?.clone();
        // §2.1.6: who asked for the roster hears of its changes; from before it is read, so that none is missed.
        session.extensions.put(Interested);
        let list = contacts.list();
        if let Some(version) = ask.payload()?.get("ver").and_then(|ver| ver.parse::<u64>().ok()) {
            if version == list.version {
                return Ok(None);
            }
            let delta = self.keeper.since(&account.jid, contacts, version).await;
            match delta.map_err(|_| Condition::InternalServerError)? {
                Delta::Changes(changes) if changes.len() <= list.len() => {
                    let pushes = changes.into_iter().filter_map(|change| pushed(&session, change));
                    ask.left.after.extend(pushes);
                    return Ok(None);
                }
                _ => {}
            }
        }
        let list = contacts.list();
        let shown = list.iter().filter(|contact| is_shown(&contact.item));
        let items = shown.map(|contact| item_element(&contact.jid, &contact.item));
        let query = Element::new("query", ns::ROSTER).attr("ver", list.version.to_string());
        Ok(Some(query.with_all(items)))
    }
}

/// §2.6.3: one interim change, as it would have been pushed.
fn pushed(session: &Arc<Session>, (version, change): (u64, Change)) -> Option<super::Also> {
    let item = match change {
        Change::Set(item) if !is_shown(&item) => return None,
        Change::Set(item) => item_element(&BareJid::parse(&item.jid).ok()?, &item),
        Change::Removed(jid) => {
            Element::new("item", ns::ROSTER).attr("jid", jid).attr("subscription", "remove")
        }
    };
    let mut push = push(version, item);
    push.head_mut().to = Some(session.jid.clone());
    Some(super::Also::Frame(session.clone(), Frame::stanza(&push)))
}

#[cfg(test)]
mod tests;
