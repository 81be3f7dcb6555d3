//! XEP-0012: Last Activity.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rialto_store::last::{self, Last as Record};
use rialto_store::{Batch, Store};
use rialto_xmpp::{Condition, Element, PresenceKind, Stanza, ns};

use super::{About, Answer, Ask, Feature, IqSpec, Phase, Spec, Target, Turn, Verdict};

static ABOUT: About = About {
    spec: Spec::Xep(12, "2.0"),
    disco: &[(Target::Server, ns::LAST), (Target::Account, ns::LAST)],
    iq: &[IqSpec::server_get(ns::LAST, "query"), IqSpec::account_get(ns::LAST, "query")],
    at: &[Phase::Outbound, Phase::Unbound],
};

/// Tells how long the server has been up, and when an account was last here.
pub struct Last {
    store: Store,
    started: Instant,
}

impl Last {
    /// The server's time counts from now.
    pub fn new(store: &Store) -> Last {
        Last { store: store.clone(), started: Instant::now() }
    }

    /// Notes the end of the account's last available session.
    fn note(&self, turn: &mut Turn<'_>) {
        let others = turn.account.sessions();
        let mut others = others.iter().filter(|other| turn.session.is_none_or(|own| own.jid != other.jid));
        if others.any(|other| other.is_available()) {
            return;
        }
        let status = turn.stanza.payload("status", ns::CLIENT).map(Element::text).unwrap_or_default();
        let mut batch = Batch::new();
        let login = turn.session.map_or(0, |session| session.since);
        if last::put(&mut batch, turn.account.jid.as_str(), &Record { at: now(), status, login }).is_ok() {
            turn.left.wrote(self.store.enqueue(batch));
        }
    }
}

impl Feature for Last {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            let answer = |seconds: u64, status: &str| {
                Element::new("query", ns::LAST).attr("seconds", seconds.to_string()).with_text(status)
            };
            // §5: the server tells its uptime.
            if ask.account.is_none() {
                return Ok(Some(answer(self.started.elapsed().as_secs(), "")));
            }
            // §4: only those who may see the presence.
            let account = ask.acquainted().map_err(|_| Condition::Forbidden)?;
            if account.sessions().iter().any(|session| session.is_available()) {
                return Ok(Some(answer(0, "")));
            }
            // Who saw somebody leave may ask before that is written.
            self.store.caught_up().await;
            let record =
                last::get(&self.store, account.jid.as_str()).map_err(|_| Condition::InternalServerError)?;
            let record = record.ok_or(Condition::ItemNotFound)?;
            Ok(Some(answer(now().saturating_sub(record.at), &record.status)))
        })
    }

    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        if let Stanza::Presence(presence) = &*turn.stanza
            && presence.kind == PresenceKind::Unavailable
            && presence.head.to.is_none()
        {
            self.note(turn);
        }
        Verdict::Next
    }

    /// A session that had said goodbye itself has been noted already.
    fn unbound(&self, turn: &mut Turn<'_>) -> Verdict {
        if turn.session.is_some_and(|session| session.is_available()) {
            self.note(turn);
        }
        Verdict::Next
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
