//! XEP-0060 §6.5: retrieving items.

use rialto_store::pubsub::Item;
use rialto_xmpp::parts::rsm;
use rialto_xmpp::{Condition, Element, Jid, StanzaError, ns, parse};

use super::access::Standing;
use super::home::{Mark, Node};
use super::refusal::{no_node, refusal};
use super::{Host, PubSub, failed};

/// An item as it was published.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// When, in microseconds since 1970.
    pub at: u64,
    /// By whom.
    pub by: String,
    /// What.
    pub payload: Option<Element>,
}

/// Which items somebody asks for.
#[derive(Default)]
pub(super) struct Wanted<'a> {
    /// These (§6.5.8); empty: all.
    pub ids: Vec<&'a str>,
    /// §6.5.7: so many of the newest.
    pub newest: Option<usize>,
    /// A page of them.
    pub page: Option<rsm::Query>,
}

/// Items, and what must be said of the set.
pub(super) struct Found {
    pub items: Vec<Entry>,
    pub set: Option<Element>,
}

/// A page of ids.
pub(super) struct Page {
    pub ids: Vec<String>,
    /// Place of the first in the whole set, and how many there are in all; `None`: the page is all that was asked for.
    pub of: Option<(usize, usize)>,
}

impl PubSub {
    /// All items of a node, oldest first; none if there is no such node. Nobody's rights are looked at.
    ///
    /// # Errors
    /// `internal-server-error` when the store fails.
    pub async fn items(&self, owner: &str, node: &str) -> Result<Vec<Entry>, StanzaError> {
        self.settle(owner).await?;
        let mut items = self.kept.items(owner, node).map_err(failed)?;
        items.sort_unstable_by_key(|(_, item)| item.at);
        Ok(items.iter().map(|(id, item)| Entry::read(id, item)).collect())
    }

    /// One item, by its id or, without one, the newest. Nobody's rights are looked at.
    ///
    /// # Errors
    /// `internal-server-error` when the store fails.
    pub async fn item(
        &self,
        owner: &str,
        node: &str,
        id: Option<&str>,
    ) -> Result<Option<Entry>, StanzaError> {
        self.settle(owner).await?;
        let newest = || {
            let home = self.home(owner)?;
            let state = home.state.lock();
            Ok::<_, StanzaError>(state.nodes.get(node).and_then(|node| node.record.last.clone()))
        };
        let Some(id) = id.map_or_else(newest, |id| Ok(Some(id.to_owned())))? else { return Ok(None) };
        let item = self.kept.item(owner, node, &id).map_err(failed)?;
        Ok(item.map(|item| Entry::read(&id, &item)))
    }

    /// Waits until what was written for an owner can be read.
    pub(super) async fn settle(&self, owner: &str) -> Result<(), StanzaError> {
        let newest = self.home(owner)?.state.lock().newest;
        // What failed is not there, which is what will be read.
        let _ = self.store.settled(newest).await;
        Ok(())
    }

    /// §6.5: what somebody asks for, if he may have it.
    pub(super) async fn retrieve(
        &self,
        host: Host<'_>,
        who: &Jid,
        name: &str,
        wanted: Wanted<'_>,
    ) -> Result<Found, StanzaError> {
        let page = self.chosen(host, who, name, &wanted)?;
        self.settle(host.owner()).await?;
        let (mut items, mut bytes) = (Vec::new(), 0);
        // Where not all fit into one answer, the newest of them do, or the first of a page that goes on after an item.
        let onward = wanted.page.as_ref().is_some_and(|page| page.before.is_none());
        let asked = page.ids.len();
        let ids: Vec<String> = if onward { page.ids } else { page.ids.into_iter().rev().collect() };
        for id in ids {
            let Some(item) = self.kept.item(host.owner(), name, &id).map_err(failed)? else { continue };
            bytes += item.xml.len();
            if bytes > self.limits.page && !items.is_empty() {
                break;
            }
            items.push(Entry::read(&id, &item));
        }
        if !onward {
            items.reverse();
        }
        let cut = items.len() < asked;
        let of = page.of.or_else(|| cut.then_some((0, asked)));
        let set = of.map(|(first, count)| {
            let first = if cut && !onward { first + asked - items.len() } else { first };
            let place = items.first().map(|entry| (entry.id.as_str(), Some(first)));
            rsm::answer(place, items.last().map(|entry| entry.id.as_str()), Some(count as u64))
        });
        Ok(Found { items, set })
    }

