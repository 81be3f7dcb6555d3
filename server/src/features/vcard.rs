//! XEP-0054: vcard-temp.

use rialto_store::{Batch, Store, vcard};
use rialto_xmpp::{Condition, Element, IqKind, StanzaError, ns, parse};

use super::{About, Answer, Ask, Feature, IqSpec, Spec, Target};

static ABOUT: About = About {
    spec: Spec::Xep(54, "1.2"),
    disco: &[(Target::Server, ns::VCARD), (Target::Account, ns::VCARD)],
    iq: &[
        IqSpec::account_get(ns::VCARD, "vCard"),
        IqSpec::account_set(ns::VCARD, "vCard"),
        IqSpec::server_get(ns::VCARD, "vCard"),
    ],
    at: &[],
};

/// A vCard with a photo is not larger than this, in bytes.
const MAX_BYTES: usize = 192 * 1024;

/// Keeps what people tell of themselves; anybody may read it (§3.3).
pub struct VCard {
    store: Store,
}

impl VCard {
    /// Keeps it here.
    pub fn new(store: &Store) -> VCard {
        VCard { store: store.clone() }
    }

    async fn set(&self, ask: &Ask<'_>) -> Result<(), StanzaError> {
        let (account, card) = (ask.own()?, ask.payload()?.to_xml());
        if card.len() > MAX_BYTES {
            return Err(StanzaError::new(
                Condition::NotAcceptable,
                "The vCard is too large; use a smaller photo.",
            ));
        }
        let mut batch = Batch::new();
        vcard::put(&mut batch, account.jid.as_str(), card.as_bytes());
        self.store.commit(batch).await.map_err(|_| Condition::InternalServerError.into())
    }
}

impl Feature for VCard {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            if ask.iq.kind == IqKind::Set {
                self.set(ask).await?;
                return Ok(None);
            }
            let Some(account) = ask.account else {
                let name = Element::new("FN", ns::VCARD).with_text("Rialto");
                return Ok(Some(Element::new("vCard", ns::VCARD).with(name)));
            };
            let kept =
                vcard::get(&self.store, account.jid.as_str()).map_err(|_| Condition::InternalServerError)?;
            let kept = kept.and_then(|xml| parse::standalone(std::str::from_utf8(&xml).ok()?).ok());
            match (kept, ask.own()) {
                (Some(card), _) => Ok(Some(card)),
                // §3.1: one's own that was never set is empty; another's is not there.
                (None, Ok(_)) => Ok(Some(Element::new("vCard", ns::VCARD))),
                (None, Err(_)) => Err(Condition::ItemNotFound.into()),
            }
        })
    }
}
