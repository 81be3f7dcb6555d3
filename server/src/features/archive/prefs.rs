//! XEP-0441: Message Archive Management Preferences.

use rialto_store::Batch;
use rialto_store::prefs::{self, Archived, Prefs};
use rialto_xmpp::{Condition, Element, Jid, StanzaError, ns};

use super::Archives;
use crate::features::Ask;
use crate::features::record::Wishes;
use crate::sessions::Account;

/// JIDs on one list.
const MOST_JIDS: usize = 500;

impl Archives {
    /// §2.1: sets them; the answer is what holds from now on.
    pub(super) fn set_prefs(
        &self,
        ask: &mut Ask<'_>,
        account: &Account,
    ) -> Result<Option<Element>, StanzaError> {
        let prefs = read(ask.payload()?)?;
        let mut batch = Batch::new();
        prefs::put(&mut batch, account.jid.as_str(), &prefs).map_err(|_| Condition::InternalServerError)?;
        ask.left.wrote(self.recorder.store.enqueue(batch));
        account.extensions.put(Wishes(prefs));
        Ok(Some(element(account)))
    }
}

/// What an account wants.
pub(super) fn element(account: &Account) -> Element {
    let wishes = account.extensions.get::<Wishes>().unwrap_or_default();
    shown(&wishes.0)
}

/// §2: preferences as they are told.
pub fn shown(prefs: &Prefs) -> Element {
    let default = match prefs.default {
        Archived::Always => "always",
        Archived::Never => "never",
        Archived::Roster => "roster",
    };
    let list = |name: &'static str, jids: &[String]| {
        let jids = jids.iter().map(|jid| Element::new("jid", ns::MAM).with_text(jid.as_str()));
        Element::new(name, ns::MAM).with_all(jids)
    };
    Element::new("prefs", ns::MAM)
        .attr("default", default)
        .with(list("always", &prefs.always))
        .with(list("never", &prefs.never))
}

/// Reads preferences as they are told.
///
/// # Errors
/// `bad-request`
pub fn read(payload: &Element) -> Result<Prefs, StanzaError> {
    let default = match payload.get("default") {
        Some("always") => Archived::Always,
        Some("never") => Archived::Never,
        Some("roster") => Archived::Roster,
        _ => return Err(StanzaError::new(Condition::BadRequest, "The default is always, never or roster.")),
    };
    Ok(Prefs { default, always: jids(payload, "always")?, never: jids(payload, "never")? })
}

fn jids(payload: &Element, list: &str) -> Result<Vec<String>, StanzaError> {
    let listed = payload.child(list, ns::MAM).into_iter().flat_map(Element::children);
    let mut jids = Vec::new();
    for text in listed.filter(|child| child.is("jid", ns::MAM)).map(Element::text) {
        if jids.len() == MOST_JIDS {
            let text = format!("A list holds {MOST_JIDS} addresses at most.");
            return Err(StanzaError::new(Condition::ResourceConstraint, text));
        }
        let jid = Jid::parse(text.trim()).map_err(|_| StanzaError::from(Condition::JidMalformed))?;
        jids.push(jid.as_str().to_owned());
    }
    jids.sort_unstable();
    jids.dedup();
    Ok(jids)
}
