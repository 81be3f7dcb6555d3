//! XEP-0424: Message Retraction, in the archives of accounts: a tombstone stands for what its author took back.

use std::sync::Arc;
use std::time::SystemTime;

use rialto_store::archive::{Draft, Entry, Flags, Paging, Query};
use rialto_store::{Batch, Ticket};
use rialto_xmpp::parts::datetime;
use rialto_xmpp::{Element, Jid, Message, MessageKind, Stanza, ns, parse};

use super::record::Recorder;
use super::{About, Feature, Phase, Spec, Target, Turn, Verdict};
use crate::sessions::Account;

static ABOUT: About = About {
    spec: Spec::Xep(424, "0.4.2"),
    disco: &[
        (Target::Server, ns::RETRACT),
        (Target::Account, ns::RETRACT),
        (Target::Account, ns::RETRACT_TOMBSTONE),
    ],
    iq: &[],
    at: &[Phase::Outbound, Phase::Inbound],
};

/// Without archives nothing is kept that could be taken back.
static ABOUT_OFF: About = About { spec: Spec::Xep(424, "0.4.2"), disco: &[], iq: &[], at: &[] };

/// So many of the newest messages exchanged with somebody are looked at; older ones keep their words, and the retraction
/// stands behind them (§4: a tombstone may be).
const NEWEST: usize = 250;

/// Puts tombstones.
pub struct Retraction {
    recorder: Arc<Recorder>,
}

/// The feature. The retraction itself is the archive's to keep.
pub fn new(recorder: &Arc<Recorder>) -> Retraction {
    Retraction { recorder: recorder.clone() }
}

impl Feature for Retraction {
    fn about(&self) -> &'static About {
        if self.recorder.settings.enabled { &ABOUT } else { &ABOUT_OFF }
    }

    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        if let Some((message, id)) = retracts(turn.stanza)
            && let Some(to) = &message.head.to
        {
            let ticket = self.bury(turn.account, (to, Flags::SENT), message, id);
            turn.left.wrote(ticket);
        }
        Verdict::Next
    }

    fn inbound(&self, turn: &mut Turn<'_>) -> Verdict {
        if let Some((message, id)) = retracts(turn.stanza)
            && let Some(from) = &message.head.from
        {
            let ticket = self.bury(turn.account, (from, Flags::NONE), message, id);
            turn.left.wrote(ticket);
        }
        Verdict::Next
    }
}

impl Retraction {
    /// §5: only what came from the same bare JID, in the same direction; between occupants of a room, from the same
    /// occupant.
    fn bury(
        &self,
        account: &Account,
        (other, sent): (&Jid, Flags),
        retraction: &Message,
        id: &str,
    ) -> Ticket {
        let (archive, owner) = (&self.recorder.archive, account.jid.as_str());
        let with = Some(other.bare_str().to_owned());
        let query = Query { with, page: Paging::Last, max: NEWEST, ..Query::default() };
        let Ok(page) = archive.query_now(owner, &query) else { return Ticket::NONE };
        let found = page.entries.iter().rev().find_map(|entry| {
            let flags = entry.flags();
            let fits = flags & Flags::SENT == sent && !flags.contains(Flags::TOMBSTONE);
            fits.then(|| original(entry, retraction, id)).flatten().map(|message| (entry, message))
        });
        let Some((entry, message)) = found else { return Ticket::NONE };
        let stanza = Stanza::from(tombstone(message, retraction)).to_stored();
        let draft = Draft { with: entry.with(), flags: entry.flags() | Flags::TOMBSTONE, stanza: &stanza };
        let mut batch = Batch::new();
        archive.set(&mut batch, owner, entry.id, &draft);
        self.recorder.store.enqueue(batch)
    }
}

/// The retraction in a message between two people, and the id that it names.
fn retracts(stanza: &Stanza) -> Option<(&Message, &str)> {
    let Stanza::Message(message) = stanza else { return None };
    if !matches!(message.kind, MessageKind::Chat | MessageKind::Normal) {
        return None;
    }
    Some((message, message.payload("retract", ns::RETRACT)?.get("id")?))
}

