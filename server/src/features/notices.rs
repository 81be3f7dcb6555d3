//! XEP-0133 §4.24: the message of the day, for everybody who comes, once.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rialto_store::notices::{self, Kind, Notice};
use rialto_store::{Batch, Store, StoreError};
use rialto_xmpp::{Element, Jid, Message, MessageKind, ns};

use super::{About, Feature, Fut, Phase, Spec, Turn, Verdict};
use crate::sessions::Account;

static ABOUT: About =
    About { spec: Spec::Own("the message of the day"), disco: &[], iq: &[], at: &[Phase::Available] };

/// The message of the day, as all know it: whoever sets it, and whoever shows it.
pub struct OfTheDay {
    store: Store,
    now: ArcSwapOption<Notice>,
}

impl OfTheDay {
    /// As it was when the server stopped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(store: &Store) -> Result<Arc<OfTheDay>, StoreError> {
        let now = notices::get(store, Kind::OfTheDay)?.map(Arc::new);
        Ok(Arc::new(OfTheDay { store: store.clone(), now: ArcSwapOption::from(now) }))
    }

    /// What it says now.
    pub fn text(&self) -> Option<String> {
        self.now.load().as_ref().map(|notice| notice.text.clone())
    }

    /// Sets another one; `None`: there is none any more.
    ///
    /// # Errors
    /// [`StoreError`]; nothing changes then.
    pub async fn set(&self, text: Option<String>) -> Result<(), StoreError> {
        let notice = text.map(|text| Notice { id: self.store.stamp(), text });
        let mut batch = Batch::new();
        notices::put(&mut batch, Kind::OfTheDay, notice.as_ref())?;
        self.store.commit(batch).await?;
        self.now.store(notice.map(Arc::new));
        Ok(())
    }
}

/// Shows the message of the day.
pub struct Notices {
    day: Arc<OfTheDay>,
}

impl Notices {
    /// Shows this one.
    pub fn new(day: &Arc<OfTheDay>) -> Notices {
        Notices { day: day.clone() }
    }
}

/// An extension of the account: which one it has heard.
struct Heard(u64);

impl Feature for Notices {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn load<'a>(&'a self, account: &'a Account) -> Fut<'a, Result<(), StoreError>> {
        Box::pin(async move {
            if self.day.now.load().is_some()
                && let Some(id) = notices::heard(&self.day.store, account.jid.as_str())?
            {
                account.extensions.put(Heard(id));
            }
            Ok(())
        })
    }

    fn available(&self, turn: &mut Turn<'_>) -> Verdict {
        let Some(notice) = self.day.now.load_full() else { return Verdict::Next };
        let (account, Some(session)) = (turn.account, turn.session) else { return Verdict::Next };
        if account.extensions.get::<Heard>().is_some_and(|heard| heard.0 == notice.id) {
            return Verdict::Next;
        }
        let Ok(from) = Jid::parse(account.jid.as_jid().domainpart()) else { return Verdict::Next };
        let body = Element::new("body", ns::CLIENT).with_text(&*notice.text);
        turn.left.direct(session, Message::new(MessageKind::Normal, &from, &session.jid).with(body));
        account.extensions.put(Heard(notice.id));
        let mut batch = Batch::new();
        if notices::hear(&mut batch, account.jid.as_str(), notice.id).is_ok() {
            turn.left.wrote(self.day.store.enqueue(batch));
        }
        Verdict::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_the_same_after_a_restart_until_it_is_taken_back() {
        let store = Store::memory();
        let day = OfTheDay::open(&store).unwrap();
        assert_eq!(day.text(), None);
        day.set(Some("Beware the ides of March.".into())).await.unwrap();
        assert_eq!(OfTheDay::open(&store).unwrap().text().as_deref(), Some("Beware the ides of March."));
        day.set(None).await.unwrap();
        assert_eq!((day.text(), OfTheDay::open(&store).unwrap().text()), (None, None));
    }
}
