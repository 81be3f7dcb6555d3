//! XEP-0045 §6.1 – §6.3: what the domain of rooms answers itself; and what an operator asks of it.

use std::cmp::Ordering;

use rialto_store::StoreError;
use rialto_xmpp::parts::rsm;
use rialto_xmpp::{BareJid, Condition, Element, Iq, IqKind, Jid, Stanza, StanzaError, ns};

use super::affiliation::Affiliation;
use super::config::Config;
use super::host::{Listed, MucHost, reply};
use super::policy::Opening;
use super::record::Record;
use super::room::{Input, State};
use crate::router::{Delivery, undelivered};

/// Rooms told at once.
const PAGE: usize = 100;

/// What the domain itself can do.
const FEATURES: &[&str] = &[
    ns::DISCO_INFO,
    ns::DISCO_ITEMS,
    ns::RSM,
    ns::MUC,
    ns::MUC_STABLE_ID,
    ns::MUC_SELF_PING,
    ns::OCCUPANT_ID,
    ns::SID,
    ns::MAM,
    ns::PING,
    ns::VCARD,
    ns::SEARCH,
];

impl MucHost {
    /// A stanza for the domain itself.
    pub(super) async fn to_service(&self, stanza: Stanza) -> Delivery {
        let Stanza::Iq(iq) = &stanza else {
            // Presence to the domain says nothing; nobody is there to talk to.
            let silent = matches!(stanza, Stanza::Presence(_)) || !stanza.may_bounce();
            return if silent { Ok(()) } else { undelivered(stanza, Condition::ServiceUnavailable) };
        };
        if !stanza.may_bounce() {
            return Ok(());
        }
        match self.answer(iq).await {
            Ok(payload) => {
                reply(&self.router, iq.result(payload).into()).await;
                Ok(())
            }
            Err(error) => undelivered(stanza, error),
        }
    }

    async fn answer(&self, iq: &Iq) -> Result<Option<Element>, StanzaError> {
        let unavailable = || StanzaError::from(Condition::ServiceUnavailable);
        let payload = iq.payload().ok_or_else(unavailable)?;
        let from = iq.head.from.as_ref().ok_or(Condition::BadRequest)?;
        let get = iq.kind == IqKind::Get;
        match (payload.name(), payload.ns().as_str()) {
            ("query", ns::DISCO_INFO) if get && payload.get("node").is_none() => Ok(Some(self.information())),
            ("query", ns::DISCO_ITEMS) if get && payload.get("node").is_none() => {
                self.items(payload).map(Some)
            }
            ("query", ns::DISCO_INFO | ns::DISCO_ITEMS) if get => {
                let answer = self.policy.answer(payload, from).await;
                answer.unwrap_or_else(|| Err(Condition::ItemNotFound.into()))
            }
            ("search", ns::SEARCH) if get => self.channel_search(payload).map(Some),
            ("ping", ns::PING) if get => Ok(None),
            ("vCard", ns::VCARD) if get => Ok(Some(self.card())),
            ("query", ns::VERSION) if get && self.tells_version => Ok(Some(version())),
            _ => self.policy.answer(payload, from).await.unwrap_or_else(|| Err(unavailable())),
        }
    }

    /// §6.2.
    fn information(&self) -> Element {
        let identity = |category: &str, kind: &str| {
            let identity = Element::new("identity", ns::DISCO_INFO);
            identity.attr("category", category).attr("type", kind).attr("name", &self.name)
        };
        let feature = |var: &str| Element::new("feature", ns::DISCO_INFO).attr("var", var);
        let more = self.policy.identities().iter().map(|(category, kind)| identity(category, kind));
        let features = FEATURES.iter().chain(self.policy.features());
        Element::new("query", ns::DISCO_INFO)
            .with(identity("conference", "text"))
            .with_all(more)
            .with_all(features.map(|var| feature(var)))
    }