/// The message of an entry, if it is the one that is taken back.
fn original(entry: &Entry, retraction: &Message, id: &str) -> Option<Message> {
    let bytes = entry.stanza();
    let element = parse::standalone(std::str::from_utf8(&bytes).ok()?).ok()?;
    let Ok(Stanza::Message(message)) = Stanza::read(element) else { return None };
    let same_occupant = occupant(&message) == occupant(retraction);
    let in_a_room = |message: &Message| message.payload("x", ns::MUC_USER).is_some();
    let same_nick = message.head.from == retraction.head.from && message.head.to == retraction.head.to;
    let same_author = same_occupant && (same_nick || !(in_a_room(&message) || in_a_room(retraction)));
    (message.head.id.as_deref() == Some(id) && same_author).then_some(message)
}

fn occupant(message: &Message) -> Option<&str> {
    message.payload("occupant-id", ns::OCCUPANT_ID)?.get("id")
}

/// §4: everything but whose it was is gone from it.
fn tombstone(mut message: Message, retraction: &Message) -> Message {
    message.payloads.retain(|payload| matches!(payload.ns().as_str(), ns::OCCUPANT_ID | ns::MUC_USER));
    message.head.extra.clear();
    let id = retraction.head.id.as_ref();
    let stamp = datetime::format(SystemTime::now());
    message.with(Element::new("retracted", ns::RETRACT).attr_opt("id", id).attr("stamp", stamp))
}

#[cfg(test)]
mod tests {
    use super::super::contacts::{Keeper, Limits};
    use super::super::probe::Probe;
    use super::super::record::Settings;
    use super::super::{archive, presence, roster};
    use super::*;
    use crate::sessions::Session;
    use rialto_store::archive::Archive;

    async fn kept(probe: &Probe, owner: &str) -> Vec<String> {
        let query = Query { max: 100, ..Query::default() };
        let page = Archive::new(&probe.store).query(owner, &query).await.unwrap();
        page.entries.iter().map(|entry| String::from_utf8(entry.stanza().to_vec()).unwrap()).collect()
    }

    fn probe() -> Probe {
        Probe::new(|store, accounts| {
            let recorder = Recorder::new(store, Settings::default());
            vec![
                Box::new(roster::new(&Arc::new(Keeper::new(store)), Limits::default())),
                Box::new(presence::new(accounts)),
                Box::new(archive::new(&recorder)),
                Box::new(new(&recorder)),
            ]
        })
    }

    async fn both(probe: &Probe) -> (Arc<Session>, Arc<Session>) {
        (probe.available("romeo@localhost/o").await, probe.available("juliet@localhost/b").await)
    }

    fn chat(to: &str, id: &str, inside: &str) -> String {
        format!("<message type='chat' to='{to}@localhost' id='{id}'>{inside}</message>")
    }

    const TAKE_BACK: &str = "<retract xmlns='urn:xmpp:message-retract:1' id='m1'/>";

    #[tokio::test]
    async fn words_that_are_taken_back_are_gone_from_both_archives() {
        let probe = probe();
        let (romeo, _juliet) = both(&probe).await;
        probe.sends(&romeo, &chat("juliet", "m1", "<body>secret</body>")).await;
        probe.store.caught_up().await;
        probe.sends(&romeo, &chat("juliet", "t1", TAKE_BACK)).await;
        for owner in ["romeo@localhost", "juliet@localhost"] {
            let kept = kept(&probe, owner).await;
            assert_eq!(kept.len(), 2, "{kept:?}");
            assert!(!kept[0].contains("secret") && kept[0].contains("<retracted"), "{kept:?}");
            assert!(kept[0].contains("id='t1'") && kept[1].contains("<retract "), "{kept:?}");
        }
    }

    #[tokio::test]
    async fn nobody_takes_back_the_words_of_another() {
        let probe = probe();
        let (romeo, juliet) = both(&probe).await;
        probe.sends(&romeo, &chat("juliet", "m1", "<body>stays</body>")).await;
        probe.store.caught_up().await;
        probe.sends(&juliet, &chat("romeo", "t1", TAKE_BACK)).await;
        probe.comes("<message type='chat' from='tybalt@x/y' to='juliet@localhost' id='t2'><retract xmlns='urn:xmpp:message-retract:1' id='m1'/></message>").await;
        for owner in ["romeo@localhost", "juliet@localhost"] {
            assert!(kept(&probe, owner).await[0].contains("stays"), "{owner}");
        }
    }
}