    /// The ids of what somebody asks for.
    fn chosen(
        &self,
        host: Host<'_>,
        who: &Jid,
        name: &str,
        wanted: &Wanted<'_>,
    ) -> Result<Page, StanzaError> {
        let relation = self.relation(host, who.bare_str());
        let home = self.home(host.owner())?;
        let mut state = home.state.lock();
        let node = state.nodes.get_mut(name).ok_or_else(no_node)?;
        Standing::new(&relation, node, who.bare_str()).may_read(&node.record.config)?;
        let ids = self.living(host.owner(), name, node)?;
        if !wanted.ids.is_empty() {
            let ids = ids.into_iter().filter(|id| wanted.ids.contains(&id.as_str())).collect();
            return Ok(Page { ids, of: None });
        }
        let ids = match wanted.newest {
            Some(most) => ids.into_iter().rev().take(most).rev().collect(),
            None => ids,
        };
        match &wanted.page {
            Some(query) => page(ids, query),
            None => Ok(Page { ids, of: None }),
        }
    }

    /// The ids of a node's items, oldest first, without those that have expired.
    pub(super) fn living(
        &self,
        owner: &str,
        name: &str,
        node: &mut Node,
    ) -> Result<Vec<String>, StanzaError> {
        let expire = node.record.config.expire;
        let index = node.index(&self.kept, owner, name).map_err(failed)?;
        let since =
            expire.map_or(0, |seconds| self.store.stamp().saturating_sub(seconds.saturating_mul(1_000_000)));
        let mut living: Vec<(&String, &Mark)> = index.iter().filter(|(_, mark)| mark.at >= since).collect();
        living.sort_unstable_by_key(|(_, mark)| mark.at);
        Ok(living.into_iter().map(|(id, _)| id.clone()).collect())
    }
}

/// XEP-0059: one page of the ids.
pub(super) fn page(ids: Vec<String>, query: &rsm::Query) -> Result<Page, StanzaError> {
    let count = ids.len();
    let place = |id: &String| ids.iter().position(|other| other == id).ok_or(Condition::ItemNotFound);
    let most = query.max.unwrap_or(count);
    let (from, to) = match query {
        rsm::Query { after: Some(after), .. } => {
            let from = place(after)? + 1;
            (from, from.saturating_add(most).min(count))
        }
        rsm::Query { before: Some(before), .. } => {
            let to = if before.is_empty() { count } else { place(before)? };
            (to.saturating_sub(most), to)
        }
        rsm::Query { index: Some(index), .. } => {
            if *index > count {
                return Err(Condition::ItemNotFound.into());
            }
            (*index, index.saturating_add(most).min(count))
        }
        _ => (0, most.min(count)),
    };
    let ids = ids.into_iter().skip(from).take(to.saturating_sub(from)).collect();
    Ok(Page { ids, of: Some((from, count)) })
}

impl Entry {
    /// As it is kept. A payload that cannot be read any more is as good as none.
    pub(super) fn read(id: &str, item: &Item) -> Entry {
        let payload = (!item.xml.is_empty()).then(|| parse::standalone(&item.xml).ok()).flatten();
        Entry { id: id.to_owned(), at: item.at, by: item.by.clone(), payload }
    }

    /// The `<item/>` of an answer or of an event. §7.1.2.3: `publisher` is what the server knows, and told where it is
    /// not the owner of an account.
    pub(super) fn element(&self, host: Host<'_>, ns: &'static str, with_payload: bool) -> Element {
        let by = self.by.split('/').next().unwrap_or_default();
        let told = !host.is_account() || by != host.owner();
        Element::new("item", ns)
            .attr("id", &self.id)
            .attr_opt("publisher", told.then_some(by))
            .with_opt(self.payload.clone().filter(|_| with_payload))
    }
}

/// §6.5: reads what is asked for from the request.
pub(super) fn wanted<'a>(pubsub: &'a Element, items: &'a Element) -> Result<Wanted<'a>, StanzaError> {
    let named = items.children().filter(|child| child.is("item", ns::PUBSUB));
    let ids: Option<Vec<&str>> = named.map(|item| item.get("id")).collect();
    let newest = match items.get("max_items").map(str::parse) {
        None => None,
        Some(Ok(most)) if most > 0 => Some(most),
        Some(_) => return Err(Condition::BadRequest.into()),
    };
    let ids = ids.ok_or_else(|| refusal(Condition::BadRequest, "item-required"))?;
    Ok(Wanted { ids, newest, page: rsm::Query::read(pubsub)? })
}
