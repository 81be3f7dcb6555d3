//! XEP-0013: Flexible Offline Message Retrieval.
//!
//! What waits is the queue of XEP-0160, and what is removed from it stays in the archive if it is kept there. Service
//! discovery of the queue is in `record/queue.rs`, since `disco` answers it.

use std::sync::Arc;

use rialto_store::archive::{Entry, Id};
use rialto_xmpp::{Condition, Element, IqKind, StanzaError, ns};

use super::record::{Recorder, chooses, owner, retrieved};
use super::{About, Answer, Ask, Feature, IqSpec, Spec, Target};

static ABOUT: About = About {
    spec: Spec::Xep(13, "1.2"),
    disco: &[(Target::Server, ns::OFFLINE_RETRIEVAL), (Target::Account, ns::OFFLINE_RETRIEVAL)],
    iq: &[
        IqSpec::account_get(ns::OFFLINE_RETRIEVAL, "offline"),
        IqSpec::account_set(ns::OFFLINE_RETRIEVAL, "offline"),
    ],
    at: &[],
};

/// Messages that one request may name.
const MOST: usize = 1000;

/// Lets people read and remove what waits for them, message by message.
pub struct Retrieval {
    recorder: Arc<Recorder>,
}

/// The feature; `recorder` is that of `offline`.
pub fn new(recorder: &Arc<Recorder>) -> Retrieval {
    Retrieval { recorder: recorder.clone() }
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    All,
    These(Vec<Id>),
}

impl Feature for Retrieval {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            let (account, session) = owner(ask)?;
            let payload = ask.payload()?;
            // §2.6: to fetch is a get; slixmpp asks with a set, which can mean nothing else.
            if ask.iq.kind == IqKind::Set && !means_all(payload, "fetch") {
                let ticket = match wish(payload, "purge", "remove")? {
                    Wish::All => self.recorder.empty_queue(account).await?,
                    Wish::These(ids) => self.recorder.dequeue(account, &ids).await?,
                };
                ask.left.wrote(ticket);
                return Ok(None);
            }
            let wish = wish(payload, "fetch", "view")?;
            // §2.6: who fetches is not flooded later.
            chooses(session);
            // Half of the room: the rest is for what happens now.
            let room = session.outbox.room() / 2;
            let found = match wish {
                Wish::All => self.recorder.queue(account, room).await?,
                Wish::These(ids) => self.recorder.picked(account, &ids, room).await?,
            };
            let send = |entry: Entry| ask.left.frame(session, retrieved(account, &entry));
            found.ok_or_else(too_much)?.into_iter().for_each(send);
            Ok(None)
        })
    }
}

