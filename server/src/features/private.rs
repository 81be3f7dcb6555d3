//! XEP-0049: Private XML Storage; bookmarks in it are those of XEP-0402.

use std::sync::Arc;

use rialto_store::{Batch, Store, private};
use rialto_xmpp::{Condition, Element, StanzaError, ns, parse};

use super::bookmarks::Bookmarks;
use super::{About, Answer, Ask, Feature, IqSpec, Spec, Target};

static ABOUT: About = About {
    spec: Spec::Xep(49, "1.2"),
    disco: &[
        (Target::Server, ns::PRIVATE),
        (Target::Account, ns::PRIVATE),
        (Target::Account, ns::BOOKMARKS_COMPAT),
        (Target::Account, ns::BOOKMARKS_COMPAT_PEP),
        (Target::Account, ns::BOOKMARKS_CONVERSION),
    ],
    iq: &[IqSpec::account_get(ns::PRIVATE, "query"), IqSpec::account_set(ns::PRIVATE, "query")],
    at: &[],
};

/// Bytes that one account may store in all.
const MAX_BYTES: usize = 256 * 1024;

/// Keeps XML for its owner.
pub struct Private {
    store: Store,
    bookmarks: Arc<Bookmarks>,
}

impl Private {
    /// Keeps it here.
    pub fn new(store: &Store, bookmarks: Arc<Bookmarks>) -> Private {
        Private { store: store.clone(), bookmarks }
    }
}

impl Feature for Private {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            let account = ask.own()?.clone();
            let mut items = ask.payload()?.children();
            // §2.2, §2.3: one element, in a namespace of its own.
            let (Some(item), None) = (items.next(), items.next()) else {
                return Err(Condition::NotAcceptable.into());
            };
            if item.ns().is_empty() || *item.ns() == *ns::PRIVATE || item.ns().starts_with(ns::CLIENT) {
                return Err(Condition::NotAcceptable.into());
            }
            let (jid, key) = (account.jid.as_str(), format!("{} {}", item.ns().as_str(), item.name()));
            if ask.iq.kind == rialto_xmpp::IqKind::Set {
                self.keep(jid, &key, item).await?;
                if item.is("storage", ns::BOOKMARKS_OLD) {
                    let storage = item.clone();
                    self.bookmarks.replace(&account.jid, &storage, &mut ask.left).await?;
                }
                return Ok(None);
            }
            let kept = private::get(&self.store, jid, &key).map_err(|_| Condition::InternalServerError)?;
            let kept = kept.and_then(|xml| parse::standalone(std::str::from_utf8(&xml).ok()?).ok());
            if item.is("storage", ns::BOOKMARKS_OLD)
                && let Some(list) = self.bookmarks.collated(&account.jid, kept.as_ref()).await?
            {
                return Ok(Some(Element::new("query", ns::PRIVATE).with(list)));
            }
            let empty = || Element::new(item.name(), item.ns());
            Ok(Some(Element::new("query", ns::PRIVATE).with(kept.unwrap_or_else(empty))))
        })
    }
}

impl Private {
    async fn keep(&self, jid: &str, key: &str, item: &Element) -> Result<(), StanzaError> {
        let xml = item.to_xml();
        let (_, bytes) = private::size(&self.store, jid).map_err(|_| Condition::InternalServerError)?;
        if bytes + xml.len() > MAX_BYTES {
            return Err(StanzaError::new(Condition::ResourceConstraint, "Your private storage is full."));
        }
        let mut batch = Batch::new();
        private::put(&mut batch, jid, key, xml.as_bytes());
        self.store.commit(batch).await.map_err(|_| Condition::InternalServerError.into())
    }
}
