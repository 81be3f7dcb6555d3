//! XEP-0191: Blocking Command; with XEP-0377 in it.
//!
//! Nothing passes between a user and whom he blocks. Stands first of all features that attend a phase: who is blocked
//! leaves no trace in rosters, archives or counts.

mod edit;
mod report;
mod shown;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rialto_store::{Store, StoreError, blocked as kept};
use rialto_xmpp::write::escape_attr;
use rialto_xmpp::{
    BareJid, Condition, Element, Head, Iq, IqKind, Jid, Message, MessageKind, Stanza, StanzaError, ns,
};

use super::blocked::{Blocked, List, blocks};
use super::{About, Answer, Ask, Feature, Fut, IqSpec, Left, Phase, Spec, Target, Turn, Verdict};
use crate::sessions::{Account, Frame};
use edit::Edit;
use report::Reporting;

static ABOUT: About = About {
    spec: Spec::Xep(191, "1.3"),
    disco: &[
        (Target::Server, ns::BLOCKING),
        (Target::Server, ns::REPORTING),
        (Target::Server, ns::REPORTING_OLD),
    ],
    iq: &[
        IqSpec::account_get(ns::BLOCKING, "blocklist"),
        IqSpec::account_set(ns::BLOCKING, "block"),
        IqSpec::account_set(ns::BLOCKING, "unblock"),
    ],
    at: &[Phase::Outbound, Phase::Inbound],
};

/// Keeps people apart who want to be.
pub struct Blocking {
    store: Store,
    reporting: Reporting,
}

/// The feature; `admins` hear of reports.
pub fn new(store: &Store, admins: &[BareJid]) -> Blocking {
    Blocking { store: store.clone(), reporting: Reporting::new(store, admins) }
}

/// §3.2: the session has asked for the list; an extension of the session.
struct Interested;

impl Feature for Blocking {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn load<'a>(&'a self, account: &'a Account) -> Fut<'a, Result<(), StoreError>> {
        Box::pin(async {
            Blocked::load(account, kept::load(&self.store, account.jid.as_str())?);
            Ok(())
        })
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            let account = ask.own()?.clone();
            let payload = ask.payload()?;
            if ask.iq.kind == IqKind::Get {
                if let Some(session) = ask.session() {
                    session.extensions.put(Interested);
                }
                return Ok(Some(items("blocklist", Blocked::list(&account).iter())));
            }
            let edit = Edit::read(payload)?;
            let edited = self.change(&account, &edit)?;
            ask.left.wrote(edited.ticket);
            shown::follow(&account, &edited, &mut ask.left);
            push(&account, &edit, &mut ask.left);
            if let Edit::Block(_) = edit {
                self.reporting.take(&account, payload, &mut ask.left).await;
            }
            Ok(None)
        })
    }

    /// §3.3: the user cannot send to those he blocks.
    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        match turn.stanza.to() {
            Some(to) if blocks(turn.account, to) => {
                let text = "You block this address: unblock it first.";
                let error =
                    StanzaError::new(Condition::NotAcceptable, text).kind(rialto_xmpp::ErrorKind::Cancel);
                Verdict::Refuse(Box::new(error.with(Element::new("blocked", ns::BLOCKING_ERRORS))))
            }
            _ => Verdict::Next,
        }
    }

    /// §3.3: nor do they reach him. Presence is lost in silence, the rest meets nobody there.
    fn inbound(&self, turn: &mut Turn<'_>) -> Verdict {
        if let Stanza::Iq(iq) = &*turn.stanza
            && is_forged_push(iq)
        {
            return refuse();
        }
        if !turn.account.is_guarded() {
            return Verdict::Next;
        }
        let blocked = |from: &Jid| blocks(turn.account, from);
        match &*turn.stanza {
            stanza if !stanza.sender().is_some_and(blocked) => match stanza {
                Stanza::Message(message) if inviter(message).is_some_and(|from| blocked(&from)) => {
                    Verdict::Done
                }
                _ => Verdict::Next,
            },
            Stanza::Presence(_) => Verdict::Done,
            Stanza::Message(message) => match message.kind {
                MessageKind::Chat | MessageKind::Normal => refuse(),
                // Nobody waits for these; an error to a room would put its occupant out.
                _ => Verdict::Done,
            },
            Stanza::Iq(iq) => match iq.kind {
                IqKind::Get | IqKind::Set => refuse(),
                _ => Verdict::Done,
            },
        }
    }
}

impl Blocking {
    fn change(&self, account: &Account, edit: &Edit) -> Result<super::blocked::Edited, StanzaError> {
        let owner = account.jid.as_str();
        let write = |before: &List, after: &List| {
            let mut batch = rialto_store::Batch::new();
            after.difference(before).try_for_each(|jid| kept::put(&mut batch, owner, jid))?;
            before.difference(after).for_each(|jid| kept::remove(&mut batch, owner, jid));
            Ok(self.store.enqueue(batch))
        };
        Blocked::edit(account, |before| edit.apply(before), write).map_err(edit::Refused::into)
    }
}

/// The room's invitation names who invites (XEP-0045 §7.8.2): one who is blocked does not reach the user through a room.
fn inviter(message: &Message) -> Option<Jid> {
    let invite = message.payload("x", ns::MUC_USER)?.child("invite", ns::MUC_USER)?;
    invite.get("from").and_then(|from| Jid::parse(from).ok())
}

/// Pushes go straight into outboxes. What looks like one and comes the way of stanzas is none.
fn is_forged_push(iq: &Iq) -> bool {
    iq.kind == IqKind::Set && iq.payload().is_some_and(|payload| *payload.ns() == *ns::BLOCKING)
}

fn refuse() -> Verdict {
    Verdict::Refuse(Box::new(Condition::ServiceUnavailable.into()))
}

fn items<'a>(name: &str, jids: impl Iterator<Item = &'a String>) -> Element {
    Element::new(name, ns::BLOCKING)
        .with_all(jids.map(|jid| Element::new("item", ns::BLOCKING).attr("jid", jid)))
}

static PUSHES: AtomicU64 = AtomicU64::new(1);

/// §3.3, §3.4, §3.5: what was done, to each session that has asked for the list.
fn push(account: &Account, edit: &Edit, left: &mut Left) {
    let sessions = account.sessions();
    let mut interested = sessions.iter().filter(|session| session.extensions.has::<Interested>()).peekable();
    if interested.peek().is_none() {
        return;
    }
    let payload = match edit {
        Edit::Block(jids) => items("block", jids.iter()),
        Edit::Unblock(jids) => items("unblock", jids.iter()),
        Edit::UnblockAll => Element::new("unblock", ns::BLOCKING),
    };
    let id = format!("blocking-{}", PUSHES.fetch_add(1, Ordering::Relaxed));
    let head = Head { id: Some(id.into()), ..Head::default() };
    let push = Stanza::from(Iq { head, kind: IqKind::Set, payloads: vec![payload] });
    let broadcast = Arc::new(push.broadcast());
    for session in interested {
        let to = escape_attr(session.jid.as_str()).into();
        left.frame(session, Frame::addressed(&broadcast, &to, true));
    }
}

#[cfg(test)]
mod tests;