/// §2.4–§2.7: one word for everything, or items with one action.
fn wish(payload: &Element, everything: &str, action: &str) -> Result<Wish, StanzaError> {
    if means_all(payload, everything) {
        return Ok(Wish::All);
    }
    let children: Vec<&Element> = payload.children().collect();
    if children.len() > MOST {
        let text = format!("Name at most {MOST} messages at once.");
        return Err(StanzaError::new(Condition::PolicyViolation, text));
    }
    let is_meant =
        |item: &&Element| item.is("item", ns::OFFLINE_RETRIEVAL) && item.get("action") == Some(action);
    if children.is_empty() || !children.iter().all(is_meant) {
        let text = format!("Ask with <{everything}/>, or with items whose action is '{action}'.");
        return Err(StanzaError::new(Condition::BadRequest, text));
    }
    let mut ids = Vec::with_capacity(children.len());
    for item in children {
        let node = item.get("node").ok_or(Condition::BadRequest)?;
        // What is no id of ours is no message of ours.
        let id = node.parse().map_err(|_| Condition::ItemNotFound)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(Wish::These(ids))
}

/// The one word is there, and nothing else.
fn means_all(payload: &Element, word: &str) -> bool {
    let mut children = payload.children();
    children.next().is_some_and(|only| only.is(word, ns::OFFLINE_RETRIEVAL)) && children.next().is_none()
}

fn too_much() -> StanzaError {
    let text = "More waits than can be sent at once. Ask which messages there are, and view some at a time.";
    StanzaError::new(Condition::ResourceConstraint, text)
}

#[cfg(test)]
mod tests {
    use super::super::probe::{Probe, heard};
    use super::super::record::{Recorder, Settings};
    use super::super::{contacts, offline, presence, roster};
    use super::*;
    use crate::sessions::Session;

    fn probe() -> Probe {
        Probe::new(|store, accounts| {
            let recorder = Recorder::new(store, Settings { enabled: false, ..Settings::default() });
            let keeper = Arc::new(contacts::Keeper::new(store));
            vec![
                Box::new(roster::new(&keeper, contacts::Limits::default())),
                Box::new(presence::new(accounts)),
                Box::new(offline::new(&recorder)),
                Box::new(new(&recorder)),
            ]
        })
    }

    async fn say(probe: &Probe, words: &str) {
        let message = format!(
            "<message type='chat' from='romeo@localhost/o' to='juliet@localhost'><body>{words}</body></message>"
        );
        assert!(probe.comes(&message).await.taken);
    }

    async fn ask(probe: &Probe, session: &Arc<Session>, kind: &str, inside: &str) -> Option<Condition> {
        let ns = ns::OFFLINE_RETRIEVAL;
        let iq = format!("<iq type='{kind}' id='1'><offline xmlns='{ns}'>{inside}</offline></iq>");
        probe.asks(session, &iq).await.err().map(|error| error.condition)
    }

    #[tokio::test]
    async fn who_fetches_is_not_flooded_and_keeps_everything_until_it_is_purged() {
        let probe = probe();
        say(&probe, "one").await;
        say(&probe, "two").await;
        let juliet = probe.bound("juliet@localhost/balcony").await;
        for _ in 0..2 {
            assert_eq!(ask(&probe, &juliet, "get", "<fetch/>").await, None);
            let got = heard(&juliet);
            assert_eq!(got.len(), 2, "{got:?}");
            assert!(got[0].contains("<body>one</body>") && got[0].contains("<item node='"), "{got:?}");
        }
        probe.sends(&juliet, "<presence/>").await;
        let other = probe.available("juliet@localhost/chamber").await;
        assert!(!heard(&juliet).concat().contains("<message"));
        assert_eq!(heard(&other).len(), 0);
        assert_eq!(ask(&probe, &juliet, "set", "<purge/>").await, None);
        assert_eq!(ask(&probe, &juliet, "get", "<fetch/>").await, None);
        assert!(!heard(&juliet).concat().contains("<message"));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_as_a_whole() {
        let probe = probe();
        for _ in 0..20 {
            say(&probe, &"x".repeat(1000)).await;
        }
        let jid = rialto_xmpp::Jid::parse("juliet@localhost/small").unwrap();
        let small = Arc::new(Session::new(jid, 20_000));
        probe.account("juliet@localhost").await.add(small.clone());
        assert_eq!(ask(&probe, &small, "get", "<fetch/>").await, Some(Condition::ResourceConstraint));
        assert_eq!(heard(&small).len(), 0);
    }

    #[tokio::test]
    async fn requests_that_make_no_sense_do_nothing() {
        let probe = probe();
        say(&probe, "one").await;
        let juliet = probe.bound("juliet@localhost/balcony").await;
        let many = "<item action='view' node='1'/>".repeat(MOST + 1);
        for (kind, inside, condition) in [
            ("get", "", Condition::BadRequest),
            ("get", "<purge/>", Condition::BadRequest),
            ("set", "<fetch/><purge/>", Condition::BadRequest),
            ("get", "<fetch/><fetch/>", Condition::BadRequest),
            ("get", "<item action='remove' node='1'/>", Condition::BadRequest),
            ("get", "<item action='view'/>", Condition::BadRequest),
            ("get", "<item action='view' node='no such'/>", Condition::ItemNotFound),
            ("set", "<item action='remove' node='no such'/>", Condition::ItemNotFound),
            ("get", &many, Condition::PolicyViolation),
        ] {
            assert_eq!(ask(&probe, &juliet, kind, inside).await, Some(condition), "{kind} {inside:.40}");
        }
        // It has not chosen anything.
        probe.sends(&juliet, "<presence/>").await;
        assert!(heard(&juliet).concat().contains("<body>one</body>"));
    }
}
