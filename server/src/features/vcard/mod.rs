//! XEP-0054: vcard-temp; its photo is the avatar of XEP-0084, too (XEP-0398).

mod picture;
mod update;

use std::sync::Arc;

use rialto_store::{Batch, Store, StoreError, vcard};
use rialto_xmpp::{BareJid, Condition, Element, IqKind, Stanza, StanzaError, ns, parse};

use super::contacts::refresh;
pub(crate) use picture::sniffed;

use super::pubsub::PubSub;
use super::{About, Answer, Ask, Feature, Fut, IqSpec, Left, Phase, Spec, Target, Turn, Verdict};
use crate::sessions::{Account, Accounts};
use picture::{Follower, Picture};
use update::Hash;

static ABOUT: About = About {
    spec: Spec::Xep(54, "1.2"),
    disco: &[
        (Target::Server, ns::VCARD),
        (Target::Account, ns::VCARD),
        (Target::Account, ns::AVATAR_CONVERSION),
    ],
    iq: &[
        IqSpec::account_get(ns::VCARD, "vCard"),
        IqSpec::account_set(ns::VCARD, "vCard"),
        IqSpec::server_get(ns::VCARD, "vCard"),
    ],
    at: &[Phase::Outbound],
};

/// A vCard with a photo is not larger than this, in bytes.
const MAX_BYTES: usize = 192 * 1024;

/// Keeps what people tell of themselves; anybody may read it (§3.3).
pub struct VCard {
    cards: Arc<Cards>,
    pubsub: Arc<PubSub>,
}

/// vCards as they are kept, and what presence says of their photos.
struct Cards {
    store: Store,
    accounts: Arc<Accounts>,
    /// One change after another: a photo is put into a card that was read.
    change: tokio::sync::Mutex<()>,
}

/// The feature. Stands before `presence`, which shows what is put into it here.
pub fn new(store: &Store, accounts: &Arc<Accounts>, pubsub: &Arc<PubSub>) -> VCard {
    let change = tokio::sync::Mutex::default();
    let cards = Arc::new(Cards { store: store.clone(), accounts: accounts.clone(), change });
    let follower = Follower { cards: cards.clone(), pubsub: pubsub.clone() };
    pubsub.watch(ns::AVATAR_METADATA, Arc::new(Arc::new(follower)));
    VCard { cards, pubsub: pubsub.clone() }
}

impl VCard {
    async fn set(&self, ask: &mut Ask<'_>) -> Result<(), StanzaError> {
        let (account, card) = (ask.own()?.clone(), ask.payload()?);
        let picture = Picture::of_card(card);
        let before = self.cards.hash(&account);
        let hash = picture.as_ref().map_or("", |picture| picture.hash.as_str());
        {
            let _one = self.cards.change.lock().await;
            self.cards.keep(&account.jid, card, hash).await?;
        }
        if before.as_deref().unwrap_or_default() == hash {
            return Ok(());
        }
        // XEP-0398 §4.2. Whatever may keep the avatar from being published, the card is kept.
        if let Err(error) = picture::publish(&self.pubsub, &account.jid, picture.as_ref(), &mut ask.left) {
            tracing::info!(account = %account.jid, %error, "the photo of a vCard could not be published");
        }
        self.cards.show(&account.jid, hash, &mut ask.left);
        Ok(())
    }
}

impl Cards {
    /// The hash of the photo that an account in memory shows.
    fn hash(&self, account: &Account) -> Option<String> {
        account.extensions.get::<Hash>().map(|hash| hash.0.clone())
    }

    fn card(&self, owner: &str) -> Result<Option<Element>, StanzaError> {
        let kept = vcard::get(&self.store, owner).map_err(|_| Condition::InternalServerError)?;
        Ok(kept.and_then(|xml| parse::standalone(std::str::from_utf8(&xml).ok()?).ok()))
    }

    async fn keep(&self, owner: &BareJid, card: &Element, hash: &str) -> Result<(), StanzaError> {
        let card = card.to_xml();
        if card.len() > MAX_BYTES {
            let text = "The vCard is too large; use a smaller photo.";
            return Err(StanzaError::new(Condition::NotAcceptable, text));
        }
        let mut batch = Batch::new();
        vcard::put(&mut batch, owner.as_str(), card.as_bytes());
        vcard::put_photo(&mut batch, owner.as_str(), hash);
        self.store.commit(batch).await.map_err(|_| Condition::InternalServerError.into())
    }

    /// XEP-0398 §4.1: the photo of a card is replaced or taken away; everything else in it stays.
    async fn set_photo(
        &self,
        owner: &BareJid,
        photo: Option<(Element, String)>,
        left: &mut Left,
    ) -> Result<(), StanzaError> {
        let _one = self.change.lock().await;
        let mut card = match self.card(owner.as_str())? {
            Some(card) => card,
            None if photo.is_none() => return Ok(()),
            None => Element::new("vCard", ns::VCARD),
        };
        card.retain(|child| !child.is("PHOTO", ns::VCARD));
        let (photo, hash) = photo.unzip();
        let (card, hash) = (card.with_opt(photo), hash.unwrap_or_default());
        self.keep(owner, &card, &hash).await?;
        self.show(owner, &hash, left);
        Ok(())
    }

    /// XEP-0398 §5: presence says from now on which photo is shown, and who sees it is told now.
    fn show(&self, owner: &BareJid, hash: &str, left: &mut Left) {
        let Some(account) = self.accounts.get(owner.as_str()) else { return };
        if self.hash(&account).as_deref() == Some(hash) {
            return;
        }
        account.extensions.put(Hash(hash.to_owned()));
        refresh(&account, &self.accounts, |presence| update::put(presence, hash), left);
    }
}

impl Feature for VCard {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn load<'a>(&'a self, account: &'a Account) -> Fut<'a, Result<(), StoreError>> {
        Box::pin(async {
            if let Some(hash) = vcard::photo(&self.cards.store, account.jid.as_str())? {
                account.extensions.put(Hash(hash));
            }
            Ok(())
        })
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
            match (self.cards.card(account.jid.as_str())?, ask.own()) {
                (Some(card), _) => Ok(Some(card)),
                // §3.1: one's own that was never set is empty; another's is not there.
                (None, Ok(_)) => Ok(Some(Element::new("vCard", ns::VCARD))),
                (None, Err(_)) => Err(Condition::ItemNotFound.into()),
            }
        })
    }

    /// XEP-0398 §5: also presence to somebody by name, which is how rooms are entered.
    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        if let Stanza::Presence(presence) = &mut *turn.stanza {
            update::inject(turn.account, presence);
        }
        Verdict::Next
    }
}
