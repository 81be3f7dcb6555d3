//! XEP-0313: Message Archive Management, for accounts; XEP-0359: Unique and Stable Stanza IDs.

mod fulltext;
pub mod prefs;
mod query;
mod retention;

use std::sync::Arc;

use rialto_store::StoreError;
use rialto_store::archive::Flags;
use rialto_xmpp::parts::stanza_id;
use rialto_xmpp::{Condition, Element, IqKind, MessageKind, Stanza, StanzaError, ns};

pub use query::{Reader, metadata};
pub use retention::purge;

use super::record::{Recorder, Worth, worth};
use super::{About, Also, Answer, Ask, Feature, Fut, IqSpec, Phase, Spec, Target, Turn, Verdict};
use crate::sessions::Account;

static ABOUT: About = About {
    spec: Spec::Xep(313, "1.1.3"),
    disco: &[
        (Target::Account, ns::MAM),
        (Target::Account, ns::MAM_EXTENDED),
        (Target::Account, ns::MAM_GROUPCHAT_FIELD),
        (Target::Account, ns::FULLTEXT),
        (Target::Account, ns::SID),
    ],
    iq: &[
        IqSpec::account_get(ns::MAM, "query"),
        IqSpec::account_set(ns::MAM, "query"),
        IqSpec::account_get(ns::MAM, "metadata"),
        IqSpec::account_get(ns::MAM, "prefs"),
        IqSpec::account_set(ns::MAM, "prefs"),
    ],
    at: &[Phase::Outbound, Phase::Inbound],
};

/// Without archives there is nothing to offer; forged ids are removed all the same.
static ABOUT_OFF: About =
    About { spec: Spec::Xep(313, "1.1.3"), disco: &[], iq: &[], at: &[Phase::Outbound, Phase::Inbound] };

/// Archives what accounts send and receive, and answers for it.
pub struct Archives {
    recorder: Arc<Recorder>,
}

/// The feature. Stands before `carbons` and `offline`: copies carry the id.
pub fn new(recorder: &Arc<Recorder>) -> Archives {
    Archives { recorder: recorder.clone() }
}

impl Feature for Archives {
    fn about(&self) -> &'static About {
        if self.recorder.settings.enabled { &ABOUT } else { &ABOUT_OFF }
    }

    fn load<'a>(&'a self, account: &'a Account) -> Fut<'a, Result<(), StoreError>> {
        Box::pin(async { self.recorder.load(account) })
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            // §6.2: nobody else's business.
            let account = ask.own()?.clone();
            match (ask.payload()?.name(), ask.iq.kind) {
                ("prefs", IqKind::Get) => Ok(Some(prefs::element(&account))),
                ("prefs", _) => self.set_prefs(ask, &account),
                _ => self.read(ask, &account).await,
            }
        })
    }

    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        let Stanza::Message(message) = &*turn.stanza else { return Verdict::Next };
        // §6.1.1: what one sends to oneself is archived once, when it arrives.
        let Some(to) = message.head.to.as_ref().filter(|to| to.bare_str() != turn.account.jid.as_str())
        else {
            return Verdict::Next;
        };
        if worth(message) == Worth::Archive && self.recorder.archives(turn.account, to) {
            let (id, ticket) = self.recorder.keep(turn.account, to, Flags::SENT, turn.stanza);
            turn.left.archived = Some(id);
            turn.left.wrote(ticket);
        }
        Verdict::Next
    }

    fn inbound(&self, turn: &mut Turn<'_>) -> Verdict {
        let Stanza::Message(message) = &mut *turn.stanza else { return Verdict::Next };
        let own = turn.account.jid.as_str();
        // XEP-0359 §3.1, rule 4: nobody but this account's server says what its ids are.
        stanza_id::strip(&mut message.payloads, own);
        if message.kind == MessageKind::Groupchat || worth(message) != Worth::Archive {
            return Verdict::Next;
        }
        // What nobody takes is archived when it is kept for later, or not at all (§6.1).
        let Some(from) = message.head.from.as_ref().filter(|_| !turn.takers.is_empty()) else {
            return Verdict::Next;
        };
        if self.recorder.archives(turn.account, from) {
            let from = from.clone();
            let (id, ticket) = self.recorder.keep(turn.account, &from, Flags::NONE, turn.stanza);
            turn.left.archived = Some(id);
            turn.left.wrote(ticket);
            if let Stanza::Message(message) = &mut *turn.stanza {
                message.payloads.push(stanza_id::stanza_id(&id.to_string(), own));
            }
        }
        Verdict::Next
    }
}

impl Archives {
    async fn read(&self, ask: &mut Ask<'_>, account: &Account) -> Result<Option<Element>, StanzaError> {
        let session = ask.session().ok_or(Condition::Forbidden)?;
        let Recorder { archive, settings, .. } = &*self.recorder;
        let reader = Reader { archive, owner: account.jid.as_str(), page: settings.page };
        let (results, answer) = reader.answer(ask.iq).await?;
        ask.left.also.extend(results.into_iter().map(|result| Also::Frame(session.clone(), result)));
        Ok(Some(answer))
    }
}

#[cfg(test)]
mod tests;