    /// §6.3: the public rooms, in the order of their addresses, a page of them (XEP-0059).
    fn items(&self, query: &Element) -> Result<Element, StanzaError> {
        let set = rsm::Query::read(query)?;
        let asked = set.is_some();
        let set = set.unwrap_or_default();
        let listing = self.works.listing.lock();
        let public: Vec<(&BareJid, &Listed)> = listing.iter().filter(|(_, listed)| listed.public).collect();
        let most = set.max.unwrap_or(PAGE).min(PAGE);
        let from = |id: &String, side: Ordering| {
            public.partition_point(|(jid, _)| {
                let order = jid.as_str().cmp(id.as_str());
                order == Ordering::Less || order == side
            })
        };
        let (start, end) = match (&set.after, &set.before, set.index) {
            (Some(after), ..) => (from(after, Ordering::Equal), public.len()),
            (None, Some(before), _) => {
                let end = if before.is_empty() { public.len() } else { from(before, Ordering::Less) };
                (end.saturating_sub(most), end)
            }
            (None, None, Some(index)) => (index.min(public.len()), public.len()),
            (None, None, None) => (0, public.len()),
        };
        let page = public.get(start..end.min(start + most)).unwrap_or_default();
        let items = page.iter().map(|(jid, listed)| {
            let name = (!listed.name.is_empty()).then_some(listed.name.as_str()).or(jid.localpart());
            Element::new("item", ns::DISCO_ITEMS).attr("jid", jid).attr_opt("name", name)
        });
        let ends = page.first().zip(page.last()).map(|(first, last)| (first.0.as_str(), last.0.as_str()));
        let set = rsm::answer(
            ends.map(|(first, _)| (first, Some(start))),
            ends.map(|(_, last)| last),
            Some(public.len() as u64),
        );
        let partial = asked || page.len() < public.len();
        // What is no room stands on the last page.
        let last = start + page.len() == public.len();
        let more = if last { self.policy.items() } else { Vec::new() };
        Ok(Element::new("query", ns::DISCO_ITEMS)
            .with_all(items)
            .with_all(more)
            .with_opt(partial.then_some(set)))
    }

    fn card(&self) -> Element {
        let name = Element::new("FN", ns::VCARD).with_text(self.name.as_str());
        let what = Element::new("DESC", ns::VCARD).with_text("Rooms where people talk.");
        Element::new("vCard", ns::VCARD).with(name).with(what)
    }

    /// For an operator: every room there is, hidden ones, too.
    pub fn list(&self) -> Vec<(BareJid, Listed)> {
        self.works.listing.lock().iter().map(|(jid, listed)| (jid.clone(), listed.clone())).collect()
    }

    /// For an operator: makes a room that persists. `false`: there is one already.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be kept.
    pub async fn create(
        &self,
        room: &BareJid,
        config: Config,
        owner: Option<&BareJid>,
    ) -> Result<bool, StoreError> {
        if self.room(room).await?.is_some() {
            return Ok(false);
        }
        let mut record = Record { config: Config { persistent: true, ..config }, ..Record::default() };
        if let Some(owner) = owner {
            record.set_affiliation(owner, Affiliation::Owner, None);
        }
        self.open_room(room, Opening { record, state: State::Open, links: Vec::new() }).await?;
        Ok(true)
    }

    /// For an operator: ends a room; whoever is in it is told. `false`: there is none.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn destroy(&self, room: &BareJid, reason: Option<String>) -> Result<bool, StoreError> {
        let Some(mailbox) = self.room(room).await? else { return Ok(false) };
        let sent = mailbox.send(Input::Destroy { reason }).await.is_ok();
        mailbox.done().await;
        Ok(sent)
    }

    /// Its domain.
    pub fn domain(&self) -> &Jid {
        &self.domain
    }
}

fn version() -> Element {
    Element::new("query", ns::VERSION)
        .with(Element::new("name", ns::VERSION).with_text("Rialto"))
        .with(Element::new("version", ns::VERSION).with_text(env!("CARGO_PKG_VERSION")))
}
